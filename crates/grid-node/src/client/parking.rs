//! Requests that wait for their shard to have a leader: bounded in count and bytes here, in time by
//! their own deadlines.

use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Counter, Gauge};

/// The room for waiting requests of one client.
pub(super) struct Parking {
    requests_max: usize,
    bytes_max: usize,
    requests: AtomicUsize,
    bytes: AtomicUsize,
    parked: Gauge,
    parked_total: Counter,
    refused: Counter,
}

/// A place in it, given back when dropped.
pub(super) struct Parked<'a> {
    parking: &'a Parking,
    bytes: usize,
}

impl Parking {
    pub fn new(requests_max: usize, bytes_max: usize) -> Self {
        Self {
            requests_max,
            bytes_max,
            requests: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            parked: metrics::gauge!("seatgrid_client_parked"),
            parked_total: metrics::counter!("seatgrid_client_parked_total"),
            refused: metrics::counter!("seatgrid_client_parking_refused_total"),
        }
    }

    /// A place for a request of so many bytes; `None` when it is full.
    pub fn enter(&self, bytes: usize) -> Option<Parked<'_>> {
        let requests = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let total = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.parked.increment(1);
        let place = Parked { parking: self, bytes };
        if requests > self.requests_max || total > self.bytes_max {
            self.refused.increment(1);
            return None;
        }
        self.parked_total.increment(1);
        Some(place)
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.parking.requests.fetch_sub(1, Ordering::Relaxed);
        self.parking.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.parking.parked.decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_and_bytes_are_bounded_and_given_back() {
        let parking = Parking::new(2, 100);
        let first = parking.enter(60).expect("room");
        assert!(parking.enter(41).is_none(), "too many bytes");
        let second = parking.enter(40).expect("a refused one took nothing");
        drop(first);
        let third = parking.enter(0).expect("room again");
        assert!(parking.enter(0).is_none(), "too many requests");
        drop((second, third));
        assert!(parking.enter(100).is_some());
    }
}
