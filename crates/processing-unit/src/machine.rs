//! The bridge from the grid's log to the rules: decodes each committed command, applies it, encodes
//! the reply. Nothing else happens here; every replica runs it alike.
//!
//! A command of form N is applied only where the shard goes by version N or a newer one: a release
//! that knows fewer forms makes nothing of it, and its replicas must stay equal to those here.

use std::io::Read;
use std::ops::RangeInclusive;

use grid_node::{CommittedEntry, Encode, Replies, RestoreError, ShardId, StateMachine};
use inventory::{Stamp, State, codec};

/// The reply to a command of a form that the shard's version does not have yet; no form has this
/// number. Nothing was changed.
pub(crate) const NOT_ACTIVE: &[u8] = &[0];

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

impl ShardMachine {
    fn execute(&mut self, stamp: Stamp, (version, command): (u32, &[u8]), replies: &mut Replies) {
        if codec::form(command).is_some_and(|form| u32::from(form) > version) {
            return replies.push(NOT_ACTIVE);
        }
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

impl StateMachine for ShardMachine {
    /// Version N has the commands of all forms up to N.
    const VERSIONS: RangeInclusive<u32> = 1..=codec::FORMAT as u32;
    const FORM: u32 = codec::FORMAT as u32;

    fn empty(_shard: ShardId) -> Self {
        Self { state: State::new() }
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        let stamp = Stamp { log_index: entry.index, at_ms: entry.at_ms };
        for command in entry.commands.iter() {
            self.execute(stamp, (entry.version, command), replies);
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
