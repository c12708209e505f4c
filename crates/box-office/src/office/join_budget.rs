//! How many places of a waiting list one client address may take in a while, so that one client who
//! drops every token cannot fill a list of thousands. Kept by this office alone and in memory: the
//! list itself, its order and its size are the grid's.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use inventory::EventNo;
use parking_lot::Mutex;
use uuid::Uuid;

/// Places in one event's list that one address may take within [`WHILE`]: a family, or a small
/// office behind one address.
pub(super) const PLACES_MAX: usize = 8;
/// How long a place counts.
const WHILE: Duration = Duration::from_secs(60 * 60);
/// Addresses remembered; above it the ones whose while is over are dropped, then all.
const ADDRESSES_MAX: usize = 100_000;
/// Leading bytes of an IPv6 address that name one network; the rest changes at will.
const NETWORK_BYTES_V6: usize = 8;
/// An IPv4 address mapped into IPv6 begins like this.
const MAPPED_V4: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

type Network = [u8; 16];
/// Places with the keys that they were asked for with, and since when they count.
type Places = Vec<(Uuid, Instant)>;

/// What each address took of each list.
#[derive(Default)]
pub(super) struct JoinBudget {
    taken: Mutex<HashMap<(EventNo, Network), Places>>,
}

impl JoinBudget {
    /// Whether a request may ask for a place: its address has one left, or the key had one before.
    pub(super) fn allows(&self, event: EventNo, address: Option<[u8; 16]>, key: Uuid) -> bool {
        let Some(address) = address else { return true };
        let now = Instant::now();
        let mut taken = self.taken.lock();
        let Some(places) = taken.get_mut(&(event, network(address))) else { return true };
        places.retain(|(_, at)| now.duration_since(*at) < WHILE);
        places.len() < PLACES_MAX || places.iter().any(|(known, _)| *known == key)
    }

    /// Counts a place that was given.
    pub(super) fn note(&self, event: EventNo, address: Option<[u8; 16]>, key: Uuid) {
        let Some(address) = address else { return };
        let now = Instant::now();
        let mut taken = self.taken.lock();
        if taken.len() >= ADDRESSES_MAX {
            let live = |(_, at): &(Uuid, Instant)| now.duration_since(*at) < WHILE;
            taken.retain(|_, places| places.iter().any(live));
        }
        if taken.len() >= ADDRESSES_MAX {
            taken.clear();
        }
        let places = taken.entry((event, network(address))).or_default();
        if places.iter().all(|(known, _)| *known != key) {
            places.push((key, now));
        }
    }
}

/// The part of an address that stays one client's.
fn network(address: [u8; 16]) -> Network {
    if address.starts_with(&MAPPED_V4) {
        return address;
    }
    let mut network = [0; 16];
    network[..NETWORK_BYTES_V6].copy_from_slice(&address[..NETWORK_BYTES_V6]);
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u8) -> Option<[u8; 16]> {
        Some(std::net::Ipv4Addr::new(192, 0, 2, last).to_ipv6_mapped().octets())
    }

    #[test]
    fn an_address_has_so_many_places_and_a_key_only_one() {
        let (budget, event, first) = (JoinBudget::default(), EventNo(1), Uuid::now_v7());
        budget.note(event, v4(1), first);
        for _ in 1..PLACES_MAX {
            let key = Uuid::now_v7();
            assert!(budget.allows(event, v4(1), key));
            budget.note(event, v4(1), key);
            budget.note(event, v4(1), key);
        }
        assert!(!budget.allows(event, v4(1), Uuid::now_v7()));
        assert!(budget.allows(event, v4(1), first), "a retry");
        assert!(budget.allows(event, v4(2), Uuid::now_v7()), "another address");
        assert!(budget.allows(EventNo(2), v4(1), Uuid::now_v7()), "another event");
        assert!(budget.allows(event, None, Uuid::now_v7()));
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let at = |last: u8| Some([0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, last]);
        let budget = JoinBudget::default();
        for last in 0..PLACES_MAX as u8 {
            budget.note(EventNo(1), at(last), Uuid::now_v7());
        }
        assert!(!budget.allows(EventNo(1), at(200), Uuid::now_v7()));
    }
}
