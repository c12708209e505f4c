//! The scripts: joined to each other and to their pages, and tested in node where there is one.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use storefront::{AppView, Lang, SaleState};

use crate::html::tags;
use crate::sample;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn source(name: &str) -> String {
    let path = folder("assets").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn scripts() -> Vec<String> {
    let names = fs::read_dir(folder("assets")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".js")).collect()
}

/// The texts between `before` and the next double quote.
fn quoted<'a>(source: &'a str, before: &str) -> Vec<&'a str> {
    source.split(before).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// `entry` and all that it imports. Panics when an import leads nowhere.
fn closure(entry: &str) -> Vec<String> {
    followed(entry, &[" from \"./"])
}

/// The same with what is fetched only once the page is seen.
fn whole_closure(entry: &str) -> Vec<String> {
    followed(entry, &[" from \"./", "import(\"./"])
}

fn followed(entry: &str, ways: &[&str]) -> Vec<String> {
    let mut found = vec![entry.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let source = source(&found[next]);
        for import in ways.iter().flat_map(|way| quoted(&source, way)) {
            if !found.iter().any(|name| name == import) {
                found.push(import.to_owned());
            }
        }
        next += 1;
    }
    found
}

#[test]
fn pages_name_all_their_scripts_early() {
    let pages = [
        ("home.js", sample::home(Lang::En, "x")),
        ("event.js", sample::event(Lang::En, "x", SaleState::OnSale)),
        ("order.js", sample::order(Lang::En, "x")),
        ("ticket.js", sample::ticket(Lang::En, "x")),
    ];
    for (entry, page) in pages {
        let named: HashSet<String> = tags(&page)
            .iter()
            .filter(|tag| tag.name == "script" || tag.get("rel") == Some("modulepreload"))
            .filter_map(|tag| tag.get("src").or(tag.get("href")))
            .map(|address| address.rsplit('/').next().unwrap().to_owned())
            .collect();
        assert_eq!(named, closure(entry).into_iter().collect(), "{entry}");
    }
}

#[test]
fn scripts_find_their_elements() {
    let pages = [
        ("event.js", sample::event(Lang::En, "x", SaleState::OnSale)),
        ("order.js", sample::order(Lang::En, "x")),
        ("ticket.js", sample::ticket(Lang::En, "x")),
    ];
    // The order's and the ticket's page use the shared naming of seats, not the tray itself.
    let tray_only = ["picked", "tray-notice", "tray", "hold-button", "hold-note", "tray-empty"];
    for (entry, page) in pages {
        let tags = tags(&page);
        let ids: HashSet<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
        for name in whole_closure(entry) {
            for id in quoted(&source(&name), "byId(\"") {
                let elsewhere = name == "tray.js"
                    && entry != "event.js"
                    && (tray_only.contains(&id) || id.starts_with("total"));
                let unused = name == "dom.js" && entry == "ticket.js";
                assert!(ids.contains(id) || elsewhere || unused, "{entry}: {name} wants #{id}");
            }
        }
    }
}

/// The size of a script as browsers get it.
fn compressed(name: &str) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(source(name).as_bytes()).unwrap();
    encoder.finish().unwrap().len()
}

#[test]
fn the_scripts_of_every_page_fit_their_budget() {
    const BYTES_MAX: usize = 90 * 1024;
    let entries = AppView::all().map(|view| sample::app(Lang::En, view));
    let shop = [
        sample::home(Lang::En, "x"),
        sample::event(Lang::En, "x", SaleState::OnSale),
        sample::order(Lang::En, "x"),
        sample::ticket(Lang::En, "x"),
    ];
    for page in entries.chain(shop) {
        let tags = tags(&page);
        let entry = tags.iter().find(|tag| tag.name == "script").and_then(|tag| tag.get("src"));
        let entry = entry.and_then(|address| address.rsplit('/').next()).unwrap();
        let sum: usize = whole_closure(entry).iter().map(|name| compressed(name)).sum();
        assert!((2_000..=BYTES_MAX).contains(&sum), "{entry}: {sum} bytes");
    }
}

#[test]
fn scripts_never_build_markup_or_code_from_texts() {
    let forbidden = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("];
    for name in scripts() {
        let source = source(&name);
        for word in forbidden {
            assert!(!source.contains(word), "{name}: {word}");
        }
        assert!(source.starts_with("// "), "{name}: says what it is");
        for (index, line) in source.lines().enumerate() {
            assert!(line.chars().count() <= 100, "{name}:{} is too long", index + 1);
        }
    }
}

/// Runs `node` with `arguments`; `None` when there is no node on this machine.
fn node(arguments: &[&str]) -> Option<std::process::Output> {
    Command::new("node").args(arguments).current_dir(folder("tests/js")).output().ok()
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that did not run must say so aloud")]
fn scripts_pass_their_own_tests() {
    if node(&["--version"]).is_none_or(|output| !output.status.success()) {
        eprintln!("SKIPPED: node is not installed, the scripts' logic was not tested");
        return;
    }
    for name in scripts() {
        let path = folder("assets").join(&name);
        let output = node(&["--check", path.to_str().unwrap()]).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let output = node(&["--test"]).unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    assert!(!report.contains("# pass 0"), "no test ran: {report}");
}
