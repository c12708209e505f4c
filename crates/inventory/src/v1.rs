//! The first persisted form of what has grown since: commands in logs, and (in [`state`]) the parts
//! of snapshots. Read, never written. Types that are not here have the same bytes in both forms.

pub(crate) mod state;

use serde::Deserialize;

use crate::{
    Acknowledge, Actor, CancelOrder, EventNo, GatewayResult, PlaceOrder, RecordPayment, RefundId,
    RefundResult, ReleaseHold, RequestKey, SaleRules, SeatIx, SectionKind, Settle, StartPayment,
    Tier,
};

#[derive(Deserialize)]
pub(crate) struct Envelope {
    key: Option<RequestKey>,
    actor: Actor,
    command: Command,
}

#[derive(Deserialize)]
enum Command {
    OpenSale(OpenSale),
    Hold(HoldSeats),
    ReleaseHold(ReleaseHold),
    PlaceOrder(PlaceOrder),
    CancelOrder(CancelOrder),
    StartPayment(StartPayment),
    RecordPayment(RecordPayment),
    Settle(Settle),
    RecordRefund(RecordRefund),
    ExpireHolds,
    Acknowledge(Acknowledge),
}

#[derive(Deserialize)]
struct OpenSale {
    event: EventNo,
    sale: Sale,
    plan: Plan,
}

#[derive(Deserialize)]
pub(crate) struct Sale {
    event_id: String,
    name: String,
    starts_at_ms: u64,
    currency: [u8; 3],
    opens_at_ms: u64,
    closes_at_ms: u64,
    hold_ttl_ms: u32,
    per_hold_max: u16,
}

#[derive(Deserialize)]
pub(crate) struct Plan {
    version: u32,
    tiers: Vec<Tier>,
    sections: Vec<Section>,
}

