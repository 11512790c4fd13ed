//! The decision: every guard is asked, the strictest finding wins.

use crate::control::Consequence;
use crate::control::ledger::Spend;
use crate::control::response::Response;
use crate::control::scope::Scope;
use crate::decision::{ApprovalId, Decision, Effect, Finding, GuardName, Obligation};
use crate::digest::Digest;
use crate::facts::Facts;
use crate::guard::GUARDS;
use crate::policy::Policy;
use crate::reason::Reason;
use crate::request::Request;
use crate::risk::Risk;
use crate::state::{Answer, State};
use crate::time::Timestamp;
use std::sync::Arc;

/// What is decided about: a request, its digest, and what was observed.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The request, secrets replaced.
    pub request: &'a Request,
    /// The digest of the full request.
    pub digest: Digest,
    /// What was observed.
    pub facts: &'a Facts,
}

/// What the guards have said so far.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) findings: Vec<Finding>,
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) consequences: Vec<Consequence>,
    /// What the action may spend at most.
    pub(crate) spend: Spend,
    /// How many people must say yes, where it is more than one.
    pub(crate) approvers: u8,
    /// Whether every operation is covered by a rule or action policy that allows it or would
    /// with a person's approval.
    pub(crate) covered: bool,
    /// The shortest timeout of the rules that want approval, in seconds.
    pub(crate) timeout_s: Option<u64>,
    /// The risk that an action policy states; critical for unknown tools.
    pub(crate) risk: Option<Risk>,
}

impl Answers {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds what a policy wants to happen: the finding, and with it a warning or an act upon the agent.
    pub(crate) fn respond(
        &mut self,
        guard: GuardName,
        reason: Reason,
        then: Response,
        rule: &str,
        because: String,
        agent: &str,
    ) {
        let rule: Arc<str> = rule.into();
        if then == Response::Warn {
            self.oblige(Obligation::Warn { rule: Arc::clone(&rule) });
        }
        if let Some(act) = then.act() {
            let scope = Scope::Agent(agent.to_owned());
            self.consequences.push(Consequence { act, scope, reason: because.clone(), tier: None });
        }
        self.add(Finding::new(guard, reason, then.effect()).rule(&rule).because(because));
    }

    pub(crate) fn oblige(&mut self, duty: Obligation) {
        if !self.obligations.contains(&duty) {
            self.obligations.push(duty);
        }
    }
}

/// A decision, and when the approval it asks for would expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The answer.
    pub decision: Decision,
    /// Set where the decision asks for a new approval.
    pub expires: Option<Timestamp>,
}

/// Decides one request. Pure and total: the same arguments always give the same answer.
pub fn decide(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp) -> Decided {
    let mut answers = Answers::default();
    for guard in GUARDS {
        guard(policy, state, ask, now, &mut answers);
    }
    let strictest = answers.findings.iter().map(|finding| finding.effect).max();
    let mut decision = Decision {
        effect: strictest.unwrap_or(Effect::Deny),
        findings: answers.findings,
        obligations: answers.obligations,
        consequences: answers.consequences,
        spend: answers.spend,
        approvers: answers.approvers.max(1),
        risk: answers.risk.unwrap_or_else(|| ask.facts.risk()),
        approval: None,
    };
    // Without any finding the effect is a refusal already, and this is its reason.
    if !answers.covered && (decision.effect < Effect::Deny || decision.findings.is_empty()) {
        decision.effect = Effect::Deny;
        decision.findings.push(Finding::new(GuardName::Rules, Reason::NoRuleAllows, Effect::Deny));
    }
    decision.obligations.sort_unstable();
    let mut expires = None;
    if decision.effect == Effect::Approve {
        expires = ask_people(policy, state, ask, now, answers.timeout_s, &mut decision);
    }
    if decision.effect > Effect::Approve {
        decision.obligations.clear();
    }
    Decided { decision, expires }
}

/// Brings in the answer a person has given to exactly this request, if any.
fn ask_people(
    policy: &Policy,
    state: &State,
    ask: &Ask<'_>,
    now: Timestamp,
    timeout_s: Option<u64>,
    decision: &mut Decision,
) -> Option<Timestamp> {
    let found = |reason, effect| Finding::new(GuardName::Approval, reason, effect);
    match state.answer(ask.digest, policy.id(), now) {
        Answer::Granted { id, by } if was_shown(state, id, decision) => {
            decision.approval = Some(id);
            decision.effect = Effect::Allow;
            decision.findings.push(found(Reason::ApprovalGranted, Effect::Allow).because(format!("by {by}")));
        }
        Answer::NotAsked | Answer::Granted { .. } if state.approvals_are_full(now) => {
            decision.effect = Effect::Deny;
            let full = Finding::new(GuardName::Room, Reason::StateFull, Effect::Deny);
            decision.findings.push(full.because("too many questions wait for an answer"));
        }
        Answer::NotAsked | Answer::Granted { .. } => {
            return Some(now.plus_seconds(shortest_timeout_s(policy, timeout_s, decision)));
        }
        Answer::Waiting(id) => decision.approval = Some(id),
        Answer::Rejected { id, by } => {
            decision.approval = Some(id);
            decision.effect = Effect::Deny;
            decision.findings.push(found(Reason::ApprovalRejected, Effect::Deny).because(format!("by {by}")));
        }
    }
    None
}

/// Whether whoever said yes was shown everything that wants approval now. The same request can
/// do more by the time it is answered: a path may lead elsewhere.
fn was_shown(state: &State, id: ApprovalId, decision: &Decision) -> bool {
    let Some(approval) = state.approval(id) else { return false };
    if approval.decision.approvers < decision.approvers {
        return false;
    }
    let shown = &approval.decision.findings;
    let wants = |finding: &&Finding| finding.effect == Effect::Approve;
    decision.findings.iter().filter(wants).all(|finding| shown.contains(finding))
}

/// A126: the shortest timeout of all that want approval. What names none has the usual one.
fn shortest_timeout_s(policy: &Policy, of_rules: Option<u64>, decision: &Decision) -> u64 {
    let usual = policy.approval_timeout_s();
    let by_others =
        |finding: &Finding| finding.effect == Effect::Approve && finding.reason != Reason::RuleApprove;
    match of_rules {
        Some(seconds) if !decision.findings.iter().any(by_others) => seconds,
        Some(seconds) => seconds.min(usual),
        None => usual,
    }
}
