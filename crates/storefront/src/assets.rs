//! The files behind the pages: scripts, style sheet, icon; embedded, versioned, never changing.
//!
//! All files live under one version, the hash of everything together: scripts import each other by
//! relative address, so one prefix carries the whole set from one build. This module must never
//! read the disk at run time.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const MANIFEST: &str = "application/manifest+json";

/// Files with an address of their own beside the versioned one: what a browser asks for by itself,
/// and the worker, whose address says which pages it may answer for.
const AT_ROOT: &[(&str, &str)] = &[
    ("/favicon.ico", "icon.svg"),
    ("/manifest.webmanifest", "manifest.webmanifest"),
    ("/worker.js", "worker.js"),
];

/// Hexadecimal digits of a hash that go into addresses: 64 bits tell builds apart with ease.
const HASH_DIGITS: usize = 16;

/// A file to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The file's name without folders, such as `event.js`.
    pub name: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The file's content.
    pub bytes: &'static [u8],
    /// The value of `ETag`, quotes included.
    pub etag: String,
    /// Whether the address names this very content, so that it may be cached for a year
    /// (`public, max-age=31536000, immutable`); otherwise it must be revalidated (`no-cache`).
    pub immutable: bool,
}

impl Asset {
    /// The value of `Cache-Control`.
    pub const fn cache_control(&self) -> &'static str {
        if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" }
    }
}

/// Embeds files of the folder `assets`, each with its content type.
macro_rules! embed {
    ($($name:literal: $kind:expr),+ $(,)?) => {
        &[$(($name, $kind, include_bytes!(concat!("../assets/", $name)).as_slice())),+]
    };
}

const FILES: &[(&str, &str, &[u8])] = embed! {
    "account-notify.js": SCRIPT,
    "account-orders.js": SCRIPT,
    "account-privacy.js": SCRIPT,
    "account-profile.js": SCRIPT,
    "account-security.js": SCRIPT,
    "account-tickets.js": SCRIPT,
    "account.js": SCRIPT,
    "api.js": SCRIPT,
    "areas.js": SCRIPT,
    "bitmap.js": SCRIPT,
    "buyer.js": SCRIPT,
    "chart.js": SCRIPT,
    "checkout.js": SCRIPT,
    "clock.js": SCRIPT,
    "countdown.js": SCRIPT,
    "csv.js": SCRIPT,
    "dom.js": SCRIPT,
    "draw.js": SCRIPT,
    "event-late.js": SCRIPT,
    "event.js": SCRIPT,
    "forms.js": SCRIPT,
    "hold.js": SCRIPT,
    "home.js": SCRIPT,
    "icon.svg": PICTURE,
    "keep.js": SCRIPT,
    "list.js": SCRIPT,
    "live.js": SCRIPT,
    "manifest.webmanifest": MANIFEST,
    "me.js": SCRIPT,
    "messages.js": SCRIPT,
    "metrics.js": SCRIPT,
    "money.js": SCRIPT,
    "more.js": SCRIPT,
    "nearest.js": SCRIPT,
    "offline.js": SCRIPT,
    "order.js": SCRIPT,
    "orderstate.js": SCRIPT,
    "outlook.js": SCRIPT,
    "pay.js": SCRIPT,
    "plan.js": SCRIPT,
    "problem.js": SCRIPT,
    "register.js": SCRIPT,
    "reset.js": SCRIPT,
    "retry.js": SCRIPT,
    "room.js": SCRIPT,
    "saleclock.js": SCRIPT,
    "seatmap.js": SCRIPT,
    "seats.js": SCRIPT,
    "selection.js": SCRIPT,
    "session.js": SCRIPT,
    "shop.css": STYLE,
    "signin.js": SCRIPT,
    "staff-artists.js": SCRIPT,
    "staff-audit.js": SCRIPT,
    "staff-board.js": SCRIPT,
    "staff-door.js": SCRIPT,
    "staff-doorcam.js": SCRIPT,
    "staff-doorlist.js": SCRIPT,
    "staff-doorlock.js": SCRIPT,
    "staff-eventform.js": SCRIPT,
    "staff-events.js": SCRIPT,
    "staff-orders.js": SCRIPT,
    "staff-plans.js": SCRIPT,
    "staff-seats.js": SCRIPT,
    "staff-shelf.js": SCRIPT,
    "staff-venues.js": SCRIPT,
    "staff-room.js": SCRIPT,
    "staff-work.js": SCRIPT,
    "staff.js": SCRIPT,
    "stepper.js": SCRIPT,
    "ticket.js": SCRIPT,
    "ticker.js": SCRIPT,
    "tickets.js": SCRIPT,
    "timeline.js": SCRIPT,
    "told.js": SCRIPT,
    "tray.js": SCRIPT,
    "viewport.js": SCRIPT,
    "waitlist.js": SCRIPT,
    "when.js": SCRIPT,
    "who.js": SCRIPT,
    "words-account.js": SCRIPT,
    "words-door.js": SCRIPT,
    "words-notify.js": SCRIPT,
    "words-staff-board.js": SCRIPT,
    "words-staff-work.js": SCRIPT,
    "words-staff.js": SCRIPT,
    "words-wait.js": SCRIPT,
    "worker.js": SCRIPT,
};

