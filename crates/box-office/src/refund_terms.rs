//! What an owner gets back who gives a ticket up, by how many days are left before the event, as the law
//! or the shop has it. Pure; days are the venue's.

use inventory::WHOLE_BASIS_POINTS;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The whole price, in hundredths of a percent.
/// Steps of a table at most.
const STEPS_MAX: usize = 16;

/// When how much goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RefundConfig {
    /// From the most days to the fewest. Default: all of it until 10 days before the day of the event,
    /// half until 5, 30 % until 3, then nothing, as the law on culture (article 52.1) has it.
    pub steps: Vec<RefundStep>,
    /// Whether the fee goes back in the same share. Default true.
    pub with_fee: bool,
    /// Days after an event was moved in which everything goes back, whatever the table says. Default 10.
    pub moved_days: u32,
}

/// One step of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundStep {
    /// So many days and more are left before the day of the event.
    pub days: u32,
    /// How much of the price goes back, in hundredths of a percent, 1 to 10,000.
    pub share_basis_points: u16,
}

impl Default for RefundConfig {
    fn default() -> Self {
        let step = |days, share_basis_points| RefundStep { days, share_basis_points };
        let steps = vec![step(10, WHOLE_BASIS_POINTS), step(5, 5_000), step(3, 3_000)];
        Self { steps, with_fee: true, moved_days: 10 }
    }
}

impl RefundConfig {
    /// The first thing that cannot work.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.steps.len() > STEPS_MAX {
            return Some("must have at most 16 steps");
        }
        let sized = |step: &RefundStep| (1..=WHOLE_BASIS_POINTS).contains(&step.share_basis_points);
        if !self.steps.iter().all(sized) {
            return Some("share_basis_points must be 1 to 10000");
        }
        let falls = |pair: &[RefundStep]| {
            pair[0].days > pair[1].days && pair[0].share_basis_points >= pair[1].share_basis_points
        };
        let ordered = self.steps.windows(2).all(falls);
        (!ordered).then_some("must go from the most days to the fewest and never grow")
    }

    /// How much goes back so many days before; 0 when the table has nothing for it.
    pub(crate) fn share(&self, days_before: i64) -> u16 {
        let step = self.steps.iter().find(|step| days_before >= i64::from(step.days));
        step.map_or(0, |step| step.share_basis_points)
    }
}

/// Whole days between today and the day of the event on the venue's calendar; negative once it is over.
pub(crate) fn days_before(now_ms: u64, starts_at_ms: u64, timezone: &str) -> i64 {
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    let day = |ms: u64| {
        let at = Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX));
        at.unwrap_or(Timestamp::MAX).to_zoned(zone.clone()).date()
    };
    let between = day(now_ms).until(day(starts_at_ms));
    between.map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        let at: Timestamp = text.parse().expect("a time");
        u64::try_from(at.as_millisecond()).expect("after 1970")
    }

    #[test]
    fn d22_the_day_is_the_venues_and_the_steps_are_the_laws() {
        let starts = ms("2026-12-20T16:00:00Z"); // 19:00 in Moscow, 02:00 of the 21st in Kamchatka is later
        let terms = RefundConfig::default();
        for (now, days, share) in [
            ("2026-10-01T00:00:00Z", 80, 10_000),
            ("2026-12-10T20:59:59Z", 10, 10_000), // 23:59 of the 10th in Moscow
            ("2026-12-10T21:00:00Z", 9, 5_000),   // midnight there
            ("2026-12-15T12:00:00Z", 5, 5_000),
            ("2026-12-16T12:00:00Z", 4, 3_000),
            ("2026-12-17T20:59:59Z", 3, 3_000),
            ("2026-12-17T21:00:00Z", 2, 0),
            ("2026-12-20T15:00:00Z", 0, 0),
            ("2026-12-22T15:00:00Z", -2, 0),
        ] {
            let found = days_before(ms(now), starts, "Europe/Moscow");
            assert_eq!((found, terms.share(found)), (days, share), "{now}");
        }
        // On the other side of the country the same moment is another day.
        assert_eq!(days_before(ms("2026-12-10T20:59:59Z"), starts, "Asia/Kamchatka"), 10);
        assert_eq!(days_before(ms("2026-12-10T11:59:59Z"), starts, "Asia/Kamchatka"), 11);
    }

    #[test]
    fn a_table_falls() {
        let step = |days, share_basis_points| RefundStep { days, share_basis_points };
        let with = |steps| RefundConfig { steps, ..RefundConfig::default() };
        assert_eq!(RefundConfig::default().fault(), None);
        assert_eq!(with(vec![]).fault(), None, "a shop that takes nothing back");
        assert!(with(vec![step(3, 100), step(5, 50)]).fault().is_some());
        assert!(with(vec![step(5, 50), step(3, 100)]).fault().is_some());
        assert!(with(vec![step(5, 0)]).fault().is_some());
        assert!(with((1..=17).rev().map(|days| step(days, 10)).collect()).fault().is_some());
    }
}
