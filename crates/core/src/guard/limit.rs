//! Limits over time. Reported in the order of A051: time, counts, single values, totals.

use crate::control::limit::{self, Limit, Measure};
use crate::control::meter::LONGEST_WINDOW_US;
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName, Obligation, Resource};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let limits = &policy.controls.limits;
    let wanted = match limit::amounts(ask.request, ask.facts) {
        Ok(amounts) => amounts,
        Err(because) => {
            let found = Finding::new(GuardName::Limit, Reason::InvalidInput, Effect::Deny);
            return answers.add(found.subject("value").because(because));
        }
    };
    if let Some(found) = operations(policy, state, ask, now) {
        answers.add(found);
    }
    total_time(policy, state, ask, answers);
    if limits.is_empty() {
        return;
    }
    let mut exceeded: Vec<(&Limit, Finding)> = Vec::new();
    for limit in limits {
        if let Some(excess) = limit.exceeded(state.meters(), ask.request, wanted, now) {
            let found = Finding::new(GuardName::Limit, Reason::LimitExceeded, limit.effect());
            let found = found.subject(limit.name.as_str()).because(limit.sentence(&excess));
            exceeded.push((limit, found));
        }
    }
    exceeded.sort_by_key(|(limit, _)| rank(limit.of));
    exceeded.into_iter().for_each(|(_, found)| answers.add(found));
}

/// A121: how many actions a session may take. Only those that ran count.
fn operations(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp) -> Option<Finding> {
    let max = policy.boundaries.operations?;
    let meter = state.meters().of_session(&ask.request.principal.session);
    let count = meter.map_or(0, |meter| meter.sum(LONGEST_WINDOW_US, now).actions).saturating_add(1);
    (count > max).then(|| {
        let found = Finding::new(GuardName::Limit, Reason::LimitExceeded, Effect::Deny);
        found.subject("max_operations").because(format!("Operation count {count} exceeds limit {max}"))
    })
}

/// A120, X-02: how long the actions of a session may run in total. What is left is reserved for this one, or as much as
/// it may run by its own limits.
fn total_time(policy: &Policy, state: &State, ask: &Ask<'_>, answers: &mut Answers) {
    let Some(max_ms) = policy.boundaries.total_ms else { return };
    let ran_ms = state.meters().ran_us(&ask.request.principal.session).div_ceil(1000);
    if ran_ms >= max_ms {
        let seconds = |ms: u64| format!("{}.{:02}s", ms / 1000, ms % 1000 / 10);
        let because = format!("Total time {} exceeds limit {}", seconds(ran_ms), seconds(max_ms));
        let found = Finding::new(GuardName::Limit, Reason::LimitExceeded, Effect::Deny);
        return answers.add(found.subject("max_total_s").because(because));
    }
    let own = answers.obligations.iter().filter_map(|duty| match duty {
        Obligation::TimeLimit { limit_ms } => Some(*limit_ms),
        _ => None,
    });
    let limit = own.min().map_or(max_ms - ran_ms, |own_ms| own_ms.min(max_ms - ran_ms));
    answers.oblige(Obligation::Limit { resource: Resource::TotalTimeMs, limit });
}

const fn rank(of: Measure) -> u8 {
    match of {
        Measure::Time => 0,
        Measure::Actions | Measure::Attempts | Measure::ApiCalls | Measure::Tokens | Measure::Concurrent => 1,
        Measure::ValuePerAction => 2,
        Measure::Value => 3,
    }
}
