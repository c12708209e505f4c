//! When holds are granted: the sale's window in the log's time, presale codes, the stop switch.

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
    if s.at_ms >= sale.opens_at_ms {
        return Ok(None);
    }
    let Some(hash) = presale else {
        return Err(Refusal::SaleNotOpen { opens_at_ms: sale.opens_at_ms });
    };
    s.event.codes.presale(hash, s.at_ms)?;
    Ok(Some(hash))
}
