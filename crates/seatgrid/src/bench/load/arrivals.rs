//! When arrivals come, and what each is: drawn from a seed, so that two services meet the same ones.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How arrivals are spread over a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Spacing {
    /// As independent people come: now and then many at once.
    Poisson,
    /// At equal distances.
    Even,
    /// Whenever a connection is free: finds the most that is answered, says nothing about latency.
    Asap,
}

/// How many arrivals come, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// A second; meaningless for [`Spacing::Asap`].
    pub rate: f64,
    pub span: Duration,
    pub spacing: Spacing,
    pub seed: u64,
}

/// One arrival.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// From 0, in the order of the moments.
    pub number: u64,
    /// Its moment.
    pub due: Instant,
}

/// The arrivals that are still to come.
pub struct Arrivals {
    began: Instant,
    schedule: Schedule,
    state: Mutex<State>,
}

struct State {
    number: u64,
    /// Seconds after the beginning.
    at_s: f64,
    random: StdRng,
}

impl Arrivals {
    /// The first comes now.
    pub fn begin(schedule: Schedule) -> Self {
        let random = StdRng::seed_from_u64(schedule.seed);
        let state = Mutex::new(State { number: 0, at_s: 0.0, random });
        Self { began: Instant::now(), schedule, state }
    }

    /// When the load began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// The next arrival; `None` when the time is over.
    pub fn next(&self) -> Option<Arrival> {
        let mut state = self.state.lock();
        let number = state.number;
        let due = match self.schedule.spacing {
            Spacing::Asap => Instant::now(),
            Spacing::Even => {
                self.began + Duration::from_secs_f64(number as f64 / self.schedule.rate)
            }
            Spacing::Poisson => {
                // 1 - x is never 0, so that the logarithm is finite.
                let gap = -(1.0 - state.random.random::<f64>()).ln() / self.schedule.rate;
                state.at_s += gap;
                self.began + Duration::from_secs_f64(state.at_s)
            }
        };
        state.number += 1;
        (due < self.began + self.schedule.span).then_some(Arrival { number, due })
    }
}

/// A number from 0 to `below - 1` that hangs on the arrival and the seed alone.
pub fn mixed(number: u64, seed: u64, below: u64) -> u64 {
    // The finisher of SplitMix64: neighbours land far from each other.
    let mut x = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) % below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(spacing: Spacing, seed: u64) -> Vec<f64> {
        let schedule = Schedule { rate: 1_000.0, span: Duration::from_secs(20), spacing, seed };
        let arrivals = Arrivals::begin(schedule);
        let began = arrivals.began();
        std::iter::from_fn(|| arrivals.next())
            .map(|arrival| (arrival.due - began).as_secs_f64())
            .collect()
    }

    #[test]
    fn as_many_come_as_the_rate_says_and_the_seed_decides_when() {
        assert_eq!(all(Spacing::Even, 1).len(), 20_000);
        let poisson = all(Spacing::Poisson, 1);
        assert!((19_400..20_600).contains(&poisson.len()), "{}", poisson.len());
        assert!(poisson.is_sorted());
        let pairs = || all(Spacing::Poisson, 1).into_iter().zip(&poisson);
        assert!(pairs().all(|(a, b)| (a - b).abs() < 1e-9), "the same seed, the same moments");
        assert_ne!(all(Spacing::Poisson, 2).len(), 0);
        // The gaps of independent arrivals have a deviation as large as their mean.
        let gaps: Vec<f64> = poisson.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((0.9..1.1).contains(&(variance.sqrt() / mean)), "{}", variance.sqrt() / mean);
    }

    #[test]
    fn choices_are_spread_evenly_and_hang_on_the_seed() {
        let mut counts = [0; 10];
        (0..100_000).for_each(|number| counts[mixed(number, 7, 10) as usize] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert!((0..100).any(|number| mixed(number, 7, 10) != mixed(number, 8, 10)));
    }
}
