//! Hours and days in which anything may happen.

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, _: &State, _: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    if policy.boundaries.hours.iter().any(|hours| !hours.contains(now)) {
        answers
            .add(Finding::new(GuardName::Time, Reason::OutsideHours, Effect::Deny).subject(now.to_string()));
    }
}
