//! What is known of one event's seats, and since when it is true. Pure: moments are given.

use std::sync::Arc;
use std::time::Instant;

use processing_unit::{GridError, SeatMap};

use super::map::Snapshot;
use super::ring::Touched;
use super::{MapView, PlanView};

/// The newest view with what is known about its age.
pub(super) struct Known {
    pub(super) view: Arc<MapView>,
    as_of_ms: u64,
    /// A moment at which the view was still the newest.
    true_at: Instant,
    /// The view is known to lack something that was true at this moment.
    doubted_at: Option<Instant>,
    /// What the stream has not told yet.
    untold: Touched,
}

/// What a reader's view must be, fixed when they ask: what comes up later concerns later readers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// True at this moment or later.
    pub(super) since: Instant,
    /// Of this version or a later one.
    pub(super) version_min: u64,
}

/// How an answer changed what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing new, but it is true at a later moment.
    Same,
    Newer,
    /// The shard has lost what it had told.
    WentBack,
}

impl Known {
    /// A whole map that was asked for at a moment.
    pub(super) fn new(view: Arc<MapView>, as_of_ms: u64, asked_at: Instant) -> Self {
        let (doubted_at, untold) = (None, Touched::default());
        Self { view, as_of_ms, true_at: asked_at, doubted_at, untold }
    }

    /// The view was seen to be wrong at a moment.
    pub(super) fn doubt(&mut self, at: Instant) {
        self.doubted_at = Some(at);
    }

    /// What a reader wants who is content with what was true at `since`: no view that is doubted now.
    pub(super) fn wanted(&self, since: Instant, version_min: u64) -> Wanted {
        let since = self.doubted_at.map_or(since, |doubted| doubted.max(since));
        Wanted { since, version_min }
    }

    /// The view, if it is what is wanted.
    pub(super) fn if_true(&self, wanted: Wanted, now: Instant) -> Option<Snapshot> {
        let is_true = self.true_at >= wanted.since && self.view.version >= wanted.version_min;
        is_true.then(|| Snapshot {
            view: self.view.clone(),
            as_of_ms: self.as_of_ms,
            age: now.saturating_duration_since(self.true_at),
        })
    }

    /// Takes over the leader's answer to a question that was asked at `asked_at` with the version `told`
    /// known.
    pub(super) fn take(
        &mut self,
        plan: &PlanView,
        (map, told): (SeatMap, u64),
        asked_at: Instant,
    ) -> Result<Taken, GridError> {
        let is_later = asked_at >= self.true_at;
        let went_back = map.version < told && is_later;
        let is_newer = map.version > self.view.version || went_back;
        // An answer with a higher version that came first was given after this one.
        let as_of_ms =
            if map.version >= self.view.version || went_back { map.at_ms } else { self.as_of_ms };
        // First of all: what does not fit the plan says nothing about the age of what is known.
        if is_newer {
            self.untold.add(&map.changes);
            let view = MapView::next(plan, Some(&self.view), map).ok_or_else(misfit)?;
            self.view = Arc::new(view);
        }
        if is_later {
            (self.true_at, self.as_of_ms) = (asked_at, as_of_ms);
        }
        if self.doubted_at.is_some_and(|doubted| doubted <= asked_at) {
            self.doubted_at = None;
        }
        Ok(match (is_newer, went_back) {
            (false, _) => Taken::Same,
            (true, false) => Taken::Newer,
            (true, true) => Taken::WentBack,
        })
    }

    /// The newest view and what was touched since this was last asked.
    pub(super) fn untold(&mut self) -> (Arc<MapView>, Touched) {
        (self.view.clone(), std::mem::take(&mut self.untold))
    }
}

/// An answer that cannot be of this plan.
pub(super) fn misfit() -> GridError {
    GridError::Protocol("the seat map does not fit the plan".to_owned())
}

/// Whether that was the answer: the plan was replaced, and the map must be made anew.
pub(super) fn is_misfit(error: &GridError) -> bool {
    *error == misfit()
}
