//! The safety lock: what does more than look is refused (A170, LK-03).

use crate::control::lock::only_looks;
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(_: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let Some(lock) = state.locks().covering(ask.request, now) else { return };
    if only_looks(ask.facts) {
        return;
    }
    let because = format!("by {}: {}", lock.set.by, lock.set.reason);
    let found = Finding::new(GuardName::Lock, Reason::Locked, Effect::Deny);
    answers.add(found.subject(lock.set.scope.to_string()).because(because));
}
