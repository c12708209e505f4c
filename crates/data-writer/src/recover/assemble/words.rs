//! Words and ids of the tables as the grid's own values.

use inventory::{
    HoldId, OrderId, OrderStatus, PaymentId, PaymentStatus, RefundId, RefundStatus, SeatStatus,
    SettledAs,
};

/// PostgreSQL's signed numbers as the grid's.
pub(super) fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}

pub(super) fn seat_status(word: &str) -> Result<SeatStatus, String> {
    use SeatStatus as S;
    // Removed seats are blocked ones that never come back.
    let word = if word == "removed" { S::Blocked.as_str() } else { word };
    find(word, [S::Free, S::Held, S::Sold, S::Blocked], S::as_str)
}

pub(super) fn order_status(word: &str) -> Result<OrderStatus, String> {
    use OrderStatus as S;
    let all = [
        S::PendingPayment,
        S::Paid,
        S::Cancelled,
        S::Expired,
        S::RefundPending,
        S::Refunded,
        S::PartiallyRefunded,
    ];
    find(word, all, S::as_str)
}

pub(super) fn payment_status(word: &str) -> Result<PaymentStatus, String> {
    use PaymentStatus as S;
    find(word, [S::Pending, S::Succeeded, S::Canceled], S::as_str)
}

pub(super) fn settled_as(word: &str) -> Result<SettledAs, String> {
    use SettledAs as S;
    find(word, [S::Confirmed, S::Retaken, S::Refunded, S::Swapped], S::as_str)
}

pub(super) fn refund_status(word: &str) -> Result<RefundStatus, String> {
    use RefundStatus as S;
    find(word, [S::Pending, S::Succeeded, S::Dead], S::as_str)
}

fn find<T: Copy, const N: usize>(
    word: &str,
    all: [T; N],
    as_str: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.into_iter().find(|one| as_str(*one) == word);
    found.ok_or_else(|| format!("{word} is no status"))
}

pub(super) fn hold_no(id: &str) -> Result<u64, String> {
    id.parse::<HoldId>().map(|id| id.no).map_err(|_| not_an_id(id))
}

pub(super) fn order_no(id: &str) -> Result<u64, String> {
    id.parse::<OrderId>().map(|id| id.no).map_err(|_| not_an_id(id))
}

pub(super) fn payment_no(id: &str) -> Result<u64, String> {
    id.parse::<PaymentId>().map(|id| id.no).map_err(|_| not_an_id(id))
}

pub(super) fn refund_no(id: &str) -> Result<u64, String> {
    id.parse::<RefundId>().map(|id| id.no).map_err(|_| not_an_id(id))
}

fn not_an_id(id: &str) -> String {
    format!("{id} is no id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_tables_has_its_value_and_no_other() {
        assert_eq!(seat_status("removed"), Ok(SeatStatus::Blocked));
        assert_eq!(seat_status("sold"), Ok(SeatStatus::Sold));
        assert_eq!(order_status("partially_refunded"), Ok(OrderStatus::PartiallyRefunded));
        assert_eq!(payment_status("canceled"), Ok(PaymentStatus::Canceled));
        assert_eq!(settled_as("swapped"), Ok(SettledAs::Swapped));
        assert_eq!(refund_status("dead"), Ok(RefundStatus::Dead));
        assert!(seat_status("paid").is_err() && refund_status("").is_err());
        assert_eq!(order_no("o7-12"), Ok(12));
        assert!(order_no("h7-12").is_err());
    }
}
