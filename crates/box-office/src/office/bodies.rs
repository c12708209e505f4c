//! The documents that the office answers with, exactly as the contract says, and the one place
//! where grid and catalogue records become them. Pure.

use inventory::{
    EventNo, Hold, HoldId, Order, OrderId, OrderPlaced, OrderStatus, Payment, PaymentId,
    PricedSeat, Refund, RefundId,
};
use payments::Money;
use processing_unit::{OrderAnswer, PaymentAnswer};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::{rfc3339_ms as text, seconds_until};
use crate::plans::EventPlan;

pub(crate) mod audit;
pub(crate) mod catalogue;
pub(crate) mod staff;
pub(crate) mod waiting;

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Price {
    /// Digits, a point, two digits.
    #[schema(example = "3500.00")]
    value: String,
    /// ISO 4217.
    #[schema(example = "RUB")]
    currency: String,
}

impl Price {
    pub(crate) fn new(minor: i64, currency: &str) -> Self {
        let value = Money::new(minor, payments::Currency::RUB).value();
        Self { value, currency: currency.to_owned() }
    }
}

impl std::fmt::Display for Price {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.value, self.currency)
    }
}

/// A seat of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SeatBody {
    /// `<section>-<row>-<number>`.
    pub(crate) id: String,
    pub(crate) section: String,
    pub(crate) section_name: String,
    pub(crate) row: String,
    pub(crate) number: String,
    pub(crate) tier: String,
    /// Frozen since the hold.
    pub(crate) price: Price,
    /// Whether it is a place of a standing area, whose row and number say nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) area: bool,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrderBody {
    pub(crate) id: String,
    /// `pending_payment`, `paid`, `cancelled`, `expired`, `refund_pending`, `refunded` or
    /// `partially_refunded`.
    pub(crate) status: String,
    pub(crate) hold_id: String,
    pub(crate) event_id: String,
    pub(crate) seats: Vec<SeatBody>,
    /// What is paid on top of these seats' prices; absent in an order from the tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fees: Option<Price>,
    pub(crate) total: Price,
    pub(crate) created_at: String,
    /// When its seats return without a payment.
    pub(crate) expires_at: String,
    /// Seconds until then; 0 when nothing is awaited any more.
    pub(crate) expires_in: u64,
    pub(crate) paid_at: Option<String>,
    pub(crate) payments: Vec<OrderPaymentBody>,
    pub(crate) refunds: Vec<RefundBody>,
    /// Other seats offered for money that came late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offer: Option<OfferBody>,
}

/// Other seats for money that came when the order's own were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OfferBody {
    /// The payment whose money it is; `POST /payments/{id}/offer` answers.
    pub(crate) payment_id: String,
    /// As many and as good seats, at the prices that were paid.
    pub(crate) seats: Vec<SeatBody>,
    /// When the money goes back without an answer.
    pub(crate) expires_at: String,
    /// Seconds until then.
    pub(crate) expires_in: u64,
}

/// A payment as an order lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct OrderPaymentBody {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) method: String,
    /// `pending`, `succeeded` or `canceled`.
    pub(crate) status: String,
    /// What the money became: `confirmed`, `retaken`, `swapped` or `refunded`; absent
    /// while other seats are offered.
    pub(crate) settled_as: Option<String>,
    pub(crate) amount: Price,
    /// The gateway's reason, when it was canceled.
    pub(crate) cancel_reason: Option<String>,
    pub(crate) created_at: String,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RefundBody {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) payment_id: String,
    /// `pending`, `succeeded`, `failed` or `dead`.
    pub(crate) status: String,
    pub(crate) amount: Price,
    pub(crate) created_at: String,
}

/// Where to pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ConfirmationBody {
    /// Always `redirect`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The gateway's page.
    confirmation_url: String,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaymentBody {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) provider: String,
    pub(crate) method: String,
    /// `pending`, `succeeded` or `canceled`.
    pub(crate) status: String,
    /// What the money became: `confirmed`, `retaken`, `swapped` or `refunded`; absent
    /// while other seats are offered.
    pub(crate) settled_as: Option<String>,
    pub(crate) amount: Price,
    /// Absent once there is nothing to pay.
    pub(crate) confirmation: Option<ConfirmationBody>,
    /// When the order's seats return without a payment.
    pub(crate) pay_until: String,
    /// The gateway's reason, when it was canceled.
    pub(crate) cancel_reason: Option<String>,
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TicketBody {
    pub(crate) id: String,
    /// The seat's id.
    pub(crate) seat: String,
    /// What the QR says; signed, verifiable offline.
    pub(crate) code: String,
    /// `valid`, `used`, `expired`, `cancelled` or `refunded`.
    pub(crate) status: String,
    /// The QR as an SVG document.
    pub(crate) qr_svg: Option<String>,
}

