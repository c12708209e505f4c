//! Demands on signatures of notifications, for gateways that sign; of the others it is demanded
//! that they need none, since their hints are checked by reading.

use http::{HeaderMap, HeaderValue};

use super::{
    Case, Gateway, Signer, Wiring,
    support::{Verdict, holds, new_key, now_ms, same},
};
use crate::provider::{EventKind, Forged};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "signature_of_the_gateway_counts", run: |g| Box::pin(own(g)) },
    Case { name: "signature_of_a_stranger_is_refused", run: |g| Box::pin(stranger(g)) },
    Case { name: "signature_of_another_body_is_refused", run: |g| Box::pin(other_body(g)) },
    Case { name: "signature_missing_or_broken_is_refused", run: |g| Box::pin(missing(g)) },
    Case { name: "signature_of_another_time_is_refused", run: |g| Box::pin(stale(g)) },
];

/// Far beyond what clocks differ by, and what a notice needs on its way, milliseconds.
const LONG_MS: i64 = 60 * 60 * 1_000;

fn body(gateway: &dyn Gateway) -> Vec<u8> {
    gateway.notification(EventKind::PaymentSucceeded, &new_key())
}

async fn own(gateway: &dyn Gateway) -> Verdict {
    let (adapter, body) = (gateway.adapter(Wiring::Proper), body(gateway));
    let headers = gateway.signed(Signer::Gateway, &body, now_ms()).unwrap_or_default();
    same("verdict", &adapter.check_signature(&headers, &body, now_ms()), &Ok(()))
}

async fn stranger(gateway: &dyn Gateway) -> Verdict {
    let (adapter, body) = (gateway.adapter(Wiring::Proper), body(gateway));
    let Some(headers) = gateway.signed(Signer::Stranger, &body, now_ms()) else {
        return needs_none(gateway);
    };
    let verdict = adapter.check_signature(&headers, &body, now_ms());
    same("verdict", &verdict, &Err(Forged::WrongSignature))
}

async fn other_body(gateway: &dyn Gateway) -> Verdict {
    let (adapter, signed, sent) = (gateway.adapter(Wiring::Proper), body(gateway), body(gateway));
    let Some(headers) = gateway.signed(Signer::Gateway, &signed, now_ms()) else {
        return needs_none(gateway);
    };
    let verdict = adapter.check_signature(&headers, &sent, now_ms());
    same("verdict", &verdict, &Err(Forged::WrongSignature))
}

async fn missing(gateway: &dyn Gateway) -> Verdict {
    let (adapter, body) = (gateway.adapter(Wiring::Proper), body(gateway));
    let Some(headers) = gateway.signed(Signer::Gateway, &body, now_ms()) else {
        return needs_none(gateway);
    };
    let verdict = adapter.check_signature(&HeaderMap::new(), &body, now_ms());
    same("none", &verdict, &Err(Forged::Unsigned))?;
    for (name, value) in &headers {
        for cut in 0..value.len() {
            let mut broken = headers.clone();
            let part = HeaderValue::from_bytes(&value.as_bytes()[..cut]);
            broken.insert(name, part.map_err(|error| error.to_string())?);
            let refused = adapter.check_signature(&broken, &body, now_ms()).is_err();
            holds(&format!("{cut} bytes of {name}"), refused)?;
        }
    }
    Ok(())
}

async fn stale(gateway: &dyn Gateway) -> Verdict {
    let (adapter, body) = (gateway.adapter(Wiring::Proper), body(gateway));
    for off_ms in [-LONG_MS, LONG_MS] {
        let Some(headers) = gateway.signed(Signer::Gateway, &body, now_ms() + off_ms) else {
            return needs_none(gateway);
        };
        let verdict = adapter.check_signature(&headers, &body, now_ms());
        same("verdict", &verdict, &Err(Forged::Stale))?;
    }
    Ok(())
}

/// A gateway that signs nothing is not asked for a signature.
fn needs_none(gateway: &dyn Gateway) -> Verdict {
    let (adapter, body) = (gateway.adapter(Wiring::Proper), body(gateway));
    let verdict = adapter.check_signature(&HeaderMap::new(), &body, now_ms());
    same("verdict without a signature", &verdict, &Ok(()))
}
