//! One seat in sixteen bytes: status and holder share a word.

use super::SeatStatus;

/// Bits of the first word that name the holder; numbers within an event never get that far.
const HOLDER_BITS: u32 = 62;
const HOLDER: u64 = (1 << HOLDER_BITS) - 1;

/// A seat's status, holder and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    status_and_holder: u64,
    version: u64,
}

impl Cell {
    /// Of (status, hold or order that has it, the event's version at its last change).
    pub fn new((status, holder, version): (SeatStatus, u64, u64)) -> Self {
        assert!(holder <= HOLDER, "a number within an event is out of range");
        Self { status_and_holder: (status as u64) << HOLDER_BITS | holder, version }
    }

    pub fn status(self) -> SeatStatus {
        match self.status_and_holder >> HOLDER_BITS {
            0 => SeatStatus::Free,
            1 => SeatStatus::Held,
            2 => SeatStatus::Sold,
            _ => SeatStatus::Blocked,
        }
    }

    pub fn holder(self) -> u64 {
        self.status_and_holder & HOLDER
    }

    pub fn version(self) -> u64 {
        self.version
    }

    pub fn parts(self) -> (SeatStatus, u64, u64) {
        (self.status(), self.holder(), self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        use SeatStatus::{Blocked, Free, Held, Sold};
        for status in [Free, Held, Sold, Blocked] {
            for holder in [0, 1, 77, HOLDER] {
                let parts = (status, holder, u64::MAX - 3);
                assert_eq!(Cell::new(parts).parts(), parts);
            }
        }
    }
}
