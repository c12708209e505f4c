//! Whether a seat of an order is a good ticket, and if not, why: what the door, documents and lists go by.

use inventory::{Order, OrderStatus, PricedSeat, SeatIx};

/// What an order says of a ticket for one seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The order owns the seat.
    Good(PricedSeat),
    /// Nobody paid.
    NotPaid,
    /// Its money went back, or is on its way.
    Refunded,
    /// The order has another seat instead.
    Replaced,
    /// The order never had the seat.
    Unknown,
}

/// How a ticket for the seat stands.
pub(crate) fn standing(order: &Order, seat: SeatIx) -> Standing {
    let seats = match good_seats(order) {
        Ok(seats) => seats,
        Err(OrderStatus::RefundPending | OrderStatus::Refunded) => return Standing::Refunded,
        Err(_) => return Standing::NotPaid,
    };
    if let Some(good) = seats.iter().find(|good| good.seat == seat) {
        return Standing::Good(*good);
    }
    let left = order.left.iter().any(|left| left.seat == seat);
    match (left, order.refunds.is_empty()) {
        (false, _) => Standing::Unknown,
        (true, true) => Standing::Replaced,
        (true, false) => Standing::Refunded,
    }
}

/// The seats that an order owns; its status when it owns none.
pub(crate) fn good_seats(order: &Order) -> Result<&[PricedSeat], OrderStatus> {
    if order.status.owns_seats() { Ok(&order.seats) } else { Err(order.status) }
}

#[cfg(test)]
mod tests {
    use inventory::FrozenTerms;

    use super::*;

    const OWN: SeatIx = SeatIx(3);
    const LEFT: SeatIx = SeatIx(4);
    const FOREIGN: SeatIx = SeatIx(5);

    fn order(status: OrderStatus, refunds: &[u64]) -> Order {
        let seats = |seat| vec![PricedSeat { seat, price_minor: 100 }];
        Order {
            no: 2,
            hold: 1,
            seats: seats(OWN),
            left: seats(LEFT),
            total_minor: 200,
            terms: FrozenTerms::default(),
            offer: None,
            status,
            contact: Vec::new(),
            buyer: None,
            created_at_ms: 0,
            expires_at_ms: 0,
            paid_at_ms: None,
            payments: Vec::new(),
            refunds: refunds.to_vec(),
            version: 1,
        }
    }

    #[test]
    fn a_ticket_is_as_good_as_its_order_says() {
        use OrderStatus::*;
        use Standing as S;
        let good = S::Good(PricedSeat { seat: OWN, price_minor: 100 });
        let cases: [(_, &[u64], _, _, _); 8] = [
            (Paid, &[], good, S::Replaced, S::Unknown),
            (Paid, &[7], good, S::Refunded, S::Unknown),
            (PartiallyRefunded, &[7], good, S::Refunded, S::Unknown),
            (Refunded, &[7], S::Refunded, S::Refunded, S::Refunded),
            (RefundPending, &[], S::Refunded, S::Refunded, S::Refunded),
            (PendingPayment, &[], S::NotPaid, S::NotPaid, S::NotPaid),
            (Cancelled, &[], S::NotPaid, S::NotPaid, S::NotPaid),
            (Expired, &[], S::NotPaid, S::NotPaid, S::NotPaid),
        ];
        for (status, refunds, own, left, foreign) in cases {
            let order = order(status, refunds);
            let told = [OWN, LEFT, FOREIGN].map(|seat| standing(&order, seat));
            assert_eq!(told, [own, left, foreign], "{status:?} {refunds:?}");
        }
    }
}
