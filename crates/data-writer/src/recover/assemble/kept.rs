//! What `grid.recovery` keeps of an event, read back.

use std::collections::{BTreeMap, BTreeSet};

use inventory::{Code, CodeUse, Hold, HoldPurpose, Order, Plan, Sale, SeatIx, WaitEntry, codec};
use serde::de::DeserializeOwned;

use super::super::load::KeptLine;
use crate::kept::{KeptKind, Place, Window};

/// Everything kept of one event.
pub(super) struct Things {
    pub(super) sale: Sale,
    pub(super) plan: Plan,
    window: Option<Window>,
    pub(super) paused: bool,
    pub(super) cancelled: bool,
    pub(super) removed: Vec<SeatIx>,
    codes: Vec<Code>,
    pub(super) limits: Vec<(u128, u16)>,
    places: BTreeMap<u64, Place>,
    served: BTreeSet<u64>,
    pages: BTreeMap<String, String>,
    refund_keys: BTreeMap<String, u32>,
    /// The highest number of a place.
    pub(super) last_place: Option<u64>,
}

impl Things {
    pub(super) fn of(rows: &[KeptLine]) -> Result<Self, String> {
        let mut kinds = BTreeMap::<&str, Vec<&KeptLine>>::new();
        for row in rows {
            kinds.entry(&row.kind).or_default().push(row);
        }
        let of = |kind: KeptKind| kinds.get(kind.as_str()).cloned().unwrap_or_default();
        let one = |kind| of(kind).into_iter().next();
        let missing = |kind: KeptKind| {
            let kind = kind.as_str();
            format!("its {kind} is not kept: it was opened before the tables kept such things")
        };
        let sale = one(KeptKind::Sale).ok_or_else(|| missing(KeptKind::Sale))?;
        let plan = one(KeptKind::Plan).ok_or_else(|| missing(KeptKind::Plan))?;
        let numbers = |kind| of(kind).into_iter().map(number).collect::<Result<Vec<u64>, _>>();
        let removed = numbers(KeptKind::Removed)?;
        let person = |row: &KeptLine| Ok::<_, String>((hexadecimal(row)?, decoded(row)?));
        let place = |row: &KeptLine| Ok::<_, String>((number(row)?, decoded(row)?));
        let named = |row: &KeptLine| Ok::<_, String>((row.key.clone(), decoded(row)?));
        let key = |row: &KeptLine| Ok::<_, String>((row.key.clone(), decoded(row)?));
        let places: BTreeMap<u64, Place> =
            of(KeptKind::Wait).into_iter().map(place).collect::<Result<_, _>>()?;
        let served: BTreeSet<u64> = numbers(KeptKind::Served)?.into_iter().collect();
        let last_place = places.keys().chain(&served).max().copied();
        Ok(Self {
            sale: decoded(sale)?,
            plan: decoded(plan)?,
            window: one(KeptKind::Window).map(decoded).transpose()?,
            paused: one(KeptKind::Paused).is_some(),
            cancelled: one(KeptKind::Cancelled).is_some(),
            removed: removed.into_iter().map(|no| SeatIx(no as u32)).collect(),
            codes: of(KeptKind::Code).into_iter().map(decoded).collect::<Result<_, _>>()?,
            limits: of(KeptKind::PersonLimit).into_iter().map(person).collect::<Result<_, _>>()?,
            pages: of(KeptKind::PaymentPage).into_iter().map(named).collect::<Result<_, _>>()?,
            refund_keys: of(KeptKind::RefundKey).into_iter().map(key).collect::<Result<_, _>>()?,
            places,
            served,
            last_place,
        })
    }

    /// The terms with the window of now.
    pub(super) fn sale_now(&self) -> Sale {
        let mut sale = self.sale.clone();
        if let Some(window) = self.window {
            (sale.opens_at_ms, sale.closes_at_ms) = (window.opens_at_ms, window.closes_at_ms);
        }
        sale
    }

    /// The window of the opening, if another was set.
    pub(super) fn first_window(&self) -> Option<(u64, u64)> {
        self.window.map(|_| (self.sale.opens_at_ms, self.sale.closes_at_ms))
    }

    pub(super) fn payment_page(&self, payment_id: &str) -> Option<String> {
        self.pages.get(payment_id).cloned()
    }

    pub(super) fn refund_key(&self, refund_id: &str) -> u32 {
        self.refund_keys.get(refund_id).copied().unwrap_or(0)
    }

    /// Whether a place is known.
    pub(super) fn waits(&self, entry: u64) -> bool {
        self.places.contains_key(&entry)
    }

    /// Codes with what was sold under them; what is held the grid counts itself.
    pub(super) fn codes(&self, orders: &[Order]) -> Vec<CodeUse> {
        let mut sold = BTreeMap::<u128, (u32, i64)>::new();
        for order in orders.iter().filter(|order| order.paid_at_ms.is_some()) {
            let terms = &order.terms;
            let seats = (order.seats.len() + order.left.len()) as u32;
            let promo =
                terms.promo.map(|hash| (hash, u32::from(terms.promo_seats), terms.discount_minor));
            let presale = terms.presale.map(|hash| (hash, seats, 0));
            for (hash, seats, minor) in promo.into_iter().chain(presale) {
                let known = sold.entry(hash).or_default();
                known.0 += seats;
                known.1 += minor;
            }
        }
        let used = |code: &Code| {
            let (sold_seats, sold_minor) = sold.get(&code.hash).copied().unwrap_or_default();
            CodeUse { code: code.clone(), held_seats: 0, held_minor: 0, sold_seats, sold_minor }
        };
        self.codes.iter().map(used).collect()
    }

    /// Places that wait, and those whose hold lives. Nobody waits for a sale that is over.
    pub(super) fn waitlist(&self, holds: &[Hold], now_ms: u64) -> Vec<WaitEntry> {
        let of = |hold: &Hold| match hold.purpose {
            HoldPurpose::Waitlist { entry } => Some((entry, hold.no)),
            HoldPurpose::Sale | HoldPurpose::Offer { .. } => None,
        };
        let given: BTreeMap<u64, u64> = holds.iter().filter_map(of).collect();
        let over = self.cancelled || self.sale_now().closes_at_ms <= now_ms;
        let entries = self.places.iter().map(|(no, place)| WaitEntry {
            no: *no,
            person: place.person,
            wish: place.wish.clone(),
            contact: place.contact.clone(),
            joined_at_ms: place.joined_at_ms,
            hold: given.get(no).copied(),
        });
        let stays =
            |entry: &WaitEntry| entry.hold.is_some() || !over && !self.served.contains(&entry.no);
        entries.filter(stays).collect()
    }
}

fn decoded<T: DeserializeOwned>(row: &KeptLine) -> Result<T, String> {
    codec::decode(&row.detail).map_err(|e| format!("{} {}: {e}", row.kind, row.key))
}

fn number(row: &KeptLine) -> Result<u64, String> {
    row.key.parse().map_err(|_| format!("{} {} is no number", row.kind, row.key))
}

fn hexadecimal(row: &KeptLine) -> Result<u128, String> {
    u128::from_str_radix(&row.key, 16).map_err(|_| format!("{} {} is no id", row.kind, row.key))
}
