//! The `SQLite` file: connections, tables, format version.

use crate::error::OpenError;
use crate::merkle::Frontier;
use crate::note::{PublicKey, Signer};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The least version of `SQLite`, as in its `sqlite3_libversion_number`: 3.51.3. Earlier ones can corrupt a
/// write-ahead log while it is reset (sqlite.org/wal.html, "The WAL-Reset Bug").
pub const LEAST_SQLITE: i32 = 3_051_003;
/// The format this program writes.
pub(crate) const FORMAT: u32 = 1;
/// The name of the log file.
pub(crate) const LOG_FILE: &str = "log.db";
/// How long `SQLite` waits for another connection before it reports that the file is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The same in memory, where a reader makes the writer wait.
const MEMORY_TIMEOUT: Duration = Duration::from_secs(600);

/// The leaf stands in front of the body, so that proofs read no bodies.
const TABLES: &str = "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE record(
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
        agent TEXT, session TEXT, tool TEXT, effect TEXT, about INTEGER,
        leaf BLOB NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE INDEX record_session ON record(session) WHERE session IS NOT NULL;
    CREATE INDEX record_about ON record(about) WHERE about IS NOT NULL;
    CREATE INDEX record_effect ON record(effect) WHERE effect <> 'allow';
    CREATE INDEX record_kind ON record(kind) WHERE kind NOT IN ('decided', 'settled');
    CREATE TABLE checkpoint(
        size INTEGER PRIMARY KEY, at INTEGER NOT NULL, note TEXT NOT NULL, frontier BLOB NOT NULL) STRICT;
";

/// Refuses a `SQLite` that may corrupt the log.
pub(crate) fn check_sqlite(version: i32) -> Result<(), OpenError> {
    if version >= LEAST_SQLITE {
        return Ok(());
    }
    let text = |v: i32| format!("{}.{}.{}", v / 1_000_000, v / 1000 % 1000, v % 1000);
    Err(OpenError::SqliteTooOld { found: text(version), least: text(LEAST_SQLITE) })
}

/// Opens the file for the writer and creates it, readable by its owner only, if it is missing.
pub(crate) fn open_writer(file: &Path, max_bytes: u64) -> Result<Connection, OpenError> {
    // SQLite would create it with the mode of the umask; its companions inherit the mode of this file.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
        .map_err(|error| io_error(file, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags).map_err(|error| sqlite_error(file, &error))?;
    configure_writer(&db, max_bytes).map_err(|error| sqlite_error(file, &error))?;
    Ok(db)
}

fn configure_writer(db: &Connection, max_bytes: u64) -> rusqlite::Result<()> {
    configure(db)?;
    let page_bytes: u64 =
        db.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))?.cast_unsigned();
    let max_pages = u32::try_from(max_bytes / page_bytes.max(1)).unwrap_or(u32::MAX - 1);
    db.pragma_update(None, "max_page_count", max_pages)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // The writer moves the write-ahead log into the file itself, after it has acknowledged.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
}

fn configure(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(32);
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)
}

/// Opens the file for reading only.
///
/// Where the folder can be written, `SQLite` coordinates with a live writer through its shared-memory file.
/// Where it cannot, no writer can be alive that we could disturb, and the file is read as it lies there.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, OpenError> {
    if !file.is_file() {
        return Err(OpenError::Missing { file: file.to_owned() });
    }
    let coordinated = companion(file, "-shm").exists() || can_write(file.parent());
    let wal_bytes = companion(file, "-wal").metadata().map_or(0, |meta| meta.len());
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let opened = if coordinated {
        open_flags(file, read_only)
    } else if wal_bytes == 0 {
        let uri = format!("file:{}?immutable=1", percent_encode(file));
        open_flags(Path::new(&uri), read_only | OpenFlags::SQLITE_OPEN_URI)
    } else {
        // The write-ahead log is indexed in this process's memory, which needs a sole user without locks.
        Connection::open_with_flags_and_vfs(file, read_only | OpenFlags::SQLITE_OPEN_NO_MUTEX, c"unix-none")
            .and_then(|db| db.pragma_update(None, "locking_mode", "EXCLUSIVE").map(|()| db))
    };
    let db = opened.map_err(|error| sqlite_error(file, &error))?;
    configure(&db).map_err(|error| sqlite_error(file, &error))?;
    Ok(db)
}

