//! One group's log as openraft sees it: entries in memory, durability through the node's log.
//!
//! An entry is readable when `append` returns and durable when its callback fires. Votes and
//! entries go through the one FIFO of the node's log, so they are never reordered. Nothing but a
//! vote that is given waits for the disk here, since openraft awaits these calls on the group's core
//! task.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::entry::{
    decode_entry, decode_log_id, decode_vote, encode_entry, encode_log_id, encode_vote, encoded_len,
};
use super::members::Members;
use super::types::{Entry, LogId, Types, Vote};
use crate::wal::{self, GroupId, Presence, Record, RecoveredGroup, Wal};
use crate::wire::Malformed;

/// 1 MiB of entries is read at once: as much as one message to a follower carries.
pub(crate) const READ_BYTES_MAX: usize = 1 << 20;

/// A group's part of the node's log; cheap to clone.
#[derive(Clone)]
pub(crate) struct LogStore {
    group: GroupId,
    wal: Wal,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// Whether `committed` is newer than what was handed to the node's log.
    committed_news: bool,
    purged: Option<LogId>,
    entries: VecDeque<Entry>,
    /// Bytes of `entries`.
    bytes: u64,
    /// Bytes ever appended since the start, for the snapshot trigger.
    appended_bytes: u64,
    /// Whether this life of the group has not yet caught up with an earlier one.
    joining: bool,
}

impl LogStore {
    /// The log as it was recovered.
    ///
    /// # Errors
    /// A record that this release cannot read.
    pub fn new(group: GroupId, wal: Wal, recovered: RecoveredGroup) -> Result<Self, Malformed> {
        let mut log = Log {
            vote: recovered.vote.map(decode_vote).transpose()?,
            committed: recovered.committed.map(decode_log_id).transpose()?,
            purged: recovered.purged.map(|(_, state)| decode_log_id(state)).transpose()?,
            joining: recovered.presence == Presence::Joining,
            ..Log::default()
        };
        for (index, payload) in recovered.entries {
            let entry = decode_entry(payload)?;
            if entry.log_id.index != index {
                return Err(Malformed("an entry under another index"));
            }
            log.push(entry);
        }
        Ok(Self { group, wal, log: Arc::new(Mutex::new(log)) })
    }

    /// Position of the last entry, or of the last purged one.
    pub fn last_log_id(&self) -> Option<LogId> {
        self.log.lock().last_log_id()
    }

    /// Position up to which entries are gone.
    pub fn purged(&self) -> Option<LogId> {
        self.log.lock().purged
    }

    /// The vote as last saved.
    pub fn vote(&self) -> Option<Vote> {
        self.log.lock().vote
    }

    /// The newest members in the log; `None` when they stand before its beginning.
    pub fn members(&self) -> Option<Members> {
        self.log.lock().entries.iter().rev().find_map(|entry| match &entry.payload {
            openraft::EntryPayload::Membership(membership) => Some(Members::of(membership)),
            openraft::EntryPayload::Blank | openraft::EntryPayload::Normal(_) => None,
        })
    }

    /// Whether this life of the group has not yet caught up with an earlier one.
    pub fn is_joining(&self) -> bool {
        self.log.lock().joining
    }

    /// Records that the group has caught up; whether it was joining. Entries that are acknowledged
    /// later stand behind the record, hence are never on disk without it.
    pub fn joined(&self) -> bool {
        let mut log = self.log.lock();
        let joining = std::mem::take(&mut log.joining);
        if joining {
            let records = vec![Record::Presence(Presence::Here)];
            self.wal.append(self.group, records, wal::Sync::Durable, None);
        }
        joining
    }

    /// Writes the entry that a group begins with into a log that has none. A vote that is given later
    /// stands behind it, hence is never on disk without it.
    pub fn begin_with(&self, mut entry: Entry) {
        let mut log = self.log.lock();
        let payload = encode_entry(&mut entry);
        let records = vec![Record::Entry { index: entry.log_id.index, payload }];
        log.push(entry);
        self.wal.append(self.group, records, wal::Sync::Durable, None);
    }

    /// Bytes of live entries.
    pub fn bytes(&self) -> u64 {
        self.log.lock().bytes
    }

    /// Bytes appended since the start of the process, entries found at the start included.
    pub fn appended_bytes(&self) -> u64 {
        self.log.lock().appended_bytes
    }

    /// The leader's stamp of the newest batch in the log, in milliseconds since 1970.
    pub fn newest_stamp_ms(&self) -> Option<u64> {
        self.log.lock().entries.iter().rev().find_map(|entry| match &entry.payload {
            openraft::EntryPayload::Normal(batch) => Some(batch.at_ms),
            openraft::EntryPayload::Blank | openraft::EntryPayload::Membership(_) => None,
        })
    }

