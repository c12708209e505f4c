//! The whole way with the real grid: a unit with its log and consensus, the typed client, the writer
//! with its admin endpoint, the comparison as an operator runs it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use data_writer::{ReconcileOptions, WriterConfig, reconcile};
use inventory::{
    Choice, Command, Envelope, EventNo, HoldSeats, OpenSale, Outcome, PlaceOrder, RequestKey,
    SeatIx, StartPayment,
};
use processing_unit::{Grid, GridConfig, Unit, UnitConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::grid::{GUEST, plan, sale};
use crate::tables::{PATIENCE, Tables, config, eventually};

fn free_address() -> SocketAddr {
    local_postgres::free_address().expect("a free port")
}

fn unit_config(dir: &std::path::Path, client: SocketAddr) -> UnitConfig {
    let text = format!(
        "admin_listen = \"127.0.0.1:0\"
         [node]
         cluster_id = \"{:032x}\"
         node_id = 1
         data_dir = {:?}
         shards = 2
         [node.peers.1]
         raft = \"{}\"
         client = \"{client}\"",
        77,
        dir.display().to_string(),
        free_address(),
    );
    toml::from_str(&text).expect("a unit's configuration")
}

/// One command under its own key, repeated by the client across an election.
async fn command(grid: &Grid, event: EventNo, key: u128, command: Command) -> Outcome {
    let key = Some(RequestKey { id: key, hash: 1, made_at_ms: None });
    let envelope = Envelope { key, actor: GUEST, command };
    let reply = grid.command(event, &envelope, Instant::now() + PATIENCE).await;
    reply.expect("an answer").outcome
}

async fn get(address: SocketAddr, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return String::new();
    };
    let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_unit_commits_arrives_in_the_tables() {
    let tables = Tables::bare();
    let dir = tempfile::tempdir().expect("directory");
    let client = free_address();
    let unit = Unit::start(unit_config(dir.path(), client)).await.expect("unit");
    let units = GridConfig::new(vec![client]);
    let grid = Grid::connect(&units);
    let writer =
        WriterConfig { admin_listen: free_address(), grid: units.clone(), ..config(tables.url()) };
    let (admin, shutdown) = (writer.admin_listen, CancellationToken::new());
    let running = tokio::spawn(Box::pin(data_writer::run(writer, shutdown.clone())));

    let pin = grid.pin("gala", Instant::now() + PATIENCE).await.expect("pin");
    let event = EventNo(pin.number);
    // The sale's times are those of the real clock here.
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_ms = now_ms.expect("after 1970").as_millis() as u64;
    let mut terms = sale("gala");
    (terms.opens_at_ms, terms.closes_at_ms) = (now_ms - 60_000, now_ms + 3_600_000);
    let open = Command::OpenSale(OpenSale { event, sale: terms, plan: plan(3) });
    assert_eq!(command(&grid, event, 1, open).await, Outcome::SaleOpened);
    let hold = HoldSeats::of(event, 1, Choice::Seats(vec![SeatIx(4)]));
    let Outcome::Held(held) = command(&grid, event, 2, Command::Hold(hold)).await else {
        panic!("not held");
    };
    let place = PlaceOrder { hold: held.hold, contact: b"sealed".to_vec(), buyer: None };
    let placed = command(&grid, event, 3, Command::PlaceOrder(place)).await;
    let Outcome::OrderPlaced(placed) = placed else { panic!("no order: {placed:?}") };
    let start =
        StartPayment { order: placed.order, provider: "sandbox".into(), method: "sbp".into() };
    let Outcome::PaymentStarted(started) =
        command(&grid, event, 4, Command::StartPayment(start)).await
    else {
        panic!("no payment");
    };
    let captured = inventory::GatewayResult::Captured { amount_minor: started.amount_minor };
    let settle = inventory::Settle { payment: started.payment, result: captured };
    command(&grid, event, 5, Command::Settle(settle)).await;

    let options = ReconcileOptions::new(tables.url().to_owned(), units);
    eventually("the schema is there", || async {
        get(admin, "/readyz").await.starts_with("HTTP/1.1 200")
    })
    .await;
    let report = reconcile(&options).await.expect("both answer");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.counts.seats, report.counts.orders), (30, 1));
    let sold = tables.rows("SELECT seat_id FROM grid.seat WHERE status = 'sold'").await;
    assert_eq!(sold, ["A-1-5"]);
    eventually("the outbox is trimmed", || async {
        let deadline = Instant::now() + Duration::from_secs(5);
        grid.shard(pin.shard, deadline).await.is_ok_and(|shard| shard.outbox_records == 0)
    })
    .await;
    let metrics = get(admin, "/metrics").await;
    assert!(metrics.contains("seatgrid_writer_rows_total"), "{metrics}");
    assert!(metrics.contains("seatgrid_writer_active 1"), "{metrics}");
    assert!(get(admin, "/admin/v1/status").await.contains("\"role\":\"active\""));

    shutdown.cancel();
    running.await.expect("no panic").expect("a clean end");
    unit.shutdown().await;
}
