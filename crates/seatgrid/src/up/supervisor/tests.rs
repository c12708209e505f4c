//! The supervisor with small shell scripts as children: real processes, real signals.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::up::roster::{self, Entry};

const WAIT_MAX: Duration = Duration::from_secs(20);
/// Lives until its lifeline ends.
const PATIENT: &str = "exec cat > /dev/null";

struct Bench {
    dir: TempDir,
    roster: Arc<Roster>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let roster = Arc::new(Roster::new(dir.path().join("processes.json")));
        Self { dir, roster }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// A shell script as a child. `$LOG` in it is a file that all children share.
    fn child(&self, role: Role, node: u32, script: &str) -> ChildSpec {
        let script = script.replace("$LOG", self.path("shared").to_str().expect("UTF-8"));
        ChildSpec {
            role,
            node,
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            admin: "127.0.0.1:9".parse().expect("address"),
            log: self.path(&format!("{role}-{node}.log")),
            stop_max: Duration::from_secs(10),
        }
    }

    fn start(&self, specs: Vec<ChildSpec>) -> Supervisor {
        Supervisor::start(specs, Arc::clone(&self.roster))
    }

    async fn entries(&self, len: usize) -> Vec<Entry> {
        let path = self.path("processes.json");
        eventually("the process list", || roster::read(&path).ok().filter(|e| e.len() == len)).await
    }

    fn shared(&self) -> String {
        fs::read_to_string(self.path("shared")).unwrap_or_default()
    }
}

async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < WAIT_MAX, "not in time: {what}");
        tokio::task::yield_now().await;
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small")).expect("not 0");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/exe")).exists()
        && fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

