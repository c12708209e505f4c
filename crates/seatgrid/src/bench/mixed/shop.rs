//! What visitors of `bench http` do over their connections, and the holds that they have.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use serde::Deserialize;

use super::super::load::{Answer, Arrival, Outcome, Request, Script, Tally, Wire};
use super::super::owners::{Findings, Owners};
use super::mix::{Ask, Mix};

/// The media type of two bits a seat.
const BITMAP: &str = "application/vnd.seatgrid.bitmap";
/// Most seats that one hold of the demonstration events may have.
const PER_HOLD_MAX: u64 = 6;
/// Holds that are kept before the oldest is given back, so that seats do not run out.
const KEPT_MAX: usize = 1_000;
/// Taking everything takes no longer than this, or holds end faster than they are made.
const FILL_WITHIN: Duration = Duration::from_secs(120);
/// No answer at all: broken connection, or none in time.
const NO_ANSWER: &str = "no_answer";
/// An answer that should be one of ours and is not.
const UNREADABLE: &str = "unreadable";

/// Everybody's; members of an order beside its hold.
const BUYER: &str = concat!(
    r#""buyer":{"name":"Anna","email":"anna@example.org","phone":"+79001234567"},"#,
    r#""consents":["personal_data"],"channels":["email"]"#
);

/// A hold that was granted here.
#[derive(Debug, Clone)]
struct Held {
    id: String,
    token: String,
    seats: Vec<String>,
}

/// The body of a granted hold, as far as it is of use.
#[derive(Deserialize)]
struct Granted<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    token: Cow<'a, str>,
    expires_in: u64,
    seats: Vec<Named<'a>>,
}

/// Something with an id.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// One event and those who come for it.
pub struct Shop {
    event: String,
    mix: Mix,
    seed: u64,
    /// What the service is told that a visitor waits.
    deadline_ms: String,
    held: Mutex<VecDeque<Held>>,
    owners: Owners,
    /// The newest tags of map and plan that anybody saw.
    tags: Mutex<[Option<String>; 2]>,
    /// How long the newest hold lives.
    lives_s: AtomicU64,
    /// When the first hold was granted after everything had been taken.
    granted_again: Mutex<Option<Instant>>,
}

impl Shop {
    /// Nobody has anything yet.
    pub fn new(event: &str, mix: Mix, seed: u64, deadline: Duration) -> Self {
        Self {
            event: event.to_owned(),
            mix,
            seed,
            deadline_ms: deadline.as_millis().to_string(),
            held: Mutex::default(),
            owners: Owners::default(),
            tags: Mutex::default(),
            lives_s: AtomicU64::new(0),
            granted_again: Mutex::default(),
        }
    }

    /// What the answers say about whose the seats were.
    pub fn findings(&self) -> Findings {
        self.owners.findings()
    }

    /// How many seats are held here, by holds that may have ended meanwhile.
    pub fn seats_held(&self) -> usize {
        self.held.lock().iter().map(|held| held.seats.len()).sum()
    }

    /// When the first hold of the load was granted.
    pub fn granted_again(&self) -> Option<Instant> {
        *self.granted_again.lock()
    }

    /// Takes every seat that best available gives; answers how long the last hold lives.
    ///
    /// # Errors
    /// When a hold fails other than for lack of seats, or there was none.
    pub async fn fill(&self, wire: &mut Wire) -> Result<Duration> {
        let give_up = Instant::now() + FILL_WITHIN;
        for number in [PER_HOLD_MAX, 1] {
            loop {
                ensure!(Instant::now() < give_up, "{} is not full in time", self.event);
                let (status, code) = self.hold(wire, number).await?;
                if status == 409 {
                    break;
                }
                ensure!(status == 201, "a hold was refused: {code}");
            }
        }
        ensure!(self.seats_held() > 0, "{} has no free seats", self.event);
        *self.granted_again.lock() = None;
        Ok(Duration::from_secs(self.lives_s.load(Ordering::Relaxed)))
    }

