//! What lies between the threads that append and the thread that writes.

use crate::MAX_RECORD_BYTES;
use crate::columns::Columns;
use crate::error::AppendError;
use stayhand_core::event::{EVENT_VERSION, Event};
use stayhand_core::time::Timestamp;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Records that may wait; more make their threads wait.
const MAX_QUEUED: usize = 4096;
/// Bytes that may wait.
const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// The latest time that fits the `at` column.
const LATEST: Timestamp = Timestamp(i64::MAX as u64);

/// A record on its way to the file.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) seq: u64,
    pub(crate) at: Timestamp,
    pub(crate) columns: Columns<'static>,
    pub(crate) body: Vec<u8>,
    /// Who waits for it. Waking everybody costs more than the commit.
    pub(crate) caller: Thread,
}

/// The bounded queue and the counters that go with it.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Every record before this one is durable. Raised before the callers are woken.
    durable: AtomicU64,
    /// Something to write, or the end.
    work: Condvar,
    /// There is room again, everything is durable, or the log failed.
    progress: Condvar,
    /// A record is acknowledged as soon as it is queued: for logs in memory, where waiting gains nothing.
    acknowledge_at_once: bool,
}

#[derive(Debug, Default)]
struct State {
    next_seq: u64,
    last_at: Timestamp,
    /// Threads that wait for progress.
    watchers: usize,
    /// The callers of records that are being written.
    writing: Vec<Thread>,
    /// Another process may have appended since we last looked.
    stale: bool,
    waiting: VecDeque<Pending>,
    waiting_bytes: usize,
    closing: bool,
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
}

impl Queue {
    pub(crate) fn new(records: u64, last_at: Timestamp, acknowledge_at_once: bool) -> Self {
        let state = State { next_seq: records, last_at, ..State::default() };
        Self {
            state: Mutex::new(state),
            durable: AtomicU64::new(records),
            work: Condvar::new(),
            progress: Condvar::new(),
            acknowledge_at_once,
        }
    }

    /// Gives the event its place and its time and queues it; waits while the queue is full.
    pub(crate) fn push(&self, at: Timestamp, event: &Event) -> Result<u64, AppendError> {
        let encoded =
            serde_json::to_vec(event).map_err(|error| AppendError::Encode(error.to_string().into()))?;
        let columns = Columns::of(event).into_owned();
        let mut state = lock(&self.state);
        while state.is_full() && state.failed.is_none() {
            state = self.watch(state);
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
        let first = state.waiting.is_empty();
        state.waiting.push_back(Pending { seq, at, columns, body, caller: thread::current() });
        drop(state);
        if first {
            self.work.notify_one();
        }
        Ok(seq)
    }

    /// Everything that waits, for one commit; nothing once the log is closing and all is written.
    pub(crate) fn next_batch(&self) -> Option<VecDeque<Pending>> {
        let mut state = lock(&self.state);
        while state.waiting.is_empty() && !state.closing {
            state = wait(&self.work, state);
        }
        state.waiting_bytes = 0;
        let batch = std::mem::take(&mut state.waiting);
        state.writing.extend(batch.iter().map(|pending| pending.caller.clone()));
        self.report_progress(state);
        (!batch.is_empty()).then_some(batch)
    }

    /// Acknowledges every record before `next`.
    pub(crate) fn mark_durable(&self, next: u64) {
        let mut state = lock(&self.state);
        self.durable.store(next, Ordering::Release);
        let callers = std::mem::take(&mut state.writing);
        self.report_progress(state);
        callers.iter().for_each(Thread::unpark);
    }

    fn report_progress(&self, state: MutexGuard<'_, State>) {
        let watched = state.watchers > 0;
        drop(state);
        if watched {
            self.progress.notify_all();
        }
    }

    fn watch<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.watchers += 1;
        let mut state = wait(&self.progress, state);
        state.watchers -= 1;
        state
    }

    /// Closes the log for ever; the first cause stays.
    pub(crate) fn fail(&self, cause: &str) {
        let mut state = lock(&self.state);
        state.failed.get_or_insert_with(|| cause.into());
        let mut callers = std::mem::take(&mut state.writing);
        callers.extend(state.waiting.drain(..).map(|pending| pending.caller));
        state.waiting_bytes = 0;
        self.report_progress(state);
        callers.iter().for_each(Thread::unpark);
    }

    /// Waits until the record is durable. Only the thread that queued it is woken.
    pub(crate) fn wait_for(&self, seq: u64) -> Result<(), AppendError> {
        loop {
            if self.durable.load(Ordering::Acquire) > seq {
                return Ok(());
            }
            self.check()?;
            if self.acknowledge_at_once {
                return Ok(());
            }
            thread::park();
        }
    }

    /// Whether nothing waits that could still become durable.
    pub(crate) fn is_drained(&self) -> bool {
        self.settled(&lock(&self.state))
    }

    /// Waits until nothing does.
    pub(crate) fn drain(&self) {
        let mut state = lock(&self.state);
        while !self.settled(&state) {
            state = self.watch(state);
        }
    }

    fn settled(&self, state: &State) -> bool {
        self.durable.load(Ordering::Acquire) == state.next_seq || state.failed.is_some()
    }

    /// Tells the writer to end once everything is written.
    pub(crate) fn close(&self) {
        lock(&self.state).closing = true;
        self.work.notify_one();
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

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
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
        let queue = Queue::new(0, Timestamp(10), false);
        let event = Event::InDoubt(InDoubt { decision: 0 });
        for at in [5, 12, 11, u64::MAX] {
            queue.push(Timestamp(at), &event).unwrap();
        }
        let times: Vec<u64> = queue.next_batch().unwrap().iter().map(|pending| pending.at.0).collect();
        assert_eq!(times, [10, 12, 12, i64::MAX as u64]);
    }
}
