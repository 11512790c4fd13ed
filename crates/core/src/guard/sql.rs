//! SQL statements, by kind, and SQL in values that are declared to be data.

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::facts::SqlClass;
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, _: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    for injected in &ask.facts.injected {
        let finding = Finding::new(GuardName::Sql, Reason::SqlInjection, Effect::Approve);
        answers.add(finding.subject(injected.field.as_str()).because(injected.why.as_str()));
    }
    for statement in ask.facts.operations.iter().flat_map(|op| &op.statements) {
        let (reason, effect) = if policy.defaults.sql_deny.contains(&statement.class) {
            (Reason::SqlRefused, Effect::Deny)
        } else if policy.defaults.sql_approve().contains(&statement.class) {
            match statement.class {
                SqlClass::Unknown => (Reason::SqlUnknown, Effect::Approve),
                _ => (Reason::SqlApproval, Effect::Approve),
            }
        } else {
            continue;
        };
        answers.add(Finding::new(GuardName::Sql, reason, effect).subject(statement.verb.as_str()));
    }
}
