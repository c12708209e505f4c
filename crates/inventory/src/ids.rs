//! Names of things: numbers inside the grid, short opaque strings outside.
//!
//! A hold, order, payment or refund id carries its event, so that any router finds the shard
//! without a look-up. Ids are not secrets: what belongs to a shopper is guarded by a token.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An event's number, unique in the cluster and given out by the meta group from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct EventNo(pub u32);

/// A seat's dense index in plan order, from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct SeatIx(pub u32);

impl SeatIx {
    /// The index as a position in the dense vectors.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// A string that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid id")
    }
}

impl std::error::Error for IdError {}

/// Digits only, no sign, no leading zero: one number has one spelling.
fn number<T: FromStr>(text: &str) -> Result<T, IdError> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !plain || text.starts_with('0') {
        return Err(IdError);
    }
    text.parse().map_err(|_| IdError)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name {
            /// The event it belongs to.
            pub event: EventNo,
            /// Its number within the event, from 1, never reused.
            pub no: u64,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}-{}"), self.event.0, self.no)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let rest = text.strip_prefix($prefix).ok_or(IdError)?;
                let (event, no) = rest.split_once('-').ok_or(IdError)?;
                Ok(Self { event: EventNo(number(event)?), no: number(no)? })
            }
        }
    };
}

id!(
    /// A hold, written `h<event>-<no>`.
    HoldId, "h"
);
id!(
    /// An order, written `o<event>-<no>`.
    OrderId, "o"
);
id!(
    /// A payment, written `p<event>-<no>`.
    PaymentId, "p"
);
id!(
    /// A refund, written `r<event>-<no>`.
    RefundId, "r"
);
id!(
    /// A place in a waiting list, written `w<event>-<no>`.
    WaitId, "w"
);

id!(
    /// A place in a waiting room, written `q<event>-<no>`.
    QueueId, "q"
);

/// A ticket: one seat of one order, written `t<event>-<order>-<seat index>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId {
    /// The order that bought it.
    pub order: OrderId,
    /// The seat.
    pub seat: SeatIx,
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}-{}-{}", self.order.event.0, self.order.no, self.seat.0)
    }
}

impl FromStr for TicketId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let rest = text.strip_prefix('t').ok_or(IdError)?;
        let mut parts = rest.splitn(3, '-');
        let mut next = || parts.next().ok_or(IdError);
        let (event, no, seat) = (next()?, next()?, next()?);
        let seat = if seat == "0" { 0 } else { number(seat)? };
        let order = OrderId { event: EventNo(number(event)?), no: number(no)? };
        Ok(Self { order, seat: SeatIx(seat) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_spelling() {
        let id = HoldId { event: EventNo(7), no: 1842 };
        assert_eq!(id.to_string(), "h7-1842");
        assert_eq!("h7-1842".parse(), Ok(id));
        for wrong in
            ["", "h", "o7-1842", "h07-1", "h7-01", "h7", "h7-1-1", "h+7-1", "h7- 1", "h0-1"]
        {
            assert_eq!(wrong.parse::<HoldId>(), Err(IdError), "{wrong}");
        }
        assert_eq!("h99999999999-1".parse::<HoldId>(), Err(IdError));
    }

    #[test]
    fn ticket_ids_round_trip() {
        let id = TicketId { order: OrderId { event: EventNo(2), no: 9 }, seat: SeatIx(0) };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["t2-9", "t2-9-00", "t2-9-0-1", "2-9-0"] {
            assert_eq!(wrong.parse::<TicketId>(), Err(IdError), "{wrong}");
        }
    }
}
