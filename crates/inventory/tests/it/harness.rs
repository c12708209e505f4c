//! One line per command: `check` runs a table such as
//!
//! ```text
//! open ttl=300
//! hold A-1-1 A-1-2          => h1 A-1-1,A-1-2 200
//! tick 121s
//! order h1                  => o2 pending 200
//! ```
//!
//! and compares what each command answered, checking every invariant after it. `key=N` in front of
//! a command gives it an idempotency key.

use std::str::FromStr;

use inventory::*;

/// The start of time in tests, milliseconds since 1970.
pub const T0: u64 = 1_800_000_000_000;

/// A hall of 22 seats: section A with three rows of six (100 each), section B with one row of
/// four (50 each), of which B-1-4 is accessible.
pub fn hall() -> Plan {
    let seat = |n: usize, tier| Seat {
        number: n.to_string().into(),
        tier,
        x: n as i32 * 100,
        y: 0,
        accessible: tier == 1 && n == 4,
    };
    let row = |label: usize, len, tier| Row {
        label: label.to_string(),
        seats: (1..=len).map(|n| seat(n, tier)).collect(),
    };
    let tier = |id: &str, price_minor| Tier { id: id.into(), name: id.into(), price_minor };
    let section = |id: &str, rows| Section { id: id.into(), name: id.into(), rows };
    Plan {
        version: 1,
        tiers: vec![tier("front", 100), tier("back", 50)],
        sections: vec![
            section("A", (1..=3).map(|r| row(r, 6, 0)).collect()),
            section("B", vec![row(1, 4, 1)]),
        ],
    }
}

/// The terms that `open` starts from.
pub fn sale() -> Sale {
    Sale {
        event_id: "demo".into(),
        name: "Demo".into(),
        starts_at_ms: T0 + 90 * 86_400_000,
        currency: *b"RUB",
        opens_at_ms: T0,
        closes_at_ms: T0 + 86_400_000,
        hold_ttl_ms: 300_000,
        per_hold_max: 6,
    }
}

/// A state under test with its clock and log.
pub struct Shard {
    pub state: State,
    pub now_ms: u64,
    pub log_index: u64,
    pub ids: Vec<String>,
}

impl Default for Shard {
    fn default() -> Self {
        Self::new(State::new())
    }
}

impl Shard {
    pub fn new(state: State) -> Self {
        let plan = hall();
        let ids = plan.seats().map(|(s, r, n)| format!("{}-{}-{}", s.id, r.label, n.number));
        Self { state, now_ms: T0, log_index: 0, ids: ids.collect() }
    }

    /// Commits one command in an entry of its own.
    pub fn run(&mut self, key: Option<RequestKey>, command: Command) -> Reply {
        self.log_index += 1;
        let stamp = Stamp { log_index: self.log_index, at_ms: self.now_ms };
        let actor = Actor { subject: Subject::Guest, ip: None };
        let reply = self.state.apply(stamp, &Envelope { key, actor, command });
        self.state.check_invariants().unwrap();
        reply
    }

    pub fn seat(&self, id: &str) -> SeatIx {
        let at = self.ids.iter().position(|known| known == id);
        SeatIx(at.unwrap_or_else(|| panic!("no seat {id}")) as u32)
    }

    fn names(&self, seats: impl IntoIterator<Item = SeatIx>) -> String {
        let names: Vec<_> = seats.into_iter().map(|s| self.ids[s.at()].as_str()).collect();
        names.join(",")
    }

    /// One character a seat, rows apart: `.` free, `h` held, `x` sold.
    pub fn picture(&self) -> String {
        let event = self.state.event(EventNo(1)).expect("opened");
        let letter = |s: SeatStatus| match s {
            SeatStatus::Free => '.',
            SeatStatus::Held => 'h',
            SeatStatus::Sold => 'x',
            SeatStatus::Blocked => '-',
        };
        let all: String = event.seats().statuses().map(letter).collect();
        [&all[0..6], &all[6..12], &all[12..18], &all[18..]].join(" ")
    }

    fn describe(&self, reply: &Reply) -> String {
        let told = match &reply.outcome {
            Outcome::SaleOpened => "opened".into(),
            Outcome::Held(h) => {
                let step = h.step.map_or(String::new(), |s| format!(" {s:?}"));
                let seats = self.names(h.seats.iter().map(|s| s.seat));
                format!("h{} {seats} {}{step}", h.hold.no, h.total_minor)
            }
            Outcome::Released => "released".into(),
            Outcome::OrderPlaced(o) => format!("o{} {}", o.order.no, o.total_minor),
            Outcome::OrderCancelled => "cancelled".into(),
            Outcome::PaymentStarted(p) => format!("p{} {}", p.payment.no, p.amount_minor),
            Outcome::PaymentRecorded => "recorded".into(),
            Outcome::Settled(s) => {
                let as_what = s.settled_as.map_or("nothing", SettledAs::as_str);
                let refund = s.refund.map_or(String::new(), |r| format!(" r{}", r.no));
                format!("{} {as_what} order={}{refund}", s.status.as_str(), s.order_status.as_str())
            }
            Outcome::RefundRecorded => "noted".into(),
            Outcome::Expired { holds, more } => format!("expired {holds} more={more}"),
            Outcome::Acknowledged => "acknowledged".into(),
            Outcome::Refused(refusal) => self.describe_refusal(refusal),
        };
        if reply.replayed { format!("again {told}") } else { told }
    }

    fn describe_refusal(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::SeatTaken { seats } => {
                let one = |(s, status): &(SeatIx, SeatStatus)| {
                    format!("{}:{}", self.ids[s.at()], status.as_str())
                };
                let taken: Vec<_> = seats.iter().map(one).collect();
                format!("SeatTaken {}", taken.join(","))
            }
            other => format!("{other:?}"),
        }
    }
}

