//! How a few values stand in configuration files, whose integers have 64 bits and whose keys are
//! text.

/// A 128-bit number as 32 hexadecimal digits.
pub(super) mod hex {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{value:032x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        let text = String::deserialize(from)?;
        u128::from_str_radix(&text, 16)
            .map_err(|_| D::Error::custom(format!("`{text}` is not a hexadecimal number")))
    }
}

/// A table whose keys are numbers.
pub(super) mod by_id {
    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::NodeId;
    use crate::config::PeerAddress;

    pub fn serialize<S: Serializer>(
        value: &BTreeMap<NodeId, PeerAddress>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(value.iter().map(|(id, address)| (id.to_string(), address)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<NodeId, PeerAddress>, D::Error> {
        let table = BTreeMap::<String, PeerAddress>::deserialize(from)?;
        let entry = |(key, address): (String, PeerAddress)| match key.parse() {
            Ok(id) => Ok((id, address)),
            Err(_) => Err(D::Error::custom(format!("`{key}` is not a node id"))),
        };
        table.into_iter().map(entry).collect()
    }
}
