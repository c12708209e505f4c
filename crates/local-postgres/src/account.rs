//! The account that runs the server. PostgreSQL refuses to run as root, so a root caller lends the
//! tools to `postgres` or `nobody`; every other caller runs them itself.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{IoContext, StartError};

/// Tried in this order when the caller is root.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// Who runs initdb and postgres. `None` inside: the caller itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    lent_to: Option<(u32, u32)>,
}

impl Account {
    /// The account for this caller.
    pub(crate) fn choose() -> Result<Self, StartError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { lent_to: None });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ids = NAMES.iter().find_map(|name| ids_of(&passwd, name));
        // initdb looks its own uid up in passwd, so an invented number would not do.
        ids.map(|ids| Self { lent_to: Some(ids) }).ok_or(StartError::NoAccount)
    }

    /// The account that owns existing data: the caller's choice of today may be another one than
    /// on the day when the data was made, and only the owner may run a server on it.
    pub(crate) fn owner_of(dir: &Path) -> Result<Self, StartError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { lent_to: None });
        }
        let metadata = fs::metadata(dir).context("cannot read", dir)?;
        if metadata.uid() == 0 {
            return Self::choose();
        }
        Ok(Self { lent_to: Some((metadata.uid(), metadata.gid())) })
    }

    /// The user id that the tools run under.
    pub(crate) fn uid(&self) -> u32 {
        self.lent_to.map_or_else(|| rustix::process::geteuid().as_raw(), |(uid, _)| uid)
    }

    /// Whether the tools run under another account than the caller's.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent_to.is_some()
    }

    /// A command under this account, with a bare environment and a directory that everybody may
    /// enter: the caller's own may be closed to the account.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C");
        command.env("TZ", "UTC").current_dir("/").stdin(Stdio::null());
        if let Some((uid, gid)) = self.lent_to {
            // The standard library drops the supplementary groups when root sets a uid.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Hands a path over to the account.
    pub(crate) fn give(&self, path: &Path) -> Result<(), StartError> {
        let Some((uid, gid)) = self.lent_to else {
            return Ok(());
        };
        chown(path, Some(uid), Some(gid)).context("cannot change the owner of", path)
    }

    /// Whether the account can enter `dir`; asked of the kernel, since modes are not all there is.
    pub(crate) fn can_enter(&self, dir: &Path) -> bool {
        self.is_true("cd -- \"$1\"", dir)
    }

    /// Whether the account can make files in `dir`.
    pub(crate) fn can_write(&self, dir: &Path) -> bool {
        self.is_true("cd -- \"$1\" && test -w .", dir)
    }

    fn is_true(&self, question: &str, path: &Path) -> bool {
        let mut shell = self.command("/bin/sh");
        shell.args(["-c", question, "sh"]).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
        shell.status().is_ok_and(|status| status.success())
    }
}

fn ids_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        postgresql-x:x:7:7::/:/bin/sh\nnobody:x:65534:65533:nobody:/nonexistent:/bin/false\n";

    #[test]
    fn ids_come_from_the_line_of_exactly_that_name() {
        assert_eq!(ids_of(PASSWD, "nobody"), Some((65534, 65533)));
        assert_eq!(ids_of(PASSWD, "postgres"), None);
        assert_eq!(ids_of("postgres:x:bad:1:", "postgres"), None);
    }

    #[test]
    fn everybody_can_enter_the_root_directory() {
        let account = Account::choose().expect("an account");
        assert!(account.can_enter(Path::new("/")));
        assert!(!account.can_enter(Path::new("/does/not/exist")));
        assert!(!account.can_write(Path::new("/does/not/exist")));
    }
}
