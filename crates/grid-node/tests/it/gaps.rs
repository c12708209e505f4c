//! How long a shard cannot be written to when its leader dies or hands over, as a client sees it
//! (targets R1 and R11). `SEATGRID_GAPS=20` repeats each that often and prints the figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use grid_node::{AdminAnswer, AdminRequest, GridClient, NodeConfig};
use parking_lot::Mutex;

use crate::grid::{Grid, soon, wait_for};
use crate::toy::command;

/// The target for a crash is 2 s, client included; half of them must keep it on any machine.
const CRASH_GAP_P50_MAX: Duration = Duration::from_secs(2);
/// No crash may take longer, also on a machine that builds something else meanwhile: with fifteen
/// processes that wanted its two cores the longest was 1.4 s.
const CRASH_GAP_MAX: Duration = Duration::from_secs(3);
/// The target for a hand-over is 100 ms. On a machine that does other things it may take longer (350
/// ms beside those fifteen), but not as long as a lease: then it would be an election.
const HAND_OVER_GAP_MAX: Duration = Duration::from_secs(1);

fn repetitions() -> usize {
    std::env::var("SEATGRID_GAPS").ok().and_then(|count| count.parse().ok()).unwrap_or(2)
}

/// The timings of a new grid.
fn default_timings(config: &mut NodeConfig) {
    let defaults = grid_node::RaftConfig::default();
    config.raft.heartbeat_ms = defaults.heartbeat_ms;
    config.raft.election_min_ms = defaults.election_min_ms;
    config.raft.election_max_ms = defaults.election_max_ms;
    config.raft.rebalance_ms = 0;
}

/// Writes without a pause and keeps the longest time between two acknowledgements.
struct Writing {
    longest: Arc<Mutex<Duration>>,
    acknowledged: Arc<Mutex<u64>>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Writing {
    fn start(client: GridClient) -> Self {
        let (longest, acknowledged) =
            (Arc::new(Mutex::new(Duration::ZERO)), Arc::new(Mutex::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let (gap, count, ended) = (Arc::clone(&longest), Arc::clone(&acknowledged), stop.clone());
        let task = tokio::spawn(async move {
            let mut last = Instant::now();
            while !ended.load(Ordering::SeqCst) {
                let request = *count.lock();
                client.submit(1, command(request, "w"), soon()).await.expect("no error, only late");
                let mut longest = gap.lock();
                *longest = longest.max(last.elapsed());
                last = Instant::now();
                *count.lock() += 1;
            }
        });
        Self { longest, acknowledged, stop, task }
    }

    /// Waits until writes flow, then forgets the longest gap so far.
    async fn flows(&self) {
        let from = *self.acknowledged.lock();
        wait_for("progress", || (*self.acknowledged.lock() > from + 20).then_some(())).await;
        *self.longest.lock() = Duration::ZERO;
    }

    /// The longest gap since writes flowed.
    async fn gap(&self) -> Duration {
        let from = *self.acknowledged.lock();
        wait_for("progress", || (*self.acknowledged.lock() > from + 20).then_some(())).await;
        *self.longest.lock()
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.expect("no panic");
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what a long run is made for")]
fn tell(line: &str) {
    println!("{line}");
}

/// The median and the longest.
fn report(what: &str, gaps: &mut [Duration]) -> (Duration, Duration) {
    gaps.sort_unstable();
    let (median, longest) = (gaps[gaps.len() / 2], *gaps.last().expect("at least one"));
    tell(&format!("{what}: {} times, p50 {median:?}, max {longest:?}; {gaps:?}", gaps.len()));
    (median, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_leader_is_replaced_within_two_seconds() {
    let mut grid = Grid::start_with(3, default_timings).await;
    let writing = Writing::start(grid.client());
    let mut gaps = Vec::new();
    for _ in 0..repetitions() {
        let leader = grid.leader(1).await;
        writing.flows().await;
        grid.kill_node(leader);
        let killed_at = Instant::now();
        let successor = grid.leader(1).await;
        tell(&format!("node {successor} serves {:?} after the crash", killed_at.elapsed()));
        gaps.push(writing.gap().await);
        grid.start_node(leader).await;
        let target = grid.shard(grid.leader(1).await, 1).applied_index();
        wait_for("the restarted node to catch up", || {
            (grid.shard(leader, 1).applied_index() >= target).then_some(())
        })
        .await;
    }
    writing.end().await;
    let (median, longest) = report("crash", &mut gaps);
    assert!(median < CRASH_GAP_P50_MAX, "{median:?}");
    assert!(longest < CRASH_GAP_MAX, "{longest:?}");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_over_is_hardly_noticed() {
    let mut grid = Grid::start_with(3, default_timings).await;
    let client = grid.client();
    let writing = Writing::start(client.clone());
    let mut gaps = Vec::new();
    for _ in 0..repetitions() {
        let leader = grid.leader(1).await;
        let to = leader % 3 + 1;
        writing.flows().await;
        let transfer = AdminRequest::TransferLeader { shard: 1, to };
        let answer = client.admin_leader(1, &transfer, soon()).await;
        assert_eq!(answer, Ok(AdminAnswer::Done));
        gaps.push(writing.gap().await);
        assert_eq!(grid.leader(1).await, to);
    }
    writing.end().await;
    let (_, longest) = report("hand-over", &mut gaps);
    assert!(longest < HAND_OVER_GAP_MAX, "{longest:?}");
    grid.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_in_order_hands_over_first() {
    let mut grid = Grid::start_with(3, default_timings).await;
    let writing = Writing::start(grid.client());
    let leader = grid.leader(1).await;
    writing.flows().await;
    grid.stop_node(leader).await;
    let gap = writing.gap().await;
    writing.end().await;
    report("stop in order", &mut [gap]);
    assert!(gap < HAND_OVER_GAP_MAX, "{gap:?}");
    grid.stop().await;
}
