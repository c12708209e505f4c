//! Starting and stopping: files, flags, clear lines when it cannot.

use e2e::{Client, System};

#[tokio::test]
async fn files_of_a_running_system() {
    let mut system = System::start();
    let roles: Vec<String> = system.processes().into_iter().map(|p| p.role).collect();
    for (role, count) in
        [("router", 1), ("unit", 3), ("writer", 1), ("office", 1), ("worker", 1), ("sandbox", 1)]
    {
        assert_eq!(roles.iter().filter(|r| *r == role).count(), count, "{role} in {roles:?}");
    }
    assert!(system.file("database.url").starts_with("postgres"));
    assert!(system.file("sandbox.url").starts_with("http://127.0.0.1:"));
    assert!(system.file("admin.password").len() >= 16);

    // A second one on the same directory, and on the same port, is told why not.
    let port = e2e_free_port().to_string();
    let second = system.run(&["up", "--port", &port]);
    told(&second, "in use");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let port = system.port().to_string();
    let mut taken = system.command_in(&elsewhere.path().join("data"), &["up", "--port", &port]);
    let taken = taken.stderr(std::process::Stdio::piped()).output().expect("runs");
    told(&taken, "port");

    let client = Client::new(&system.url());
    assert_eq!(client.get("/events", None).await.status, 200);
    assert_eq!(system.stop(), Some(0));
}

#[track_caller]
fn told(output: &std::process::Output, word: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it started: {text}");
    assert!(text.contains(word), "no word of '{word}' in: {text}");
    assert!(output.stdout.is_empty());
}

fn e2e_free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
