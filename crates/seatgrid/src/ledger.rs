//! `seatgrid ledger`: the ledger in files, and the key that signs them.

use http_api::to_hex;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use data_writer::{HeadSigner, archive_months, export_ledger};
use rand::RngCore;

use crate::cli::LedgerCommand;
use crate::local;
use crate::verify::ProgressLine;

/// Does what the command says and prints one line a file.
///
/// # Errors
/// When a file or the database cannot be used, or the ledger is broken.
pub async fn run(command: &LedgerCommand) -> Result<()> {
    let mut shown = ProgressLine::new();
    let mut show = |progress| shown.show(progress);
    let text = match command {
        LedgerCommand::Export { database, out, key_file } => {
            let (url, signer) = (local::database(database)?, signer(key_file.as_deref())?);
            let done = export_ledger(&url, out, signer.as_ref(), &mut show).await?;
            format!("{}: {} records", out.display(), done.records)
        }
        LedgerCommand::Archive { database, dir, keep_months, key_file } => {
            let (url, signer) = (local::database(database)?, signer(key_file.as_deref())?);
            fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
            let done = archive_months(&url, dir, *keep_months, signer.as_ref(), &mut show).await?;
            let written = done.written.iter();
            let written = written.map(|(file, n)| format!("wrote {}: {n} records", file.display()));
            let dropped = done.dropped.iter();
            let dropped = dropped.map(|(month, n)| format!("dropped {month}: {n} records"));
            let lines: Vec<String> = written.chain(dropped).collect();
            if lines.is_empty() { "nothing to archive".to_owned() } else { lines.join("\n") }
        }
        LedgerCommand::Key { out } => format!("public key {}", make_key(out)?),
    };
    writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
}

fn signer(file: Option<&Path>) -> Result<Option<HeadSigner>> {
    file.map(HeadSigner::from_file).transpose().context("--key-file")
}

/// A new secret in a file that only its owner reads; the public half in hexadecimal.
fn make_key(out: &Path) -> Result<String> {
    let mut secret = [0; 32];
    rand::rng().fill_bytes(&mut secret);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(out);
    let mut file = file.with_context(|| format!("cannot make {}", out.display()))?;
    writeln!(file, "{}", to_hex(&secret))
        .and_then(|()| file.sync_all())
        .context("cannot write the key")?;
    Ok(HeadSigner::from_secret(&secret).verifier().public_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_back() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("ledger.key");
        let public = make_key(&file).expect("made");
        let signer = signer(Some(&file)).expect("readable").expect("one");
        assert_eq!(signer.verifier().public_hex(), public);
        make_key(&file).expect_err("never over another key");
        fs::write(&file, "no key\n").expect("write");
        assert!(format!("{:#}", super::signer(Some(&file)).expect_err("none")).contains("64"));
    }
}
