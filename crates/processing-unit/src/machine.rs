//! The bridge from the grid's log to the rules: decodes each committed command, applies it, encodes
//! the reply. Nothing else happens here; every replica runs it alike.

use std::io::Read;

use bytes::Bytes;
use grid_node::{CommittedEntry, Encode, RestoreError, ShardId, StateMachine};
use inventory::{Stamp, State, codec};

/// The replicated state of one shard.
#[derive(Debug)]
pub struct ShardMachine {
    state: State,
}

impl ShardMachine {
    /// The state, to read.
    pub fn state(&self) -> &State {
        &self.state
    }
}

impl StateMachine for ShardMachine {
    fn empty(_shard: ShardId) -> Self {
        Self { state: State::new() }
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Vec<Bytes>) {
        let stamp = Stamp { log_index: entry.index, at_ms: entry.at_ms };
        for command in &entry.commands {
            replies.push(match codec::decode_envelope(command) {
                Ok(envelope) => codec::encode(&self.state.apply(stamp, &envelope)).into(),
                // No command: every replica answers with no bytes and changes nothing.
                Err(_) => Bytes::new(),
            });
        }
    }

    fn freeze(&self) -> Encode {
        let frozen = self.state.freeze();
        Box::new(move |out| frozen.write_to(out))
    }

    fn digest(&self) -> u64 {
        self.state.digest()
    }

    fn restore(_shard: ShardId, from: &mut dyn Read) -> Result<Self, RestoreError> {
        let state = State::read_from(from).map_err(|e| RestoreError::new(e.to_string()))?;
        Ok(Self { state })
    }
}
