//! Tiers: what the monitor says about the agent goes to the arbiter; a lock is set with the decision (A171, A172, T-03).

use crate::arbitrate::{Situation, arbitrate};
use crate::control::scope::Scope;
use crate::control::tier::monitor::is_remediation;
use crate::control::{Act, Consequence};
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::risk::Risk;
use crate::state::State;
use crate::time::Timestamp;
use serde_json::json;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let Some(config) = &policy.controls.tiers else { return };
    let agent = &ask.request.principal.agent;
    let Some(watched) = state.monitor().find(agent) else { return };
    let assessment = watched.assessment();
    if is_remediation(ask.request) && watched.is_spent(config) {
        let because =
            format!("{} remediations in tier {} were enough", watched.iterations(), assessment.tier);
        answers.add(Finding::new(GuardName::Tier, Reason::RemediationLimit, Effect::Deny).because(because));
    }
    // While a lock is on, its own guard says what may be done.
    if assessment.tier == 0 || state.locks().covering(ask.request, now).is_some() {
        return;
    }
    let meets = watched.meets(&config.level(assessment.tier).lock_criteria);
    let tier = if meets { 3 } else { assessment.tier };
    let arbitration = arbitrate(&Situation {
        lock_state_active: false,
        recommended_tier: Some(&json!(tier)),
        risk: Risk::Low,
        violations: &[],
        requires_approval: false,
        confidence: assessment.evidence,
    });
    if arbitration.decision != Effect::Lock {
        return;
    }
    let reason = arbitration.reasons.join("; ");
    let because = format!(
        "{reason}: tier {}, evidence {:.2}, {} failures in a row",
        assessment.tier,
        assessment.evidence,
        watched.consecutive_failures()
    );
    let scope = Scope::Agent(agent.clone());
    answers.consequences.push(Consequence { act: Act::Lock, scope, reason, tier: arbitration.tier });
    answers.add(Finding::new(GuardName::Tier, Reason::TierLock, Effect::Lock).because(because));
}
