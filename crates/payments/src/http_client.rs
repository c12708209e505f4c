//! The one recipe for outgoing HTTP: to gateways from the adapter, to the seller from the sandbox, to
//! services that carry messages.
//!
//! No redirects (credentials would travel along), no proxies from the environment, no repeats
//! behind the caller's back, a deadline on everything.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, Url, redirect::Policy};

/// Idle connections kept to one host.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// A client for `target`, whose calls end within `timeout`.
///
/// # Errors
/// When the system's certificates cannot be read, for `https` only.
pub fn build(
    target: &Url,
    timeout: Duration,
    connect_timeout: Duration,
) -> Result<Client, reqwest::Error> {
    // Another part of the process may have chosen already; the choice is the same everywhere.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .timeout(timeout)
        .connect_timeout(connect_timeout)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .user_agent("seatgrid");
    roots(builder, target).build()
}

/// Plain HTTP must work on a machine where no system certificates are installed.
fn roots(builder: ClientBuilder, target: &Url) -> ClientBuilder {
    if target.scheme() == "http" { builder.tls_certs_only([]) } else { builder }
}
