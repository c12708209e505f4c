//! Writes an archive file: beside its place first, complete and synced, then renamed. The chain is
//! followed while writing, so that a broken ledger is never archived as a good one.

use http_api::to_hex;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::line::{End, FORMAT, Head, Line, Tail};
use super::months::ArchiveError;
use crate::chain::Hash;
use crate::database::connect_options;
use crate::signing::HeadSigner;
use crate::verify::{Progress, Record, Verifier, for_each_record, for_long_reads, shards};

/// Compression: the ledger shrinks to a tenth at this level, at some 100 MB/s.
const ZSTD_LEVEL: i32 = 3;
/// Rows between two words of progress.
const PROGRESS_EVERY: u64 = 20_000;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Records.
    pub records: u64,
    /// SHA-256 over the lines, as its last line says.
    pub sha256: Hash,
    /// The last hash, time (ms since 1970) and number of records of each shard.
    pub ends: BTreeMap<u32, (Hash, u64, u64)>,
}

/// Which records: a month's name, its first millisecond, and the next month's.
pub(super) type Month<'a> = (&'a str, i64, i64);

/// Exports the whole ledger that is in the database to one file.
///
/// # Errors
/// When either side fails, or the chain is broken: then there is no file.
pub async fn export_ledger(
    database_url: &str,
    file: &Path,
    signer: Option<&HeadSigner>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Exported, ArchiveError> {
    let options = connect_options(database_url)?.application_name("seatgrid-export");
    let mut connection = options.connect().await?;
    export(&mut connection, file, None, signer, progress).await
}

pub(super) async fn export(
    connection: &mut PgConnection,
    file: &Path,
    month: Option<Month<'_>>,
    signer: Option<&HeadSigner>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Exported, ArchiveError> {
    let mut snapshot =
        connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    for_long_reads(&mut snapshot).await?;
    let span = month.map(|(_, from, to)| (from, to));
    let shards = shards(&mut snapshot).await?;
    let begins = begins(&mut snapshot, &shards, span).await?;
    let name = month.map(|(name, ..)| name.to_owned());
    let mut writing = Writing::begin(file, name, &begins)?;
    for shard in shards {
        for_each_record::<ArchiveError>(&mut snapshot, shard, span, |record| {
            let record = record.map_err(|(place, why)| ArchiveError::broken(place, &why))?;
            writing.record(&record)?;
            if writing.records.is_multiple_of(PROGRESS_EVERY) {
                progress(Progress { records: writing.records, of_about: 0 });
            }
            Ok(())
        })
        .await?;
    }
    snapshot.rollback().await?;
    writing.finish(file, signer)
}

/// The hash before each shard's first record.
async fn begins(
    snapshot: &mut PgConnection,
    shards: &[i32],
    span: Option<(i64, i64)>,
) -> Result<BTreeMap<u32, Hash>, ArchiveError> {
    let (from, to) = span.unwrap_or((0, i64::MAX / 1_000_000));
    let mut begins = BTreeMap::new();
    for shard in shards {
        let prev: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT prev_hash FROM grid.ledger
             WHERE shard_id = $1 AND at >= grid.from_ms($2) AND at < grid.from_ms($3)
             ORDER BY incarnation, log_index, ordinal LIMIT 1",
        )
        .bind(*shard)
        .bind(from)
        .bind(to)
        .fetch_optional(&mut *snapshot)
        .await?;
        let Some(prev) = prev else { continue };
        let prev = Hash::try_from(prev.as_slice()).map_err(|_| ArchiveError::Broken {
            what: format!("shard {shard} begins after something that is no hash"),
        })?;
        begins.insert(shard.unsigned_abs(), prev);
    }
    Ok(begins)
}

struct Writing {
    to: zstd::stream::write::Encoder<'static, BufWriter<File>>,
    sum: Sha256,
    records: u64,
    ends: BTreeMap<u32, (Hash, u64, u64)>,
    checked: Verifier,
    line: Vec<u8>,
}

impl Writing {
    fn begin(
        file: &Path,
        month: Option<String>,
        begins: &BTreeMap<u32, Hash>,
    ) -> Result<Self, ArchiveError> {
        let to = BufWriter::new(File::create(partial(file))?);
        let mut to = zstd::stream::write::Encoder::new(to, ZSTD_LEVEL)?;
        to.include_checksum(true)?;
        let mut checked = Verifier::new();
        for (shard, head) in begins {
            checked.begins_after(*shard, *head, 0);
        }
        let mut writing = Self {
            to,
            sum: Sha256::new(),
            records: 0,
            ends: BTreeMap::new(),
            checked,
            line: Vec::with_capacity(1_024),
        };
        let begins = begins.iter().map(|(shard, head)| (*shard, to_hex(head))).collect();
        writing.line(&Head { format: FORMAT.to_owned(), month, begins })?;
        Ok(writing)
    }

    fn line(&mut self, line: &impl serde::Serialize) -> Result<(), ArchiveError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line).map_err(std::io::Error::from)?;
        self.line.push(b'\n');
        self.sum.update(&self.line);
        Ok(self.to.write_all(&self.line)?)
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), ArchiveError> {
        self.checked.follow(record);
        if let Some(fault) = self.checked.report.faults.first() {
            return Err(ArchiveError::Broken { what: fault.to_string() });
        }
        self.line(&Line::of(record))?;
        self.records += 1;
        let hash = Hash::try_from(record.hash).unwrap_or_default();
        let end = self.ends.entry(record.key.shard).or_default();
        *end = (hash, record.fields.at_ms, end.2 + 1);
        Ok(())
    }

    fn finish(
        mut self,
        file: &Path,
        signer: Option<&HeadSigner>,
    ) -> Result<Exported, ArchiveError> {
        let sha256: Hash = self.sum.clone().finalize().into();
        let end = |(shard, (head, last_at_ms, records)): (&u32, &(Hash, u64, u64))| {
            let end = End { head: to_hex(head), last_at_ms: *last_at_ms, records: *records };
            (*shard, end)
        };
        let tail = Tail {
            ends: self.ends.iter().map(end).collect(),
            records: self.records,
            sha256: to_hex(&sha256),
            key_id: signer.map(|signer| signer.verifier().key_id()),
            signature: signer.map(|signer| to_hex(&signer.sign_file(&sha256))),
        };
        self.line(&tail)?;
        let written = self.to.finish()?.into_inner().map_err(std::io::Error::from)?;
        written.sync_all()?;
        std::fs::rename(partial(file), file)?;
        if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            File::open(dir)?.sync_all()?;
        }
        Ok(Exported { records: self.records, sha256, ends: self.ends })
    }
}

/// Where a file grows until it is whole.
fn partial(file: &Path) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
