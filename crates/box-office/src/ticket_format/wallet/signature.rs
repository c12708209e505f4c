//! The signature of a pass: a detached CMS (RFC 5652) over the manifest, SHA-256 and RSA, with the shop's
//! certificate, its authority's, and the time, as phones want it.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::der::{self, CONTEXT_0, INTEGER, NULL, OCTETS, OID, SEQUENCE, SET, UTC_TIME, of, value};

/// Object identifiers, as DER has them.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 5];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// Why passes cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("wallet passes: file {path}: {detail}")]
pub struct PassKeyError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong; never the key.
    pub detail: String,
}

/// Signs manifests.
pub(super) struct PassSigner {
    key: RsaKeyPair,
    /// The shop's certificate and its authority's.
    certificates: [Vec<u8>; 2],
    /// Who issued the shop's certificate, and its number there.
    issuer_and_number: Vec<u8>,
}

impl PassSigner {
    /// Reads certificate, key and authority.
    ///
    /// # Errors
    /// [`PassKeyError`] names the file.
    pub(super) fn load(
        certificate: &Path,
        key: &Path,
        authority: &Path,
    ) -> Result<Self, PassKeyError> {
        let read = |path: &Path, label: &'static str| {
            let failed = |detail: String| PassKeyError { path: path.to_owned(), detail };
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            pem(&text, label).ok_or_else(|| failed(format!("must hold a {label} in PEM")))
        };
        let certificates = [read(certificate, "CERTIFICATE")?, read(authority, "CERTIFICATE")?];
        let issuer_and_number = issuer_and_number(&certificates[0]).ok_or_else(|| {
            let detail = "the certificate cannot be read".to_owned();
            PassKeyError { path: certificate.to_owned(), detail }
        })?;
        let rsa = RsaKeyPair::from_pkcs8(&read(key, "PRIVATE KEY")?).map_err(|_| {
            let detail = "must hold an RSA key of 2,048 bits or more, PKCS#8".to_owned();
            PassKeyError { path: key.to_owned(), detail }
        })?;
        Ok(Self { key: rsa, certificates, issuer_and_number })
    }

    /// The signature of a text, as of a moment.
    ///
    /// # Errors
    /// When the system has no randomness to give, with which the key is blinded.
    pub(super) fn sign(
        &self,
        text: &[u8],
        now: Timestamp,
    ) -> Result<Vec<u8>, ring::error::Unspecified> {
        let attributes = attributes(digest(&SHA256, text).as_ref(), now);
        // What is signed has the tag of a set; where it stands, that of its place.
        let signed = value(SET, &attributes);
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &signed, &mut signature)?;
        let sha_256 = algorithm(SHA_256);
        let version = value(INTEGER, &[1]);
        let signer = of(
            SEQUENCE,
            &[
                &version,
                &self.issuer_and_number,
                &sha_256,
                &value(CONTEXT_0, &attributes),
                &algorithm(RSA),
                &value(OCTETS, &signature),
            ],
        );
        let signed_data = of(
            SEQUENCE,
            &[
                &version,
                &value(SET, &sha_256),
                &of(SEQUENCE, &[&value(OID, DATA)]),
                &value(CONTEXT_0, &self.certificates.concat()),
                &value(SET, &signer),
            ],
        );
        Ok(of(SEQUENCE, &[&value(OID, SIGNED_DATA), &value(CONTEXT_0, &signed_data)]))
    }
}

fn algorithm(oid: &[u8]) -> Vec<u8> {
    of(SEQUENCE, &[&value(OID, oid), &value(NULL, &[])])
}

/// What is signed: the kind of the text, its digest and the time, in the order of a set.
fn attributes(digest: &[u8], now: Timestamp) -> Vec<u8> {
    let time = now.to_zoned(TimeZone::UTC).strftime("%y%m%d%H%M%SZ").to_string();
    let attribute =
        |oid: &[u8], content: Vec<u8>| of(SEQUENCE, &[&value(OID, oid), &value(SET, &content)]);
    let mut all = [
        attribute(CONTENT_TYPE, value(OID, DATA)),
        attribute(MESSAGE_DIGEST, value(OCTETS, digest)),
        attribute(SIGNING_TIME, value(UTC_TIME, time.as_bytes())),
    ];
    all.sort_unstable();
    all.concat()
}

/// Issuer and number of a certificate: what comes after the version, and after the algorithm.
fn issuer_and_number(certificate: &[u8]) -> Option<Vec<u8>> {
    let (whole, _) = der::read(certificate)?;
    let (signed, _) = der::read(whole.content)?;
    let parts = der::parts(signed.content)?;
    let at = usize::from(parts.first()?.tag == CONTEXT_0);
    let (number, issuer) = (parts.get(at)?, parts.get(at + 2)?);
    let fits = number.tag == INTEGER && issuer.tag == SEQUENCE;
    fits.then(|| of(SEQUENCE, &[issuer.whole, number.whole]))
}

/// The first block of this label.
fn pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = text.split_once(&begin)?.1.split_once(&end)?.0;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    fn fixture(name: &str) -> PathBuf {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wallet");
        dir.join(name)
    }

    fn signer() -> PassSigner {
        let [certificate, key, authority] = ["pass.pem", "pass.key", "authority.pem"].map(fixture);
        PassSigner::load(&certificate, &key, &authority).expect("the fixtures")
    }

    #[test]
    fn a_signature_covers_the_text_and_the_time() {
        let signer = signer();
        let now: Timestamp = "2026-11-22T05:06:07Z".parse().expect("a time");
        let made = signer.sign(b"manifest", now).expect("signed");
        let within = |bytes: &[u8], at: usize| -> Vec<u8> {
            der::parts(bytes).expect("parts")[at].content.to_vec()
        };
        // Content info, its content, the signed data, the set of signers, the one signer.
        let data = within(&within(&within(&made, 0), 1), 0);
        let signers = der::parts(&data).expect("parts").last().expect("signers").content.to_vec();
        let signer_info = within(&signers, 0);
        let parts = der::parts(&signer_info).expect("parts");
        assert_eq!(parts[1].whole, signer.issuer_and_number);
        let (attributes, signature) = (parts[3].content, parts[5].content);
        let public = UnparsedPublicKey::new(
            &RSA_PKCS1_2048_8192_SHA256,
            signer.key.public().as_ref().to_vec(),
        );
        let verifies = |text: &[u8]| public.verify(text, signature).is_ok();
        assert!(verifies(&value(SET, attributes)) && !verifies(attributes));
        let says = |words: &[u8]| attributes.windows(words.len()).any(|part| part == words);
        assert!(says(digest(&SHA256, b"manifest").as_ref()) && says(b"261122050607Z"));
    }

    #[test]
    fn files_of_no_use_are_named() {
        let [certificate, key, authority] = ["pass.pem", "pass.key", "authority.pem"].map(fixture);
        for (files, named) in [
            ([&key, &key, &authority], "pass.key"),
            ([&certificate, &certificate, &authority], "pass.pem"),
            ([&certificate, &key, &fixture("none.pem")], "none.pem"),
        ] {
            let error = PassSigner::load(files[0], files[1], files[2]).err().expect("refused");
            assert!(error.path.ends_with(named), "{error}");
        }
    }
}
