//! Circuit breakers: what keeps failing is not called. Asked last (A097); a slot is taken only by what is permitted.

use crate::control::breaker::circuit::Phase;
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    for breaker in &policy.controls.breakers {
        let keys = breaker.keys(ask.request, ask.facts);
        let Some((key, blocked)) = state.breakers().blocked(breaker, &keys, now) else { continue };
        let mut because = format!("Circuit {}/{key} is open", breaker.name);
        match blocked.phase {
            Phase::Isolated => because.push_str("; a person isolated it"),
            Phase::HalfOpen => because.push_str("; other calls are trying it"),
            _ => because
                .push_str(&format!("; it is tried again in {} s", blocked.retry_in_us.div_ceil(1_000_000))),
        }
        let found = Finding::new(GuardName::Breaker, Reason::CircuitOpen, Effect::Deny);
        answers.add(found.subject(breaker.name.as_str()).because(because));
    }
}
