//! The writer: takes all that waits, writes once, syncs once, completes in order.
//!
//! It owns the files, the index and the chain; nobody else touches them. The first error of any
//! file operation ends it: waiting and later calls get the reason, nothing is tried again.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::{Disk, DiskLock};
use super::error::{At as _, FileError};
use super::format::{
    self, BLOCK_BYTES, Body, END_BYTES, HEADER_BYTES, Position, RECORD_BODY_BYTES_MAX,
};
use super::index::Index;
use super::queue::{Job, Queue, Taken, Task};
use super::recovery::State;
use super::segments::{ActiveSegment, SegmentFiles, write_all_at};
use super::stats::{StatsCell, WalMetrics, micros};
use super::{Done, GroupId, Sync, WalError, WalFailure, WalOptions, notes};

/// State of the writer thread.
pub(super) struct Writer {
    options: WalOptions,
    disk: Arc<dyn Disk>,
    files: SegmentFiles,
    index: Index,
    active: ActiveSegment,
    position: Position,
    /// Highest sequence that a successful fdatasync covers.
    durable: u64,
    /// Records encoded and not yet written.
    buffer: Vec<u8>,
    /// Groups of the current batch, for the figures.
    touched: Vec<GroupId>,
    batch_records: u64,
    stats: Arc<StatsCell>,
    metrics: WalMetrics,
    /// Held until the thread ends.
    _lock: DiskLock,
}

impl Writer {
    /// Takes over a recovered log; its active segment has a durable checkpoint afterwards.
    pub fn start(
        options: &WalOptions,
        state: State,
        stats: Arc<StatsCell>,
    ) -> Result<Self, WalError> {
        let mut writer = Self {
            options: options.clone(),
            disk: state.disk,
            files: state.files,
            index: state.index,
            active: state.active,
            position: state.position,
            durable: state.position.sequence - 1,
            buffer: Vec::new(),
            touched: Vec::new(),
            batch_records: 0,
            stats,
            metrics: WalMetrics::new(),
            _lock: state.lock,
        };
        if writer.active.offset_bytes == HEADER_BYTES as u64 {
            writer.encode(0, Body::Checkpoint(writer.index.checkpoint()))?;
            writer.flush()?;
            writer.sync()?;
        }
        writer.free_unneeded()?;
        writer.files.prepare_spare().map_err(WalFailure::from)?;
        writer.touched.extend(writer.index.groups());
        writer.publish();
        Ok(writer)
    }

    /// What its disk asks a log without a thread to let pass before each batch.
    pub fn delay(&self) -> Duration {
        self.disk.delay()
    }

    /// Takes what waits, does it, and says whether to go on; not after an orderly end.
    pub fn step(&mut self, queue: &Queue) -> Result<bool, WalFailure> {
        match queue.take(self.options.batch_bytes_max) {
            Taken::Jobs(jobs) => self.batch(jobs, queue).map(|()| true),
            // Lazy records are synced too: an orderly end loses nothing.
            Taken::Closed => self.sync().map(|()| false),
            Taken::Overrun(reason) => Err(reason),
        }
    }

    /// Does the jobs of one batch and answers them in order, with the failure if there is one.
    fn batch(&mut self, mut jobs: VecDeque<Job>, queue: &Queue) -> Result<(), WalFailure> {
        let mut done = Vec::with_capacity(jobs.len());
        let result = self.write_batch(&mut jobs, &mut done);
        let mut panicked = false;
        for done in done {
            // The others must be answered even if one callback is defective.
            panicked |= catch_unwind(AssertUnwindSafe(|| done(result.clone()))).is_err();
        }
        if let Err(failure) = &result {
            for job in jobs {
                job.complete(Err(failure.clone()));
            }
        }
        result?;
        if panicked {
            return Err(WalFailure::Panicked);
        }
        self.free_unneeded()?;
        // Nobody waits just now, so the next segment's file may as well be made.
        if queue.is_empty() && 2 * self.active.offset_bytes > self.options.segment_bytes {
            self.files.prepare_spare()?;
        }
        self.publish();
        Ok(())
    }

