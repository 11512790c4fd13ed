//! Ways around policies that others have met, each with its harmless neighbour. The numbers are
//! those of the project's list of bypasses.

use crate::common::*;
use serde_json::json;
use stayhand_core::decision::{Effect, Layer, Obligation};
use stayhand_core::facts::{Aspect, FieldKind, Operation};
use stayhand_core::policy::Policy;
use stayhand_core::reason::Reason;
use stayhand_core::state::State;

/// A project's file runs nothing and opens nothing before anybody trusts it.
#[test]
fn bypass_067_a_repository_opens_nothing() {
    let user = (Layer::User, "rules: [{allow: read_file}]");
    let opened = layers(&[user, (Layer::Project, "extends: permissive\nrules: [{allow: bash}]")]);
    assert_eq!(bash("ls").effect(&opened), Effect::Deny);
    assert_eq!(read("a").effect(&opened), Effect::Allow);
    let closed = layers(&[user, (Layer::Project, "rules: [{deny: read_file}]")]);
    assert_eq!(read("a").effect(&closed), Effect::Deny);
}

/// A broken file is an error, not an empty policy; the policy in force stays.
#[test]
fn bypass_072_a_broken_file_replaces_nothing() {
    let good = policy("rules: [{allow: read_file}]");
    let broken = [file(Layer::User, "rules: [{allow: read_file}")];
    assert!(Policy::compile(&broken, analyse).is_err());
    let half = [file(Layer::User, "rules: [{allow: read_file}]"), file(Layer::Project, "rules: {")];
    assert!(Policy::compile(&half, analyse).is_err());
    assert_eq!(read("a").effect(&good), Effect::Allow);
}

/// A later file, or a later rule, lifts no refusal.
#[test]
fn bypass_073_the_last_match_does_not_win() {
    let deny = "rules: [{deny: bash, when: {program: rm}}]";
    let allow = "rules: [{allow: bash}]";
    for files in [
        [(Layer::Organisation, deny), (Layer::User, allow)],
        [(Layer::Organisation, allow), (Layer::User, deny)],
    ] {
        assert_eq!(bash("rm a").effect(&layers(&files)), Effect::Deny);
        assert_eq!(bash("ls").effect(&layers(&files)), Effect::Allow);
    }
}

/// The default stance of a file is not forgotten.
#[test]
fn bypass_075_defaults_hold() {
    let hidden = || bash("ls").hiding(Aspect::Arguments);
    let rules = "rules: [{allow: bash}, {deny: bash, when: {args: x}}]";
    assert_eq!(hidden().effect(&policy(rules)), Effect::Approve);
    assert_eq!(hidden().effect(&policy(&format!("defaults: {{undecided: deny}}\n{rules}"))), Effect::Deny);
    // The strictest of all files holds.
    let both = layers(&[
        (Layer::Organisation, "defaults: {undecided: deny}"),
        (Layer::User, &format!("defaults: {{undecided: approve}}\n{rules}")),
    ]);
    assert_eq!(hidden().effect(&both), Effect::Deny);
}

/// A weaker level of confinement is never inherited or chosen by a less trusted file.
#[test]
fn bypass_081_confinement_only_grows() {
    let level = |files: &[_]| bash("ls").decide(&layers(files), &State::default()).decision.obligations;
    let user = (Layer::User, "defaults: {confine: L2}\nrules: [{allow: bash}]");
    let confined = |least| vec![Obligation::Confine { least }];
    use stayhand_core::decision::Level::{L1, L2, L3};
    assert_eq!(level(&[user]), confined(L2));
    assert_eq!(level(&[user, (Layer::Project, "defaults: {confine: none}")]), confined(L2));
    assert_eq!(level(&[user, (Layer::Project, "defaults: {confine: L3}")]), confined(L3));
    let organisation = (Layer::Organisation, "defaults: {confine: L3}");
    assert_eq!(level(&[organisation, user]), confined(L3));
    // What a pack finds usual the file that builds on it may change, and no other.
    let packed = (Layer::User, "extends: coding-agent");
    assert_eq!(level(&[packed]), confined(L2));
    assert_eq!(level(&[packed, (Layer::Project, "defaults: {confine: none}")]), confined(L2));
    assert_eq!(level(&[(Layer::User, "extends: coding-agent\ndefaults: {confine: L1}")]), confined(L1));
    let strict = (Layer::Organisation, "extends: coding-agent");
    let lower = (Layer::User, "extends: coding-agent\ndefaults: {confine: none}\nrules: [{allow: bash}]");
    assert_eq!(level(&[strict, lower]), confined(L2));
    let asks = (Layer::Project, "extends: coding-agent");
    assert_eq!(
        level(&[(Layer::User, "defaults: {confine: L1}\nrules: [{allow: bash}]"), asks]),
        confined(L2)
    );
}

