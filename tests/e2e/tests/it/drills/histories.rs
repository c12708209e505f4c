//! Histories at the HTTP edge, judged by two independent checkers (crate `histories`), while units die,
//! stand still and lose their links.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use e2e::drill::{Drill, knob, lasts, rate};
use e2e::links::{Links, Way};
use e2e::{Recorder, System};
use histories::{MadeUp, judge_files, make_up};
use serde_json::json;

use super::reconciles;

/// Events with histories of their own; their shards have leaders of their own.
const EVENTS: [&str; 2] = ["demo-hall", "demo-arena"];
/// Seconds of the short form.
const SHORT_S: u64 = 8;
/// Requests per second, both events together: one client process with a general HTTP library.
const RATE_MAX: u64 = 2_000;
/// How long each fault stays.
const LASTS: Duration = Duration::from_secs(2);
/// Files of made-up requests: as many can be judged side by side, and memory is bounded by few.
const MADE_UP_EACH: u64 = 1_000_000;

/// Clients fight over a few seats of two events and record each attempt; meanwhile leaders are killed
/// and stopped, in the long form cut off and slowed down, too. Expected: both judges find every answer
/// right: played back by versions, and seat by seat without them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_have_an_order() {
    let drill = Drill::begin("histories at the HTTP edge");
    let (system, long_s) = (Arc::new(System::start()), knob("HISTORY_S", 0));
    // Proxies cost a restart of each unit: for the long form.
    let links = match long_s {
        0 => None,
        _ => Some(Links::between_units(Arc::clone(&system)).await),
    };
    let seconds = if long_s == 0 { SHORT_S } else { long_s };
    let each = (rate().min(RATE_MAX) / EVENTS.len() as u64).max(1);
    let dir = system.scratch("histories");
    std::fs::create_dir_all(&dir).expect("a directory");
    let mut recorders = Vec::new();
    for event in EVENTS {
        recorders.push(Recorder::start(&system.url(), event, (each, seconds), &dir).await);
    }
    let faults = make_faults(&system, links.as_ref(), seconds).await;
    let mut files = Vec::new();
    for recorder in recorders {
        let recording = recorder.end().await;
        assert!(recording.attempts > each * seconds / 2, "{}: nothing", recording.attempts);
        files.push(recording.file);
    }
    let verdict = judged(files).await;
    assert!(verdict.is_sound(), "{verdict:#?}");
    drill.note(&format!(
        "{} attempts of {} requests under {faults} faults, {} unknown for good, {} seats in order",
        verdict.attempts, verdict.requests, verdict.unknown, verdict.seats_sound
    ));
    reconciles(&system);
    let made_up = millions(&drill, &dir).await;
    drill.done_with(json!({"judged": verdict.requests, "made_up": made_up}));
}

/// One fault after the other until the time is over; how many.
async fn make_faults(system: &System, links: Option<&Links>, seconds: u64) -> usize {
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut count = 0;
    lasts(LASTS / 2).await;
    while Instant::now() + LASTS < until {
        let leader = system.leader_of(EVENTS[count % EVENTS.len()]).await;
        match (count % 4, links) {
            (1, Some(links)) => disturb(links, leader.node, Way::Cut).await,
            (3, Some(links)) => {
                disturb(links, leader.node, Way::Slow(Duration::from_millis(30))).await;
            }
            (1 | 2, _) => {
                System::freeze(&leader);
                lasts(LASTS).await;
                System::thaw(&leader);
            }
            _ => {
                System::kill(&leader);
                system.until_back(&leader).await;
            }
        }
        count += 1;
    }
    count
}

async fn disturb(links: &Links, unit: u32, way: Way) {
    links.set_around(unit, way);
    lasts(LASTS).await;
    links.heal();
}

async fn judged(files: Vec<PathBuf>) -> histories::Verdict {
    let judged = tokio::task::spawn_blocking(move || judge_files(&files));
    judged.await.expect("judges do not fail").expect("histories")
}

/// The judges' pace: so many millions of made-up requests, and how long they took.
async fn millions(drill: &Drill, dir: &Path) -> u64 {
    let files: Vec<PathBuf> = (0..knob("HISTORY_MILLIONS", 0))
        .map(|number| {
            let path = dir.join(format!("made-up-{number}.jsonl"));
            let file = std::fs::File::create(&path).expect("a file");
            let mut file = BufWriter::new(file);
            let wish = MadeUp {
                event: format!("made-up-{number}"),
                requests: MADE_UP_EACH,
                seats: 400,
                seed: number,
                unknown_percent: 1,
            };
            let told = make_up(&wish, |line| {
                serde_json::to_writer(&mut file, &line).map_err(std::io::Error::from)?;
                file.write_all(b"\n")
            });
            told.and_then(|()| file.flush()).expect("written");
            path
        })
        .collect();
    if files.is_empty() {
        return 0;
    }
    let began = Instant::now();
    let verdict = judged(files.clone()).await;
    assert!(verdict.is_sound(), "{verdict:#?}");
    drill.note(&format!(
        "{} made-up requests judged in {:.1} s",
        verdict.requests,
        began.elapsed().as_secs_f64()
    ));
    files.iter().for_each(|file| std::fs::remove_file(file).expect("removed"));
    verdict.requests as u64
}
