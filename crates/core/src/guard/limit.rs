//! Limits over time. Reported in the order of A051: time, counts, single values, totals.

use crate::control::limit::{self, Limit, Measure};
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
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

const fn rank(of: Measure) -> u8 {
    match of {
        Measure::Time => 0,
        Measure::Actions | Measure::Attempts | Measure::ApiCalls | Measure::Tokens | Measure::Concurrent => 1,
        Measure::ValuePerAction => 2,
        Measure::Value => 3,
    }
}
