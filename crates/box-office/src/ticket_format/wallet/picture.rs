//! The icon that every pass must have: a ticket's outline, drawn here, so that no file must be kept.

use super::archive::crc;

/// Points of a side at single density.
const SIDE: usize = 29;
/// The shop's dark blue, and white.
const COLOURS: [[u8; 3]; 2] = [[38, 50, 110], [255, 255, 255]];

/// A PNG of so many times the single density.
pub(super) fn icon(density: usize) -> Vec<u8> {
    let side = SIDE * density;
    let mut rows = Vec::with_capacity(side * (side + 1));
    for y in 0..side {
        // Each row begins with its filter: none.
        rows.push(0);
        rows.extend((0..side).map(|x| u8::from(is_ticket(x / density, y / density))));
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = Vec::new();
    head.extend_from_slice(&(side as u32).to_be_bytes());
    head.extend_from_slice(&(side as u32).to_be_bytes());
    // Eight bits a point into a palette; no interlacing.
    head.extend_from_slice(&[8, 3, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &head);
    chunk(&mut png, b"PLTE", &COLOURS.concat());
    chunk(&mut png, b"IDAT", &zlib(&rows));
    chunk(&mut png, b"IEND", &[]);
    png
}

/// A ticket: a wide card with a notch on each side.
fn is_ticket(x: usize, y: usize) -> bool {
    let on_card = (4..25).contains(&x) && (9..20).contains(&y);
    let in_notch = !(6..23).contains(&x) && (13..16).contains(&y);
    on_card && !in_notch
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    png.extend_from_slice(&(content.len() as u32).to_be_bytes());
    let named = [kind.as_slice(), content].concat();
    png.extend_from_slice(&named);
    png.extend_from_slice(&crc(&named).to_be_bytes());
}

/// A stream of one stored block: icons have below 65,536 points.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let mut stream = vec![0x78, 0x01, 1];
    stream.extend_from_slice(&length.to_le_bytes());
    stream.extend_from_slice(&(!length).to_le_bytes());
    stream.extend_from_slice(bytes);
    stream.extend_from_slice(&adler(bytes).to_be_bytes());
    stream
}

/// The sum of a stream.
fn adler(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % MODULUS;
        (a, (b + a) % MODULUS)
    };
    let (a, b) = bytes.iter().fold((1, 0), step);
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard_and_an_icon_fits_one_block() {
        assert_eq!(adler(b"Wikipedia"), 0x11e6_0398);
        for density in [1, 2] {
            let side = SIDE * density;
            assert!(side * (side + 1) < usize::from(u16::MAX));
            assert!(icon(density).starts_with(b"\x89PNG") && icon(density).ends_with(b"\x60\x82"));
        }
    }
}