#[derive(Deserialize)]
struct Section {
    id: String,
    name: String,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    label: String,
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
struct Seat {
    number: Box<str>,
    tier: u16,
    x: i32,
    y: i32,
    accessible: bool,
}

#[derive(Deserialize)]
struct HoldSeats {
    event: EventNo,
    plan_version: u32,
    choice: Choice,
}

#[derive(Deserialize)]
enum Choice {
    Seats(Vec<SeatIx>),
    Best(Best),
}

#[derive(Deserialize)]
struct Best {
    number: u16,
    tiers: Vec<u16>,
    sections: Vec<u16>,
    max_price_minor: Option<i64>,
    prevent_orphans: bool,
}

#[derive(Deserialize)]
struct RecordRefund {
    refund: RefundId,
    result: RefundResult,
}

/// Whether a command has the same bytes in the first form.
pub(crate) fn has(command: &crate::Command) -> bool {
    use crate::Command as C;
    match command {
        C::ReleaseHold(_)
        | C::PlaceOrder(_)
        | C::CancelOrder(_)
        | C::StartPayment(_)
        | C::RecordPayment(_)
        | C::ExpireHolds
        | C::Acknowledge(_) => true,
        C::Settle(c) => has_result(&c.result),
        // Known to the first form, with fewer fields.
        C::OpenSale(_) | C::Hold(_) | C::RecordRefund(_) => false,
        C::PauseSale(_)
        | C::ResumeSale(_)
        | C::Fence(_)
        | C::Unfence(_)
        | C::SwapSeats(_)
        | C::ExtendHold(_)
        | C::SetPersonLimit(_)
        | C::SetWindow(_)
        | C::PutCodes(_)
        | C::BlockSeats(_)
        | C::UnblockSeats(_)
        | C::RemoveSeats(_)
        | C::ReassignSeats(_)
        | C::ReplacePlan(_)
        | C::JoinWaitlist(_)
        | C::LeaveWaitlist(_)
        | C::AnswerOffer(_)
        | C::RefundSeats(_)
        | C::RetryRefund(_)
        | C::CancelEvent(_)
        | C::Bind(_)
        | C::Recover(_)
        | C::LimitOutbox(_)
        | C::OpenQueue(_)
        | C::EnterQueue(_)
        | C::TakeTurn(_) => false,
    }
}

fn has_result(result: &GatewayResult) -> bool {
    match result {
        GatewayResult::Captured { .. } | GatewayResult::Canceled { .. } => true,
        GatewayResult::Mismatched { .. } => false,
    }
}

impl Envelope {
    /// Whether nothing in it came with a later form: types that have the same bytes in both forms
    /// have grown variants since.
    pub(crate) fn is_sound(&self) -> bool {
        match &self.command {
            Command::Settle(c) => has_result(&c.result),
            Command::RecordRefund(c) => !matches!(c.result, RefundResult::Canceled { .. }),
            Command::OpenSale(_)
            | Command::Hold(_)
            | Command::ReleaseHold(_)
            | Command::PlaceOrder(_)
            | Command::CancelOrder(_)
            | Command::StartPayment(_)
            | Command::RecordPayment(_)
            | Command::ExpireHolds
            | Command::Acknowledge(_) => true,
        }
    }
}

impl From<Envelope> for crate::Envelope {
    fn from(old: Envelope) -> Self {
        Self { key: old.key, actor: old.actor, command: old.command.into() }
    }
}

impl From<Command> for crate::Command {
    fn from(old: Command) -> Self {
        match old {
            Command::OpenSale(c) => Self::OpenSale(crate::OpenSale {
                event: c.event,
                sale: c.sale.into(),
                plan: c.plan.into(),
            }),
            Command::Hold(c) => {
                Self::Hold(crate::HoldSeats::of(c.event, c.plan_version, c.choice.into()))
            }
            Command::ReleaseHold(c) => Self::ReleaseHold(c),
            Command::PlaceOrder(c) => Self::PlaceOrder(c),
            Command::CancelOrder(c) => Self::CancelOrder(c),
            Command::StartPayment(c) => Self::StartPayment(c),
            Command::RecordPayment(c) => Self::RecordPayment(c),
            Command::Settle(c) => Self::Settle(c),
            Command::RecordRefund(RecordRefund { refund, result }) => {
                Self::RecordRefund(crate::RecordRefund { refund, result, attempt: None })
            }
            Command::ExpireHolds => Self::ExpireHolds,
            Command::Acknowledge(c) => Self::Acknowledge(c),
        }
    }
}

impl From<Choice> for crate::Choice {
    fn from(old: Choice) -> Self {
        match old {
            Choice::Seats(seats) => Self::Seats(seats),
            Choice::Best(best) => Self::Best(crate::Best {
                number: best.number,
                tiers: best.tiers,
                sections: best.sections,
                max_price_minor: best.max_price_minor,
                prevent_orphans: best.prevent_orphans,
                accessible: 0,
                together: false,
            }),
        }
    }
}

impl From<Sale> for crate::Sale {
    fn from(old: Sale) -> Self {
        Self {
            event_id: old.event_id,
            name: old.name,
            starts_at_ms: old.starts_at_ms,
            currency: old.currency,
            opens_at_ms: old.opens_at_ms,
            closes_at_ms: old.closes_at_ms,
            hold_ttl_ms: old.hold_ttl_ms,
            per_hold_max: old.per_hold_max,
            rules: SaleRules::default(),
        }
    }
}

impl From<Plan> for crate::Plan {
    fn from(old: Plan) -> Self {
        let sections = old.sections.into_iter().map(crate::Section::from).collect();
        Self { version: old.version, tiers: old.tiers, sections, focal: None }
    }
}

impl From<Section> for crate::Section {
    fn from(old: Section) -> Self {
        let seat = |seat: Seat| crate::Seat {
            number: seat.number,
            tier: seat.tier,
            x: seat.x,
            y: seat.y,
            accessible: seat.accessible,
            companion: false,
        };
        let row = |row: Row| crate::Row {
            label: row.label,
            seats: row.seats.into_iter().map(seat).collect(),
        };
        let rows = old.rows.into_iter().map(row).collect();
        Self { id: old.id, name: old.name, rows, kind: SectionKind::Seated }
    }
}
