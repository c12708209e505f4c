//! Demands on how an adapter is made: to addresses where the secret is safe only, and quiet about
//! what it was given.

use super::{
    Case, Gateway,
    support::{Verdict, holds, unavailable, wish},
};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "unsafe_addresses_are_refused", run: |g| Box::pin(unsafe_addresses(g)) },
    Case { name: "nothing_is_sent_without_tls", run: |g| Box::pin(without_tls(g)) },
    Case { name: "secret_is_not_in_debug_forms", run: |g| Box::pin(debug_forms(g)) },
];

async fn unsafe_addresses(gateway: &dyn Gateway) -> Verdict {
    let wrong = [
        "",
        "gateway",
        "http://gateway.example",
        "http://127.0.0.1.gateway.example",
        "ftp://127.0.0.1",
        "https://user:password@gateway.example",
        "file:///etc/passwd",
    ];
    for address in wrong {
        holds(&format!("refused: {address}"), gateway.made_for(address).is_err())?;
    }
    for address in ["https://gateway.example", "http://127.0.0.1:1", "http://[::1]:1"] {
        holds(&format!("taken: {address}"), gateway.made_for(address).is_ok())?;
    }
    Ok(())
}

/// Somebody in the gateway's place who cannot prove to be the gateway hears nothing.
async fn without_tls(gateway: &dyn Gateway) -> Verdict {
    let address = gateway.base_url().replacen("http://", "https://", 1);
    let adapter = gateway.made_for(&address).map_err(|error| error.to_string())?;
    unavailable("create", adapter.create_payment(wish(true)).await)
}

async fn debug_forms(gateway: &dyn Gateway) -> Verdict {
    let shown = gateway.shown();
    let seen = gateway.secrets().into_iter().any(|secret| shown.contains(&secret));
    holds("no secret in debug forms", !seen && !shown.is_empty())
}
