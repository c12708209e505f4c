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

mod halls;
mod parse;
mod tell;

pub use halls::{area_hall, hall, sale};
use inventory::*;
use parse::{millis, no, request_key};

/// The start of time in tests, milliseconds since 1970.
pub const T0: u64 = 1_800_000_000_000;

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
        let plan = area_hall();
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

    /// A line of a table as a command.
    pub fn parse(&self, line: &str) -> Command {
        parse::command(self, &line.split_whitespace().collect::<Vec<_>>())
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
        let mut rows = vec![&all[0..6], &all[6..12], &all[12..18], &all[18..22]];
        rows.extend((all.len() > 22).then(|| &all[22..]));
        rows.join(" ")
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
        "code?" => return show_code(shard, words[1]),
        "person?" => return show_person(shard, words[1]),
        "line?" => return show_line(shard, words[1]),
        "place?" => return show_place(shard, words[1]),
        _ => {}
    }
    let key = words[0].strip_prefix("key=").map(str::to_owned);
    if key.is_some() {
        words.remove(0);
    }
    let command = parse::command(shard, &words);
    let key = key.map(|k| request_key(&k, shard.now_ms, &command));
    let reply = shard.run(key, command);
    tell::reply(shard, &reply)
}

fn show_order(shard: &Shard, id: &str) -> String {
    let event = shard.state.event(EventNo(1)).expect("opened");
    match event.order(no(id)) {
        Some(order) => {
            let left = shard.names(order.left.iter().map(|seat| seat.seat));
            let left = if left.is_empty() { left } else { format!(" left {left}") };
            format!("{}{left}", order.status.as_str())
        }
        None => "unknown".into(),
    }
}

fn show_code(shard: &Shard, hash: &str) -> String {
    let event = shard.state.event(EventNo(1)).expect("opened");
    let used = event.code(hash.parse().unwrap()).expect("known");
    let (held, sold) = ((used.held_seats, used.held_minor), (used.sold_seats, used.sold_minor));
    format!("held {}/{} sold {}/{}", held.0, held.1, sold.0, sold.1)
}

fn show_person(shard: &Shard, person: &str) -> String {
    let event = shard.state.event(EventNo(1)).expect("opened");
    event.seats_of(u128::from(no(person))).to_string()
}

fn show_line(shard: &Shard, entry: &str) -> String {
    let event = shard.state.event(EventNo(1)).expect("opened");
    match event.wait_entry(no(entry)) {
        Some((entry, before)) => match entry.hold {
            Some(hold) => format!("h{hold}"),
            None => format!("waits behind {before}"),
        },
        None => "gone".into(),
    }
}

fn show_place(shard: &Shard, place: &str) -> String {
    let event = shard.state.event(EventNo(1)).expect("opened");
    let Some(place) = event.queue_place(no(place)) else { return "gone".into() };
    match place.stand {
        Stand::Present => format!("one of {}", place.ahead),
        Stand::Waiting { .. } => format!("waits as {}", place.ahead),
        Stand::Turn { until_ms, taken } => {
            let left_ms = until_ms.saturating_sub(shard.now_ms);
            format!("{} for {}s", if taken { "in" } else { "ready" }, left_ms / 1_000)
        }
    }
}
