//! Keeps the office's own things in order: brings the schema up, puts the demonstration content and
//! the administrator's account in, and copies the catalogue into memory whenever it changed.
//!
//! One task that tries for ever: PostgreSQL may come late, go and come back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::accounts::{self, AccountError};
use crate::catalogue::{CatalogueCache, store};
use crate::database::{Database, DatabaseError};
use crate::demo;
use crate::sealing::ContactKey;

/// Pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What is to be kept, and how often it is looked at.
pub(crate) struct Upkeep {
    pub(crate) database: Arc<Database>,
    pub(crate) catalogue: Arc<CatalogueCache>,
    /// Seconds that a hold of the demonstration lives; `None` without demonstration.
    pub(crate) demo_hold_ttl_s: Option<u32>,
    pub(crate) admin_password_file: Option<PathBuf>,
    /// Seals the administrator's account.
    pub(crate) contacts: Arc<ContactKey>,
    pub(crate) poll: Duration,
    /// Told once the first attempt to reach PostgreSQL has failed.
    pub(crate) unreachable: watch::Sender<bool>,
}

impl Upkeep {
    /// Runs until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        let mut told = false;
        while let Err(error) = self.prepare().await {
            let away = matches!(error, AccountError::Database(DatabaseError::Away(_)));
            self.unreachable.send_replace(away);
            if !away && !std::mem::replace(&mut told, true) {
                tracing::error!(%error, "the office's schema or account cannot be prepared");
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        loop {
            // A failure leaves the last copy in place.
            let _ = self.refresh().await;
            tokio::time::sleep(self.poll).await;
        }
    }

    async fn prepare(&self) -> Result<(), AccountError> {
        self.database.migrate().await?;
        if let Some(hold_ttl_s) = self.demo_hold_ttl_s {
            self.database.run(|pool| demo::seed(pool, hold_ttl_s)).await?;
        }
        if let Some(file) = &self.admin_password_file {
            accounts::ensure_administrator(&self.database, &self.contacts, file).await?;
        }
        Ok(())
    }

    async fn refresh(&self) -> Result<(), DatabaseError> {
        let known = self.catalogue.revision();
        let now = self.database.run(|pool| async move { store::revision(&pool).await }).await?;
        if known == Some(now) {
            return Ok(());
        }
        let catalogue = self.database.run(|pool| async move { store::load(&pool).await }).await?;
        tracing::info!(
            revision = catalogue.revision,
            events = catalogue.events.len(),
            "the catalogue was read"
        );
        self.catalogue.put(catalogue);
        Ok(())
    }
}
