//! What happened, in order: the same seed must lead to the same trace, byte by byte.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::network::HostId;

/// Handle of a run's trace; clones share it.
#[derive(Clone)]
pub struct Trace(Arc<Mutex<State>>);

struct State {
    began: Instant,
    digest: u32,
    events: u64,
    file: Option<std::io::BufWriter<std::fs::File>>,
}

impl Trace {
    /// Begins now; written to a file as well, if there is one.
    pub fn new(file: Option<std::fs::File>) -> Self {
        let file = file.map(std::io::BufWriter::new);
        Self(Arc::new(Mutex::new(State { began: Instant::now(), digest: 0, events: 0, file })))
    }

    /// Something happened.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let mut state = self.0.lock();
        let line = format!("{:>12} {what}\n", state.began.elapsed().as_micros());
        state.digest = crc32c::crc32c_append(state.digest, line.as_bytes());
        state.events += 1;
        if let Some(file) = &mut state.file {
            file.write_all(line.as_bytes()).expect("the trace can be written");
        }
    }

    /// A piece of a connection arrived.
    pub fn segment(&self, (from, to): (HostId, HostId), bytes: &[u8]) {
        let (len, sum) = (bytes.len(), crc32c::crc32c(bytes));
        self.note(format_args!("{from} -> {to} {len} bytes {sum:08x}"));
    }

    /// Time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.0.lock().began.elapsed()
    }

    /// Count of events and a digest of all.
    pub fn digest(&self) -> (u64, u32) {
        let state = self.0.lock();
        (state.events, state.digest)
    }

    /// Writes out what is buffered.
    pub fn flush(&self) {
        if let Some(file) = &mut self.0.lock().file {
            file.flush().expect("the trace can be written");
        }
    }
}
