//! The event that these tests sell: two sections, three tiers, 26 seats.

use inventory::{
    Command, EventNo, OpenSale, Plan, Row, Sale, SaleRules, Seat, Section, SectionKind, Tier,
};

/// How long a hold lives; the least that the rules allow.
pub const HOLD_TTL_MS: u32 = 5_000;
/// Seats of the hall.
pub const SEATS: usize = 26;

fn row(label: &str, seats: u16, tier: u16) -> Row {
    let seat = |n: u16| Seat {
        number: n.to_string().into(),
        tier,
        x: i32::from(n) * 150,
        y: 225,
        accessible: n == seats,
        companion: false,
    };
    Row { label: label.to_owned(), seats: (1..=seats).map(seat).collect() }
}

fn tier(id: &str, name: &str, price_minor: i64) -> Tier {
    Tier { id: id.to_owned(), name: name.to_owned(), price_minor }
}

fn section(id: &str, rows: Vec<Row>) -> Section {
    Section {
        id: id.to_owned(),
        name: format!("Section \"{id}\""),
        rows,
        kind: SectionKind::Seated,
    }
}

/// The plan; seats `A-1-1` … `A-2-10`, `B-1-1` … `B-1-6`.
pub fn plan() -> Plan {
    Plan {
        version: 1,
        tiers: vec![
            tier("front", "Front", 500_000),
            tier("back", "Back", 350_000),
            tier("side", "Side", 99_950),
        ],
        sections: vec![
            section("A", vec![row("1", 10, 0), row("2", 10, 1)]),
            section("B", vec![row("1", 6, 2)]),
        ],
        focal: None,
    }
}

/// Opens the sale of an event with terms and a plan of its own.
pub fn open_with(
    event: EventNo,
    event_id: &str,
    (rules, plan): (SaleRules, Plan),
    change: impl FnOnce(&mut Sale),
) -> Command {
    let Command::OpenSale(mut open) = open_sale(event, event_id, 1_000_000_000_000) else {
        panic!("an opening")
    };
    (open.sale.rules, open.plan) = (rules, plan);
    change(&mut open.sale);
    Command::OpenSale(open)
}

/// Opens the sale of an event that began long ago and ends far ahead.
pub fn open_sale(event: EventNo, event_id: &str, opens_at_ms: u64) -> Command {
    let sale = Sale {
        event_id: event_id.to_owned(),
        name: "An evening".to_owned(),
        starts_at_ms: 4_000_000_000_000,
        currency: *b"RUB",
        opens_at_ms,
        closes_at_ms: 3_900_000_000_000,
        hold_ttl_ms: HOLD_TTL_MS,
        per_hold_max: 6,
        rules: SaleRules::default(),
    };
    Command::OpenSale(OpenSale { event, sale, plan: plan() })
}
