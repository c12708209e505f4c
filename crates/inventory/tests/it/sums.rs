//! The bound of a shard's memory, number by number (invariant I13): what the limits allow of each table,
//! and the bytes of one entry as they are added up by hand for a machine of 64 bits. An entry that
//! grows turns this red; whoever makes it grow says so here.

use inventory::*;

/// (table, entries at most, bytes of one).
fn table(counts: &Counts) -> Vec<(&'static str, u64, u64)> {
    counts.parts().iter().map(|part| (part.name, part.count, part.bytes_each)).collect()
}

#[test]
fn limits_allow_so_many_of_each_thing() {
    // Two events of 30,000 seats together; 50,000 records.
    let counts = Counts::at_limits(2, 30_000, 50_000);
    let numbers: Vec<_> =
        table(&counts).into_iter().map(|(name, count, _)| (name, count)).collect();
    // Two orders a seat and a thousand an event; holds that are pending; the table of ended ones.
    let kept = 2 * 30_000 + 2 * 1_000;
    let orders = kept + 50_000 / 4 + 100_000;
    let expected = [
        ("events", 2),
        ("sections", 2 * 1_024),
        ("rows", 30_000),
        ("seats", 30_000),
        ("holds", 12_500),
        ("ended holds", 2 * 65_536),
        ("orders", orders),
        ("payments", orders * 20),
        ("refunds", kept * 21 + 30_000 + orders * 20),
        ("keys", 1_000_000),
        ("records", 50_000),
        ("waiting", 50_000 / 6),
        ("codes", 2 * 10_000),
        ("persons", 2 * (500_000 + 10_000) + 30_000),
        ("fenced", 100_000),
        ("queued", 2 * 100_000),
    ];
    assert_eq!(numbers, expected);
    // Where events are few, lists are shorter than the outbox, and sections fewer than seats.
    let small = Counts::at_limits(1, 100, 500_000);
    assert_eq!((small.sections, small.waiting), (100, 5_000));
}

#[test]
fn one_entry_takes_so_many_bytes_at_most() {
    let counts = Counts::at_limits(1, 1, 1_000);
    let sizes: Vec<_> = table(&counts).into_iter().map(|(name, _, bytes)| (name, bytes)).collect();
    let expected = [
        ("events", 21_840),
        ("sections", 352),
        ("rows", 208),
        ("seats", 148),
        ("holds", 1_952),
        ("ended holds", 48),
        ("orders", 8_800),
        ("payments", 2_048),
        ("refunds", 1_008),
        ("keys", 1_824),
        ("records", 6_128),
        ("waiting", 1_552),
        ("codes", 464),
        ("persons", 144),
        ("fenced", 24),
        ("queued", 304),
    ];
    assert_eq!(sizes, expected);
}

#[test]
fn all_is_the_sum_of_its_parts_and_twice_that_beside_a_snapshot() {
    let counts = Counts { events: 1, seats: 10, orders: 3, ..Counts::default() };
    let parts = table(&counts);
    let of = |name: &str| parts.iter().find(|part| part.0 == name).expect("a table").2;
    let sum = of("events") + 10 * of("seats") + 3 * of("orders");
    assert_eq!((counts.bytes_max(false), counts.bytes_max(true)), (sum, 2 * sum));
    let endless = Counts { seats: u64::MAX, ..Counts::default() };
    assert_eq!((endless.bytes_max(false), endless.bytes_max(true)), (u64::MAX, u64::MAX));
}