    fn write_batch(
        &mut self,
        jobs: &mut VecDeque<Job>,
        done: &mut Vec<Done>,
    ) -> Result<(), WalFailure> {
        let (mut durable, mut clear_doubt) = (false, false);
        while let Some(job) = jobs.pop_front() {
            done.extend(job.done);
            match job.task {
                Task::Append { group, records, sync } => {
                    durable |= sync == Sync::Durable;
                    self.touched.push(group);
                    for record in records {
                        self.put(group, Body::Caller(record))?;
                    }
                }
                Task::ClearDoubt => clear_doubt = true,
            }
        }
        self.flush()?;
        if durable || clear_doubt {
            self.sync()?;
        }
        if clear_doubt {
            notes::clear_doubt(&*self.disk, &self.options.dir)?;
        }
        Ok(())
    }

    /// Appends one record to the batch, in the next segment if this one is full.
    fn put(&mut self, group: GroupId, body: Body) -> Result<(), WalFailure> {
        self.index.check(group, &body)?;
        let bytes = body.encoded_bytes();
        if bytes > RECORD_BODY_BYTES_MAX {
            return Err(WalFailure::TooLarge { group, bytes });
        }
        let end = self.active.offset_bytes + (self.buffer.len() + 2 * END_BYTES) as u64;
        if end + format::record_bytes(&body) as u64 > self.options.segment_bytes {
            self.roll()?;
        }
        self.encode(group, body)
    }

    fn encode(&mut self, group: GroupId, body: Body) -> Result<(), WalFailure> {
        let stamp = self.position.stamp(self.active.number, self.durable);
        let crc = format::encode(&mut self.buffer, &stamp, group, &body);
        self.position = self.position.after(crc);
        self.batch_records += 1;
        Ok(self.index.apply(group, body)?)
    }

    /// Writes the batch, behind it the end marker that the next batch overwrites.
    fn flush(&mut self) -> Result<(), FileError> {
        let records_bytes = self.buffer.len();
        if records_bytes == 0 {
            return Ok(());
        }
        let stamp = self.position.stamp(self.active.number, self.durable);
        format::encode(&mut self.buffer, &stamp, 0, &Body::End);
        self.disk.reached("wal.append.before_write");
        let ActiveSegment { file, path, offset_bytes, .. } = &mut self.active;
        write_all_at(&**file, path, *offset_bytes, &self.buffer)?;
        *offset_bytes += records_bytes as u64;
        self.count_write();
        self.buffer.clear();
        // One huge command must not keep its memory for ever.
        self.buffer.shrink_to(2 * self.options.batch_bytes_max);
        Ok(())
    }

    /// Makes all that was written durable. Called once per state of the file: after an error the
    /// kernel may report success for data it has dropped.
    fn sync(&mut self) -> Result<(), WalFailure> {
        if self.durable + 1 == self.position.sequence {
            return Ok(());
        }
        self.disk.reached("wal.append.before_sync");
        let started = Instant::now();
        self.active.file.sync_data().at("syncing", &self.active.path)?;
        let took = started.elapsed();
        self.disk.reached("wal.append.after_sync");
        self.durable = self.position.sequence - 1;
        self.mark_durable()?;
        self.metrics.sync_seconds.record(took);
        self.stats.update(|stats| {
            stats.syncs += 1;
            stats.last_sync_us = micros(took);
        });
        Ok(())
    }

    /// Notes behind the end marker that all before it is durable; itself it is not synced. A
    /// process that is killed leaves it in the page cache, so that after a kill a bad record is
    /// known to have been acknowledged or not. It has a place of its own, in the next block where
    /// the segment has one: what spoils the last record or the end marker must not spoil the mark.
    fn mark_durable(&self) -> Result<(), FileError> {
        let ActiveSegment { file, path, offset_bytes, number } = &self.active;
        let marker = self.position.end_marker(*number);
        let behind = offset_bytes + END_BYTES as u64;
        let block = behind.next_multiple_of(BLOCK_BYTES);
        let fits = block + END_BYTES as u64 <= self.options.segment_bytes;
        write_all_at(&**file, path, if fits { block } else { behind }, &marker)
    }