    fn read(&self, range: impl RangeBounds<u64>, bytes_max: usize) -> Vec<Entry> {
        let log = self.log.lock();
        let Some(first) = log.entries.front().map(|e| e.log_id.index) else {
            return Vec::new();
        };
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => first,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        let skip = usize::try_from(start.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let first = bytes == 0;
            bytes += encoded_len(entry);
            entry.log_id.index < end && (first || bytes <= bytes_max)
        };
        log.entries.iter().skip(skip).take_while(fits).cloned().collect()
    }
}

impl Log {
    fn last_log_id(&self) -> Option<LogId> {
        self.entries.back().map(|e| e.log_id).or(self.purged)
    }

    fn push(&mut self, entry: Entry) {
        let len = encoded_len(&entry) as u64;
        self.bytes += len;
        self.appended_bytes += len;
        self.entries.push_back(entry);
    }

    fn drop_after(&mut self, last: Option<u64>) {
        while self.entries.back().is_some_and(|e| last.is_none_or(|last| e.log_id.index > last)) {
            self.bytes -= self.entries.pop_back().map_or(0, |e| encoded_len(&e) as u64);
        }
    }

    fn drop_through(&mut self, last: u64) {
        while self.entries.front().is_some_and(|e| e.log_id.index <= last) {
            self.bytes -= self.entries.pop_front().map_or(0, |e| encoded_len(&e) as u64);
        }
    }

    /// The commit position goes along with what is written anyway; it only shortens recovery.
    fn committed_record(&mut self) -> Option<Record> {
        std::mem::take(&mut self.committed_news)
            .then(|| self.committed.as_ref().map(|id| Record::Committed(encode_log_id(id))))
            .flatten()
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        Ok(self.read(range, usize::MAX))
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.vote())
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        Ok(self.read(start..end, READ_BYTES_MAX))
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = range.end_bound().cloned();
        let log = self.clone();
        // In pieces, so that a long catching up never holds the whole range twice.
        let pieces = stream::unfold((log, start), move |(log, start)| async move {
            let piece = log.read((Bound::Included(start), end), READ_BYTES_MAX);
            let next = piece.last()?.log_id.index + 1;
            Some((stream::iter(piece.into_iter().map(Ok)), (log, next)))
        });
        pieces.flatten().boxed()
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let log = self.log.lock();
        Ok(LogState { last_purged_log_id: log.purged, last_log_id: log.last_log_id() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (done, durable) = oneshot::channel();
        {
            let mut log = self.log.lock();
            log.vote = Some(*vote);
            let mut records = vec![Record::Vote(encode_vote(vote))];
            records.extend(log.committed_record());
            if vote.committed {
                // It gives nothing away: whoever granted it has it on disk, and entries of its
                // leader stand behind it. docs/decisions/2026-11-21-fewer-syncs-in-an-election.md
                self.wal.append(self.group, records, wal::Sync::Lazy, None);
                return Ok(());
            }
            let done = Box::new(move |result| {
                // The caller is gone only when the group stops.
                let _ = done.send(result);
            });
            self.wal.append(self.group, records, wal::Sync::Durable, Some(done));
        }
        match durable.await {
            Ok(result) => result.map_err(io::Error::other),
            Err(_) => Err(io::Error::other("the log closed")),
        }
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let mut log = self.log.lock();
        log.committed = committed;
        log.committed_news = true;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.log.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut log = self.log.lock();
        let mut records = Vec::new();
        for mut entry in entries {
            let payload = encode_entry(&mut entry);
            records.push(Record::Entry { index: entry.log_id.index, payload });
            log.push(entry);
        }
        records.extend(log.committed_record());
        let done: wal::Done =
            Box::new(move |result| callback.io_completed(result.map_err(io::Error::other)));
        // Still under the lock: the order in memory is the order on disk.
        self.wal.append(self.group, records, wal::Sync::Durable, Some(done));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let index = last.map(|id| id.index);
        let mut log = self.log.lock();
        log.drop_after(index);
        let records = vec![Record::TruncateAfter { index }];
        // The sync of the append that follows covers it.
        self.wal.append(self.group, records, wal::Sync::Lazy, None);
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let mut log = self.log.lock();
        log.purged = Some(upto);
        log.drop_through(upto.index);
        let records = vec![Record::Purge { index: upto.index, state: encode_log_id(&upto) }];
        self.wal.append(self.group, records, wal::Sync::Lazy, None);
        Ok(())
    }
}
