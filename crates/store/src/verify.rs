//! Reads a whole log and says whether it is what its writer wrote.

use crate::columns::Columns;
use crate::error::{OpenError, ReadError};
use crate::key;
use crate::log::Log;
use crate::merkle::{Frontier, Hash, leaf_hash};
use crate::note::{Checkpoint, NoteError, PublicKey};
use crate::queue::record_prefix;
use crate::reader::LogReader;
use crate::writer::column;
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension as _, Row};
use stayhand_core::event::EVENT_VERSION;
use stayhand_core::time::Timestamp;
use std::ops::ControlFlow;
use std::path::Path;

/// Rows that one statement reads.
const PAGE: u64 = 1024;

/// What a log that holds says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The number of records, all of them checked.
    pub records: u64,
    /// The time of the first record.
    pub first: Option<Timestamp>,
    /// The time of the last record.
    pub last: Option<Timestamp>,
    /// The root of the Merkle tree over them.
    pub root: Hash,
    /// The number of signed checkpoints, all of them checked.
    pub checkpoints: u64,
    /// The size of the kept checkpoint the log was compared with. Without one, a truncated or rolled back
    /// log looks whole.
    pub kept: Option<u64>,
    /// The key that signed.
    pub key: PublicKey,
}

/// What is wrong with a log: the first thing found.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log names another key than the one that is trusted.
    #[error("the log says it is signed by {found}, and {trusted} is expected")]
    Key {
        /// The key in the log.
        found: String,
        /// The expected key.
        trusted: String,
    },
    /// A record is not what was written.
    #[error("record {seq} {problem}")]
    Record {
        /// Which record.
        seq: u64,
        /// What is wrong, to be read after "record 7".
        problem: String,
    },
    /// A checkpoint does not fit the records.
    #[error("the checkpoint at {size} records {problem}")]
    Checkpoint {
        /// Its size.
        size: u64,
        /// What is wrong.
        problem: String,
    },
    /// The log has records that nobody signed.
    #[error(
        "record {first} and those after it are not covered by any checkpoint: they were not written by stayhand"
    )]
    Uncovered {
        /// The first such record.
        first: u64,
    },
    /// The kept checkpoint cannot be used.
    #[error("the kept checkpoint cannot be used: {0}")]
    Kept(#[source] NoteError),
    /// The log is shorter than it once was.
    #[error("the log has {found} records and once had {kept}: it was truncated or rolled back")]
    RolledBack {
        /// The size of the kept checkpoint.
        kept: u64,
        /// The number of records now.
        found: u64,
    },
    /// The log's beginning is not the one that the kept checkpoint saw.
    #[error(
        "the first {size} records are not the ones the kept checkpoint vouches for: history was rewritten"
    )]
    Rewritten {
        /// The size of the kept checkpoint.
        size: u64,
    },
}

/// Checks the log of a folder: every record, every column, every checkpoint, and that it continues the `kept`
/// checkpoint (a signed note from another place), if there is one. `trusted` is the public key, from another
/// place; without it the log's own word is taken for whose log it is.
pub fn verify(dir: &Path, kept: Option<&str>, trusted: Option<&PublicKey>) -> Result<Report, VerifyError> {
    check(&Log::open_read_only(dir)?, kept, trusted)
}

/// The end of the log when the check began. Later records are left to the next check.
struct Snapshot {
    records: u64,
    last: StoredCheckpoint,
}

struct StoredCheckpoint {
    size: i64,
    at: i64,
    note: String,
    frontier: Vec<u8>,
}

pub(crate) fn check(
    reader: &LogReader,
    kept: Option<&str>,
    trusted: Option<&PublicKey>,
) -> Result<Report, VerifyError> {
    let key = check_key(reader, trusted)?;
    let kept = kept.map(|note| key.open(note)).transpose().map_err(VerifyError::Kept)?;
    let Snapshot { records, last } = snapshot(reader)?;
    if let Some(kept) = kept.as_ref().filter(|kept| kept.size > records) {
        return Err(VerifyError::RolledBack { kept: kept.size, found: records });
    }
    let kept_size = kept.as_ref().map(|kept| kept.size);
    let mut walk = Walk { reader, key, kept, ..Walk::new(reader, key) };
    std::thread::scope(|scope| {
        let indexes = scope.spawn(|| check_indexes(reader));
        let walked = walk.check_checkpoints(&last);
        let listed =
            indexes.join().unwrap_or_else(|_| Err(ReadError::Corrupt("its check failed".into()).into()));
        // What the walk finds names a record, and says more.
        walked.and(listed)
    })?;
    let covered = walk.tree.size();
    if records > covered {
        return Err(VerifyError::Uncovered { first: covered });
    }
    Ok(Report {
        records,
        first: walk.first,
        last: (records > 0).then_some(walk.last),
        root: walk.tree.root(),
        checkpoints: walk.checkpoints,
        kept: kept_size,
        key: key.clone(),
    })
}

