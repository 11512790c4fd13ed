//! Writes: one transaction, one signature and one durable commit for all that waits.

use crate::error::OpenError;
use crate::merkle::{Frontier, leaf_hash};
use crate::note::{PublicKey, Signer};
use crate::queue::Pending;
use crate::schema::{corrupt, sqlite_error};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use stayhand_core::time::Timestamp;
use std::path::PathBuf;

/// Of the checkpoints of one such interval only the last is kept, in microseconds.
const CHECKPOINT_INTERVAL_US: u64 = 60_000_000;
/// Pages written before the write-ahead log is moved into the file. It then starts over in the same place;
/// while it grows, every commit has to sync the file's size as well, which costs twice the time.
const WAL_PAGES: usize = 1000;
/// Bytes that a page takes of records.
const PAGE_BYTES: usize = 4096;
/// Pages of a commit besides those of its records: session index, checkpoint, a page that is split.
const PAGES_OF_COMMIT: usize = 3;

/// The end of the log, as its last checkpoint vouches for it.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) frontier: Frontier,
    /// The time of the last record.
    pub(crate) last_at: Timestamp,
}

impl Head {
    /// Reads the last checkpoint, and refuses a log that does not end where the checkpoint says.
    pub(crate) fn load(db: &Connection, file: &std::path::Path, key: &PublicKey) -> Result<Self, OpenError> {
        let sql = "SELECT size, note, frontier, (SELECT max(seq) FROM record),
            (SELECT at FROM record ORDER BY seq DESC LIMIT 1) FROM checkpoint ORDER BY size DESC LIMIT 1";
        let row = db
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let read = |row: &rusqlite::Row<'_>| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                };
                statement.query_row((), read).optional()
            })
            .map_err(|error| sqlite_error(file, &error))?;
        let (size, note, frontier, last, at): (i64, String, Vec<u8>, Option<i64>, Option<i64>) =
            row.ok_or_else(|| corrupt(file, "it has no checkpoint"))?;
        let frontier =
            Frontier::from_bytes(&frontier).ok_or_else(|| corrupt(file, "its frontier is malformed"))?;
        let checkpoint = key.open(&note).map_err(|error| corrupt(file, error.to_string()))?;
        let vouched = (checkpoint.size, checkpoint.root) == (frontier.size(), frontier.root());
        if !vouched || u64::try_from(size) != Ok(frontier.size()) {
            return Err(corrupt(file, "its last checkpoint does not fit the stored frontier"));
        }
        let records = last.map_or(0, |last| last.saturating_add(1));
        if records != size {
            let detail = format!("its last checkpoint vouches for {size} records, and there are {records}");
            return Err(corrupt(file, detail));
        }
        Ok(Self { frontier, last_at: Timestamp(at.and_then(|at| at.try_into().ok()).unwrap_or_default()) })
    }
}

/// Owns the only connection that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    db: Connection,
    file: PathBuf,
    frontier: Frontier,
    signer: Signer,
    wal_pages: usize,
}

/// Why nothing more is written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Head(#[from] OpenError),
    #[error("writing panicked")]
    Panic,
}

impl Writer {
    pub(crate) const fn new(db: Connection, file: PathBuf, frontier: Frontier, signer: Signer) -> Self {
        Self { db, file, frontier, signer, wal_pages: 0 }
    }

    /// The number of records written.
    pub(crate) const fn records(&self) -> u64 {
        self.frontier.size()
    }

    /// Writes the records, which follow each other, and waits for the disk.
    pub(crate) fn commit(&mut self, batch: &[Pending]) -> Result<(), Failure> {
        let [first, ..] = batch else { return Ok(()) };
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if first.seq != self.frontier.size() {
            // Another process wrote in between.
            self.frontier = Head::load(&transaction, &self.file, self.signer.public())?.frontier;
        }
        let before = self.frontier.size();
        let mut insert = transaction
            .prepare_cached("INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
        for pending in batch {
            let leaf = leaf_hash(&pending.body);
            self.frontier.append(leaf);
            let columns = &pending.columns;
            insert.execute(params![
                column(pending.seq),
                column(pending.at.0),
                columns.kind,
                columns.agent,
                columns.session,
                columns.tool,
                columns.effect,
                columns.about.map(column),
                leaf,
                pending.body,
            ])?;
        }
        drop(insert);
        let at = batch.last().unwrap_or(first).at;
        write_checkpoint(&transaction, &self.signer, &self.frontier, before, at)?;
        transaction.commit()?;
        let bytes: usize = batch.iter().map(|pending| pending.body.len()).sum();
        self.wal_pages += PAGES_OF_COMMIT + bytes / PAGE_BYTES;
        Ok(())
    }

    /// Whether it is time for [`Writer::shorten_wal`].
    pub(crate) const fn wal_is_long(&self) -> bool {
        self.wal_pages >= WAL_PAGES
    }

    /// Moves the write-ahead log into the file.
    pub(crate) fn shorten_wal(&mut self) -> Result<(), Failure> {
        self.wal_pages = 0;
        Ok(self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))?)
    }
}

/// Signs the tree. The checkpoint replaces the one before it within the same interval, so that a slow log
/// does not consist of signatures; the newest one always covers every record.
fn write_checkpoint(
    db: &Connection,
    signer: &Signer,
    frontier: &Frontier,
    before: u64,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let interval = CHECKPOINT_INTERVAL_US;
    db.prepare_cached("DELETE FROM checkpoint WHERE size = ?1 AND at / ?2 = ?3 / ?2")?.execute(params![
        column(before),
        column(interval),
        column(at.0)
    ])?;
    let note = signer.sign(frontier.size(), frontier.root());
    db.prepare_cached("INSERT INTO checkpoint VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        column(frontier.size()),
        column(at.0),
        note,
        frontier.to_bytes()
    ])?;
    Ok(())
}

/// Counters and times stay far below 2^63; a number of an event that does not is stored as the largest.
pub(crate) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
