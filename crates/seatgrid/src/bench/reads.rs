//! `bench reads`: what a reader of the seat map costs who has it already.
//!
//! Asks for the map once, then again and again with its `ETag`, over kept connections and several
//! questions at a time, as fast as answers come: the most that one router gives on this machine, the
//! generator included. The event must be idle, or the map changes and is sent again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::grid::processes::Usage;
use super::streams::pid_of;

/// The media type of two bits a seat.
const BITMAP: &str = "application/vnd.seatgrid.bitmap";
/// Largest map of 20,000 seats, in bytes.
const BITMAP_BYTES_MAX: usize = 5_200;
/// Seats of the hall that the largest map is promised for.
const BITMAP_SEATS: usize = 20_000;
/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;
/// The longest round that is told apart, in microseconds.
const MINUTE_US: u64 = 60_000_000;
/// How long one round may take.
const ROUND_WITHIN: Duration = Duration::from_secs(10);

/// How to read.
#[derive(Debug, Clone, Args)]
pub struct Reads {
    /// The event whose map is read; nobody should buy there meanwhile.
    #[arg(long, default_value = "demo-arena")]
    pub event: String,
    /// Connections.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub connections: u32,
    /// Questions sent together on one connection.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub pipeline: u32,
    /// How long to ask, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Address of the router; read from the data directory when left out.
    #[arg(long)]
    pub url: Option<String>,
    /// Data directory of a local `seatgrid up`; its router's time is told.
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
    /// Seats of the map, four in a byte.
    seats: usize,
    /// Bytes of the whole map.
    bitmap_bytes: usize,
    /// Answers that said that nothing changed.
    not_modified: u64,
    per_second: f64,
    /// Of a round of `pipeline` questions, in milliseconds.
    round_p50_ms: f64,
    round_p99_ms: f64,
    /// Processor time of the router for one answer, in microseconds; absent for another machine's.
    router_us_each: Option<f64>,
    /// Processor time of this generator for one answer, in microseconds.
    generator_us_each: f64,
}

/// One connection's share.
struct Share {
    answers: u64,
    rounds: Histogram<u64>,
}

/// Measures; an error means that it could not, or that the map is larger than promised.
pub async fn run(args: &Reads, url: String) -> Result<()> {
    let (bytes, tag) = whole_map(args, &url).await?;
    let host = url.strip_prefix("http://").context("maps are read over plain http only")?;
    let address = tokio::net::lookup_host(host).await?.next().context("no address")?;
    let request = Arc::new(request(args, host, &tag));
    let router = match args.url {
        None => Some(pid_of(&args.data_dir, "router")?),
        Some(_) => None,
    };
    let usage = || router.map(|pid| Usage::of(&[pid])).transpose();
    let (before, own) = (usage()?, Usage::own()?);
    let began = Instant::now();
    let shares = ask_all(args, address, request).await?;
    let took_s = began.elapsed().as_secs_f64();
    let (after, own) = (usage()?, Usage::own()?.since(own));
    let mut rounds = histogram()?;
    for share in &shares {
        rounds.add(&share.rounds).context("adding up")?;
    }
    let answers: u64 = shares.iter().map(|share| share.answers).sum();
    let each_us = |cpu_s: f64| cpu_s * 1e6 / answers.max(1) as f64;
    let found = Found {
        event: args.event.clone(),
        seats: bytes * 4,
        bitmap_bytes: bytes,
        not_modified: answers,
        per_second: answers as f64 / took_s,
        round_p50_ms: rounds.value_at_quantile(0.5) as f64 / 1_000.0,
        round_p99_ms: rounds.value_at_quantile(0.99) as f64 / 1_000.0,
        router_us_each: after.zip(before).map(|(after, before)| each_us(after.since(before).cpu_s)),
        generator_us_each: each_us(own.cpu_s),
    };
    found.print(args)
}

/// The length of the whole map, and its tag.
async fn whole_map(args: &Reads, url: &str) -> Result<(usize, String)> {
    let address = format!("{url}/api/v1/events/{}/seats", args.event);
    let client = reqwest::Client::builder().timeout(ROUND_WITHIN).build()?;
    let answer = client.get(address).header("accept", BITMAP).send().await?;
    ensure!(answer.status().is_success(), "the map was refused: {}", answer.status());
    let tag = answer.headers().get("etag").context("the map has no ETag")?;
    let tag = tag.to_str().context("an ETag in ASCII")?.to_owned();
    Ok((answer.bytes().await?.len(), tag))
}