/// The key that all signatures are checked with.
fn check_key<'a>(reader: &'a LogReader, trusted: Option<&PublicKey>) -> Result<&'a PublicKey, VerifyError> {
    let found = reader.public_key();
    let published = reader.folder().map(key::read_public).transpose().map_err(OpenError::Key)?.flatten();
    for expected in trusted.into_iter().chain(&published) {
        if expected != found {
            return Err(VerifyError::Key { found: found.to_string(), trusted: expected.to_string() });
        }
    }
    Ok(found)
}

fn snapshot(reader: &LogReader) -> Result<Snapshot, VerifyError> {
    let sql = "SELECT size, at, note, frontier, (SELECT min(seq) FROM record), (SELECT max(seq) FROM record)
        FROM checkpoint ORDER BY size DESC LIMIT 1";
    let row = reader.with_db(|db| {
        let read = |row: &Row<'_>| Ok((read_checkpoint(row)?, row.get(4)?, row.get(5)?));
        db.prepare_cached(sql)?.query_row((), read).optional()
    })?;
    let (last, first, newest): (_, Option<i64>, Option<i64>) =
        row.ok_or_else(|| ReadError::Corrupt("it has no checkpoint".into()))?;
    if first.is_some_and(|first| first < 0) {
        return Err(VerifyError::Record { seq: 0, problem: "is preceded by others".into() });
    }
    let records = newest.and_then(|newest| u64::try_from(newest).ok()).map_or(0, |newest| newest + 1);
    Ok(Snapshot { records, last })
}

/// Whether the indexes list what the table holds: an index that leaves a record out would hide it from
/// queries. Nobody but this process can reach a log in memory.
fn check_indexes(reader: &LogReader) -> Result<(), VerifyError> {
    if reader.folder().is_none() {
        return Ok(());
    }
    // With a connection of its own, because it takes as long as everything else.
    let found: String =
        reader.reopen()?.with_db(|db| db.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0)))?;
    if found == "ok" { Ok(()) } else { Err(ReadError::Corrupt(found).into()) }
}

fn next_checkpoint(
    reader: &LogReader,
    after: i64,
    before: i64,
) -> Result<Option<StoredCheckpoint>, ReadError> {
    let sql =
        "SELECT size, at, note, frontier FROM checkpoint WHERE size > ?1 AND size < ?2 ORDER BY size LIMIT 1";
    reader.with_db(|db| db.prepare_cached(sql)?.query_row([after, before], read_checkpoint).optional())
}

fn read_checkpoint(row: &Row<'_>) -> rusqlite::Result<StoredCheckpoint> {
    Ok(StoredCheckpoint { size: row.get(0)?, at: row.get(1)?, note: row.get(2)?, frontier: row.get(3)? })
}

/// The state of the check: everything up to here holds.
struct Walk<'a> {
    reader: &'a LogReader,
    key: &'a PublicKey,
    kept: Option<Checkpoint>,
    tree: Frontier,
    first: Option<Timestamp>,
    last: Timestamp,
    checkpoints: u64,
}

impl<'a> Walk<'a> {
    fn new(reader: &'a LogReader, key: &'a PublicKey) -> Self {
        let tree = Frontier::default();
        Self { reader, key, kept: None, tree, first: None, last: Timestamp(0), checkpoints: 0 }
    }

    /// Walks to the last checkpoint and compares with all on the way.
    fn check_checkpoints(&mut self, last: &StoredCheckpoint) -> Result<(), VerifyError> {
        let mut after = -1;
        // Only the newest checkpoint is ever replaced, and the snapshot holds that one.
        while let Some(checkpoint) = next_checkpoint(self.reader, after, last.size)? {
            after = checkpoint.size;
            self.check_checkpoint(&checkpoint)?;
        }
        self.check_checkpoint(last)
    }

