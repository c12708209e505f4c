//! Random commands of every kind, each with a fair chance of meaning something: numbers are mostly of
//! what lives, now and then of nothing.

use inventory::*;

use super::dice::Dice;
use crate::oracle::EVENT;
use crate::oracle::others::{OTHER, other};

/// Promo codes, presale codes, and hashes that nobody put.
const CODES: [u128; 6] = [11, 12, 13, 21, 22, 99];
const PERSONS: u64 = 5;

/// One of the latest numbers, now and then one that nothing has.
fn pick(dice: &mut Dice, of: impl Iterator<Item = u64>) -> u64 {
    let of: Vec<u64> = of.collect();
    let back = dice.below(6) as usize;
    match of.len().checked_sub(1 + back).or(of.len().checked_sub(1)) {
        Some(at) if !dice.once_in(14) => of[at],
        _ => 1 + dice.below(60),
    }
}

/// The next command on this state.
pub fn command(dice: &mut Dice, state: &State) -> Command {
    let event = state.event(EVENT).expect("opened");
    match dice.below(100) {
        0..=39 => shopping(dice, event),
        40..=64 => paying(dice, event),
        65..=71 => waiting(dice, event),
        72..=87 => staff(dice, event),
        88..=91 => rare(dice, event),
        92..=96 => shard(dice, state),
        _ => Command::ExpireHolds,
    }
}

fn any_seats(dice: &mut Dice, event: &Event, most: u64) -> Vec<SeatIx> {
    let number = dice.below(most) + u64::from(!dice.once_in(12));
    let all = event.seats().len() as u64 + u64::from(dice.once_in(20));
    (0..number).map(|_| SeatIx(dice.below(all) as u32)).collect()
}

/// Mostly seats of a status, each once.
fn seats(dice: &mut Dice, event: &Event, (status, most): (SeatStatus, u64)) -> Vec<SeatIx> {
    let with = event.seats().statuses().zip(0..).filter(|(is, _)| *is == status);
    let mut with: Vec<u32> = with.map(|(_, at)| at).collect();
    if with.is_empty() || dice.once_in(8) {
        return any_seats(dice, event, most);
    }
    let number = 1 + dice.below(most.min(with.len() as u64));
    let near = dice.once_in(2);
    let first = dice.below(with.len() as u64) as usize;
    let mut one = || match near {
        true => with.remove(first.min(with.len() - 1)),
        false => with.swap_remove(dice.below(with.len() as u64) as usize),
    };
    (0..number).map(|_| SeatIx(one())).collect()
}

fn wish(dice: &mut Dice, event: &Event) -> Best {
    let number = dice.of(&[1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 0]);
    let sections = event.plan().sections.len() as u64;
    Best {
        number,
        tiers: dice.of(&[vec![], vec![], vec![], vec![0], vec![1], vec![0, 1], vec![2], vec![9]]),
        sections: match dice.below(6) {
            0 => vec![dice.below(sections + 1) as u16],
            1 => vec![0, dice.below(sections) as u16],
            _ => vec![],
        },
        max_price_minor: dice.of(&[None, None, None, Some(60), Some(100), Some(40)]),
        prevent_orphans: dice.once_in(2),
        accessible: if dice.once_in(6) { dice.below(4) as u16 } else { 0 },
        together: dice.once_in(5),
    }
}

fn choice(dice: &mut Dice, event: &Event) -> Choice {
    match dice.below(10) {
        0..=3 => Choice::Seats(seats(dice, event, (SeatStatus::Free, 4))),
        4..=7 => Choice::Best(wish(dice, event)),
        8 => Choice::Area { section: 3, quantity: dice.below(8) as u16 },
        _ => Choice::Area { section: dice.below(6) as u16, quantity: 1 },
    }
}

fn plan_version(dice: &mut Dice, event: &Event) -> u32 {
    event.plan().version + u32::from(dice.once_in(40))
}

fn person(dice: &mut Dice) -> u128 {
    u128::from(1 + dice.below(PERSONS))
}