fn request(args: &Reads, host: &str, tag: &str) -> Vec<u8> {
    let one = format!(
        "GET /api/v1/events/{}/seats HTTP/1.1\r\nHost: {host}\r\nAccept: {BITMAP}\r\n\
         If-None-Match: {tag}\r\n\r\n",
        args.event
    );
    one.repeat(args.pipeline as usize).into_bytes()
}

async fn ask_all(args: &Reads, address: SocketAddr, request: Arc<Vec<u8>>) -> Result<Vec<Share>> {
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let mut asking = JoinSet::new();
    for _ in 0..args.connections {
        let (request, pipeline) = (Arc::clone(&request), args.pipeline as usize);
        asking.spawn(async move { ask(address, &request, pipeline, until).await });
    }
    let mut shares = Vec::new();
    while let Some(share) = asking.join_next().await {
        shares.push(share.context("a connection's task failed")??);
    }
    Ok(shares)
}

async fn ask(
    address: SocketAddr,
    request: &[u8],
    pipeline: usize,
    until: Instant,
) -> Result<Share> {
    let mut connection = TcpStream::connect(address).await.context("connecting")?;
    connection.set_nodelay(true).context("sending at once")?;
    let mut share = Share { answers: 0, rounds: histogram()? };
    while Instant::now() < until {
        let began = Instant::now();
        connection.write_all(request).await.context("asking")?;
        let answers = answers(&mut connection, pipeline);
        tokio::time::timeout(ROUND_WITHIN, answers).await.context("a round took too long")??;
        let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(MINUTE_US);
        share.rounds.saturating_record(us.max(1));
        share.answers += pipeline as u64;
    }
    Ok(share)
}

/// Reads so many answers without a body, each saying that nothing changed.
async fn answers(connection: &mut TcpStream, wanted: usize) -> Result<()> {
    let (mut bytes, mut piece) = (Vec::new(), vec![0; READ_BYTES]);
    let mut seen = 0;
    while seen < wanted {
        let read = connection.read(&mut piece).await.context("reading")?;
        ensure!(read > 0, "the service closed a connection");
        bytes.extend_from_slice(&piece[..read]);
        seen += take_answers(&mut bytes)?;
    }
    ensure!(bytes.is_empty() && seen == wanted, "more came than was asked for");
    Ok(())
}

/// Takes whole answers off the front; how many.
fn take_answers(bytes: &mut Vec<u8>) -> Result<usize> {
    let (mut from, mut seen) = (0, 0);
    while let Some(end) = bytes[from..].windows(4).position(|window| window == b"\r\n\r\n") {
        let head = &bytes[from..from + end];
        ensure!(
            head.starts_with(b"HTTP/1.1 304"),
            "the map changed meanwhile: use an event where nobody buys"
        );
        (from, seen) = (from + end + 4, seen + 1);
    }
    bytes.drain(..from);
    Ok(seen)
}

fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, MINUTE_US, 3).context("a histogram")
}

impl Found {
    #[expect(clippy::print_stdout, reason = "the result of a command goes to standard output")]
    fn print(&self, args: &Reads) -> Result<()> {
        if args.json {
            println!("{}", serde_json::to_string_pretty(self)?);
        } else {
            println!("map of {}: {} bytes", self.event, self.bitmap_bytes);
            println!(
                "{:.0} answers of 304 a second ({} connections, {} questions at a time); a round \
                 p50 {:.2} ms, p99 {:.2} ms",
                self.per_second,
                args.connections,
                args.pipeline,
                self.round_p50_ms,
                self.round_p99_ms
            );
            if let Some(each) = self.router_us_each {
                println!("router: {each:.1} us of processor an answer");
            }
            println!("generator: {:.1} us of processor an answer", self.generator_us_each);
        }
        ensure!(
            self.bitmap_bytes <= BITMAP_BYTES_MAX || self.seats > BITMAP_SEATS,
            "the map takes {} bytes, above the {BITMAP_BYTES_MAX} promised",
            self.bitmap_bytes
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_in_any_pieces_and_a_body_is_noticed() {
        let two = b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n";
        for piece in [1, 10, two.len()] {
            let (mut bytes, mut seen) = (Vec::new(), 0);
            for part in two.chunks(piece) {
                bytes.extend_from_slice(part);
                seen += take_answers(&mut bytes).expect("whole answers");
            }
            assert_eq!((seen, bytes.len()), (2, 0), "in pieces of {piece}");
        }
        let mut changed = b"HTTP/1.1 200 OK\r\n\r\n0101".to_vec();
        assert!(take_answers(&mut changed).is_err());
    }
}
