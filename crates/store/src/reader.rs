//! The log as everybody else sees it: records, checkpoints, proofs. Nothing is written.

use crate::error::{OpenError, ReadError};
use crate::merkle::{Frontier, Hash, consistency_ranges, inclusion_ranges};
use crate::note::PublicKey;
use crate::proof::Proof;
use crate::query::{Order, Query};
use crate::queue::{Queue, lock};
use crate::schema::{self, LOG_FILE};
use crate::verify::{Report, VerifyError};
use crate::writer::column;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use stayhand_core::event::{EVENT_VERSION, Record};
use stayhand_core::time::Timestamp;
use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Records that one statement reads, so that no read transaction stays open while a caller thinks.
const PAGE_RECORDS: usize = 256;
/// Bytes after which a page ends early.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Leaves that one statement reads.
const PAGE_LEAVES: u64 = 16 * 1024;

/// Where a reader reads.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The folder of a log.
    Folder(PathBuf),
    /// A database in memory, and the queue whose records must be waited for.
    Memory(String, Arc<Queue>),
}

/// Reads a log. Several threads may share one; each query waits for the one before it.
#[derive(Debug)]
pub struct LogReader {
    source: Source,
    db: Mutex<Connection>,
    public: PublicKey,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub seq: u64,
    /// The JSON of the record, byte for byte what the leaf is the hash of.
    pub body: Vec<u8>,
}

impl Stored {
    /// Understands the record.
    pub fn parse(&self) -> Result<Record, ReadError> {
        let seq = self.seq;
        let damaged = |error: serde_json::Error| ReadError::Damaged { seq, detail: error.to_string() };
        match serde_json::from_slice::<Record>(&self.body) {
            Ok(record) if record.v <= EVENT_VERSION && record.seq == seq => Ok(record),
            Ok(record) if record.v > EVENT_VERSION => Err(ReadError::NewerRecord { seq, version: record.v }),
            Ok(record) => {
                Err(ReadError::Damaged { seq, detail: format!("it calls itself record {}", record.seq) })
            }
            // A newer record may not even parse; then its version is the better message.
            Err(error) => match serde_json::from_slice::<Version>(&self.body) {
                Ok(Version { v }) if v > EVENT_VERSION => Err(ReadError::NewerRecord { seq, version: v }),
                _ => Err(damaged(error)),
            },
        }
    }
}

#[derive(serde::Deserialize)]
struct Version {
    v: u32,
}

impl LogReader {
    pub(crate) fn open(source: Source) -> Result<Self, OpenError> {
        let (db, file) = match &source {
            Source::Folder(dir) => (schema::open_reader(&dir.join(LOG_FILE))?, dir.join(LOG_FILE)),
            Source::Memory(name, _) => (schema::open_memory(name)?, PathBuf::from(name)),
        };
        let public = schema::read_identity(&db, &file)?;
        Ok(Self { source, db: Mutex::new(db), public })
    }

    /// Another reader of the same log, for another thread.
    pub fn reopen(&self) -> Result<Self, OpenError> {
        Self::open(self.source.clone())
    }

