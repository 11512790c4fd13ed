//! What cannot be opened, and what happens after a write has failed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{append_all, decided, doubt, sample};
use rusqlite::Connection;
use stayhand_core::time::Timestamp;
use stayhand_store::{AppendError, KeyError, Log, MAX_RECORD_BYTES, OpenError, TurnError, verify};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_belong_to_their_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/state");
    let log = Log::open(&dir).unwrap();
    append_all(&log, 0, &[doubt(0)]);
    assert_eq!(mode(&dir), 0o700);
    for name in names(&dir) {
        assert_eq!(mode(&dir.join(&name)), if name == "key.pub" { 0o644 } else { 0o600 }, "{name}");
    }
    drop(log);
    assert_eq!(names(&dir), ["key", "key.pub", "lock", "lock.queue", "log.db"]);
}

#[test]
fn bypass_165_a_failed_write_closes_the_log_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open_limited(dir.path(), 256 * 1024).unwrap();
    let big = decided("agent", &"x".repeat(20_000), "tool", "allow");
    let mut written = 0;
    let failure = loop {
        let turn = log.turn().unwrap();
        match turn.append(Timestamp(0), &big).unwrap().wait() {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "the limit is never reached");
    };
    let AppendError::Latched { cause } = &failure else { panic!("{failure}") };
    assert!(cause.contains("full"), "{cause}");
    // Even a record that would fit: nobody knows what the disk holds.
    assert!(matches!(log.turn(), Err(TurnError::Latched { .. })));
    // Reading still works, and a new start finds every acknowledged record and no other.
    assert_eq!(log.reader().unwrap().verify(None, None).unwrap().records, written);
    drop(log);
    let log = Log::open(dir.path()).unwrap();
    assert_eq!(log.records(), written);
    append_all(&log, 0, &[doubt(0)]);
    assert_eq!(verify(dir.path(), None, None).unwrap().records, written + 1);
}

#[test]
fn tickets_of_a_failed_batch_all_fail() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open_limited(dir.path(), 128 * 1024).unwrap();
    let turn = log.turn().unwrap();
    let big = decided("agent", &"x".repeat(50_000), "tool", "allow");
    let mut tickets = Vec::new();
    let refused = (0..100).find_map(|_| match turn.append(Timestamp(0), &big) {
        Ok(ticket) => {
            tickets.push(ticket);
            None
        }
        Err(error) => Some(error),
    });
    let results: Vec<_> = tickets.iter().map(stayhand_store::Ticket::wait).collect();
    let durable = results.iter().take_while(|result| result.is_ok()).count();
    assert!(results.iter().skip(durable).all(Result::is_err));
    assert!(durable < 100, "{refused:?}");
    // The turn ends although records were lost.
    drop(turn);
    drop(log);
    assert_eq!(Log::open(dir.path()).unwrap().records(), durable as u64);
}

#[test]
fn records_have_a_largest_size() {
    let log = Log::in_memory().unwrap();
    let turn = log.turn().unwrap();
    let sized = |bytes| decided("agent", &"x".repeat(bytes), "tool", "allow");
    let refused = turn.append(Timestamp(0), &sized(MAX_RECORD_BYTES)).unwrap_err();
    assert!(matches!(refused, AppendError::TooLarge { .. }), "{refused}");
    let ticket = turn.append(Timestamp(0), &sized(MAX_RECORD_BYTES - 2000)).unwrap();
    assert_eq!(ticket.seq, 0, "a refused record takes no place");
    ticket.wait().unwrap();
}

#[test]
fn what_is_not_a_log_is_not_opened() {
    let rows: [(&str, &[u8], &str); 3] = [
        ("garbage", &[b'x'; 8192], "is damaged"),
        ("a short text", b"hello", "is damaged"),
        ("a torn header", b"SQLite format 3\0", "is damaged"),
    ];
    for (name, bytes, expected) in rows {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("log.db"), bytes).unwrap();
        for message in [
            Log::open(dir.path()).unwrap_err().to_string(),
            Log::open_read_only(dir.path()).unwrap_err().to_string(),
        ] {
            assert!(message.contains(expected) && message.contains("log.db"), "{name}: {message}");
        }
        assert_eq!(fs::read(dir.path().join("log.db")).unwrap(), bytes, "{name} is left alone");
    }
}

