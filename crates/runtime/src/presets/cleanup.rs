//! The cleanup after a kill: once, in a thread of its own, under no lock, and waited for with a limit.

use super::safe_config::Hook;
use crate::engine::guarded;
use stayhand_core::time::Timestamp;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest wait for a cleanup. Source: A004.
pub const LONGEST_CLEANUP: Duration = Duration::from_secs(30);

/// How a cleanup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CleanupEnd {
    /// There is no hook, or it runs or ran for this kill already.
    #[error("nothing to clean up")]
    Nothing,
    /// The hook came to its end.
    #[error("cleaned up")]
    Done,
    /// The hook panicked.
    #[error("the cleanup failed")]
    Failed,
    /// The hook runs still; nobody waits for it any longer. The sentence is fixed (A004).
    #[error("[KILL SWITCH] Cleanup timeout - forcing exit")]
    TimedOut,
}

/// The hook, and what it has run for.
pub(super) struct Cleanup {
    hook: Option<Hook>,
    wait: Duration,
    shared: Arc<Shared>,
}

/// What the thread of a hook shares with those who wait for it.
struct Shared {
    progress: Mutex<Progress>,
    ended: Condvar,
}

struct Progress {
    /// When the switch was killed that the hook last ran for.
    ran_for: Option<Timestamp>,
    runs: bool,
    last: Option<CleanupEnd>,
}

impl Cleanup {
    /// A kill at `killed` is a matter of the past: it was somebody else's to clean up.
    pub(super) fn new(hook: Option<Hook>, wait: Duration, killed: Option<Timestamp>) -> Self {
        let progress = Mutex::new(Progress { ran_for: killed, runs: false, last: None });
        let shared = Arc::new(Shared { progress, ended: Condvar::new() });
        Self { hook, wait: wait.min(LONGEST_CLEANUP), shared }
    }

    /// Starts the cleanup for a switch that was killed at this time, unless that was done. Whether it did.
    pub(super) fn start(&self, killed: Timestamp) -> bool {
        let Some(hook) = self.hook.clone() else { return false };
        let mut progress = self.shared.lock();
        // One that hangs keeps others from starting beside it.
        if progress.runs || progress.ran_for.replace(killed) == Some(killed) {
            return false;
        }
        progress.runs = true;
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || {
            let end = guarded(|| hook()).map_or(CleanupEnd::Failed, |()| CleanupEnd::Done);
            let mut progress = shared.lock();
            (progress.runs, progress.last) = (false, Some(end));
            shared.ended.notify_all();
        });
        true
    }

    /// Starts it, unless that was done, and waits for the one that runs.
    pub(super) fn run(&self, killed: Timestamp) -> CleanupEnd {
        let started = self.start(killed);
        let progress = self.shared.lock();
        if !started && !progress.runs {
            return CleanupEnd::Nothing;
        }
        let waited = self.shared.ended.wait_timeout_while(progress, self.wait, |progress| progress.runs);
        let (progress, limit) = waited.unwrap_or_else(PoisonError::into_inner);
        if limit.timed_out() { CleanupEnd::TimedOut } else { progress.last.unwrap_or(CleanupEnd::Nothing) }
    }

    /// How the last one ended that did.
    pub(super) fn last(&self) -> Option<CleanupEnd> {
        self.shared.lock().last
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
