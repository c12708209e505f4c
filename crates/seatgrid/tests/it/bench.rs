//! The measuring tools in small: real servers, real loads, and what is told about them.

use serde_json::Value;

use crate::running::Up;
use crate::support::{output, text};

/// Short, so that a wave comes while the test waits; long enough to take the hall before.
const HOLD_TTL_S: &str = "15";

fn json(said: &str) -> Value {
    let from = said.find('{').unwrap_or_else(|| panic!("no JSON: {said}"));
    let mut values = serde_json::Deserializer::from_str(&said[from..]).into_iter();
    values.next().expect("a value").unwrap_or_else(|e| panic!("{e}: {said}"))
}

fn visit(up: &Up, mix: &str, more: &[&str]) -> Value {
    let usual = ["bench", "http", "--mix", mix, "--event", "demo-hall", "--connections", "16"];
    let (code, said) = up.run(&[&usual, more, &["--quiet", "--json"]].concat());
    assert_eq!(code, Some(0), "{said}");
    let report = json(&said);
    assert_eq!((&report["mix"], &report["seats"]["seats_twice"]), (&mix.into(), &0.into()));
    report
}

fn sent(report: &Value, kind: &str) -> u64 {
    report["kinds"][kind]["sent"].as_u64().unwrap_or(0)
}

#[test]
fn visitors_of_all_kinds_are_measured() {
    let up = Up::start_with(&[("SEATGRID_OFFICE__DEMO_HOLD_TTL_S", HOLD_TTL_S)]);
    let page = up.data().join("report.html");
    let page = page.to_str().expect("UTF-8");
    let short = ["--rate", "100", "--seconds", "3", "--deadline-ms", "20000"];

    let report = visit(&up, "p2", &[&short[..], &["--spacing", "even", "--report", page]].concat());
    let arrived = ["hold", "seat_map", "availability", "order"].map(|kind| sent(&report, kind));
    assert_eq!(arrived.iter().sum::<u64>(), 300, "every arrival is accounted for: {report}");
    assert!(arrived.iter().all(|count| *count > 0), "{report}");
    assert_eq!(report["all"]["failed"], 0, "{report}");
    assert!(report["seats"]["seats_granted"].as_u64().expect("a count") > 50, "{report}");
    assert!(report["service_cpu_s"].as_f64().expect("known") > 0.0, "{report}");
    assert!(report["all"]["p50_ms"].as_f64() <= report["all"]["p99_ms"].as_f64(), "{report}");
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.ends_with("</html>\n") && page.matches("<svg").count() == 2);

    // Everything is taken: whoever asks for a seat is refused, and nothing fails.
    let report = visit(&up, "sold-out", &short);
    assert_eq!(report["kinds"]["hold"]["good"], 0, "{report}");
    assert_eq!(report["all"]["failed"], 0, "{report}");
    let refused = &report["kinds"]["hold"]["codes"]["not_enough_seats"];
    assert!(refused.as_u64().expect("a count") > 100, "{report}");

    // All end at one moment, and people get them.
    let long = ["--rate", "50", "--seconds", "8", "--deadline-ms", "20000"];
    let report = visit(&up, "expiry-wave", &long);
    assert!(report["wave"]["seats_granted_again"].as_u64().expect("a count") > 20, "{report}");
    assert!(report["wave"]["first_granted_after_ms"].is_number(), "{report}");
}

#[test]
fn other_ways_to_sell_seats_are_compared() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let here = dir.path().to_str().expect("UTF-8");
    let small = ["--seconds", "1", "--rate", "50", "--connections", "8", "--units", "1"];
    // One of each kind; the others differ from these by a setting of their server.
    let which =
        "seatgrid,edge-only,postgres-locks,postgres-skip-locked,redis-replicated,microservices";
    let place = ["--event", "demo-hall", "--systems", which, "--dir", here, "--quiet", "--json"];
    let output = output(&[&["bench", "compare"], &small[..], &place].concat());
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    let has_redis = std::process::Command::new("redis-server").arg("--version").output().is_ok();
    let systems = [
        ("seatgrid", true),
        ("edge-only", true),
        ("postgres-locks", true),
        ("postgres-skip-locked", true),
        ("redis-replicated", has_redis),
        ("microservices", has_redis),
    ];
    let results = report["results"].as_array().expect("a list");
    assert_eq!(results.len(), systems.len(), "{said}");
    for (result, (system, is_there)) in results.iter().zip(systems) {
        assert_eq!(result["system"], system, "{said}");
        if !is_there {
            let why = result["absent"].as_str().expect("why");
            assert!(why.contains("apt-get install -y redis-server"), "{why}");
            continue;
        }
        for figure in ["holds_per_s", "p50_ms", "p99_ms", "cpu_s"] {
            assert!(result[figure].as_f64().expect(figure) > 0.0, "{system} {figure}: {said}");
        }
        assert_eq!(result["failed"], 0, "{system}: {said}");
        // The edge alone keeps nothing, and so grants a seat as often as it is asked for.
        assert!(system == "edge-only" || result["seats_twice"] == 0, "{said}");
    }
    assert!(report["hardware"].is_string() && report["durability"].is_string(), "{said}");
    assert_eq!(std::fs::read_dir(here).expect("a directory").count(), 0, "nothing is left");
}

#[test]
fn a_crowd_is_too_large_and_goes_away_again() {
    let up = Up::start();
    let page = up.data().join("overload.html");
    let page = page.to_str().expect("UTF-8");
    let small = ["--peak", "40", "--factors", "0.5,2", "--seconds", "1", "--connections", "32"];
    let triggers = ["--triggers", "spike,freeze", "--trigger-seconds", "1"];
    let clients = ["--clients", "never-retry,obey-retry-after", "--event", "demo-hall"];
    let usual = ["bench", "overload", "--json", "--report", page];
    let (code, said) = up.run(&[&usual[..], &small, &triggers, &clients].concat());
    assert_eq!(code, Some(0), "{said}");
    let report = json(&said);
    let curve = report["curve"].as_array().expect("a list");
    assert_eq!((&curve[0]["factor"], &curve[1]["factor"]), (&0.5.into(), &2.0.into()));
    for step in curve {
        assert!(step["goodput_per_s"].as_f64().expect("a rate") > 0.0, "{step}");
        assert!(step["offered_per_s"].as_f64() >= step["goodput_per_s"].as_f64(), "{step}");
        assert!(step["resident_mb"].as_u64().expect("a size") > 0, "{step}");
    }
    let recoveries = report["recoveries"].as_array().expect("a list");
    let tried: Vec<(&str, &str)> = recoveries
        .iter()
        .map(|one| {
            (one["trigger"].as_str().expect("a word"), one["clients"].as_str().expect("one"))
        })
        .collect();
    let (never, obey) = ("never-retry", "obey-retry-after");
    let expected = [("spike", never), ("spike", obey), ("freeze", never), ("freeze", obey)];
    assert_eq!(tried, expected);
    assert!(recoveries.iter().all(|one| one["before"].as_f64() > Some(0.0)), "{said}");
    assert!(std::fs::read_to_string(page).expect("a page").contains("<svg"));
    // Nothing stands still any more.
    let (code, said) = up.run(&["ctl", "status", "--json"]);
    assert_eq!(code, Some(0), "{said}");
}
