//! The kill switch: while it is paused or killed, nothing runs.

use crate::control::switch::Position;
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(_: &Policy, state: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    let Some((scope, switch)) = state.switches().stopping(ask.request) else { return };
    let reason =
        if switch.position == Position::Killed { Reason::SystemKilled } else { Reason::SystemPaused };
    let because = format!("by {}: {}", switch.by, switch.reason);
    let found = Finding::new(GuardName::Switch, reason, Effect::Deny);
    answers.add(found.subject(scope.to_string()).because(because));
}
