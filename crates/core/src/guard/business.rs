//! Rules of business: whether an action fits what came before it.

use crate::control::business::rule::Test;
use crate::control::response::Response;
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let rules = &policy.controls.business;
    for rule in rules.iter().filter(|rule| rule.is_about(ask.request)) {
        let said = match rule.read(ask.request) {
            Ok(said) => said,
            Err(because) => {
                let found = Finding::new(GuardName::Business, Reason::InvalidInput, Effect::Deny);
                answers.add(found.subject(rule.name.as_str()).because(because));
                continue;
            }
        };
        let agent = &ask.request.principal.agent;
        let respond = |then, because, answers: &mut Answers| {
            answers.respond(GuardName::Business, Reason::BusinessRule, then, &rule.name, because, agent);
        };
        let places = rule.looks_at(&said, ask.request);
        let past = places.iter().filter_map(|place| state.business().past(place));
        let past = past.max_by_key(|past| past.last());
        if let Some(because) = rule.misfit(&said, past, now) {
            if matches!(rule.test, Test::FourEyes(_)) {
                answers.approvers = answers.approvers.max(2);
                respond(Response::Approve, because, answers);
            } else {
                respond(rule.then, because, answers);
            }
        }
    }
}
