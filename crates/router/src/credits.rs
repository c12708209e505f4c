//! Credits of shards: how many holds may be on their way to one at a time, found by how long they take.
//!
//! A shard that is given more than it does answers everything late and, behind its deadline, nothing in
//! time. So each router lets only so many holds be under way there; the others are told at once, before
//! their body is read, to come back in a moment. The number follows CoDel's rule: what counts is the
//! shortest time of a window, since a queue that empties within one is a burst and no overload. Only
//! holds need credit: releases, orders, money and reads always pass. No state outlives the process.

mod control;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_api::{Code, Deadline, Problem};
use metrics::{Counter, Gauge};
use parking_lot::{Mutex, RwLock};
use processing_unit::ShardId;

use control::Control;
pub(crate) use control::CreditLimits;

use crate::state::{App, Router};

/// All shards' credits.
pub(crate) struct Credits {
    limits: CreditLimits,
    /// As many as the grid has shards: numbers come from the route table.
    shards: RwLock<HashMap<ShardId, Arc<Shard>>>,
    shed_for_credit: Counter,
    shed_for_deadline: Counter,
}

struct Shard {
    under_way: AtomicUsize,
    /// What `control` last said, to be read without its lock.
    most: AtomicUsize,
    control: Mutex<Control>,
    gauge: Gauge,
}

/// A place on the way to a shard, given back when dropped.
pub(crate) struct Credit {
    shard: Arc<Shard>,
    entered_at: Instant,
}

fn shed_for(reason: &'static str) -> metrics::Counter {
    metrics::counter!("seatgrid_router_holds_shed_total", "reason" => reason)
}

impl Credits {
    /// Every shard begins with the most.
    pub(crate) fn new(limits: CreditLimits) -> Self {
        Self {
            limits,
            shards: RwLock::default(),
            shed_for_credit: shed_for("credit"),
            shed_for_deadline: shed_for("deadline"),
        }
    }

    /// Takes a place, or tells why there is none: nothing happened then.
    pub(crate) fn enter(&self, shard: ShardId, deadline: Deadline) -> Result<Credit, Problem> {
        let shard = self.shard(shard);
        let entered_at = Instant::now();
        if deadline.0.saturating_duration_since(entered_at) < shard.control.lock().least(entered_at)
        {
            self.shed_for_deadline.increment(1);
            return Err(Problem::new(Code::Overloaded).detail("Not to be done in the time given"));
        }
        // Counted before it is compared, so that no two take the last place.
        let under_way = shard.under_way.fetch_add(1, Ordering::AcqRel) + 1;
        let credit = Credit { shard, entered_at };
        if under_way > credit.shard.most.load(Ordering::Acquire) {
            credit.shard.control.lock().was_full();
            self.shed_for_credit.increment(1);
            return Err(Problem::new(Code::Overloaded));
        }
        Ok(credit)
    }

    /// Whether a hold would find no place now. May be wrong a moment later.
    fn is_full(&self, shard: ShardId) -> bool {
        let shards = self.shards.read();
        let Some(shard) = shards.get(&shard) else { return false };
        let is_full = shard.under_way.load(Ordering::Acquire) >= shard.most.load(Ordering::Acquire);
        if is_full {
            shard.control.lock().was_full();
            self.shed_for_credit.increment(1);
        }
        is_full
    }

    fn shard(&self, number: ShardId) -> Arc<Shard> {
        if let Some(shard) = self.shards.read().get(&number) {
            return Arc::clone(shard);
        }
        let mut shards = self.shards.write();
        let shard =
            shards.entry(number).or_insert_with(|| Arc::new(Shard::new(number, self.limits)));
        Arc::clone(shard)
    }
}

impl Shard {
    fn new(number: ShardId, limits: CreditLimits) -> Self {
        let gauge = metrics::gauge!("seatgrid_router_credits", "shard" => number.to_string());
        gauge.set(limits.most as f64);
        Self {
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(limits.most),
            control: Mutex::new(Control::new(limits, Instant::now())),
            gauge,
        }
    }
}

impl Credit {
    /// The shard answered. Not called for what was given up: that says nothing about the shard.
    pub(crate) fn answered(self) {
        let (now, under_way) = (Instant::now(), self.shard.under_way.load(Ordering::Acquire));
        let took = now.saturating_duration_since(self.entered_at);
        let changed = self.shard.control.lock().answered(now, took, under_way);
        if let Some(most) = changed {
            self.shard.most.store(most, Ordering::Release);
            self.shard.gauge.set(most as f64);
        }
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.shard.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The layer in front of holds; use with `axum::middleware::from_fn_with_state`. Refuses before the body
/// is read where no place is to be had, so that a refusal costs little.
pub(crate) async fn guard(
    State(app): State<App>,
    Path(event): Path<String>,
    request: Request,
    next: Next,
) -> Response {
    match ensure_room(&app, &event) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Refuses where a hold of the event would find no place on its way.
///
/// # Errors
/// `overloaded`.
pub(crate) fn ensure_room(app: &Router, event: &str) -> Result<(), Problem> {
    let pin = app.grid.routes().pins.get(event).copied();
    let is_full = pin.is_some_and(|pin| app.credits.is_full(pin.shard));
    if is_full { Err(Problem::new(Code::Overloaded)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn credits(least: usize, most: usize) -> Credits {
        Credits::new(CreditLimits { least, most, target: Duration::from_millis(50) })
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(60))
    }

    #[test]
    fn places_are_bounded_by_shard_and_given_back() {
        let credits = credits(2, 2);
        let first = credits.enter(1, soon()).expect("a place");
        let _second = credits.enter(1, soon()).expect("a place");
        assert!(credits.is_full(1) && !credits.is_full(2));
        let refused = credits.enter(1, soon()).err().expect("no place");
        assert_eq!(refused.code(), Code::Overloaded);
        let _elsewhere = credits.enter(2, soon()).expect("another shard");
        first.answered();
        assert!(!credits.is_full(1), "the refused one took nothing");
        assert!(credits.enter(1, soon()).is_ok());
    }

    #[test]
    fn what_cannot_be_done_in_time_is_refused_before_it_begins() {
        let credits = credits(1, 8);
        let credit = credits.enter(1, soon()).expect("a place");
        let slow = Instant::now() + control::WINDOW;
        credit.shard.control.lock().answered(slow, Duration::from_secs(3), 1);
        assert!(credits.enter(1, Deadline::after(Duration::from_secs(1))).is_err());
        assert!(credits.enter(1, soon()).is_ok());
    }
}
