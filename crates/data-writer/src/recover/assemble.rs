//! An event from its rows, in the grid's own words. Pure: the same rows give the same event. What the
//! rows do not tell is left as a new sale has it; what contradicts itself is named.

mod kept;
mod money;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use inventory::{
    FrozenTerms, Hold, HoldDetail, HoldPurpose, Order, OrderStatus, PricedSeat, RecoverBegin,
    RecoveredThings, SeatIx, SeatStatus, codec,
};
use processing_unit::PlanAnswer;

use super::load::{EventRows, OrderLine, SeatLine, Written};
use crate::EventTerms;
use kept::Things;
use words::{hold_no, order_no, unsigned};

/// An event whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) begin: RecoverBegin,
    pub(super) seats: Seats,
    pub(super) things: RecoveredThings,
    /// The highest number that the rows tell of.
    pub(super) known_no: u64,
}

/// Seats in plan order: status, holder, version.
type Seats = Vec<(SeatStatus, u64, u64)>;
/// Seats of each hold, with the detail of the newest.
type Holds<'a> = BTreeMap<u64, (Vec<PricedSeat>, &'a SeatLine)>;

/// The event at a time, milliseconds since 1970.
pub(super) fn assemble(event: &Written, rows: EventRows, now_ms: u64) -> Result<Whole, String> {
    let things = Things::of(&rows.kept)?;
    let (sale, plan) = (Arc::new(things.sale.clone()), Arc::new(things.plan.clone()));
    let terms = EventTerms::new(&PlanAnswer { event: event.number, sale, plan });
    let index = Index::of(&terms);
    let version = highest_version(event, &rows);
    let (seats, held) = seats(&index, &rows, version)?;
    let orders = orders(&index, &rows, &held)?;
    let holds = holds(&things, held, &orders, now_ms)?;
    let payments = money::payments(&rows, &things)?;
    let refunds = money::refunds(&rows, &things)?;
    let known_no = holds
        .iter()
        .map(|hold| hold.no)
        .chain(orders.iter().flat_map(|order| [order.no, order.hold]))
        .chain(payments.iter().map(|payment| payment.no))
        .chain(refunds.iter().map(|refund| refund.no))
        .chain(things.last_place)
        .max()
        .unwrap_or(0);
    let begin = RecoverBegin {
        sale: things.sale_now(),
        plan: things.plan.clone(),
        first_window: things.first_window(),
        paused: things.paused,
        cancelled: things.cancelled,
        removed: things.removed.clone(),
        version,
        // Holds that have ended leave no number; each came with a change, which raised the version.
        last_no: known_no.max(version),
    };
    let codes = things.codes(&orders);
    let waitlist = things.waitlist(&holds, now_ms);
    let limits = things.limits;
    let things = RecoveredThings { holds, orders, payments, refunds, codes, limits, waitlist };
    Ok(Whole { begin, seats, things, known_no })
}

fn highest_version(event: &Written, rows: &EventRows) -> u64 {
    let seats = rows.seats.iter().map(|row| row.version);
    let all = seats
        .chain(rows.orders.iter().map(|row| row.version))
        .chain(rows.payments.iter().map(|row| row.version))
        .chain(rows.refunds.iter().map(|row| row.version))
        .chain(rows.kept.iter().map(|row| row.version));
    all.map(unsigned).chain([event.version]).max().unwrap_or(event.version)
}

/// Seats by public id.
struct Index {
    by_id: BTreeMap<String, SeatIx>,
}

impl Index {
    fn of(terms: &EventTerms) -> Self {
        let seats = (0..terms.seat_count() as u32).map(SeatIx);
        Self { by_id: seats.map(|seat| (terms.seat_id(seat), seat)).collect() }
    }

    fn seat(&self, id: &str) -> Result<SeatIx, String> {
        self.by_id.get(id).copied().ok_or_else(|| format!("seat {id} is not in the plan"))
    }
}

fn seats<'a>(
    index: &Index,
    rows: &'a EventRows,
    version: u64,
) -> Result<(Seats, Holds<'a>), String> {
    // A seat that the plan has and the tables do not was added in the lost time.
    let mut seats = vec![(SeatStatus::Free, 0, version); index.by_id.len()];
    let mut holds = Holds::new();
    for row in &rows.seats {
        let seat = index.seat(&row.seat_id)?;
        let of_seat = |what: String| format!("seat {}: {what}", row.seat_id);
        let status = words::seat_status(&row.status).map_err(of_seat)?;
        let holder = match (status, &row.hold_id, &row.order_id) {
            (SeatStatus::Held, Some(hold), _) => hold_no(hold)?,
            (SeatStatus::Sold, _, Some(order)) => order_no(order)?,
            (SeatStatus::Free | SeatStatus::Blocked, ..) => 0,
            (SeatStatus::Held | SeatStatus::Sold, ..) => {
                return Err(format!("seat {} is {} by nobody", row.seat_id, row.status));
            }
        };
        seats[seat.at()] = (status, holder, unsigned(row.version));
        if status == SeatStatus::Held {
            let priced = PricedSeat { seat, price_minor: row.price_minor };
            let known = holds.entry(holder).or_insert_with(|| (Vec::new(), row));
            known.0.push(priced);
            if known.1.version < row.version {
                known.1 = row;
            }
        }
    }
    Ok((seats, holds))
}

