//! Little-endian primitives that the hand-written encodings are made of.
//!
//! Reading takes from the front of shared bytes, so that payloads stay slices of the frame they
//! came in. Nothing here trusts a length: a short or oversized field is [`Malformed`], never a
//! panic or an allocation by an unchecked count.

use bytes::{Buf, BufMut, Bytes};

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed bytes: {0}")]
pub(crate) struct Malformed(pub &'static str);

/// Reads fields from the front.
pub(crate) trait Take {
    /// One byte.
    fn take_u8(&mut self) -> Result<u8, Malformed>;
    /// A flag: 0 or 1.
    fn take_bool(&mut self) -> Result<bool, Malformed>;
    /// Four bytes.
    fn take_u32(&mut self) -> Result<u32, Malformed>;
    /// Eight bytes.
    fn take_u64(&mut self) -> Result<u64, Malformed>;
    /// Sixteen bytes.
    fn take_u128(&mut self) -> Result<u128, Malformed>;
    /// A length and as many bytes, without a copy.
    fn take_blob(&mut self) -> Result<Bytes, Malformed>;
    /// That nothing is left over.
    fn take_end(&self) -> Result<(), Malformed>;
}

impl Take for Bytes {
    fn take_u8(&mut self) -> Result<u8, Malformed> {
        self.try_get_u8().map_err(|_| Malformed("too short"))
    }

    fn take_bool(&mut self) -> Result<bool, Malformed> {
        match self.take_u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("not a flag")),
        }
    }

    fn take_u32(&mut self) -> Result<u32, Malformed> {
        self.try_get_u32_le().map_err(|_| Malformed("too short"))
    }

    fn take_u64(&mut self) -> Result<u64, Malformed> {
        self.try_get_u64_le().map_err(|_| Malformed("too short"))
    }

    fn take_u128(&mut self) -> Result<u128, Malformed> {
        self.try_get_u128_le().map_err(|_| Malformed("too short"))
    }

    fn take_blob(&mut self) -> Result<Bytes, Malformed> {
        let len = self.take_u32()? as usize;
        if len > self.len() {
            return Err(Malformed("length beyond the end"));
        }
        Ok(self.split_to(len))
    }

    fn take_end(&self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed("bytes left over")) }
    }
}

/// Writes a length and the bytes.
pub(crate) fn put_blob(out: &mut impl BufMut, bytes: &[u8]) {
    out.put_u32_le(len_u32(bytes.len()));
    out.put_slice(bytes);
}

/// A length as it is written.
pub(crate) fn len_u32(len: usize) -> u32 {
    u32::try_from(len).expect("frames and counts are bounded far below 4 GiB before encoding")
}