/// Answers every request with the given status.
async fn answer(listener: TcpListener, status: &'static str) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = [0; 512];
        let _ = stream.read(&mut request).await;
        let answer = format!("HTTP/1.0 {status}\r\n\r\nbecause");
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

#[tokio::test]
async fn a_killed_child_comes_back_at_once_under_a_new_pid() {
    let bench = Bench::new();
    let specs = vec![bench.child(Role::Unit, 1, PATIENT), bench.child(Role::Unit, 2, PATIENT)];
    let supervisor = bench.start(specs);
    let before = bench.entries(2).await;
    kill(before[0].pid);
    let began = Instant::now();
    let path = bench.path("processes.json");
    let after = eventually("a new process", || {
        let entries = roster::read(&path).ok().filter(|entries| entries.len() == 2)?;
        (entries[0].pid != before[0].pid).then_some(entries)
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(after[1].pid, before[1].pid, "the other one is left alone");
    supervisor.stop().await;
    assert!(bench.entries(0).await.is_empty());
    assert!(!is_alive(after[0].pid) && !is_alive(after[1].pid));
}

#[tokio::test]
async fn roles_stop_in_their_order() {
    let bench = Bench::new();
    let mut specs = Vec::new();
    for role in [Role::Sandbox, Role::Unit, Role::Writer, Role::Worker, Role::Office, Role::Router]
    {
        let script = format!("trap 'echo {role} >> $LOG; exit 0' TERM; echo up >> $LOG; cat");
        specs.push(bench.child(role, 1, &script));
    }
    let supervisor = bench.start(specs);
    eventually("all traps are set", || (bench.shared().lines().count() == 6).then_some(())).await;
    supervisor.stop().await;
    let stopped = bench.shared().replace("up\n", "");
    assert_eq!(stopped, "router\noffice\nworker\nwriter\nunit\nsandbox\n");
}

#[tokio::test]
async fn a_child_that_ignores_the_request_is_killed() {
    let bench = Bench::new();
    let script = "trap '' TERM; echo up >> $LOG; while :; do :; done";
    let mut spec = bench.child(Role::Unit, 1, script);
    spec.stop_max = Duration::from_millis(300);
    let supervisor = bench.start(vec![spec]);
    eventually("the trap is set", || (!bench.shared().is_empty()).then_some(())).await;
    let pid = bench.entries(1).await[0].pid;
    supervisor.stop().await;
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_child_that_cannot_live_ends_the_start_with_its_last_words() {
    let bench = Bench::new();
    let script = "echo 'seatgrid: a knob is wrong' >&2; exit 3";
    let specs = vec![bench.child(Role::Office, 1, script), bench.child(Role::Unit, 1, PATIENT)];
    let mut supervisor = bench.start(specs);
    let error = supervisor.ready(WAIT_MAX).await.expect_err("hopeless").to_string();
    assert_eq!(error, "office-1 does not stay alive: seatgrid: a knob is wrong");
    supervisor.stop().await;
    let log = fs::read_to_string(bench.path("office-1.log")).expect("log");
    assert_eq!(log.lines().count(), 5, "once per life: {log}");
}

#[tokio::test]
async fn a_child_that_cannot_live_is_told_of_while_the_doors_are_closed() {
    let bench = Bench::new();
    let specs = vec![
        bench.child(Role::Unit, 4, "exit 77"),
        bench.child(Role::Office, 1, "echo 'seatgrid: no more' >&2; exit 3"),
    ];
    let mut supervisor = bench.start(specs);
    let told = tokio::time::timeout(WAIT_MAX, supervisor.hopeless()).await.expect("in time");
    assert_eq!(told.to_string(), "office-1 does not stay alive: seatgrid: no more");
    assert!(matches!(supervisor.news().await, News::Left(4)), "told of later");
    supervisor.stop().await;
}

#[tokio::test]
async fn a_unit_that_has_left_the_grid_is_not_started_again() {
    let bench = Bench::new();
    let script = "echo life >> $LOG; exit 77";
    let specs = vec![bench.child(Role::Unit, 4, script)];
    let mut supervisor = bench.start(specs);
    supervisor.ready(WAIT_MAX).await.expect("nobody is left to wait for");
    assert!(matches!(supervisor.news().await, News::Left(4)));
    assert!(supervisor.remove(Role::Unit, 4).await);
    assert!(bench.entries(0).await.is_empty());
    supervisor.add(bench.child(Role::Office, 1, "echo office >> $LOG; exit 77"));
    eventually("a second life", || (bench.shared().matches("office").count() > 1).then_some(()))
        .await;
    assert_eq!(bench.shared().matches("life").count(), 1, "only units leave");
    supervisor.stop().await;
}

#[tokio::test]
async fn a_missing_program_is_told() {
    let bench = Bench::new();
    let mut spec = bench.child(Role::Office, 1, "");
    spec.program = "/no/such/program".into();
    let mut supervisor = bench.start(vec![spec]);
    let error = supervisor.ready(WAIT_MAX).await.expect_err("hopeless").to_string();
    assert!(error.contains("No such file"), "{error}");
    supervisor.stop().await;
}

#[tokio::test]
async fn ready_when_all_probes_answer_and_late_names_who_does_not() {
    let bench = Bench::new();
    let good = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let bad = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let mut one = bench.child(Role::Unit, 1, PATIENT);
    let mut two = bench.child(Role::Writer, 1, PATIENT);
    one.admin = good.local_addr().expect("address");
    two.admin = bad.local_addr().expect("address");
    tokio::spawn(answer(good, "200 OK"));
    tokio::spawn(answer(bad, "503 Service Unavailable"));
    let mut supervisor = bench.start(vec![one.clone(), two]);
    let error = supervisor.ready(Duration::from_millis(200)).await.expect_err("late").to_string();
    assert!(error.contains("writer-1 (503 because)") && !error.contains("unit-1"), "{error}");
    supervisor.stop().await;
    let mut supervisor = bench.start(vec![one]);
    supervisor.ready(WAIT_MAX).await.expect("ready");
    supervisor.stop().await;
}
