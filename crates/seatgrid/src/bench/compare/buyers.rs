//! The load of the comparison: holds of named seats, or of the best; each is given back some time
//! later, so that the hall never runs out. The same for all systems.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use parking_lot::Mutex;
use rivals::Hall;
use serde::Deserialize;

use super::super::holds::pool::{Held, Pool};
use super::super::load::{Answer, Arrival, Outcome, Request, Script, Tally, Wire, mixed};
use super::super::owners::{Findings, Owners};

/// Holds kept before the oldest is given back, in shares of the hall.
const KEPT_SHARE: usize = 10;
/// As in reports.
pub const HOLD: &str = "hold";
/// No answer at all: broken connection, or none in time.
pub const NO_ANSWER: &str = "no_answer";

/// What one buyer asks for, as often as it takes.
pub struct Wish {
    key: String,
    body: String,
    seats: Vec<u32>,
}

/// What was answered.
pub struct Told {
    pub status: u16,
    pub code: String,
    /// When to come back, where the service says so.
    pub retry_after: Option<Duration>,
}

/// The body of a granted hold, as far as it is of use.
#[derive(Deserialize)]
struct Granted<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    token: Cow<'a, str>,
    expires_in: u64,
    seats: Vec<Seat<'a>>,
}

#[derive(Deserialize)]
struct Seat<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// A hold of best seats.
struct Best {
    id: String,
    token: String,
    seats: Vec<String>,
}

/// All buyers of one system.
pub struct Buyers {
    path: String,
    takes_best: bool,
    seed: u64,
    kept_max: usize,
    pool: Pool,
    best: Mutex<VecDeque<Best>>,
    owners: Owners,
}

impl Buyers {
    /// Nobody has anything yet.
    pub fn new(hall: &Hall, takes_best: bool, seed: u64) -> Self {
        Self {
            path: format!("/api/v1/events/{}/holds", hall.event),
            takes_best,
            seed,
            kept_max: (hall.seats.len() / KEPT_SHARE).max(1),
            pool: Pool::new(hall.seats.clone(), seed),
            best: Mutex::default(),
            owners: Owners::default(),
        }
    }

    /// What the answers say about whose the seats were.
    pub fn findings(&self) -> Findings {
        self.owners.findings()
    }

    /// What the buyer of an arrival asks for.
    pub fn wish(&self, number: u64) -> Wish {
        let key = uuid::Uuid::now_v7().to_string();
        let wished = if self.takes_best { vec![] } else { self.pool.wish() };
        let body = if self.takes_best {
            // As many pairs as among the named wishes.
            let number = 1 + u64::from(mixed(number, self.seed, 8) == 0);
            format!(r#"{{"best":{{"number":{number},"prevent_orphans":true}}}}"#)
        } else {
            let names: Vec<String> = wished.iter().map(|seat| self.pool.name(*seat)).collect();
            format!(r#"{{"seats":["{}"]}}"#, names.join("\",\""))
        };
        Wish { key, body, seats: wished }
    }

    /// Asks once; the same wish may be asked again.
    pub async fn ask(&self, wish: &Wish, wire: &mut Wire) -> Result<Told> {
        let headers = [("idempotency-key", wish.key.as_str())];
        let body = wish.body.as_bytes();
        let request = Request { method: "POST", path: &self.path, headers: &headers, body };
        let asked = Instant::now();
        let answer = wire.ask(request).await?;
        if answer.status == 201 {
            self.keep(asked, &answer, wish.seats.clone())?;
        }
        let after = answer.header("retry-after").and_then(|value| value.parse().ok());
        let retry_after = after.map(Duration::from_secs);
        Ok(Told { status: answer.status, code: answer.code(), retry_after })
    }

    /// Nobody asks again. Without an answer the seats may be held; then whoever asks is refused.
    pub fn give_up(&self, wish: &Wish) {
        self.pool.give_back(&wish.seats);
    }

    /// Gives the oldest hold back when there are too many.
    pub async fn make_room(&self, wire: &mut Wire, tally: &Tally) {
        if let Some((hold, seats)) = self.oldest(self.kept_max) {
            let began = Instant::now();
            let told = self.release(wire, &hold).await;
            let is_free = matches!(told, Ok((200..300, _)));
            match &told {
                Ok((status, code)) => tally.note("release", began, Outcome::of(*status, code)),
                Err(_) => tally.note("release", began, Outcome::Failed(NO_ANSWER)),
            }
            if is_free {
                self.pool.give_back(&seats);
            }
        }
    }

    fn keep(&self, asked: Instant, answer: &Answer<'_>, wished: Vec<u32>) -> Result<()> {
        let granted: Granted<'_> = serde_json::from_slice(answer.body).context("unreadable")?;
        let lives = Duration::from_secs(granted.expires_in);
        let names = granted.seats.iter().map(|seat| seat.id.as_ref());
        self.owners.granted(&granted.id, names, (asked, lives));
        let (id, token) = (granted.id.into_owned(), granted.token.into_owned());
        if self.takes_best {
            let seats = granted.seats.into_iter().map(|seat| seat.id.into_owned()).collect();
            self.best.lock().push_back(Best { id, token, seats });
        } else {
            self.pool.keep(Held { id, token, seats: wished });
        }
        Ok(())
    }

    /// Takes the oldest hold out when there are more than are kept, or in any case.
    fn oldest(&self, kept_max: usize) -> Option<(Best, Vec<u32>)> {
        if self.takes_best {
            let mut best = self.best.lock();
            let is_over = best.len() > kept_max;
            return if is_over { best.pop_front().map(|best| (best, vec![])) } else { None };
        }
        let Held { id, token, seats } = self.pool.oldest_beyond(kept_max)?;
        let names = seats.iter().map(|seat| self.pool.name(*seat)).collect();
        Some((Best { id, token, seats: names }, seats))
    }

    async fn release(&self, wire: &mut Wire, hold: &Best) -> Result<(u16, String)> {
        self.owners.let_go(&hold.id, hold.seats.iter().map(String::as_str));
        let path = format!("/api/v1/holds/{}", hold.id);
        let headers = [("x-hold-token", hold.token.as_str())];
        let request = Request { method: "DELETE", path: &path, headers: &headers, body: &[] };
        let answer = wire.ask(request).await?;
        Ok((answer.status, answer.code()))
    }
}

impl Script for Buyers {
    async fn carry_out(&self, arrival: Arrival, wire: &mut Wire, tally: &Arc<Tally>) {
        let wish = self.wish(arrival.number);
        let told = self.ask(&wish, wire).await;
        let outcome = match &told {
            Ok(told) => Outcome::of(told.status, &told.code),
            Err(_) => Outcome::Failed(NO_ANSWER),
        };
        tally.note(HOLD, arrival.due, outcome);
        if outcome != Outcome::Good {
            self.give_up(&wish);
        }
        self.make_room(wire, tally).await;
    }
}
