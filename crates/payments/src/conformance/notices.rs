//! Demands on reading notifications: take the hint, and nothing from strangers.

use super::{
    Case, Gateway, Wiring,
    support::{Verdict, holds, new_key, same},
};
use crate::provider::{EventKind, NotificationError};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "notification_names_its_payment", run: |g| Box::pin(payment_events(g)) },
    Case { name: "notification_names_its_refund", run: |g| Box::pin(refund_event(g)) },
    Case { name: "notification_of_unknown_event_says_so", run: |g| Box::pin(unknown_event(g)) },
    Case { name: "notification_malformed_is_refused", run: |g| Box::pin(malformed(g)) },
    Case { name: "notification_with_hostile_id_is_refused", run: |g| Box::pin(hostile(g)) },
    Case { name: "notification_too_large_is_refused", run: |g| Box::pin(too_large(g)) },
];

async fn payment_events(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let kinds = [
        EventKind::PaymentSucceeded,
        EventKind::PaymentWaitingForCapture,
        EventKind::PaymentCanceled,
    ];
    for kind in kinds {
        let reference = new_key();
        let parsed = adapter.parse_notification(&gateway.notification(kind, &reference));
        let notice = parsed.map_err(|error| error.to_string())?;
        same("kind", &notice.kind, &kind)?;
        same("payment", &notice.payment_ref, &Some(reference.clone()))?;
        same("object", &notice.provider_ref, &reference)?;
    }
    Ok(())
}

async fn refund_event(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let reference = new_key();
    let body = gateway.notification(EventKind::RefundSucceeded, &reference);
    let notice = adapter.parse_notification(&body).map_err(|error| error.to_string())?;
    same("kind", &notice.kind, &EventKind::RefundSucceeded)?;
    same("object", &notice.provider_ref, &reference)
}

async fn unknown_event(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    match adapter.parse_notification(&gateway.unknown_notification()) {
        Err(NotificationError::UnknownEvent { .. }) => Ok(()),
        other => Err(format!("expected an unknown event, found {other:?}")),
    }
}

async fn malformed(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let whole = gateway.notification(EventKind::PaymentSucceeded, &new_key());
    let half = &whole[..whole.len() / 2];
    for body in [b"".as_slice(), b"[]", b"{}", b"null", b"\xff\xfe", half] {
        let error = adapter.parse_notification(body).err();
        let refused = matches!(error, Some(NotificationError::Malformed { .. }));
        holds(&format!("refused: {:?}", String::from_utf8_lossy(body)), refused)?;
    }
    Ok(())
}

async fn hostile(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    for reference in ["", "../../x", "a/b", "a b", "a?b=c", &"x".repeat(200)] {
        let body = gateway.notification(EventKind::PaymentSucceeded, reference);
        holds(reference, adapter.parse_notification(&body).is_err())?;
    }
    Ok(())
}

async fn too_large(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let mut body = gateway.notification(EventKind::PaymentSucceeded, &new_key());
    body.resize(1_024 * 1_024, b' ');
    match adapter.parse_notification(&body) {
        Err(NotificationError::TooLarge { .. }) => Ok(()),
        other => Err(format!("expected too large, found {other:?}")),
    }
}
