//! How this crate connects to PostgreSQL: one place for connections, session settings and time
//! limits. Makes no statement of its own.
//!
//! Writers use a pool of their own making with one rule: a connection is used again only after a
//! clean end. Work that was dropped half-way (a take-over, a deadline, the end of the process) may
//! leave a transaction open on its connection, and whoever used that connection next would commit
//! nothing or somebody else's rows; so the connection is closed with the work.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Reaching the server and logging in.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// A connection is replaced after this, so that a moved server or a changed role is noticed.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(30 * 60);

/// Limits that the server itself keeps, so that they hold when this process is frozen.
const SESSION: [(&str, &str); 5] = [
    // Ours are 100 ms, some seconds on a starved machine.
    ("statement_timeout", "10s"),
    // Behind a reader's long statement while a partition is made.
    ("lock_timeout", "5s"),
    // A frozen writer must not keep its successor from the checkpoint row.
    ("idle_in_transaction_session_timeout", "1500ms"),
    ("TimeZone", "UTC"),
    ("default_transaction_isolation", "read committed"),
];

/// A URL that is not one of PostgreSQL's. Its text is never repeated: it holds a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database URL is not a valid postgres:// URL")]
pub struct UrlError;

/// What every connection of this crate has in common.
pub(crate) fn connect_options(database_url: &str) -> Result<PgConnectOptions, UrlError> {
    let options = PgConnectOptions::from_str(database_url).map_err(|_| UrlError)?;
    Ok(options.application_name("seatgrid").disable_statement_logging())
}

/// The name under which the server lists a writer's sessions.
pub(crate) fn session_name(holder: &str) -> String {
    format!("seatgrid-writer {holder}")
}

/// A bounded number of connections, made when first needed.
#[derive(Debug)]
pub(crate) struct Connections {
    options: PgConnectOptions,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
}

/// A connection at work. Dropping it closes it; [`Lent::give_back`] keeps it.
pub(crate) struct Lent<'a> {
    owner: &'a Connections,
    idle: Idle,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    /// With a writer's session limits. `max` is at least 1.
    pub(crate) fn new(options: PgConnectOptions, max: u32) -> Self {
        let (permits, idle) = (Semaphore::new(max.max(1) as usize), Mutex::default());
        Self { options: options.options(SESSION), permits, idle }
    }

    /// Waits for its turn; connects if none is idle.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, sqlx::Error> {
        let permit = self.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let known = self.idle.lock().pop();
        let idle = match known {
            Some(idle) => idle,
            None => {
                let connecting = timeout(CONNECT_MAX, self.options.connect()).await;
                let connection = connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
                Idle { connection, since: Instant::now() }
            }
        };
        Ok(Lent { owner: self, idle, _permit: permit })
    }

    /// Closes what is idle: after an error the others are likely as dead.
    pub(crate) fn forget_idle(&self) {
        self.idle.lock().clear();
    }

    /// Says good-bye to the server on every idle connection.
    pub(crate) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        for Idle { connection, .. } in idle {
            let _ = connection.close().await;
        }
    }
}

impl Lent<'_> {
    /// After work that ended well, with no transaction open.
    pub(crate) fn give_back(self) {
        if self.idle.since.elapsed() < CONNECTION_AGE_MAX {
            self.owner.idle.lock().push(self.idle);
        }
    }
}

impl Deref for Lent<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.idle.connection
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.idle.connection
    }
}
