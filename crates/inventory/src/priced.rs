//! Seats at frozen prices, as holds, replies, remembered keys and ledger records name them.
//!
//! One grant is told in all four places: the seats are written once and shared, and a single seat,
//! which is what crowds ask for, needs no memory of its own. Never changed once made.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::PricedSeat;

/// Seats with their frozen prices; cheap to clone. Encoded as a plain sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedSeats(Shape);

/// One seat is always [`Shape::One`], so that equal seats are equal values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    One(PricedSeat),
    Other(Arc<[PricedSeat]>),
}

impl Deref for PricedSeats {
    type Target = [PricedSeat];

    fn deref(&self) -> &[PricedSeat] {
        match &self.0 {
            Shape::One(seat) => std::slice::from_ref(seat),
            Shape::Other(seats) => seats,
        }
    }
}

impl Default for PricedSeats {
    fn default() -> Self {
        Self(Shape::Other(Arc::default()))
    }
}

impl From<Vec<PricedSeat>> for PricedSeats {
    fn from(seats: Vec<PricedSeat>) -> Self {
        match seats[..] {
            [seat] => Self(Shape::One(seat)),
            [] | [..] => Self(Shape::Other(seats.into())),
        }
    }
}

impl FromIterator<PricedSeat> for PricedSeats {
    fn from_iter<I: IntoIterator<Item = PricedSeat>>(seats: I) -> Self {
        let mut seats = seats.into_iter();
        match (seats.next(), seats.next()) {
            (None, _) => Self::default(),
            (Some(seat), None) => Self(Shape::One(seat)),
            (Some(first), Some(second)) => {
                Self(Shape::Other([first, second].into_iter().chain(seats).collect()))
            }
        }
    }
}

impl<'a> IntoIterator for &'a PricedSeats {
    type Item = &'a PricedSeat;
    type IntoIter = std::slice::Iter<'a, PricedSeat>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for PricedSeats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for PricedSeats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SeatIx, codec};

    #[test]
    fn they_are_the_slice_they_came_from_and_have_the_bytes_of_a_sequence() {
        for len in 0..5_u32 {
            let seat = |n| PricedSeat { seat: SeatIx(n), price_minor: i64::from(n) - 2 };
            let plain: Vec<_> = (0..len).map(seat).collect();
            let seats: PricedSeats = plain.iter().copied().collect();
            assert_eq!(*seats, plain[..]);
            assert_eq!(PricedSeats::from(plain.clone()), seats, "one shape for {len}");
            let bytes = codec::encode(&seats);
            assert_eq!(bytes, codec::encode(&plain));
            assert_eq!(codec::decode::<PricedSeats>(&bytes), Ok(seats));
        }
    }
}
