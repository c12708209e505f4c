//! Dense state of an event's seats: status, holder and version per seat, free bits per row, counters.
//!
//! The only file that writes a seat. Counters and bits are derived, kept in step here, and rebuilt
//! rather than stored. Seats lie in shared chunks: a copy of the table costs by their number.

mod cell;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use cell::Cell;

use crate::{PlanIndex, SeatIx};

/// What a seat is. The numbers are those of the two-bit map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SeatStatus {
    /// Anybody may hold it.
    Free = 0,
    /// A hold has it.
    Held = 1,
    /// An order owns it.
    Sold = 2,
    /// The organiser keeps it back.
    Blocked = 3,
}

impl SeatStatus {
    /// The word used in HTTP and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Held => "held",
            Self::Sold => "sold",
            Self::Blocked => "blocked",
        }
    }
}

/// Seats by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeatCounts {
    /// Free seats.
    pub free: u32,
    /// Held seats.
    pub held: u32,
    /// Sold seats.
    pub sold: u32,
    /// Blocked seats.
    pub blocked: u32,
}

impl SeatCounts {
    fn of(&mut self, status: SeatStatus) -> &mut u32 {
        match status {
            SeatStatus::Free => &mut self.free,
            SeatStatus::Held => &mut self.held,
            SeatStatus::Sold => &mut self.sold,
            SeatStatus::Blocked => &mut self.blocked,
        }
    }

    fn moved(&mut self, from: SeatStatus, to: SeatStatus) {
        *self.of(from) -= 1;
        *self.of(to) += 1;
    }

    /// All seats.
    pub fn total(&self) -> u32 {
        self.free + self.held + self.sold + self.blocked
    }
}

/// Seats in one chunk: copying one takes less time than a sync of the log.
const CHUNK_SEATS: usize = 1_024;

/// The seats of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatTable {
    /// All but the last chunk are full.
    chunks: Vec<Arc<[Cell]>>,
    len: usize,
    free_bits: Vec<u128>,
    total: SeatCounts,
    sections: Vec<SeatCounts>,
    tiers: Vec<SeatCounts>,
}

impl SeatTable {
    /// All seats free, at the version at which the sale opened.
    pub(crate) fn all_free(index: &PlanIndex, version: u64) -> Self {
        let count = index.seat_count();
        let seats = vec![(SeatStatus::Free, 0, version); count];
        Self::from_parts(index, &seats)
    }

    /// Rebuilds the table from what a snapshot holds.
    pub(crate) fn from_parts(index: &PlanIndex, seats: &[(SeatStatus, u64, u64)]) -> Self {
        let cells =
            |chunk: &[(SeatStatus, u64, u64)]| chunk.iter().copied().map(Cell::new).collect();
        let mut table = Self {
            chunks: seats.chunks(CHUNK_SEATS).map(cells).collect(),
            len: seats.len(),
            free_bits: vec![0; index.rows().len()],
            total: SeatCounts::default(),
            sections: vec![SeatCounts::default(); index.section_count()],
            tiers: vec![SeatCounts::default(); index.tier_count()],
        };
        for (at, (status, ..)) in seats.iter().enumerate() {
            let place = index.place(SeatIx(at as u32));
            *table.total.of(*status) += 1;
            *table.sections[usize::from(place.section)].of(*status) += 1;
            *table.tiers[usize::from(place.tier)].of(*status) += 1;
            if *status == SeatStatus::Free {
                table.free_bits[place.row as usize] |= 1 << place.bit;
            }
        }
        table
    }

    /// The table under an extended plan, its new seats free at `version`.
    pub(crate) fn extended(&self, index: &PlanIndex, version: u64) -> Self {
        let new = index.seat_count() - self.len;
        let added = std::iter::repeat_n((SeatStatus::Free, 0, version), new);
        let seats: Vec<_> = self.parts().chain(added).collect();
        Self::from_parts(index, &seats)
    }

    /// Whether a hold of this number has the seat.
    pub(crate) fn is_held_by(&self, seat: SeatIx, hold: u64) -> bool {
        self.status(seat) == SeatStatus::Held && self.holder(seat) == hold
    }

    /// What a snapshot holds, in plan order.
    pub(crate) fn parts(&self) -> impl ExactSizeIterator<Item = (SeatStatus, u64, u64)> + '_ {
        (0..self.len).map(|at| self.cell(at).parts())
    }

    fn cell(&self, at: usize) -> Cell {
        self.chunks[at / CHUNK_SEATS][at % CHUNK_SEATS]
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// How many seats.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no seat; never true for an open sale.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A seat's status.
    pub fn status(&self, seat: SeatIx) -> SeatStatus {
        self.cell(seat.at()).status()
    }

    /// All statuses in plan order.
    pub fn statuses(&self) -> impl Iterator<Item = SeatStatus> + '_ {
        self.cells().map(|cell| cell.status())
    }

    /// The hold or order that has the seat, 0 for none.
    pub fn holder(&self, seat: SeatIx) -> u64 {
        self.cell(seat.at()).holder()
    }

    /// The event's version at the seat's last change.
    pub fn version(&self, seat: SeatIx) -> u64 {
        self.cell(seat.at()).version()
    }

    /// Seats changed after `version`, in plan order.
    pub fn changed_since(&self, version: u64) -> impl Iterator<Item = (SeatIx, SeatStatus)> + '_ {
        let seats = self.cells().enumerate();
        let changed = seats.filter(move |(_, cell)| cell.version() > version);
        changed.map(|(at, cell)| (SeatIx(at as u32), cell.status()))
    }

    /// Counts of the whole event.
    pub fn total(&self) -> SeatCounts {
        self.total
    }

    /// Counts by section, in plan order.
    pub fn sections(&self) -> &[SeatCounts] {
        &self.sections
    }

    /// Counts by tier, in plan order.
    pub fn tiers(&self) -> &[SeatCounts] {
        &self.tiers
    }

    /// Free bits of a row.
    pub(crate) fn free_bits(&self, row: usize) -> u128 {
        self.free_bits[row]
    }

    /// Moves a seat from one status to another. A seat that is not in `from`, or held by another,
    /// is a broken invariant and stops the replica.
    pub(crate) fn set(&mut self, index: &PlanIndex, seat: SeatIx, change: SeatChange) {
        let at = seat.at();
        let (from, to) = (change.from, change.to);
        let now = self.cell(at);
        // invariant: I1
        assert!(
            now.status() == from.0 && now.holder() == from.1,
            "seat {at} is {:?} of {}, expected {from:?}",
            now.status(),
            now.holder()
        );
        let cells = Arc::make_mut(&mut self.chunks[at / CHUNK_SEATS]);
        cells[at % CHUNK_SEATS] = Cell::new((to.0, to.1, change.version));
        let place = index.place(seat);
        self.total.moved(from.0, to.0);
        self.sections[usize::from(place.section)].moved(from.0, to.0);
        self.tiers[usize::from(place.tier)].moved(from.0, to.0);
        let bit = 1u128 << place.bit;
        match to.0 {
            SeatStatus::Free => self.free_bits[place.row as usize] |= bit,
            SeatStatus::Held | SeatStatus::Sold | SeatStatus::Blocked => {
                self.free_bits[place.row as usize] &= !bit;
            }
        }
    }
}

/// A seat's move: expected and new (status, holder), and the event's version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeatChange {
    pub(crate) from: (SeatStatus, u64),
    pub(crate) to: (SeatStatus, u64),
    pub(crate) version: u64,
}
