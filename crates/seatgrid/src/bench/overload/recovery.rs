//! A trigger comes and goes: how soon is as much done in time as before?

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::super::load::{Second, Summary};
use super::manners::Manners;
use super::watch::Frozen;
use super::{Trial, word};

/// Of the peak, before and after.
const CALM: f64 = 0.8;
/// Of the peak, beside the calm load.
const SPIKE: f64 = 10.0;
/// Of what was done in time before.
const WELL: f64 = 0.95;

/// What disturbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Ten times the peak.
    Spike,
    /// The unit that leads stands still.
    Freeze,
    /// All clients go away and come back with new connections at once.
    Reconnect,
}

/// How it went.
#[derive(Debug, Clone, Serialize)]
pub struct Recovery {
    trigger: Trigger,
    clients: Manners,
    /// Parts of what was due, done in time.
    before: f64,
    during: f64,
    /// Seconds after the trigger's end until it stays at 0.95 of before; absent where it never does.
    well_after_s: Option<u64>,
    aim_s: u64,
}

/// Calm, trigger, calm.
///
/// # Errors
/// When the service or its processes cannot be reached.
pub async fn watch(
    trial: &Trial<'_>,
    peak: f64,
    (trigger, manners): (Trigger, Manners),
) -> Result<Recovery> {
    let calm_s = trial.args.seconds;
    let calm = Duration::from_secs(calm_s);
    let length = Duration::from_secs(trial.args.trigger_seconds);
    let rate = peak * CALM;
    let (before, during, after) = match trigger {
        // Each crowd comes over connections of its own.
        Trigger::Reconnect => {
            let before = trial.crowd(manners, rate, calm).await?;
            (before, None, trial.crowd(manners, rate, calm).await?)
        }
        Trigger::Spike => {
            let before = trial.crowd(manners, rate, calm).await?;
            let spike = trial.crowd(manners, peak * SPIKE, length);
            // Those who come when it is over meet what it left behind.
            let (during, after) = tokio::join!(spike, async {
                tokio::time::sleep(length).await;
                trial.crowd(manners, rate, calm).await
            });
            (before, Some(during?), after?)
        }
        Trigger::Freeze => {
            let before = trial.crowd(manners, rate, calm).await?;
            let frozen = async {
                let unit = trial.watch.busiest_unit().await?;
                let frozen = Frozen::stop(unit)?;
                tokio::time::sleep(length).await;
                drop(frozen);
                trial.crowd(manners, rate, calm).await
            };
            // A second longer than the look for the unit that leads takes.
            let lasting = length + Duration::from_secs(1);
            let (during, after) = tokio::join!(trial.crowd(manners, rate, lasting), frozen);
            (before, Some(during?), after?)
        }
    };
    let before = share(&before.seconds);
    Ok(Recovery {
        trigger,
        clients: manners,
        before,
        during: during.map_or(before, |during: Summary| share(&during.seconds)),
        well_after_s: well_after_s(&after.seconds, before),
        aim_s: manners.recovery_max().as_secs(),
    })
}

fn share(seconds: &[Second]) -> f64 {
    let due: u64 = seconds.iter().map(|second| second.due).sum();
    let in_time: u64 = seconds.iter().map(|second| second.in_time + second.refused).sum();
    in_time as f64 / due.max(1) as f64
}

/// After how many seconds it is as good as before, and stays so.
fn well_after_s(seconds: &[Second], before: f64) -> Option<u64> {
    let is_well = |second: &Second| share(std::slice::from_ref(second)) >= WELL * before;
    let bad = seconds.iter().rposition(|second| !is_well(second));
    let first = bad.map_or(0, |at| at + 1);
    (first < seconds.len()).then_some(first as u64)
}

impl Recovery {
    /// In words.
    pub fn line(&self) -> String {
        let well = self.well_after_s.map_or("never well again".to_owned(), |after_s| {
            let verdict = if after_s <= self.aim_s { "holds" } else { "is missed" };
            format!("well {after_s} s after its end (aim {} s: {verdict})", self.aim_s)
        });
        format!(
            "{} with clients that {}: in time {:.3} before, {:.3} during; {well}",
            word(&self.trigger),
            word(&self.clients),
            self.before,
            self.during
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_well_when_it_stays_well() {
        let second = |in_time| {
            let zero = (0.0, 0.0);
            Second { due: 100, in_time, refused: 0, failed: 0, p50_ms: zero.0, p99_ms: zero.1 }
        };
        let seconds = |all: &[u64]| all.iter().map(|n| second(*n)).collect::<Vec<_>>();
        assert_eq!(well_after_s(&seconds(&[99, 98, 100]), 1.0), Some(0));
        assert_eq!(well_after_s(&seconds(&[10, 97, 50, 99, 96]), 1.0), Some(3));
        assert_eq!(well_after_s(&seconds(&[99, 99, 20]), 1.0), None);
        assert_eq!(well_after_s(&seconds(&[50, 50]), 0.5), Some(0), "as it was before");
    }
}
