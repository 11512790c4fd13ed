//! The log as its writer sees it.

use crate::error::{AppendError, OpenError, ReadError, TurnError};
use crate::gate::Gate;
use crate::key;
use crate::merkle::Frontier;
use crate::note::{PublicKey, Signer};
use crate::queue::{Queue, lock};
use crate::reader::{LogReader, Source};
use crate::schema::{self, LOG_FILE};
use crate::writer::{Head, Writer};
use rusqlite::Connection;
use stayhand_core::event::{Event, Record};
use stayhand_core::time::Timestamp;
use std::fs::DirBuilder;
use std::marker::PhantomData;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A log that can be appended to. Share it between threads; dropping it writes what waits.
#[derive(Debug)]
pub struct Log {
    gate: Gate,
    queue: Arc<Queue>,
    /// Reads the records of other processes.
    news: LogReader,
    /// Held while looking for them, so that two threads do not find the same ones.
    looking: Mutex<()>,
    public: PublicKey,
    digest_key: [u8; 32],
    /// After `news`: whichever connection is closed last must be able to tidy the file.
    _writer: WriterThread,
}

impl Log {
    /// Opens the log in a folder, or begins one: the folder with mode 0700, its files with 0600.
    ///
    /// Reads the end of the log only, never all of it.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_limited(dir, u64::MAX)
    }

    /// Like [`Log::open`], with a limit for the file in bytes. A record beyond it fails like one on a full
    /// disk: the log closes.
    pub fn open_limited(dir: &Path, max_bytes: u64) -> Result<Self, OpenError> {
        schema::check_sqlite(rusqlite::version_number())?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| schema::io_error(dir, &error))?;
        let gate = Gate::of_folder(dir).map_err(|error| schema::io_error(dir, &error))?;
        // Two processes must not begin the same log.
        let nothing_waits = Queue::new(0, Timestamp(0), true);
        gate.enter(&nothing_waits)?;
        let opened = open_folder(dir, max_bytes);
        gate.leave(&nothing_waits);
        let Opened { db, head, signer } = opened?;
        let queue = Arc::new(Queue::new(head.frontier.size(), head.last_at, false));
        let news = LogReader::open(Source::Folder(dir.to_owned()))?;
        let writer =
            Writer { db, file: dir.join(LOG_FILE), frontier: head.frontier, signer, queue, wal_pages: 0 };
        Self::start(gate, news, writer)
    }

    /// Opens the log of a folder for reading. Nothing is written; a live writer is not disturbed.
    pub fn open_read_only(dir: &Path) -> Result<LogReader, OpenError> {
        schema::check_sqlite(rusqlite::version_number())?;
        LogReader::open(Source::Folder(dir.to_owned()))
    }

    /// A log in memory, with a key of its own. It behaves like one in a folder, is gone when it is dropped,
    /// and acknowledges a record as soon as it is queued.
    pub fn in_memory() -> Result<Self, OpenError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        schema::check_sqlite(rusqlite::version_number())?;
        let name = format!("stayhand-{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        let signer = Signer::new(&key::random_seed()?);
        let mut db = schema::open_memory(&name)?;
        let file = Path::new(&name).to_owned();
        schema::begin(&mut db, &file, &signer)?;
        let queue = Arc::new(Queue::new(0, Timestamp(0), true));
        let news = LogReader::open(Source::Memory(name, Arc::clone(&queue)))?;
        let writer = Writer { db, file, frontier: Frontier::default(), signer, queue, wal_pages: 0 };
        Self::start(Gate::open_always(), news, writer)
    }

    fn start(gate: Gate, news: LogReader, writer: Writer) -> Result<Self, OpenError> {
        let (queue, public, file) =
            (Arc::clone(&writer.queue), writer.signer.public().clone(), writer.file.clone());
        let digest_key = writer.signer.digest_key();
        let thread = std::thread::Builder::new().name("stayhand-log".into()).spawn(|| writer.run());
        let thread = Some(thread.map_err(|error| schema::io_error(&file, &error))?);
        let writer = WriterThread { queue: Arc::clone(&queue), thread };
        Ok(Self { gate, queue, news, looking: Mutex::new(()), public, digest_key, _writer: writer })
    }

    /// Waits for the writer's turn, at most ten seconds. A thread must not wait for a second turn while it
    /// has one.
    pub fn turn(&self) -> Result<Turn<'_>, TurnError> {
        self.check_open()?;
        self.gate.enter(&self.queue)?;
        let turn = Turn { log: self };
        self.check_open()?;
        Ok(turn)
    }

    fn check_open(&self) -> Result<(), TurnError> {
        match self.queue.check() {
            Err(AppendError::Latched { cause }) => Err(TurnError::Latched { cause }),
            _ => Ok(()),
        }
    }

    /// The number of records this log knows of, those that wait included. Records of other processes count
    /// once [`Turn::news`] has returned them.
    pub fn records(&self) -> u64 {
        self.queue.records()
    }

    /// A new reader of the same log.
    pub fn reader(&self) -> Result<LogReader, OpenError> {
        self.news.reopen()
    }

    /// The key that signs this log's checkpoints.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The key under which digests of requests and outputs are stored. It is derived from the signing key and as
    /// secret.
    pub const fn digest_key(&self) -> &[u8; 32] {
        &self.digest_key
    }

    /// The newest checkpoint, a signed note. Keep it elsewhere: only a kept checkpoint shows that a log was
    /// truncated or rolled back.
    pub fn checkpoint(&self) -> Result<String, ReadError> {
        self.news.checkpoint()
    }
}

