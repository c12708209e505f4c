//! Golden files: bytes written by earlier builds must still be read, and today's build must write
//! the same. `SEATGRID_BLESS=1` writes files that are missing; an existing one is never replaced:
//! a changed form needs a new format and a new file.

use std::path::PathBuf;

use inventory::*;

use crate::harness::{Shard, T0, area_hall, check, hall, sale};

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

/// Every table of a state has something in it.
fn lived_in_fully() -> Shard {
    check(
        "
        open with-area person-max=6 budget=9/60 extend=2/60 fee=5/100 offer=600 waitlist=300
        code promo=5 off=10 seats=9
        code presale=6 tiers=0
        key=1 hold A-1-1 A-1-2 person=7 promo=5
        area C 2
        extend h2
        order h1
        pay o3
        record p4 gw-1
        capture p4 192
        give-back o3 A-1-2 share=5000
        refund r5 canceled
        block A-3-6
        remove A-3-5
        fence 9
        limit p8 2
        hold B-1-1
        order h6
        pay o7
        tick 301s
        expire
        hold B-1-1 B-1-2
        hold A-2-1
        order h10
        pay o11
        capture p8 56
        hold A-1-3 A-1-4 A-1-5 A-1-6
        hold A-2-2 A-2-3 A-2-4 A-2-5 A-2-6
        hold A-3-1 A-3-2 A-3-3 A-3-4
        best 3
        best 1
        join p9 2
        join p10 1 tiers=0
        window closes=80000
        pause
    ",
    )
}

#[test]
fn snapshot_v1_is_still_read() {
    let mut shard = lived_in();
    let kept = golden("snapshot-v1.bin", &[]);
    let mut restored = State::from_bytes(&kept).unwrap();
    restored.check_invariants().unwrap();
    // What recovery needs beside the changes came with the second form.
    let seen = |state: &State| {
        let record = |r: &LedgerRecord| (r.position, r.at_ms, r.version, r.change.clone());
        state.feed().map(record).collect::<Vec<_>>()
    };
    assert_eq!(seen(&restored), seen(&shard.state));
    for state in [&mut restored, &mut shard.state] {
        let up_to = state.feed_end();
        let command = Command::Acknowledge(Acknowledge { up_to });
        let envelope = Envelope { key: None, actor: Actor::SYSTEM, command };
        state.apply(Stamp { log_index: 1_000, at_ms: 0 }, &envelope);
    }
    // The tests' own hash of a request is over its bytes, which differ.
    let told = |state: &State| {
        let text = format!("{state:#?}");
        text.lines().filter(|line| !line.trim().starts_with("hash:")).collect::<String>()
    };
    assert_eq!(told(&restored), told(&shard.state));
}

#[test]
fn snapshot_v2() {
    let shard = lived_in_fully();
    let bytes = shard.state.to_bytes();
    let kept = golden("snapshot-v2.bin", &bytes);
    assert!(kept == bytes, "the snapshot form changed");
    assert!(State::from_bytes(&kept).unwrap() == shard.state);
}

fn in_both_forms() -> Vec<Envelope> {
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
        ..Best::default()
    };
    let id = |no| (event, no);
    let hold = |(event, no)| HoldId { event, no };
    let commands = vec![
        Command::OpenSale(OpenSale { event, sale: sale(), plan: hall() }),
        Command::Hold(HoldSeats::of(event, 1, Choice::Seats(vec![SeatIx(300)]))),
        Command::Hold(HoldSeats::of(event, 1, Choice::Best(best))),
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
            attempt: None,
        }),
        Command::ExpireHolds,
        Command::Acknowledge(Acknowledge { up_to: FeedPosition { log_index: 9, ordinal: 2 } }),
    ];
    commands.into_iter().map(|command| Envelope { key, actor, command }).collect()
}

#[test]
fn commands_v1_are_still_read() {
    let kept = golden("commands-v1.bin", &[]);
    assert_eq!(codec::decode_envelopes(&kept).unwrap(), in_both_forms());
    let one = [&[1], &kept[2..]].concat();
    assert!(codec::decode_envelope(&one).is_err(), "a command with others after it");
}

/// One of each, with every option set.
fn all_commands() -> Vec<Envelope> {
    let shard = Shard::default();
    let table = "
        open with-area person-max=6 budget=9/60 extend=2/60 fee=5/100 offer=600 waitlist=300 guests=address
        best 3 tiers=1 sections=0,1 max_price=500 no-orphans accessible=1 together person=7 promo=5
        area C 2 presale=6
        swap h1 A-1-2
        extend h1
        mismatch p6 100
        take p6
        refund r7 canceled attempt=3
        give-back o5 A-1-1 share=5000 no-fee block
        retry r7
        join p7 2 tiers=1 max_price=70
        leave w8
        pause
        resume
        fence 2
        unfence 2
        limit p7 10
        window opens=5 closes=50
        code promo=5 off=20 bp=500 seats=7 budget=900 tiers=1
        code presale=6
        block A-1-1
        unblock area C 2
        remove A-1-1
        reassign o5 A-1-1>A-2-1 block
        cancel-event
    ";
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut all: Vec<Command> = lines.map(|line| shard.parse(line)).collect();
    let plan = Plan { version: 2, focal: Some((3, -4)), ..area_hall() };
    all.push(Command::ReplacePlan(ReplacePlan { event: EventNo(3), plan }));
    all.push(Command::Bind(Bind { from: Some(1), to: 2 }));
    all.push(Command::LimitOutbox(LimitOutbox { records_max: 1_000_000 }));
    let lived = lived_in_fully();
    all.extend(crate::recovery::pieces(lived.state.event(EventNo(1)).expect("opened")));
    let envelope = |command| Envelope { key: None, actor: Actor::SYSTEM, command };
    in_both_forms().into_iter().chain(all.into_iter().map(envelope)).collect()
}

#[test]
fn commands_v2() {
    let envelopes = all_commands();
    let bytes = codec::encode(&envelopes);
    let kept = golden("commands-v2.bin", &bytes);
    assert!(kept == bytes, "the command form changed");
    assert_eq!(codec::decode_envelopes(&kept).unwrap(), envelopes);
    for envelope in envelopes {
        assert_eq!(codec::decode_envelope(&codec::encode(&envelope)).unwrap(), envelope);
    }
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