fn shopping(dice: &mut Dice, event: &Event) -> Command {
    let hold = HoldId { event: EVENT, no: pick(dice, event.holds().map(|hold| hold.no)) };
    match dice.below(30) {
        0..=17 => {
            let who = person(dice);
            Command::Hold(HoldSeats {
                event: EVENT,
                plan_version: plan_version(dice, event),
                choice: choice(dice, event),
                person: (!dice.once_in(4)).then_some(who),
                promo: if dice.once_in(4) { Some(dice.of(&CODES)) } else { None },
                presale: if dice.once_in(5) { Some(dice.of(&CODES)) } else { None },
            })
        }
        18..=20 => Command::ReleaseHold(ReleaseHold { hold }),
        21..=25 => {
            let (plan_version, choice) = (plan_version(dice, event), choice(dice, event));
            Command::SwapSeats(SwapSeats { hold, plan_version, choice })
        }
        _ => Command::ExtendHold(ExtendHold { hold }),
    }
}

fn paying(dice: &mut Dice, event: &Event) -> Command {
    let no = pick(dice, event.orders().map(|order| order.no));
    let order = OrderId { event: EVENT, no };
    let no = pick(dice, event.payments().map(|payment| payment.no));
    let payment = PaymentId { event: EVENT, no };
    match dice.below(34) {
        0..=9 => {
            let hold = HoldId { event: EVENT, no: pick(dice, event.holds().map(|hold| hold.no)) };
            let contact = vec![1; if dice.once_in(30) { 5_000 } else { 3 }];
            Command::PlaceOrder(PlaceOrder { hold, contact, buyer: None })
        }
        10 => Command::CancelOrder(CancelOrder { order }),
        11..=17 => {
            let long = "long".repeat(9);
            let method = dice.of(&[
                "card", "card", "card", "card", "card", "card", "card", "card", "a\0b", &long,
            ]);
            let (provider, method) = ("sandbox".to_owned(), method.to_owned());
            Command::StartPayment(StartPayment { order, provider, method })
        }
        18 | 19 => {
            let long = "long".repeat(40);
            let provider_ref =
                dice.of(&["ref", "ref", "ref", "ref", "ref", "re\0f", &long]).to_owned();
            let confirmation_url = "http://pay".to_owned();
            Command::RecordPayment(RecordPayment { payment, provider_ref, confirmation_url })
        }
        20..=30 => {
            let right = event.payment(no).map_or(100, |payment| payment.amount_minor);
            let amount_minor = if dice.once_in(7) { right - 1 } else { right };
            let result = match dice.below(9) {
                0 | 1 => GatewayResult::Canceled { reason: "no".into() },
                2 => GatewayResult::Mismatched { amount_minor },
                3 if dice.once_in(3) => GatewayResult::Captured { amount_minor: 0 },
                _ => GatewayResult::Captured { amount_minor },
            };
            Command::Settle(Settle { payment, result })
        }
        _ => Command::AnswerOffer(AnswerOffer { payment, accept: !dice.once_in(3) }),
    }
}

fn waiting(dice: &mut Dice, event: &Event) -> Command {
    if dice.once_in(5) {
        let places = (1..event.version()).filter(|no| event.wait_entry(*no).is_some());
        let entry = WaitId { event: EVENT, no: pick(dice, places) };
        return Command::LeaveWaitlist(LeaveWaitlist { entry });
    }
    let finer = dice.once_in(8);
    let plain = Best { sections: vec![], accessible: 0, together: false, ..wish(dice, event) };
    Command::JoinWaitlist(JoinWaitlist {
        event: EVENT,
        person: person(dice),
        wish: if finer { wish(dice, event) } else { plain },
        contact: vec![1; if dice.once_in(20) { 2_000 } else { 4 }],
    })
}

fn set(dice: &mut Dice, event: &Event, status: SeatStatus) -> SeatSet {
    if dice.once_in(4) {
        let section = if dice.once_in(4) { dice.below(6) as u16 } else { 3 };
        return SeatSet::Area { section, quantity: dice.below(4) as u16 };
    }
    SeatSet::Seats(seats(dice, event, (status, 3)))
}

