//! Is the tool one that anybody has said something about?

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::risk::Risk;
use crate::state::State;
use crate::time::Timestamp;
use crate::tool;

pub(super) fn check(policy: &Policy, _: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    let name = ask.request.action.0.as_str();
    // A policy that lists actions speaks of actions, others of tools (A201).
    let by_itself = policy.actions.is_empty() && tool::known(name).is_some();
    if policy.allows_any_tool() || by_itself || policy.knows(name) {
        return;
    }
    let finding = if policy.actions.is_empty() {
        Finding::new(GuardName::UnknownTool, Reason::UnknownTool, Effect::Deny)
    } else {
        Finding::new(GuardName::UnknownTool, Reason::UnknownAction, Effect::Deny)
    };
    answers.risk = Some(Risk::Critical);
    answers.add(finding.subject(name));
}
