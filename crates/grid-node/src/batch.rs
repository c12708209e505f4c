//! The body of one log entry: commands laid end to end, encoded once by the leader and never again.
//!
//! `count u32`, then per command a length and its bytes. Followers and restarts slice it.

use bytes::{BufMut, Bytes, BytesMut};

use crate::wire::{Malformed, Take, len_u32, put_blob};

/// Bytes that a command takes beside its own.
pub(crate) const COMMAND_OVERHEAD_BYTES: usize = 4;

/// Lays commands end to end.
pub(crate) fn encode<'a>(commands: impl ExactSizeIterator<Item = &'a Bytes> + Clone) -> Bytes {
    let len: usize = commands.clone().map(|c| c.len() + COMMAND_OVERHEAD_BYTES).sum();
    let mut body = BytesMut::with_capacity(len + 4);
    body.put_u32_le(len_u32(commands.len()));
    for command in commands {
        put_blob(&mut body, command);
    }
    body.freeze()
}

/// The commands of a body, as slices of it.
pub(crate) fn decode(mut body: Bytes) -> Result<Vec<Bytes>, Malformed> {
    let count = body.take_u32()? as usize;
    if count > body.len() / COMMAND_OVERHEAD_BYTES {
        return Err(Malformed("more commands than bytes"));
    }
    let commands = (0..count).map(|_| body.take_blob()).collect::<Result<Vec<_>, _>>()?;
    body.take_end()?;
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_back_in_order_and_damage_is_noticed() {
        let commands = [Bytes::from_static(b"one"), Bytes::new(), Bytes::from_static(b"three")];
        let body = encode(commands.iter());
        assert_eq!(decode(body.clone()).expect("sound"), commands);
        for cut in 0..body.len() {
            assert!(decode(body.slice(..cut)).is_err(), "cut at {cut}");
        }
        assert!(decode(Bytes::from_static(&[255, 255, 255, 255])).is_err());
    }
}
