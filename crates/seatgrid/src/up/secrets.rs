//! What is made once per data directory and never shown: the keys of the roles and the
//! administrator's first password. A secret that is missing later is a loss and is told, since a
//! new one would silently void every token, ticket and sealed contact made with the old.

use http_api::to_hex;
use std::fs;
use std::path::PathBuf;

use rand::Rng;
use rand::distr::Alphanumeric;

use super::data_dir::{DataDir, DataDirError};

/// Length of each key.
const KEY_BYTES: usize = 32;
/// 24 letters and digits are 142 bits.
const PASSWORD_LEN: usize = 24;
/// 40 letters and digits are 238 bits: a token is never typed.
const TOKEN_LEN: usize = 40;

/// Paths of the secret files.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Signs hold tokens; router and office.
    pub hold_token_key: PathBuf,
    /// Seals buyers' contacts; office and worker.
    pub contact_key: PathBuf,
    /// Signs access tokens; routers and office. A line put first rotates the key.
    pub access_key: PathBuf,
    /// Signs tickets; office.
    pub ticket_key: PathBuf,
    /// The shop's secret at the sandbox gateway; sandbox, office and worker. Text, not bytes: it
    /// travels in HTTP Basic.
    pub sandbox_secret: PathBuf,
    /// Signs the heads of the ledger's chains; writer. Hexadecimal.
    pub signing_key: PathBuf,
    /// The key by which push services know the shop; office and worker. PEM.
    pub push_key: PathBuf,
    /// The bot's token at the sandbox; worker.
    pub telegram_token: PathBuf,
    /// The administrator's first password; office.
    pub admin_password: PathBuf,
    /// What calls of staff show; office. Text, one token a line.
    pub staff_token: PathBuf,
}

impl Secrets {
    /// Makes the missing ones when `complete` is false, else insists on all.
    ///
    /// # Errors
    /// When one is missing or damaged, or cannot be written.
    pub fn open(dir: &DataDir, complete: bool) -> Result<Self, DataDirError> {
        dir.make_dir("secrets")?;
        let key = |name: &str| ensure(dir, name, complete, random_key, is_key);
        let ring = |bytes: &[u8]| is_key(bytes) || is_key_ring(bytes);
        Ok(Self {
            hold_token_key: key("secrets/hold-token.key")?,
            contact_key: ensure(dir, "secrets/contact.key", complete, random_key, ring)?,
            // A new one only ends access tokens, minutes before their time.
            access_key: ensure(dir, "secrets/access.key", false, hex_key, is_key_ring)?,
            ticket_key: key("secrets/ticket.key")?,
            // A new one voids nothing, and directories of earlier releases have none: what the old
            // one signed is told by its public half.
            signing_key: ensure(dir, "secrets/ledger.key", false, hex_key, is_hex_key)?,
            sandbox_secret: ensure(dir, "secrets/sandbox.secret", complete, password, is_password)?,
            // Directories of earlier releases have none of both; nobody was reached by them then.
            push_key: ensure(dir, "secrets/push.key", false, push_key, is_pem)?,
            telegram_token: ensure(dir, "secrets/telegram.token", false, bot_token, is_password)?,
            admin_password: ensure(dir, "admin.password", complete, password, is_password)?,
            // Nothing was made with the old one, and directories of earlier releases have none.
            staff_token: ensure(dir, "staff.token", false, token, is_password)?,
        })
    }
}

fn ensure(
    dir: &DataDir,
    name: &str,
    complete: bool,
    make: fn() -> Vec<u8>,
    is_whole: impl Fn(&[u8]) -> bool,
) -> Result<PathBuf, DataDirError> {
    let path = dir.join(name);
    let damaged =
        |reason: &str| DataDirError::Damaged { path: path.clone(), reason: reason.to_owned() };
    match fs::read(&path) {
        Ok(bytes) if is_whole(&bytes) => Ok(path),
        Ok(_) => Err(damaged("not of the length that it was made with")),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DataDirError::Io { what: "cannot read", path, source: error })
        }
        Err(_) if complete => Err(damaged("it is gone")),
        Err(_) => dir.replace(name, &make()).map(|()| path),
    }
}

