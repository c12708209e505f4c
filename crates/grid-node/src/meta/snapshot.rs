//! The meta group's snapshot: a mark of its form and the state. The first form, which had pins
//! alone, is still read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::MetaState;
use super::pins::PinRecord;
use crate::machine::RestoreError;
use crate::routes::Pin;
use crate::{ShardId, codec};

/// In front of the second form; the first began with the codec's version byte.
const SECOND_FORM: &[u8] = b"META2\n";

/// What the first form held.
#[derive(Deserialize)]
struct FirstForm {
    pins: BTreeMap<String, Pin>,
    load: BTreeMap<ShardId, u32>,
    revision: u64,
}

pub(super) fn encode(state: &MetaState) -> Vec<u8> {
    let mut bytes = SECOND_FORM.to_vec();
    bytes.extend_from_slice(&codec::encode(state));
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<MetaState, RestoreError> {
    let unreadable = |error: codec::DecodeError| RestoreError::new(error.to_string());
    if let Some(state) = bytes.strip_prefix(SECOND_FORM) {
        return codec::decode(state).map_err(unreadable);
    }
    let FirstForm { pins, load, revision } = codec::decode(bytes).map_err(unreadable)?;
    let record = |pin| PinRecord { pin, changed: revision };
    let pins: BTreeMap<_, _> = pins.into_iter().map(|(key, pin)| (key, record(pin))).collect();
    Ok(MetaState { pins: Arc::new(pins), load, revision, ..MetaState::default() })
}
