//! Anomalies: is this action unlike what this agent usually does?

use crate::control::anomaly::agent::{AgentModel, Unusual};
use crate::control::anomaly::observation::Observation;
use crate::control::limit;
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::{Approval, State};
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let Some(config) = &policy.controls.anomaly else { return };
    let agent = &ask.request.principal.agent;
    let fresh = AgentModel::default();
    let model = state.models().find(agent).unwrap_or(&fresh);
    let earlier = state.asked(ask.digest, policy.id(), now);
    // A value that cannot be read is refused by the guard of limits.
    let value = limit::amounts(ask.request, ask.facts).map_or(0, |amounts| amounts.value_nanousd);
    let seen = Observation::of(config, now, (ask.request, ask.facts), value, earlier.is_some());
    for unusual in model.judge(config, &seen) {
        if let Some(shown) = earlier.and_then(|earlier| shown(earlier, &unusual)) {
            answers.add(shown.clone());
        } else if unusual.alerts(config) && !seen.again {
            let consequence = unusual.consequence(config, agent);
            let found = Finding::new(GuardName::Anomaly, Reason::AnomalyAlert, Effect::Deny);
            answers.add(found.subject(unusual.metric.name()).because(consequence.reason.as_str()));
            answers.consequences.push(consequence);
        } else {
            let found = Finding::new(GuardName::Anomaly, Reason::AnomalyFound, config.effect());
            answers.add(found.subject(unusual.metric.name()).because(unusual.reason.as_str()));
        }
    }
}

/// What whoever answers was shown about this. The figures of then: what is usual has moved on since.
fn shown<'a>(earlier: &'a Approval, unusual: &Unusual) -> Option<&'a Finding> {
    let subject = Some(unusual.metric.name());
    earlier.decision.findings.iter().find(|found| {
        found.guard == GuardName::Anomaly
            && found.effect == Effect::Approve
            && found.subject.as_deref() == subject
    })
}
