//! What a browser may do with our pages: the headers that the router puts on each of them.
//!
//! The policy stands on the promise that no template holds an inline script, style or handler; the
//! page tests check that promise. It must never be loosened to make a template easier to write.

/// The value of `Content-Security-Policy` for every page. `data:` images are the tickets' QR codes.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
     manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a drawing that is opened by itself: it may do nothing at all.
pub const POLICY_OF_A_PICTURE: &str = "default-src 'none'; frame-ancestors 'none'";

/// The other headers every page carries, by lower-case name. Order pages hold a bearer's address,
/// therefore nothing of it may leave in a `Referer`.
pub const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
];

/// What takes the place of `permissions-policy` on the one page that may look through a camera: the
/// door's, where a steward asks for it.
pub const PERMISSIONS_OF_THE_DOOR: &str =
    "camera=(self), geolocation=(), microphone=(), payment=()";
