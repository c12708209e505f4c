//! OpenSale: an event's sale begins in this shard. Repeating it with the same content is harmless.

use std::sync::Arc;

use super::Effect;
use crate::outcome::{Outcome, Refusal};
use crate::plan::NAME_BYTES_MAX;
use crate::{Actor, Change, Event, FeedPosition, LedgerRecord, OpenSale, Sale, State};

/// Shortest and longest life of a hold.
const HOLD_TTL_MS: std::ops::RangeInclusive<u32> = 5_000..=1_800_000;
/// Largest permitted `per_hold_max`.
const PER_HOLD_LIMIT: u16 = 100;
/// Events of one shard.
const EVENTS_MAX: usize = 10_000;
/// Seats of one shard, all events together: bounds memory and the size of a snapshot.
const SHARD_SEATS_MAX: usize = 5_000_000;

pub(crate) fn apply(state: &mut State, actor: Actor, c: &OpenSale) -> Result<Effect, Refusal> {
    if let Some(event) = state.events.get(&c.event) {
        return if *event.sale == c.sale && *event.plan == c.plan {
            Ok(Effect { version: event.version, outcome: Outcome::SaleOpened })
        } else {
            Err(Refusal::SaleDiffers)
        };
    }
    check(&c.sale).map_err(|reason| Refusal::SaleInvalid { reason: reason.into() })?;
    c.plan.check().map_err(|e| Refusal::SaleInvalid { reason: e.to_string() })?;
    if state.events.len() >= EVENTS_MAX {
        return Err(Refusal::SaleInvalid { reason: "the shard has 10000 events".into() });
    }
    let seats: usize = state.events.values().map(|event| event.seats.len()).sum();
    if seats + c.plan.seat_count() > SHARD_SEATS_MAX {
        return Err(Refusal::SaleInvalid {
            reason: "the shard would have over 5000000 seats".into(),
        });
    }
    if !state.outbox.has_room(1, state.ledger_records_max) {
        return Err(Refusal::PersistenceBacklog);
    }

    let event = Event::open(c.event, c.sale.clone(), c.plan.clone());
    let version = event.version;
    state.outbox.push(LedgerRecord {
        position: FeedPosition::default(),
        at_ms: state.at_ms,
        event: c.event,
        version,
        actor,
        change: Change::SaleOpened { plan_version: c.plan.version },
    });
    state.events.insert(c.event, Arc::new(event));
    Ok(Effect { version, outcome: Outcome::SaleOpened })
}

fn check(sale: &Sale) -> Result<(), &'static str> {
    if sale.event_id.is_empty() || sale.event_id.len() > 64 {
        return Err("event id must have 1 to 64 bytes");
    }
    if sale.name.is_empty() || sale.name.len() > NAME_BYTES_MAX {
        return Err("name must have 1 to 200 bytes");
    }
    if !sale.currency.iter().all(u8::is_ascii_uppercase) {
        return Err("currency must be three capital letters");
    }
    if sale.opens_at_ms >= sale.closes_at_ms {
        return Err("the sale closes before it opens");
    }
    if !HOLD_TTL_MS.contains(&sale.hold_ttl_ms) {
        return Err("hold time must be 5 s to 30 min");
    }
    if !(1..=PER_HOLD_LIMIT).contains(&sale.per_hold_max) {
        return Err("seats per hold must be 1 to 100");
    }
    Ok(())
}
