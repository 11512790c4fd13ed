//! All circuits, fed from the log.

use super::circuit::{Blocked, Circuit, Ended, Phase, Ticket};
use super::config::Breaker;
use super::{BreakerMoved, BreakerOrder, Key};
use crate::control::named::{MOST_NAMES, Sweeps};
use crate::event::{Decided, Settled};
use crate::facts::Facts;
use crate::request::Request;
use crate::time::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A circuit of a breaker, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Place {
    breaker: Box<str>,
    key: Key,
}

/// A permitted action's way through one circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    place: Place,
    ticket: Ticket,
}

/// A circuit changed its phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// Which circuit: the breaker and the key.
    pub about: String,
    /// Where it went.
    pub phase: Phase,
    /// The line for people.
    pub line: String,
}

impl Move {
    /// Whether things get better.
    pub const fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closed | Phase::HalfOpen)
    }
}

/// All circuits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakers {
    circuits: FxHashMap<Place, Circuit>,
    moves: VecDeque<Move>,
    moved: u64,
    sweeps: Sweeps,
}

/// Changes of phase that are remembered; older ones follow from the log.
const KEPT_MOVES: usize = 200;

/// A closed circuit that nothing went through for so long is forgotten: 31 days in microseconds. So it had no failure
/// for as long, and begins anew.
const IDLE_US: u64 = 31 * 24 * 3600 * 1_000_000;

/// Circuits that are remembered. Where there are so many, an action that needs another one is refused.
const MOST_CIRCUITS: usize = 2 * MOST_NAMES;

impl Breakers {
    /// The first circuit of a breaker that would not let an action through.
    pub fn blocked<'a>(
        &self,
        breaker: &Breaker,
        keys: &'a [Key],
        now: Timestamp,
    ) -> Option<(&'a Key, Blocked)> {
        keys.iter().find_map(|key| {
            let circuit = self.circuit(&breaker.name, key)?;
            Some((key, circuit.admits(&breaker.circuit, now).err()?))
        })
    }

    /// A permitted action goes through its circuits: here it takes the slots of trial calls (B-01).
    pub(crate) fn admit(
        &mut self,
        breakers: &[Breaker],
        decided: &Decided,
        seq: u64,
        at: Timestamp,
    ) -> Vec<Passage> {
        let mut passages = Vec::new();
        for breaker in breakers {
            for key in breaker.keys(&decided.request, &decided.facts) {
                let place = Place { breaker: breaker.name.as_str().into(), key };
                let ticket = self.change(&place, at, |circuit| circuit.admitted(&breaker.circuit, seq, at));
                passages.push(Passage { place, ticket });
            }
        }
        passages
    }

    /// Takes in how an action ended.
    pub(crate) fn settle(
        &mut self,
        breakers: &[Breaker],
        passages: &[Passage],
        settled: &Settled,
        (agent, seed): (&str, u64),
        at: Timestamp,
    ) {
        for Passage { place, ticket } in passages {
            let Some(breaker) = breakers.iter().find(|breaker| *breaker.name == *place.breaker) else {
                continue;
            };
            let success = breaker.is_success(&settled.outcome);
            let ended = Ended { success, took_us: settled.duration_us, agent, at, seed };
            self.change(place, at, |circuit| circuit.ended(&breaker.circuit, *ticket, &ended));
        }
    }

    /// Follows a person's order.
    pub(crate) fn follow(&mut self, moved: &BreakerMoved, at: Timestamp) {
        let place = Place { breaker: moved.breaker.as_str().into(), key: moved.key.clone() };
        self.change(&place, at, |circuit| match moved.order {
            BreakerOrder::Reset => circuit.reset(at),
            BreakerOrder::Isolate => circuit.isolate(at),
        });
    }

    /// Changes a circuit, and remembers the phase it goes to.
    fn change<T>(&mut self, place: &Place, at: Timestamp, change: impl FnOnce(&mut Circuit) -> T) -> T {
        let circuit = self.circuits.entry(place.clone()).or_default();
        let before = circuit.phase();
        let result = change(circuit);
        if circuit.phase() != before {
            let (about, phase) = (format!("{}/{}", place.breaker, place.key), circuit.phase());
            let line = circuit.line(&about);
            self.moved += 1;
            self.moves.push_back(Move { at, about, phase, line });
            if self.moves.len() > KEPT_MOVES {
                self.moves.pop_front();
            }
        }
        result
    }

    /// Whether every circuit that an action goes through can be remembered.
    pub(crate) fn has_room_for(&self, breakers: &[Breaker], request: &Request, facts: &Facts) -> bool {
        self.circuits.len() < MOST_CIRCUITS
            || breakers.iter().all(|breaker| {
                let keys = breaker.keys(request, facts);
                keys.iter().all(|key| self.circuit(&breaker.name, key).is_some())
            })
    }

    /// Forgets circuits that begin anew anyway, if it is time to look.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        if self.sweeps.are_due(now, self.circuits.len() >= MOST_CIRCUITS) {
            let idle = |circuit: &Circuit| {
                circuit.phase() == Phase::Closed && now.since(circuit.touched()) >= IDLE_US
            };
            self.circuits.retain(|_, circuit| !idle(circuit));
        }
    }

    /// One circuit, if anything went through it.
    pub fn circuit(&self, breaker: &str, key: &Key) -> Option<&Circuit> {
        self.circuits.get(&Place { breaker: breaker.into(), key: key.clone() })
    }

    /// The circuits of one breaker.
    pub fn of<'a>(&'a self, breaker: &'a str) -> impl Iterator<Item = (&'a Key, &'a Circuit)> {
        self.circuits
            .iter()
            .filter(move |(place, _)| *place.breaker == *breaker)
            .map(|(place, found)| (&place.key, found))
    }

    /// How many changes of phase there ever were.
    pub const fn moved(&self) -> u64 {
        self.moved
    }

    /// Changes of phase, oldest first.
    pub fn moves(&self) -> impl DoubleEndedIterator<Item = &Move> {
        self.moves.iter()
    }
}
