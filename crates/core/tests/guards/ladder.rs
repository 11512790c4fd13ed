//! The order of effects, and how findings are composed.

use crate::common::*;
use expect_test::expect;
use serde_json::json;
use stayhand_core::decision::{Effect, Obligation};
use stayhand_core::facts::{Access, Aspect, Facts};
use stayhand_core::reason::Reason;
use stayhand_core::state::State;

/// R-01: the strictest answer wins, in any order; what nobody allows is refused.
#[test]
fn r_01_the_strictest_wins() {
    let rules = [
        "{allow: bash}",
        "{name: one, approve: bash, when: {program: git}}",
        "{name: two, approve: bash, when: {args: push}}",
        "{name: never, deny: bash, when: {args: --force}}",
        "{name: seen, warn: bash}",
        "{name: kept, audit: bash}",
    ];
    let rows = [
        ("one allows", bash("ls")),
        ("two rules ask", bash("git push")),
        ("one refuses, two ask", bash("git push --force")),
        ("nobody allows it", read("a")),
    ];
    let expected = expect![[r#"
        one allows            allow
        two rules ask         approve  [rule_approve one] A rule wants a person's approval (git)  [rule_approve two] A rule wants a person's approval (git)
        one refuses, two ask  deny  [rule_deny never] A rule refuses the action (git)
        nobody allows it      deny  [no_rule_allows] No rule allows the action.
    "#]];
    let shown = |rules: &[&str]| {
        let text = format!("rules: [{}]", rules.join(", "));
        table(&policy(&text), &State::default(), &rows)
    };
    expected.assert_eq(&shown(&rules));
    let mut backwards = rules;
    backwards.reverse();
    let effects =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.split("  ").take(2).collect()).collect() };
    assert_eq!(effects(&shown(&rules)).len(), rows.len());
    for (label, case) in &rows {
        let there = case.effect(&policy(&format!("rules: [{}]", rules.join(", "))));
        let back = case.effect(&policy(&format!("rules: [{}]", backwards.join(", "))));
        assert_eq!(there, back, "{label}");
    }
}

