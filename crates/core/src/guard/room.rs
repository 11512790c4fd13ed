//! Room: whether what an action brings can be remembered. To forget something older could allow more.

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    if let Some(what) = state.without_room(&policy.controls, ask) {
        let found = Finding::new(GuardName::Room, Reason::StateFull, Effect::Deny);
        answers.add(found.because(format!("there are too many {what} to tell one more apart")));
    }
}