fn staff(dice: &mut Dice, event: &Event) -> Command {
    let owners = event.orders().filter(|order| !dice_skips(order));
    let order = OrderId { event: EVENT, no: pick(dice, owners.map(|order| order.no)) };
    let owned: Vec<SeatIx> =
        event.order(order.no).map_or(vec![], |of| of.seats.iter().map(|one| one.seat).collect());
    match dice.below(30) {
        0..=2 => {
            let seats = set(dice, event, SeatStatus::Free);
            Command::BlockSeats(BlockSeats { event: EVENT, seats })
        }
        3..=10 => {
            let seats = set(dice, event, SeatStatus::Blocked);
            Command::UnblockSeats(UnblockSeats { event: EVENT, seats })
        }
        11..=15 => {
            let from = if owned.is_empty() { any_seats(dice, event, 2) } else { owned };
            let status = dice.of(&[SeatStatus::Free, SeatStatus::Blocked]);
            let to = seats(dice, event, (status, from.len() as u64 + 1));
            let moves = from.into_iter().zip(to).collect();
            Command::ReassignSeats(ReassignSeats { order, moves, block: dice.once_in(2) })
        }
        16..=22 => {
            let mut some = owned;
            some.truncate(dice.below(4) as usize);
            some.extend(dice.some(8, SeatIx(dice_seat(event))));
            Command::RefundSeats(RefundSeats {
                order,
                seats: some,
                share_basis_points: dice.of(&[10_000, 5_000, 3_333, 0, 10_001]),
                with_fee: dice.once_in(2),
                block: dice.once_in(2),
            })
        }
        23..=27 => {
            let refund = RefundId { event: EVENT, no: pick(dice, event.refunds().map(|r| r.no)) };
            if dice.once_in(4) {
                return Command::RetryRefund(RetryRefund { refund });
            }
            let error = || "no".to_owned();
            let result = dice.of(&[
                RefundResult::Succeeded,
                RefundResult::Succeeded,
                RefundResult::Failed { error: error() },
                RefundResult::Dead { error: error() },
                RefundResult::Canceled { error: error() },
            ]);
            let attempt = dice.of(&[None, None, Some(0), Some(1)]);
            Command::RecordRefund(RecordRefund { refund, result, attempt })
        }
        _ => Command::SetPersonLimit(SetPersonLimit {
            event: EVENT,
            person: person(dice),
            max: dice.of(&[None, None, Some(2), Some(8)]),
        }),
    }
}

/// Orders that own nothing are of little use to staff.
fn dice_skips(order: &Order) -> bool {
    !matches!(order.status, OrderStatus::Paid | OrderStatus::PartiallyRefunded)
}

fn dice_seat(event: &Event) -> u32 {
    event.seats().len() as u32 / 2
}

fn rare(dice: &mut Dice, event: &Event) -> Command {
    match dice.below(40) {
        0 => Command::PauseSale(PauseSale { event: EVENT }),
        1..=12 => Command::ResumeSale(ResumeSale { event: EVENT }),
        13..=17 => {
            let seats = any_seats(dice, event, 2);
            let seats = if dice.once_in(4) { seats } else { seats.into_iter().take(1).collect() };
            let seats = if event.removed().count() < 6 { seats } else { vec![] };
            Command::RemoveSeats(RemoveSeats { event: EVENT, seats })
        }
        18..=22 => {
            let plan = plan(dice, event.plan());
            Command::ReplacePlan(ReplacePlan { event: EVENT, plan })
        }
        _ => Command::PutCodes(PutCodes { event: EVENT, codes: vec![code(dice, event)] }),
    }
}

fn code(dice: &mut Dice, event: &Event) -> Code {
    let hash = dice.of(&CODES[..5]);
    let off = Discount {
        per_seat_minor: dice.of(&[0, 0, 10, 30]),
        basis_points: dice.of(&[0, 500, 3_333, 10_000, 10_000, 10_001]),
    };
    // Around the times at which holds are granted.
    let now = event.holds().last().map_or(crate::harness::T0, |hold| hold.granted_at_ms);
    Code {
        hash,
        kind: if hash < 20 { CodeKind::Promo(off) } else { CodeKind::Presale },
        from_ms: dice.of(&[0, 0, 0, now + 60_000]),
        until_ms: now + dice.of(&[0, 600_000, 86_400_000, 86_400_000]),
        tiers: dice.of(&[vec![], vec![], vec![0], vec![1]]),
        seats_max: dice.of(&[None, Some(2), Some(9)]),
        budget_minor: dice.of(&[None, None, Some(120)]),
    }
}

