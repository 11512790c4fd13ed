//! The state of a log up to some record, kept beside it so that opening need not fold everything again.
//!
//! A snapshot is a cache and never evidence: it can be deleted at any time, and `verify` does not read it. It is used
//! only if all of this holds, else the log is folded from its beginning: it was written by exactly this code; it carries
//! the code (MAC) of this log's secret key; the log still holds the very record at which it was taken.

use serde::{Deserialize, Serialize};
use stayhand_core::digest::Digest;
use stayhand_core::state::{STATE_FORMAT, State};
use stayhand_store::{Log, LogReader};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The file in the state folder.
const SNAPSHOT_FILE: &str = "state.snapshot";

const MAGIC: &[u8] = b"stayhand snapshot v1\n";

/// Records that are folded rather than written down once more: folding them takes some 25 ms.
const LEAST_RECORDS: u64 = 5000;

/// Bytes of a snapshot that take about as long to write as it takes to fold a record.
const BYTES_A_RECORD: u64 = 1000;

/// How long a snapshot waits for the newest record to become durable, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(1);

/// What the state in a snapshot is the state of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    /// Names the code that folded it.
    format: String,
    /// How many records it holds.
    records: u64,
    /// The digest of the last of them, as it is stored.
    last: Digest,
}

/// When the next snapshot is due.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// The records of the newest snapshot, and its size in bytes.
    records: AtomicU64,
    bytes: AtomicU64,
}

impl Snapshots {
    /// The state of the newest snapshot that can be used, or an empty one.
    pub(crate) fn load(&self, home: &Path, log: &Log, reader: &LogReader) -> State {
        let Some((state, bytes)) = read(home, log, reader) else { return State::default() };
        self.records.store(state.records(), Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        state
    }

    /// Whether so much was folded since the last snapshot that another one pays.
    pub(crate) fn is_due(&self, state: &State) -> bool {
        let folded = state.records().saturating_sub(self.records.load(Ordering::Relaxed));
        folded >= (self.bytes.load(Ordering::Relaxed) / BYTES_A_RECORD).max(LEAST_RECORDS)
    }

    /// Writes a snapshot, once the newest record is durable: whoever holds the state keeps others from appending more.
    /// Whatever goes wrong, the log stands, and the next opening folds more of it.
    pub(crate) fn keep(&self, home: &Path, log: &Log, reader: &LogReader, state: &State) {
        let mut waited = Duration::ZERO;
        while waited < PATIENCE && last_of(reader, state.records()).is_none() {
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
        // One that fails is not tried again with every record.
        self.records.store(state.records(), Ordering::Relaxed);
        if let Ok(bytes) = write(home, log, reader, state) {
            self.bytes.store(bytes, Ordering::Relaxed);
        }
    }
}

/// The digest of the last of so many records. `None`: the log does not hold it, or not durably.
fn last_of(reader: &LogReader, records: u64) -> Option<Digest> {
    Some(Digest::of(&reader.record(records.checked_sub(1)?).ok()?.body))
}

fn code(log: &Log, header: &[u8], body: &[u8]) -> Digest {
    Digest::of_parts(&[MAGIC, header, body]).keyed(log.digest_key())
}

/// The state, and the size of the file.
fn read(home: &Path, log: &Log, reader: &LogReader) -> Option<(State, u64)> {
    let mut bytes = Vec::new();
    File::open(home.join(SNAPSHOT_FILE)).ok()?.read_to_end(&mut bytes).ok()?;
    let (rest, found) = bytes.strip_prefix(MAGIC)?.split_last_chunk::<32>()?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, body) = (rest.get(..end)?, rest.get(end + 1..)?);
    if code(log, line, body) != Digest(*found) {
        return None;
    }
    let header: Header = serde_json::from_slice(line).ok()?;
    // What others append from now on is news to this log, and must not be in the state already.
    if header.records > log.records()
        || header.format != STATE_FORMAT
        || last_of(reader, header.records)? != header.last
    {
        return None;
    }
    let state: State = rmp_serde::from_slice(body).ok()?;
    (state.records() == header.records).then_some((state, bytes.len() as u64))
}

/// Writes a new file and puts it in the place of the old one. The size of the file.
fn write(home: &Path, log: &Log, reader: &LogReader, state: &State) -> io::Result<u64> {
    let records = state.records();
    let last =
        last_of(reader, records).ok_or_else(|| io::Error::other("the last record is not durable yet"))?;
    let header = Header { format: STATE_FORMAT.to_owned(), records, last };
    let line = serde_json::to_vec(&header)?;
    let body = rmp_serde::to_vec_named(state).map_err(io::Error::other)?;
    let found = code(log, &line, &body);
    let new = home.join(format!("{SNAPSHOT_FILE}.{}", std::process::id()));
    let written = (|| {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        for part in [MAGIC, &line, b"\n", &body, &found.0] {
            file.write_all(part)?;
        }
        // A file that a crash leaves half written has no valid code.
        std::fs::rename(&new, home.join(SNAPSHOT_FILE))
    })();
    if written.is_err() {
        // What is left of it is of no use.
        let _ = std::fs::remove_file(&new);
    }
    written.map(|()| (MAGIC.len() + line.len() + 1 + body.len() + 32) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stayhand_core::control::scope::Scope;
    use stayhand_core::control::switch::{Order, SwitchMoved};
    use stayhand_core::event::{EVENT_VERSION, Event, Record};
    use stayhand_core::time::Timestamp;

    fn moved(order: Order, number: u64) -> Event {
        let scope = Scope::Agent(format!("agent-{number}"));
        Event::SwitchMoved(SwitchMoved { scope, order, by: "ada".into(), reason: "a test".into() })
    }

    /// A log, and what folding it gives.
    struct Kept {
        folder: tempfile::TempDir,
        log: Log,
        state: State,
    }

    impl Kept {
        /// A log of so many orders.
        fn of(records: u64) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let log = Log::open(folder.path()).unwrap();
            let mut kept = Self { folder, log, state: State::default() };
            (0..records).for_each(|number| kept.append(moved(Order::Pause, number)));
            kept
        }

        /// An empty log with the key of another.
        fn with_key_of(other: &Self) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["key", "key.pub"] {
                std::fs::copy(other.folder.path().join(name), folder.path().join(name)).unwrap();
            }
            let log = Log::open(folder.path()).unwrap();
            Self { folder, log, state: State::default() }
        }

        fn append(&mut self, event: Event) {
            let turn = self.log.turn().unwrap();
            assert!(turn.news().unwrap().is_empty());
            let ticket = turn.append(Timestamp(1), &event).unwrap();
            let seq = ticket.seq;
            ticket.wait().unwrap();
            drop(turn);
            self.state.apply(&Record { v: EVENT_VERSION, seq, at: Timestamp(1), event });
        }

        fn write(&self, state: &State) -> io::Result<u64> {
            write(self.folder.path(), &self.log, &self.log.reader().unwrap(), state)
        }

        fn read(&self) -> Option<State> {
            read(self.folder.path(), &self.log, &self.log.reader().unwrap()).map(|(state, _)| state)
        }
    }

