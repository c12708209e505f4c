//! Growing pauses between attempts. Pure.

use std::time::Duration;

/// The pause after so many attempts: `first` after one, doubled with each, at most `most`.
pub(crate) fn doubling(first: Duration, most: Duration, attempts: u32) -> Duration {
    // 2^31 of even a millisecond is beyond any pause.
    let doublings = attempts.saturating_sub(1).min(31);
    first.saturating_mul(1 << doublings).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let most = Duration::from_secs(60);
        let pause = |attempts| doubling(Duration::from_secs(1), most, attempts).as_secs();
        assert_eq!([0, 1, 2, 3, 4].map(pause), [1, 1, 2, 4, 8]);
        assert_eq!([6, 7, 8, 40, u32::MAX].map(pause), [32, 60, 60, 60, 60]);
    }
}
