//! `bench streams`: how soon a change of a seat is on every open live stream.
//!
//! Opens so many streams of one event, then holds and releases one seat after another by schedule.
//! Each delivery counts from the moment at which the change was due to be asked for, so it has the
//! hold's own time in it, and a stalled service cannot hide its stall. Every change must reach every
//! stream; a stream that was sent to the snapshot instead counts as not reached.

mod reader;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::api::{Api, Call};
use super::grid::processes::Usage;
use reader::{Stream, Told};

/// Streams that connect at the same time: below the backlog of a listening port.
const CONNECTING_MAX: usize = 100;
/// How long a stream may take to open.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
/// How long after the last change deliveries are waited for.
const DELIVERED_WITHIN: Duration = Duration::from_secs(10);
/// What the service promises: a change is on a screen within this time, in milliseconds.
const TARGET_P99_MS: f64 = 500.0;
/// The longest delivery that is told apart, in microseconds.
const MINUTE_US: u64 = 60_000_000;

/// So many streams and changes.
#[derive(Debug, Clone, Args)]
pub struct Streams {
    /// The event whose seats change; nobody else should hold there meanwhile.
    #[arg(long, default_value = "demo-arena")]
    pub event: String,
    /// Open streams.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub streams: u32,
    /// Changes of a seat, holds and releases in turn.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub changes: u32,
    /// Time between two changes, in milliseconds. Above 250 each is a message of its own.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub every_ms: u64,
    /// Address of the router; read from the data directory when left out.
    #[arg(long)]
    pub url: Option<String>,
    /// Data directory of a local `seatgrid up`; its router's memory and time are told.
    #[arg(long, default_value = ".seatgrid")]
    pub data_dir: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What a run found.
#[derive(Debug, Serialize)]
struct Found {
    event: String,
    streams: u32,
    changes: u32,
    /// Deliveries that should have been and were.
    deliveries: u64,
    /// Deliveries that never came.
    missing: u64,
    /// Streams sent to the snapshot.
    resyncs: u64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// How long it took until all streams were open, in seconds.
    opened_in_s: f64,
    /// Resident memory of the router for one stream, in bytes; absent for another machine's.
    router_bytes_per_stream: Option<u64>,
    /// Resident memory of the router with all streams open, in bytes.
    router_resident_bytes: Option<u64>,
    /// Processor time of the router while changes were told, in seconds.
    router_cpu_s: Option<f64>,
    /// Processor time of this generator meanwhile, in seconds.
    generator_cpu_s: f64,
}

/// A change that was asked for and its version.
struct Made {
    due: Instant,
    version: u64,
}

/// Measures; an error means that it could not, or that the promise was broken.
pub async fn run(args: &Streams, url: String) -> Result<()> {
    let fitting = http_api::server::allow_connections(args.streams as usize);
    ensure!(
        fitting >= args.streams as usize,
        "this process may open {fitting} connections, {} are wanted: raise the hard limit of open \
         files (`ulimit -Hn`) or ask for fewer --streams",
        args.streams
    );
    let router = router_pid(args)?;
    let api = Api::new(url.clone(), OPEN_WITHIN)?;
    // The first reader makes the router fetch the event: not part of a stream's cost.
    api.availability(&args.event).await.context("reading the event")?;
    let before = usage(router)?;
    let stop = CancellationToken::new();
    let opening = Instant::now();
    let streams = open(args, &url, &stop).await?;
    let opened_in_s = opening.elapsed().as_secs_f64();
    let opened = usage(router)?;
    let own = Usage::own()?;
    let made = change(args, &api).await?;
    let told = collect(streams, &made, &stop).await?;
    let after = usage(router)?;
    let mut found = judge(args, &made, &told)?;
    found.opened_in_s = opened_in_s;
    found.generator_cpu_s = Usage::own()?.since(own).cpu_s;
    if let (Some(before), Some(opened), Some(after)) = (before, opened, after) {
        let grown = opened.resident_bytes.saturating_sub(before.resident_bytes);
        found.router_bytes_per_stream = Some(grown / u64::from(args.streams));
        found.router_resident_bytes = Some(after.resident_bytes);
        found.router_cpu_s = Some(after.since(opened).cpu_s);
    }
    found.print(args.json)?;
    found.check()
}

/// The router of a local `up`; none when an address was given.
fn router_pid(args: &Streams) -> Result<Option<u32>> {
    if args.url.is_some() {
        return Ok(None);
    }
    pid_of(&args.data_dir, "router").map(Some)
}

/// The first process of a role of a local `up`.
pub(super) fn pid_of(data_dir: &Path, role: &str) -> Result<u32> {
    let first = pids_of(data_dir, role)?.first().copied();
    first.with_context(|| format!("no {role} runs in {}", data_dir.display()))
}

/// The processes of a role of a local `up`.
pub(super) fn pids_of(data_dir: &Path, role: &str) -> Result<Vec<u32>> {
    let file = data_dir.join("processes.json");
    let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let all: Vec<Value> = serde_json::from_slice(&text).context("reading the processes")?;
    let of_role = all.iter().filter(|one| one["role"] == role);
    let pids = of_role.filter_map(|one| u32::try_from(one["pid"].as_u64()?).ok());
    Ok(pids.collect())
}

fn usage(pid: Option<u32>) -> Result<Option<Usage>> {
    pid.map(|pid| Usage::of(&[pid])).transpose()
}

/// Opens all streams, some at a time.
async fn open(args: &Streams, url: &str, stop: &CancellationToken) -> Result<Vec<Stream>> {
    let host = url.strip_prefix("http://").context("live streams are read over plain http only")?;
    let address: SocketAddr = tokio::net::lookup_host(host).await?.next().context("no address")?;
    let room = Arc::new(Semaphore::new(CONNECTING_MAX));
    let mut opening = JoinSet::new();
    for _ in 0..args.streams {
        let (room, event, host) = (Arc::clone(&room), args.event.clone(), host.to_owned());
        let stop = stop.clone();
        opening.spawn(async move {
            let _turn = room.acquire().await.context("no turn")?;
            let opened = Stream::open(address, &host, &event, stop);
            tokio::time::timeout(OPEN_WITHIN, opened).await.context("a stream did not open")?
        });
    }
    let mut streams = Vec::with_capacity(args.streams as usize);
    while let Some(opened) = opening.join_next().await {
        streams.push(opened.context("a stream's task failed")??);
    }
    Ok(streams)
}

/// Holds and releases one seat by schedule.
async fn change(args: &Streams, api: &Api) -> Result<Vec<Made>> {
    let started = Instant::now() + Duration::from_millis(args.every_ms);
    let mut made = Vec::with_capacity(args.changes as usize);
    let mut held: Option<(String, String)> = None;
    for number in 0..args.changes {
        let due = started + Duration::from_millis(args.every_ms) * number;
        tokio::time::sleep_until(due.into()).await;
        let version = match held.take() {
            None => {
                let (version, hold) = hold(args, api).await?;
                held = Some(hold);
                version
            }
            // A release answers without a body; what follows the hold's version is the release.
            Some(hold) => {
                release(api, &hold).await?;
                made.last().map_or(0, |last: &Made| last.version) + 1
            }
        };
        made.push(Made { due, version });
    }
    if let Some(hold) = held {
        release(api, &hold).await?;
    }
    Ok(made)
}

async fn hold(args: &Streams, api: &Api) -> Result<(u64, (String, String))> {
    let path = format!("/api/v1/events/{}/holds", args.event);
    let body = Some(json!({"best": {"number": 1}}));
    let call = Call { method: Method::POST, path, body, keyed: true, token: None };
    let answer = api.call(call).await?;
    ensure!(answer.status.is_success(), "a hold was refused: {}", answer.code());
    let text = |name: &str| answer.body[name].as_str().map(str::to_owned);
    let (Some(id), Some(token), Some(version)) =
        (text("id"), text("token"), answer.body["version"].as_u64())
    else {
        bail!("a hold without id, token or version");
    };
    Ok((version, (id, token)))
}

async fn release(api: &Api, (id, token): &(String, String)) -> Result<()> {
    let path = format!("/api/v1/holds/{id}");
    let call = Call { method: Method::DELETE, path, body: None, keyed: false, token: Some(token) };
    let answer = api.call(call).await?;
    ensure!(answer.status.is_success(), "a release was refused: {}", answer.code());
    Ok(())
}

/// Waits until all streams were told the last change, or for as long as it may take, and ends them.
async fn collect(
    streams: Vec<Stream>,
    made: &[Made],
    stop: &CancellationToken,
) -> Result<Vec<Told>> {
    let last = made.last().map_or(0, |made| made.version);
    let reached = async {
        for stream in &streams {
            stream.reaches(last).await;
        }
    };
    // What did not come by then is counted as missing.
    let _ = tokio::time::timeout(DELIVERED_WITHIN, reached).await;
    stop.cancel();
    let mut all = Vec::with_capacity(streams.len());
    for stream in streams {
        all.push(stream.end().await?);
    }
    Ok(all)
}

/// Every change on every stream: the first message that has it counts.
fn judge(args: &Streams, made: &[Made], told: &[Told]) -> Result<Found> {
    let mut times = Histogram::<u64>::new_with_bounds(1, MINUTE_US, 3).context("a histogram")?;
    let mut missing = 0;
    for told in told {
        for change in made {
            match told.first_with(change.version) {
                Some(at) => {
                    let us = at.saturating_duration_since(change.due).as_micros();
                    times.saturating_record(u64::try_from(us).unwrap_or(MINUTE_US).max(1));
                }
                None => missing += 1,
            }
        }
    }
    let ms = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Found {
        event: args.event.clone(),
        streams: args.streams,
        changes: args.changes,
        deliveries: times.len(),
        missing,
        resyncs: told.iter().map(|told| told.resyncs).sum(),
        p50_ms: ms(0.5),
        p90_ms: ms(0.9),
        p99_ms: ms(0.99),
        max_ms: times.max() as f64 / 1_000.0,
        opened_in_s: 0.0,
        router_bytes_per_stream: None,
        router_resident_bytes: None,
        router_cpu_s: None,
        generator_cpu_s: 0.0,
    })
}

