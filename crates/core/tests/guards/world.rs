//! A log that grows as a runtime makes it grow.

use crate::common::*;
use serde_json::json;
use stayhand_core::decide;
use stayhand_core::decision::{ApprovalId, Decision};
use stayhand_core::event::{ApprovalResolved, Decided, EVENT_VERSION, Event, Outcome, Record, Settled};
use stayhand_core::policy::Policy;
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

/// The log, its state, and what decides.
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) state: State,
    pub(crate) log: Vec<Record>,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn new(policy: Policy) -> Self {
        let mut state = State::default();
        state.learn(policy.id(), policy.controls());
        Self { policy, state, log: Vec::new(), now: NOW }
    }

    /// Decides now, and records it.
    pub(crate) fn ask(&mut self, case: Case) -> Decision {
        let case = case.at(self.now);
        let decided = case.decide(&self.policy, &self.state);
        let decision = decided.decision.clone();
        self.apply(event_of(&self.policy, &case, decided));
        decision
    }

    /// The newest decision's number.
    pub(crate) fn newest(&self) -> u64 {
        self.log.len() as u64 - 1
    }

    /// A decision ends.
    pub(crate) fn end_of(&mut self, decision: u64, duration_us: u64, outcome: Outcome) {
        let settled = json!({
            "decision": decision, "outcome": outcome, "duration_us": duration_us, "confined": "none",
        });
        self.apply(Event::Settled(serde_json::from_value::<Settled>(settled).unwrap()));
    }

    /// The newest decision ends.
    pub(crate) fn end(&mut self, duration_us: u64, outcome: Outcome) {
        self.end_of(self.newest(), duration_us, outcome);
    }

    /// A person says yes to the newest decision.
    pub(crate) fn approve(&mut self) {
        let approval = ApprovalId(self.newest());
        let answer = ApprovalResolved { approval, by: "ada".into(), grant: true, comment: String::new() };
        self.apply(Event::ApprovalResolved(answer));
    }

    pub(crate) fn apply(&mut self, event: Event) {
        let record = Record { v: EVENT_VERSION, seq: self.log.len() as u64, at: self.now, event };
        apply(&mut self.state, &record);
        self.log.push(record);
    }

    /// The same log gives the same state.
    pub(crate) fn folds_again(&self) {
        let mut again = State::default();
        again.learn(self.policy.id(), self.policy.controls());
        self.log.iter().for_each(|record| again.apply(record));
        assert_eq!(again, self.state);
    }
}

/// A decision as it is recorded.
pub(crate) fn event_of(policy: &Policy, case: &Case, decided: decide::Decided) -> Event {
    Event::Decided(Box::new(Decided {
        request: case.request.clone(),
        request_digest: case.request.digest(),
        facts: case.facts.clone(),
        policy: policy.id(),
        decision: decided.decision,
        expires: decided.expires,
        engine: 1,
        dry: false,
    }))
}

/// Decides, and applies that as the record `seq`, without the detour by which [`apply`] takes long in a large state.
pub(crate) fn decide_and_apply(policy: &Policy, state: &mut State, case: &Case, seq: u64) -> decide::Decided {
    let decided = case.decide(policy, state);
    let event = event_of(policy, case, decided.clone());
    state.apply(&Record { v: EVENT_VERSION, seq, at: case.now, event });
    decided
}

/// Applies a record, and goes on with the state as a snapshot gives it back: nothing may be lost in it. Of a long log
/// now and then, as it takes its time.
pub(crate) fn apply(state: &mut State, record: &Record) {
    state.apply(record);
    if record.seq >= 32 && !record.seq.is_power_of_two() {
        return;
    }
    let written = rmp_serde::to_vec_named(state).unwrap();
    let read: State = rmp_serde::from_slice(&written).unwrap();
    assert_eq!(read, *state);
    *state = read;
}

/// What a decision holds against an action.
pub(crate) fn reasons(decision: &Decision) -> Vec<&'static str> {
    let tight =
        decision.findings.iter().filter(|found| found.effect > stayhand_core::decision::Effect::Allow);
    tight.map(|found| found.reason.code()).collect()
}
