//! Puts a plan into an event that nobody can buy yet.

use sqlx::types::Json;
use sqlx::{Connection, PgConnection};

use super::PlanFile;
use crate::catalogue::TierRecord;

/// Why a plan was not put in; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The catalogue has no such event.
    #[error("there is no event {0}")]
    NoEvent(String),
    /// Shoppers may have seats of the old plan.
    #[error("event {0} is published: its plan is in the grid and is changed there")]
    Published(String),
    /// The event's prices and the plan do not fit.
    #[error("{0}")]
    Unfit(String),
    /// The database cannot be reached or refuses.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Gives a draft event this plan.
///
/// # Errors
/// [`ImportError`]; nothing changed then.
pub async fn import(database_url: &str, event: &str, file: &PlanFile) -> Result<(), ImportError> {
    let mut connection = PgConnection::connect(database_url).await?;
    let mut all = connection.begin().await?;
    let found: Option<(String, Json<Vec<TierRecord>>)> =
        sqlx::query_as("select status, tiers from office.event where id = $1 for update")
            .bind(event)
            .fetch_optional(&mut *all)
            .await?;
    let (status, tiers) = found.ok_or_else(|| ImportError::NoEvent(event.to_owned()))?;
    if status != "draft" {
        return Err(ImportError::Published(event.to_owned()));
    }
    let plan = file.plan.to_plan(&tiers).map_err(|error| ImportError::Unfit(error.to_string()))?;
    plan.check().map_err(|fault| ImportError::Unfit(fault.to_string()))?;
    sqlx::query("update office.event set plan = $2, updated_at = now() where id = $1")
        .bind(event)
        .bind(Json(&file.plan))
        .execute(&mut *all)
        .await?;
    all.commit().await?;
    Ok(())
}
