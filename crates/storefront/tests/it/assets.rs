//! The embedded files: complete, versioned, and nothing else reachable.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use storefront::{asset, asset_url};

fn files_on_disk() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_file_is_embedded_with_its_content() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut etags = BTreeSet::new();
    for name in files_on_disk() {
        let asset = asset(&asset_url(&name)).unwrap_or_else(|| panic!("{name} is not embedded"));
        assert_eq!(asset.name, name);
        assert_eq!(asset.bytes, fs::read(folder.join(&name)).unwrap());
        assert!(asset.immutable);
        assert!(asset.etag.starts_with('"') && asset.etag.ends_with('"'));
        assert!(etags.insert(asset.etag.clone()), "{name} shares its ETag");
        let kind = match name.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "webmanifest" => "application/manifest+json",
            other => panic!("no content type known for .{other}"),
        };
        assert_eq!(asset.content_type, kind);
    }
}

#[test]
fn another_builds_version_is_served_but_never_cached() {
    let old = asset("/assets/0123456789abcdef/event.js").unwrap();
    let new = asset(&asset_url("event.js")).unwrap();
    assert_eq!(old.bytes, new.bytes);
    assert_eq!(old.cache_control(), "no-cache");
    assert_eq!(new.cache_control(), "public, max-age=31536000, immutable");
    for root in ["/favicon.ico", "/manifest.webmanifest", "/worker.js"] {
        assert!(!asset(root).unwrap().immutable, "{root}");
    }
}

#[test]
fn nothing_else_is_reachable() {
    let current = asset_url("");
    let table = [
        "",
        "/",
        "/assets",
        "/assets/",
        "/assets/event.js",
        "/assets//event.js",
        "/assets/latest/event.js",
        "/assets/0123456789abcdef/",
        "/assets/0123456789abcdef/nothing.js",
        "/assets/0123456789abcdef/../Cargo.toml",
        "/assets/0123456789abcdeg/event.js",
        "/assets/0123456789abcdef0/event.js",
        "assets/0123456789abcdef/event.js",
    ];
    for path in table.into_iter().chain([current.as_str()]) {
        assert!(asset(path).is_none(), "{path}");
    }
}