    /// Walks up to a checkpoint and compares.
    fn check_checkpoint(&mut self, stored: &StoredCheckpoint) -> Result<(), VerifyError> {
        let size = stored.size.cast_unsigned();
        let wrong = |problem: String| VerifyError::Checkpoint { size, problem };
        let signed = self.key.open(&stored.note).map_err(|error| wrong(format!("is not valid: {error}")))?;
        if signed.size != size || signed.origin != self.key.name() {
            return Err(wrong(format!("is signed for {} records of {}", signed.size, signed.origin)));
        }
        self.walk_past_kept(size)?;
        if signed.root != self.tree.root() {
            return Err(wrong("has another root than the records before it".into()));
        }
        if stored.at != column(self.last.0) {
            return Err(wrong("has another time than the record before it".into()));
        }
        if Frontier::from_bytes(&stored.frontier).as_ref() != Some(&self.tree) {
            return Err(wrong("has another frontier than the records before it".into()));
        }
        self.checkpoints += 1;
        Ok(())
    }

    /// Walks to a size and compares with the kept checkpoint on the way.
    fn walk_past_kept(&mut self, size: u64) -> Result<(), VerifyError> {
        if let Some(kept) = self.kept.take_if(|kept| kept.size <= size) {
            self.walk_to(kept.size)?;
            if kept.root != self.tree.root() {
                return Err(VerifyError::Rewritten { size: kept.size });
            }
        }
        self.walk_to(size)
    }

    fn walk_to(&mut self, size: u64) -> Result<(), VerifyError> {
        while self.tree.size() < size {
            let (from, to) = (self.tree.size(), size.min(self.tree.size() + PAGE));
            let reader = self.reader;
            let outcome = reader.with_db(|db| {
                let mut statement = db.prepare_cached(
                    "SELECT seq, at, leaf, body, kind, agent, session, tool, effect, about
                     FROM record WHERE seq >= ?1 AND seq < ?2 ORDER BY seq",
                )?;
                let mut rows = statement.query([column(from), column(to)])?;
                while let Some(row) = rows.next()? {
                    if let ControlFlow::Break(error) = self.check_row(row)? {
                        return Ok(Some(error));
                    }
                }
                Ok(None)
            })?;
            if let Some(error) = outcome {
                return Err(error);
            }
            if self.tree.size() < to {
                return Err(VerifyError::Record { seq: self.tree.size(), problem: "is missing".into() });
            }
        }
        Ok(())
    }

    fn check_row(&mut self, row: &Row<'_>) -> rusqlite::Result<ControlFlow<VerifyError>> {
        let seq = self.tree.size();
        let wrong =
            |problem: &str| Ok(ControlFlow::Break(VerifyError::Record { seq, problem: problem.to_owned() }));
        if row.get_ref(0)? != ValueRef::Integer(column(seq)) {
            return wrong("is missing");
        }
        let (ValueRef::Integer(at), ValueRef::Blob(leaf), ValueRef::Blob(body)) =
            (row.get_ref(1)?, row.get_ref(2)?, row.get_ref(3)?)
        else {
            return wrong("has columns of a wrong type");
        };
        let Ok(at) = u64::try_from(at).map(Timestamp) else { return wrong("has a negative time") };
        let hash = leaf_hash(body);
        if leaf != hash {
            return wrong("was changed: its body does not have the stored hash");
        }
        if at < self.last {
            return wrong("is older than the one before it");
        }
        let begins_with = |v: u32| body.starts_with(record_prefix(v, seq, at).as_bytes());
        if !(1..=EVENT_VERSION).rev().any(begins_with) {
            return wrong("does not begin with its own version, number and time");
        }
        if let Some(problem) = check_columns(row, body)? {
            return wrong(problem);
        }
        self.tree.append(hash);
        self.first.get_or_insert(at);
        self.last = at;
        Ok(ControlFlow::Continue(()))
    }
}

/// Whether the searchable columns say what the body says.
fn check_columns(row: &Row<'_>, body: &[u8]) -> rusqlite::Result<Option<&'static str>> {
    let Ok(columns) = Columns::of_body(body) else { return Ok(Some("is not a record")) };
    let texts = [
        (4, Some(&columns.kind), "has another kind in its column than in its body"),
        (5, columns.agent.as_ref(), "has another agent in its column than in its body"),
        (6, columns.session.as_ref(), "has another session in its column than in its body"),
        (7, columns.tool.as_ref(), "has another tool in its column than in its body"),
        (8, columns.effect.as_ref(), "has another effect in its column than in its body"),
    ];
    for (index, text, problem) in texts {
        let expected = text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()));
        if row.get_ref(index)? != expected {
            return Ok(Some(problem));
        }
    }
    let about = columns.about.map_or(ValueRef::Null, |about| ValueRef::Integer(column(about)));
    Ok((row.get_ref(9)? != about).then_some("belongs to another decision in its column than in its body"))
}
