//! Three kinds of clients, by what they do when they are told to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::compare::buyers::{Buyers, HOLD, NO_ANSWER, Told, Wish};
use super::super::load::{Arrival, Outcome, Script, Tally, Wire};

/// How often a client that tries again does so.
const RETRIES_MAX: u32 = 3;
/// Clients that wait to come back; more give up, or the load itself would be out of memory.
const WAITING_MAX: usize = 100_000;
/// Connections kept for those who come back.
const SPARE_MAX: usize = 1_024;
/// Pause between looks whether everybody is gone.
const LOOK: Duration = Duration::from_millis(50);
/// Whoever has waited for so long for a connection is gone, and nothing is sent.
const GONE: &str = "gave_up_before_sending";

/// What a client does when it is refused for load or not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manners {
    /// Goes away.
    NeverRetry,
    /// Tries three times more at once, as badly written programs do.
    RetryAtOnce,
    /// Comes back when it was told to, three times at most.
    ObeyRetryAfter,
}

impl Manners {
    /// How long such a client waits in all.
    pub fn patience(self) -> Duration {
        match self {
            Self::NeverRetry | Self::RetryAtOnce => Duration::from_secs(2),
            Self::ObeyRetryAfter => Duration::from_secs(10),
        }
    }

    /// How soon all must be well after the trigger is gone.
    pub fn recovery_max(self) -> Duration {
        match self {
            Self::NeverRetry | Self::ObeyRetryAfter => Duration::from_secs(5),
            Self::RetryAtOnce => Duration::from_secs(30),
        }
    }
}

/// Buyers with manners.
pub struct Crowd {
    buyers: Arc<Buyers>,
    manners: Manners,
    address: String,
    waiting: Arc<AtomicUsize>,
    spare: Arc<Mutex<Vec<Wire>>>,
}

/// A buyer who comes back.
struct Returning {
    wish: Wish,
    arrival: Arrival,
    tries: u32,
    after: Duration,
}

impl Crowd {
    /// Nobody is there yet.
    pub fn new(buyers: Arc<Buyers>, manners: Manners, address: &str) -> Self {
        let (waiting, spare) = (Arc::default(), Arc::default());
        Self { buyers, manners, address: address.to_owned(), waiting, spare }
    }

    /// Resolves when nobody waits to come back any more; their own patience bounds it.
    pub async fn gone(&self) {
        while self.waiting.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Script for Arc<Crowd> {
    async fn carry_out(&self, arrival: Arrival, wire: &mut Wire, tally: &Arc<Tally>) {
        if arrival.due.elapsed() > self.manners.patience() {
            return tally.note(HOLD, arrival.due, Outcome::Failed(GONE));
        }
        let wish = self.buyers.wish(arrival.number);
        let mut tries = 0;
        loop {
            let told = self.buyers.ask(&wish, wire).await.ok();
            let again = self.comes_back(told.as_ref(), arrival.due, tries);
            tries += 1;
            match again {
                Some(Duration::ZERO) => {}
                Some(after) => {
                    let returning = Returning { wish, arrival, tries, after };
                    return come_back(self, returning, tally);
                }
                None => {
                    settle(&self.buyers, &wish, arrival.due, told.as_ref(), tally);
                    break;
                }
            }
        }
        self.buyers.make_room(wire, tally).await;
    }
}

impl Crowd {
    /// After how long this client asks again; `None` when it does not.
    fn comes_back(&self, told: Option<&Told>, due: Instant, tries: u32) -> Option<Duration> {
        let is_unserved = told.is_none_or(|told| told.status >= 500 || told.status == 429);
        if !is_unserved || tries >= RETRIES_MAX {
            return None;
        }
        let after = match self.manners {
            Manners::NeverRetry => return None,
            Manners::RetryAtOnce => Duration::ZERO,
            // Without a word about it a polite client waits all the same.
            Manners::ObeyRetryAfter => {
                told.and_then(|told| told.retry_after).unwrap_or(Duration::from_secs(1))
            }
        };
        (due.elapsed() + after < self.manners.patience()).then_some(after)
    }
}

/// Waits beside the connections, and asks again over a spare one.
fn come_back(crowd: &Arc<Crowd>, mut returning: Returning, tally: &Arc<Tally>) {
    let Returning { arrival, .. } = returning;
    if crowd.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING_MAX {
        crowd.waiting.fetch_sub(1, Ordering::AcqRel);
        return settle(&crowd.buyers, &returning.wish, arrival.due, None, tally);
    }
    let (crowd, tally) = (Arc::clone(crowd), Arc::clone(tally));
    tokio::spawn(async move {
        let spare = || crowd.spare.lock().pop();
        loop {
            tokio::time::sleep(returning.after).await;
            let mut wire =
                spare().unwrap_or_else(|| Wire::new(&crowd.address, crowd.manners.patience()));
            let told = crowd.buyers.ask(&returning.wish, &mut wire).await.ok();
            let again = crowd.comes_back(told.as_ref(), arrival.due, returning.tries);
            if again.is_none() {
                settle(&crowd.buyers, &returning.wish, arrival.due, told.as_ref(), &tally);
                crowd.buyers.make_room(&mut wire, &tally).await;
            }
            let mut spare = crowd.spare.lock();
            if spare.len() < SPARE_MAX {
                spare.push(wire);
            }
            match again {
                Some(after) => (returning.after, returning.tries) = (after, returning.tries + 1),
                None => break,
            }
        }
        crowd.waiting.fetch_sub(1, Ordering::AcqRel);
    });
}

/// The end of one buyer's story.
fn settle(buyers: &Buyers, wish: &Wish, due: Instant, told: Option<&Told>, tally: &Tally) {
    let outcome = match told {
        Some(told) => Outcome::of(told.status, &told.code),
        None => Outcome::Failed(NO_ANSWER),
    };
    tally.note(HOLD, due, outcome);
    if outcome != Outcome::Good {
        buyers.give_up(wish);
    }
}
