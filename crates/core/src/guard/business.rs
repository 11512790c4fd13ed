//! Rules of business: whether an action fits what came before it.

use crate::control::business::rule::{BusinessRule, Test};
use crate::control::scope::Scope;
use crate::control::{Consequence, failure::watch::Response};
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName, Obligation};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;
use std::sync::Arc;

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
        let past = state.business().past(&said.place);
        if past.is_none() && state.business().is_full() {
            respond(rule, Response::Deny, "more keys than can be remembered".to_owned(), ask, answers);
        } else if let Some(because) = rule.misfit(&said, past, now) {
            if matches!(rule.test, Test::FourEyes(_)) {
                answers.approvers = answers.approvers.max(2);
                respond(rule, Response::Approve, because, ask, answers);
            } else {
                respond(rule, rule.then, because, ask, answers);
            }
        }
    }
}

fn respond(rule: &BusinessRule, then: Response, because: String, ask: &Ask<'_>, answers: &mut Answers) {
    let name: Arc<str> = rule.name.as_str().into();
    if then == Response::Warn {
        answers.oblige(Obligation::Warn { rule: Arc::clone(&name) });
    }
    if let Some(act) = then.act() {
        let scope = Scope::Agent(ask.request.principal.agent.clone());
        let reason = format!("{name}: {because}");
        answers.consequences.push(Consequence { act, scope, reason, tier: None });
    }
    answers.add(
        Finding::new(GuardName::Business, Reason::BusinessRule, then.effect()).rule(&name).because(because),
    );
}
