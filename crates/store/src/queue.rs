//! What lies between the threads that append and the file.
//!
//! There is no writer thread. Of the threads that wait for their records, one takes the [`Writer`], writes
//! everything that waits, and hands the writer on: a single caller commits without a change of threads,
//! and many share one commit.

use crate::MAX_RECORD_BYTES;
use crate::columns::Columns;
use crate::error::AppendError;
use crate::writer::{Failure, Writer};
use stayhand_core::event::{EVENT_VERSION, Event};
use stayhand_core::time::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Records that may wait; more make their threads write, or wait until somebody has written.
const MAX_QUEUED: usize = 4096;
/// Bytes that may wait.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// Commits that one thread makes in a row while others wait, before it returns to its caller.
const MOST_COMMITS: usize = 8;
/// The latest time that fits the `at` column.
const LATEST: Timestamp = Timestamp(i64::MAX as u64);

/// A record on its way to the file.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) columns: Columns<'static>,
    pub(crate) body: Vec<u8>,
}

/// The bounded queue, its writer, and the counters that go with it.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Every record before this one is durable. Raised under the lock.
    durable: AtomicU64,
    /// A record is acknowledged as soon as it is queued: for logs in memory, where waiting gains nothing.
    acknowledge_at_once: bool,
}

#[derive(Debug, Default)]
struct State {
    next_seq: u64,
    last_at: Timestamp,
    /// Another process may have appended since we last looked.
    stale: bool,
    waiting: Vec<Pending>,
    waiting_bytes: usize,
    /// Away while a thread writes with it.
    writer: Option<Box<Writer>>,
    /// Threads that sleep, each with the record it waits for. Only those who can go on are woken: waking
    /// everybody costs more than the commit.
    sleepers: Vec<(u64, Thread)>,
    /// The first failure; for ever.
    failed: Option<Arc<str>>,
}

impl State {
    fn check(&self) -> Result<(), AppendError> {
        self.failed.as_ref().map_or(Ok(()), |cause| Err(AppendError::Latched { cause: Arc::clone(cause) }))
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_QUEUED || self.waiting_bytes >= MAX_QUEUED_BYTES
    }

    /// Closes the log for ever; the first cause stays.
    fn fail(&mut self, cause: &str) {
        self.failed.get_or_insert_with(|| cause.into());
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// Those who can go on: whose record is durable, or all of them once the log has failed. In front of
    /// them, where the writer is here and records wait, one who takes it.
    fn wake(&mut self, durable: u64) -> Vec<Thread> {
        let failed = self.failed.is_some();
        let mut woken = Vec::with_capacity(self.sleepers.len() + 1);
        if self.writer.is_some()
            && let Some(next) = self.sleepers.iter().position(|(seq, _)| *seq >= durable)
        {
            woken.push(self.sleepers.swap_remove(next).1);
        }
        let able = self.sleepers.extract_if(.., |(seq, _)| failed || *seq < durable);
        woken.extend(able.map(|(_, thread)| thread));
        woken
    }
}

impl Queue {
    /// A queue that goes on after `records` records. Without a writer nothing can be queued.
    pub(crate) fn new(records: u64, last_at: Timestamp, writer: Option<Writer>, in_memory: bool) -> Self {
        let state = State { next_seq: records, last_at, writer: writer.map(Box::new), ..State::default() };
        Self { state: Mutex::new(state), durable: AtomicU64::new(records), acknowledge_at_once: in_memory }
    }

    /// Gives the event its place and its time and queues it. Where the queue is full, room is made first.
    pub(crate) fn push(&self, at: Timestamp, event: &Event) -> Result<u64, AppendError> {
        let encoded =
            serde_json::to_vec(event).map_err(|error| AppendError::Encode(error.to_string().into()))?;
        let columns = Columns::of(event).into_owned();
        let mut state = lock(&self.state);
        while let Some(oldest) = state.waiting.first().filter(|_| state.is_full()) {
            let oldest = oldest.seq;
            self.advance(state, oldest);
            state = lock(&self.state);
        }
        state.check()?;
        if state.stale {
            return Err(AppendError::UnreadNews);
        }
        let seq = state.next_seq;
        let at = at.max(state.last_at).min(LATEST);
        let body = record_json(seq, at, &encoded);
        if body.len() > MAX_RECORD_BYTES {
            return Err(AppendError::TooLarge { bytes: body.len() });
        }
        state.next_seq += 1;
        state.last_at = at;
        state.waiting_bytes += body.len();
        state.waiting.push(Pending { seq, at, columns, body });
        Ok(seq)
    }

    /// Waits until the record is durable, and writes it where nobody else does.
    pub(crate) fn wait_for(&self, seq: u64) -> Result<(), AppendError> {
        loop {
            if self.durable.load(Ordering::Acquire) > seq {
                return Ok(());
            }
            let state = lock(&self.state);
            state.check()?;
            if self.acknowledge_at_once {
                return Ok(());
            }
            self.advance(state, seq);
        }
    }

