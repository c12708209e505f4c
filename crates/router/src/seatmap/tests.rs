//! Views and the live stream against a plain model: whoever reads a snapshot and then the deltas,
//! with interruptions wherever they fall, ends up with the truth.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inventory::{EventNo, Plan, Row, Sale, Seat, SeatCounts, SeatIx, SeatStatus, Section, Tier};
use processing_unit::{MapChanges, PlanAnswer, SeatMap};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::sync::broadcast::error::TryRecvError;

use super::known::{Known, Taken};
use super::ring::{Ring, Subscription, Touched};
use super::{MapView, PlanView};

const STATUSES: [SeatStatus; 4] =
    [SeatStatus::Free, SeatStatus::Held, SeatStatus::Sold, SeatStatus::Blocked];

/// Rows of 10, two sections, a tier each.
fn plan(rows: usize) -> PlanView {
    let row = |at: usize, tier: u16| Row {
        label: at.to_string(),
        seats: (0..10)
            .map(|n: i32| Seat {
                number: n.to_string().into(),
                tier,
                x: n,
                y: 0,
                accessible: false,
                companion: false,
            })
            .collect(),
    };
    let section = |id: &str, tier: u16| Section {
        id: id.to_owned(),
        name: id.to_owned(),
        rows: (0..rows).map(|at| row(at, tier)).collect(),
        kind: inventory::SectionKind::Seated,
    };
    let tier = |id: &str| Tier { id: id.to_owned(), name: id.to_owned(), price_minor: 100 };
    let plan = Plan {
        version: 1,
        tiers: vec![tier("near"), tier("far")],
        sections: vec![section("A", 0), section("B", 1)],
        focal: None,
    };
    let sale = Sale {
        event_id: "hall".to_owned(),
        name: "Hall".to_owned(),
        starts_at_ms: 2,
        currency: *b"RUB",
        opens_at_ms: 0,
        closes_at_ms: 1,
        hold_ttl_ms: 5_000,
        per_hold_max: 6,
        rules: inventory::SaleRules::default(),
    };
    let (sale, plan) = (Arc::new(sale), Arc::new(plan));
    PlanView::new(PlanAnswer { event: EventNo(1), sale, plan })
}

/// The truth that views and streams must follow.
struct Model {
    version: u64,
    seats: Vec<SeatStatus>,
}

impl Model {
    fn new(plan: &PlanView) -> Self {
        Self { version: 1, seats: vec![SeatStatus::Free; plan.seat_count()] }
    }

    fn change(&mut self, rng: &mut StdRng, most: usize) -> Vec<(SeatIx, SeatStatus)> {
        self.version += 1;
        let mut changed = BTreeMap::new();
        for _ in 0..rng.random_range(1..=most) {
            let at = rng.random_range(0..self.seats.len());
            self.seats[at] = STATUSES[rng.random_range(0..4)];
            changed.insert(SeatIx(at as u32), self.seats[at]);
        }
        changed.into_iter().collect()
    }

    fn counts(&self, seats: &[SeatStatus]) -> SeatCounts {
        let of = |status| seats.iter().filter(|s| **s == status).count() as u32;
        let [free, held, sold, blocked] = STATUSES.map(of);
        SeatCounts { free, held, sold, blocked }
    }

    fn map(&self, changes: MapChanges) -> SeatMap {
        let (near, far) = self.seats.split_at(self.seats.len() / 2);
        let parts = vec![self.counts(near), self.counts(far)];
        let total = self.counts(&self.seats);
        let (sections, tiers) = (parts.clone(), parts);
        SeatMap { version: self.version, at_ms: 0, total, sections, tiers, changes }
    }

    fn full(&self) -> SeatMap {
        let byte = |four: &[SeatStatus]| {
            four.iter().enumerate().fold(0, |byte, (at, s)| byte | (*s as u8) << (at * 2))
        };
        self.map(MapChanges::Full(self.seats.chunks(4).map(byte).collect()))
    }
}

/// A page: a snapshot, then deltas newer than it.
struct Page {
    version: u64,
    last_event: Option<u64>,
    seats: BTreeMap<String, String>,
    free: BTreeMap<String, u64>,
    stream: Subscription,
}

impl Page {
    fn load(plan: &PlanView, ring: &Ring, view: &MapView) -> Self {
        // As browsers do: the stream first, then the snapshot.
        let stream = ring.subscribe(plan, None, u64::MAX);
        let last_event = stream.from;
        let (seats, free) = (BTreeMap::new(), BTreeMap::new());
        let mut page = Self { version: 0, last_event, seats, free, stream };
        page.snapshot(plan, view);
        page
    }

