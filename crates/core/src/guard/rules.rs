//! Policy rules. Each operation must be covered by a rule that allows it or wants approval for
//! it; every rule that refuses anything counts.

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName, Level, Obligation};
use crate::facts::{Operation, Trait};
use crate::policy::Policy;
use crate::policy::index::Found;
use crate::policy::pattern::Tri;
use crate::policy::rule::{Rule, RuleKind};
use crate::policy::source::Stance;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;
use crate::untrusted::Moment;
use std::sync::Arc;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let at = Moment { now, state: Some(state) };
    let mut candidates = Found::new();
    let mut uncovered = ask.facts.operations.is_empty();
    let mut confine = policy.defaults.confine();
    for op in &ask.facts.operations {
        policy.index.candidates(ask, op, &mut candidates);
        let mut weighed = |otherwise: bool| {
            let rules = candidates.iter().filter_map(|id| policy.rules.get(id as usize));
            let rules = rules.filter(|rule| rule.otherwise == otherwise);
            rules.fold(Cover::No, |cover, rule| cover.or(weigh(policy, rule, ask, op, at, answers)))
        };
        let cover = match weighed(false) {
            Cover::No => weighed(true),
            cover => cover,
        };
        match cover {
            Cover::Perhaps(rule) => undecided(answers, rule, Effect::Approve, op),
            Cover::Yes(level) => confine = confine.max(level),
            Cover::No => uncovered = true,
        }
    }
    answers.covered |= !uncovered;
    if answers.covered {
        duties(policy, ask, confine, answers);
    }
}

/// Whether an operation is covered by a rule that allows it, or would with a person's approval.
#[derive(Clone, Copy)]
enum Cover<'p> {
    No,
    /// By a rule without conditions, which cannot have meant what is hidden: a person is asked.
    Perhaps(&'p Rule),
    /// By a rule that wants it confined at least so.
    Yes(Level),
}

impl Cover<'_> {
    fn or(self, other: Self) -> Self {
        match (&self, &other) {
            // One rule that allows it is enough, and the mildest says what for.
            (Self::Yes(one), Self::Yes(another)) => Self::Yes((*one).min(*another)),
            (Self::Yes(_), _) | (_, Self::No) | (Self::Perhaps(_), Self::Perhaps(_)) => self,
            _ => other,
        }
    }
}

/// Adds what one rule says about one operation. The answer: whether the rule covers it.
fn weigh<'p>(
    policy: &Policy,
    rule: &'p Rule,
    ask: &Ask<'_>,
    op: &Operation,
    at: Moment<'_>,
    answers: &mut Answers,
) -> Cover<'p> {
    if !rule.is_for(&ask.request.principal.agent) {
        return Cover::No;
    }
    let applies = rule.applies(ask, op, at);
    if rule.restore_point && applies == Tri::Yes {
        answers.oblige(Obligation::RestorePoint);
    }
    match (rule.kind, applies) {
        (_, Tri::No) => Cover::No,
        (RuleKind::Allow, _) if !rule.layer.may_allow() => Cover::No,
        (RuleKind::Allow, Tri::Unknown) => Cover::Perhaps(rule),
        (RuleKind::Allow, Tri::Yes) => {
            say(answers, rule, Reason::RuleAllow, Effect::Allow, None);
            Cover::Yes(rule.confine)
        }
        (RuleKind::Warn, _) => {
            answers.oblige(Obligation::Warn { rule: Arc::clone(&rule.name) });
            Cover::No
        }
        (RuleKind::Audit, _) => {
            answers.oblige(Obligation::Audit { rule: Arc::clone(&rule.name) });
            Cover::No
        }
        (RuleKind::Approve, Tri::Yes) => {
            let usual = policy.approval_timeout_s();
            // A rule that may only tighten cannot keep a question open for longer.
            let longest = if rule.layer.may_allow() { u64::MAX } else { usual };
            let timeout_s = rule.timeout_s.unwrap_or(usual).min(longest);
            answers.timeout_s = Some(answers.timeout_s.map_or(timeout_s, |shortest| shortest.min(timeout_s)));
            say(answers, rule, Reason::RuleApprove, Effect::Approve, Some(op));
            if rule.layer.may_allow() { Cover::Yes(Level::None) } else { Cover::No }
        }
        (RuleKind::Deny, Tri::Yes) => {
            say(answers, rule, Reason::RuleDeny, Effect::Deny, Some(op));
            Cover::No
        }
        (RuleKind::Deny | RuleKind::Approve, Tri::Unknown) => {
            let strict = rule.strict || policy.defaults.undecided == Stance::Deny;
            let refuse = strict && rule.kind == RuleKind::Deny;
            let effect = if refuse { Effect::Deny } else { Effect::Approve };
            undecided(answers, rule, effect, op);
            Cover::No
        }
    }
}

/// Adds a finding, once for each rule.
fn say(answers: &mut Answers, rule: &Rule, reason: Reason, effect: Effect, op: Option<&Operation>) {
    let same = |finding: &Finding| {
        finding.reason == reason && finding.rule.as_ref().is_some_and(|name| Arc::ptr_eq(name, &rule.name))
    };
    if answers.findings.iter().any(same) {
        return;
    }
    let mut finding = Finding::new(GuardName::Rules, reason, effect).rule(&rule.name);
    if let Some(why) = &rule.reason
        && effect > Effect::Allow
    {
        finding = finding.because(Arc::clone(why));
    }
    if let Some(program) = op.and_then(|op| op.program.as_ref()) {
        finding = finding.subject(program.name.as_str());
    }
    answers.add(finding);
}

/// Adds one finding for all rules that could not be decided: the strictest, with the reason of
/// the first thing that is hidden.
fn undecided(answers: &mut Answers, rule: &Rule, effect: Effect, op: &Operation) {
    let earlier =
        |finding: &&mut Finding| finding.guard == GuardName::Rules && finding.reason == Reason::RuleUndecided;
    if let Some(found) = answers.findings.iter_mut().find(earlier) {
        if effect > found.effect {
            found.effect = effect;
            found.rule = Some(Arc::clone(&rule.name));
        }
        return;
    }
    let missing = if op.does.contains(Trait::Indefinite) {
        "what it touches is not all said"
    } else {
        "a value it asks for is missing"
    };
    let why = op.opaque.first().map_or(missing, |opaque| opaque.why.as_str());
    let finding = Finding::new(GuardName::Rules, Reason::RuleUndecided, effect);
    answers.add(finding.rule(&rule.name).because(why));
}

/// The duties that come with every permit for a program.
fn duties(policy: &Policy, ask: &Ask<'_>, confine: Level, answers: &mut Answers) {
    let runs = |op: &Operation| {
        op.program.is_some() || !op.opaque.is_empty() || op.does.contains(Trait::ExecuteCode)
    };
    if ask.facts.operations.iter().any(runs) {
        answers.oblige(Obligation::Confine { least: confine });
    }
    for duty in &policy.boundaries.duties {
        answers.oblige(duty.clone());
    }
}