/// Runs a table; a line without `=>` only has to run.
#[track_caller]
pub fn check(table: &str) -> Shard {
    let mut shard = Shard::default();
    for line in table.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (command, expected) = line.split_once("=>").map_or((line, None), |(c, e)| (c, Some(e)));
        let told = step(&mut shard, command.trim());
        if let Some(expected) = expected {
            assert_eq!(told, expected.trim(), "in line: {line}\nseats: {}", shard.picture());
        }
    }
    shard
}

fn step(shard: &mut Shard, line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    match words[0] {
        "tick" => {
            shard.now_ms += millis(words[1]);
            return String::new();
        }
        "seats" => return shard.picture(),
        "order?" => return show_order(shard, words[1]),
        _ => {}
    }
    let key = words[0].strip_prefix("key=").map(str::to_owned);
    if key.is_some() {
        words.remove(0);
    }
    let command = parse(shard, &words);
    let key = key.map(|k| request_key(&k, shard.now_ms, &command));
    let reply = shard.run(key, command);
    shard.describe(&reply)
}

/// `7` is a version 4 key, `7@-20m` a version 7 key made twenty minutes ago, `7/x` the same key
/// with another body.
fn request_key(text: &str, now_ms: u64, command: &Command) -> RequestKey {
    let (text, other_body) = text.split_once('/').map_or((text, false), |(t, _)| (t, true));
    let (id, made) = text.split_once('@').map_or((text, None), |(id, made)| (id, Some(made)));
    let made_at_ms = made.map(|made| match made.strip_prefix('-') {
        Some(ago) => now_ms - millis(ago),
        None => now_ms + millis(made),
    });
    let hash = codec::encode(command).iter().fold(7u64, |h, b| h.wrapping_mul(31) + u64::from(*b));
    RequestKey { id: id.parse().unwrap(), hash: hash + u64::from(other_body), made_at_ms }
}

fn millis(text: &str) -> u64 {
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

fn show_order(shard: &Shard, id: &str) -> String {
    let event = shard.state.event(EventNo(1)).expect("opened");
    match event.order(no(id)) {
        Some(order) => order.status.as_str().into(),
        None => "unknown".into(),
    }
}

fn no(word: &str) -> u64 {
    word[1..].parse().unwrap()
}

fn option<T: FromStr>(words: &[&str], name: &str) -> Option<T> {
    let value = words.iter().find_map(|w| w.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}")))
}

fn parse(shard: &Shard, words: &[&str]) -> Command {
    let event = EventNo(1);
    match words[0] {
        "open" => open(words),
        "hold" => {
            let seats = words[1..].iter().map(|w| match w.strip_prefix('#') {
                Some(index) => SeatIx(index.parse().unwrap()),
                None => shard.seat(w),
            });
            let choice = Choice::Seats(seats.collect());
            Command::Hold(HoldSeats { event, plan_version: 1, choice })
        }
        "best" => Command::Hold(HoldSeats { event, plan_version: 1, choice: best(words) }),
        "hold-plan" => {
            let plan_version = words[1].parse().unwrap();
            let choice = Choice::Seats(vec![SeatIx(0)]);
            Command::Hold(HoldSeats { event, plan_version, choice })
        }
        "release" => Command::ReleaseHold(ReleaseHold { hold: HoldId { event, no: no(words[1]) } }),
        "order" => Command::PlaceOrder(PlaceOrder {
            hold: HoldId { event, no: no(words[1]) },
            contact: vec![0; option(words, "contact").unwrap_or(8)],
            buyer: None,
        }),
        "cancel" => {
            Command::CancelOrder(CancelOrder { order: OrderId { event, no: no(words[1]) } })
        }
        "pay" => Command::StartPayment(StartPayment {
            order: OrderId { event, no: no(words[1]) },
            provider: "sandbox".into(),
            method: option(words, "method").unwrap_or_else(|| "bank_card".to_owned()),
        }),
        "record" => Command::RecordPayment(RecordPayment {
            payment: PaymentId { event, no: no(words[1]) },
            provider_ref: words[2].into(),
            confirmation_url: "http://pay".into(),
        }),
        "capture" => {
            settle(words, |w| GatewayResult::Captured { amount_minor: w.parse().unwrap() })
        }
        "canceled" => settle(words, |w| GatewayResult::Canceled { reason: w.into() }),
        "refund" => Command::RecordRefund(RecordRefund {
            refund: RefundId { event, no: no(words[1]) },
            result: match words[2] {
                "ok" => RefundResult::Succeeded,
                "fail" => RefundResult::Failed { error: "later".into() },
                "dead" => RefundResult::Dead { error: "never".into() },
                other => panic!("refund {other}"),
            },
        }),
        "expire" => Command::ExpireHolds,
        "ack" => Command::Acknowledge(Acknowledge { up_to: shard.state.feed_end() }),
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
    if let Some(name) = option(words, "name") {
        sale.name = name;
    }
    Command::OpenSale(OpenSale { event: EventNo(1), sale, plan: hall() })
}

fn best(words: &[&str]) -> Choice {
    let list = |name| {
        option::<String>(words, name)
            .map_or(vec![], |l| l.split(',').map(|n| n.parse().unwrap()).collect())
    };
    Choice::Best(Best {
        number: words[1].parse().unwrap(),
        tiers: list("tiers"),
        sections: list("sections"),
        max_price_minor: option(words, "max_price"),
        prevent_orphans: words.contains(&"no-orphans"),
    })
}

fn settle(words: &[&str], result: impl Fn(&str) -> GatewayResult) -> Command {
    let payment = PaymentId { event: EventNo(1), no: no(words[1]) };
    Command::Settle(Settle { payment, result: result(words[2]) })
}
