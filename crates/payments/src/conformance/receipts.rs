//! Demands on fiscal receipts: the positions travel with the payment and add up, and the buyer's
//! address shows nowhere.

use super::{
    Case, Gateway, Wiring,
    support::{
        BUYER, PRICE_MINOR, Verdict, holds, new_key, paid, receipt, refund_wish, refused, wish,
        works,
    },
};
use crate::provider::{CreatePayment, CreateRefund, Receipt};

/// The cases, in reading order.
pub const CASES: &[Case] = &[
    Case { name: "receipt_positions_are_taken", run: |g| Box::pin(taken(g)) },
    Case { name: "receipt_is_there_where_the_shop_needs_one", run: |g| Box::pin(needed(g)) },
    Case { name: "receipt_that_does_not_add_up_is_refused", run: |g| Box::pin(sums(g)) },
    Case { name: "receipt_has_one_to_a_hundred_positions", run: |g| Box::pin(bounds(g)) },
    Case { name: "receipt_of_a_part_goes_with_its_refund", run: |g| Box::pin(of_refund(g)) },
    Case { name: "receipt_shows_no_address", run: |g| Box::pin(hidden(g)) },
];

async fn taken(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    works("create", adapter.create_payment(wish(true)).await).map(|_| ())
}

async fn needed(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let without = CreatePayment { receipt: None, ..wish(true) };
    let created = adapter.create_payment(without).await;
    match gateway.needs_receipt() {
        true => refused("without", created),
        false => works("without", created).map(|_| ()),
    }
}

async fn sums(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    for minor in [PRICE_MINOR - 1, PRICE_MINOR + 1, 1] {
        let wrong = CreatePayment { receipt: Some(receipt(minor)), ..wish(true) };
        refused("sum", adapter.create_payment(wrong).await)?;
    }
    Ok(())
}

async fn bounds(gateway: &dyn Gateway) -> Verdict {
    let adapter = gateway.adapter(Wiring::Proper);
    let of = |number: i64| {
        let one = receipt(PRICE_MINOR / number).items.remove(0);
        let minor = PRICE_MINOR / number;
        let item = |no| {
            let rest = if no == 0 { PRICE_MINOR - minor * (number - 1) } else { minor };
            let mut item = one.clone();
            item.amount.minor = rest;
            item
        };
        let items = (0..number).map(item).collect();
        CreatePayment { receipt: Some(Receipt { items, ..receipt(PRICE_MINOR) }), ..wish(true) }
    };
    works("a hundred", adapter.create_payment(of(100)).await)?;
    refused("more", adapter.create_payment(of(101)).await)?;
    let none = Receipt { items: Vec::new(), ..receipt(PRICE_MINOR) };
    refused(
        "none",
        adapter.create_payment(CreatePayment { receipt: Some(none), ..wish(true) }).await,
    )
}

async fn of_refund(gateway: &dyn Gateway) -> Verdict {
    let payment = paid(gateway, true).await?;
    let adapter = gateway.adapter(Wiring::Proper);
    let part = PRICE_MINOR / 2;
    let good = CreateRefund { receipt: Some(receipt(part)), ..refund_wish(&payment, part) };
    works("refund", adapter.create_refund(good).await)?;
    let wrong = CreateRefund { receipt: Some(receipt(part)), ..refund_wish(&payment, part - 1) };
    match adapter.capabilities().receipts {
        true => refused("another sum", adapter.create_refund(wrong).await),
        false => Ok(()),
    }
}

async fn hidden(gateway: &dyn Gateway) -> Verdict {
    let wish = wish(true);
    holds("not in debug forms", !format!("{wish:?}").contains(BUYER))?;
    let adapter = gateway.adapter(Wiring::WrongSecret);
    let error = adapter.create_payment(CreatePayment { idempotence_key: new_key(), ..wish }).await;
    let error = error.map(|_| ()).err().ok_or("expected an error")?;
    holds("not in errors", !format!("{error:?} {error}").contains(BUYER))
}