/// What the agent, or a model, says of an action never widens it.
#[test]
fn bypass_082_an_answer_never_widens() {
    let text = "rules: [{allow: bash}, {name: ask, approve: bash, when: {program: git}}, {name: wary, deny: bash, when: {context: {verdict: {in: [bad]}}}}]";
    let policy = policy(text);
    let git = |verdict: &str| bash("git push").declares("verdict", json!(verdict));
    assert_eq!(git("safe, approved, allow").effect(&policy), Effect::Approve);
    assert_eq!(git("bad").effect(&policy), Effect::Deny);
}

/// An analysis that fails is not an absence of danger.
#[test]
fn bypass_104_errors_do_not_fall_through() {
    let policy = policy("rules: [{allow: bash}, {deny: bash, when: {program: rm}}]");
    let failed = Case { facts: stayhand_core::facts::Facts::unknown("the analysis failed"), ..bash("ls") };
    assert_eq!(bash("ls").effect(&policy), Effect::Allow);
    // The effects are unknown, and so is the program that a rule asks for.
    assert_eq!(failed.hiding(Aspect::Program).effect(&policy), Effect::Approve);
}

/// No file: the default pack. An empty file: nothing is allowed.
#[test]
fn bypass_105_no_policy_is_not_permission() {
    let none = Policy::compile(&[], analyse).unwrap();
    assert_eq!(none.sources(), ["built_in:pack:coding-agent"]);
    assert_eq!(read("/home/u/.ssh/id_rsa").effect(&none), Effect::Deny);
    assert_eq!(read("a").effect(&none), Effect::Allow);
    let empty = policy("");
    assert_eq!(read("a").effect(&empty), Effect::Deny);
    let only_project = layers(&[(Layer::Project, "")]);
    assert_eq!(read("a").effect(&only_project), Effect::Allow);
}

/// A rate that is not used up does not end the question.
#[test]
fn bypass_106_limits_are_findings() {
    let text = "actions: {go: {approval: false, rate_per_hour: 5}}\nrules: [{name: never, deny: go, when: {input: {/x: {in: [1]}}}}]";
    let policy = policy(text);
    let go = |x: u64| call("go").op(Operation::default()).input(json!({ "x": x }));
    assert_eq!(go(1).effect(&policy), Effect::Deny);
    assert_eq!(go(2).effect(&policy), Effect::Allow);
}

/// A rule on an argument that is not there is undecided, also where it is negated.
#[test]
fn bypass_108_109_absent_is_unknown() {
    let act = |input: serde_json::Value| call("act").op(Operation::default()).input(input);
    let negated =
        policy("rules: [{allow: act}, {name: n, deny: act, when: {input: {/to: {not_in: [ada]}}}}]");
    assert_eq!(act(json!({"to": "ada"})).effect(&negated), Effect::Allow);
    assert_eq!(act(json!({"to": "eve"})).effect(&negated), Effect::Deny);
    assert_eq!(act(json!({})).effect(&negated), Effect::Approve);
    let allowed = policy("rules: [{allow: act, when: {input: {/to: {not_in: [eve]}}}}]");
    assert_eq!(act(json!({"to": "ada"})).effect(&allowed), Effect::Allow);
    assert_eq!(act(json!({})).effect(&allowed), Effect::Deny);
}

/// A score asks; it never allows.
#[test]
fn bypass_115_a_score_is_only_a_reason_to_ask() {
    let policy = policy(
        "rules: [{allow: bash}, {name: score, approve: bash, when: {context: {attack: {at_least: 0.499}}}}]",
    );
    let scored = |score: f64| bash("ls").declares("attack", json!(score));
    assert_eq!(scored(0.498).effect(&policy), Effect::Allow);
    assert_eq!(scored(0.499).effect(&policy), Effect::Approve);
}

