//! Golden files: bytes written by earlier builds must still be read, and today's build must write
//! the same. `SEATGRID_BLESS=1` writes files that are missing; an existing one is never replaced:
//! a changed form needs a new format and a new file.

use std::path::PathBuf;

use inventory::*;

use crate::harness::{Shard, T0, check, hall, sale};

fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if !path.exists() && std::env::var_os("SEATGRID_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn lived_in() -> Shard {
    check(
        "
        open
        key=1 hold A-1-1 A-1-2
        order h1
        pay o2
        record p3 gw-1
        capture p3 200
        hold A-2-1
        order h4
        pay o5
        cancel o5
        capture p6 100
        refund r7 fail
        best 2 no-orphans
        hold B-1-1
        release h9
        hold B-1-2
        tick 301s
        expire
        key=2 best 3
    ",
    )
}

#[test]
fn snapshot_v1() {
    let shard = lived_in();
    let bytes = shard.state.to_bytes();
    let kept = golden("snapshot-v1.bin", &bytes);
    assert!(kept == bytes, "the snapshot form changed");
    assert!(State::from_bytes(&kept).unwrap() == shard.state);
}

#[test]
fn commands_v1() {
    let event = EventNo(3);
    let actor = Actor { subject: Subject::Person(5), ip: Some([7; 16]) };
    let key = Some(RequestKey { id: 9, hash: 8, made_at_ms: Some(T0) });
    let (provider, method) = ("sandbox".into(), "sbp".into());
    let best = Best {
        number: 3,
        tiers: vec![1],
        sections: vec![0, 1],
        max_price_minor: Some(500),
        prevent_orphans: true,
    };
    let id = |no| (event, no);
    let hold = |(event, no)| HoldId { event, no };
    let commands = vec![
        Command::OpenSale(OpenSale { event, sale: sale(), plan: hall() }),
        Command::Hold(HoldSeats {
            event,
            plan_version: 1,
            choice: Choice::Seats(vec![SeatIx(300)]),
        }),
        Command::Hold(HoldSeats { event, plan_version: 1, choice: Choice::Best(best) }),
        Command::ReleaseHold(ReleaseHold { hold: hold(id(4)) }),
        Command::PlaceOrder(PlaceOrder { hold: hold(id(4)), contact: vec![1, 2], buyer: Some(6) }),
        Command::CancelOrder(CancelOrder { order: OrderId { event, no: 5 } }),
        Command::StartPayment(StartPayment { order: OrderId { event, no: 5 }, provider, method }),
        Command::RecordPayment(RecordPayment {
            payment: PaymentId { event, no: 6 },
            provider_ref: "ref".into(),
            confirmation_url: "http://pay".into(),
        }),
        Command::Settle(Settle {
            payment: PaymentId { event, no: 6 },
            result: GatewayResult::Captured { amount_minor: 100 },
        }),
        Command::Settle(Settle {
            payment: PaymentId { event, no: 6 },
            result: GatewayResult::Canceled { reason: "declined".into() },
        }),
        Command::RecordRefund(RecordRefund {
            refund: RefundId { event, no: 7 },
            result: RefundResult::Dead { error: "closed".into() },
        }),
        Command::ExpireHolds,
        Command::Acknowledge(Acknowledge { up_to: FeedPosition { log_index: 9, ordinal: 2 } }),
    ];
    let envelopes: Vec<_> =
        commands.into_iter().map(|command| Envelope { key, actor, command }).collect();
    let bytes = codec::encode(&envelopes);
    let kept = golden("commands-v1.bin", &bytes);
    assert!(kept == bytes, "the command form changed");
    assert_eq!(codec::decode::<Vec<Envelope>>(&kept).unwrap(), envelopes);
}

#[test]
fn damaged_and_newer_bytes_are_refused() {
    let bytes = lived_in().state.to_bytes();
    let newer = [&[codec::FORMAT + 1], &bytes[1..]].concat();
    let format = codec::DecodeError::Format(codec::FORMAT + 1);
    assert_eq!(State::from_bytes(&newer), Err(RestoreError::Decode(format)));
    assert_eq!(State::from_bytes(&[]), Err(RestoreError::Decode(codec::DecodeError::Empty)));
    for cut in 1..bytes.len() {
        assert!(State::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(State::from_bytes(&longer).is_err());
}
