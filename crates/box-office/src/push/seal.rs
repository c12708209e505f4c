//! Encryption of a push message for one browser (RFC 8291 over RFC 8188, `aes128gcm`): a fresh key pair
//! and salt for each, one record.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};

use super::subscriptions::Subscription;

/// Bytes of the salt.
const SALT_BYTES: usize = 16;
/// Bytes of a point, uncompressed.
const POINT_BYTES: usize = 65;
/// The record's size: all services take 4,096 bytes of body.
const RECORD_BYTES: u32 = 4_096;
/// Most bytes of text: a record without its header, mark and tag.
const TEXT_BYTES_MAX: usize = 4_096 - 16 - 4 - 1 - POINT_BYTES - 1 - 16;
/// Ends the last record.
const LAST: u8 = 2;

/// The body for the subscription's browser; longer texts are cut.
pub(super) fn seal(to: &Subscription, text: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let random = SystemRandom::new();
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt)?;
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &random)?;
    let public = own.compute_public_key()?;
    let browser = UnparsedPublicKey::new(&ECDH_P256, &to.p256dh);
    agree_ephemeral(own, &browser, |shared| {
        let secrets = Secrets { shared, auth: &to.auth, salt: &salt };
        record(&secrets, (&to.p256dh, public.as_ref()), text)
    })?
}

/// What the keys of one message are made from.
struct Secrets<'a> {
    shared: &'a [u8],
    auth: &'a [u8],
    salt: &'a [u8; SALT_BYTES],
}

/// Header and record by the browser's point and ours.
fn record(
    secrets: &Secrets<'_>,
    (theirs, ours): (&[u8], &[u8]),
    text: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let (key, nonce) = keys(secrets, (theirs, ours))?;
    let mut sealed = text[..text.len().min(TEXT_BYTES_MAX)].to_vec();
    sealed.push(LAST);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)?;
    let mut body = secrets.salt.to_vec();
    body.extend_from_slice(&RECORD_BYTES.to_be_bytes());
    body.push(u8::try_from(ours.len()).map_err(|_| Unspecified)?);
    body.extend_from_slice(ours);
    body.extend_from_slice(&sealed);
    Ok(body)
}

fn keys(
    secrets: &Secrets<'_>,
    (theirs, ours): (&[u8], &[u8]),
) -> Result<([u8; 16], [u8; 12]), Unspecified> {
    let info = [b"WebPush: info\0".as_slice(), theirs, ours].concat();
    let combined: [u8; 32] = derive(secrets.auth, secrets.shared, &info)?;
    let key = derive(secrets.salt, &combined, b"Content-Encoding: aes128gcm\0")?;
    let nonce = derive(secrets.salt, &combined, b"Content-Encoding: nonce\0")?;
    Ok((key, nonce))
}

/// So many bytes.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(salt: &[u8], from: &[u8], info: &[u8]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    let info = [info];
    Salt::new(HKDF_SHA256, salt).extract(from).expand(&info, Bytes(N))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    /// The example of RFC 8291, section 5 and appendix A.
    #[test]
    fn a_message_is_sealed_as_the_standard_shows() {
        let shared = bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let theirs = bytes(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        );
        let ours = bytes(
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
        );
        let auth = bytes("BTBZMqHH6r4Tts7J_aSIgg");
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().expect("16 bytes");
        let secrets = Secrets { shared: &shared, auth: &auth, salt: &salt };
        let text = b"When I grow up, I want to be a watermelon";
        let sealed = record(&secrets, (&theirs, &ours), text).expect("sealed");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc\
             InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLV\
             WGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn a_long_text_fits_one_record_and_a_wrong_point_is_told() {
        let random = SystemRandom::new();
        let browser = EphemeralPrivateKey::generate(&ECDH_P256, &random).expect("random");
        let p256dh = browser.compute_public_key().expect("a point").as_ref().to_vec();
        let mut to = Subscription { endpoint: String::new(), p256dh, auth: vec![7; 16] };
        let sealed = seal(&to, &[b'x'; 10_000]).expect("sealed");
        assert_eq!(sealed.len(), RECORD_BYTES as usize);
        assert_ne!(sealed[..16], seal(&to, b"x").expect("sealed")[..16], "a salt of its own");
        to.p256dh[40] ^= 1;
        assert!(seal(&to, b"x").is_err(), "not on the curve");
    }
}
