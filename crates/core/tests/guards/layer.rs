//! A policy as a set: what it holds, in which order it answers, and that nobody can change it.

use crate::common::*;
use serde_json::{Value, json};
use stayhand_core::decision::{Decision, Effect, Finding, GuardName, Obligation};
use stayhand_core::facts::{Access, AddressClass};
use stayhand_core::policy::rule::RuleKind;
use stayhand_core::reason::Reason;
use stayhand_core::state::State;

fn decided(text: &str, case: &Case) -> Decision {
    case.decide(&policy(text), &State::default()).decision
}

fn names(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter_map(|finding| finding.rule.as_deref()).collect()
}

/// A110: five kinds of rules, each written and read by the same word.
#[test]
fn a110_five_kinds() {
    for kind in [RuleKind::Allow, RuleKind::Warn, RuleKind::Audit, RuleKind::Approve, RuleKind::Deny] {
        let compiled = policy(&format!("rules: [{{{}: bash}}]", kind.key()));
        let [rule] = compiled.rules() else { panic!("one rule") };
        assert_eq!(rule.kind, kind);
    }
    let files = [file(stayhand_core::decision::Layer::User, "rules: [{block: bash}]")];
    assert!(stayhand_core::policy::Policy::compile(&files, analyse).is_err(), "a sixth word");
}

/// A114: a value that a rule asks for and that is absent is never replaced by another text. The
/// rule is undecided: a person is asked, or the action is refused where the rule is strict.
#[test]
fn a114_an_absent_value_is_no_match_and_no_pass() {
    let rules = |strict: bool| {
        format!(
            "rules: [{{allow: bash}}, {{name: env, deny: bash, strict: {strict}, when: {{context: {{env: {{in: [prod]}}}}}}}}]"
        )
    };
    // The command says `prod`, the value does not.
    let case = || bash("echo prod");
    let effect = |strict, case: Case| decided(&rules(strict), &case).effect;
    assert_eq!(effect(false, case().declares("env", json!("prod"))), Effect::Deny);
    assert_eq!(effect(false, case().declares("env", json!("test"))), Effect::Allow);
    assert_eq!(effect(false, case()), Effect::Approve);
    assert_eq!(effect(true, case()), Effect::Deny);
}

/// A115: all that match, in the order of the file; the first that refuses is the headline.
#[test]
fn a115_all_matches_in_order() {
    let text = "rules: [{name: a, allow: bash}, {name: b, approve: bash}, {name: c, deny: bash}, {name: d, deny: bash}, {name: e, deny: read_file}]";
    let found = decided(text, &bash("ls"));
    assert_eq!(names(&found.findings), ["a", "b", "c", "d"]);
    assert_eq!(found.headline().and_then(|finding| finding.rule.as_deref()), Some("c"));
    let kept: Vec<_> = policy(text).rules().iter().map(|rule| rule.name.to_string()).collect();
    assert_eq!(kept, ["a", "b", "c", "d", "e"]);
}

/// A122: a check reports every violation of every boundary, not only the first.
#[test]
fn a122_all_violations() {
    let text = "boundaries: {paths: {blocked: [/etc, /var]}, network: {blocked_hosts: [bad.org]}, time: {days: [sat]}}\nrules: [{allow: go}]";
    let case = call("go")
        .op(touch(Access::Read, "/etc/a"))
        .op(touch(Access::Read, "/var/b"))
        .op(touch(Access::Read, "/srv/c"))
        .op(connect(AddressClass::Name, "bad.org", 443));
    let found = decided(text, &case);
    let refusals: Vec<_> = found
        .findings
        .iter()
        .filter(|finding| finding.effect == Effect::Deny)
        .map(|f| (f.guard, f.reason))
        .collect();
    let expected = [
        (GuardName::Path, Reason::PathBlocked),
        (GuardName::Path, Reason::PathBlocked),
        (GuardName::Network, Reason::HostBlocked),
        (GuardName::Time, Reason::OutsideHours),
    ];
    assert_eq!(refusals, expected);
    assert_eq!(found.headline().map(|first| first.guard), Some(GuardName::Path));
}

