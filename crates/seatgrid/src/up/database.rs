//! The database of a local `up`: given or managed. Publishes its URL and starts a managed server
//! again when it dies; the sale does not need it, so nothing else reacts.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use local_postgres::{LocalPostgres, Options, Running};
use tokio::sync::Mutex;

use super::backoff::Backoff;
use super::data_dir::DataDir;

/// The file with the URL, password included; readable by the owner only.
pub const URL_FILE: &str = "database.url";

/// The file with the URL of its read replica; empty without one.
pub const REPLICA_URL_FILE: &str = "database-replica.url";

/// A database that accepts connections.
#[derive(Debug)]
pub struct Database {
    options: Options,
    url_file: PathBuf,
    /// What the children were given; they keep it for life.
    url: String,
    running: Mutex<Option<Running>>,
}

impl Database {
    /// Finds or starts it, and writes its URL.
    ///
    /// # Errors
    /// When there is none, with what to do about it.
    pub async fn start(dir: &DataDir, given: Option<String>) -> Result<Self> {
        let mut options = Options::new(dir.path());
        options.niceness = super::priority::YIELDING;
        options.database_url = given.filter(|url| !url.is_empty());
        let running = LocalPostgres::start(options.clone()).await?;
        tracing::debug!(source = ?running.source(), pid = running.pid(), "database found");
        dir.replace(URL_FILE, format!("{}\n", running.url()).as_bytes())?;
        let url_file = dir.join(URL_FILE);
        let url = running.url().to_owned();
        Ok(Self { options, url_file, url, running: Mutex::new(Some(running)) })
    }

    /// Its URL, with the password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the end of a managed server and starts it again, for ever.
    pub async fn keep_alive(&self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            self.ended().await;
            let pause = backoff.after(began.elapsed());
            tracing::warn!("the managed PostgreSQL ended, starting it again");
            tokio::time::sleep(pause).await;
            if let Err(error) = self.restart().await {
                tracing::warn!(error = format!("{error:#}"), "PostgreSQL does not start");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn ended(&self) {
        if let Some(running) = self.running.lock().await.as_ref() {
            running.exited().await;
        }
    }

    async fn restart(&self) -> Result<()> {
        let mut slot = self.running.lock().await;
        *slot = None;
        let running = LocalPostgres::start(self.options.clone()).await?;
        let url = running.url().to_owned();
        *slot = Some(running);
        if url != self.url {
            tracing::error!("the database's port was taken: stop `seatgrid up` and start it again");
        }
        std::fs::write(&self.url_file, format!("{url}\n")).context("cannot write the URL")
    }

    /// Stops a managed server.
    ///
    /// # Errors
    /// When it resists.
    pub async fn stop(self) -> Result<()> {
        match self.running.into_inner() {
            Some(running) => Ok(running.stop().await?),
            None => Ok(()),
        }
    }
}