    /// Writes what waits, or sleeps until the writer is back or the record is durable. Whoever calls looks
    /// again afterwards.
    fn advance(&self, mut state: MutexGuard<'_, State>, seq: u64) {
        if self.durable.load(Ordering::Acquire) > seq || state.failed.is_some() {
            return;
        }
        match state.writer.take() {
            Some(writer) => {
                drop(state);
                self.write(writer);
            }
            None => {
                state.sleepers.push((seq, thread::current()));
                drop(state);
                thread::park();
            }
        }
    }

    /// Writes what waits, and what others queue meanwhile, a few times over: they need not wait until one
    /// of them has been woken to write.
    fn write(&self, mut writer: Box<Writer>) {
        for _ in 0..MOST_COMMITS {
            // After a panic the writer is not used again, and whoever waits is refused.
            let written = catch_unwind(AssertUnwindSafe(|| self.write_batch(&mut writer)));
            if let Err(failure) = written.unwrap_or(Err(Failure::Panic)) {
                return self.wake(|state| state.fail(&failure.to_string()));
            }
            if lock(&self.state).waiting.is_empty() {
                break;
            }
        }
        self.wake(|state| state.writer = Some(writer).filter(|_| state.failed.is_none()));
    }

    /// One commit of everything that waits. A failed one is never tried again: after an error nobody knows
    /// which of the pages the system still has.
    fn write_batch(&self, writer: &mut Writer) -> Result<(), Failure> {
        let mut state = lock(&self.state);
        let batch = std::mem::take(&mut state.waiting);
        state.waiting_bytes = 0;
        drop(state);
        if batch.is_empty() {
            return Ok(());
        }
        writer.commit(&batch)?;
        self.durable.store(writer.records(), Ordering::Release);
        self.wake(|_| {});
        // After the callers are answered.
        if writer.wal_is_long() { writer.shorten_wal() } else { Ok(()) }
    }

    /// Changes the state, and wakes who can go on after that.
    fn wake(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.state);
        change(&mut state);
        let woken = state.wake(self.durable.load(Ordering::Acquire));
        drop(state);
        woken.iter().for_each(Thread::unpark);
    }

    /// Whether nothing waits that could still become durable.
    pub(crate) fn is_drained(&self) -> bool {
        self.settled(&lock(&self.state))
    }

    /// Writes until nothing waits.
    pub(crate) fn drain(&self) {
        loop {
            let state = lock(&self.state);
            if self.settled(&state) {
                return;
            }
            let last = state.next_seq.saturating_sub(1);
            self.advance(state, last);
        }
    }

    fn settled(&self, state: &State) -> bool {
        self.durable.load(Ordering::Acquire) == state.next_seq || state.failed.is_some()
    }

    /// Writes what waits and gives the writer up.
    pub(crate) fn close(&self) {
        self.drain();
        let writer = lock(&self.state).writer.take();
        self.wake(|state| state.fail("the log is closed"));
        drop(writer);
    }

    pub(crate) fn check(&self) -> Result<(), AppendError> {
        lock(&self.state).check()
    }

    pub(crate) fn mark_stale(&self) {
        lock(&self.state).stale = true;
    }

    /// The next sequence number, if another process may have appended.
    pub(crate) fn stale_since(&self) -> Option<u64> {
        let state = lock(&self.state);
        state.stale.then_some(state.next_seq)
    }

    /// Counts on after the records of other processes.
    pub(crate) fn adopt(&self, records: u64, last_at: Option<Timestamp>) {
        let mut state = lock(&self.state);
        state.next_seq = records;
        self.durable.store(records, Ordering::Release);
        state.last_at = last_at.unwrap_or(state.last_at);
        state.stale = false;
    }

    pub(crate) fn records(&self) -> u64 {
        lock(&self.state).next_seq
    }
}

/// The JSON of a `Record`, byte for byte what `serde_json` writes, around an encoded event.
fn record_json(seq: u64, at: Timestamp, event: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(event.len() + 72);
    body.extend_from_slice(record_prefix(EVENT_VERSION, seq, at).as_bytes());
    body.extend_from_slice(event);
    body.push(b'}');
    body
}

/// What every record begins with.
pub(crate) fn record_prefix(v: u32, seq: u64, at: Timestamp) -> String {
    format!("{{\"v\":{v},\"seq\":{seq},\"at\":{},\"event\":", at.0)
}

/// Locks, also after a panic elsewhere: every change under these locks is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stayhand_core::event::{InDoubt, Record};

    #[test]
    fn a_body_is_the_json_of_its_record() {
        let event = Event::InDoubt(InDoubt { decision: 3 });
        let record = Record { v: EVENT_VERSION, seq: 4, at: Timestamp(5), event };
        let encoded = serde_json::to_vec(&record.event).unwrap();
        assert_eq!(record_json(4, Timestamp(5), &encoded), serde_json::to_vec(&record).unwrap());
    }

    #[test]
    fn time_never_goes_back() {
        let queue = Queue::new(0, Timestamp(10), None, false);
        let event = Event::InDoubt(InDoubt { decision: 0 });
        for at in [5, 12, 11, u64::MAX] {
            queue.push(Timestamp(at), &event).unwrap();
        }
        let times: Vec<u64> = lock(&queue.state).waiting.iter().map(|pending| pending.at.0).collect();
        assert_eq!(times, [10, 12, 12, i64::MAX as u64]);
    }
}
