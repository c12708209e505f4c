//! Counters of persons, codes and the waiting list equal what they count.

use std::collections::{BTreeMap, BTreeSet};

use super::ensure;
use crate::{Event, OrderStatus};

pub(super) fn check(event: &Event) -> Result<(), String> {
    check_persons(event)?;
    check_codes(event)?;
    check_waiting(event)
}

fn check_persons(event: &Event) -> Result<(), String> {
    let owns = |status| matches!(status, OrderStatus::Paid | OrderStatus::PartiallyRefunded);
    let held = event.holds().map(|hold| (hold.terms.person, hold.seats.len()));
    let orders = event.orders().filter(|order| owns(order.status));
    let sold = orders.map(|order| (order.terms.person, order.seats.len()));
    let mut expected = BTreeMap::<u128, u32>::new();
    for (person, seats) in held.chain(sold) {
        if let Some(person) = person {
            *expected.entry(person).or_default() += seats as u32;
        }
    }
    let counted: BTreeMap<u128, u32> = event.people.with_seats().collect();
    ensure(counted == expected, || format!("persons have {expected:?}, counted {counted:?}"))
}

fn check_codes(event: &Event) -> Result<(), String> {
    for known in event.codes.all() {
        let hash = Some(known.code.hash);
        let holds = event.holds().filter(|hold| hold.offered_for().is_none());
        let (mut seats, mut minor) = (0, 0);
        for hold in holds {
            if hold.terms.promo == hash {
                seats += u32::from(hold.terms.promo_seats);
                minor += hold.terms.discount_minor;
            }
            if hold.terms.presale == hash {
                seats += hold.seats.len() as u32;
            }
        }
        let right = (known.held_seats, known.held_minor) == (seats, minor);
        ensure(right, || format!("a code counts {} seats, {seats} are held", known.held_seats))?;
    }
    Ok(())
}

fn check_waiting(event: &Event) -> Result<(), String> {
    let waits = event.waitlist.values().filter(|entry| entry.hold.is_none());
    let expected: BTreeSet<u64> = waits.map(|entry| entry.no).collect();
    ensure(event.waiting == expected, || "the waiting list differs from its places".into())?;
    let mut counted = event.clone();
    counted.count_wishes();
    ensure(counted.wanted == event.wanted, || "tiers are wanted by nobody".into())
}
