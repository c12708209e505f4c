//! A role as a process of its own: wrong configurations, the effective one, and the ways to stop.
//! The sandbox stands for all roles here, because it needs nothing around it.

use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{ended, output, seatgrid, signal, text, wait_until, write};

#[test]
fn a_wrong_configuration_is_one_line_and_no_start() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = |text: &str| write(&dir.path().join("sandbox.toml"), text);
    let cases = [
        ("lisen = 'x'", "unknown key `lisen`, did you mean `listen`?"),
        ("secret = 'x'\nsecret_file = 'y'", "exactly one of secret and secret_file"),
        ("secret = 'x'\nlisten = 'nowhere'", "cannot listen on nowhere"),
        ("secret = ", "sandbox.toml: TOML parse error"),
    ];
    for (config, expected) in cases {
        let output = output(&["sandbox", "--config", &file(config)]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{config}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("seatgrid: ") && last.contains(expected), "{config}: {said}");
        assert!(output.stdout.is_empty());
    }
    let output = output(&["sandbox", "--config", "/no/such/file"]);
    assert!(text(&output.stderr).contains("cannot read /no/such/file"));
}

#[test]
fn the_effective_configuration_shows_overrides_and_hides_secrets() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let config = "secret = 'very-secret'\npayments_max = 5\n";
    let config = write(&dir.path().join("sandbox.toml"), config);
    let output = seatgrid(&["sandbox", "--config", &config, "--print-effective"])
        .env("SEATGRID_SANDBOX__PAYMENTS_MAX", "7")
        .output()
        .expect("runs");
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(printed.contains("payments_max = 7") && !printed.contains("very-secret"), "{printed}");
}

#[test]
fn a_role_stops_on_a_signal_and_when_its_lifeline_ends() {
    for way in ["SIGTERM", "SIGINT", "lifeline"] {
        let dir = tempfile::tempdir().expect("temporary directory");
        let data = dir.path().join("data");
        let config = format!("secret = 'x'\ndata_dir = '{}'\n", data.display());
        let config = write(&dir.path().join("sandbox.toml"), &config);
        let mut child = seatgrid(&["sandbox", "--config", &config, "--lifeline"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let lifeline = child.stdin.take();
        wait_until("the journal is there", || {
            data.read_dir().is_ok_and(|mut d| d.next().is_some())
        });
        match way {
            "SIGTERM" => signal(child.id(), Signal::TERM),
            "SIGINT" => signal(child.id(), Signal::INT),
            _ => drop(lifeline),
        }
        let (code, said) = ended(child);
        assert_eq!(code, Some(0), "{way}: {said}");
        assert!(said.contains("stopping"), "{way}: {said}");
    }
}

#[test]
fn without_a_lifeline_the_end_of_input_means_nothing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let data = dir.path().join("data");
    let config = format!("secret = 'x'\ndata_dir = '{}'\n", data.display());
    let config = write(&dir.path().join("sandbox.toml"), &config);
    let mut child = seatgrid(&["sandbox", "--config", &config])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    wait_until("the journal is there", || data.read_dir().is_ok_and(|mut d| d.next().is_some()));
    assert!(child.try_wait().expect("wait").is_none());
    signal(child.id(), Signal::TERM);
    assert_eq!(ended(child).0, Some(0));
}

#[test]
fn unknown_commands_are_refused_with_help() {
    let output = output(&["fly"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("unrecognized subcommand"));
}