    fn snapshot(&mut self, plan: &PlanView, view: &MapView) {
        let body: Value = serde_json::from_slice(&view.json(plan)).expect("JSON");
        self.version = body["version"].as_u64().expect("a version");
        let seats = body["seats"].as_array().expect("a list").iter();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        self.seats = seats.map(|s| (text(&s["id"]), text(&s["status"])[..1].to_owned())).collect();
        let tiers = plan.plan.tiers.iter().zip(&view.tiers);
        self.free = tiers.map(|(tier, counts)| (tier.id.clone(), counts.free.into())).collect();
    }

    fn reconnect(&mut self, plan: &PlanView, ring: &Ring) {
        self.stream = ring.subscribe(plan, self.last_event, u64::MAX);
    }

    fn read(&mut self, plan: &PlanView, ring: &Ring, view: &MapView) {
        for bytes in std::mem::take(&mut self.stream.missed) {
            self.take(plan, view, &bytes);
        }
        loop {
            match self.stream.live.try_recv() {
                Ok(bytes) => self.take(plan, view, &bytes),
                Err(TryRecvError::Lagged(_)) => {
                    self.stream = ring.subscribe(plan, None, u64::MAX);
                    self.take(plan, view, &ring.resync(plan));
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn take(&mut self, plan: &PlanView, view: &MapView, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let field = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
        };
        self.last_event = field("id").map(|id| id.parse().expect("a version"));
        if field("event").as_deref() == Some("resync") {
            return self.snapshot(plan, view);
        }
        let data: Value = serde_json::from_str(&field("data").expect("data")).expect("JSON");
        let version = data["v"].as_u64().expect("a version");
        if version <= self.version {
            return;
        }
        self.version = version;
        for pair in data["s"].as_array().expect("a list") {
            let (id, status) = (pair[0].as_str().expect("id"), pair[1].as_str().expect("letter"));
            self.seats.insert(id.to_owned(), status.to_owned());
        }
        for (tier, free) in data["n"].as_object().expect("an object") {
            self.free.insert(tier.clone(), free.as_u64().expect("a number"));
        }
    }
}

fn check(plan: &PlanView, model: &Model, page: &Page, seed: u64) {
    for (at, status) in model.seats.iter().enumerate() {
        let id = plan.id(SeatIx(at as u32));
        assert_eq!(page.seats[id], status.as_str()[..1], "seed {seed}: {id}");
    }
    let (near, far) = model.seats.split_at(model.seats.len() / 2);
    for (tier, seats) in [("near", near), ("far", far)] {
        assert_eq!(page.free[tier], u64::from(model.counts(seats).free), "seed {seed}: {tier}");
    }
}

/// One life of an event with three pages that read, sleep and reconnect as chance will have it.
fn life(seed: u64, rows: usize, most: usize) {
    let mut rng = StdRng::seed_from_u64(seed);
    let plan = plan(rows);
    let mut model = Model::new(&plan);
    let mut view = Arc::new(MapView::next(&plan, None, model.full()).expect("fits"));
    let mut ring = Ring::new(view.clone());
    let mut untold = Touched::default();
    let mut pages: Vec<Page> = (0..3).map(|_| Page::load(&plan, &ring, &view)).collect();
    for _ in 0..400 {
        let changes = model.change(&mut rng, most);
        let full = rng.random_bool(0.02);
        let map = if full { model.full() } else { model.map(MapChanges::Since(changes)) };
        untold.add(&map.changes);
        view = Arc::new(MapView::next(&plan, Some(&view), map).expect("fits"));
        if rng.random_bool(0.5) {
            ring.flush(&plan, &view, &std::mem::take(&mut untold));
        }
        for page in &mut pages {
            match rng.random_range(0..40) {
                0 => *page = Page::load(&plan, &ring, &view),
                1 => page.reconnect(&plan, &ring),
                2..8 => page.read(&plan, &ring, &view),
                _ => {}
            }
        }
    }
    ring.flush(&plan, &view, &untold);
    for page in &mut pages {
        page.read(&plan, &ring, &view);
        check(&plan, &model, page, seed);
    }
}

#[test]
fn pages_end_up_with_the_truth() {
    for seed in 0..60 {
        life(seed, 3, 4);
    }
}

#[test]
fn changes_too_large_for_a_delta_lead_to_the_snapshot() {
    for seed in 0..2 {
        life(seed, 150, 6_000);
    }
}

#[test]
fn answers_that_do_not_fit_the_plan_are_refused() {
    let plan = plan(3);
    let model = Model::new(&plan);
    let view = MapView::next(&plan, None, model.full()).expect("fits");
    let outside = vec![(SeatIx(9_999), SeatStatus::Held)];
    assert!(MapView::next(&plan, Some(&view), model.map(MapChanges::Since(outside))).is_none());
    assert!(MapView::next(&plan, None, model.map(MapChanges::Since(vec![]))).is_none());
    assert!(MapView::next(&plan, None, model.map(MapChanges::Full(vec![0; 3]))).is_none());
    let mut fewer = model.full();
    fewer.tiers.pop();
    assert!(MapView::next(&plan, None, fewer).is_none());
}

#[test]
fn plans_name_their_seats_both_ways() {
    let plan = plan(3);
    assert_eq!(plan.find("B-2-9"), Some(SeatIx(59)));
    assert_eq!((plan.id(SeatIx(59)), plan.id(SeatIx(60))), ("B-2-9", ""));
    let facts = plan.seat(SeatIx(37));
    assert_eq!((facts.section, facts.row, facts.number, facts.tier), ("B", "0", "7", "far"));
    assert_eq!((plan.section("B"), plan.tier("far"), plan.tier("none")), (Some(1), Some(1), None));
}

/// Answers that overlap, and doubts that come up meanwhile, leave no reader without a view: what they
/// want is fixed when they ask.
#[test]
fn a_reader_is_served_by_what_was_asked_after_them() {
    let plan = plan(5);
    let mut model = Model::new(&plan);
    let begin = Instant::now();
    let at = |ms| begin + Duration::from_millis(ms);
    let view = MapView::next(&plan, None, model.full()).expect("fits");
    let mut known = Known::new(Arc::new(view), 0, begin);

    // Somebody's refusal says at 15 that the view is wrong, after the reader's question of 10.
    let wanted = known.wanted(at(10), 1);
    assert!(known.if_true(wanted, at(10)).is_none());
    known.doubt(at(15));
    let taken = known.take(&plan, (model.full(), 1), at(11));
    assert_eq!(taken.expect("fits"), Taken::Same);
    let snapshot = known.if_true(wanted, at(20)).expect("asked after the reader");
    assert_eq!(snapshot.age, Duration::from_millis(9));
    let later = known.wanted(at(5), 1);
    assert!(known.if_true(later, at(20)).is_none(), "a later reader goes by the doubt");

    // The answer of 30 has version 1, another one of 25 came before it with version 2.
    let old = model.full();
    model.version = 2;
    let wanted = known.wanted(at(30), 1);
    assert_eq!(known.take(&plan, (model.full(), 1), at(25)).expect("fits"), Taken::Newer);
    assert!(known.if_true(wanted, at(31)).is_none());
    assert_eq!(known.take(&plan, (old, 1), at(30)).expect("fits"), Taken::Same);
    let snapshot = known.if_true(wanted, at(31)).expect("the newer one was given later");
    assert_eq!(snapshot.view.version, 2);

    // What does not fit the plan says nothing about the age of what is known.
    let mut misfit = model.full();
    (misfit.version, misfit.sections) = (3, Vec::new());
    assert!(known.take(&plan, (misfit, 2), at(35)).is_err());
    assert!(known.if_true(known.wanted(at(35), 0), at(35)).is_none());

    // A shard that lost what it told is believed.
    model.version = 1;
    assert_eq!(known.take(&plan, (model.full(), 2), at(40)).expect("fits"), Taken::WentBack);
    assert_eq!(known.if_true(known.wanted(at(40), 0), at(40)).expect("true").view.version, 1);
}

#[test]
fn a_reader_who_is_ahead_of_all_snapshots_starts_anew() {
    let plan = plan(5);
    let model = Model::new(&plan);
    let view = MapView::next(&plan, None, model.full()).expect("fits");
    let ring = Ring::new(Arc::new(view));
    assert!(
        ring.subscribe(&plan, Some(3), 3).missed.is_empty(),
        "a snapshot may be ahead of the stream"
    );
    let missed = ring.subscribe(&plan, Some(4), 3).missed;
    assert!(missed[0].starts_with(b"id: 1\nevent: resync\n"), "{missed:?}");
}
