//! Disks of a unit's own: an ext4 in a file, mounted by a loop device, that can be filled, starved,
//! cut off like power does, and copied while it is used. Needs root; whoever makes one is told in
//! words why it cannot be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::system::System;

/// No command that these disks need takes so long.
const COMMAND_WITHIN_S: &str = "60";
/// A process that was killed lets go of its files within this.
const LET_GO_WITHIN: Duration = Duration::from_secs(30);
/// `EXT4_IOC_SHUTDOWN` without flushing the file systems' journals: what power does to all of them.
const SHUTDOWN: &str = "import fcntl,os,struct,sys\n\
    for path in sys.argv[1:]:\n    \
    fcntl.ioctl(os.open(path, os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// An ext4 in a file, mounted; unmounted and removed when dropped. Declare it before the system that
/// uses it, so that the system ends first.
pub struct LoopDisk {
    // Dropped in this order: the disk is unmounted first, what holds its image last.
    mounted: Mounted,
    below: Option<Mounted>,
    dir: TempDir,
}

impl LoopDisk {
    /// A fresh one of so many MiB.
    ///
    /// # Errors
    /// In words, when this machine or user cannot.
    pub fn make(mib: u32) -> Result<Self, String> {
        Self::make_in(directory()?, None, mib)
    }

    /// One of so many MiB whose image lies where there is less room than that: it promises more than
    /// there is.
    ///
    /// # Errors
    /// In words, when this machine or user cannot.
    pub fn make_on_memory(mib: u32, memory_mib: u32) -> Result<Self, String> {
        let dir = directory()?;
        let size = format!("size={memory_mib}m");
        let below = Mounted::new(dir.path().join("below"), &["-t", "tmpfs", "-o", &size, "tmpfs"])?;
        Self::make_in(dir, Some(below), mib)
    }

    fn make_in(dir: TempDir, below: Option<Mounted>, mib: u32) -> Result<Self, String> {
        let image = below.as_ref().map_or(dir.path(), |below| &below.0).join("image");
        command("truncate", &["-s", &format!("{mib}M"), text(&image)])?;
        command("mkfs.ext4", &["-q", "-F", text(&image)])?;
        let mounted = Mounted::new(dir.path().join("disk"), &["-o", "loop", text(&image)])?;
        Ok(Self { mounted, below, dir })
    }

    /// Moves the data of a unit here. The system must not run; it finds the data by a link, so that
    /// it finds nothing, and no empty directory either, while this is not mounted.
    pub fn take_unit(&self, system: &System, unit: u32) {
        let place = system.data_dir().join(format!("units/{unit}"));
        command("cp", &["-a", text(&place), text(&self.unit_dir())]).expect("copies");
        // The unit had synced it where it was; so it must be here.
        command("sync", &["-f", text(&self.unit_dir())]).expect("syncs");
        std::fs::remove_dir_all(&place).expect("removes");
        std::os::unix::fs::symlink(self.unit_dir(), &place).expect("links");
    }

    fn unit_dir(&self) -> PathBuf {
        self.mounted.0.join("unit")
    }

    fn image(&self) -> PathBuf {
        self.below.as_ref().map_or(self.dir.path(), |below| &below.0).join("image")
    }

    /// Uses up all room.
    pub fn fill(&self) {
        let filler = format!("of={}", text(&self.filler()));
        // It ends because nothing more fits.
        let _ = command("dd", &["if=/dev/zero", &filler, "bs=1M"]);
        let _ = command("dd", &["if=/dev/zero", &format!("{filler}.small"), "bs=4k"]);
    }

    /// Gives the room back that was used up.
    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("removes");
        std::fs::remove_file(self.mounted.0.join("filler.small")).expect("removes");
    }

    fn filler(&self) -> PathBuf {
        self.mounted.0.join("filler")
    }

    /// Leaves the image less room than its file system believes to have: only what it uses now and so
    /// many KiB.
    pub fn starve(&self, left_kib: u64) {
        use std::os::unix::fs::MetadataExt as _;
        let used_kib = std::fs::metadata(self.image()).expect("the image").blocks() / 2;
        self.resize_below(&format!("{}k", used_kib + left_kib));
    }

    /// Gives the image all the room that was promised.
    pub fn feed(&self) {
        self.resize_below("1g");
    }

    fn resize_below(&self, size: &str) {
        let below = self.below.as_ref().expect("made on memory");
        let size = format!("remount,size={size}");
        command("mount", &["-o", &size, text(&below.0)]).expect("another size");
    }

    /// Power goes for all of them at once; nothing reaches them any more.
    pub fn cut_power(disks: &[Self]) {
        let mut args = vec!["-c", SHUTDOWN];
        args.extend(disks.iter().map(|disk| text(&disk.mounted.0)));
        command("python3", &args).expect("shuts down");
    }

    /// Power is back: mounted anew, and the system's start is another one. Waits until nobody uses it.
    pub fn after_power_cut(&self) {
        self.unmount();
        self.mount_as_at_another_start();
    }

    /// Goes on with copies of the images as they are now, while the file systems are in use. Whoever
    /// writes to them must stand still meanwhile, and is ended by `end`.
    pub fn go_on_with_copies(disks: &[Self], end: impl FnOnce()) {
        let copy = |disk: &Self| disk.image().with_extension("copy");
        for disk in disks {
            let (image, copy) = (disk.image(), copy(disk));
            command("cp", &["--sparse=always", text(&image), text(&copy)]).expect("copies");
        }
        end();
        for disk in disks {
            disk.unmount();
            std::fs::rename(copy(disk), disk.image()).expect("the copy takes its place");
            disk.mount_as_at_another_start();
        }
    }

    fn unmount(&self) {
        let give_up = Instant::now() + LET_GO_WITHIN;
        while let Err(why) = command("umount", &[text(&self.mounted.0)]) {
            assert!(Instant::now() < give_up, "somebody still uses it: {why}");
        }
    }

    fn mount_as_at_another_start(&self) {
        command("mount", &["-o", "loop", text(&self.image()), text(&self.mounted.0)])
            .expect("mounts");
        // The machine itself was not started anew: the log must not believe that what it finds had
        // been kept by the kernel.
        for boot in boot_files(&self.unit_dir()) {
            std::fs::write(boot, "an earlier start").expect("writes");
        }
    }
}

/// The files in which logs below a directory remember the start of the machine.
fn boot_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let logs = entries.map(|entry| entry.path().join("boot"));
    logs.filter(|boot| boot.exists()).collect()
}

/// A mounted file system; unmounted when dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn new(at: PathBuf, words: &[&str]) -> Result<Self, String> {
        std::fs::create_dir_all(&at).map_err(|error| error.to_string())?;
        command("mount", &[words, &[text(&at)]].concat())?;
        Ok(Self(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if command("umount", &[text(&self.0)]).is_err() {
            let _ = command("umount", &["-l", text(&self.0)]);
        }
    }
}

fn directory() -> Result<TempDir, String> {
    if !rustix::process::geteuid().is_root() {
        return Err("needs root".to_owned());
    }
    TempDir::with_prefix("seatgrid-disk-").map_err(|error| error.to_string())
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
