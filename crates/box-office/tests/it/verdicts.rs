//! What a gateway's object means: identity first, then money, then the status.

use box_office::settlement::{Expected, Mismatch, Verdict, judge};
use inventory::{EventNo, GatewayResult, OrderId, PaymentId};
use payments::{Currency, GatewayPayment, Money, PaymentStatus};

fn expected() -> Expected {
    Expected {
        payment: PaymentId { event: EventNo(1), no: 5 },
        order: OrderId { event: EventNo(1), no: 4 },
        provider_ref: Some("ref-1".into()),
        amount: Money::new(350_000, Currency::RUB),
    }
}

fn object(status: PaymentStatus) -> GatewayPayment {
    let amount = Money::new(350_000, Currency::RUB);
    let taken = if status == PaymentStatus::Succeeded { amount.minor } else { 0 };
    GatewayPayment {
        provider_ref: "ref-1".into(),
        status,
        amount,
        captured: Money::new(taken, Currency::RUB),
        refunded: Money::new(0, Currency::RUB),
        confirmation_url: None,
        payment_id: Some("p1-5".into()),
        order_id: Some("o1-4".into()),
        created_at_ms: 0,
        test: true,
    }
}

fn captured(amount_minor: i64) -> Verdict {
    Verdict::Settle(GatewayResult::Captured { amount_minor })
}

#[test]
fn statuses() {
    let judged = |status| judge(&expected(), &object(status));
    assert_eq!(judged(PaymentStatus::Pending), Verdict::Wait);
    assert_eq!(judged(PaymentStatus::WaitingForCapture), Verdict::Wait);
    assert_eq!(judged(PaymentStatus::Succeeded), captured(350_000));
    let reason = || "insufficient_funds".to_owned();
    let canceled = Verdict::Settle(GatewayResult::Canceled { reason: reason() });
    assert_eq!(judged(PaymentStatus::Canceled { reason: reason() }), canceled);
}

#[test]
fn another_amount_is_settled_as_what_was_taken() {
    let mut less = object(PaymentStatus::Succeeded);
    less.captured.minor = 349_900;
    assert_eq!(judge(&expected(), &less), captured(349_900));
}

type Change = fn(&mut GatewayPayment);

#[test]
fn contradictions_never_confirm_anything() {
    let cases: [(Change, Mismatch); 8] = [
        (|o| o.provider_ref = "ref-2".into(), Mismatch::Reference),
        (|o| o.payment_id = Some("p1-6".into()), Mismatch::Payment),
        (|o| o.payment_id = None, Mismatch::Payment),
        (|o| o.order_id = Some("o2-4".into()), Mismatch::Order),
        (|o| o.order_id = None, Mismatch::Order),
        (|o| o.captured.currency = Currency::USD, Mismatch::Currency),
        (|o| o.amount.currency = Currency::USD, Mismatch::Currency),
        (
            |o| {
                o.amount.currency = Currency::USD;
                o.order_id = None;
            },
            Mismatch::Order,
        ),
    ];
    for (change, mismatch) in cases {
        let judged = |status| {
            let mut object = object(status);
            change(&mut object);
            judge(&expected(), &object)
        };
        let back = match mismatch {
            // Another object than ours, which may still come to its own end.
            Mismatch::Reference => Verdict::Quarantine(mismatch),
            _ => Verdict::GiveBack { mismatch, amount_minor: 350_000 },
        };
        assert_eq!(judged(PaymentStatus::Succeeded), back);
        assert_eq!(judged(PaymentStatus::Pending), Verdict::Quarantine(mismatch));
    }
}

#[test]
fn an_object_is_believed_before_its_reference_was_recorded() {
    let mut expected = expected();
    expected.provider_ref = None;
    assert_eq!(judge(&expected, &object(PaymentStatus::Succeeded)), captured(350_000));
}

#[test]
fn without_a_reference_only_what_names_payment_and_order_is_given_back() {
    let mut expected = expected();
    expected.provider_ref = None;
    let judged = |change: Change| {
        let mut object = object(PaymentStatus::Succeeded);
        change(&mut object);
        judge(&expected, &object)
    };
    let parked = |mismatch| Verdict::Quarantine(mismatch);
    assert_eq!(judged(|o| o.payment_id = Some("p1-6".into())), parked(Mismatch::Payment));
    assert_eq!(judged(|o| o.order_id = Some("o2-4".into())), parked(Mismatch::Order));
    let back = Verdict::GiveBack { mismatch: Mismatch::Currency, amount_minor: 350_000 };
    assert_eq!(judged(|o| o.captured.currency = Currency::USD), back);
}
