//! The bridge from the grid's log to the rules: decodes each committed command, applies it, encodes
//! the reply. Nothing else happens here; every replica runs it alike.

use std::io::Read;

use grid_node::{CommittedEntry, Encode, Replies, RestoreError, ShardId, StateMachine};
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

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        let stamp = Stamp { log_index: entry.index, at_ms: entry.at_ms };
        for command in entry.commands.iter() {
            match codec::decode_envelope(command) {
                Ok(envelope) => {
                    let reply = self.state.apply(stamp, &envelope);
                    replies.push_with(|out| codec::append(&reply, out));
                }
                // No command: every replica answers with no bytes and changes nothing.
                Err(_) => replies.push(&[]),
            }
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
