//! A small replicated state for tests: an append-only list of numbered words. A request id makes
//! repetition harmless, so that retries can be counted.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use grid_node::{
    CommittedEntry, Encode, QueryFuture, QueryHandler, Replies, RestoreError, Shard, ShardId,
    StateMachine,
};
use serde::{Deserialize, Serialize};

/// The list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toy {
    pub words: Vec<String>,
    /// Position of each request's word.
    seen: BTreeMap<u64, u64>,
    /// The stamps of all entries with commands.
    pub stamps_ms: Vec<u64>,
}

/// A command: the request's id and a word to append.
pub fn command(request: u64, word: &str) -> Bytes {
    let mut bytes = request.to_le_bytes().to_vec();
    bytes.extend_from_slice(word.as_bytes());
    bytes.into()
}

/// The position that a reply names.
pub fn position(reply: &[u8]) -> u64 {
    u64::from_le_bytes(reply.try_into().expect("a reply has eight bytes"))
}

impl StateMachine for Toy {
    /// The second changes nothing here; commands of the meta group are bound to it.
    const VERSIONS: std::ops::RangeInclusive<u32> = 1..=2;

    fn empty(_shard: ShardId) -> Self {
        Self::default()
    }

    fn apply(&mut self, entry: &CommittedEntry, replies: &mut Replies) {
        self.stamps_ms.push(entry.at_ms);
        for command in entry.commands.iter() {
            let (request, word) = command.split_at(8);
            let request = position(request);
            let next = self.words.len() as u64;
            let position = *self.seen.entry(request).or_insert(next);
            if position == next {
                self.words.push(String::from_utf8_lossy(word).into_owned());
            }
            replies.push(&position.to_le_bytes());
        }
    }

    fn freeze(&self) -> Encode {
        let state = self.clone();
        Box::new(move |out| serde_json::to_writer(out, &state).map_err(Into::into))
    }

    fn digest(&self) -> u64 {
        let add = |sum: u64, word: &String| {
            word.bytes().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
        };
        self.words.iter().fold(17, add)
    }

    fn restore(_shard: ShardId, from: &mut dyn Read) -> Result<Self, RestoreError> {
        serde_json::from_reader(from).map_err(|e| RestoreError::new(e.to_string()))
    }
}

/// Answers every question with the words, one a line, as of now.
pub struct Reader;

impl QueryHandler<Toy> for Reader {
    fn query(&self, shard: Arc<Shard<Toy>>, body: Bytes, deadline: Instant) -> QueryFuture {
        Box::pin(async move {
            let words = if body == "stale" {
                shard.read(|toy| toy.words.join("\n"))
            } else {
                shard.read_fresh(deadline, |toy| toy.words.join("\n")).await?
            };
            Ok(Bytes::from(words))
        })
    }
}