/// R-01, A148: warn and audit add duties and change nothing else.
#[test]
fn r_01_warn_and_audit_are_duties() {
    let policy =
        policy("rules: [{allow: bash}, {name: w, warn: bash}, {name: n, audit: bash, when: {program: git}}]");
    let decided = bash("git status").decide(&policy, &State::default()).decision;
    assert_eq!(decided.effect, Effect::Allow);
    expect![[r#"[Confine { least: None }, Warn { rule: "w" }, Audit { rule: "n" }]"#]]
        .assert_eq(&format!("{:?}", decided.obligations));

    let plain = bash("ls").decide(&policy, &State::default()).decision;
    assert!(!plain.obligations.iter().any(|duty| matches!(duty, Obligation::Audit { .. })));
}

/// R-04: a refusal is a value with code, rule, subject and words.
#[test]
fn r_04_refusals_are_values() {
    let policy = policy(
        "rules: [{allow: bash}, {name: no_push, deny: bash, when: {args: push}, reason: Ask Ada first}]",
    );
    let decision = bash("git push").decide(&policy, &State::default()).decision;
    let headline = decision.headline().unwrap();
    assert_eq!((headline.reason, headline.rule.as_deref()), (Reason::RuleDeny, Some("no_push")));
    assert_eq!((headline.subject.as_deref(), &*headline.message()), (Some("git"), "Ask Ada first"));
    assert_eq!(bash("git pull").effect(&policy), Effect::Allow);
}

/// R-05: what is not a value of the right kind decides nothing.
#[test]
fn r_05_invalid_input() {
    check(
        "rules: [{allow: read_file}]",
        &[
            ("a path", read("a")),
            ("no path", call("read_file").analysed()),
            ("NaN", read("a").invalid("confidence", "is not a number")),
            ("-1", read("a").invalid("/count", "is negative")),
        ],
        expect![[r#"
            a path   allow
            no path  deny  [invalid_input] Invalid input in `/path`: is required
            NaN      deny  [invalid_input] Invalid input in `confidence`: is not a number
            -1       deny  [invalid_input] Invalid input in `/count`: is negative
        "#]],
    );
}

/// R-06 and P022: nothing known, nothing allowed; an allow condition is never met by the unknown.
#[test]
fn r_06_nothing_known_is_not_nothing_there() {
    check(
        "rules: [{allow: [bash, read_file], when: {reads: ./**}}]",
        &[
            ("reads inside", bash("cat a")),
            ("reads outside", bash("cat /etc/shadow")),
            ("reads nothing", bash("true")),
            ("reads who knows what", bash("cat a").hiding(Aspect::Paths)),
            ("runs who knows what", bash("$x")),
            ("no facts at all", Case { facts: Facts::default(), ..read("a") }),
            ("one good and one bad", bash("cat a").op(touch(Access::Read, "/etc/shadow"))),
        ],
        expect![[r#"
            reads inside          allow
            reads outside         deny  [no_rule_allows] No rule allows the action.
            reads nothing         allow
            reads who knows what  deny  [no_rule_allows] No rule allows the action.
            runs who knows what   deny  [no_rule_allows] No rule allows the action.
            no facts at all       deny  [no_rule_allows] No rule allows the action.
            one good and one bad  deny  [no_rule_allows] No rule allows the action.
        "#]],
    );
}

/// A201, P005: tools nobody speaks of, and the words for it in a list of actions.
#[test]
fn a201_unknown_tools_and_actions() {
    let by_rules = "rules: [{allow: [frobnicate, 'mcp__git__*']}]";
    let rows = [
        ("named", call("frobnicate").op(Default::default())),
        ("named by a pattern", call("mcp__git__log").op(Default::default())),
        ("not named", call("defrobnicate").op(Default::default())),
        ("known by itself, not named", bash("ls")),
    ];
    check(
        by_rules,
        &rows,
        expect![[r#"
        named                       allow
        named by a pattern          allow
        not named                   deny  [unknown_tool] The policy does not know the tool `defrobnicate`
        known by itself, not named  deny  [no_rule_allows] No rule allows the action.
    "#]],
    );
    let by_actions = "actions: {frobnicate: {approval: false}}";
    check(
        by_actions,
        &[rows[0].clone(), rows[2].clone(), rows[3].clone()],
        expect![[r#"
        named                       allow
        not named                   deny  [unknown_action] Unknown action type - blocked for safety
        known by itself, not named  deny  [unknown_action] Unknown action type - blocked for safety
    "#]],
    );
}

/// A declared context value is the agent's own word: it tightens and never loosens (R-07).
#[test]
fn r_07_declared_values_only_tighten() {
    check(
        "rules: [{allow: bash}, {name: unsure, deny: bash, when: {context: {confidence: {under: 0.7}}}}]",
        &[
            ("sure", bash("ls").declares("confidence", json!(0.7))),
            ("unsure", bash("ls").declares("confidence", json!(0.69))),
            ("silent", bash("ls")),
            ("a text", bash("ls").declares("confidence", json!("1"))),
        ],
        expect![[r#"
            sure    allow
            unsure  deny  [rule_deny unsure] A rule refuses the action (ls)
            silent  approve  [rule_undecided unsure] A rule could not be decided because part of the action is unknown: a value it asks for is missing
            a text  approve  [rule_undecided unsure] A rule could not be decided because part of the action is unknown: a value it asks for is missing
        "#]],
    );
    for text in [
        "rules: [{allow: bash, when: {context: {confidence: {over: 0.9}}}}]",
        "rules: [{allow: bash}, {deny: bash, except: {context: {confidence: {over: 0.9}}}}]",
    ] {
        let files = [file(stayhand_core::decision::Layer::User, text)];
        assert!(stayhand_core::policy::Policy::compile(&files, analyse).is_err(), "{text}");
    }
}

/// The duties of a permit: confinement for programs, limits of the boundaries.
#[test]
fn a120_a121_boundaries_are_duties() {
    let policy = policy(
        "defaults: {confine: L2}\n\
         boundaries: {time: {max_execution_s: 60, max_total_s: 3600}, resources: {max_memory_mb: 1024, max_cpu_percent: 80, max_open_files: 64, max_operations: 1000}}\n\
         rules: [{allow: [bash, read_file]}]",
    );
    let duties = |case: Case| -> String {
        let decision = case.decide(&policy, &State::default()).decision;
        decision.obligations.iter().map(|duty| format!("{duty:?}\n")).collect()
    };
    expect![[r#"
        Confine { least: L2 }
        TimeLimit { limit_ms: 60000 }
        Limit { resource: MemoryMb, limit: 1024 }
        Limit { resource: CpuPercent, limit: 80 }
        Limit { resource: OpenFiles, limit: 64 }
        Limit { resource: TotalTimeMs, limit: 60000 }
    "#]]
    .assert_eq(&duties(bash("ls")));
    expect![[r#"
        TimeLimit { limit_ms: 60000 }
        Limit { resource: MemoryMb, limit: 1024 }
        Limit { resource: CpuPercent, limit: 80 }
        Limit { resource: OpenFiles, limit: 64 }
        Limit { resource: TotalTimeMs, limit: 60000 }
    "#]]
    .assert_eq(&duties(read("a")));
}

/// P095: zero is a limit of nothing, not the absence of one.
#[test]
fn p095_zero_is_a_limit() {
    let policy =
        policy("boundaries: {resources: {max_open_files: 0, max_memory_mb: 0}}\nrules: [{allow: read_file}]");
    let decision = read("a").decide(&policy, &State::default()).decision;
    expect!["[Limit { resource: MemoryMb, limit: 0 }, Limit { resource: OpenFiles, limit: 0 }]"]
        .assert_eq(&format!("{:?}", decision.obligations));
}