    /// Goes on in a new segment. The old one is durable first, so that only the last segment can
    /// ever be torn.
    fn roll(&mut self) -> Result<(), WalFailure> {
        self.flush()?;
        self.sync()?;
        let number = self.active.number + 1;
        let next = self.files.activate(&self.options, number, self.position)?;
        self.seal()?;
        self.active = next;
        let checkpoint = Body::Checkpoint(self.index.checkpoint());
        self.index.add_segment();
        self.encode(0, checkpoint)?;
        self.rewrite_cold_groups()
    }

    /// Notes durably in a segment that another one follows, before anything is acknowledged there:
    /// if the follower's file is lost, the log must not look as if it ended here.
    fn seal(&self) -> Result<(), FileError> {
        let ActiveSegment { file, path, offset_bytes, number } = &self.active;
        self.disk.reached("wal.roll.before_seal");
        let seal = self.position.seal(*number);
        write_all_at(&**file, path, offset_bytes + END_BYTES as u64, &seal)?;
        file.sync_data().at("syncing", path)
    }

    /// Moves small groups that pin the oldest segments into the active one, when there are many
    /// segments. A large group is left to its owner, who sees it in the figures.
    fn rewrite_cold_groups(&mut self) -> Result<(), WalFailure> {
        if self.index.segments() <= self.options.rewrite_above_segments {
            return Ok(());
        }
        let limit = self.options.rewrite_bytes_max as u64;
        if self.index.pinning_oldest().any(|(_, live_bytes)| live_bytes > limit) {
            return Ok(());
        }
        let rewrite = |(group, _)| (group, Body::Rewrite(self.index.live_entries(group)));
        let rewrites: Vec<_> = self.index.pinning_oldest().map(rewrite).collect();
        let bytes: usize = rewrites.iter().map(|(_, body)| body.encoded_bytes()).sum();
        // More than half a segment would come around again before it was worth it.
        if bytes as u64 > self.options.segment_bytes / 2 || bytes > RECORD_BODY_BYTES_MAX {
            return Ok(());
        }
        for (group, body) in rewrites {
            self.encode(group, body)?;
        }
        Ok(())
    }

    /// Frees the oldest segments as long as no live entry lies in them. The records that say so are
    /// made durable first, else a power cut would bring back a log without its beginning.
    fn free_unneeded(&mut self) -> Result<(), WalFailure> {
        while let Some(number) = self.index.oldest_unneeded() {
            self.sync()?;
            self.files.free(number)?;
            self.index.drop_oldest();
        }
        Ok(())
    }

    fn count_write(&mut self) {
        let (bytes, records) = (self.buffer.len() as u64, self.batch_records);
        self.metrics.appended_bytes.increment(bytes);
        self.metrics.appended_records.increment(records);
        self.metrics.batch_records.record(records as f64);
        self.stats.update(|stats| {
            stats.appended_bytes += bytes;
            stats.appended_records += records;
        });
        self.batch_records = 0;
    }

    fn publish(&mut self) {
        self.touched.sort_unstable();
        self.touched.dedup();
        let (segments, spares) = (self.index.segments(), self.files.spares());
        self.metrics.segments.set(segments as f64);
        self.stats.update(|stats| {
            stats.segments = segments;
            stats.spare_segments = spares;
            for &group in &self.touched {
                stats.live_bytes.insert(group, self.index.live_bytes(group));
            }
            stats.pinned_by.clear();
            if segments > 1 {
                stats.pinned_by.extend(self.index.pinning_oldest().map(|(group, _)| group));
            }
        });
        self.touched.clear();
    }
}
