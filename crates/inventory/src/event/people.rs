//! How much each person holds and owns, and how often they asked: the limits' counters, kept by the
//! same writer as the seats, so that concurrent requests cannot pass them together.

use serde::{Deserialize, Serialize};

use crate::share::{SharedMap, SharedQueue};
use crate::{Refusal, SaleRules};

/// Persons remembered per event for their hold budget alone; above it the oldest starts afresh.
pub(crate) const COOLING_MAX: usize = 500_000;
/// Persons with a limit of their own, per event.
pub(crate) const OWN_LIMITS_MAX: usize = 10_000;

/// One person's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Use {
    /// Seats held and owned.
    seats: u32,
    /// Holds taken within the while.
    holds: u16,
    /// Until when they count, milliseconds since 1970; 0 when none do.
    until_ms: u64,
}

/// All persons of one event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct People {
    by_id: SharedMap<u128, Use>,
    /// (until, person) in the order of time: the cool-down is the same for all.
    cooling: SharedQueue<(u64, u128)>,
    own_limits: SharedMap<u128, u16>,
}

/// What a snapshot has of [`People`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct PeopleForm {
    by_id: Vec<(u128, Use)>,
    cooling: Vec<(u64, u128)>,
    own_limits: Vec<(u128, u16)>,
}

impl PeopleForm {
    /// Gives persons limits of their own.
    pub(crate) fn limit(&mut self, limits: Vec<(u128, u16)>) {
        self.own_limits.extend(limits);
    }
}

impl From<&People> for PeopleForm {
    fn from(people: &People) -> Self {
        Self {
            by_id: people.by_id.iter().map(|(id, known)| (*id, *known)).collect(),
            cooling: people.cooling.iter().copied().collect(),
            own_limits: people.own_limits.iter().map(|(id, max)| (*id, *max)).collect(),
        }
    }
}

impl From<PeopleForm> for People {
    fn from(form: PeopleForm) -> Self {
        let mut cooling = SharedQueue::default();
        form.cooling.into_iter().for_each(|one| cooling.push_back(one));
        Self {
            by_id: form.by_id.into_iter().collect(),
            cooling,
            own_limits: form.own_limits.into_iter().collect(),
        }
    }
}

impl People {
    /// Persons with a limit of their own, and it.
    pub(crate) fn own_limits(&self) -> impl Iterator<Item = (u128, u16)> + '_ {
        self.own_limits.iter().map(|(person, max)| (*person, *max))
    }

    /// Refuses so many seats more than the person may have.
    pub(crate) fn check_seats(
        &self,
        rules: &SaleRules,
        person: Option<u128>,
        more: u32,
    ) -> Result<(), Refusal> {
        let Some(person) = person else { return Ok(()) };
        let Some(max) = self.own_limits.get(&person).copied().or(rules.per_person_max) else {
            return Ok(());
        };
        let has = self.seats_of(person);
        if has + more <= u32::from(max) {
            return Ok(());
        }
        Err(Refusal::LimitPerPerson { max, has })
    }

    /// Refuses one hold more than the person may take in a while.
    pub(crate) fn check_budget(
        &self,
        rules: &SaleRules,
        person: Option<u128>,
        at_ms: u64,
    ) -> Result<(), Refusal> {
        let (Some(person), Some(budget)) = (person, rules.hold_budget) else { return Ok(()) };
        match self.by_id.get(&person) {
            Some(known) if known.until_ms > at_ms && known.holds >= budget.holds_max => {
                Err(Refusal::HoldBudget { until_ms: known.until_ms })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Counts one hold towards the budget.
    pub(crate) fn note_hold(&mut self, rules: &SaleRules, person: Option<u128>, at_ms: u64) {
        self.cool(at_ms);
        let (Some(person), Some(budget)) = (person, rules.hold_budget) else { return };
        let known = self.entry(person);
        let fresh = known.until_ms <= at_ms;
        if fresh {
            (known.holds, known.until_ms) = (0, at_ms + u64::from(budget.cool_down_ms));
        }
        known.holds += 1;
        let until_ms = known.until_ms;
        if fresh {
            self.cooling.push_back((until_ms, person));
        }
    }

    fn entry(&mut self, person: u128) -> &mut Use {
        if self.by_id.get(&person).is_none() {
            self.by_id.insert(person, Use::default());
        }
        self.by_id.get_mut(&person).expect("put there above")
    }

    /// Forgets whiles that are over, and the oldest above the limit.
    fn cool(&mut self, at_ms: u64) {
        while let Some((until_ms, person)) = self.cooling.front().copied() {
            if until_ms > at_ms && self.cooling.len() < COOLING_MAX {
                return;
            }
            self.cooling.drop_front();
            let Some(known) = self.by_id.get_mut(&person) else { continue };
            if known.until_ms == until_ms {
                (known.holds, known.until_ms) = (0, 0);
            }
            self.drop_idle(person);
        }
    }

    fn drop_idle(&mut self, person: u128) {
        if self.by_id.get(&person).is_some_and(|known| known.seats == 0 && known.until_ms == 0) {
            self.by_id.remove(&person);
        }
    }

    /// Counts seats taken.
    pub(crate) fn take(&mut self, person: Option<u128>, seats: usize) {
        if let Some(person) = person {
            self.entry(person).seats += seats as u32;
        }
    }

    /// Counts seats given back.
    pub(crate) fn give_back(&mut self, person: Option<u128>, seats: usize) {
        let Some(person) = person else { return };
        let known = self.entry(person);
        assert!(known.seats >= seats as u32, "a person gives back more seats than they had");
        known.seats -= seats as u32;
        self.drop_idle(person);
    }

    /// Gives a person another limit, or the sale's again.
    pub(crate) fn set_limit(&mut self, person: u128, max: Option<u16>) -> Result<(), Refusal> {
        match max {
            None => {
                self.own_limits.remove(&person);
            }
            Some(max) => {
                let known = self.own_limits.get(&person).is_some();
                if !known && self.own_limits.len() >= OWN_LIMITS_MAX {
                    return Err(Refusal::TooMany);
                }
                self.own_limits.insert(person, max);
            }
        }
        Ok(())
    }

    pub(crate) fn seats_of(&self, person: u128) -> u32 {
        self.by_id.get(&person).map_or(0, |known| known.seats)
    }

    /// Everybody with seats.
    pub(crate) fn with_seats(&self) -> impl Iterator<Item = (u128, u32)> + '_ {
        self.by_id.iter().filter(|(_, known)| known.seats > 0).map(|(id, known)| (*id, known.seats))
    }
}