/// All files of this build, by name, and the prefix they are served under.
struct Catalogue {
    prefix: String,
    versioned: HashMap<&'static str, Asset>,
    unversioned: HashMap<&'static str, Asset>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut all = Sha256::new();
    for (name, _, bytes) in FILES {
        all.update(name.as_bytes());
        all.update([0]);
        all.update(Sha256::digest(bytes));
    }
    let prefix = format!("/assets/{}/", hex_prefix(&all.finalize()));
    Catalogue { prefix, versioned: table(true), unversioned: table(false) }
});

fn table(immutable: bool) -> HashMap<&'static str, Asset> {
    let entry = |&(name, content_type, bytes): &(&'static str, &'static str, &'static [u8])| {
        let etag = format!("\"{}\"", hex_prefix(&Sha256::digest(bytes)));
        (name, Asset { name, content_type, bytes, etag, immutable })
    };
    FILES.iter().map(entry).collect()
}

fn hex_prefix(digest: &[u8]) -> String {
    let mut text = String::with_capacity(HASH_DIGITS);
    for byte in digest.iter().take(HASH_DIGITS / 2) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The file at `path`, such as `/assets/0123456789abcdef/event.js`; `None` means 404.
///
/// The version of another build is answered with this build's file, not to be cached: while routers
/// are being replaced, a page of the new one may fetch its scripts from the old one.
/// Icon, manifest and worker have addresses of their own.
pub fn asset(path: &str) -> Option<&'static Asset> {
    let catalogue = &*CATALOGUE;
    if let Some(name) = path.strip_prefix(catalogue.prefix.as_str()) {
        return catalogue.versioned.get(name);
    }
    if let Some((_, name)) = AT_ROOT.iter().find(|(address, _)| *address == path) {
        return catalogue.unversioned.get(name);
    }
    let (version, name) = path.strip_prefix("/assets/")?.split_once('/')?;
    let plausible = version.len() == HASH_DIGITS && version.bytes().all(|b| b.is_ascii_hexdigit());
    if plausible { catalogue.unversioned.get(name) } else { None }
}

/// All scripts with their sources.
pub(crate) fn scripts() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_script = |file: &&(&str, &str, &[u8])| file.1 == SCRIPT;
    FILES
        .iter()
        .filter(is_script)
        .filter_map(|&(name, _, bytes)| Some((name, std::str::from_utf8(bytes).ok()?)))
}

/// The address of the file `name` in this build: `/assets/{version}/{name}`.
pub fn asset_url(name: &str) -> String {
    format!("{}{name}", CATALOGUE.prefix)
}
