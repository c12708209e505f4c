//! All seats of an event as of one version: an immutable value with its rendered forms, which are
//! made once and shared by everybody who reads that version.

use std::sync::OnceLock;

use bytes::Bytes;
use http::HeaderValue;
use inventory::{SeatCounts, SeatIx, SeatStatus};
use processing_unit::{MapChanges, SeatMap};

use super::PlanView;
use crate::etag;

/// Seats in one byte.
const SEATS_PER_BYTE: usize = 4;

/// Seats as of one version.
#[derive(Debug)]
pub(crate) struct MapView {
    pub(crate) version: u64,
    /// Two bits a seat in plan order, as in the contract.
    pub(crate) bits: Bytes,
    pub(crate) total: SeatCounts,
    pub(crate) sections: Vec<SeatCounts>,
    pub(crate) tiers: Vec<SeatCounts>,
    fingerprint: u64,
    json: OnceLock<Bytes>,
}

impl MapView {
    /// The view after `map`, which tells all seats or what changed since `older` or earlier. `None`
    /// when it does not fit the plan or there is nothing to add the changes to.
    pub(crate) fn next(plan: &PlanView, older: Option<&Self>, map: SeatMap) -> Option<Self> {
        let len = plan.seat_count().div_ceil(SEATS_PER_BYTE);
        let bits = match map.changes {
            MapChanges::Full(bits) => bits,
            MapChanges::Since(changes) => {
                let mut bits = older?.bits.to_vec();
                for (seat, status) in changes {
                    put(&mut bits, seat, status)?;
                }
                bits
            }
        };
        let fits = bits.len() == len
            && map.sections.len() == plan.plan.sections.len()
            && map.tiers.len() == plan.plan.tiers.len();
        fits.then(|| Self {
            version: map.version,
            fingerprint: etag::fingerprint(&bits),
            bits: bits.into(),
            total: map.total,
            sections: map.sections,
            tiers: map.tiers,
            json: OnceLock::new(),
        })
    }

    /// A seat's status.
    pub(crate) fn status(&self, seat: SeatIx) -> SeatStatus {
        let byte = self.bits.get(seat.at() / SEATS_PER_BYTE).copied().unwrap_or_default();
        decode(byte >> (seat.at() % SEATS_PER_BYTE * 2))
    }

    /// The tag of one form of this view; `form` keeps the forms apart.
    pub(crate) fn etag(&self, form: char) -> HeaderValue {
        etag::tag(&format!("{}-{:x}-{form}", self.version, self.fingerprint))
    }

    /// The answer to `GET …/seats` as JSON.
    pub(crate) fn json(&self, plan: &PlanView) -> Bytes {
        self.json.get_or_init(|| self.render(plan)).clone()
    }

    fn render(&self, plan: &PlanView) -> Bytes {
        /// Longest status, quote, brace and comma.
        const TAIL_LEN: usize = 10;
        let seats = plan.seat_count();
        let mut out = Vec::with_capacity(plan.heads_len() + seats * TAIL_LEN + 64);
        out.extend_from_slice(format!("{{\"version\":{},\"seats\":[", self.version).as_bytes());
        for at in 0..seats {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(plan.head(at));
            out.extend_from_slice(self.status(SeatIx(at as u32)).as_str().as_bytes());
            out.extend_from_slice(b"\"}");
        }
        out.extend_from_slice(b"]}");
        out.into()
    }
}

fn decode(bits: u8) -> SeatStatus {
    match bits & 3 {
        0 => SeatStatus::Free,
        1 => SeatStatus::Held,
        2 => SeatStatus::Sold,
        _ => SeatStatus::Blocked,
    }
}

fn put(bits: &mut [u8], seat: SeatIx, status: SeatStatus) -> Option<()> {
    let byte = bits.get_mut(seat.at() / SEATS_PER_BYTE)?;
    let shift = seat.at() % SEATS_PER_BYTE * 2;
    *byte = *byte & !(3 << shift) | (status as u8) << shift;
    Some(())
}