fn random_key() -> Vec<u8> {
    rand::random::<[u8; KEY_BYTES]>().to_vec()
}

fn is_key(bytes: &[u8]) -> bool {
    bytes.len() == KEY_BYTES
}

fn hex_key() -> Vec<u8> {
    format!("{}\n", to_hex(&random_key())).into_bytes()
}

fn is_hex_key(bytes: &[u8]) -> bool {
    let digits = bytes.trim_ascii_end();
    digits.len() == 2 * KEY_BYTES && digits.iter().all(u8::is_ascii_hexdigit)
}

/// Keys of 64 hexadecimal digits, one a line.
fn is_key_ring(bytes: &[u8]) -> bool {
    let mut lines = bytes.trim_ascii().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.all(|line| line.is_empty() || is_hex_key(line)) && !bytes.trim_ascii().is_empty()
}

fn password() -> Vec<u8> {
    let mut text: Vec<u8> = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LEN).collect();
    text.push(b'\n');
    text
}

fn token() -> Vec<u8> {
    let mut text: Vec<u8> = rand::rng().sample_iter(Alphanumeric).take(TOKEN_LEN).collect();
    text.push(b'\n');
    text
}

fn push_key() -> Vec<u8> {
    box_office::push::new_key()
        .expect("the system gives random bytes, as to every other secret here")
}

fn is_pem(bytes: &[u8]) -> bool {
    bytes.trim_ascii().starts_with(b"-----BEGIN PRIVATE KEY-----")
}

/// As the Bot API has them: a number, a colon, a word.
fn bot_token() -> Vec<u8> {
    [b"1:".to_vec(), token()].concat()
}

/// The user may put another password into the file, so any non-empty text is fine.
fn is_password(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn made_once_and_private() {
        let root = tempfile::tempdir().expect("temporary directory");
        let dir = DataDir::open(root.path()).expect("open");
        let secrets = Secrets::open(&dir, false).expect("made");
        let first = fs::read(&secrets.hold_token_key).expect("key");
        let mode = fs::metadata(&secrets.admin_password).expect("file").permissions().mode();
        assert_eq!((first.len(), mode & 0o777), (KEY_BYTES, 0o600));
        let mode = fs::metadata(&secrets.staff_token).expect("file").permissions().mode();
        let token = fs::read_to_string(&secrets.staff_token).expect("token");
        assert_eq!((token.trim().len(), mode & 0o777), (TOKEN_LEN, 0o600));
        let signing = fs::read(&secrets.signing_key).expect("key");
        assert!(data_writer::HeadSigner::from_file(&secrets.signing_key).is_ok());
        box_office::push::PushKey::load(&secrets.push_key).expect("a key of push");
        fs::remove_file(&secrets.signing_key).expect("remove");
        Secrets::open(&dir, true).expect("all there but what an earlier release did not make");
        assert_ne!(fs::read(&secrets.signing_key).expect("key"), signing);
        assert_eq!(fs::read(&secrets.hold_token_key).expect("key"), first);
        assert_ne!(fs::read(&secrets.contact_key).expect("key"), first);
    }

    #[test]
    fn a_lost_or_cut_secret_is_told() {
        let root = tempfile::tempdir().expect("temporary directory");
        let dir = DataDir::open(root.path()).expect("open");
        let secrets = Secrets::open(&dir, false).expect("made");
        fs::write(&secrets.ticket_key, b"short").expect("cut");
        let error = Secrets::open(&dir, true).expect_err("cut").to_string();
        assert!(error.contains("ticket.key is damaged"), "{error}");
        fs::remove_file(&secrets.ticket_key).expect("remove");
        let error = Secrets::open(&dir, true).expect_err("gone").to_string();
        assert!(error.contains("it is gone"), "{error}");
    }
}