fn orders(index: &Index, rows: &EventRows, held: &Holds<'_>) -> Result<Vec<Order>, String> {
    let mut seats = BTreeMap::<&str, Vec<(PricedSeat, &str)>>::new();
    for row in &rows.order_seats {
        let priced = PricedSeat { seat: index.seat(&row.seat_id)?, price_minor: row.price_minor };
        seats.entry(&row.order_id).or_default().push((priced, &row.status));
    }
    let mut orders: Vec<Order> = Vec::with_capacity(rows.orders.len());
    for row in &rows.orders {
        let mut seats = seats.remove(row.order_id.as_str()).unwrap_or_default();
        seats.sort_unstable();
        orders.push(order(row, &seats, (rows, held))?);
    }
    orders.sort_unstable_by_key(|order| order.no);
    Ok(orders)
}

fn order(
    row: &OrderLine,
    seats: &[(PricedSeat, &str)],
    (rows, held): (&EventRows, &Holds<'_>),
) -> Result<Order, String> {
    let (no, hold) = (order_no(&row.order_id)?, hold_no(&row.hold_id)?);
    let mut status = words::order_status(&row.status)?;
    if status == OrderStatus::PendingPayment && !held.contains_key(&hold) {
        // It ended in a time that the tables lost before.
        status = OrderStatus::Expired;
    }
    let of_order = rows.payments.iter().filter(|payment| payment.order_id == row.order_id);
    let bought = of_order.clone().any(|payment| {
        matches!(payment.settled_as.as_deref(), Some("confirmed" | "retaken" | "swapped"))
    });
    let owned = |status: &str| match status {
        "held" | "sold" => true,
        // What it let go of; one that never bought keeps them for late money.
        _ => !bought,
    };
    let (kept, left): (Vec<_>, Vec<_>) = seats.iter().partition(|(_, status)| owned(status));
    let payments = of_order.map(|p| words::payment_no(&p.payment_id));
    let refunds = rows.refunds.iter().filter(|refund| refund.order_id == row.order_id);
    let refunds = refunds.map(|r| words::refund_no(&r.refund_id));
    let (mut payments, mut refunds) =
        (payments.collect::<Result<Vec<_>, _>>()?, refunds.collect::<Result<Vec<_>, _>>()?);
    payments.sort_unstable();
    refunds.sort_unstable();
    let priced = |of: Vec<&(PricedSeat, &str)>| of.into_iter().map(|(seat, _)| *seat).collect();
    Ok(Order {
        no,
        hold,
        seats: priced(kept),
        left: priced(left),
        total_minor: row.total_minor,
        terms: frozen(row)?,
        offer: None,
        status,
        contact: row.contact.clone(),
        buyer: row.buyer_id.map(|id| id.as_u128()),
        created_at_ms: unsigned(row.created_ms),
        expires_at_ms: unsigned(row.expires_ms),
        paid_at_ms: row.paid_ms.map(unsigned),
        payments,
        refunds,
        version: unsigned(row.version),
    })
}

fn frozen(row: &OrderLine) -> Result<FrozenTerms, String> {
    let decoded = row.detail.as_deref().map(codec::decode).transpose();
    let known = decoded.map_err(|e| format!("order {}: {e}", row.order_id))?;
    Ok(known.unwrap_or_default())
}

fn holds(
    things: &Things,
    held: Holds<'_>,
    orders: &[Order],
    now_ms: u64,
) -> Result<Vec<Hold>, String> {
    let mut holds = Vec::with_capacity(held.len());
    for (no, (mut seats, newest)) in held {
        seats.sort_unstable();
        let detail = detail(newest, no)?;
        let until_ms = newest.held_until_ms.map_or(0, unsigned);
        let pending = |o: &&Order| o.hold == no && o.status == OrderStatus::PendingPayment;
        let order = orders.iter().find(pending).map(|order| order.no);
        let mut hold = Hold {
            no,
            seats: seats.into(),
            granted_at_ms: detail.granted_at_ms,
            expires_at_ms: until_ms,
            order,
            step: detail.step,
            adjacent: false,
            terms: detail.terms,
            extensions: detail.extensions,
            purpose: detail.purpose,
        };
        match hold.purpose {
            // Its payment is open here and is settled anew, with another offer; this one ends.
            HoldPurpose::Offer { .. } => {
                let person = hold.terms.person;
                hold.terms = FrozenTerms { person, ..FrozenTerms::default() };
                hold.purpose = HoldPurpose::Sale;
                hold.expires_at_ms = hold.expires_at_ms.min(now_ms);
            }
            HoldPurpose::Waitlist { entry } if !things.waits(entry) => {
                hold.purpose = HoldPurpose::Sale;
            }
            HoldPurpose::Waitlist { .. } | HoldPurpose::Sale => {}
        }
        holds.push(hold);
    }
    Ok(holds)
}

fn detail(row: &SeatLine, no: u64) -> Result<HoldDetail, String> {
    let decoded = row.hold_detail.as_deref().map(codec::decode).transpose();
    let known = decoded.map_err(|e| format!("hold {no}: {e}"))?;
    Ok(known.unwrap_or(HoldDetail {
        terms: FrozenTerms::default(),
        granted_at_ms: 0,
        step: None,
        extensions: 0,
        purpose: HoldPurpose::Sale,
    }))
}
