//! The goodput curve: what is done in time at each multiple of the peak, and what a refusal costs.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::super::chart::{Chart, Line};
use super::super::compare::buyers::HOLD;
use super::manners::Manners;
use super::{Trial, say};

/// Of the peak, up to the last step.
const PLATEAU_MIN: f64 = 0.9;
/// A refusal's processor time to a hold's.
const REFUSAL_MAX: f64 = 0.05;
const RELEASES_MIN: f64 = 0.999;
const ADMITTED_P99_MAX_MS: f64 = 100.0;
/// Memory may grow by a tenth.
const RESIDENT_MAX: f64 = 1.1;

/// One multiple of the peak.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    pub factor: f64,
    /// Due, a second.
    pub offered_per_s: f64,
    /// Sent while the buyer still waited, a second: less than offered where the generator's
    /// connections were all busy.
    pub sent_per_s: f64,
    pub goodput_per_s: f64,
    /// Of the admitted and of the refused by the rules, from the moment that was due.
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Told to come back.
    pub shed: u64,
    /// Neither answered nor told anything.
    pub lost: u64,
    /// Of releases, which are never shed.
    pub releases_good: f64,
    pub cpu_s: f64,
    pub resident_mb: u64,
    pub elections: u64,
}

/// All steps, one after the other, with clients that never retry.
///
/// # Errors
/// When the service or its processes cannot be reached.
pub async fn draw(trial: &Trial<'_>, peak: f64) -> Result<Vec<Step>> {
    say(&Step::head());
    let mut steps = Vec::new();
    for factor in &trial.args.factors {
        let span = Duration::from_secs(trial.args.seconds);
        let before = trial.watch.see().await?;
        let summary = trial.crowd(Manners::NeverRetry, peak * factor, span).await?;
        let after = trial.watch.see().await?;
        let hold = summary.kinds.get(HOLD).cloned().unwrap_or_default();
        let release = summary.kinds.get("release").cloned().unwrap_or_default();
        let code = |code: &str| hold.codes.get(code).copied().unwrap_or(0);
        let (shed, gone) = (code("overloaded"), code("gave_up_before_sending"));
        let step = Step {
            factor: *factor,
            offered_per_s: hold.sent as f64 / span.as_secs_f64(),
            sent_per_s: (hold.sent - gone) as f64 / summary.took_s,
            goodput_per_s: hold.goodput_per_s,
            p50_ms: hold.p50_ms,
            p99_ms: hold.p99_ms,
            shed,
            lost: hold.failed - shed - gone,
            releases_good: part(release.good, release.sent),
            cpu_s: after.cpu_s - before.cpu_s,
            resident_mb: after.resident_bytes >> 20,
            elections: after.leaderships - before.leaderships,
        };
        say(&step.line());
        steps.push(step);
    }
    Ok(steps)
}

/// Nothing asked for is nothing missed.
fn part(good: u64, sent: u64) -> f64 {
    if sent == 0 { 1.0 } else { good as f64 / sent as f64 }
}

impl Step {
    /// Above the table.
    pub fn head() -> String {
        format!(
            "{:>7}{:>11}{:>11}{:>11}{:>9}{:>9}{:>10}{:>8}{:>10}{:>8}{:>7}{:>10}",
            "x peak",
            "offered/s",
            "sent/s",
            "goodput/s",
            "p50 ms",
            "p99 ms",
            "shed",
            "lost",
            "released",
            "cpu s",
            "MB",
            "elections"
        )
    }

    /// In the table.
    pub fn line(&self) -> String {
        format!(
            "{:>7}{:>11.0}{:>11.0}{:>11.0}{:>9.1}{:>9.1}{:>10}{:>8}{:>9.2}%{:>8.1}{:>7}{:>10}",
            self.factor,
            self.offered_per_s,
            self.sent_per_s,
            self.goodput_per_s,
            self.p50_ms,
            self.p99_ms,
            self.shed,
            self.lost,
            self.releases_good * 100.0,
            self.cpu_s,
            self.resident_mb,
            self.elections
        )
    }
}

