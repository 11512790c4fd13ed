//! Stops the running program from another thread: what Ctrl-C and the kill switch do.

use rustix::process::{Pid, Signal, kill_process_group};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ends the program that runs, and keeps further ones from starting. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    asked: Option<Arc<str>>,
    group: Option<Pid>,
}

impl Stop {
    /// Asks to stop. Whether a program was running, which has been killed with its whole group.
    pub fn now(&self, why: &str) -> bool {
        let mut inner = self.lock();
        inner.asked.get_or_insert_with(|| why.into());
        // The group cannot be a stranger's: it is forgotten before its leader is waited for.
        inner.group.is_some_and(|group| kill_process_group(group, Signal::KILL).is_ok())
    }

    /// Whether somebody has asked to stop.
    pub fn is_asked(&self) -> bool {
        self.lock().asked.is_some()
    }

    /// Whether there is a program to stop.
    pub fn runs(&self) -> bool {
        self.lock().group.is_some()
    }

    /// Why, if somebody has asked to stop.
    pub fn why(&self) -> Option<Arc<str>> {
        self.lock().asked.clone()
    }

    pub(super) fn remember(&self, group: Option<Pid>) {
        self.lock().group = group;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