#[test]
fn other_databases_and_newer_formats_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Connection::open(dir.path().join("log.db")).unwrap().execute_batch("CREATE TABLE t(x)").unwrap();
    assert!(matches!(Log::open(dir.path()), Err(OpenError::NotALog { .. })));
    assert!(matches!(Log::open_read_only(dir.path()), Err(OpenError::NotALog { .. })));
    assert!(!dir.path().join("key").exists());

    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).unwrap();
    let change = "UPDATE meta SET value = '2' WHERE key = 'format'";
    Connection::open(dir.path().join("log.db")).unwrap().execute_batch(change).unwrap();
    assert!(matches!(Log::open(dir.path()), Err(OpenError::NewerFormat { found: 2, known: 1, .. })));
    let message = Log::open_read_only(dir.path()).unwrap_err().to_string();
    assert!(message.contains("update stayhand"), "{message}");
}

#[test]
fn a_missing_log_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Log::open_read_only(dir.path()), Err(OpenError::Missing { .. })));
    assert!(names(dir.path()).is_empty());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    for (mode, accepted) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o622, false)] {
        let dir = tempfile::tempdir().unwrap();
        sample(dir.path()).unwrap();
        fs::set_permissions(dir.path().join("key"), Permissions::from_mode(mode)).unwrap();
        let opened = Log::open(dir.path());
        assert_eq!(opened.is_ok(), accepted, "{mode:o}");
        if let Err(error) = opened {
            assert!(matches!(error, OpenError::Key(KeyError::Exposed { .. })), "{error}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }
}

#[test]
fn a_log_without_its_key_is_not_continued() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).unwrap();
    let key = fs::read(dir.path().join("key")).unwrap();
    fs::remove_file(dir.path().join("key")).unwrap();
    assert!(matches!(Log::open(dir.path()), Err(OpenError::Key(KeyError::Missing { .. }))));
    assert!(verify(dir.path(), None, None).is_ok(), "reading needs no secret");
    for (name, text) in [("empty", &b""[..]), ("short", &key[..key.len() - 9]), ("headless", &key[10..])] {
        fs::write(dir.path().join("key"), text).unwrap();
        fs::set_permissions(dir.path().join("key"), Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(Log::open(dir.path()), Err(OpenError::Key(KeyError::Malformed { .. }))), "{name}");
    }
}

/// Runs `test` in a thread that may not write where the mode forbids it, even for root.
fn without_override(test: impl FnOnce() + Send) {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sets = capabilities(None).unwrap();
            sets.effective.remove(CapabilitySet::DAC_OVERRIDE);
            sets.permitted.remove(CapabilitySet::DAC_OVERRIDE);
            set_capabilities(None, sets).unwrap();
            test();
        });
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_read_but_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).unwrap();
    let copy_with_wal = tempfile::tempdir().unwrap();
    {
        let log = Log::open(dir.path()).unwrap();
        append_all(&log, 0, &[doubt(0)]);
        // What somebody copies while the writer lives: the newest record is in the write-ahead log only.
        for name in ["log.db", "log.db-wal", "key.pub"] {
            fs::copy(dir.path().join(name), copy_with_wal.path().join(name)).unwrap();
        }
    }
    for (copy, files) in [(&dir, 5), (&copy_with_wal, 3)] {
        fs::set_permissions(copy.path(), Permissions::from_mode(0o500)).unwrap();
        without_override(|| {
            assert_eq!(verify(copy.path(), None, None).unwrap().records, 9);
            if copy.path() == copy_with_wal.path() {
                let error = Log::open(copy.path()).unwrap_err();
                assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
            }
            let error = Log::open(&copy.path().join("below")).unwrap_err();
            assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
        });
        assert_eq!(names(copy.path()).len(), files, "reading leaves nothing behind");
        fs::set_permissions(copy.path(), Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn reading_changes_no_byte_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).unwrap();
    let before = fs::read(dir.path().join("log.db")).unwrap();
    let reader = Log::open_read_only(dir.path()).unwrap();
    reader.verify(None, None).unwrap();
    reader.prove(3).unwrap();
    drop(reader);
    assert_eq!(fs::read(dir.path().join("log.db")).unwrap(), before);
}
