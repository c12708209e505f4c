//! Limits of single commands that bound what the state may hold, gathered for whoever adds them up. Each
//! stands where it is enforced.

pub(crate) use super::fence::FENCED_MAX as FENCED;
pub(crate) use super::join_waitlist::{
    CONTACT_BYTES_MAX as WAIT_CONTACT, WAITLIST_MAX as WAITLIST,
};
pub(crate) use super::place_order::CONTACT_BYTES_MAX as ORDER_CONTACT;
pub(crate) use super::place_order::{
    ORDERS_BESIDE_MAX as ORDERS_BESIDE, ORDERS_PER_SEAT_MAX as ORDERS_PER_SEAT,
};
pub(crate) use super::queue::QUEUES_MAX as QUEUES;
pub(crate) use super::refund_seats::PARTS_PER_ORDER_MAX as REFUND_PARTS;
pub(crate) use super::start_payment::PAYMENTS_PER_ORDER_MAX as PAYMENTS_PER_ORDER;
pub(crate) use crate::event::{
    CODES_MAX as CODES, COOLING_MAX as COOLING, OWN_LIMITS_MAX as OWN_LIMITS,
    QUEUE_PLACES_MAX as QUEUE_PLACES,
};

/// Bytes of one character of a text that is cut by characters.
const CHAR_BYTES_MAX: usize = 4;

/// Seats of one hold.
pub(crate) const PER_HOLD: usize = super::open_sale::PER_HOLD_LIMIT as usize;
/// Bytes of a payment's texts.
pub(crate) const PAYMENT: usize = 2 * super::start_payment::NAME_BYTES_MAX
    + super::record_payment::PROVIDER_REF_BYTES_MAX
    + super::record_payment::CONFIRMATION_URL_BYTES_MAX
    + super::settle::REASON_CHARS_MAX * CHAR_BYTES_MAX;
/// Bytes of a refund's last failure.
pub(crate) const ERROR: usize = super::record_refund::ERROR_CHARS_MAX * CHAR_BYTES_MAX;
