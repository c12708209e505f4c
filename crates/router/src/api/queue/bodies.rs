//! How a place in a waiting room and its draw are written. Waits are the longest that the rate allows
//! while seats are free, never a guess at how many give up.

use http_api::time::rfc3339_ms;
use http_api::to_hex;
use inventory::{DrawView, QueueId, QueueStand, Stand};
use processing_unit::PlaceAnswer;
use serde::Serialize;
use utoipa::ToSchema;

use crate::seatmap::PlanView;

/// How the draw is made, for whoever makes it again.
const ALGORITHM: &str = "commitment = SHA-256(seed). crowd(0) = 32 zero bytes; crowd(n) = \
    SHA-256(crowd(n-1) || n as 8 bytes || salt(n) as 16 bytes). draw = SHA-256(seed || crowd). \
    rank(n) = SHA-256(draw || n as 8 bytes). Places follow the ranks from the lowest. All numbers \
    are big-endian.";
/// Seconds between two looks at a place: at least and at most.
const LOOK_S: (u64, u64) = (2, 30);

/// A place in a waiting room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueBody {
    /// The place; none where the room takes nobody in.
    ticket: Option<String>,
    event_id: String,
    /// `waiting`, `ready` (the turn has come: hold now), `closed` (nothing is left).
    status: &'static str,
    /// How many turns come up to one's own, that one among them; none before the draw.
    place: Option<u64>,
    /// How long that is, at most, while seats are free.
    eta_s: Option<u64>,
    remaining_seats: u32,
    /// When the sale opens and the draw is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<String>,
    /// Before the draw: how many are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<u64>,
    /// With a turn: how long it lasts, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    /// What the person adds to the draw, 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    /// When to look again, in seconds.
    poll_in_s: u64,
    /// Where to wait for seats that come back; only where the sale has a waiting list.
    #[serde(skip_serializing_if = "Option::is_none")]
    waitlist: Option<String>,
    /// Shown as `X-Hold-Token` when asking again and when holding; told once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl QueueBody {
    /// A place as it is now.
    pub(super) fn of(ticket: QueueId, plan: &PlanView, found: &PlaceAnswer) -> Self {
        let place = &found.place;
        let mut body = Self::closed(plan);
        body.ticket = Some(ticket.to_string());
        body.salt = Some(format!("{:032x}", place.salt));
        body.remaining_seats = place.free;
        body.stand(place, found.at_ms);
        if place.sold_out && !matches!(place.stand, Stand::Turn { .. }) {
            body.status = "closed";
            body.eta_s = None;
            body.poll_in_s = LOOK_S.1;
        } else {
            body.waitlist = None;
        }
        body
    }

    /// Where a place stands while seats are left.
    fn stand(&mut self, place: &QueueStand, at_ms: u64) {
        self.status = "waiting";
        let rate = u64::from(place.rules.admit_per_s);
        match place.stand {
            Stand::Present => {
                let until_open_ms = place.opens_at_ms.saturating_sub(at_ms);
                self.opens_at = Some(rfc3339_ms(place.opens_at_ms));
                self.present = Some(place.ahead);
                self.eta_s = Some(until_open_ms.div_ceil(1_000) + place.ahead.div_ceil(rate));
                self.poll_in_s = (until_open_ms / 1_000).clamp(LOOK_S.0, LOOK_S.1);
            }
            Stand::Waiting { .. } => {
                let eta_s = place.ahead.div_ceil(rate);
                (self.place, self.eta_s) = (Some(place.ahead), Some(eta_s));
                self.poll_in_s = (eta_s / 4).clamp(LOOK_S.0, LOOK_S.1);
            }
            Stand::Turn { until_ms, .. } => {
                self.status = "ready";
                (self.place, self.eta_s) = (Some(0), Some(0));
                self.expires_in = Some(until_ms.saturating_sub(at_ms) / 1_000);
                self.poll_in_s = LOOK_S.0;
            }
        }
    }

    /// Nothing is left, and the room takes nobody in.
    pub(super) fn closed(plan: &PlanView) -> Self {
        let event_id = plan.sale.event_id.clone();
        let has_waitlist = plan.sale.rules.waitlist_ttl_ms.is_some();
        Self {
            ticket: None,
            status: "closed",
            place: None,
            eta_s: None,
            remaining_seats: 0,
            opens_at: None,
            present: None,
            expires_in: None,
            salt: None,
            poll_in_s: LOOK_S.1,
            waitlist: has_waitlist.then(|| format!("/api/v1/events/{event_id}/waitlist")),
            token: None,
            event_id,
        }
    }

    /// With the token, told once.
    pub(super) fn with(mut self, token: String) -> Self {
        self.token = Some(token);
        self
    }
}

/// The draw of a waiting room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DrawBody {
    event_id: String,
    /// `open` until the sale opens, then `drawn`.
    status: &'static str,
    /// How to make it again.
    algorithm: &'static str,
    /// SHA-256 of the seed, known from the beginning; hexadecimal, as are the others.
    commitment: String,
    /// Told with the draw.
    seed: Option<String>,
    /// What everybody present added, chained in the order of coming.
    crowd: String,
    opens_at: String,
    drawn_at: Option<String>,
    /// How many took part; they have the numbers 1 up to this.
    places: u64,
    /// How many wait now.
    waiting: u64,
    /// Turns a second.
    admit_per_s: u32,
    /// Who took part, in the order of coming.
    items: Vec<DrawnBody>,
    /// The number after which the next page begins.
    next_after: Option<u64>,
}

/// One who took part in a draw.
#[derive(Debug, Serialize, ToSchema)]
struct DrawnBody {
    number: u64,
    salt: String,
    /// Where they came out, from 1.
    place: u64,
}

impl DrawBody {
    /// A page of the draw after a number.
    pub(super) fn of(event_id: &str, after: u64, draw: &DrawView) -> Self {
        let numbers = after.saturating_add(1)..;
        let items: Vec<DrawnBody> = numbers
            .zip(&draw.list)
            .map(|(number, one)| DrawnBody {
                number,
                salt: format!("{:032x}", one.salt),
                place: one.position,
            })
            .collect();
        let places = draw.drawn.map_or(0, |drawn| drawn.places);
        let last = items.last().map(|one| one.number);
        Self {
            event_id: event_id.to_owned(),
            status: if draw.drawn.is_some() { "drawn" } else { "open" },
            algorithm: ALGORITHM,
            commitment: to_hex(&draw.commitment),
            seed: draw.seed.as_ref().map(|seed| to_hex(seed)),
            crowd: to_hex(&draw.crowd),
            opens_at: rfc3339_ms(draw.opens_at_ms),
            drawn_at: draw.drawn.map(|drawn| rfc3339_ms(drawn.at_ms)),
            places,
            waiting: draw.waiting,
            admit_per_s: draw.rules.admit_per_s,
            items,
            next_after: last.filter(|last| *last < places),
        }
    }
}