    #[test]
    fn a_snapshot_is_the_state() {
        let mut kept = Kept::of(3);
        assert_eq!(kept.read(), None);
        kept.write(&kept.state).unwrap();
        assert_eq!(kept.read().as_ref(), Some(&kept.state));
        // What comes later does not matter to it.
        let before = kept.state.clone();
        kept.append(moved(Order::Resume, 0));
        assert_eq!(kept.read(), Some(before));
    }

    /// Whatever somebody changes in the file, it is not used.
    #[test]
    fn a_changed_file_is_not_used() {
        let kept = Kept::of(3);
        kept.write(&kept.state).unwrap();
        let file = kept.folder.path().join(SNAPSHOT_FILE);
        let whole = std::fs::read(&file).unwrap();
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            std::fs::write(&file, &changed).unwrap();
            assert_eq!(kept.read(), None, "byte {place}");
            std::fs::write(&file, &whole[..place]).unwrap();
            assert_eq!(kept.read(), None, "cut at {place}");
        }
    }

    /// A log of another key; one that is shorter; one of the same key that went another way, as after an old copy was
    /// put back.
    #[test]
    fn a_snapshot_of_another_log_is_not_used() {
        let kept = Kept::of(3);
        kept.write(&kept.state).unwrap();
        let file = kept.folder.path().join(SNAPSHOT_FILE);
        let give = |other: &Kept| std::fs::copy(&file, other.folder.path().join(SNAPSHOT_FILE)).unwrap();

        let another = Kept::of(3);
        give(&another);
        assert_eq!(another.read(), None, "another key");

        let mut same = Kept::with_key_of(&kept);
        give(&same);
        for (number, read) in [(0, None), (1, None), (2, Some(&kept.state))] {
            same.append(moved(Order::Pause, number));
            assert_eq!(same.read().as_ref(), read, "{number}");
        }

        let mut forked = Kept::with_key_of(&kept);
        give(&forked);
        (0..3).for_each(|number| forked.append(moved(Order::Kill, number)));
        assert_eq!(forked.read(), None, "another past");
    }

    /// A state that is ahead of the disk is not written down: after a crash the log may go another way.
    #[test]
    fn a_state_ahead_of_the_disk_is_not_written() {
        let kept = Kept::of(3);
        kept.write(&kept.state).unwrap();
        let mut ahead = kept.state.clone();
        let event = moved(Order::Pause, 9);
        ahead.apply(&Record { v: EVENT_VERSION, seq: 3, at: Timestamp(1), event });
        kept.write(&ahead).unwrap_err();
        assert_eq!(kept.read().as_ref(), Some(&kept.state), "the snapshot before it stands");
    }
}
