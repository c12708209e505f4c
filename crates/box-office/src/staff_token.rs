//! Who may call as staff until there are accounts to sign in with: bearers of a token from a file
//! that the installation made and only its owner reads.
//!
//! Several tokens may stand in the file, one a line, so that each administrator is somebody of
//! their own in the ledger and one can be taken away. Nothing here logs or keeps a token: what is
//! kept is its digest.

use std::path::{Path, PathBuf};

use inventory::Subject;
use ring::digest::{SHA256, digest};

/// Shortest token, in bytes: 24 letters and digits are 142 bits.
const TOKEN_BYTES_MIN: usize = 24;
/// Most tokens in one file.
const TOKENS_MAX: usize = 64;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StaffTokenError {
    /// It cannot be read.
    #[error("cannot read the file of staff tokens {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{} must hold 1 to 64 tokens of at least 24 bytes, one a line", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
    },
}

/// The tokens that are believed.
#[derive(Default)]
pub(crate) struct StaffTokens {
    digests: Vec<[u8; 32]>,
}

impl StaffTokens {
    /// From a file; without one nobody is staff.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, StaffTokenError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| StaffTokenError::Read { path: path.to_owned(), source })?;
        let tokens: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let long = tokens.iter().all(|token| token.len() >= TOKEN_BYTES_MIN);
        if !long || !(1..=TOKENS_MAX).contains(&tokens.len()) {
            return Err(StaffTokenError::Shape { path: path.to_owned() });
        }
        Ok(Self { digests: tokens.into_iter().map(digest_of).collect() })
    }

    /// Whose token it is. Digests are compared, of which nobody can choose the first bytes, so the
    /// time it takes tells nothing about a token.
    pub(crate) fn subject(&self, token: &str) -> Option<Subject> {
        let given = digest_of(token);
        self.digests.contains(&given).then(|| Subject::Person(person(&given)))
    }
}

fn digest_of(text: &str) -> [u8; 32] {
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// The UUID (version 8) that the ledger shows for a token's bearer.
fn person(token_digest: &[u8; 32]) -> u128 {
    let named = [b"staff:", token_digest.as_slice()].concat();
    let bytes = digest(&SHA256, &named);
    let first: [u8; 16] = bytes.as_ref()[..16].try_into().expect("32 bytes have 16");
    uuid::Builder::from_custom_bytes(first).into_uuid().as_u128()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<StaffTokens, StaffTokenError> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("staff.token");
        std::fs::write(&path, text).expect("file");
        StaffTokens::load(Some(&path))
    }

    #[test]
    fn each_token_is_somebody_and_anything_else_nobody() {
        let (first, second) = ("a".repeat(24), "b".repeat(30));
        let known = tokens(&format!("{first}\n\n {second} \n")).expect("two tokens");
        let (one, two) = (known.subject(&first), known.subject(&second));
        assert!(matches!((one, two), (Some(one), Some(two)) if one != two), "{one:?} {two:?}");
        for wrong in ["", "a", &first[..23], "B"] {
            assert_eq!(known.subject(wrong), None);
        }
        assert_eq!(StaffTokens::load(None).expect("nobody").subject(&first), None);
    }

    #[test]
    fn short_tokens_and_empty_files_are_refused() {
        for wrong in ["", "\n\n", "short", &"c\n".repeat(3)] {
            assert!(matches!(tokens(wrong), Err(StaffTokenError::Shape { .. })), "{wrong:?}");
        }
        let many: String = (0..65).map(|n| format!("{n:0>24}\n")).collect();
        assert!(tokens(&many).is_err());
        let gone = StaffTokens::load(Some(Path::new("/nowhere/staff.token")));
        assert!(matches!(gone, Err(StaffTokenError::Read { .. })));
    }
}
