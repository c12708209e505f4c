//! The measuring tools in small: real servers, real loads, and what is told about them.

use serde_json::Value;

use crate::running::Up;

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
