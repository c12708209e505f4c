//! RecordPayment: the gateway's id and payment page of a started payment. Repeating it is harmless;
//! a payment that has ended meanwhile keeps its end.

use super::{Effect, Scope};
use crate::{Change, Detail, Outcome, RecordPayment, Refusal};

/// Bytes of a gateway's id.
pub(crate) const PROVIDER_REF_BYTES_MAX: usize = 128;
/// Bytes of a payment page's address.
pub(crate) const CONFIRMATION_URL_BYTES_MAX: usize = 1_024;

pub(crate) fn apply(s: &mut Scope<'_>, c: &RecordPayment) -> Result<Effect, Refusal> {
    let too_long = c.provider_ref.len() > PROVIDER_REF_BYTES_MAX
        || c.confirmation_url.len() > CONFIRMATION_URL_BYTES_MAX;
    if too_long {
        return Err(Refusal::TooLong);
    }
    if c.provider_ref.contains('\0') || c.confirmation_url.contains('\0') {
        return Err(Refusal::TextInvalid);
    }
    let known = s.event.payments.get(&c.payment.no).ok_or(Refusal::PaymentNotFound)?;
    if known.provider_ref.is_some() {
        return Ok(s.effect(Outcome::PaymentRecorded));
    }

    s.begin_change();
    let version = s.event.version;
    let payment = s.event.payments.get_mut(&c.payment.no).expect("looked up above");
    payment.provider_ref = Some(c.provider_ref.clone());
    payment.confirmation_url = Some(c.confirmation_url.clone());
    payment.version = version;
    let (payment, order) = (payment.no, payment.order);
    let provider_ref = c.provider_ref.clone();
    let page = Detail::PaymentPage(c.confirmation_url.clone());
    s.record_with(Change::PaymentRecorded { payment, order, provider_ref }, page);
    Ok(s.effect(Outcome::PaymentRecorded))
}