/// The next plan, or one that must be refused.
fn plan(dice: &mut Dice, now: &Plan) -> Plan {
    let mut next = Plan { version: now.version + 1, ..now.clone() };
    match dice.below(9) {
        0 => return now.clone(),
        1 => next.version += 1,
        2 => next.tiers.clear(),
        3 => next.tiers[1].id = "other".into(),
        4 => {
            next.sections[0].rows[0].seats.pop();
        }
        5 => next.focal = dice.of(&[None, Some((0, 0)), Some((500, 300))]),
        6 => next.tiers[0].price_minor = dice.of(&[100, 110, 60]),
        _ if now.seat_count() < 50 => {
            let id = format!("N{}", now.version);
            let mut new = Section { id: id.clone(), name: id, ..now.sections[0].clone() };
            new.rows.truncate(1);
            next.sections.push(new);
        }
        _ => next.sections[0].name = "Again".into(),
    }
    next
}

/// Commands about the whole shard, the window, and events that are not here.
fn shard(dice: &mut Dice, state: &State) -> Command {
    let event = state.event(EVENT).expect("opened");
    let (sale, plan) = other(event.sale());
    match dice.below(41) {
        0..=9 => {
            let records = state.feed().len() as u64;
            let nth = records.checked_sub(dice.below(4)).and_then(|to| to.checked_sub(1));
            let record = nth.and_then(|nth| state.feed().nth(nth as usize));
            let up_to = record.map_or(FeedPosition::default(), LedgerRecord::last);
            Command::Acknowledge(Acknowledge { up_to })
        }
        10..=14 => {
            let no = EventNo(1 + dice.below(3) as u32);
            if dice.once_in(3) {
                Command::Fence(Fence { event: no })
            } else {
                Command::Unfence(Unfence { event: no })
            }
        }
        40 => {
            // A small outbox stays small, so that it fills.
            let to = if state.ledger_records_max() < 10_000 { 9_999 } else { 10_000 };
            let records_max = dice.of(&[0, 9_999, to, to, to + 1, 10_000_001]);
            Command::LimitOutbox(LimitOutbox { records_max })
        }
        15..=17 => {
            let (from, to) = (dice.of(&[None, Some(5), Some(6)]), dice.of(&[5, 6, 7]));
            Command::Bind(Bind { from, to })
        }
        18..=20 => Command::ReleaseHold(ReleaseHold { hold: HoldId { event: EventNo(3), no: 1 } }),
        21 | 22 => {
            let name = dice.of(&["", "Other", "Other", "Another"]).to_owned();
            let version = plan.version * u32::from(!dice.once_in(6));
            let (sale, plan) = (Sale { name, ..sale }, Plan { version, ..plan });
            Command::OpenSale(OpenSale { event: dice.of(&[OTHER, OTHER, EVENT]), sale, plan })
        }
        23..=34 => {
            let next = state.pieces_of(OTHER).unwrap_or(0);
            let number = if dice.once_in(5) { dice.below(5) as u32 } else { next };
            let piece = piece(dice, next, (sale, plan));
            Command::Recover(RecoverEvent { event: OTHER, number, piece })
        }
        _ => {
            let now = state.at_ms();
            let opens_at_ms = now + dice.of(&[0, 0, 0, 1_000, 40_000]);
            let lasts = dice.of(&[0, 50_000, 86_400_000, 86_400_000, 86_400_000, 86_400_000]);
            let opens_at_ms = opens_at_ms - dice.of(&[0, 5_000]);
            let closes_at_ms = opens_at_ms + lasts;
            Command::SetWindow(SetWindow { event: EVENT, opens_at_ms, closes_at_ms })
        }
    }
}

fn piece(dice: &mut Dice, next: u32, (sale, plan): (Sale, Plan)) -> RecoverPiece {
    let which = if dice.once_in(6) { dice.below(4) as u32 } else { next };
    match which {
        0 => {
            let closes_at_ms = if dice.once_in(5) { 0 } else { sale.closes_at_ms };
            RecoverPiece::Begin(Box::new(RecoverBegin {
                sale: Sale { name: "Other".into(), closes_at_ms, ..sale },
                plan,
                first_window: None,
                paused: false,
                cancelled: false,
                removed: vec![],
                version: 5,
                last_no: 9,
            }))
        }
        1 => RecoverPiece::Seats(vec![(SeatStatus::Free, 0, 3); 4]),
        2 => RecoverPiece::Things(RecoveredThings::default()),
        _ => RecoverPiece::Finish,
    }
}
