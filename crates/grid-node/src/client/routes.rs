//! Keeps the route table of a client up to date by asking units to answer when theirs changes.

use std::time::{Duration, Instant};

use super::{Inner, decoded};
use crate::port::protocol::{Answer, Request, RoutesKnown};
use crate::routes::RouteTable;

/// A unit with no news answers after this time.
const WAIT: Duration = Duration::from_secs(10);
/// What the answer may take beyond that.
const GRACE: Duration = Duration::from_secs(2);
/// Pause after a unit that could not answer.
const PAUSE: Duration = Duration::from_millis(100);
/// Patience with the first connections.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// Runs as long as the client.
pub(super) async fn watch(inner: &Inner) {
    if inner.units.is_empty() {
        return;
    }
    let deadline = Instant::now() + CONNECT_PATIENCE;
    // Greetings tell which unit is which node; one that is down is found later.
    futures_util::future::join_all(inner.units.iter().map(|unit| unit.connect(deadline))).await;
    let mut unit = inner.any_unit();
    loop {
        if !ask(inner, unit).await {
            unit = (unit + 1) % inner.units.len();
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn ask(inner: &Inner, unit: usize) -> bool {
    let known = RoutesKnown::of(&inner.routes.load());
    let request = Request::Routes { known, wait: WAIT }.encode();
    let answer = inner.units[unit].call(request, Instant::now() + WAIT + GRACE).await;
    let Ok(Ok(Answer::Ok(body))) = answer.map(Answer::decode) else {
        return false;
    };
    match decoded::<RouteTable>(&body) {
        // A replica that lags behind what is known here is left for another.
        Ok(table) if table.revision < known.revision => false,
        Ok(table) => {
            inner.take_routes(table);
            true
        }
        Err(error) => {
            tracing::warn!(addr = %inner.units[unit].addr(), %error, "route table not readable");
            false
        }
    }
}
