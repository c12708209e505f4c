//! How many rows the next batch asks for. Pure.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A batch above this makes readers wait and costs much when it must be repeated.
const TOOK_MAX: Duration = Duration::from_millis(500);

/// Doubles while the grid has more than was asked for, halves when a batch took long.
pub(super) fn next_batch_rows(
    now: u32,
    limits: &RangeInclusive<u32>,
    more: bool,
    took: Duration,
) -> u32 {
    let next = if took > TOOK_MAX {
        now / 2
    } else if more {
        now.saturating_mul(2)
    } else {
        now
    };
    next.clamp(*limits.start(), *limits.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_under_load_and_shrinks_when_slow() {
        let (fast, slow) = (Duration::from_millis(50), Duration::from_millis(501));
        let cases = [
            (200, false, fast, 200),
            (200, true, fast, 400),
            (4_000, true, fast, 5_000),
            (5_000, true, slow, 2_500),
            (300, false, slow, 200),
        ];
        for (now, more, took, next) in cases {
            assert_eq!(next_batch_rows(now, &(200..=5_000), more, took), next, "{now} {more}");
        }
    }
}
