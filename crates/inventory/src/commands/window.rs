//! When holds are granted: the sale's window in the log's time, presale codes, the stop switch, and a
//! beginning that waits until PostgreSQL has caught up.

use super::Scope;
use crate::Refusal;

/// Refuses while no holds are granted; the presale code, if that is what lets the asker in.
pub(super) fn check(s: &Scope<'_>, presale: Option<u128>) -> Result<Option<u128>, Refusal> {
    let sale = &s.event.sale;
    if s.event.cancel.is_some() {
        return Err(Refusal::EventCancelled);
    }
    if s.event.paused {
        return Err(Refusal::SalePaused);
    }
    if s.at_ms >= sale.closes_at_ms {
        return Err(Refusal::SaleClosed);
    }
    let waits = s.opening_waits();
    if s.at_ms >= sale.opens_at_ms && !waits {
        return Ok(None);
    }
    let Some(hash) = presale else {
        return Err(if waits {
            Refusal::PersistenceBacklog
        } else {
            Refusal::SaleNotOpen { opens_at_ms: sale.opens_at_ms }
        });
    };
    s.event.codes.presale(hash, s.at_ms)?;
    Ok(Some(hash))
}
