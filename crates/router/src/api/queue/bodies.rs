//! How a place in a waiting room and its draw are written. Waits are the longest that the rate allows
//! while seats are free, never a guess at how many give up.

use http_api::time::rfc3339_ms;
use inventory::{DrawView, QueueId, Stand};
use processing_unit::PlaceAnswer;
use serde::Serialize;
use utoipa::ToSchema;

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
    pub(super) fn of(ticket: QueueId, event_id: &str, found: &PlaceAnswer) -> Self {
        let place = &found.place;
        let rate = u64::from(place.rules.admit_per_s);
        let until_open_ms = place.opens_at_ms.saturating_sub(found.at_ms);
        let mut body = Self {
            ticket: Some(ticket.to_string()),
            event_id: event_id.to_owned(),
            status: if place.sold_out { "closed" } else { "waiting" },
            place: None,
            eta_s: None,
            remaining_seats: place.free,
            opens_at: None,
            present: None,
            expires_in: None,
            salt: Some(format!("{:032x}", place.salt)),
            poll_in_s: LOOK_S.0,
            waitlist: None,
            token: None,
        };
        match place.stand {
            Stand::Present => {
                body.opens_at = Some(rfc3339_ms(place.opens_at_ms));
                body.present = Some(place.ahead);
                body.eta_s = Some(until_open_ms.div_ceil(1_000) + place.ahead.div_ceil(rate));
                body.poll_in_s = (until_open_ms / 1_000).clamp(LOOK_S.0, LOOK_S.1);
            }
            Stand::Waiting { .. } => {
                let eta_s = place.ahead.div_ceil(rate);
                (body.place, body.eta_s) = (Some(place.ahead), Some(eta_s));
                body.poll_in_s = (eta_s / 4).clamp(LOOK_S.0, LOOK_S.1);
            }
            Stand::Turn { until_ms, .. } => {
                body.status = "ready";
                (body.place, body.eta_s) = (Some(0), Some(0));
                body.expires_in = Some(until_ms.saturating_sub(found.at_ms) / 1_000);
            }
        }
        if body.status == "closed" {
            body.eta_s = None;
            body.poll_in_s = LOOK_S.1;
        }
        body
    }

    /// A room that takes nobody in: nothing is left.
    pub(super) fn closed(event_id: &str, has_waitlist: bool) -> Self {
        Self {
            ticket: None,
            event_id: event_id.to_owned(),
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
            commitment: hex(&draw.commitment),
            seed: draw.seed.as_ref().map(hex),
            crowd: hex(&draw.crowd),
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

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
