//! What the log holds for each group, kept in memory by replay and by the writer alike.
//!
//! Both apply every record through [`Index::apply`], in order of sequence, so that a restart
//! arrives where the writer was. The index also counts the live entries of each segment; a segment
//! without any is no longer needed. It does no I/O.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::format::{Body, HardState};
use super::{GroupId, Presence, Record, RecoveredGroup};

/// An entry that does not follow its group's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "entry {index} of group {group} does not follow the group's log, which goes on at {expected}"
)]
pub struct Gap {
    /// The group.
    pub group: GroupId,
    /// Index of the refused entry.
    pub index: u64,
    /// The index that would follow.
    pub expected: u64,
}

/// State of all groups, and how many live entries lie in each segment.
#[derive(Debug, Default)]
pub(super) struct Index {
    groups: BTreeMap<GroupId, Group>,
    /// Live entries of the segments from `first_segment` on.
    live: VecDeque<u64>,
    first_segment: u64,
}

#[derive(Debug, Default)]
struct Group {
    vote: Option<Bytes>,
    committed: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
    /// Entries that the oldest segment's checkpoint mentions and that lay in segments freed since.
    /// They come before `entries`; what follows in the log must purge or replace all of them.
    missing: Option<(u64, u64)>,
    entries: VecDeque<LiveEntry>,
    live_bytes: u64,
    presence: Presence,
}

#[derive(Debug)]
struct LiveEntry {
    index: u64,
    payload: Bytes,
    segment: u64,
}

impl Index {
    /// An index whose oldest segment is `first_segment`.
    pub fn new(first_segment: u64) -> Self {
        Self { first_segment, ..Self::default() }
    }

    /// Starts counting for the segment after the newest.
    pub fn add_segment(&mut self) {
        self.live.push_back(0);
    }

    /// Number of the oldest segment if no live entry lies in it and it is not the newest.
    pub fn oldest_unneeded(&self) -> Option<u64> {
        (self.live.len() > 1 && self.live.front() == Some(&0)).then_some(self.first_segment)
    }

    /// Forgets the oldest segment.
    pub fn drop_oldest(&mut self) {
        debug_assert_eq!(self.live.front(), Some(&0));
        self.live.pop_front();
        self.first_segment += 1;
    }

    /// Number of segments.
    pub fn segments(&self) -> usize {
        self.live.len()
    }

    /// Groups with live entries in the oldest segment, with the payload bytes of their whole logs.
    pub fn pinning_oldest(&self) -> impl Iterator<Item = (GroupId, u64)> + '_ {
        let oldest = self.first_segment;
        let pins = move |group: &Group| group.entries.front().is_some_and(|e| e.segment == oldest);
        self.groups.iter().filter(move |(_, g)| pins(g)).map(|(&id, g)| (id, g.live_bytes))
    }

    /// All live entries of a group, for a rewrite.
    pub fn live_entries(&self, group: GroupId) -> Vec<(u64, Bytes)> {
        let entries = self.groups.get(&group).map(|g| g.entries.iter());
        entries.into_iter().flatten().map(|e| (e.index, e.payload.clone())).collect()
    }

    /// Payload bytes of a group's live entries.
    pub fn live_bytes(&self, group: GroupId) -> u64 {
        self.groups.get(&group).map_or(0, |g| g.live_bytes)
    }

    /// The groups that ever wrote.
    pub fn groups(&self) -> impl Iterator<Item = GroupId> + '_ {
        self.groups.keys().copied()
    }

    /// State of all groups as a checkpoint tells it.
    pub fn checkpoint(&self) -> BTreeMap<GroupId, HardState> {
        self.groups.iter().map(|(&id, group)| (id, group.hard_state())).collect()
    }

    /// Takes over the checkpoint at the start of the oldest segment.
    pub fn restore(&mut self, checkpoint: BTreeMap<GroupId, HardState>) {
        debug_assert!(self.groups.is_empty());
        for (id, state) in checkpoint {
            let HardState { vote, committed, purged, range: missing, presence } = state;
            let group = Group { vote, committed, purged, missing, presence, ..Group::default() };
            self.groups.insert(id, group);
        }
    }

    /// Whether [`Index::apply`] will take this record.
    pub fn check(&self, id: GroupId, body: &Body) -> Result<(), Gap> {
        match body {
            Body::Caller(Record::Entry { index, .. }) => {
                self.groups.get(&id).map_or(Ok(()), |group| group.check_entry(id, *index))
            }
            _ => Ok(()),
        }
    }

    /// Applies one record that lies in the newest segment. Checkpoints and end markers change
    /// nothing.
    pub fn apply(&mut self, id: GroupId, body: Body) -> Result<(), Gap> {
        self.check(id, &body)?;
        let segment = self.first_segment + self.live.len() as u64 - 1;
        let removed = match body {
            Body::Checkpoint(_) | Body::End | Body::Seal => return Ok(()),
            Body::Caller(record) => self.apply_record(id, record, segment),
            Body::Rewrite(entries) => {
                let group = self.groups.entry(id).or_default();
                let removed = group.truncate_from(0);
                for (index, payload) in entries {
                    group.push(index, payload, segment);
                    self.live[(segment - self.first_segment) as usize] += 1;
                }
                removed
            }
        };
        for entry in removed {
            self.live[(entry.segment - self.first_segment) as usize] -= 1;
        }
        Ok(())
    }

    fn apply_record(&mut self, id: GroupId, record: Record, segment: u64) -> Vec<LiveEntry> {
        let group = self.groups.entry(id).or_default();
        match record {
            Record::Entry { index, payload } => {
                let removed = group.truncate_from(index);
                group.push(index, payload, segment);
                self.live[(segment - self.first_segment) as usize] += 1;
                removed
            }
            Record::Vote(vote) => {
                group.vote = Some(vote);
                Vec::new()
            }
            Record::Committed(committed) => {
                group.committed = Some(committed);
                Vec::new()
            }
            Record::TruncateAfter { index: None } => group.truncate_from(0),
            // Nothing lies after the highest index there is.
            Record::TruncateAfter { index: Some(u64::MAX) } => Vec::new(),
            Record::TruncateAfter { index: Some(index) } => group.truncate_from(index + 1),
            Record::Purge { index, state } => group.purge(index, state),
            Record::Presence(Presence::Dropped) => group.drop_all(),
            Record::Presence(presence) => {
                group.presence = presence;
                Vec::new()
            }
        }
    }

    /// The first group that lacks entries which lay in segments that are gone, and the first of
    /// them.
    pub fn first_missing(&self) -> Option<(GroupId, u64)> {
        self.groups.iter().find_map(|(&id, group)| group.missing.map(|(first, _)| (id, first)))
    }

    /// What recovery hands to the caller.
    pub fn recovered(&self) -> BTreeMap<GroupId, RecoveredGroup> {
        let recovered = |group: &Group| RecoveredGroup {
            vote: group.vote.clone(),
            committed: group.committed.clone(),
            purged: group.purged.clone(),
            entries: group.entries.iter().map(|e| (e.index, e.payload.clone())).collect(),
            presence: group.presence,
        };
        self.groups.iter().map(|(&id, group)| (id, recovered(group))).collect()
    }
}