/// A123: a violation names its boundary, what was attempted and why, and survives JSON.
#[test]
fn a123_violations_are_values() {
    let text = "boundaries: {paths: {allow: [/srv/**]}, network: {blocked_ports: [22]}, time: {days: [sat]}}\nrules: [{allow: go}]";
    let case = call("go").op(touch(Access::Read, "/etc/a")).op(connect(AddressClass::Name, "x.org", 22));
    for finding in decided(text, &case).findings.iter().filter(|finding| finding.effect == Effect::Deny) {
        let written = serde_json::to_value(finding).unwrap();
        assert_eq!(&serde_json::from_value::<Finding>(written.clone()).unwrap(), finding);
        assert_eq!(written["guard"], Value::from(finding.guard.name()));
        assert!(["path", "network", "time"].contains(&finding.guard.name()));
        assert!(finding.subject.is_some(), "{finding:?}");
    }
    let duty = Obligation::Limit { resource: stayhand_core::decision::Resource::MemoryMb, limit: 1 };
    let written = serde_json::to_value(&duty).unwrap();
    assert_eq!(serde_json::from_value::<Obligation>(written).unwrap(), duty);
}

/// A125: an action that is refused asks nobody: no approval is made, no duty comes with it.
#[test]
fn a125_nobody_is_asked_about_a_refused_action() {
    let text = "rules: [{allow: bash}, {name: q, approve: bash}, {name: no, deny: bash, when: {args: x}}]\nboundaries: {resources: {max_memory_mb: 1}}";
    let refused = bash("ls x").decide(&policy(text), &State::default());
    assert_eq!((refused.decision.effect, refused.expires), (Effect::Deny, None));
    assert_eq!(refused.decision.obligations, []);
    let asked = bash("ls y").decide(&policy(text), &State::default());
    assert_eq!(asked.decision.effect, Effect::Approve);
    assert!(asked.expires.is_some());
}

/// A127: the reason of a refusal: the first rule's, else the first boundary's, else the general one.
#[test]
fn a127_the_reason_of_a_refusal() {
    let boundary = "boundaries: {paths: {blocked: [/etc]}}\n";
    let rule = "{name: no, deny: read_file, reason: Not this one}";
    let said = |text: String| {
        let decision = decided(&text, &read("/etc/passwd"));
        (decision.effect > Effect::Allow).then(|| decision.headline().unwrap().message())
    };
    let both = said(format!("{boundary}rules: [{{allow: read_file}}, {rule}]"));
    assert_eq!(both.as_deref(), Some("Not this one"));
    let only_boundary = said(format!("{boundary}rules: [{{allow: read_file}}]"));
    assert_eq!(only_boundary.as_deref(), Some("Path is under blocked directory: /etc: /etc/passwd"));
    let neither = said("rules: [{allow: bash}]".to_owned());
    assert_eq!(neither.as_deref(), Some("No rule allows the action."));
    assert_eq!(said("rules: [{allow: read_file}]".to_owned()), None);
}

/// R-09, P101, P111: answers are copies; nothing done to them reaches what they were made from.
#[test]
fn r_09_answers_are_snapshots() {
    let policy = policy("rules: [{allow: bash}, {name: no, deny: bash, when: {args: x}}]");
    let mut case = bash("ls x");
    let first = case.decide(&policy, &State::default());
    let mut changed = first.clone();
    changed.decision.effect = Effect::Allow;
    changed.decision.findings.clear();
    assert_eq!(case.decide(&policy, &State::default()), first);
    // The request can change afterwards; what was decided about it does not.
    let digest = case.request.digest();
    case.request.resource.0.insert("command".into(), json!("ls y"));
    assert_ne!(case.request.digest(), digest);
    assert_eq!(first.decision.effect, Effect::Deny);
}

/// P083: policies of one text are independent; what is added to one is not in the other (A132).
#[test]
fn p083_policies_share_nothing() {
    let text = "rules: [{allow: bash}]";
    let (one, other) = (
        policy(text),
        layers(&[
            (stayhand_core::decision::Layer::User, text),
            (stayhand_core::decision::Layer::Session, "rules: [{name: s, deny: bash}]"),
        ]),
    );
    assert_eq!((bash("ls").effect(&one), bash("ls").effect(&other)), (Effect::Allow, Effect::Deny));
    assert_eq!((one.rules().len(), other.rules().len()), (1, 2));
    assert_ne!(one.id(), other.id());
}
