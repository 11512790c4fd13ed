//! Action policies: rate, cost, patterns, resources, approval, in this order (A202).

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName, Obligation};
use crate::facts::{FieldKind, Text};
use crate::policy::Policy;
use crate::policy::boundary::ActionPolicy;
use crate::policy::condition::NANOUSD_PER_CENT;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    if policy.actions.is_empty() {
        return;
    }
    let policies = policy.actions(&ask.request.action.0);
    for policy in policies {
        rate(policy, state, ask, now, answers);
        cost(policy, ask, answers);
        patterns(policy, ask, answers);
        resources(policy, ask, answers);
        grant(policy, ask, answers);
    }
}

fn finding(policy: &ActionPolicy, reason: Reason, effect: Effect) -> Finding {
    Finding::new(GuardName::Action, reason, effect).rule(&policy.name)
}

/// A203: at most so many permitted starts in the last hour, of one agent and of all. Zero = none.
fn rate(policy: &ActionPolicy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let mut exceeded = |because: String| {
        answers.add(finding(policy, Reason::RateLimitExceeded, Effect::Deny).because(because));
    };
    if let Some(limit) = policy.rate_per_hour {
        let used = state.meters().of_agent_in_last_hour(&ask.request.principal.agent, &policy.name, now);
        if used >= limit {
            exceeded(format!("Rate limit exceeded: {used}/{limit} per hour"));
        }
    }
    if let Some(limit) = policy.total_per_hour {
        let used = state.meters().in_last_hour(&policy.name, now);
        if used >= limit {
            exceeded(format!("Rate limit exceeded: {used}/{limit} per hour by all agents"));
        }
    }
}

/// A204: a cost limit needs a declared cost.
fn cost(policy: &ActionPolicy, ask: &Ask<'_>, answers: &mut Answers) {
    let Some(limit_cents) = policy.max_cost_cents else { return };
    let limit = limit_cents.saturating_mul(NANOUSD_PER_CENT);
    match ask.request.context.cost_nanousd {
        None => answers.add(finding(policy, Reason::CostMissing, Effect::Deny)),
        Some(cost) if cost > limit => {
            let because = format!("Cost limit exceeded: ${} > ${}", dollars(cost), dollars(limit));
            answers.add(finding(policy, Reason::CostLimitExceeded, Effect::Deny).because(because));
        }
        Some(_) => {}
    }
}

/// Nano-dollars as dollars with two places, rounded up.
fn dollars(nanousd: u64) -> String {
    let cents = nanousd.div_ceil(NANOUSD_PER_CENT);
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// A205 and A205a: patterns are searched where their kind of text can stand, not in free text.
fn patterns(policy: &ActionPolicy, ask: &Ask<'_>, answers: &mut Answers) {
    for text in ask.facts.texts.iter().filter(|text| is_searched(text)) {
        for pattern in &policy.forbidden {
            if pattern.is_match(&text.text) {
                let because = format!("Forbidden pattern detected: {}", pattern.as_str());
                let found = finding(policy, Reason::ForbiddenPattern, Effect::Deny);
                answers.add(found.subject(text.parameter()).because(because));
            }
        }
    }
}

const fn is_searched(text: &Text) -> bool {
    !matches!(
        text.kind,
        FieldKind::Text | FieldKind::Outgoing | FieldKind::Amount | FieldKind::Recipient | FieldKind::Secret
    )
}

/// A206: every path of every operation lies in the allowed resources.
fn resources(policy: &ActionPolicy, ask: &Ask<'_>, answers: &mut Answers) {
    let Some(allowed) = &policy.resources else { return };
    for op in &ask.facts.operations {
        for used in op.paths.iter().filter(|used| !allowed.contains(used, &ask.request.context)) {
            let because = format!("Path not in allowed resources: {}", used.lexical);
            let found = finding(policy, Reason::ResourceAccessDenied, Effect::Deny);
            answers.add(found.subject(used.lexical.as_str()).because(because));
        }
    }
}

/// A208: a listed action runs, or waits for a person; what hides something waits in any case.
/// A212: its duration is limited.
fn grant(policy: &ActionPolicy, ask: &Ask<'_>, answers: &mut Answers) {
    let hidden = ask.facts.operations.iter().find_map(|op| op.opaque.first());
    let found = match hidden {
        Some(opaque) => finding(policy, Reason::RuleUndecided, Effect::Approve).because(opaque.why.as_str()),
        None if policy.approval || ask.facts.operations.is_empty() => {
            finding(policy, Reason::ActionApproval, Effect::Approve)
        }
        None => finding(policy, Reason::ActionAllow, Effect::Allow),
    };
    answers.add(found);
    answers.covered |= policy.layer.may_allow();
    answers.risk = answers.risk.max(Some(policy.risk));
    if let Some(limit_ms) = policy.limit_ms {
        answers.oblige(Obligation::TimeLimit { limit_ms });
    }
}
