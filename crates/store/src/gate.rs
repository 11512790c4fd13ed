//! The writer's turn: exclusive across processes by file locks, shared by the threads of one process.

use crate::error::TurnError;
use crate::queue::{Queue, lock};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long to wait for the turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one process may keep the turn while others may be waiting.
const STINT: Duration = Duration::from_millis(100);
/// The longest pause between two attempts to take a file lock.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// Lets one process at a time write, and all of its threads at once.
#[derive(Debug)]
pub(crate) struct Gate {
    /// None for a log in memory: there is no other process.
    files: Option<Files>,
    hold: Mutex<Hold>,
    changed: Condvar,
    /// Threads that wait for a change.
    waiting: AtomicUsize,
}

#[derive(Debug)]
enum Hold {
    /// No thread of this process has the turn.
    Free,
    /// One thread is waiting for the file lock on behalf of all.
    Taking,
    /// The file lock is held by this many turns; by none while the last one waits for its records.
    Held { since: Instant, turns: usize },
}

impl Gate {
    /// The gate of a log in memory.
    pub(crate) const fn open_always() -> Self {
        Self {
            files: None,
            hold: Mutex::new(Hold::Free),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The gate of a log in this folder.
    pub(crate) fn of_folder(dir: &Path) -> io::Result<Self> {
        let open = |name| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(dir.join(name))
        };
        let nonce = getrandom::u64().map_err(io::Error::other)?;
        let token = format!("{:<10} {nonce:016x}\n", std::process::id());
        let files = Files { lock: open("lock")?, queue: open("lock.queue")?, token };
        Ok(Self { files: Some(files), ..Self::open_always() })
    }

    /// Waits for the turn. Whoever really takes the file lock, and finds that others had it in between,
    /// marks the queue stale before anybody else can join, because they may have appended.
    pub(crate) fn enter(&self, queue: &Queue) -> Result<(), TurnError> {
        let Some(files) = &self.files else { return Ok(()) };
        let deadline = now() + PATIENCE;
        if self.join(files, deadline)? {
            return Ok(());
        }
        let taken = files.take(deadline);
        if matches!(taken, Ok(Since::Others)) {
            queue.mark_stale();
        }
        let next = if taken.is_ok() { Hold::Held { since: now(), turns: 1 } } else { Hold::Free };
        let mut hold = lock(&self.hold);
        *hold = next;
        self.report_change(hold);
        taken.map(drop)
    }

    fn report_change(&self, hold: MutexGuard<'_, Hold>) {
        // Counted under the lock, so nobody begins to wait in between.
        let waiting = self.waiting.load(Ordering::Relaxed) > 0;
        drop(hold);
        if waiting {
            self.changed.notify_all();
        }
    }

    /// Joins the turn that this process has (`true`), or leaves it to the caller to take one (`false`).
    /// A turn that has lasted too long is not joined: then it ends, and other processes get theirs.
    fn join(&self, files: &Files, deadline: Instant) -> Result<bool, TurnError> {
        let mut hold = lock(&self.hold);
        loop {
            match &mut *hold {
                Hold::Held { since, turns } if now() < *since + STINT => {
                    *turns += 1;
                    return Ok(true);
                }
                Hold::Free => {
                    *hold = Hold::Taking;
                    return Ok(false);
                }
                Hold::Taking | Hold::Held { .. } => {}
            }
            let left = deadline.saturating_duration_since(now());
            if left.is_zero() {
                return Err(TurnError::Busy { holder: files.holder() });
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
            hold = self.changed.wait_timeout(hold, left).unwrap_or_else(PoisonError::into_inner).0;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Gives the turn back. The last one out waits until everything appended is durable, because the
    /// next process counts on from there, and then releases the file lock.
    pub(crate) fn leave(&self, queue: &Queue) {
        let Some(files) = &self.files else { return };
        let mut hold = lock(&self.hold);
        if let Hold::Held { turns, .. } = &mut *hold {
            *turns = turns.saturating_sub(1);
        }
        while matches!(*hold, Hold::Held { turns: 0, .. }) {
            if queue.is_drained() {
                files.release();
                *hold = Hold::Free;
                return self.report_change(hold);
            }
            drop(hold);
            queue.drain();
            hold = lock(&self.hold);
        }
    }
}

/// The two locks of a folder. Who wants `lock` first takes `queue` and keeps it while it waits, so a process
/// that has just released `lock` cannot snatch it back from one that is waiting.
#[derive(Debug)]
struct Files {
    lock: File,
    queue: File,
    /// What `lock` holds while it is ours and nobody else has taken it since: process id and nonce.
    token: String,
}

/// Who has had the lock since we had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Nobody,
    Others,
}

impl Files {
    fn take(&self, deadline: Instant) -> Result<Since, TurnError> {
        self.take_one(&self.queue, deadline)?;
        let taken = self.take_one(&self.lock, deadline);
        unlock(&self.queue);
        taken?;
        let mut last = vec![0; self.token.len()];
        if self.lock.read_exact_at(&mut last, 0).is_ok() && last == self.token.as_bytes() {
            return Ok(Since::Nobody);
        }
        // If this fails, the next turn reads the news once more; nothing else depends on it.
        let _ = self.lock.write_all_at(self.token.as_bytes(), 0);
        Ok(Since::Others)
    }

    fn take_one(&self, file: &File, deadline: Instant) -> Result<(), TurnError> {
        let mut pause = Duration::from_micros(20);
        loop {
            match flock(file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK) if now() >= deadline => {
                    return Err(TurnError::Busy { holder: self.holder() });
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                Err(error) => return Err(TurnError::Lock(error.into())),
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn release(&self) {
        unlock(&self.lock);
    }

    fn holder(&self) -> Option<u32> {
        let mut text = [0; 10];
        self.lock.read_exact_at(&mut text, 0).ok()?;
        std::str::from_utf8(&text).ok()?.trim().parse().ok()
    }
}

/// Unlocking a descriptor we own can only fail by not being supported, and then locking failed before.
fn unlock(file: &File) {
    let _ = flock(file, FlockOperation::Unlock);
}

#[expect(clippy::disallowed_methods, reason = "waiting for other processes; no record depends on it")]
fn now() -> Instant {
    Instant::now()
}
