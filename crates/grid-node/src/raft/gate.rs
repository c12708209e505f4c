//! Whether this replica may take part in an election, for each group.
//!
//! Two things close it. *The quiet*: a node that just restarted has forgotten whose lease it
//! promised, so it neither votes nor stands before one lease has passed (invariant I6). *Doubt*: a
//! node whose log lost its end, or is empty, or began anew after the group was dropped here, may
//! have forgotten entries and votes that it acknowledged (invariants I4, I5); it takes part again
//! once a leader has brought it past all that was committed, or, when no leader can come about
//! without it, once it has heard every other voter: then only for a candidate whose log is as new
//! as the newest log heard of, in a vote newer than any heard of.
//!
//! A third closes standing alone: a state that differs from that of the other replicas
//! ([`super::compare`]). Its log is as good as any, so its vote counts.
//!
//! A doubtful single voter has nobody to ask: its log is all there is, and it goes on with a
//! warning.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::founding::is_founding;
use super::message::Testimony;
use super::types::{LogId, Vote};
use crate::NodeId;

/// The gate of one group.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The end of the quiet.
    quiet_until: Instant,
    doubt: Mutex<Doubt>,
    /// When a leader was last heard and believed.
    heard_at: Mutex<Option<Instant>>,
    /// Whether this replica, leading without a quorum, keeps silent.
    muted: AtomicBool,
    /// Whether this replica's state differs from that of the majority.
    diverged: AtomicBool,
    /// The other replicas of which that is known.
    odd: Mutex<BTreeSet<NodeId>>,
}

/// What is known about a log whose end was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nothing was cut, or it is made good.
    None,
    /// Something was cut.
    Open,
    /// Something was cut, and all voters were heard.
    Floor(Testimony),
}

impl Gate {
    pub fn new(quiet_until: Instant, doubtful: bool) -> Self {
        let doubt = if doubtful { Doubt::Open } else { Doubt::None };
        Self {
            quiet_until,
            doubt: Mutex::new(doubt),
            heard_at: Mutex::default(),
            muted: AtomicBool::new(false),
            diverged: AtomicBool::new(false),
            odd: Mutex::default(),
        }
    }

    /// Whether a vote for such a candidate, this node itself included, may be given.
    pub fn admits(&self, vote: &Vote, last_log_id: Option<&LogId>) -> bool {
        if Instant::now() < self.quiet_until {
            return false;
        }
        match &*self.doubt.lock() {
            Doubt::None => true,
            Doubt::Open => false,
            Doubt::Floor(floor) => {
                let newer = floor.vote.is_none_or(|heard| *vote > heard);
                newer && last_log_id >= floor.last_log_id.as_ref()
            }
        }
    }

    /// Mutes or unmutes; whether that is news.
    pub fn mute(&self, mute: bool) -> bool {
        self.muted.swap(mute, Ordering::Relaxed) != mute
    }

    /// Whether nothing may be sent to followers.
    pub fn is_mute(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    /// Tells whether this replica's state differs from that of the majority; whether that is news.
    pub fn diverge(&self, diverged: bool) -> bool {
        self.diverged.swap(diverged, Ordering::SeqCst) != diverged
    }

    /// Whether it does: then this replica answers nobody and does not stand for election. It votes
    /// for others, since its log is as good as any.
    pub fn has_diverged(&self) -> bool {
        self.diverged.load(Ordering::SeqCst)
    }

    /// Tells which replicas differ from the majority.
    pub fn differ(&self, odd: BTreeSet<NodeId>) {
        *self.odd.lock() = odd;
    }

    /// Whether another replica is known to differ.
    pub fn is_odd(&self, node: NodeId) -> bool {
        self.odd.lock().contains(&node)
    }

    /// Tells that a leader was heard and believed.
    pub fn heard_leader(&self) {
        *self.heard_at.lock() = Some(Instant::now());
    }

    /// When that was last, if ever.
    pub fn leader_heard_at(&self) -> Option<Instant> {
        *self.heard_at.lock()
    }

    /// Whether the log's end is in doubt.
    pub fn doubtful(&self) -> bool {
        *self.doubt.lock() != Doubt::None
    }

    /// Tells that every voter was heard, this node included.
    pub fn all_heard(&self, testimonies: &[Testimony]) {
        let mut doubt = self.doubt.lock();
        if *doubt == Doubt::Open {
            *doubt = Doubt::Floor(newest(testimonies));
        }
    }

    /// Tells that the log again has all that was ever committed; whether it was in doubt.
    pub fn made_good(&self) -> bool {
        std::mem::replace(&mut *self.doubt.lock(), Doubt::None) != Doubt::None
    }
}

/// The newest vote and the newest log end of several testimonies.
fn newest(testimonies: &[Testimony]) -> Testimony {
    let mut vote: Option<Vote> = None;
    for heard in testimonies.iter().filter_map(|t| t.vote) {
        // Two votes of this kind are always comparable.
        if vote.is_none_or(|known| heard > known) {
            vote = Some(heard);
        }
    }
    // Founding entries are alike and worth nothing: any of them will do.
    let ends = testimonies.iter().filter_map(|t| t.last_log_id);
    let last_log_id = ends.filter(|end| !is_founding(Some(end))).max();
    Testimony { vote, last_log_id, voters: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::types::LeaderId;
    use super::*;

    fn vote(term: u64, committed: bool) -> Vote {
        Vote { leader_id: LeaderId { term, node_id: 1 }, committed }
    }

    fn log_id(index: u64) -> LogId {
        LogId { leader_id: LeaderId { term: 1, node_id: 1 }, index }
    }

    fn heard(vote: Option<Vote>, last_log_id: Option<LogId>) -> Testimony {
        Testimony { vote, last_log_id, ..Testimony::default() }
    }

    #[test]
    fn nobody_is_admitted_during_the_quiet() {
        let gate = Gate::new(Instant::now() + Duration::from_secs(60), false);
        assert!(!gate.admits(&vote(9, false), Some(&log_id(9))));
    }

    #[test]
    fn doubt_admits_nobody_until_it_is_made_good() {
        let gate = Gate::new(Instant::now(), true);
        assert!(!gate.admits(&vote(9, false), Some(&log_id(9))));
        gate.made_good();
        assert!(gate.admits(&vote(9, false), None));
    }

    #[test]
    fn founding_entries_are_all_alike() {
        let gate = Gate::new(Instant::now(), true);
        let begun = |node_id| LogId { leader_id: LeaderId { term: 0, node_id }, index: 0 };
        gate.all_heard(&[heard(None, Some(begun(3))), heard(Some(vote(1, false)), None)]);
        assert!(!gate.admits(&vote(1, false), Some(&begun(1))), "a vote that may be given");
        assert!(gate.admits(&vote(2, false), Some(&begun(1))));
    }

    #[test]
    fn once_all_were_heard_only_the_newest_log_in_a_newer_vote_is_admitted() {
        let gate = Gate::new(Instant::now(), true);
        gate.all_heard(&[
            heard(Some(vote(3, true)), Some(log_id(5))),
            heard(Some(vote(4, false)), Some(log_id(3))),
            Testimony::default(),
        ]);
        assert!(!gate.admits(&vote(5, false), Some(&log_id(4))), "a shorter log");
        assert!(!gate.admits(&vote(4, false), Some(&log_id(5))), "a vote that may be given");
        assert!(!gate.admits(&vote(5, false), None), "an empty log");
        assert!(gate.admits(&vote(5, false), Some(&log_id(5))));
        assert!(gate.doubtful(), "still to be made good");
    }
}
