//! Who may call the admin API: everybody on loopback, elsewhere who knows the token. The token is
//! never logged and compared in constant time.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use http::header::{AUTHORIZATION, ORIGIN};
use http_api::{Code, Problem};
use subtle::ConstantTimeEq;

/// Shortest token, in bytes: as many as 128 random bits have hexadecimal digits.
const TOKEN_BYTES_MIN: usize = 32;
/// Longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 512;

/// Why the admin API is not opened.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be read.
    #[error("cannot read the admin token {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error(
        "the admin token {} must be one word of {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} visible \
         ASCII characters: `openssl rand -hex 32` makes one", path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
    },
    /// Others could reach the operator's orders.
    #[error(
        "admin_listen {listen} is beyond loopback: set admin_token_file, or listen on 127.0.0.1"
    )]
    Open {
        /// The address.
        listen: SocketAddr,
    },
}

/// Who may call.
#[derive(Clone)]
pub struct Access {
    token: Option<Arc<[u8]>>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("token", &self.token.is_some()).finish()
    }
}

impl Access {
    /// From the address that is listened on, and the file with the token, if any.
    ///
    /// # Errors
    /// [`AccessError`]: an unusable file, or none where one is needed.
    pub fn new(listen: SocketAddr, token_file: Option<&Path>) -> Result<Self, AccessError> {
        match token_file {
            Some(path) => Ok(Self { token: Some(read_token(path)?.into_bytes().into()) }),
            None if listen.ip().is_loopback() => Ok(Self { token: None }),
            None => Err(AccessError::Open { listen }),
        }
    }

    fn allows(&self, request: &Request) -> bool {
        let Some(token) = &self.token else { return true };
        let given = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
        given
            .and_then(|value| value.strip_prefix(b"Bearer "))
            .is_some_and(|given| bool::from(given.ct_eq(token)))
    }
}

/// Reads a token from its file; a line end after it is no part of it.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_token(path: &Path) -> Result<String, AccessError> {
    let read = |source| AccessError::Read { path: path.to_owned(), source };
    let token = fs::read_to_string(path).map_err(read)?.trim_end().to_owned();
    let fits = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len());
    if fits && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(token);
    }
    Err(AccessError::Shape { path: path.to_owned() })
}

/// The layer in front of the admin API.
pub(crate) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    use axum::response::IntoResponse as _;
    if !access.allows(&request) {
        return Problem::new(Code::Unauthenticated)
            .detail("Send the admin token as Authorization: Bearer")
            .into_response();
    }
    // No page of a browser has business here; one that reaches loopback is an attack.
    if request.method() != Method::GET && request.headers().contains_key(ORIGIN) {
        return Problem::new(Code::Csrf).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(listen: &str, token: Option<&str>) -> Result<Access, AccessError> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("token");
        if let Some(token) = token {
            fs::write(&file, token).expect("write");
        }
        let listen = listen.parse().expect("an address");
        Access::new(listen, token.map(|_| file.as_path()))
    }

    fn asks(header: Option<&str>) -> Request {
        let mut request = Request::builder().uri("/admin/v1/nodes");
        if let Some(header) = header {
            request = request.header(AUTHORIZATION, header);
        }
        request.body(axum::body::Body::empty()).expect("a request")
    }

    #[test]
    fn beyond_loopback_a_token_is_needed() {
        let token = "0123456789abcdef0123456789abcdef";
        assert!(matches!(access("10.0.0.1:9101", None), Err(AccessError::Open { .. })));
        assert!(matches!(access("0.0.0.0:9101", None), Err(AccessError::Open { .. })));
        assert!(access("127.0.0.1:9101", None).expect("open").allows(&asks(None)));
        assert!(access("[::1]:9101", None).is_ok());
        let guarded = access("10.0.0.1:9101", Some(&format!("{token}\n"))).expect("closed");
        assert!(guarded.allows(&asks(Some(&format!("Bearer {token}")))));
        for wrong in
            [None, Some("Bearer "), Some(token), Some("Bearer 0123456789abcdef0123456789abcdeX")]
        {
            assert!(!guarded.allows(&asks(wrong)), "{wrong:?}");
        }
        assert!(!format!("{guarded:?}").contains(token));
    }

    #[test]
    fn a_weak_token_is_refused() {
        for weak in ["", "secret", "0123456789abcdef 0123456789abcdef", &"x".repeat(513)] {
            let refused = access("127.0.0.1:1", Some(weak));
            assert!(matches!(refused, Err(AccessError::Shape { .. })), "{weak}");
        }
    }
}