/// Ends the writer, once everything that waits is written, when it is dropped.
#[derive(Debug)]
struct WriterThread {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has closed the log, and everybody who waited knows.
            let _ = thread.join();
        }
    }
}

/// What opening a folder gives.
struct Opened {
    db: Connection,
    head: Head,
    signer: Signer,
}

fn open_folder(dir: &Path, max_bytes: u64) -> Result<Opened, OpenError> {
    let file = dir.join(LOG_FILE);
    let mut db = schema::open_writer(&file, max_bytes)?;
    let begun = schema::is_begun(&db, &file)?;
    if begun {
        // Before the key: a file of something else must not get one.
        schema::read_identity(&db, &file)?;
    }
    let signer = key::load_or_create(dir, !begun)?;
    if !begun {
        schema::begin(&mut db, &file, &signer)?;
    }
    let signed_by = schema::read_identity(&db, &file)?;
    if signed_by != *signer.public() {
        let (signed_by, found) = (signed_by.to_string(), signer.public().to_string());
        return Err(OpenError::KeyDiffers { file, signed_by, found });
    }
    let head = Head::load(&db, &file, signer.public())?;
    Ok(Opened { db, head, signer })
}

/// The writer's turn: no other process appends while it lives. Threads of one process share it.
///
/// Keep it until [`Ticket::wait`] has returned: then dropping it costs nothing. The last one dropped waits for
/// what is not durable yet.
#[derive(Debug)]
#[must_use = "the turn ends when it is dropped"]
pub struct Turn<'a> {
    log: &'a Log,
}

impl Turn<'_> {
    /// The records that other processes have appended since this log last looked. Costs nothing while this
    /// process keeps the turn.
    pub fn news(&self) -> Result<Vec<Record>, ReadError> {
        let Log { queue, news, looking, .. } = self.log;
        let _looking = lock(looking);
        let Some(known) = queue.stale_since() else { return Ok(Vec::new()) };
        let records = news.parse_from(known)?;
        queue.adopt(known + records.len() as u64, records.last().map(|record| record.at));
        Ok(records)
    }

    /// Gives the event its place in the log and hands it to the writer. It counts once the ticket says so.
    ///
    /// `at` is raised to the time of the record in front where it lies before it.
    pub fn append(&self, at: Timestamp, event: &Event) -> Result<Ticket, AppendError> {
        self.look();
        let queue = &self.log.queue;
        let seq = queue.push(at, event)?;
        Ok(Ticket { seq, queue: Arc::clone(queue), here: PhantomData })
    }

    /// Finds out that there is no news, where nobody has asked. Where there is, appending is refused.
    fn look(&self) {
        let Log { queue, news, looking, .. } = self.log;
        let _looking = lock(looking);
        let Some(known) = queue.stale_since() else { return };
        if news.records_now().is_ok_and(|records| records == known) {
            queue.adopt(known, None);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.log.gate.leave(&self.log.queue);
    }
}

/// A record on its way to the disk.
#[derive(Debug)]
#[must_use = "a record counts only after `wait` has returned"]
pub struct Ticket {
    /// The record's sequence number.
    pub seq: u64,
    queue: Arc<Queue>,
    /// Stays with the thread that queued the record, which is the one that is woken.
    here: PhantomData<*const ()>,
}

impl Ticket {
    /// Waits until the commit that holds the record is durable.
    pub fn wait(&self) -> Result<(), AppendError> {
        self.queue.wait_for(self.seq)
    }
}
