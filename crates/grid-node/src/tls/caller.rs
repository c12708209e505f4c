//! Who is at the other end of an accepted connection, and what that lets it claim.

use crate::NodeId;

/// The names in a peer's certificate; nothing is known of a peer on plain TCP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    names: Option<Vec<String>>,
}

impl Caller {
    /// With the names that a checked certificate carries.
    pub(super) fn certified(names: Vec<String>) -> Self {
        Self { names: Some(names) }
    }

    /// Whether it may speak for a node; on plain TCP everybody may.
    pub fn must_be_node(&self, cluster_id: u128, node: NodeId) -> Result<(), String> {
        let expected = &super::node_names(cluster_id, node)[0];
        self.must(|name| name == expected, &format!("does not name node {node} of this grid"))
    }

    /// Whether it belongs to the grid, as node or client; on plain TCP everybody does.
    pub fn must_be_of(&self, cluster_id: u128) -> Result<(), String> {
        let suffix = super::suffix(cluster_id);
        self.must(|name| name.ends_with(&suffix), "does not name this grid")
    }

    fn must(&self, is_expected: impl Fn(&str) -> bool, otherwise: &str) -> Result<(), String> {
        match &self.names {
            Some(names) if !names.iter().any(|name| is_expected(name)) => {
                Err(format!("the certificate {otherwise}: it names {names:?}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{client_name, node_names};

    #[test]
    fn a_certificate_speaks_for_its_own_node_and_grid_alone() {
        let node = Caller::certified(node_names(7, 2).to_vec());
        assert!(node.must_be_node(7, 2).is_ok() && node.must_be_of(7).is_ok());
        assert!(node.must_be_node(7, 3).is_err(), "another node");
        assert!(node.must_be_node(8, 2).is_err() && node.must_be_of(8).is_err(), "another grid");
        let client = Caller::certified(vec![client_name(7)]);
        assert!(client.must_be_of(7).is_ok());
        assert!(client.must_be_node(7, 2).is_err(), "a client is no node");
        let nobody = Caller::certified(Vec::new());
        assert!(nobody.must_be_of(7).is_err());
        assert!(Caller::default().must_be_node(7, 2).is_ok(), "plain TCP knows no names");
    }
}