impl Found {
    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    fn print(&self, as_json: bool) -> Result<()> {
        if as_json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        println!(
            "{} streams of {} opened in {:.1} s; {} changes, {} deliveries, {} missing, {} resyncs",
            self.streams,
            self.event,
            self.opened_in_s,
            self.changes,
            self.deliveries,
            self.missing,
            self.resyncs
        );
        println!(
            "from asked for to delivered: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            self.p50_ms, self.p90_ms, self.p99_ms, self.max_ms
        );
        if let (Some(each), Some(all), Some(cpu)) =
            (self.router_bytes_per_stream, self.router_resident_bytes, self.router_cpu_s)
        {
            println!(
                "router: {each} bytes a stream, {} MB in all, {cpu:.2} s of processor",
                all / 1_000_000
            );
        }
        println!("generator: {:.2} s of processor", self.generator_cpu_s);
        Ok(())
    }

    fn check(&self) -> Result<()> {
        ensure!(self.missing == 0, "{} deliveries never came", self.missing);
        ensure!(self.resyncs == 0, "{} streams were sent to the snapshot", self.resyncs);
        ensure!(
            self.p99_ms <= TARGET_P99_MS,
            "p99 is {:.1} ms, above the {TARGET_P99_MS} ms promised",
            self.p99_ms
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_from_when_it_was_due_and_a_lost_one_is_missing() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let made = [Made { due: at(0), version: 5 }, Made { due: at(100), version: 6 }];
        // The second stream hears of both in one message, the third of the first only.
        let told = [
            Told { seen: vec![(5, at(20)), (6, at(130))], resyncs: 0 },
            Told { seen: vec![(6, at(140))], resyncs: 0 },
            Told { seen: vec![(5, at(20))], resyncs: 1 },
        ];
        let args = Streams {
            event: "e".into(),
            streams: 3,
            changes: 2,
            every_ms: 100,
            url: None,
            data_dir: PathBuf::new(),
            json: false,
        };
        let found = judge(&args, &made, &told).expect("judged");
        assert_eq!((found.deliveries, found.missing, found.resyncs), (5, 1, 1));
        assert!((139.0..=141.0).contains(&found.max_ms), "{}", found.max_ms);
        assert!(found.check().is_err());
    }
}
