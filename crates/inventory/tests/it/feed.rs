//! The outbox: order, numbering, acknowledgement, room (invariants I10 and I12).

use inventory::*;

use crate::harness::{Shard, T0, check, hall, sale};

fn kinds(shard: &Shard) -> Vec<String> {
    let kind = |r: &LedgerRecord| {
        let name: String =
            format!("{:?}", r.change).chars().take_while(|c| c.is_alphanumeric()).collect();
        format!("{}.{} v{} {name}", r.position.log_index, r.position.ordinal, r.version)
    };
    shard.state.feed().map(kind).collect()
}

#[test]
fn every_change_is_told_in_order_with_its_version() {
    let shard = check(
        "
        open
        hold A-1-1 A-1-2
        hold A-1-1
        order h1
        pay o2
        record p3 gw
        capture p3 200
    ",
    );
    assert_eq!(
        kinds(&shard),
        [
            "1.0 v1 SaleOpened",
            "2.0 v2 HoldGranted",
            "4.0 v3 OrderPlaced",
            "5.0 v4 PaymentStarted",
            "6.0 v5 PaymentRecorded",
            "7.0 v6 PaymentSettled",
            "7.1 v6 OrderChanged",
            "7.2 v6 SeatsSold",
        ]
    );
    assert_eq!(shard.state.feed_end(), FeedPosition { log_index: 7, ordinal: 3 });
}

#[test]
fn commands_of_one_entry_share_its_index() {
    let mut shard = Shard::default();
    let event = EventNo(1);
    let mut run = |command| {
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        shard.state.apply(Stamp { log_index: 9, at_ms: T0 }, &envelope);
    };
    run(Command::OpenSale(OpenSale { event, sale: sale(), plan: hall() }));
    for at in 0..3 {
        let choice = Choice::Seats(vec![SeatIx(at * 2), SeatIx(at * 2 + 1)]);
        run(Command::Hold(HoldSeats::of(event, 1, choice)));
    }
    let ordinals: Vec<_> = shard.state.feed().map(|r| r.position.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 3, 5]);
    let after = FeedPosition { log_index: 9, ordinal: 2 };
    assert_eq!(shard.state.feed_after(after).count(), 2);
}

#[test]
fn acknowledging_trims_and_is_harmless_twice() {
    let mut shard = check(
        "
        open
        hold A-1-1
    ",
    );
    let end = shard.state.feed_end();
    let ack = |up_to| Command::Acknowledge(Acknowledge { up_to });
    shard.run(None, ack(FeedPosition { log_index: 1, ordinal: 0 }));
    assert_eq!(shard.state.feed().count(), 1);
    shard.run(None, ack(end));
    shard.run(None, ack(FeedPosition::default()));
    assert_eq!(shard.state.feed().count(), 0);
    assert_eq!(shard.state.acknowledged(), end);
    assert_eq!(shard.state.feed_end(), end);
}

#[test]
fn holds_stop_before_the_outbox_is_full_and_confirms_go_on() {
    // Room for what three holds, one payment and the end of the sale may write, once the rest is
    // acknowledged.
    let mut shard = Shard::new(State::with_ledger_max(3 * 4 + 8 + 1));
    let event = EventNo(1);
    shard.run(None, Command::OpenSale(OpenSale { event, sale: sale(), plan: hall() }));
    let hold = |at| {
        let choice = Choice::Seats(vec![SeatIx(at)]);
        Command::Hold(HoldSeats::of(event, 1, choice))
    };
    let refused = Outcome::Refused(Refusal::PersistenceBacklog);
    for at in 0..3 {
        assert_ne!(shard.run(None, hold(at)).outcome, refused, "hold {at}");
    }
    assert_eq!(shard.run(None, hold(3)).outcome, refused);
    // Orders write what their holds were promised.
    let place = |no| {
        let (hold, contact) = (HoldId { event, no }, vec![]);
        Command::PlaceOrder(PlaceOrder { hold, contact, buyer: None })
    };
    assert!(matches!(shard.run(None, place(1)).outcome, Outcome::OrderPlaced(_)));
    // A payment needs room of its own, and gets it once PostgreSQL has caught up.
    let pay = || {
        let (provider, method) = ("p".into(), "m".into());
        Command::StartPayment(StartPayment { order: OrderId { event, no: 4 }, provider, method })
    };
    assert_eq!(shard.run(None, pay()).outcome, refused);
    let up_to = shard.state.feed_end();
    shard.run(None, Command::Acknowledge(Acknowledge { up_to }));
    assert!(matches!(shard.run(None, pay()).outcome, Outcome::PaymentStarted(_)));
    // Settling never asks for room.
    let payment = PaymentId { event, no: 5 };
    let settle = Settle { payment, result: GatewayResult::Captured { amount_minor: 100 } };
    let reply = shard.run(None, Command::Settle(settle));
    assert!(matches!(reply.outcome, Outcome::Settled(_)));
}
