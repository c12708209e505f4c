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
    /// Nodes that the configuration of this start has elsewhere than the registry had them: from
    /// where to where. All may have moved at once, and then nobody can tell the registry.
    moved: BTreeMap<NodeId, (SocketAddr, SocketAddr)>,
    /// Why this node can never take part, once it was told.
    outcast: watch::Sender<Option<String>>,
}

impl Directory {
    /// Nodes as last seen; `configured` counts where it differs, until the registry says otherwise.
    pub fn new(
        myself: Myself,
        mut known: BTreeMap<NodeId, Known>,
        configured: &BTreeMap<NodeId, SocketAddr>,
    ) -> Self {
        let outcast = watch::Sender::new(None);
        let moved = configured.iter().filter_map(|(id, to)| {
            let from = known.get(id)?.raft;
            (from != *to).then_some((*id, (from, *to)))
        });
        let moved = moved.collect();
        follow(&moved, &mut known);
        Self { myself, known: RwLock::new(known), moved, outcast }
    }

    /// Takes over what the registry says.
    pub fn update(&self, mut known: BTreeMap<NodeId, Known>) {
        follow(&self.moved, &mut known);
        if *self.known.read() != known {
            *self.known.write() = known;
        }
    }

    /// One node.
    pub fn get(&self, node: NodeId) -> Option<Known> {
        self.known.read().get(&node).copied()
    }

    /// Whether the registry says that a node never comes back.
    pub fn has_given_up(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(|known| !known.member)
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
            return Err(Refusal::ForGood(gone(from)));
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

    /// Whether this node was told that it has left. Refusals are words; a release that words them
    /// otherwise has its nodes started in vain, no more.
    pub fn has_left(&self) -> bool {
        *self.outcast.borrow() == Some(gone(self.myself.node_id))
    }

    /// Why this node can never take part, once it was told.
    pub fn outcast(&self) -> watch::Receiver<Option<String>> {
        self.outcast.subscribe()
    }
}

/// What is said to a node that has left for good.
fn gone(node: NodeId) -> String {
    crate::meta::MetaRefusal::Gone { node }.to_string()
}

/// What is said to a node that comes with another data directory.
pub(crate) fn wrong_log(node: NodeId) -> String {
    format!(
        "node {node} is known with another data directory, this one is empty or foreign; \
         `seatgrid ctl node recover {node}` lets it return under a new id"
    )
}

/// Puts nodes whose address is still the old one where they are now.
fn follow(moved: &BTreeMap<NodeId, (SocketAddr, SocketAddr)>, known: &mut BTreeMap<NodeId, Known>) {
    for (id, (from, to)) in moved {
        if let Some(node) = known.get_mut(id).filter(|node| node.raft == *from) {
            node.raft = *to;
        }
    }
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
        Directory::new(myself, BTreeMap::from(nodes), &BTreeMap::new())
    }

    #[test]
    fn a_configured_address_counts_until_the_registry_has_a_newer_one() {
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let known = |raft| BTreeMap::from([(2, Known { raft, log_id: None, member: true })]);
        let myself = Myself { cluster_id: 7, node_id: 1, log_id: 11 };
        let directory = Directory::new(myself, known(at(1)), &BTreeMap::from([(2, at(5))]));
        let address = || directory.get(2).map(|node| node.raft);
        assert_eq!(address(), Some(at(5)));
        directory.update(known(at(1)));
        assert_eq!(address(), Some(at(5)), "the registry does not know yet");
        directory.update(known(at(9)));
        assert_eq!(address(), Some(at(9)));
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
    fn who_has_left_is_told_apart_from_who_lost_its_directory() {
        let (lost, left) = (directory(), directory());
        lost.cast_out(&wrong_log(1));
        let told = Directory::new(
            Myself { node_id: 2, ..left.myself },
            BTreeMap::from([(1, Known { member: false, ..left.get(2).expect("known") })]),
            &BTreeMap::new(),
        )
        .admit(&Hello { cluster_id: 7, from: 1, log_id: 11, to: 2, lane: Lane::Log })
        .expect_err("refused");
        left.cast_out(&told.to_string());
        assert_eq!((lost.has_left(), left.has_left()), (false, true));
    }

    #[test]
    fn an_answer_with_another_log_is_not_recognized() {
        let directory = directory();
        assert_eq!(directory.recognize(2, 22), Ok(()));
        assert!(directory.recognize(2, 23).is_err());
        assert_eq!(directory.recognize(3, 99), Ok(()));
    }
}
