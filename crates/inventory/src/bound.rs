//! What one shard may take in memory at most, computed from how many of each thing it may have
//! (invariant I13). Counts and sizes only; the limits themselves stand where they are enforced.
//!
//! Entries are counted at their largest: the longest contact, a hundred seats, every text full. A record
//! of staff that is larger takes the room of several in the outbox.

use std::mem::size_of;

use crate::commands::{ENDED_ORDERS_MAX, HOLD_ROOM, WAIT_ROOM, limits};
use crate::event::{ENDED_HOLDS_MAX, PersonUse, QueuePlace};
use crate::keys::{INDEX_BYTES_MAX, KEYS_MAX, REMEMBERED_BYTES};
use crate::plan::{LABEL_BYTES_MAX, NAME_BYTES_MAX, PLAN_SECTIONS_MAX, PLAN_TIERS_MAX, RowPlace};
use crate::{
    CodeUse, Detail, DrawnPlace, Event, EventNo, Hold, LedgerRecord, Order, Payment, PricedSeat,
    Refund, Row, Sale, Seat, SeatCounts, Section, Tier, WaitEntry,
};

/// What one waiting record of a sale takes in each replica, in bytes: measured by `bench memory`, which
/// prints it, with what allocations cost. The largest possible is in [`Counts::parts`].
pub const LEDGER_RECORD_BYTES: u64 = 340;
/// Seats of the largest hold.
const HOLD_SEATS: usize = limits::PER_HOLD;
/// What an allocation costs beside its bytes.
const ALLOCATION: usize = 16;
/// Chunks of maps are half empty at worst, and vectors that grow step by step too.
const SLACK: usize = 2;
/// A node of an ordered tree for each small entry, links and free places among it.
const TREE_ENTRY: usize = 64;

/// How many of each thing a shard has, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// Sections of their plans.
    pub sections: u64,
    /// Rows of their plans.
    pub rows: u64,
    /// Seats of their plans.
    pub seats: u64,
    /// Live holds.
    pub holds: u64,
    /// Holds whose end is remembered.
    pub ended_holds: u64,
    /// Orders: pending, ended and owning.
    pub orders: u64,
    /// Payments.
    pub payments: u64,
    /// Refunds.
    pub refunds: u64,
    /// Remembered keys.
    pub keys: u64,
    /// Records that wait for the database.
    pub records: u64,
    /// Places in waiting lists.
    pub waiting: u64,
    /// Promo and presale codes.
    pub codes: u64,
    /// Persons with seats, a budget that cools, or a limit of their own.
    pub persons: u64,
    /// Events that live elsewhere.
    pub fenced: u64,
    /// Places in waiting rooms.
    pub queued: u64,
}

/// One table's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The table.
    pub name: &'static str,
    /// Entries.
    pub count: u64,
    /// Bytes of one at its largest.
    pub bytes_each: u64,
}

impl Part {
    /// Bytes of all its entries.
    pub fn bytes(&self) -> u64 {
        self.count.saturating_mul(self.bytes_each)
    }
}

impl Counts {
    /// The most that a shard with these events and seats and this outbox may have. An order that
    /// owns or owned seats is kept with its event.
    pub fn at_limits(events: u64, seats: u64, ledger_records_max: u64) -> Self {
        let holds = ledger_records_max / HOLD_ROOM;
        let each = |limit: usize| events * limit as u64;
        let kept = each(limits::ORDERS_BESIDE) + seats * limits::ORDERS_PER_SEAT as u64;
        // Payments that are open when the table of ended orders is full still end there.
        let orders = holds + ENDED_ORDERS_MAX as u64 + kept;
        let payments = orders * limits::PAYMENTS_PER_ORDER as u64;
        // By parts and the rest, and for each seat that is removed, and for each late payment.
        let refunds = kept * (limits::REFUND_PARTS as u64 + 1) + seats + payments;
        Self {
            events,
            sections: each(PLAN_SECTIONS_MAX).min(seats),
            rows: seats,
            seats,
            holds,
            ended_holds: each(ENDED_HOLDS_MAX),
            orders,
            payments,
            refunds,
            keys: KEYS_MAX as u64,
            records: ledger_records_max,
            waiting: each(limits::WAITLIST).min(ledger_records_max / WAIT_ROOM),
            codes: each(limits::CODES),
            persons: each(limits::COOLING + limits::OWN_LIMITS) + seats,
            fenced: limits::FENCED as u64,
            queued: events.min(limits::QUEUES as u64) * limits::QUEUE_PLACES as u64,
        }
    }

