//! Lines of a table as commands.

use std::str::FromStr;

use inventory::*;

use super::{Shard, T0, area_hall, hall, sale};

/// `7` is a version 4 key, `7@-20m` a version 7 key made twenty minutes ago, `7/x` the same key
/// with another body.
pub fn request_key(text: &str, now_ms: u64, command: &Command) -> RequestKey {
    let (text, other_body) = text.split_once('/').map_or((text, false), |(t, _)| (t, true));
    let (id, made) = text.split_once('@').map_or((text, None), |(id, made)| (id, Some(made)));
    let made_at_ms = made.map(|made| match made.strip_prefix('-') {
        Some(ago) => now_ms - millis(ago),
        None => now_ms + millis(made),
    });
    let hash = codec::encode(command).iter().fold(7u64, |h, b| h.wrapping_mul(31) + u64::from(*b));
    RequestKey { id: id.parse().unwrap(), hash: hash + u64::from(other_body), made_at_ms }
}

pub fn millis(text: &str) -> u64 {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let factor = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        unit => panic!("unit {unit}"),
    };
    digits.parse::<u64>().unwrap() * factor
}

pub fn no(word: &str) -> u64 {
    word[1..].parse().unwrap_or_else(|_| panic!("no number in {word}"))
}

fn option<T: FromStr>(words: &[&str], name: &str) -> Option<T> {
    let value = words.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}")))
}

fn list(words: &[&str], name: &str) -> Vec<u16> {
    option::<String>(words, name)
        .map_or(vec![], |l| l.split(',').map(|n| n.parse().unwrap()).collect())
}

/// Words that name seats: `A-1-2`, or `#7` for an index.
fn seats(shard: &Shard, words: &[&str]) -> Vec<SeatIx> {
    let named = words.iter().filter(|w| !w.contains('=') && (w.contains('-') || w.contains('#')));
    let named = named.filter(|w| !matches!(**w, "no-orphans" | "no-fee"));
    let seat = |w: &&str| match w.strip_prefix('#') {
        Some(index) => SeatIx(index.parse().unwrap()),
        None => shard.seat(w),
    };
    named.map(seat).collect()
}

const EVENT: EventNo = EventNo(1);

pub fn command(shard: &Shard, words: &[&str]) -> Command {
    let event = EVENT;
    let hold_id = || HoldId { event, no: no(words[1]) };
    let order_id = || OrderId { event, no: no(words[1]) };
    let payment_id = || PaymentId { event, no: no(words[1]) };
    match words[0] {
        "open" => open(words),
        "hold" | "best" | "area" => Command::Hold(hold(words, choice(shard, words))),
        "hold-plan" => {
            let choice = Choice::Seats(vec![SeatIx(0)]);
            Command::Hold(HoldSeats::of(event, words[1].parse().unwrap(), choice))
        }
        "release" => Command::ReleaseHold(ReleaseHold { hold: hold_id() }),
        "swap" => Command::SwapSeats(SwapSeats {
            hold: hold_id(),
            plan_version: 1,
            choice: choice(shard, &words[2..]),
        }),
        "extend" => Command::ExtendHold(ExtendHold { hold: hold_id() }),
        "order" => Command::PlaceOrder(PlaceOrder {
            hold: hold_id(),
            contact: vec![0; option(words, "contact").unwrap_or(8)],
            buyer: None,
        }),
        "cancel" => Command::CancelOrder(CancelOrder { order: order_id() }),
        "pay" => Command::StartPayment(StartPayment {
            order: order_id(),
            provider: "sandbox".into(),
            method: option(words, "method").unwrap_or_else(|| "bank_card".to_owned()),
        }),
        "record" => Command::RecordPayment(RecordPayment {
            payment: payment_id(),
            provider_ref: words[2].replace("NUL", "\0"),
            confirmation_url: "http://pay".into(),
        }),
        "capture" | "mismatch" | "canceled" => Command::Settle(settle(words)),
        "take" | "decline" => {
            Command::AnswerOffer(AnswerOffer { payment: payment_id(), accept: words[0] == "take" })
        }
        "refund" => Command::RecordRefund(refund(words)),
        "give-back" => Command::RefundSeats(RefundSeats {
            order: order_id(),
            seats: seats(shard, &words[2..]),
            share_basis_points: option(words, "share").unwrap_or(10_000),
            with_fee: !words.contains(&"no-fee"),
            block: words.contains(&"block"),
        }),
        "retry" => {
            Command::RetryRefund(RetryRefund { refund: RefundId { event, no: no(words[1]) } })
        }
        "expire" => Command::ExpireHolds,
        "ack" => Command::Acknowledge(Acknowledge { up_to: shard.state.feed_end() }),
        _ => staff(shard, words),
    }
}