/// An order that was just placed. A replay of the request gives the same document.
pub(crate) fn placed(placed: &OrderPlaced, plan: &EventPlan) -> OrderBody {
    OrderBody {
        id: placed.order.to_string(),
        status: OrderStatus::PendingPayment.as_str().to_owned(),
        hold_id: placed.hold.to_string(),
        event_id: plan.sale.event_id.clone(),
        seats: seats(&placed.seats, plan),
        fees: Some(fees(&placed.seats, placed.total_minor, plan)),
        total: Price::new(placed.total_minor, plan.currency()),
        created_at: text(placed.at_ms),
        expires_at: text(placed.expires_at_ms),
        expires_in: seconds_until(placed.expires_at_ms, placed.at_ms),
        paid_at: None,
        payments: Vec::new(),
        refunds: Vec::new(),
        offer: None,
    }
}

/// An order as the grid has it.
pub(crate) fn order(event: EventNo, answer: &OrderAnswer, plan: &EventPlan) -> OrderBody {
    let order = &answer.order;
    let awaited = order.status == OrderStatus::PendingPayment;
    let expires_in = seconds_until(order.expires_at_ms, answer.at_ms);
    OrderBody {
        id: OrderId { event, no: order.no }.to_string(),
        status: order.status.as_str().to_owned(),
        hold_id: HoldId { event, no: order.hold }.to_string(),
        event_id: plan.sale.event_id.clone(),
        seats: seats(&order.seats, plan),
        fees: Some(fees(&order.seats, order.terms.total_minor(&order.seats), plan)),
        total: Price::new(order.total_minor, plan.currency()),
        created_at: text(order.created_at_ms),
        expires_at: text(order.expires_at_ms),
        expires_in: if awaited { expires_in } else { 0 },
        paid_at: order.paid_at_ms.map(text),
        payments: answer.payments.iter().map(|p| order_payment(event, p, plan)).collect(),
        refunds: answer.refunds.iter().map(|r| refund(event, order, r, plan)).collect(),
        offer: None,
    }
}

/// An offer as its hold says; `None` when the hold is none.
pub(crate) fn offer(
    event: EventNo,
    hold: &Hold,
    at_ms: u64,
    plan: &EventPlan,
) -> Option<OfferBody> {
    Some(OfferBody {
        payment_id: PaymentId { event, no: hold.offered_for()? }.to_string(),
        seats: seats(&hold.seats, plan),
        expires_at: text(hold.expires_at_ms),
        expires_in: seconds_until(hold.expires_at_ms, at_ms),
    })
}

fn fees(seats: &[PricedSeat], total_minor: i64, plan: &EventPlan) -> Price {
    let prices: i64 = seats.iter().map(|seat| seat.price_minor).sum();
    Price::new(total_minor - prices, plan.currency())
}

fn seats(seats: &[PricedSeat], plan: &EventPlan) -> Vec<SeatBody> {
    let seat = |(priced, name): (PricedSeat, crate::plans::SeatName<'_>)| SeatBody {
        id: name.id(),
        section: name.section.to_owned(),
        section_name: name.section_name.to_owned(),
        row: name.row.to_owned(),
        number: name.number.to_owned(),
        tier: name.tier.to_owned(),
        price: Price::new(priced.price_minor, plan.currency()),
        area: name.area,
    };
    plan.named(seats).map(seat).collect()
}

fn order_payment(event: EventNo, payment: &Payment, plan: &EventPlan) -> OrderPaymentBody {
    OrderPaymentBody {
        id: PaymentId { event, no: payment.no }.to_string(),
        provider: payment.provider.clone(),
        method: payment.method.clone(),
        status: payment.status.as_str().to_owned(),
        settled_as: payment.settled_as.map(|end| end.as_str().to_owned()),
        amount: Price::new(payment.amount_minor, plan.currency()),
        cancel_reason: payment.cancel_reason.clone(),
        created_at: text(payment.started_at_ms),
    }
}

/// A refund as the grid has it.
pub(crate) fn refund(
    event: EventNo,
    order: &Order,
    refund: &Refund,
    plan: &EventPlan,
) -> RefundBody {
    RefundBody {
        id: RefundId { event, no: refund.no }.to_string(),
        order_id: OrderId { event, no: order.no }.to_string(),
        payment_id: PaymentId { event, no: refund.payment }.to_string(),
        status: refund.status.as_str().to_owned(),
        amount: Price::new(refund.amount_minor, plan.currency()),
        created_at: text(refund.created_at_ms),
    }
}

/// A payment as the grid has it.
pub(crate) fn payment(event: EventNo, answer: &PaymentAnswer, plan: &EventPlan) -> PaymentBody {
    let payment = &answer.payment;
    let open = payment.status == inventory::PaymentStatus::Pending;
    let url = payment.confirmation_url.clone().filter(|url| open && !url.is_empty());
    PaymentBody {
        id: PaymentId { event, no: payment.no }.to_string(),
        order_id: OrderId { event, no: payment.order }.to_string(),
        provider: payment.provider.clone(),
        method: payment.method.clone(),
        status: payment.status.as_str().to_owned(),
        settled_as: payment.settled_as.map(|end| end.as_str().to_owned()),
        amount: Price::new(payment.amount_minor, plan.currency()),
        confirmation: url.map(|url| ConfirmationBody { kind: "redirect", confirmation_url: url }),
        pay_until: text(answer.pay_until_ms),
        cancel_reason: payment.cancel_reason.clone(),
    }
}
