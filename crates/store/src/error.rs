//! What can go wrong with a log, one type per family of operations.

use crate::key::KeyError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a log could not be opened. Every message names the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The linked `SQLite` has the bug that can corrupt a write-ahead log.
    #[error(
        "the linked SQLite {found} can corrupt the log; at least {least} is needed: build stayhand with the bundled one"
    )]
    SqliteTooOld {
        /// The linked version.
        found: String,
        /// The least acceptable version.
        least: String,
    },
    /// A newer program wrote it.
    #[error("{} has format {found}, and this program knows formats up to {known}: update stayhand", file.display())]
    NewerFormat {
        /// The log file.
        file: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format this program knows.
        known: u32,
    },
    /// The folder, or a file in it, cannot be written.
    #[error("cannot write {}: {reason}; give the folder to the user stayhand runs as, or open it read-only (`stayhand audit`)", path.display())]
    ReadOnly {
        /// The folder or file.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
    /// There is no log.
    #[error("there is no log at {}: check the folder's name", file.display())]
    Missing {
        /// The log file.
        file: PathBuf,
    },
    /// It is a database of something else.
    #[error("{} is not a stayhand log: name another folder", file.display())]
    NotALog {
        /// The file.
        file: PathBuf,
    },
    /// The file is damaged or has been tampered with.
    #[error("{} is damaged: {detail}; keep it as evidence (`stayhand audit verify` says more), move the folder away and restore a copy or begin a new log", file.display())]
    Corrupt {
        /// The log file.
        file: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key is not the one the log was begun with.
    #[error("{} was signed by {signed_by}, and the key in its folder is {found}: restore the log's own key", file.display())]
    KeyDiffers {
        /// The log file.
        file: PathBuf,
        /// The public key in the log.
        signed_by: String,
        /// The public key of the key file.
        found: String,
    },
    /// Another process kept its turn for too long.
    #[error(transparent)]
    Turn(#[from] TurnError),
    /// Anything else the system or `SQLite` says.
    #[error("cannot open {}: {reason}", path.display())]
    Other {
        /// The file or folder.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
}

/// Why the writer's turn could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// Somebody else held it for ten seconds.
    #[error("the log is in use{}; wait for it, or stop it if it hangs", holder.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    Busy {
        /// The process that holds it, if it is known.
        holder: Option<u32>,
    },
    /// The log stopped writing.
    #[error("the log is closed after a failed write: {cause}")]
    Latched {
        /// The first failure.
        cause: Arc<str>,
    },
    /// The lock file cannot be used.
    #[error("cannot lock the log: {0}")]
    Lock(#[source] io::Error),
}

/// Why a record was not stored. Nothing that depends on it may happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// An earlier write failed. Writes are never retried: free space or mend the disk, then start anew.
    #[error("the log is closed after a failed write: {cause}")]
    Latched {
        /// The first failure.
        cause: Arc<str>,
    },
    /// The record is larger than [`crate::MAX_RECORD_BYTES`].
    #[error("the record has {bytes} bytes, the most that is stored is {}", crate::MAX_RECORD_BYTES)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Another process has appended, and [`crate::Turn::news`] has not been read.
    #[error("another process has appended records that have not been read")]
    UnreadNews,
    /// The event cannot be written as JSON.
    #[error("the event cannot be encoded: {0}")]
    Encode(Arc<str>),
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// `SQLite` reports an error.
    #[error("cannot read the log: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A record of a newer program.
    #[error("record {seq} has version {version}, which this program does not know: update stayhand")]
    NewerRecord {
        /// Which record.
        seq: u64,
        /// Its version.
        version: u32,
    },
    /// A record that cannot be understood.
    #[error("record {seq} is damaged: {detail}")]
    Damaged {
        /// Which record.
        seq: u64,
        /// What is wrong.
        detail: String,
    },
    /// There is no such record.
    #[error("there is no record {seq}; the log has {records}")]
    NoRecord {
        /// Which record.
        seq: u64,
        /// How many there are.
        records: u64,
    },
    /// A table lacks what every log has.
    #[error("the log is damaged: {0}")]
    Corrupt(String),
}