fn staff(shard: &Shard, words: &[&str]) -> Command {
    let event = EVENT;
    let numbered = |word: &str| EventNo(word.parse().unwrap());
    match words[0] {
        "pause" => Command::PauseSale(PauseSale { event }),
        "resume" => Command::ResumeSale(ResumeSale { event }),
        "fence" => Command::Fence(Fence { event: numbered(words[1]) }),
        "unfence" => Command::Unfence(Unfence { event: numbered(words[1]) }),
        "cancel-event" => Command::CancelEvent(CancelEvent { event }),
        "limit" => Command::SetPersonLimit(SetPersonLimit {
            event,
            person: u128::from(no(words[1])),
            max: words[2].parse().ok(),
        }),
        "window" => Command::SetWindow(SetWindow {
            event,
            opens_at_ms: T0 + option::<u64>(words, "opens").unwrap_or(0) * 1_000,
            closes_at_ms: T0 + option::<u64>(words, "closes").unwrap_or(86_400) * 1_000,
        }),
        "code" => Command::PutCodes(PutCodes { event, codes: vec![code(words)] }),
        "block" => Command::BlockSeats(BlockSeats { event, seats: set(shard, words) }),
        "unblock" => Command::UnblockSeats(UnblockSeats { event, seats: set(shard, words) }),
        "remove" => Command::RemoveSeats(RemoveSeats { event, seats: seats(shard, &words[1..]) }),
        "reassign" => {
            let pair = |w: &&str| {
                let (from, to) = w.split_once('>')?;
                Some((shard.seat(from), shard.seat(to)))
            };
            Command::ReassignSeats(ReassignSeats {
                order: OrderId { event, no: no(words[1]) },
                moves: words.iter().filter_map(pair).collect(),
                block: words.contains(&"block"),
            })
        }
        "join" => Command::JoinWaitlist(JoinWaitlist {
            event,
            person: u128::from(no(words[1])),
            wish: best(&words[1..]),
            contact: vec![0; option(words, "contact").unwrap_or(4)],
        }),
        "queue" => Command::OpenQueue(OpenQueue {
            event,
            rules: QueueRules {
                admit_per_s: option(words, "rate").unwrap_or(1),
                turn_ttl_ms: option::<u32>(words, "turn").unwrap_or(60) * 1_000,
                claim_ttl_ms: option::<u32>(words, "claim").unwrap_or(10) * 1_000,
            },
            seed: [option(words, "seed").unwrap_or(7); 32],
        }),
        "enter" => {
            let person = u128::from(no(words[1]));
            let salt = option(words, "salt").unwrap_or(person);
            Command::EnterQueue(EnterQueue { event, person, salt })
        }
        "turn" => Command::TakeTurn(TakeTurn {
            place: QueueId { event, no: no(words[1]) },
            person: u128::from(no(words[2])),
        }),
        "leave" => {
            let entry = WaitId { event, no: no(words[1]) };
            Command::LeaveWaitlist(LeaveWaitlist { entry })
        }
        other => panic!("unknown command {other}"),
    }
}

fn open(words: &[&str]) -> Command {
    let mut sale = sale();
    if let Some(ttl_s) = option::<u32>(words, "ttl") {
        sale.hold_ttl_ms = ttl_s * 1_000;
    }
    sale.per_hold_max = option(words, "max").unwrap_or(sale.per_hold_max);
    sale.opens_at_ms += option::<u64>(words, "opens").unwrap_or(0) * 1_000;
    if let Some(closes_s) = option::<u64>(words, "closes") {
        sale.closes_at_ms = T0 + closes_s * 1_000;
    }
    if let Some(name) = option::<String>(words, "name") {
        sale.name = name.replace("NUL", "\0");
    }
    sale.rules = rules(words);
    let plan = if words.contains(&"with-area") { area_hall() } else { hall() };
    Command::OpenSale(OpenSale { event: EventNo(1), sale, plan })
}

