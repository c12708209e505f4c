//! PostgreSQL's binary COPY format, read: nothing is converted on the way, so what is verified are
//! the stored bytes themselves, sub-millisecond times and network masks included.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Before the first tuple: signature, flags, length of the extension.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// 2000-01-01 in milliseconds since 1970: PostgreSQL counts from there, in microseconds.
const EPOCH_2000_MS: i64 = 946_684_800_000;

/// Bytes that are not what the format or the column promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Tuples of one message; the stream's header, in its first message, is passed over.
pub(super) struct Tuples<'a> {
    rest: &'a [u8],
}

/// One tuple, field by field.
pub(super) struct Tuple<'a> {
    rest: &'a [u8],
}

impl<'a> Tuples<'a> {
    pub(super) fn of(message: &'a [u8]) -> Result<Self, Malformed> {
        let Some(after) = message.strip_prefix(SIGNATURE) else {
            return Ok(Self { rest: message });
        };
        let short = Malformed("the stream's header is cut");
        let extension = after.get(4..8).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
        let rest = after.get(8 + extension.ok_or(short)? as usize..).ok_or(short)?;
        Ok(Self { rest })
    }

    /// The next tuple, of so many fields; `None` after the last of this message.
    pub(super) fn next(&mut self, fields: i16) -> Result<Option<Tuple<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let count = i16::from_be_bytes(take::<2>(&mut self.rest)?);
        if count == -1 {
            return Ok(None);
        }
        if count != fields {
            return Err(Malformed("a row has an unexpected number of columns"));
        }
        let from = self.rest;
        for _ in 0..count {
            raw(&mut self.rest)?;
        }
        Ok(Some(Tuple { rest: &from[..from.len() - self.rest.len()] }))
    }
}

impl<'a> Tuple<'a> {
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        raw(&mut self.rest)?.ok_or(Malformed("a column that must have a value has none"))
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<&'a str>, Malformed> {
        let text = raw(&mut self.rest)?.map(std::str::from_utf8).transpose();
        text.map_err(|_| Malformed("a text is not UTF-8"))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        self.optional_text()?.ok_or(Malformed("a column that must have a value has none"))
    }

    pub(super) fn optional_int8(&mut self) -> Result<Option<i64>, Malformed> {
        let bytes = raw(&mut self.rest)?.map(<[u8; 8]>::try_from).transpose();
        Ok(bytes.map_err(|_| Malformed("a number has the wrong size"))?.map(i64::from_be_bytes))
    }

    pub(super) fn int8(&mut self) -> Result<i64, Malformed> {
        self.optional_int8()?.ok_or(Malformed("a column that must have a value has none"))
    }

    /// A number that the grid counts from 0.
    pub(super) fn counter8(&mut self) -> Result<u64, Malformed> {
        u64::try_from(self.int8()?).map_err(|_| Malformed("a counter is negative"))
    }

    pub(super) fn counter4(&mut self) -> Result<u32, Malformed> {
        let bytes = <[u8; 4]>::try_from(self.bytes()?);
        let number =
            i32::from_be_bytes(bytes.map_err(|_| Malformed("a number has the wrong size"))?);
        u32::try_from(number).map_err(|_| Malformed("a counter is negative"))
    }

    /// A time, which must be a whole millisecond: nothing else was ever written.
    pub(super) fn time_ms(&mut self) -> Result<u64, Malformed> {
        let micros = self.int8()?;
        if micros % 1_000 != 0 {
            return Err(Malformed("a time is not a whole millisecond"));
        }
        let ms = (micros / 1_000).checked_add(EPOCH_2000_MS).and_then(|ms| u64::try_from(ms).ok());
        ms.ok_or(Malformed("a time lies before 1970"))
    }

    /// A single address. PostgreSQL sends family, mask bits, whether it is a network, length, bytes.
    pub(super) fn optional_ip(&mut self) -> Result<Option<IpAddr>, Malformed> {
        let Some(bytes) = raw(&mut self.rest)? else {
            return Ok(None);
        };
        match bytes {
            [2, 32, 0, 4, rest @ ..] => {
                let octets = <[u8; 4]>::try_from(rest).map_err(|_| Malformed("an odd address"))?;
                Ok(Some(Ipv4Addr::from(octets).into()))
            }
            [3, 128, 0, 16, rest @ ..] => {
                let octets = <[u8; 16]>::try_from(rest).map_err(|_| Malformed("an odd address"))?;
                Ok(Some(Ipv6Addr::from(octets).into()))
            }
            _ => Err(Malformed("an address is not a single one")),
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Malformed("a row is cut"))?;
    *rest = tail;
    Ok(*head)
}

/// One field; `None` for NULL.
fn raw<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let len = i32::from_be_bytes(take::<4>(rest)?);
    if len == -1 {
        return Ok(None);
    }
    let len = usize::try_from(len).map_err(|_| Malformed("a row is cut"))?;
    let (field, tail) = rest.split_at_checked(len).ok_or(Malformed("a row is cut"))?;
    *rest = tail;
    Ok(Some(field))
}
