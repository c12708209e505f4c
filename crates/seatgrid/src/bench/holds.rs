//! `bench holds`: holds and releases by schedule, each request with its outcome in a journal.
//!
//! Made for drills: requests go on by schedule whatever the service does, each is repeated under the
//! same key until its answer is definite, and at the end every hold that was acknowledged is read
//! back. Judging is `bench check-journal`; nothing here decides what is right.

mod client;
pub(super) mod pool;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::task::JoinSet;

use super::journal::{Journal, Line, Op};
use client::{Client, Wish};
use pool::{Held, Pool};

/// A load of holds.
#[derive(Debug, Clone, Args)]
pub struct Holds {
    /// The event whose seats are fought over; nobody else may hold there meanwhile.
    #[arg(long, default_value = "demo-arena")]
    pub event: String,
    /// Holds asked for per second. About as many are released, so that seats do not run out.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// How long requests are sent, in seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=250))]
    pub seconds: u32,
    /// Holds that are kept before the oldest is released; the last ones are read back at the end.
    #[arg(long, default_value_t = 2_000)]
    pub keep: usize,
    /// Where each request and its outcome is written.
    #[arg(long)]
    pub journal: PathBuf,
    /// How long one request is tried again under its key, in seconds.
    #[arg(long, default_value_t = 60)]
    pub patience_s: u64,
    /// Connections; further requests wait for one, and their latency counts from the schedule.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub connections: u32,
    /// Requests under way before the load gives up: more would only measure this machine's memory.
    #[arg(long, default_value_t = 200_000)]
    pub in_flight_max: usize,
    /// Address of the router; read from the data directory when left out.
    #[arg(long)]
    pub url: Option<String>,
    /// Data directory of a local `seatgrid up`.
    #[arg(long, default_value = ".seatgrid")]
    pub data_dir: PathBuf,
    /// Seed of the load's choices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What all requests share.
struct Load {
    client: Client,
    pool: Pool,
    journal: Journal,
}

/// Sends the load, reads back what it holds, and says where the journal is.
///
/// # Errors
/// When the service cannot be reached at all, or the journal cannot be written.
#[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
pub async fn run(args: &Holds, url: String) -> Result<()> {
    let client = Client::new(url, &args.event, args.connections, args.patience_s)?;
    let map = client.seat_map().await.context("reading the seats before")?;
    ensure!(map.held.is_empty(), "{} has seats held already: use an idle event", args.event);
    ensure!(!map.free.is_empty(), "{} has no free seats", args.event);
    let pool = Pool::new(map.free, args.seed);
    let load = Arc::new(Load { client, pool, journal: Journal::create(&args.journal)? });
    let sent = send(&load, args).await?;
    let held = read_back(&load).await?;
    load.journal.finish()?;
    give_back(&load, held).await;
    println!("{sent} requests in {}", args.journal.display());
    Ok(())
}

/// Sends by schedule and waits for the last answer.
async fn send(load: &Arc<Load>, args: &Holds) -> Result<u64> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    let mut sent = 0;
    for number in 0..u64::from(args.rate) * u64::from(args.seconds) {
        let due = started + Duration::from_secs_f64(number as f64 / f64::from(args.rate));
        tokio::time::sleep_until(due.into()).await;
        let seats = load.pool.wish();
        let (shared, number) = (Arc::clone(load), 2 * number);
        tasks.spawn(async move { shared.hold(number, due, seats).await });
        sent += 1;
        if let Some(held) = load.pool.oldest_beyond(args.keep) {
            let shared = Arc::clone(load);
            tasks.spawn(async move { shared.release(number + 1, due, held).await });
            sent += 1;
        }
        while let Some(done) = tasks.try_join_next() {
            done.context("a request's task failed")??;
        }
        let waiting = tasks.len();
        ensure!(
            waiting < args.in_flight_max,
            "{waiting} requests wait: the service does not keep up"
        );
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a request's task failed")??;
    }
    Ok(sent)
}

/// Reads every hold that should be there, and the seat map; gives the holds.
async fn read_back(load: &Arc<Load>) -> Result<Vec<Held>> {
    let mut tasks = JoinSet::new();
    while let Some(held) = load.pool.oldest_beyond(0) {
        let load = Arc::clone(load);
        tasks.spawn(async move { load.read(&held).await.map(|()| held) });
    }
    let mut held = Vec::new();
    while let Some(done) = tasks.join_next().await {
        held.push(done.context("a request's task failed")??);
    }
    let (t0, map) = (load.client.now(), load.client.seat_map().await?);
    let line = Line { seats: map.held, version: map.version, ..load.line(Op::Map, 0, t0) };
    load.journal.add(&Line { t0, t1: Some(load.client.now()), status: Some(200), ..line })?;
    Ok(held)
}

/// Leaves the event as it was found. Not part of the history: whatever is not given back here ends
/// by itself.
async fn give_back(load: &Arc<Load>, held: Vec<Held>) {
    let mut tasks = JoinSet::new();
    for held in held {
        let load = Arc::clone(load);
        tasks.spawn(async move {
            let line = load.about(Op::Release, 0, load.client.now(), &held);
            load.client.ask(Wish::Release(&held.token), line).await;
        });
    }
    tasks.join_all().await;
}

impl Load {
    fn line(&self, op: Op, client: u64, due: u64) -> Line {
        Line {
            due,
            t0: due,
            t1: None,
            client,
            key: String::new(),
            op,
            event: self.client.event().to_owned(),
            seats: vec![],
            status: None,
            code: None,
            hold: None,
            version: None,
            until: None,
            attempts: 0,
        }
    }

    async fn hold(&self, number: u64, due: Instant, seats: Vec<u32>) -> Result<()> {
        let key = uuid::Uuid::now_v7().to_string();
        let names: Vec<String> = seats.iter().map(|seat| self.pool.name(*seat)).collect();
        let line = Line { key, seats: names, ..self.line(Op::Hold, number, self.client.at(due)) };
        let (line, granted) = self.client.ask(Wish::Hold, line).await;
        match granted {
            Some(granted) => {
                self.pool.keep(Held { id: granted.id, token: granted.token, seats });
            }
            // Without an answer nobody knows whose the seats are: they stay out of the pool.
            None if line.status.is_none() => {}
            None => self.pool.give_back(&seats),
        }
        self.journal.add(&line)
    }

    async fn release(&self, number: u64, due: Instant, held: Held) -> Result<()> {
        let line = self.about(Op::Release, number, self.client.at(due), &held);
        let (line, _) = self.client.ask(Wish::Release(&held.token), line).await;
        if line.done() {
            self.pool.give_back(&held.seats);
        }
        self.journal.add(&line)
    }

    async fn read(&self, held: &Held) -> Result<()> {
        let line = self.about(Op::Read, 0, self.client.now(), held);
        let (line, _) = self.client.ask(Wish::Read(&held.token), line).await;
        self.journal.add(&line)
    }

    fn about(&self, op: Op, number: u64, due: u64, held: &Held) -> Line {
        let seats = held.seats.iter().map(|seat| self.pool.name(*seat)).collect();
        Line { hold: Some(held.id.clone()), seats, ..self.line(op, number, due) }
    }
}