impl Group {
    fn hard_state(&self) -> HardState {
        let first = self.missing.map(|(first, _)| first);
        let first = first.or_else(|| self.entries.front().map(|e| e.index));
        HardState {
            vote: self.vote.clone(),
            committed: self.committed.clone(),
            purged: self.purged.clone(),
            range: first.zip(self.last_index()),
            presence: self.presence,
        }
    }

    fn last_index(&self) -> Option<u64> {
        self.entries.back().map(|e| e.index).or(self.missing.map(|(_, last)| last))
    }

    /// An entry goes at the end or over a live one. An empty log goes on after what was purged; one
    /// that never held anything starts anywhere.
    fn check_entry(&self, group: GroupId, index: u64) -> Result<(), Gap> {
        let purged = self.purged.as_ref().map(|(index, _)| *index);
        let Some(expected) = self.last_index().or(purged).map(|last| last.saturating_add(1)) else {
            return Ok(());
        };
        let first = self.missing.map(|(first, _)| first);
        let first = first.or_else(|| self.entries.front().map(|e| e.index)).unwrap_or(expected);
        if (first..=expected).contains(&index) {
            Ok(())
        } else {
            Err(Gap { group, index, expected })
        }
    }

    fn push(&mut self, index: u64, payload: Bytes, segment: u64) {
        self.live_bytes += payload.len() as u64;
        self.entries.push_back(LiveEntry { index, payload, segment });
    }

    /// Drops the entries from `index` on.
    fn truncate_from(&mut self, index: u64) -> Vec<LiveEntry> {
        self.missing = match self.missing {
            Some((first, last)) if first < index => Some((first, last.min(index - 1))),
            _ => None,
        };
        let keep = self.entries.partition_point(|e| e.index < index);
        let removed: Vec<_> = self.entries.drain(keep..).collect();
        self.forget_bytes(&removed);
        removed
    }

    /// Forgets all but the vote. A later life of the group may begin at any index.
    fn drop_all(&mut self) -> Vec<LiveEntry> {
        let removed = self.truncate_from(0);
        (self.committed, self.purged) = (None, None);
        self.presence = Presence::Dropped;
        removed
    }

    /// Drops the entries up to `index`.
    fn purge(&mut self, index: u64, state: Bytes) -> Vec<LiveEntry> {
        if self.purged.as_ref().is_some_and(|(before, _)| *before > index) {
            return Vec::new();
        }
        self.purged = Some((index, state));
        self.missing = match self.missing {
            Some((first, last)) if last > index => Some((first.max(index + 1), last)),
            _ => None,
        };
        let gone = self.entries.partition_point(|e| e.index <= index);
        let removed: Vec<_> = self.entries.drain(..gone).collect();
        self.forget_bytes(&removed);
        removed
    }

    fn forget_bytes(&mut self, removed: &[LiveEntry]) {
        self.live_bytes -= removed.iter().map(|e| e.payload.len() as u64).sum::<u64>();
    }
}
