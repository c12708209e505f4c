//! Collections whose clone shares the content: what lets a snapshot be taken while selling goes on.
//!
//! Content lies in chunks of bounded size behind reference counts. A clone copies the list of
//! chunks; a write to a shared chunk copies that chunk alone, once. Freezing a shard therefore costs
//! by the number of chunks, and no later command pays for more than the chunks it touches. Nothing
//! here may depend on who else shares a chunk: contents alone decide equality and order.

mod map;
mod queue;

pub(crate) use map::{SharedMap, SharedSet};
pub(crate) use queue::SharedQueue;
