//! The order in which a database is looked for: a given URL, existing data with the server that
//! made it, an installed server, the bundled one. This file decides; the files it calls do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::account::Account;
use crate::bundled;
use crate::cluster::{self, Recipe};
use crate::collect;
use crate::error::{IoContext, RemoveError, StartError};
use crate::place;
use crate::port;
use crate::programs::{self, MAJOR_WANTED};
use crate::record::{Home, Kind, Record};
use crate::running::{Running, Source};
use crate::server::{self, Launch, Server};

/// Where clusters go that cannot lie in their data directory.
const APART_DIR: &str = "/var/lib/seatgrid";
/// From the start of the process to accepted connections. Usually 50 ms; crash recovery of a large
/// log takes seconds.
const READY_MAX: Duration = Duration::from_secs(60);
/// A start can fail for a passing reason: the port was taken in between, or backends of a killed
/// server still hold its memory.
const ATTEMPTS_MAX: usize = 16;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// Which servers may be used for new data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// An installed server, else the bundled one.
    #[default]
    Any,
    /// An installed server or none.
    Installed,
    /// The bundled server or none.
    Bundled,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database's record, log and (if reachable) data go to `postgres/` below this directory.
    pub data_dir: PathBuf,
    /// When given, it is used as it is and nothing is started.
    pub database_url: Option<String>,
    /// Which servers may be used for new data; existing data decides for itself.
    pub preference: Preference,
    /// How much the server yields to whoever else wants the processor: 0 to 19, above this process's
    /// own (nice(1)).
    pub niceness: i32,
    /// Where data goes whose `data_dir` the server's account cannot enter.
    pub apart_dir: PathBuf,
    /// A server whose data nobody wants back: no fsync, and the password in clear over loopback.
    pub(crate) for_tests: bool,
}

impl Options {
    /// A managed database for `data_dir`, with the usual order of servers.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            preference: Preference::Any,
            niceness: 0,
            apart_dir: PathBuf::from(APART_DIR),
            for_tests: false,
        }
    }
}

/// The entry to this crate.
#[derive(Debug)]
pub struct LocalPostgres;

impl LocalPostgres {
    /// Finds or starts the database; on return it accepts connections. The caller holds a lock on
    /// the data directory: two callers at once on the same one are not expected.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        let started = tokio::task::spawn_blocking(move || start_blocking(&options)).await;
        match started {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Stops a managed server of `data_dir` and deletes its data. Does nothing when there is none.
    ///
    /// # Errors
    /// When the server resists or files cannot be removed.
    pub fn remove(data_dir: &Path) -> Result<(), RemoveError> {
        let dir = data_dir.join(place::SUBDIR);
        if !dir.is_dir() {
            return Ok(());
        }
        // A record that cannot be read names nothing to remove elsewhere; `collect` finds that
        // later, since its owner is gone.
        if let Ok(Some(Record { home: Home::Apart(path), .. })) = Record::read(&dir)
            && place::owner_of(&path).is_some()
        {
            collect::remove(&path)?;
        }
        collect::remove(&dir)
    }
}

/// As [`LocalPostgres::start`], on the caller's thread.
pub(crate) fn start_blocking(options: &Options) -> Result<Running, StartError> {
    if let Some(url) = &options.database_url {
        return given(url);
    }
    let dir = place::prepare(&options.data_dir)?;
    let plan = match Record::read(&dir)? {
        Some(record) if record.made => Plan::existing(&dir, record, options)?,
        // An unfinished attempt is forgotten: its record names nothing of value.
        _ => Plan::new_data(&dir, options)?,
    };
    if plan.account.is_lent() {
        collect::abandoned(&options.apart_dir);
    }
    let running = plan.run(&dir)?;
    if options.for_tests {
        return Ok(running);
    }
    let source = running.source();
    tracing::warn!(?source, "managed PostgreSQL is for trying out, not for production");
    Ok(running)
}

fn given(url: &str) -> Result<Running, StartError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(StartError::BadUrl);
    }
    Ok(Running::new(url.to_owned(), Source::Given, None))
}

/// Everything decided, before anything is started.
struct Plan {
    record: Record,
    account: Account,
    home: PathBuf,
    bin_dir: PathBuf,
    niceness: i32,
    for_tests: bool,
}

impl Plan {
    /// For data that is there: the same kind and major as it was made with.
    fn existing(dir: &Path, record: Record, options: &Options) -> Result<Self, StartError> {
        let home = place::open(&record.home, dir, true)?;
        let cluster = cluster::dir_of(&home, record.major);
        let account = Account::owner_of(if cluster.exists() { &cluster } else { &home })?;
        if !account.can_enter(&home) {
            return Err(StartError::Unreachable { dir: home, uid: account.uid() });
        }
        cluster::check(&cluster, record.major)?;
        let bin_dir = bin_dir_of(&record, &home, &account)?;
        let Options { niceness, for_tests, .. } = *options;
        Ok(Self { record, account, home, bin_dir, niceness, for_tests })
    }

