//! The log on real file systems that lose power or starve: needs root and Linux, else each test says
//! SKIPPED with the reason.
//!
//! A child process appends and prints what was acknowledged (`real_disk`); the file system below it
//! is shut down as by a power cut, copied while it runs, or starved. Whatever had been printed must
//! be there afterwards. `cargo xtask long power` does many rounds.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc;

use grid_node::wal::{CutTail, Sync, Wal, WalFailure};

use crate::harness::{PATIENCE, RealDir, entry, put};
use crate::real_disk::{open_real, start_child};

/// How often power is cut in one test.
const ROUNDS: &str = "SEATGRID_DRILL_POWER_CUTS";
/// No command that these tests start takes so long.
const COMMAND_WITHIN_S: &str = "60";
/// `EXT4_IOC_SHUTDOWN` without flushing the file system's journal: what power does.
const SHUTDOWN: &str = "import fcntl,os,struct,sys; \
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

fn rounds(few: usize) -> usize {
    std::env::var(ROUNDS).ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// Runs a command to its end; what it complained of if it failed.
fn command(program: &str, args: &[&str]) -> Result<(), String> {
    let mut command = Command::new("timeout");
    let output = command.arg(COMMAND_WITHIN_S).arg(program).args(args).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(format!("{program} {}: {words}", args.join(" ")))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}

/// An ext4 in a file, mounted; unmounted when dropped.
struct LoopDisk {
    image: PathBuf,
    mount: PathBuf,
}

impl LoopDisk {
    /// A fresh one of so many MiB in `dir`.
    fn make(dir: &Path, mib: u32) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("needs root".to_owned());
        }
        let image = dir.join("image");
        command("truncate", &["-s", &format!("{mib}M"), text(&image)])?;
        command("mkfs.ext4", &["-q", "-F", text(&image)])?;
        Self::mounted(image, dir.join("mount"))
    }

    /// Mounts an image.
    fn mounted(image: PathBuf, mount: PathBuf) -> Result<Self, String> {
        std::fs::create_dir_all(&mount).map_err(|error| error.to_string())?;
        command("mount", &["-o", "loop", text(&image), text(&mount)])?;
        Ok(Self { image, mount })
    }

    fn log(&self) -> PathBuf {
        self.mount.join("log")
    }

    /// Power goes; nothing reaches the disk any more.
    fn cut_power(&self) {
        command("python3", &["-c", SHUTDOWN, text(&self.mount)]).expect("shuts down");
    }

    /// Power is back: the file system is mounted anew and the system's start is another one.
    fn after_power_cut(self) -> Self {
        let (image, mount) = (self.image.clone(), self.mount.clone());
        drop(self);
        let disk = Self::mounted(image, mount).expect("mounts again");
        disk.another_start();
        disk
    }

    fn another_start(&self) {
        std::fs::write(self.log().join("boot"), "an earlier start").expect("writes");
    }

    /// Opens the log and checks that all up to `acknowledged` is there; gives the last entry.
    fn check(&self, acknowledged: u64, context: &str) -> u64 {
        let (last, cut) = self.found(context);
        assert!(last >= acknowledged, "{context}: {last} of {acknowledged} found, cut: {cut:?}");
        last
    }

    /// The last entry that the log has, and what was cut of it.
    fn found(&self, context: &str) -> (u64, Option<CutTail>) {
        let opened = open_real(&self.log());
        let (wal, found) = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
        let group = &found.groups[&1];
        let last = group.entries.back().expect("entries").0;
        wal.shutdown().expect("closes");
        (last, found.cut)
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        if command("umount", &[text(&self.mount)]).is_err() {
            let _ = command("umount", &["-l", text(&self.mount)]);
        }
    }
}

/// What to do without the means: say so.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skipped(name: &str, why: &str) {
    println!("SKIPPED {name}: {why}");
}

#[expect(clippy::print_stdout, reason = "a drill's figures are its result")]
fn drilled(what: &str) {
    println!("DRILL {what}");
}

/// Waits until the child has acknowledged something new, some lines further.
fn some_lines(lines: &mpsc::Receiver<u64>, count: usize) -> u64 {
    let line = |_| lines.recv_timeout(PATIENCE).expect("the child goes on");
    (0..count).map(line).fold(0, |_, index| index)
}

/// Ends the child; gives the last index it had acknowledged.
fn end(mut child: Child, lines: &mpsc::Receiver<u64>, last: u64) -> u64 {
    child.kill().expect("kills");
    child.wait().expect("ends");
    lines.iter().last().unwrap_or(last)
}

