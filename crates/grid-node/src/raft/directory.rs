//! Which nodes there are, where, and with which data directory, as far as known here: who may call,
//! and whether the right one answers.
//!
//! A node id names one log for ever (invariant I5). Until the grid's registry is known, the founding
//! configuration stands for it and says nothing of logs.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::message::Hello;
use crate::NodeId;
use crate::rpc::Refusal;

/// Another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Where it is reached by nodes.
    pub raft: SocketAddr,
    /// Its data directory; `None` while nobody has said.
    pub log_id: Option<u128>,
    /// Whether it may take part: not given up, not removed.
    pub member: bool,
}

/// This node as it introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Myself {
    pub cluster_id: u128,
    pub node_id: NodeId,
    pub log_id: u128,
}

/// All nodes.
pub(crate) struct Directory {
    pub myself: Myself,
    known: RwLock<BTreeMap<NodeId, Known>>,
    /// Why this node can never take part, once it was told.
    outcast: watch::Sender<Option<String>>,
}

impl Directory {
    pub fn new(myself: Myself, known: BTreeMap<NodeId, Known>) -> Self {
        let outcast = watch::Sender::new(None);
        Self { myself, known: RwLock::new(known), outcast }
    }

    /// Takes over what the registry says.
    pub fn update(&self, known: BTreeMap<NodeId, Known>) {
        if *self.known.read() != known {
            *self.known.write() = known;
        }
    }

    /// One node.
    pub fn get(&self, node: NodeId) -> Option<Known> {
        self.known.read().get(&node).copied()
    }

    /// Whether whoever introduces itself may call.
    pub fn admit(&self, hello: &Hello) -> Result<NodeId, Refusal> {
        let Hello { cluster_id, from, log_id, to, .. } = *hello;
        let Myself { cluster_id: own_cluster, node_id, .. } = self.myself;
        if cluster_id != own_cluster {
            let reason = format!("this is cluster {own_cluster:032x}, not {cluster_id:032x}");
            return Err(Refusal::Told(reason));
        }
        if to != node_id {
            return Err(Refusal::Told(format!("this is node {node_id}, not node {to}")));
        }
        let known = self.get(from).filter(|_| from != node_id);
        let Some(known) = known else {
            return Err(Refusal::Told(format!("node {from} is not known here")));
        };
        if !known.member {
            let reason = format!("node {from} has left the grid and its id is never used again");
            return Err(Refusal::ForGood(reason));
        }
        // invariant: I5
        if known.log_id.is_some_and(|expected| expected != log_id) {
            return Err(Refusal::ForGood(wrong_log(from)));
        }
        Ok(from)
    }

    /// Whether the node that answered is the one that was called.
    pub fn recognize(&self, node: NodeId, log_id: u128) -> Result<(), String> {
        // invariant: I5
        match self.get(node).and_then(|known| known.log_id) {
            Some(expected) if expected != log_id => Err(wrong_log(node)),
            _ => Ok(()),
        }
    }

    /// Another node has said that this one can never take part.
    pub fn cast_out(&self, reason: &str) {
        self.outcast.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert_with(|| reason.to_owned());
            first
        });
    }

    /// Why this node can never take part, once it was told.
    pub fn outcast(&self) -> watch::Receiver<Option<String>> {
        self.outcast.subscribe()
    }
}

/// What is said to a node that comes with another data directory.
pub(crate) fn wrong_log(node: NodeId) -> String {
    format!(
        "node {node} is known with another data directory, this one is empty or foreign; \
         `seatgrid ctl node recover {node}` lets it return under a new id"
    )
}

#[cfg(test)]
mod tests {
    use super::super::message::Lane;
    use super::*;

    fn directory() -> Directory {
        let raft = SocketAddr::from(([127, 0, 0, 1], 1));
        let known = |log_id, member| Known { raft, log_id, member };
        let nodes = [(2, known(Some(22), true)), (3, known(None, true)), (4, known(None, false))];
        let myself = Myself { cluster_id: 7, node_id: 1, log_id: 11 };
        Directory::new(myself, BTreeMap::from(nodes))
    }

    #[test]
    fn only_known_nodes_with_their_own_log_are_admitted() {
        let hello = |from, log_id| Hello { cluster_id: 7, from, log_id, to: 1, lane: Lane::Log };
        let directory = directory();
        assert_eq!(directory.admit(&hello(2, 22)), Ok(2));
        assert_eq!(directory.admit(&hello(3, 99)), Ok(3), "nobody has said which log it has");
        let refused = |hello: Hello| directory.admit(&hello).expect_err("refused");
        assert!(matches!(refused(hello(2, 23)), Refusal::ForGood(_)), "another log");
        assert!(matches!(refused(hello(4, 44)), Refusal::ForGood(_)), "given up");
        assert!(matches!(refused(hello(5, 55)), Refusal::Told(_)), "not known, or not yet");
        assert!(matches!(refused(hello(1, 11)), Refusal::Told(_)), "the node itself");
        assert!(matches!(refused(Hello { to: 9, ..hello(2, 22) }), Refusal::Told(_)));
        assert!(matches!(refused(Hello { cluster_id: 8, ..hello(2, 22) }), Refusal::Told(_)));
    }

    #[test]
    fn an_answer_with_another_log_is_not_recognized() {
        let directory = directory();
        assert_eq!(directory.recognize(2, 22), Ok(()));
        assert!(directory.recognize(2, 23).is_err());
        assert_eq!(directory.recognize(3, 99), Ok(()));
    }
}
