//! A secret in an outgoing argument is at least a question.

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName, Obligation};
use crate::policy::Policy;
use crate::policy::source::Stance;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, _: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    let effect = match policy.defaults.outgoing_secret {
        Stance::Approve => Effect::Approve,
        Stance::Deny => Effect::Deny,
    };
    for secret in ask.facts.operations.iter().flat_map(|op| &op.secrets) {
        answers.oblige(Obligation::Redact);
        if secret.outgoing {
            let finding = Finding::new(GuardName::Secret, Reason::SecretOutgoing, effect);
            answers.add(finding.subject(secret.field.as_str()).because(secret.kind.as_str()));
        }
    }
}
