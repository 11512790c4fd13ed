//! How the engine reads and writes its log: on the newest state, in the writer's turn, durable before it is answered.

use super::{Engine, EngineError};
use crate::snapshot::Snapshots;
use stayhand_core::event::{EVENT_VERSION, Event, Record};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;
use stayhand_store::{AppendError, Log, Query, Ticket, Turn};
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

/// The newest state, in the writer's turn.
pub(super) struct Writing<'a> {
    engine: &'a Engine,
    turn: Turn<'a>,
    pub(super) state: MutexGuard<'a, State>,
    /// The time of what is appended.
    pub(super) now: Timestamp,
    /// Notices before anything was appended.
    noticed: u64,
    last: Option<Ticket>,
}

impl Writing<'_> {
    /// Appends an event and applies it.
    pub(super) fn append(&mut self, event: Event) -> Result<Record, AppendError> {
        let ticket = self.turn.append(self.now, &event)?;
        let record = Record { v: EVENT_VERSION, seq: ticket.seq, at: self.now, event };
        self.state.apply(&record);
        // Records become durable in their order: the last one vouches for all.
        self.last = Some(ticket);
        Ok(record)
    }

    /// Waits until everything is durable. Then people are told what they should hear of.
    pub(super) fn finish(self) -> Result<(), AppendError> {
        let Self { engine, turn, state, noticed, last, .. } = self;
        let notices = state.notices().since(noticed);
        drop(state);
        last.map_or(Ok(()), |ticket| ticket.wait())?;
        drop(turn);
        engine.delivery.send(engine.policy().notifiers(), notices);
        engine.keep_snapshot();
        Ok(())
    }
}

impl Engine {
    /// Takes the writer's turn, and brings the state up to what other processes have recorded.
    pub(super) fn write(&self) -> Result<Writing<'_>, EngineError> {
        let turn = self.log.turn()?;
        let mut state = self.lock();
        catch_up(&mut state, &turn)?;
        let (now, noticed) = (self.now(&state), state.notices().total());
        Ok(Writing { engine: self, turn, state, now, noticed, last: None })
    }

    /// The state, with what other processes have recorded.
    pub fn refreshed<T>(&self, look: impl FnOnce(&State, Timestamp) -> T) -> Result<T, EngineError> {
        let turn = self.log.turn()?;
        let mut state = self.lock();
        catch_up(&mut state, &turn)?;
        drop(turn);
        let now = self.now(&state);
        Ok(look(&state, now))
    }

    /// Records what `make` wants on the newest state: one event, or an answer without one. Then it is durable.
    pub(crate) fn record_if<T>(
        &self,
        make: impl FnOnce(&State, Timestamp) -> Result<Event, T>,
    ) -> Result<Result<(), T>, EngineError> {
        let mut writing = self.write()?;
        let event = match make(&writing.state, writing.now) {
            Ok(event) => event,
            Err(other) => return Ok(Err(other)),
        };
        writing.append(event)?;
        Ok(Ok(writing.finish()?))
    }

    /// Records one event.
    pub(crate) fn record(&self, event: Event) -> Result<(), EngineError> {
        self.record_all([event])
    }

    /// Records events in one commit, or as few as they fit into.
    pub(super) fn record_all(&self, events: impl IntoIterator<Item = Event>) -> Result<(), EngineError> {
        let mut writing = self.write()?;
        for event in events {
            writing.append(event)?;
        }
        Ok(writing.finish()?)
    }

    /// Keeps a snapshot where one is due.
    fn keep_snapshot(&self) {
        let Some(home) = &self.home else { return };
        let state = self.lock();
        if self.snapshots.is_due(&state)
            && let Ok(reader) = self.log.reader()
        {
            self.snapshots.keep(home, &self.log, &reader, &state);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // State changes only by `State::apply`, which is total: a poisoned lock holds a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, never before the newest record.
    pub(super) fn now(&self, state: &State) -> Timestamp {
        self.clock.now().max(state.last())
    }
}

/// Folds the log as far as it was known when it was opened; what others append later is news.
/// Where there is a snapshot, only what comes after it is read.
pub(super) fn fold(log: &Log, home: Option<&Path>, snapshots: &Snapshots) -> Result<State, EngineError> {
    let reader = log.reader()?;
    let mut state = home.map(|home| snapshots.load(home, log, &reader)).unwrap_or_default();
    let known = Query { from_seq: Some(state.records()), to_seq: Some(log.records()), ..Query::default() };
    for stored in reader.records(&known)? {
        let record = stored?.parse()?;
        if record.v > EVENT_VERSION {
            return Err(EngineError::Newer(record.v));
        }
        state.apply(&record);
    }
    if let Some(home) = home
        && snapshots.is_due(&state)
    {
        snapshots.keep(home, log, &reader, &state);
    }
    Ok(state)
}

fn catch_up(state: &mut State, turn: &Turn<'_>) -> Result<(), EngineError> {
    turn.news()?.iter().for_each(|record| state.apply(record));
    Ok(())
}
