//! What is remembered of one agent's session to see that it fails. Bounded, whatever the agent does.

use super::act::Act;
use super::context::Mark;
use super::pattern::Steps;
use super::step::Step;
use crate::event::{Outcome, Settled};
use crate::reason::Reason;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The steps that are kept: a cycle of eight, three times.
pub const KEPT_STEPS: usize = 24;

/// The actions whose failed attempts are counted; those that failed least recently are forgotten first.
const KEPT_FAILED: usize = 16;

/// The refusals whose times are kept.
pub const KEPT_REFUSALS: usize = 32;

/// What is remembered of one session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    steps: Vec<Step>,
    /// Actions that failed since there was progress, and how often; the newest last.
    failed: Vec<(u64, u32)>,
    spent_nanousd: u64,
    last_cost_nanousd: u64,
    refusals: Vec<Timestamp>,
    /// The context that the agent stated last.
    pub context: Option<Mark>,
    /// An incident of this session is open: nothing has gone forward since.
    pub troubled: bool,
    /// When something last happened.
    pub touched: Timestamp,
}

impl History {
    /// An action begins.
    pub fn start(&mut self, place: u64, act: Act) {
        push(&mut self.steps, Step::new(place, act), KEPT_STEPS);
    }

    /// An action ended, at this cost. Whether the session went forward by it.
    pub fn end(&mut self, settled: &Settled, cost_nanousd: u64) -> bool {
        let Some(at) = self.steps.iter().position(|step| step.place == settled.decision) else {
            return false;
        };
        if matches!(settled.outcome, Outcome::Abandoned { .. }) {
            self.steps.remove(at);
            return false;
        }
        let Some(step) = self.steps.get_mut(at) else { return false };
        step.end(settled);
        let step = *step;
        let repeats = |other: &Step| other.place != step.place && other.same_as(&step);
        if settled.outcome.is_success() && !self.steps.iter().any(repeats) {
            self.failed.clear();
            self.spent_nanousd = 0;
            return true;
        }
        self.spent_nanousd = self.spent_nanousd.saturating_add(cost_nanousd);
        self.last_cost_nanousd = cost_nanousd;
        if !settled.outcome.is_success() {
            self.count_failure(step.action);
        }
        false
    }

    fn count_failure(&mut self, action: u64) {
        let known = self.failed.iter().position(|(failed, _)| *failed == action);
        let before = known.map_or(0, |at| self.failed.remove(at).1);
        push(&mut self.failed, (action, before.saturating_add(1)), KEPT_FAILED);
    }

    /// An action was refused for what it would do: a step whose result is the refusal.
    pub fn refuse(&mut self, place: u64, act: Act, reason: Reason, at: Timestamp) {
        push(&mut self.steps, Step::refused(place, act, reason), KEPT_STEPS);
        push(&mut self.refusals, at, KEPT_REFUSALS);
    }

    /// The steps so far, and the one that would come next.
    pub fn steps<'a>(&'a self, next: Option<&'a Step>) -> Steps<'a> {
        Steps::new(&self.steps, next)
    }

    /// How often this action has failed since there was progress.
    pub fn failures_of(&self, action: u64) -> u32 {
        self.failed.iter().find(|(failed, _)| *failed == action).map_or(0, |(_, count)| *count)
    }

    /// How many different actions have failed at least this often since there was progress.
    pub fn given_up(&self, times: u32) -> usize {
        self.failed.iter().filter(|(_, count)| *count >= times).count()
    }

    /// What would be spent without progress with an action of this declared cost, in nano-dollars. Where no cost is
    /// declared, it is taken to be that of the last action.
    pub fn would_have_spent(&self, declared_nanousd: Option<u64>) -> u64 {
        self.spent_nanousd.saturating_add(declared_nanousd.unwrap_or(self.last_cost_nanousd))
    }

    /// What was spent since there was progress, in nano-dollars.
    pub const fn spent_nanousd(&self) -> u64 {
        self.spent_nanousd
    }

    /// The refusals younger than `within_us` microseconds.
    pub fn refusals(&self, within_us: u64, now: Timestamp) -> usize {
        self.refusals.iter().filter(|at| now.since(**at) < within_us).count()
    }
}

/// Appends, and drops the oldest above `most`.
fn push<T>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Level;
    use crate::digest::Digest;

    fn act(action: u64) -> Act {
        Act { action, near: 0 }
    }

    fn settled(decision: u64, code: i32, output: &str) -> Settled {
        let json = serde_json::json!({
            "decision": decision, "outcome": { "kind": "exit", "code": code }, "duration_us": 1,
            "confined": Level::None, "output": Digest::of_parts(&[output.as_bytes(), b""]),
        });
        serde_json::from_value(json).unwrap()
    }

    /// K008, K009: failed attempts are counted by action until something else goes forward.
    #[test]
    fn k008_attempts_are_counted_until_there_is_progress() {
        let mut history = History::default();
        for place in 0..6 {
            history.start(place, act(place % 2));
            assert!(!history.end(&settled(place, 1, "no"), 5));
        }
        assert_eq!((history.failures_of(0), history.failures_of(1), history.given_up(3)), (3, 3, 2));
        assert_eq!((history.spent_nanousd(), history.would_have_spent(None)), (30, 35));
        assert_eq!(history.would_have_spent(Some(100)), 130);
        // A success that repeats what was seen is no progress; a new one is.
        history.start(6, act(7));
        assert!(history.end(&settled(6, 0, "yes"), 5));
        assert_eq!((history.failures_of(0), history.spent_nanousd()), (0, 0));
        history.start(7, act(7));
        assert!(!history.end(&settled(7, 0, "yes"), 5));
        history.start(8, act(7));
        assert!(history.end(&settled(8, 0, "another"), 5));
    }

    /// Bypass 157: whatever the agent does, what is remembered of it does not grow.
    #[test]
    fn bypass_157_nothing_grows() {
        let mut history = History::default();
        for place in 0..10_000 {
            history.start(place, act(place));
            history.end(&settled(place, 1, &place.to_string()), 1);
            history.refuse(place, act(place), Reason::RuleDeny, Timestamp(place));
        }
        assert_eq!(history.steps.len(), KEPT_STEPS);
        assert_eq!((history.failed.len(), history.refusals.len()), (KEPT_FAILED, KEPT_REFUSALS));
        let bytes =
            KEPT_STEPS * size_of::<Step>() + KEPT_FAILED * 16 + KEPT_REFUSALS * 8 + size_of::<History>();
        assert!(bytes < 1700, "{bytes}");
    }

    #[test]
    fn what_never_ran_is_no_step() {
        let mut history = History::default();
        for place in 0..2 {
            history.start(place, act(1));
        }
        let never = Outcome::Abandoned { why: "too late".to_owned() };
        history.end(&Settled { outcome: never, ..settled(1, 0, "") }, 0);
        let next = Step::new(2, act(1));
        assert!(!history.steps(Some(&next)).recur(1, 3));
        history.start(2, act(1));
        assert!(history.steps(Some(&next)).recur(1, 3));
    }
}
