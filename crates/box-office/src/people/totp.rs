//! The second factor: codes of an authenticator (RFC 6238: SHA-1, six digits, 30 seconds, as every
//! application has them).

use ring::hmac;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Bytes of a secret, as long as the digest (RFC 4226).
pub(crate) const SECRET_BYTES: usize = 20;
/// Seconds that a code lasts.
const STEP_S: u64 = 30;
/// Steps that a clock may be off, to either side.
const SKEW_STEPS: i64 = 1;

/// What a secret is sealed to.
pub(crate) fn about(account: Uuid) -> String {
    format!("seatgrid second factor {account}")
}

/// The step that a code belongs to, if it is one of now.
pub(crate) fn step_of(secret: &[u8], code: &str, now_s: u64) -> Option<i64> {
    let now = i64::try_from(now_s / STEP_S).ok()?;
    let typed = code.trim().as_bytes();
    (now - SKEW_STEPS..=now + SKEW_STEPS).find(|step| {
        let right = code_at(secret, *step);
        bool::from(right.as_bytes().ct_eq(typed))
    })
}

/// The code of a step.
fn code_at(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[tag.len() - 1] & 0xf);
    let four = tag[at..at + 4].iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
    format!("{:06}", (four & 0x7fff_ffff) % 1_000_000)
}

/// A secret as people type it (RFC 4648, no padding).
pub(crate) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        (bits, count) = (bits << 8 | u32::from(*byte), count + 8);
        while count >= 5 {
            count -= 5;
            text.push(char::from(LETTERS[(bits >> count & 31) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(LETTERS[(bits << (5 - count) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of eight digits.
        let secret = b"12345678901234567890";
        for (now_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let step = (now_s / STEP_S) as i64;
            assert_eq!(step_of(secret, code, now_s), Some(step));
            assert_eq!(step_of(secret, code, now_s + STEP_S), Some(step), "a slow clock");
            assert_eq!(step_of(secret, code, now_s + 2 * STEP_S), None);
        }
        assert_eq!(step_of(secret, "", 59), None);
        assert_eq!(base32(b"12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
    }
}