/// Each aim with what was found.
pub fn verdicts(curve: &[Step]) -> Vec<String> {
    let best = curve.iter().map(|step| step.goodput_per_s).fold(0.0, f64::max);
    let over = || curve.iter().filter(|step| step.factor >= 1.0);
    let (Some(first), Some(worst)) =
        (curve.first(), over().min_by(|a, b| a.goodput_per_s.total_cmp(&b.goodput_per_s)))
    else {
        return vec![];
    };
    let most = |what: fn(&Step) -> f64| over().map(what).fold(0.0, f64::max);
    let plateau = worst.goodput_per_s / best.max(1e-9);
    let released = over().map(|step| step.releases_good).fold(1.0, f64::min);
    let memory = most(|step| step.resident_mb as f64) / first.resident_mb.max(1) as f64;
    let elections: u64 = curve.iter().map(|step| step.elections).sum();
    let p99 = most(|step| step.p99_ms);
    let mut verdicts = vec![
        verdict(plateau >= PLATEAU_MIN, &format!("goodput falls to {plateau:.2} of its best")),
        verdict(p99 <= ADMITTED_P99_MAX_MS, &format!("p99 of the admitted {p99:.0} ms")),
        verdict(released >= RELEASES_MIN, &format!("releases {:.2} %", released * 100.0)),
        verdict(memory <= RESIDENT_MAX, &format!("memory {memory:.2} x")),
        verdict(elections == 0, &format!("{elections} elections")),
    ];
    verdicts.extend(refusal_cost(curve).map(|share| {
        verdict(share <= REFUSAL_MAX, &format!("a refusal costs {:.1} % of a hold", share * 100.0))
    }));
    verdicts
}

/// From the step with the most refusals and one without: what is left when its holds are taken off.
fn refusal_cost(curve: &[Step]) -> Option<f64> {
    let holds = |step: &Step| step.goodput_per_s / step.offered_per_s.max(1e-9);
    let calm = curve.iter().filter(|step| step.shed == 0);
    let calm = calm.max_by(|a, b| holds(a).total_cmp(&holds(b)))?;
    let rushed = curve.iter().max_by_key(|step| step.shed).filter(|step| step.shed > 0)?;
    // Both steps are as long as each other, so rates stand for counts.
    let each = calm.cpu_s / calm.goodput_per_s.max(1e-9);
    let left = (rushed.cpu_s - each * rushed.goodput_per_s).max(0.0);
    let shed_per_s = rushed.sent_per_s - rushed.goodput_per_s;
    (shed_per_s > 0.0 && each > 0.0).then(|| left / shed_per_s / each)
}

fn verdict(holds: bool, what: &str) -> String {
    format!("{} {what}", if holds { "holds:    " } else { "is missed:" })
}

/// For the page.
pub fn charts(curve: &[Step]) -> Vec<Chart> {
    let over =
        |what: fn(&Step) -> f64| curve.iter().map(|step| (step.factor, what(step))).collect();
    let line = |name: &str, what| Line { name: name.to_owned(), points: over(what) };
    let chart = |title: &str, up: &str, lines| Chart {
        title: title.to_owned(),
        across: "times the peak".to_owned(),
        up: up.to_owned(),
        lines,
    };
    vec![
        chart(
            "Goodput",
            "holds a second",
            vec![
                line("good in time", |step| step.goodput_per_s),
                line("sent", |step| step.sent_per_s),
            ],
        ),
        chart(
            "Latency of the admitted",
            "ms",
            vec![line("p50", |step| step.p50_ms), line("p99", |step| step.p99_ms)],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(factor: f64, goodput: f64, shed: u64, cpu_s: f64) -> Step {
        let sent_per_s = 1_000.0 * factor;
        Step {
            factor,
            offered_per_s: sent_per_s,
            sent_per_s,
            goodput_per_s: goodput,
            p99_ms: 40.0,
            shed,
            releases_good: 1.0,
            cpu_s,
            resident_mb: 100,
            ..Step::default()
        }
    }

    #[test]
    fn a_plateau_is_told_from_a_collapse_and_a_refusal_has_its_price() {
        // A hold costs 1/1000, a refusal 1/50 of that.
        let good = [step(1.0, 1_000.0, 0, 1.0), step(11.0, 1_000.0, 10_000, 1.2)];
        let told = verdicts(&good);
        assert!(told.iter().all(|line| line.starts_with("holds:")), "{told:?}");
        assert!(told.iter().any(|line| line.contains("a refusal costs 2.0 %")), "{told:?}");
        let bad = [step(1.0, 1_000.0, 0, 1.0), step(11.0, 300.0, 10_000, 2.0)];
        let told = verdicts(&bad);
        assert!(told[0].starts_with("is missed:") && told[0].contains("0.30"), "{told:?}");
        assert!(told.last().expect("lines").starts_with("is missed:"), "{told:?}");
        assert!(verdicts(&[]).is_empty());
    }
}
