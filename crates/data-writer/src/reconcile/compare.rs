//! Two sides as the same kind of facts, and their differences. Pure.

use std::collections::{BTreeMap, BTreeSet};

use inventory::{OrderId, OrderStatus};
use processing_unit::CheckedEvent;

use super::{Difference, Thing};

/// What one side says of each thing: values in the order of [`fields`].
pub(super) type Facts = BTreeMap<(Thing, String), Vec<Option<String>>>;

/// Names of the values, and where the status stands among them.
pub(super) fn fields(thing: Thing) -> &'static [&'static str] {
    match thing {
        Thing::Event => &["name", "shard_id", "plan_version", "currency", "starts_at"],
        Thing::Seat => &["status", "hold_id", "order_id", "version"],
        Thing::Order => &[
            "status",
            "hold_id",
            "buyer_id",
            "contact",
            "total_minor",
            "created_at",
            "expires_at",
            "paid_at",
            "version",
        ],
        Thing::OrderSeat => &["status", "order_id", "price_minor"],
        Thing::Payment => &[
            "status",
            "order_id",
            "provider",
            "method",
            "provider_ref",
            "settled_as",
            "amount_minor",
            "captured_minor",
            "started_at",
            "settled_at",
            "version",
        ],
        Thing::Refund => &[
            "status",
            "payment_id",
            "order_id",
            "amount_minor",
            "attempts",
            "last_error",
            "created_at",
            "version",
        ],
        Thing::Sums => &["free", "held", "sold", "blocked", "orders_paid", "revenue_minor"],
        Thing::DoubleSold => &["owners"],
    }
}

/// Everything that the two sides do not say alike, in the order of things and ids.
pub(super) fn differences(event_id: &str, grid: &Facts, tables: &Facts) -> Vec<Difference> {
    let keys: BTreeSet<&(Thing, String)> = grid.keys().chain(tables.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        let (thing, id) = key;
        match (grid.get(key), tables.get(key)) {
            (Some(a), Some(b)) => found.extend(of_one(event_id, (*thing, id), (a, b))),
            (Some(_), None) => found.push(Difference::only_in_grid(event_id, *thing, id)),
            (None, Some(row)) if may_be_forgotten(*thing, row, grid) => {}
            (None, Some(_)) => found.push(Difference::only_in_tables(event_id, *thing, id)),
            (None, None) => {}
        }
    }
    found
}

fn of_one<'a>(
    event_id: &'a str,
    key: (Thing, &'a str),
    sides: (&'a [Option<String>], &'a [Option<String>]),
) -> impl Iterator<Item = Difference> + 'a {
    let (thing, id) = key;
    let pairs = fields(thing).iter().zip(sides.0.iter().zip(sides.1));
    pairs.filter(|(_, (grid, tables))| grid != tables).map(move |(field, (grid, tables))| {
        let (event_id, id) = (event_id.to_owned(), id.to_owned());
        Difference { event_id, thing, id, field, grid: grid.clone(), tables: tables.clone() }
    })
}

/// The grid forgets unpaid orders some hours after their end, with their payments; the tables never
/// do. Their rows must say that they ended without money.
fn may_be_forgotten(thing: Thing, row: &[Option<String>], grid: &Facts) -> bool {
    let status = row.first().cloned().flatten().unwrap_or_default();
    let order_unknown = || {
        let order = row.get(1).cloned().flatten().unwrap_or_default();
        !grid.contains_key(&(Thing::Order, order))
    };
    match thing {
        Thing::Order => ended_unpaid(&status),
        Thing::OrderSeat => status == "released" && order_unknown(),
        Thing::Payment => status == "canceled" && order_unknown(),
        Thing::Event | Thing::Seat | Thing::Refund | Thing::Sums | Thing::DoubleSold => false,
    }
}

fn ended_unpaid(status: &str) -> bool {
    [OrderStatus::Cancelled, OrderStatus::Expired].iter().any(|ended| ended.as_str() == status)
}

/// Seats that the tables call sold.
pub(super) fn sold_seats(tables: &Facts) -> u64 {
    let sold = |row: &Vec<Option<String>>| row.first() == Some(&Some("sold".to_owned()));
    tables.iter().filter(|((thing, _), row)| *thing == Thing::Seat && sold(row)).count() as u64
}

/// How many orders are in the tables only.
pub(super) fn forgotten_orders(checked: &CheckedEvent, tables: &Facts) -> u64 {
    let event = checked.event;
    let known: BTreeSet<String> =
        checked.orders.iter().map(|o| OrderId { event, no: o.no }.to_string()).collect();
    let in_tables = tables.keys().filter(|(thing, _)| *thing == Thing::Order);
    in_tables.filter(|(_, id)| !known.contains(id)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(rows: &[(Thing, &str, &[&str])]) -> Facts {
        let row = |(thing, id, values): &(Thing, &str, &[&str])| {
            let values = values.iter().map(|v| Some((*v).to_owned()).filter(|v| !v.is_empty()));
            ((*thing, (*id).to_owned()), values.collect())
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn each_field_and_each_side_is_told() {
        let grid = facts(&[
            (Thing::Seat, "A-1-1", &["held", "h1-1", "", "2"]),
            (Thing::Seat, "A-1-2", &["free", "", "", "1"]),
            (Thing::Refund, "r1-9", &["pending"]),
        ]);
        let tables = facts(&[
            (Thing::Seat, "A-1-1", &["sold", "", "o1-2", "2"]),
            (Thing::Seat, "A-1-2", &["free", "", "", "1"]),
            (Thing::Seat, "A-1-3", &["free", "", "", "1"]),
        ]);
        let told: Vec<String> =
            differences("e", &grid, &tables).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "e: seat A-1-1: status: grid held, tables sold",
                "e: seat A-1-1: hold_id: grid h1-1, tables -",
                "e: seat A-1-1: order_id: grid -, tables o1-2",
                "e: seat A-1-3: *: grid -, tables present",
                "e: refund r1-9: *: grid present, tables -",
            ]
        );
    }

    #[test]
    fn only_unpaid_ended_orders_may_be_in_the_tables_alone() {
        let cases: [(Thing, &[&str], bool); 7] = [
            (Thing::Order, &["expired"], true),
            (Thing::Order, &["cancelled"], true),
            (Thing::Order, &["paid"], false),
            (Thing::OrderSeat, &["released", "o1-1"], true),
            (Thing::OrderSeat, &["sold", "o1-1"], false),
            (Thing::Payment, &["canceled", "o1-1"], true),
            (Thing::Payment, &["succeeded", "o1-1"], false),
        ];
        for (thing, row, allowed) in cases {
            let tables = facts(&[(thing, "x", row)]);
            let found = differences("e", &Facts::new(), &tables);
            assert_eq!(found.is_empty(), allowed, "{thing:?} {row:?}");
        }
        // The order is known, so its seat must be too.
        let grid = facts(&[(Thing::Order, "o1-1", &["expired"])]);
        let tables = facts(&[
            (Thing::Order, "o1-1", &["expired"]),
            (Thing::OrderSeat, "o1-1/A", &["released", "o1-1"]),
        ]);
        assert_eq!(differences("e", &grid, &tables).len(), 1);
    }
}
