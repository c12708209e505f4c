//! Runs of free seats in one row, as arithmetic on 128-bit words.

/// Bits at which `n` set bits in a row begin.
pub(crate) fn run_starts(free: u128, n: u32) -> u128 {
    if n == 0 || n > 128 {
        return 0;
    }
    let mut starts = free;
    let mut covered = 1;
    while covered < n {
        let step = covered.min(n - covered);
        starts &= starts >> step;
        covered += step;
    }
    starts
}

/// The word with `n` set bits from `start`.
pub(crate) fn run(start: u32, n: u32) -> u128 {
    let ones = if n >= 128 { u128::MAX } else { (1 << n) - 1 };
    ones << start
}

/// Length of the longest run of set bits.
pub(crate) fn longest_run(mut free: u128) -> u32 {
    let mut longest = 0;
    while free != 0 {
        free &= free >> 1;
        longest += 1;
    }
    longest
}

/// How many free seats would stand alone (no free neighbour on either side) beside the run, which
/// did not stand alone before.
pub(crate) fn orphans_made(free: u128, start: u32, n: u32) -> u32 {
    let left = free & !run(start, n);
    let lone = |bits: u128| bits & !(bits << 1) & !(bits >> 1);
    (lone(left) & !lone(free)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_of_runs() {
        assert_eq!(run_starts(0b0111_0110, 2), 0b0011_0010);
        assert_eq!(run_starts(0b0111_0110, 3), 0b0001_0000);
        assert_eq!(run_starts(0b1, 1), 0b1);
        assert_eq!(run_starts(0b1, 0), 0);
        assert_eq!(run_starts(u128::MAX, 128), 1);
        assert_eq!(run_starts(u128::MAX, 129), 0);
        for n in 1..=128 {
            assert_eq!(run_starts(u128::MAX, n).count_ones(), 129 - n, "{n}");
        }
    }

    #[test]
    fn longest_runs() {
        let cases = [(0, 0), (1, 1), (0b0111_0110, 3), (0b101, 1), (u128::MAX, 128)];
        for (free, longest) in cases {
            assert_eq!(longest_run(free), longest, "{free:b}");
        }
    }

    #[test]
    fn orphans_are_counted_once() {
        // Five free seats; taking the middle three leaves both ends alone.
        assert_eq!(orphans_made(0b11111, 1, 3), 2);
        assert_eq!(orphans_made(0b11111, 0, 3), 0);
        assert_eq!(orphans_made(0b11111, 0, 4), 1);
        // A seat that was alone already is not made by this run.
        assert_eq!(orphans_made(0b101110, 1, 3), 0);
        assert_eq!(orphans_made(u128::MAX, 0, 128), 0);
    }
}
