//! PostgreSQL's binary COPY format, written: the form in which rows go to the database in bulk. What
//! `verify::binary` reads is the same format.

use std::net::IpAddr;

/// Signature, flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// After the last tuple.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The length of a field that has no value.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// 2000-01-01 in milliseconds since 1970: PostgreSQL counts from there, in microseconds.
const EPOCH_2000_MS: i64 = 946_684_800_000;
/// Families of addresses, as PostgreSQL numbers them on every system.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 3;

/// Tuples on their way; fields must be given in the order of the statement's columns.
pub(super) struct Tuples {
    fields: i16,
    bytes: Vec<u8>,
}

impl Tuples {
    /// None yet, each to have so many fields.
    pub(super) fn of_fields(fields: i16) -> Self {
        Self { fields, bytes: HEADER.to_vec() }
    }

    /// The next tuple begins.
    pub(super) fn begin(&mut self) {
        self.bytes.extend(self.fields.to_be_bytes());
    }

    /// All of them, as one message.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.bytes.extend(TRAILER);
        self.bytes
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        // No field comes near two gigabytes: records are bounded by the log.
        let len = i32::try_from(value.len()).unwrap_or(i32::MAX);
        self.bytes.extend(len.to_be_bytes());
        self.bytes.extend(value);
    }

    pub(super) fn int4(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn int8(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn optional_int8(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.int8(value),
            None => self.bytes.extend(NULL),
        }
    }

    pub(super) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(super) fn optional_text(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.bytes.extend(NULL),
        }
    }

    /// A `timestamptz`, from milliseconds since 1970.
    pub(super) fn time(&mut self, at_ms: i64) {
        self.int8(at_ms.saturating_sub(EPOCH_2000_MS).saturating_mul(1_000));
    }

    /// An `inet` of one host.
    pub(super) fn optional_address(&mut self, address: Option<IpAddr>) {
        let of = |family: u8, octets: &[u8]| {
            let bytes = octets.len() as u8;
            [&[family, 8 * bytes, 0, bytes], octets].concat()
        };
        match address {
            Some(IpAddr::V4(v4)) => self.bytes(&of(FAMILY_V4, &v4.octets())),
            Some(IpAddr::V6(v6)) => self.bytes(&of(FAMILY_V6, &v6.octets())),
            None => self.bytes.extend(NULL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_as_the_manual_says() {
        let mut tuples = Tuples::of_fields(3);
        tuples.begin();
        tuples.time(EPOCH_2000_MS + 2);
        tuples.optional_text(None);
        tuples.optional_address(Some(IpAddr::from([127, 0, 0, 1])));
        let expected = [
            HEADER,
            &[0, 3],
            &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x07, 0xd0],
            &[0xff; 4],
            &[0, 0, 0, 8, 2, 32, 0, 4, 127, 0, 0, 1],
            &[0xff; 2],
        ];
        assert_eq!(tuples.end(), expected.concat());
        assert_eq!(HEADER.len(), 19);
    }
}