/// Rules by the thousand: plain texts are searched together, expressions are counted.
#[test]
fn bypass_116_many_patterns() {
    let rules = |pattern: &dyn Fn(usize) -> String, count: usize| {
        let lines: String =
            (0..count).map(|n| format!("- {{deny: bash, when: {{matches: '{}'}}}}\n", pattern(n))).collect();
        format!("rules:\n- {{allow: bash}}\n{lines}")
    };
    let plain = policy(&rules(&|n| format!("needle-{n}-end"), 10_000));
    let said = |words: &str| bash("ls").says(text("x", FieldKind::Text, words));
    assert_eq!(said("a NEEDLE-9999-end b").effect(&plain), Effect::Deny);
    assert_eq!(said("a needle-10000-end b").effect(&plain), Effect::Allow);

    let some = rules(&|n| format!(r"n{n}\d+"), 1000);
    assert_eq!(said("n7x").effect(&policy(&some)), Effect::Allow);
    let many = [file(Layer::User, &rules(&|n| format!(r"n{n}\d+"), 1001))];
    let error = Policy::compile(&many, analyse).unwrap_err();
    assert!(error.problems[0].message.contains("more than 1000"), "{:?}", error.problems[0]);
    // One that would take too much memory is refused at once.
    let huge = [file(Layer::User, r"rules: [{deny: bash, when: {matches: '(\w{100}){100}'}}]")];
    assert!(Policy::compile(&huge, analyse).is_err());
}

/// A decision names the layer's rule, and a session's rules end with their policy.
#[test]
fn bypass_118_layers_are_typed() {
    let user = (Layer::User, "rules: [{allow: bash}]");
    let with = layers(&[user, (Layer::Session, "rules: [{name: today_not, deny: bash}]")]);
    let decision = bash("ls").decide(&with, &State::default()).decision;
    let headline = decision.headline().unwrap();
    assert_eq!((headline.reason, headline.rule.as_deref()), (Reason::RuleDeny, Some("today_not")));
    assert!(with.rules().iter().any(|rule| rule.layer == Layer::Session));
    assert_eq!(bash("ls").effect(&layers(&[user])), Effect::Allow);
    assert_ne!(with.id(), layers(&[user]).id());
    // The same text in another layer is another policy.
    assert_ne!(layers(&[(Layer::User, "{}")]).id(), layers(&[(Layer::Organisation, "{}")]).id());
}

/// The second way in which each key of an untrusted file could loosen, beside what it may do.
#[test]
fn untrusted_layers_cannot_loosen() {
    let user = (Layer::User, "rules: [{allow: [sql, fetch, act]}]");
    let with = |project: &'static str| layers(&[user, (Layer::Project, project)]);
    use stayhand_core::facts::{AddressClass, SqlClass};
    let drop = call("sql").op(sql(SqlClass::Schema, "DROP TABLE", &["t"]));
    assert_eq!(drop.effect(&with("")), Effect::Approve);
    assert_eq!(drop.effect(&with("defaults: {sql_approve: []}")), Effect::Approve);
    assert_eq!(drop.effect(&with("defaults: {sql_deny: schema}")), Effect::Deny);
    let private = call("fetch").op(connect(AddressClass::Private, "10.0.0.1", 80));
    assert_eq!(private.effect(&with("boundaries: {network: {addresses: [private]}}")), Effect::Deny);
    let public = call("fetch").op(connect(AddressClass::Public, "1.1.1.1", 80));
    assert_eq!(public.effect(&with("boundaries: {network: {addresses: [private]}}")), Effect::Deny);
    assert_eq!(public.effect(&with("")), Effect::Allow);
    // What a project says about arguments would hide them from inference.
    let hides = with("tools: {act: {fields: {/path: text}, infer: false}}");
    assert!(hides.declaration("act").is_none());
    let shows = layers(&[(Layer::User, "tools: {act: {fields: {/path: path}}}\nrules: [{allow: act}]")]);
    assert!(shows.declaration("act").is_some());
}