fn rules(words: &[&str]) -> SaleRules {
    let pair = |name| {
        let text: String = option(words, name)?;
        let (a, b) = text.split_once('/').expect("two numbers");
        Some((a.parse::<u32>().unwrap(), b.parse::<u32>().unwrap()))
    };
    SaleRules {
        per_person_max: option(words, "person-max"),
        hold_budget: pair("budget")
            .map(|(holds, s)| HoldBudget { holds_max: holds as u16, cool_down_ms: s * 1_000 }),
        extension: pair("extend")
            .map(|(times, s)| Extension { by_ms: s * 1_000, times_max: times as u8 }),
        fee: pair("fee").map_or(Fee::default(), |(minor, points)| Fee {
            per_seat_minor: i64::from(minor),
            basis_points: points as u16,
        }),
        offer_ttl_ms: option::<u32>(words, "offer").map(|s| s * 1_000),
        waitlist_ttl_ms: option::<u32>(words, "waitlist").map(|s| s * 1_000),
        accessible_public_at_ms: option::<u64>(words, "accessible-from").map(|s| T0 + s * 1_000),
        guests: if words.contains(&"guests=address") {
            GuestIdentity::Address
        } else {
            GuestIdentity::Token
        },
    }
}

fn hold(words: &[&str], choice: Choice) -> HoldSeats {
    HoldSeats {
        person: option(words, "person"),
        promo: option(words, "promo"),
        presale: option(words, "presale"),
        ..HoldSeats::of(EVENT, option(words, "plan").unwrap_or(1), choice)
    }
}

/// `hold A-1-1 …`, `best 3 …`, `area C 2`; without a verb, named seats.
fn choice(shard: &Shard, words: &[&str]) -> Choice {
    match words.first() {
        Some(&"best") => Choice::Best(best(words)),
        Some(&"area") => {
            Choice::Area { section: section(words[1]), quantity: words[2].parse().unwrap() }
        }
        Some(_) | None => Choice::Seats(seats(shard, words)),
    }
}

fn section(id: &str) -> u16 {
    "ABC".find(id).map_or(99, |at| at as u16)
}

fn best(words: &[&str]) -> Best {
    Best {
        number: words[1].parse().unwrap(),
        tiers: list(words, "tiers"),
        sections: list(words, "sections"),
        max_price_minor: option(words, "max_price"),
        prevent_orphans: words.contains(&"no-orphans"),
        accessible: option(words, "accessible").unwrap_or(0),
        together: words.contains(&"together"),
    }
}

/// `block A-1-1 …` or `block area C 2`.
fn set(shard: &Shard, words: &[&str]) -> SeatSet {
    if words.get(1) == Some(&"area") {
        let (section, quantity) = (section(words[2]), words[3].parse().unwrap());
        return SeatSet::Area { section, quantity };
    }
    SeatSet::Seats(seats(shard, &words[1..]))
}

fn code(words: &[&str]) -> Code {
    let promo = option(words, "promo");
    let kind = match promo {
        Some(_) => CodeKind::Promo(Discount {
            per_seat_minor: option(words, "off").unwrap_or(0),
            basis_points: option(words, "bp").unwrap_or(0),
        }),
        None => CodeKind::Presale,
    };
    let at = |name, default| T0 + option::<u64>(words, name).unwrap_or(default) * 1_000;
    Code {
        hash: promo.or(option(words, "presale")).expect("promo=N or presale=N"),
        kind,
        from_ms: at("from", 0),
        until_ms: at("until", 86_400),
        tiers: list(words, "tiers"),
        seats_max: option(words, "seats"),
        budget_minor: option(words, "budget"),
    }
}

fn settle(words: &[&str]) -> Settle {
    let amount_minor = || words[2].parse().unwrap();
    let result = match words[0] {
        "capture" => GatewayResult::Captured { amount_minor: amount_minor() },
        "mismatch" => GatewayResult::Mismatched { amount_minor: amount_minor() },
        _ => GatewayResult::Canceled { reason: words[2].into() },
    };
    Settle { payment: PaymentId { event: EVENT, no: no(words[1]) }, result }
}

fn refund(words: &[&str]) -> RecordRefund {
    let result = match words[2] {
        "ok" => RefundResult::Succeeded,
        "fail" => RefundResult::Failed { error: "later".into() },
        "dead" => RefundResult::Dead { error: "never".into() },
        "canceled" => RefundResult::Canceled { error: "not under this key".into() },
        other => panic!("refund {other}"),
    };
    let refund = RefundId { event: EVENT, no: no(words[1]) };
    RecordRefund { refund, result, attempt: option(words, "attempt") }
}
