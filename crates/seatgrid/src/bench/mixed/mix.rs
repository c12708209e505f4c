//! What people ask for, and how often: the mixes of `bench http`. Pure.

use super::super::load::mixed;

/// One thing that a visitor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Takes some of the best seats.
    Hold,
    /// Looks at the seat map.
    Map,
    /// Looks at the counts.
    Counts,
    /// Looks at the drawing of the hall.
    Plan,
    /// Looks at the list of events.
    Events,
    /// Makes an order of a hold, and cancels it soon after.
    Order,
}

impl Ask {
    /// As in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Map => "seat_map",
            Self::Counts => "availability",
            Self::Plan => "plan",
            Self::Events => "events",
            Self::Order => "order",
        }
    }
}

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mix {
    /// The first minutes of a sale: everybody wants seats.
    OnSaleRush,
    /// A quiet day: looking around, most of it known already.
    Browse,
    /// Everything is taken and people go on asking.
    SoldOut,
    /// All holds end in the same moment while people wait for them.
    ExpiryWave,
    /// The aim: 70 % looks at seats and counts, 25 % holds, 5 % orders.
    P2,
}

impl Mix {
    /// Thousandths of each.
    fn shares(self) -> &'static [(Ask, u64)] {
        match self {
            Self::OnSaleRush => {
                &[(Ask::Hold, 600), (Ask::Map, 250), (Ask::Counts, 100), (Ask::Order, 50)]
            }
            Self::Browse => {
                &[(Ask::Map, 500), (Ask::Counts, 200), (Ask::Plan, 150), (Ask::Events, 150)]
            }
            Self::SoldOut => &[(Ask::Hold, 800), (Ask::Map, 150), (Ask::Counts, 50)],
            Self::ExpiryWave => &[(Ask::Hold, 700), (Ask::Map, 200), (Ask::Counts, 100)],
            Self::P2 => &[(Ask::Map, 400), (Ask::Counts, 300), (Ask::Hold, 250), (Ask::Order, 50)],
        }
    }

    /// What the arrival with this number does.
    pub fn ask(self, number: u64, seed: u64) -> Ask {
        let mut at = mixed(number, seed, 1_000);
        for (ask, share) in self.shares() {
            match at.checked_sub(*share) {
                Some(rest) => at = rest,
                None => return *ask,
            }
        }
        Ask::Counts
    }

    /// How many seats it wants, if it wants any.
    pub fn seats(self, number: u64, seed: u64) -> u64 {
        let most = match self {
            Self::OnSaleRush => 4,
            Self::SoldOut | Self::ExpiryWave | Self::Browse | Self::P2 => 2,
        };
        1 + mixed(number, seed ^ 0x5ea7, most)
    }

    /// Whether every seat is taken before the load begins.
    pub fn begins_full(self) -> bool {
        matches!(self, Self::SoldOut | Self::ExpiryWave)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_mix_is_whole_and_is_met_by_its_arrivals() {
        for mix in Mix::value_variants() {
            let whole: u64 = mix.shares().iter().map(|(_, share)| share).sum();
            assert_eq!(whole, 1_000, "{mix:?}");
            let mut counts = BTreeMap::new();
            (0..100_000).for_each(|n| *counts.entry(mix.ask(n, 3)).or_insert(0_u64) += 1);
            for (ask, share) in mix.shares() {
                let found = counts[ask] / 100;
                assert!(found.abs_diff(*share) < 15, "{mix:?} {ask:?}: {found} of {share}");
            }
            assert!((0..1_000).all(|n| (1..=4).contains(&mix.seats(n, 3))), "{mix:?}");
        }
    }
}