/// Opens one more connection to a database in memory that lives while any connection does.
pub(crate) fn open_memory(name: &str) -> Result<Connection, OpenError> {
    let uri = format!("file:/{name}?vfs=memdb");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI;
    let db = open_flags(Path::new(&uri), flags).map_err(|error| sqlite_error(Path::new(&uri), &error))?;
    let configured = configure(&db).and_then(|()| db.busy_timeout(MEMORY_TIMEOUT));
    configured.map_err(|error| sqlite_error(Path::new(&uri), &error))?;
    Ok(db)
}

fn open_flags(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn companion(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn can_write(dir: Option<&Path>) -> bool {
    let dir = dir.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok()
}

fn percent_encode(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                text.push(char::from(*byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
        text
    })
}

/// Whether the log has been begun.
pub(crate) fn is_begun(db: &Connection, file: &Path) -> Result<bool, OpenError> {
    let tables: Result<u32, _> = db.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0));
    tables.map(|count| count > 0).map_err(|error| sqlite_error(file, &error))
}

/// Begins a log: tables, format, key and the checkpoint of the empty tree, in one transaction.
pub(crate) fn begin(db: &mut Connection, file: &Path, signer: &Signer) -> Result<(), OpenError> {
    let empty = Frontier::default();
    let note = signer.sign(0, empty.root());
    let mut create = || {
        let transaction = db.transaction()?;
        transaction.execute_batch(TABLES)?;
        let mut meta = transaction.prepare("INSERT INTO meta(key, value) VALUES (?1, ?2)")?;
        meta.execute(params!["format", FORMAT.to_string()])?;
        meta.execute(params!["public_key", signer.public().to_string()])?;
        drop(meta);
        transaction
            .execute("INSERT INTO checkpoint VALUES (0, 0, ?1, ?2)", params![note, empty.to_bytes()])?;
        transaction.commit()
    };
    create().map_err(|error| sqlite_error(file, &error))
}

/// Checks that the file is a log of a known format, and reads whose it is.
pub(crate) fn read_identity(db: &Connection, file: &Path) -> Result<PublicKey, OpenError> {
    let not_a_log = || OpenError::NotALog { file: file.to_owned() };
    let format = meta(db, file, "format")?.ok_or_else(not_a_log)?;
    let found: u32 = format.parse().map_err(|_| not_a_log())?;
    if found > FORMAT {
        return Err(OpenError::NewerFormat { file: file.to_owned(), found, known: FORMAT });
    }
    let key = meta(db, file, "public_key")?.ok_or_else(not_a_log)?;
    key.parse().map_err(|_| corrupt(file, "its public key cannot be read"))
}

fn meta(db: &Connection, file: &Path, key: &str) -> Result<Option<String>, OpenError> {
    let table: Result<u32, _> =
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'", (), |row| row.get(0));
    if table.map_err(|error| sqlite_error(file, &error))? == 0 {
        return Ok(None);
    }
    db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
        .map_err(|error| sqlite_error(file, &error))
}

pub(crate) fn corrupt(file: &Path, detail: impl Into<String>) -> OpenError {
    OpenError::Corrupt { file: file.to_owned(), detail: detail.into() }
}

/// Sorts what the file system says.
pub(crate) fn io_error(path: &Path, error: &io::Error) -> OpenError {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly { path, reason }
        }
        _ => OpenError::Other { path, reason },
    }
}

/// Sorts what `SQLite` says.
pub(crate) fn sqlite_error(file: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, reason) = (file.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => corrupt(file, reason),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            OpenError::ReadOnly { path, reason }
        }
        _ => OpenError::Other { path, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bypass_166_an_old_sqlite_is_refused() {
        let rows = [
            (3_045_000, false),
            (3_050_004, false),
            (3_051_002, false),
            (3_051_003, true),
            (3_054_001, true),
            (4_000_000, true),
        ];
        for (version, accepted) in rows {
            assert_eq!(check_sqlite(version).is_ok(), accepted, "{version}");
        }
        let message = check_sqlite(3_050_004).unwrap_err().to_string();
        assert!(message.contains("3.50.4") && message.contains("3.51.3"), "{message}");
        check_sqlite(rusqlite::version_number()).unwrap();
    }

    #[test]
    fn uri_paths_are_escaped() {
        assert_eq!(percent_encode(Path::new("/a b/c?d#e%")), "/a%20b/c%3Fd%23e%25");
    }
}
