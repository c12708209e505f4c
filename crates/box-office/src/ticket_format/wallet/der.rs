//! As much of DER (X.690) as a signature needs: values are written; of a certificate its issuer and number
//! are read. What is read is the shop's own file, and still nothing here trusts a length.

/// Tags.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// The first value of a choice by context, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// A value of this tag.
pub(super) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short @ ..=0x7f) => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let used = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            // A length has eight bytes at most.
            out.push(0x80 | used.len() as u8);
            out.extend_from_slice(used);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A value made of others.
pub(super) fn of(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// A value that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With tag and length.
    pub(super) whole: &'a [u8],
}

/// The first value, and what follows it.
pub(super) fn read(bytes: &[u8]) -> Option<(Read<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = &bytes[..bytes.len() - rest.len()];
    Some((Read { tag, content, whole }, rest))
}

/// The values within one.
pub(super) fn parts(mut content: &[u8]) -> Option<Vec<Read<'_>>> {
    let mut parts = Vec::new();
    while !content.is_empty() {
        let (part, rest) = read(content)?;
        parts.push(part);
        content = rest;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_lengths_are_not_trusted() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let written = value(OCTETS, &vec![7; length]);
            let (found, rest) = read(&written).expect("a value");
            assert_eq!((found.tag, found.content.len(), rest.len()), (OCTETS, length, 0));
            assert_eq!(found.whole, written);
        }
        for wrong in
            [&[][..], &[4], &[4, 5, 1], &[4, 0x80], &[4, 0x85, 1, 1, 1, 1, 1], &[4, 0x82, 1]]
        {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
