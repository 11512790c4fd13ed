//! Decides a log again: under the same policy to prove it, under another to see what would change.

use serde::Serialize;
use stayhand_core::decide::{Ask, decide};
use stayhand_core::decision::{Decision, Effect, Obligation};
use stayhand_core::event::{Decided, Event, Record};
use stayhand_core::policy::Policy;
use stayhand_core::state::State;
use stayhand_store::{LogReader, Query, ReadError};

/// One decision that came out differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// Its place in the log.
    pub seq: u64,
    /// The session.
    pub session: String,
    /// The tool.
    pub tool: String,
    /// The arguments, as stored.
    pub input: String,
    /// The answer in the log.
    pub was: Decision,
    /// The answer now.
    pub now: Decision,
}

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Decisions replayed.
    pub decisions: u64,
    /// How the replayed decisions came out.
    pub tally: Tally,
    /// Decisions that the log made under another policy than the replayed one.
    pub under_other_policy: u64,
    /// Decisions whose effect differs; under the very same policy, whose findings or duties differ.
    pub divergences: Vec<Divergence>,
}

/// Decisions by effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Allowed.
    pub allowed: u64,
    /// Waiting for a person: neither blocked nor allowed.
    pub needs_approval: u64,
    /// Refused.
    pub blocked: u64,
    /// Warnings, as duties of what was permitted.
    pub warnings: u64,
}

impl Tally {
    /// Counts one decision.
    pub fn count(&mut self, decision: &Decision) {
        *match decision.effect {
            Effect::Allow => &mut self.allowed,
            Effect::Approve => &mut self.needs_approval,
            Effect::Deny | Effect::Lock => &mut self.blocked,
        } += 1;
        let warnings = decision.obligations.iter().filter(|duty| matches!(duty, Obligation::Warn { .. }));
        self.warnings += warnings.count() as u64;
    }

    /// Blocked decisions in percent of all; zero where there are none.
    pub fn block_rate(&self) -> f64 {
        let total = self.allowed + self.needs_approval + self.blocked;
        if total == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let rate = self.blocked as f64 * 100.0 / total as f64;
        rate
    }
}

/// Decides every decision of the log again, each on the state of its moment.
///
/// Grants of approval count as given under the replayed policy, so that a changed policy shows
/// only what it changes. `each` sees every decision with its new answer.
pub fn replay(
    reader: &LogReader,
    policy: &Policy,
    session: Option<&str>,
    mut each: impl FnMut(u64, &Decided, &Decision),
) -> Result<Replay, ReadError> {
    let mut replayer = Replayer::new(policy);
    for stored in reader.records(&Query::default())? {
        let record = stored?.parse()?;
        replayer.step(&record, session, &mut each);
    }
    Ok(replayer.found)
}

/// A replay in progress: give it the records of a log in order.
#[derive(Debug)]
pub struct Replayer<'a> {
    policy: &'a Policy,
    state: State,
    /// What was found so far.
    pub found: Replay,
}

impl<'a> Replayer<'a> {
    /// Starts at the empty state.
    pub fn new(policy: &'a Policy) -> Self {
        Self { policy, state: State::default(), found: Replay::default() }
    }

    /// Replays one record.
    pub fn step(
        &mut self,
        record: &Record,
        session: Option<&str>,
        each: &mut impl FnMut(u64, &Decided, &Decision),
    ) {
        if let Event::Decided(decided) = &record.event
            && session.is_none_or(|wanted| wanted == decided.request.principal.session)
        {
            self.decide_again(record, decided, each);
        }
        self.state.apply_under(record, self.policy.id());
    }

    fn decide_again(
        &mut self,
        record: &Record,
        decided: &Decided,
        each: &mut impl FnMut(u64, &Decided, &Decision),
    ) {
        let ask = Ask { request: &decided.request, digest: decided.request_digest, facts: &decided.facts };
        let answer = decide(self.policy, &self.state, &ask, record.at);
        let same_policy = decided.policy == self.policy.id();
        let differs = if same_policy {
            answer.decision != decided.decision || answer.expires != decided.expires
        } else {
            answer.decision.effect != decided.decision.effect
        };
        each(record.seq, decided, &answer.decision);
        self.found.decisions += 1;
        self.found.under_other_policy += u64::from(!same_policy);
        self.found.tally.count(&answer.decision);
        if differs {
            self.found.divergences.push(divergence(record.seq, decided, answer.decision));
        }
    }
}

fn divergence(seq: u64, decided: &Decided, now: Decision) -> Divergence {
    Divergence {
        seq,
        session: decided.request.principal.session.clone(),
        tool: decided.request.action.0.clone(),
        input: serde_json::Value::Object(decided.request.resource.0.clone()).to_string(),
        was: decided.decision.clone(),
        now,
    }
}