    /// The key the log says it is signed by. Compare it with one you got elsewhere.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The folder, of a log that has one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.source {
            Source::Folder(dir) => Some(dir),
            Source::Memory(..) => None,
        }
    }

    /// Runs a query with the connection, after what waits in memory has been written.
    pub(crate) fn with_db<T>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        if let Source::Memory(_, queue) = &self.source {
            queue.drain();
        }
        Ok(run(&lock(&self.db))?)
    }

    /// The number of durable records.
    pub fn records_now(&self) -> Result<u64, ReadError> {
        let last: Option<i64> = self.with_db(|db| {
            db.prepare_cached("SELECT max(seq) FROM record")?.query_row((), |row| row.get(0))
        })?;
        Ok(last.and_then(|last| u64::try_from(last).ok()).map_or(0, |last| last + 1))
    }

    /// One record.
    pub fn record(&self, seq: u64) -> Result<Stored, ReadError> {
        let body = self.with_db(|db| {
            let mut statement = db.prepare_cached("SELECT body FROM record WHERE seq = ?1")?;
            statement.query_row([column(seq)], |row| row.get(0)).optional()
        })?;
        match body {
            Some(body) => Ok(Stored { seq, body }),
            None => Err(ReadError::NoRecord { seq, records: self.records_now()? }),
        }
    }

    /// The records that match, read page by page while the iterator is used.
    pub fn records(&self, query: &Query) -> Result<Records<'_>, ReadError> {
        let records = self.records_now()?;
        let mut range = query.from_seq.unwrap_or(0)..query.to_seq.unwrap_or(records).min(records);
        if let Some(at) = query.from_at {
            range.start = range.start.max(self.first_at_or_after(at, records)?);
        }
        if let Some(at) = query.to_at {
            range.end = range.end.min(self.first_at_or_after(at, records)?);
        }
        let (conditions, values) = query.conditions();
        let direction = if query.order == Order::Ascending { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT seq, body FROM record WHERE seq >= ?1 AND seq < ?2{conditions} \
             ORDER BY seq {direction} LIMIT {PAGE_RECORDS}"
        );
        let chosen = query.session.as_ref().map(|session| self.session(session, &range)).transpose()?;
        Ok(Records {
            reader: self,
            sql,
            values,
            order: query.order,
            range,
            chosen,
            left: query.limit.unwrap_or(u64::MAX),
            page: VecDeque::new(),
        })
    }

    /// The sequence numbers of a session: eight bytes each, where a page of bodies would be looked up anew.
    fn session(&self, session: &str, range: &Range<u64>) -> Result<VecDeque<u64>, ReadError> {
        self.with_db(|db| {
            let mut statement = db.prepare_cached(Query::session_sql())?;
            let rows = statement.query_map((session, column(range.start), column(range.end)), |row| {
                row.get(0).map(i64::cast_unsigned)
            })?;
            rows.collect()
        })
    }

    /// The first record that is not before the time: a binary search, because time never goes back.
    fn first_at_or_after(&self, at: Timestamp, records: u64) -> Result<u64, ReadError> {
        let (mut low, mut high) = (0, records);
        while low < high {
            let middle = low + (high - low) / 2;
            let found: Option<i64> = self.with_db(|db| {
                let mut statement = db.prepare_cached("SELECT at FROM record WHERE seq = ?1")?;
                statement.query_row([column(middle)], |row| row.get(0)).optional()
            })?;
            let found = found.ok_or(ReadError::NoRecord { seq: middle, records })?;
            if found < column(at.0) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// Every record from this one on, understood.
    pub(crate) fn parse_from(&self, seq: u64) -> Result<Vec<Record>, ReadError> {
        let query = Query { from_seq: Some(seq), ..Query::default() };
        self.records(&query)?.map(|stored| stored?.parse()).collect()
    }

    /// The newest checkpoint, a signed note.
    pub fn checkpoint(&self) -> Result<String, ReadError> {
        let note = self.with_db(|db| {
            let mut statement =
                db.prepare_cached("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")?;
            statement.query_row((), |row| row.get(0)).optional()
        })?;
        note.ok_or_else(|| ReadError::Corrupt("it has no checkpoint".into()))
    }

    /// The stored leaf hash of a record.
    pub fn leaf(&self, seq: u64) -> Result<Hash, ReadError> {
        match seq.checked_add(1) {
            Some(after) => self.root_of(seq..after),
            None => Err(ReadError::NoRecord { seq, records: self.records_now()? }),
        }
    }

    /// The root over these leaves, taken as a tree of their own. Reads every leaf hash in the range.
    pub fn root_of(&self, range: Range<u64>) -> Result<Hash, ReadError> {
        let mut tree = Frontier::default();
        let mut next = range.start;
        while next < range.end {
            let end = range.end.min(next.saturating_add(PAGE_LEAVES));
            let leaves: Vec<Hash> = self.with_db(|db| {
                let mut statement =
                    db.prepare_cached("SELECT leaf FROM record WHERE seq >= ?1 AND seq < ?2 ORDER BY seq")?;
                statement.query_map([column(next), column(end)], |row| row.get(0))?.collect()
            })?;
            if leaves.len() as u64 != end - next {
                return Err(ReadError::Corrupt(format!("records between {next} and {end} are missing")));
            }
            tree.extend(leaves);
            next = end;
        }
        Ok(tree.root())
    }

    /// A self-contained proof that a record is in the log of the newest checkpoint.
    pub fn prove(&self, seq: u64) -> Result<Proof, ReadError> {
        let checkpoint = self.checkpoint()?;
        let head = self.public.open(&checkpoint).map_err(|error| ReadError::Corrupt(error.to_string()))?;
        let ranges =
            inclusion_ranges(seq, head.size).ok_or(ReadError::NoRecord { seq, records: head.size })?;
        let path = ranges.into_iter().map(|range| self.root_of(range)).collect::<Result<Vec<_>, _>>()?;
        let body = String::from_utf8(self.record(seq)?.body)
            .map_err(|error| ReadError::Damaged { seq, detail: error.to_string() })?;
        Ok(Proof {
            origin: head.origin,
            seq,
            body,
            leaf: BASE64.encode(self.leaf(seq)?),
            size: head.size,
            root: BASE64.encode(head.root),
            path: path.iter().map(|hash| BASE64.encode(hash)).collect(),
            checkpoint,
        })
    }

    /// The path that proves that the log of `old` records is the beginning of the log of `new` records.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, ReadError> {
        let ranges = consistency_ranges(old, new).ok_or(ReadError::NoRecord { seq: old, records: new })?;
        ranges.into_iter().map(|range| self.root_of(range)).collect()
    }

    /// Reads everything and checks it, see [`crate::verify()`].
    pub fn verify(&self, kept: Option<&str>, trusted: Option<&PublicKey>) -> Result<Report, VerifyError> {
        crate::verify::check(self, kept, trusted)
    }
}