    /// Each table with its share.
    pub fn parts(&self) -> Vec<Part> {
        let part = |name, count, bytes_each: usize| Part {
            name,
            count,
            bytes_each: (bytes_each + ALLOCATION) as u64,
        };
        let name = LABEL_BYTES_MAX + NAME_BYTES_MAX;
        let tier = size_of::<Tier>() + name + size_of::<(SeatCounts, i64, u32)>();
        let seats = HOLD_SEATS * size_of::<PricedSeat>() + ALLOCATION;
        vec![
            part("events", self.events, size_of::<(Event, Sale)>() + name + PLAN_TIERS_MAX * tier),
            part("sections", self.sections, size_of::<(Section, SeatCounts, (u32, u32))>() + name),
            part("rows", self.rows, size_of::<(Row, RowPlace, u128, u32)>() + LABEL_BYTES_MAX),
            part("seats", self.seats, seat_bytes()),
            part("holds", self.holds, size_of::<Hold>() + SLACK * 16 + TREE_ENTRY + seats),
            part("ended holds", self.ended_holds, SLACK * 16),
            part("orders", self.orders, order_bytes(seats)),
            part("payments", self.payments, SLACK * size_of::<(u64, Payment)>() + limits::PAYMENT),
            part("refunds", self.refunds, SLACK * size_of::<(u64, Refund)>() + limits::ERROR),
            part("keys", self.keys, REMEMBERED_BYTES + INDEX_BYTES_MAX + seats),
            part("records", self.records, record_bytes(seats)),
            part("waiting", self.waiting, waiting_bytes()),
            part("codes", self.codes, SLACK * size_of::<(u128, CodeUse)>() + PLAN_TIERS_MAX * 2),
            part("persons", self.persons, SLACK * size_of::<(u128, PersonUse)>() + TREE_ENTRY),
            part("fenced", self.fenced, SLACK * size_of::<EventNo>()),
            part("queued", self.queued, queued_bytes()),
        ]
    }

    /// All of it. While a snapshot is written, what changes meanwhile is there twice: at worst all.
    pub fn bytes_max(&self, snapshot_in_flight: bool) -> u64 {
        let bytes = self.parts().iter().fold(0_u64, |all, part| all.saturating_add(part.bytes()));
        if snapshot_in_flight { bytes.saturating_mul(2) } else { bytes }
    }
}

/// State, place, distance and drawing of a seat, its tier's bits if no other in the row has it.
fn seat_bytes() -> usize {
    let state = 16 + size_of::<crate::plan::SeatPlace>() + size_of::<u64>();
    state + size_of::<Seat>() + LABEL_BYTES_MAX + size_of::<(u16, u128)>()
}

/// Seats twice: those it has and those it let go.
fn order_bytes(seats: usize) -> usize {
    let numbers = 2 * SLACK * limits::PAYMENTS_PER_ORDER * size_of::<u64>();
    let timer = SLACK * size_of::<(u64, EventNo, u64)>();
    SLACK * size_of::<(u64, Order)>() + limits::ORDER_CONTACT + 2 * seats + numbers + timer
}

fn record_bytes(seats: usize) -> usize {
    size_of::<LedgerRecord>() + size_of::<Detail>() + limits::ORDER_CONTACT + seats
}

fn waiting_bytes() -> usize {
    let entry = SLACK * size_of::<(u64, WaitEntry)>() + TREE_ENTRY;
    entry + limits::WAIT_CONTACT + PLAN_TIERS_MAX * size_of::<u16>()
}

/// A place by its number, its person, its position or turn, and in the list of the draw.
fn queued_bytes() -> usize {
    let place = size_of::<(u64, QueuePlace)>() + size_of::<(u128, u64)>();
    SLACK * (place + size_of::<(u64, u64)>()) + size_of::<DrawnPlace>()
}
