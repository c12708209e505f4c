//! A ZIP archive whose members are stored as they are: what passes are is small, and pictures are dense.

/// CRC-32 of IEEE 802.3, reflected.
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;
/// The version that stored members need, 2.0.
const VERSION: u16 = 20;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// The first day that the form knows, 1980-01-01: a pass has no other time than its signature's.
const DATE: u16 = 0x21;

/// An archive on its way.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    /// The list at the end.
    directory: Vec<u8>,
    members: u16,
}

impl Archive {
    /// Adds a member. Sizes are those of passes, far below what the form can say.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) {
        let begins_at = self.bytes.len() as u32;
        let about = about(name, content);
        self.bytes.extend_from_slice(b"PK\x03\x04");
        self.bytes.extend_from_slice(&about);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(content);
        self.directory.extend_from_slice(b"PK\x01\x02");
        self.directory.extend_from_slice(&VERSION.to_le_bytes());
        self.directory.extend_from_slice(&about);
        // No comment, first disk, no attributes.
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&begins_at.to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.members += 1;
    }

    /// The whole.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let begins_at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&self.directory);
        self.bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend_from_slice(&self.members.to_le_bytes());
        self.bytes.extend_from_slice(&self.members.to_le_bytes());
        self.bytes.extend_from_slice(&(self.directory.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&begins_at.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes
    }
}

/// What member and list say alike: version, flags, stored, time, sum, sizes, lengths of name and rest.
fn about(name: &str, content: &[u8]) -> Vec<u8> {
    let size = (content.len() as u32).to_le_bytes();
    let mut about = Vec::with_capacity(26);
    for word in [VERSION, FLAGS, 0, 0, DATE] {
        about.extend_from_slice(&word.to_le_bytes());
    }
    about.extend_from_slice(&crc(content).to_le_bytes());
    about.extend_from_slice(&size);
    about.extend_from_slice(&size);
    about.extend_from_slice(&(name.len() as u16).to_le_bytes());
    about.extend_from_slice(&[0; 2]);
    about
}

/// The sum of archives and pictures.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let rest = sum >> 1;
            sum = if sum & 1 == 1 { rest ^ CRC_POLYNOMIAL } else { rest };
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_one_of_the_standard() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn members_are_where_the_list_says() {
        let mut archive = Archive::default();
        archive.add("a.txt", b"one");
        archive.add("b.txt", b"three");
        let bytes = archive.finish();
        let end = bytes.len() - 22;
        assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
        assert_eq!(bytes[end + 10], 2);
        let list = u32::from_le_bytes(bytes[end + 16..end + 20].try_into().unwrap()) as usize;
        let second = list + 46 + 5;
        assert_eq!(&bytes[second..second + 4], b"PK\x01\x02");
        let at = u32::from_le_bytes(bytes[second + 42..second + 46].try_into().unwrap()) as usize;
        assert_eq!(&bytes[at + 30..at + 40], b"b.txtthree");
    }
}
