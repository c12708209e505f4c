//! RecordRefund: what became of an attempt to give money back. A refund that has ended stays so.

use super::{Effect, Scope};
use crate::{
    Change, Detail, OrderStatus, Outcome, RecordRefund, Refund, RefundResult, RefundStatus, Refusal,
};

/// Characters kept of a failure.
pub(crate) const ERROR_CHARS_MAX: usize = 200;

pub(crate) fn apply(s: &mut Scope<'_>, c: &RecordRefund) -> Result<Effect, Refusal> {
    let known = s.event.refunds.get(&c.refund.no).ok_or(Refusal::RefundNotFound)?;
    // An attempt that was reported before counts once.
    let repeated = c.attempt.is_some_and(|attempt| attempt != known.attempts)
        && c.result != RefundResult::Succeeded;
    if known.status != RefundStatus::Pending || repeated {
        return Ok(s.effect(Outcome::RefundRecorded));
    }

    s.begin_change();
    let version = s.event.version;
    let refund = s.event.refunds.get_mut(&c.refund.no).expect("looked up above");
    refund.version = version;
    match &c.result {
        RefundResult::Succeeded => refund.status = RefundStatus::Succeeded,
        RefundResult::Failed { error } => fail(refund, error, RefundStatus::Pending),
        RefundResult::Dead { error } => fail(refund, error, RefundStatus::Dead),
        RefundResult::Canceled { error } => {
            // The gateway repeats its "no" under the same key.
            refund.key_no += 1;
            fail(refund, error, RefundStatus::Pending);
        }
    }
    let refund = refund.clone();
    s.record_with(describe(&refund), Detail::RefundKey(refund.key_no));
    if refund.status != RefundStatus::Pending {
        s.event.pending_refunds.remove(&refund.no);
        s.outbox.unreserve(s.payment_room());
        finish_order(s, refund.order);
    }
    Ok(s.effect(Outcome::RefundRecorded))
}

fn fail(refund: &mut Refund, error: &str, status: RefundStatus) {
    refund.attempts += 1;
    refund.last_error = Some(plain(error, ERROR_CHARS_MAX));
    refund.status = status;
}

/// The first characters of a text that must not be refused, without what no table can hold.
pub(super) fn plain(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|c| if c == '\0' { ' ' } else { c }).collect()
}

/// An order whose money was all on its way back is refunded once every refund has succeeded.
fn finish_order(s: &mut Scope<'_>, no: u64) {
    let Some(order) = s.event.orders.get(&no) else { return };
    let back = |no: &u64| s.event.refunds[no].status == RefundStatus::Succeeded;
    if order.status == OrderStatus::RefundPending && order.refunds.iter().all(back) {
        s.change_order(no, OrderStatus::Refunded);
    }
}

pub(super) fn describe(refund: &Refund) -> Change {
    Change::RefundChanged {
        refund: refund.no,
        payment: refund.payment,
        order: refund.order,
        amount_minor: refund.amount_minor,
        status: refund.status,
        attempts: refund.attempts,
        error: refund.last_error.clone(),
    }
}