    /// For a first start: an installed server, else the bundled one.
    fn new_data(dir: &Path, options: &Options) -> Result<Self, StartError> {
        let account = Account::choose()?;
        let home = place::choose(dir, &options.apart_dir, &account);
        let search = programs::installed(&account);
        let installed = search.found.into_iter().next();
        let installed = installed.filter(|_| options.preference != Preference::Bundled);
        let bundled = bundled::is_present() && options.preference != Preference::Installed;
        let (kind, major) = match &installed {
            Some(programs) => (Kind::Installed, programs.major),
            None if bundled => (Kind::Bundled, bundled::MAJOR),
            None => {
                return Err(StartError::NoServer { tried: search.passed_over.join("; ") });
            }
        };
        let record = Record::new(home, kind, major, new_port(dir)?);
        // First the record, then what it names: `collect` removes what no record names.
        record.write(dir)?;
        let home = place::open(&record.home, dir, false)?;
        let bin_dir = match installed {
            Some(programs) => programs.bin_dir,
            None => unpack(&home, &account)?,
        };
        let Options { niceness, for_tests, .. } = *options;
        Ok(Self { record, account, home, bin_dir, niceness, for_tests })
    }

    fn run(mut self, dir: &Path) -> Result<Running, StartError> {
        if self.record.major < MAJOR_WANTED {
            let major = self.record.major;
            tracing::warn!(major, "PostgreSQL is older than {MAJOR_WANTED}, the oldest supported");
        }
        let cluster = cluster::dir_of(&self.home, self.record.major);
        if !self.record.made {
            self.make(&cluster)?;
            self.record.made = true;
            self.record.write(dir)?;
        }
        let server = match server::adopt(&cluster, READY_MAX)? {
            Some(server) => server,
            None => self.start(dir, &cluster)?,
        };
        let Record { kind, major, password, .. } = &self.record;
        let url = url(password, server.port(), cluster::DATABASE);
        let source = match kind {
            Kind::Installed => Source::Installed { major: *major },
            Kind::Bundled => Source::Bundled { major: *major },
        };
        Ok(Running::new(url, source, Some(server)))
    }

    fn make(&self, cluster: &Path) -> Result<(), StartError> {
        let Self { account, bin_dir, record, .. } = self;
        if cluster.exists() {
            std::fs::remove_dir_all(cluster).context("cannot remove", cluster)?;
        }
        let password = &record.password;
        cluster::make(
            cluster,
            &Recipe {
                bin_dir,
                account,
                password,
                auth: if self.for_tests { "password" } else { "scram-sha-256" },
            },
        )
    }

    fn start(&mut self, dir: &Path, cluster: &Path) -> Result<Server, StartError> {
        let log = dir.join("postgres.log");
        for attempt in 1.. {
            if !port::is_free(self.record.port) {
                self.record.port = new_port(dir)?;
                self.record.write(dir)?;
            }
            let launch = Launch {
                bin_dir: &self.bin_dir,
                account: &self.account,
                cluster,
                port: self.record.port,
                log: &log,
                fsync: !self.for_tests,
                niceness: self.niceness,
                ready_max: READY_MAX,
            };
            match server::start(&launch) {
                Err(StartError::Exited { .. }) if attempt < ATTEMPTS_MAX => {
                    std::thread::sleep(BETWEEN_ATTEMPTS);
                }
                result => return result,
            }
        }
        unreachable!("the last attempt returns")
    }
}

fn bin_dir_of(record: &Record, home: &Path, account: &Account) -> Result<PathBuf, StartError> {
    let gone = |tried: String| {
        let made_by = match record.kind {
            Kind::Installed => format!("PostgreSQL {}", record.major),
            Kind::Bundled => format!("the bundled PostgreSQL {}", record.major),
        };
        StartError::ServerGone { dir: home.to_owned(), made_by, tried }
    };
    match record.kind {
        Kind::Bundled if record.major == bundled::MAJOR && bundled::is_present() => {
            unpack(home, account)
        }
        Kind::Bundled => Err(gone("this binary carries another one or none".to_owned())),
        Kind::Installed => {
            let search = programs::installed(account);
            let tried = search.passed_over.join("; ");
            let same = search.found.into_iter().find(|found| found.major == record.major);
            same.map(|programs| programs.bin_dir).ok_or_else(|| gone(tried))
        }
    }
}

fn unpack(home: &Path, account: &Account) -> Result<PathBuf, StartError> {
    let bin_dir = bundled::unpack(home)?;
    match programs::probe(&bin_dir, account) {
        Ok(_) => Ok(bin_dir),
        Err(reason) => Err(StartError::NoServer { tried: format!("the bundled one: {reason}") }),
    }
}

fn new_port(dir: &Path) -> Result<u16, StartError> {
    let address = port::free_address().context("no free port for the database of", dir)?;
    Ok(address.port())
}

/// The password and the names are letters and digits only, so nothing needs escaping.
pub(crate) fn url(password: &str, port: u16, database: &str) -> String {
    format!("postgres://{}:{password}@127.0.0.1:{port}/{database}", cluster::USER)
}
