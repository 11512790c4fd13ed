//! Is the input something a decision can rest on?

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(_: &Policy, _: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    for invalid in &ask.facts.invalid {
        let finding = Finding::new(GuardName::Input, Reason::InvalidInput, Effect::Deny);
        answers.add(finding.subject(invalid.field.as_str()).because(invalid.why.as_str()));
    }
}
