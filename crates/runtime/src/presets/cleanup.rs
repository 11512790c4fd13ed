//! The cleanup after a kill: once, in a thread of its own, under no lock, and waited for with a limit.

use super::safe_config::Hook;
use crate::engine::guarded;
use stayhand_core::time::Timestamp;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// When the switch was killed that the hook last ran for.
    ran_for: Mutex<Option<Timestamp>>,
    ended: Arc<Mutex<Option<CleanupEnd>>>,
}

impl Cleanup {
    /// A kill at `killed` is a matter of the past: it was somebody else's to clean up.
    pub(super) fn new(hook: Option<Hook>, wait: Duration, killed: Option<Timestamp>) -> Self {
        let wait = wait.min(LONGEST_CLEANUP);
        Self { hook, wait, ran_for: Mutex::new(killed), ended: Arc::default() }
    }

    /// Starts the cleanup for a switch that was killed at this time, unless that was done.
    pub(super) fn start(&self, killed: Timestamp) -> Option<Receiver<CleanupEnd>> {
        let hook = self.hook.clone()?;
        if lock(&self.ran_for).replace(killed) == Some(killed) {
            return None;
        }
        let (done, end) = channel();
        let ended = Arc::clone(&self.ended);
        std::thread::spawn(move || {
            let cleaned = guarded(|| hook()).map_or(CleanupEnd::Failed, |()| CleanupEnd::Done);
            *lock(&ended) = Some(cleaned);
            // Nobody may be waiting any longer.
            let _ = done.send(cleaned);
        });
        Some(end)
    }

    /// Starts it and waits.
    pub(super) fn run(&self, killed: Timestamp) -> CleanupEnd {
        let Some(end) = self.start(killed) else { return CleanupEnd::Nothing };
        end.recv_timeout(self.wait).unwrap_or(CleanupEnd::TimedOut)
    }

    /// How the last one ended that did.
    pub(super) fn last(&self) -> Option<CleanupEnd> {
        *lock(&self.ended)
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