/// The records of a query.
#[derive(Debug)]
pub struct Records<'a> {
    reader: &'a LogReader,
    sql: String,
    values: Vec<Value>,
    order: Order,
    /// What has not been looked at.
    range: Range<u64>,
    /// The only records to look at, in ascending order, if they are known beforehand.
    chosen: Option<VecDeque<u64>>,
    left: u64,
    page: VecDeque<Stored>,
}

impl Iterator for Records<'_> {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.page.is_empty() {
            let range = self.next_range()?;
            if let Err(error) = self.read(range) {
                self.left = 0;
                return Some(Err(error));
            }
        }
        self.left -= 1;
        self.page.pop_front().map(Ok)
    }
}

impl Records<'_> {
    /// The next stretch to look at; nothing at the end.
    fn next_range(&mut self) -> Option<Range<u64>> {
        let Some(chosen) = &mut self.chosen else {
            return (!self.range.is_empty()).then(|| self.range.clone());
        };
        let seq = if self.order == Order::Ascending { chosen.pop_front() } else { chosen.pop_back() };
        seq.map(|seq| seq..seq + 1)
    }

    /// Reads one page and remembers where it ended.
    fn read(&mut self, range: Range<u64>) -> Result<(), ReadError> {
        let bounds = [range.start, range.end].map(|bound| Value::Integer(column(bound)));
        let (page, full) = self.reader.with_db(|db| {
            let mut statement = db.prepare_cached(&self.sql)?;
            let mut rows = statement.query(params_from_iter(bounds.iter().chain(&self.values)))?;
            let (mut page, mut bytes) = (VecDeque::new(), 0);
            while let Some(row) = rows.next()? {
                let stored = read_stored(row)?;
                bytes += stored.body.len();
                page.push_back(stored);
                if bytes >= PAGE_BYTES {
                    return Ok((page, true));
                }
            }
            let full = page.len() == PAGE_RECORDS;
            Ok((page, full))
        })?;
        self.page = page;
        let last = self.page.back().filter(|_| full).map(|stored| stored.seq);
        match (last, self.order) {
            (Some(last), Order::Ascending) => self.range.start = last + 1,
            (Some(last), Order::Descending) => self.range.end = last,
            (None, _) => self.range.end = self.range.start,
        }
        Ok(())
    }
}

fn read_stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored { seq: i64::cast_unsigned(row.get(0)?), body: row.get(1)? })
}
