//! A line a second on standard error while a load runs.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Tally;

/// Shows figures until it is aborted.
pub fn show(tally: Arc<Tally>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            seconds.tick().await;
            let Some((at, second)) = tally.recent() else { continue };
            let text = format!(
                "{at:>4} s  {} due, {} good in time, {} refused, {} failed, p50 {:.1} p99 {:.1} ms",
                second.due,
                second.in_time,
                second.refused,
                second.failed,
                second.p50_ms,
                second.p99_ms
            );
            // Nobody may be reading.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    })
}