#[test]
fn power_cuts_of_a_real_file_system_lose_nothing_acknowledged() {
    let dir = RealDir::new("power");
    std::fs::create_dir_all(dir.path()).expect("a directory");
    let mut disk = match LoopDisk::make(dir.path(), 64) {
        Ok(disk) => disk,
        Err(why) => return skipped("power cuts of a real file system", &why),
    };
    let (rounds, mut behind) = (rounds(3), 0);
    for round in 0..rounds {
        let (child, lines) = start_child(&disk.log());
        let seen = some_lines(&lines, 15 + round * 7 % 60);
        disk.cut_power();
        // Between the last line read and the cut more may have been acknowledged: it counts.
        let acknowledged = end(child, &lines, seen);
        disk = disk.after_power_cut();
        let last = disk.check(acknowledged, &format!("power cut {round}"));
        behind += last - acknowledged;
    }
    drilled(&format!("{rounds} power cuts of ext4: 0 acknowledged lost, {behind} more were found"));
}

#[test]
fn copies_of_a_disk_in_use_hold_all_that_was_acknowledged() {
    let dir = RealDir::new("copies");
    std::fs::create_dir_all(dir.path()).expect("a directory");
    let disk = match LoopDisk::make(dir.path(), 32) {
        Ok(disk) => disk,
        Err(why) => return skipped("copies of a disk in use", &why),
    };
    let (child, lines) = start_child(&disk.log());
    let rounds = rounds(3);
    let mut last = 0;
    for round in 0..rounds {
        let acknowledged = some_lines(&lines, 10 + round % 7);
        // Standing still while it is copied: a disk that loses power is of one moment, too.
        command("kill", &["-STOP", &child.id().to_string()]).expect("stands still");
        let copy = dir.path().join("copy");
        command("cp", &["--sparse=always", text(&disk.image), text(&copy)]).expect("copies");
        command("kill", &["-CONT", &child.id().to_string()]).expect("goes on");
        let copied = LoopDisk::mounted(copy, dir.path().join("other")).expect("mounts the copy");
        copied.another_start();
        copied.check(acknowledged, &format!("copy {round}"));
        last = acknowledged;
    }
    end(child, &lines, last);
    drilled(&format!("{rounds} copies of ext4 in use: 0 acknowledged lost"));
}

/// The disk below the file system has less room than it promised: writes succeed, the sync fails, and
/// a second sync would succeed with the data gone. The log must stop at the first. The failed write
/// began in the page in which the last acknowledged record ends, and the kernel may have lost that page
/// with it: then the record is missing, and the log must say that it is in doubt.
#[test]
fn a_starved_disk_stops_the_log_at_the_first_failed_sync() {
    let dir = RealDir::new("starved");
    std::fs::create_dir_all(dir.path()).expect("a directory");
    let below = Tmpfs(dir.path().join("below"));
    let disk = below.mounted("8m").and_then(|()| LoopDisk::make(&below.0, 64));
    let disk = match disk {
        Ok(disk) => disk,
        Err(why) => return skipped("a starved disk", &why),
    };
    let (wal, _) = open_real(&disk.log()).expect("opens");
    let failure = wal.failure();
    let (acknowledged, stopped) = fill(&wal);
    assert!(matches!(stopped, WalFailure::Io { .. }), "{stopped}");
    assert_eq!(put(&wal, 1, vec![], Sync::Durable), Err(stopped.clone()), "never again");
    assert_eq!(failure.borrow().clone(), Some(stopped.clone()), "the owner is told");
    drop(wal);
    // There is room again; the node starts anew with what the disk really has.
    command("mount", &["-o", "remount,size=128m", text(&below.0)]).expect("grows");
    let disk = disk.after_power_cut();
    let (last, cut) = disk.found("after the starved sync");
    let whole = last >= acknowledged;
    assert!(
        whole || (last + 1 == acknowledged && cut.is_some()),
        "{last}, {acknowledged}, {cut:?}"
    );
    drilled(&format!("starved disk: stopped after entry {acknowledged} by: {stopped}"));
}

/// Appends until it fails; the last acknowledged index and the failure.
fn fill(wal: &Wal) -> (u64, WalFailure) {
    let payload = "x".repeat(16 << 10);
    let mut acknowledged = 0;
    for index in 0..10_000 {
        match put(wal, 1, vec![entry(index, &payload)], Sync::Durable) {
            Ok(()) => acknowledged = index,
            Err(failure) => return (acknowledged, failure),
        }
    }
    panic!("160 MiB fit into 8")
}

/// A file system in memory, unmounted when dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mounted(&self, size: &str) -> Result<(), String> {
        std::fs::create_dir_all(&self.0).map_err(|error| error.to_string())?;
        command("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", text(&self.0)])
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = command("umount", &["-l", text(&self.0)]);
    }
}
