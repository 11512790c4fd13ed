//! Watches the kill switch while an action runs, also for orders that other processes record.

use crate::execute::Stop;
use stayhand_core::control::switch::{Position, Switches};
use stayhand_core::request::Request;
use stayhand_store::{LogReader, Query};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often new records are looked for. An order is obeyed within 100 ms, most of which is for the program's end.
const POLL: Duration = Duration::from_millis(10);

/// What a watcher starts from.
pub(crate) struct Watch<'a> {
    /// The switches as of the record `next`, without it.
    pub(crate) switches: Switches,
    /// The first record that has not been seen.
    pub(crate) next: u64,
    /// What runs.
    pub(crate) request: &'a Request,
    /// How it is stopped.
    pub(crate) stop: &'a Stop,
}

impl Watch<'_> {
    /// Watches until `done` is closed. Where the log can no longer be read the action is stopped: a switch that
    /// nobody can see must not be taken for one that nobody has pulled.
    pub(crate) fn until(mut self, done: &Receiver<()>, reader: impl FnOnce() -> Option<LogReader>) {
        if !matches!(done.recv_timeout(POLL), Err(RecvTimeoutError::Timeout)) {
            return;
        }
        let reader = reader();
        loop {
            let seen = reader.as_ref().and_then(|reader| self.look(reader));
            match seen {
                Some(Some(why)) => self.stop.now(&why),
                Some(None) => false,
                None => self.stop.now("the log cannot be read, so nobody could stop this"),
            };
            if !matches!(done.recv_timeout(POLL), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    /// Why the action must stop now. `None` = the log cannot be read.
    fn look(&mut self, reader: &LogReader) -> Option<Option<String>> {
        let news = Query { from_seq: Some(self.next), ..Query::default() };
        for stored in reader.records(&news).ok()? {
            let record = stored.ok()?.parse().ok()?;
            self.switches.see(&record.event, record.at);
            self.next = record.seq + 1;
        }
        let stopping = self.switches.stopping(self.request);
        let killed = stopping.filter(|(_, switch)| switch.position == Position::Killed);
        Some(killed.map(|(scope, switch)| {
            format!("the kill switch ({scope}), pulled by {}: {}", switch.by, switch.reason)
        }))
    }
}