    /// Leaves all holds to their own end.
    pub fn forget(&self) {
        self.held.lock().clear();
    }

    /// Gives everything back; what resists ends by itself.
    pub async fn give_back(&self, wire: &mut Wire) {
        loop {
            let oldest = self.held.lock().pop_front();
            let Some(held) = oldest else { return };
            let _ = self.release(wire, &held).await;
        }
    }

    /// Asks for a number of the best seats; the status and code that came.
    async fn hold(&self, wire: &mut Wire, number: u64) -> Result<(u16, String)> {
        let asked = Instant::now();
        let key = uuid::Uuid::now_v7().to_string();
        let path = format!("/api/v1/events/{}/holds", self.event);
        let body = format!(r#"{{"best":{{"number":{number},"prevent_orphans":true}}}}"#);
        let headers = [("idempotency-key", key.as_str()), ("grid-deadline-ms", &self.deadline_ms)];
        let body = body.as_bytes();
        let request = Request { method: "POST", path: &path, headers: &headers, body };
        let answer = wire.ask(request).await?;
        if answer.status == 201 {
            self.keep(asked, &answer)?;
        }
        Ok((answer.status, answer.code()))
    }

    fn keep(&self, asked: Instant, answer: &Answer<'_>) -> Result<()> {
        let granted: Granted<'_> = serde_json::from_slice(answer.body).context(UNREADABLE)?;
        let lives = Duration::from_secs(granted.expires_in);
        let seats = granted.seats.iter().map(|seat| seat.id.as_ref());
        self.owners.granted(&granted.id, seats, (asked, lives));
        self.lives_s.store(granted.expires_in, Ordering::Relaxed);
        self.granted_again.lock().get_or_insert_with(Instant::now);
        self.held.lock().push_back(Held {
            id: granted.id.into_owned(),
            token: granted.token.into_owned(),
            seats: granted.seats.into_iter().map(|seat| seat.id.into_owned()).collect(),
        });
        Ok(())
    }

    async fn release(&self, wire: &mut Wire, held: &Held) -> Result<(u16, String)> {
        self.owners.let_go(&held.id, held.seats.iter().map(String::as_str));
        let path = format!("/api/v1/holds/{}", held.id);
        let headers = [("x-hold-token", held.token.as_str())];
        let request = Request { method: "DELETE", path: &path, headers: &headers, body: &[] };
        let answer = wire.ask(request).await?;
        Ok((answer.status, answer.code()))
    }

    /// Asks for a document that the visitor may know already.
    async fn look(&self, wire: &mut Wire, path: &str, slot: usize) -> Result<(u16, String)> {
        let known = self.tags.lock()[slot].clone();
        let mut headers = vec![("accept", if slot == 0 { BITMAP } else { "application/json" })];
        if let Some(tag) = &known {
            headers.push(("if-none-match", tag));
        }
        let answer = wire.ask(Request::get(path, &headers)).await?;
        if let Some(tag) = answer.header("etag")
            && known.as_deref() != Some(tag)
        {
            self.tags.lock()[slot] = Some(tag.to_owned());
        }
        Ok((answer.status, answer.code()))
    }

    async fn read(&self, wire: &mut Wire, path: &str) -> Result<(u16, String)> {
        let answer = wire.ask(Request::get(path, &[])).await?;
        Ok((answer.status, answer.code()))
    }

    /// Makes an order of a hold; the hold and the order's id come back when there is one.
    async fn order(&self, wire: &mut Wire, held: &Held) -> Result<(u16, String, Option<String>)> {
        let key = uuid::Uuid::now_v7().to_string();
        let body = format!(r#"{{"hold_id":"{}",{BUYER}}}"#, held.id);
        let headers = [
            ("idempotency-key", key.as_str()),
            ("x-hold-token", held.token.as_str()),
            ("grid-deadline-ms", &self.deadline_ms),
        ];
        let body = body.as_bytes();
        let request = Request { method: "POST", path: "/api/v1/orders", headers: &headers, body };
        let answer = wire.ask(request).await?;
        let made = (answer.status == 201).then(|| serde_json::from_slice::<Named<'_>>(answer.body));
        let order = made.transpose().context(UNREADABLE)?.map(|order| order.id.into_owned());
        Ok((answer.status, answer.code(), order))
    }

    async fn cancel(&self, wire: &mut Wire, order: &str, held: &Held) -> Result<(u16, String)> {
        self.owners.let_go(&held.id, held.seats.iter().map(String::as_str));
        let key = uuid::Uuid::now_v7().to_string();
        let path = format!("/api/v1/orders/{order}/cancel");
        let headers = [("idempotency-key", key.as_str()), ("x-hold-token", held.token.as_str())];
        let request = Request { method: "POST", path: &path, headers: &headers, body: b"{}" };
        let answer = wire.ask(request).await?;
        Ok((answer.status, answer.code()))
    }

    /// A hold to buy, asked for first where there is none.
    async fn hold_to_buy(&self, wire: &mut Wire) -> Result<Option<Held>> {
        let newest = self.held.lock().pop_back();
        if newest.is_some() {
            return Ok(newest);
        }
        self.hold(wire, 1).await?;
        Ok(self.held.lock().pop_back())
    }

    /// An order, and its cancelling beside.
    async fn buy(&self, due: Instant, wire: &mut Wire, tally: &Tally) {
        let held = match self.hold_to_buy(wire).await {
            Ok(Some(held)) => held,
            Ok(None) => return tally.note(Ask::Order.name(), due, Outcome::Refused("no_hold")),
            Err(_) => return tally.note(Ask::Order.name(), due, Outcome::Failed(NO_ANSWER)),
        };
        let made = self.order(wire, &held).await;
        let (told, order) = match made {
            Ok((status, code, order)) => (Ok((status, code)), order),
            Err(error) => (Err(error), None),
        };
        note(tally, Ask::Order.name(), due, told);
        match order {
            Some(order) => {
                let began = Instant::now();
                let told = self.cancel(wire, &order, &held).await;
                note(tally, "cancel", began, told);
            }
            None => self.held.lock().push_front(held),
        }
    }

    /// Gives the oldest hold back when there are too many, unless all are kept.
    async fn make_room(&self, wire: &mut Wire, tally: &Tally) {
        let oldest = {
            let mut held = self.held.lock();
            let is_full = held.len() > KEPT_MAX && !self.mix.begins_full();
            if is_full { held.pop_front() } else { None }
        };
        if let Some(held) = oldest {
            let began = Instant::now();
            let told = self.release(wire, &held).await;
            note(tally, "release", began, told);
        }
    }
}

impl Script for Shop {
    async fn carry_out(&self, arrival: Arrival, wire: &mut Wire, tally: &Arc<Tally>) {
        let Arrival { number, due } = arrival;
        let ask = self.mix.ask(number, self.seed);
        let event = format!("/api/v1/events/{}", self.event);
        let told = match ask {
            Ask::Order => return self.buy(due, wire, tally).await,
            Ask::Hold => self.hold(wire, self.mix.seats(number, self.seed)).await,
            Ask::Map => self.look(wire, &format!("{event}/seats"), 0).await,
            Ask::Plan => self.look(wire, &format!("{event}/plan"), 1).await,
            Ask::Counts => self.read(wire, &format!("{event}/availability")).await,
            Ask::Events => self.read(wire, "/api/v1/events").await,
        };
        note(tally, ask.name(), due, told);
        if ask == Ask::Hold {
            self.make_room(wire, tally).await;
        }
    }
}

fn note(tally: &Tally, kind: &'static str, due: Instant, told: Result<(u16, String)>) {
    match &told {
        Ok((status, code)) => tally.note(kind, due, Outcome::of(*status, code)),
        Err(_) => tally.note(kind, due, Outcome::Failed(NO_ANSWER)),
    }
}
