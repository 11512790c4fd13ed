//! Action policies: rate, cost, patterns, resources, approval.

use crate::common::*;
use crate::world::decide_and_apply;
use expect_test::expect;
use stayhand_core::decision::{Effect, Level};
use stayhand_core::event::{EVENT_VERSION, Event, Outcome, Record, Settled};
use stayhand_core::facts::{Access, FieldKind, Operation};
use stayhand_core::policy::Policy;
use stayhand_core::risk::Risk;
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

/// Decides and applies, as a runtime does. The answer: the effect.
fn run(policy: &Policy, state: &mut State, case: &Case) -> Effect {
    decide_and_apply(policy, state, case, 0).decision.effect
}

const SECOND: u64 = 1_000_000;

fn later(case: &Case, seconds: u64) -> Case {
    case.clone().at(Timestamp(NOW.0 + seconds * SECOND))
}

/// A202: rate, cost, patterns, resources, in this order.
#[test]
fn a202_everything_is_reported_in_order() {
    let text = "actions: {pay: {approval: false, risk: high, rate_per_hour: 0, max_cost_cents: 1, forbidden_patterns: [evil], allowed_resources: ['./**']}}";
    let bad = call("pay").cents(2).op(touch(Access::Write, "/etc/x")).says(text_of("evil"));
    check(
        text,
        &[("all at once", bad)],
        expect![[r#"
            all at once  deny  [rate_limit_exceeded pay] Rate limit exceeded for pay  [cost_limit_exceeded pay] Cost limit exceeded for pay  [forbidden_pattern pay] Forbidden pattern detected in path  [resource_access_denied pay] Access denied to resource: /etc/x
        "#]],
    );
}

/// A203 to A206: the sentences of the record.
#[test]
fn a203_a206_reasons() {
    let text = "actions: {pay: {approval: false, rate_per_hour: 0, max_cost_cents: 150, forbidden_patterns: ['ev.l'], allowed_resources: ['./**']}}";
    let bad = call("pay").cents(20_005).op(touch(Access::Write, "/etc/x")).says(text_of("evil"));
    let decision = bad.decide(&policy(text), &State::default()).decision;
    let because: Vec<&str> =
        decision.findings.iter().filter_map(|finding| finding.because.as_deref()).collect();
    expect![[r#"
        Rate limit exceeded: 0/0 per hour
        Cost limit exceeded: $200.05 > $1.50
        Forbidden pattern detected: ev.l
        Path not in allowed resources: /etc/x"#]]
    .assert_eq(&because.join("\n"));
}

fn text_of(found: &str) -> stayhand_core::facts::Text {
    text("path", FieldKind::Path, found)
}

/// A203: the 50th runs, the 51st does not; the window slides over 3600 seconds.
#[test]
fn a203_the_rate_window_slides() {
    let policy = policy("actions: {go: {approval: false, rate_per_hour: 50}}");
    let mut state = State::default();
    let go = call("go").op(Operation::default());
    for number in 0..50 {
        assert_eq!(run(&policy, &mut state, &later(&go, number)), Effect::Allow, "{number}");
    }
    assert_eq!(run(&policy, &mut state, &later(&go, 50)), Effect::Deny);
    // The first one was at second 0: it is still young at 3599 and gone at 3600.
    assert_eq!(run(&policy, &mut state, &later(&go, 3599)), Effect::Deny);
    assert_eq!(run(&policy, &mut state, &later(&go, 3600)), Effect::Allow);
    assert_eq!(run(&policy, &mut state, &later(&go, 3600)), Effect::Deny);
    // Another agent has a window of its own.
    assert_eq!(run(&policy, &mut state, &later(&go, 3600).by("b")), Effect::Allow);
    let words = table(&policy, &state, &[("51st", later(&go, 3600))]);
    expect![[r#"
        51st  deny  [rate_limit_exceeded go] Rate limit exceeded for go
    "#]]
    .assert_eq(&words);
}

/// A203, D204: a second cap counts all agents together; neither hides the other.
#[test]
fn a203_a_cap_for_all_agents_together() {
    let policy = policy(
        "actions: {go: {approval: false, rate_per_hour: 2, total_per_hour: 3}, stop: {approval: false, total_per_hour: 0}}",
    );
    let mut state = State::default();
    let go = call("go").op(Operation::default());
    for agent in ["a", "a", "b"] {
        assert_eq!(run(&policy, &mut state, &go.clone().by(agent)), Effect::Allow, "{agent}");
    }
    let row = |agent: &str| later(&go, 1).by(agent);
    let reasons = |case: &Case| -> Vec<String> {
        let found = case.decide(&policy, &state).decision.findings;
        found.iter().filter_map(|finding| finding.because.as_deref().map(str::to_owned)).collect()
    };
    let own = "Rate limit exceeded: 2/2 per hour";
    let all = "Rate limit exceeded: 3/3 per hour by all agents";
    assert_eq!(reasons(&row("a")), [own, all]);
    assert_eq!(reasons(&row("b")), [all]);
    assert_eq!(reasons(&row("c")), [all]);
    assert_eq!(later(&go, 3600).by("c").decide(&policy, &state).decision.effect, Effect::Allow);
    let stop = call("stop").op(Operation::default());
    assert_eq!(stop.decide(&policy, &State::default()).decision.effect, Effect::Deny);
}

/// A207, R-08: what was permitted and never ran is taken back; what failed counts.
#[test]
fn a207_only_what_ran_counts() {
    let policy = policy("actions: {go: {approval: false, rate_per_hour: 1}}");
    let go = call("go").op(Operation::default());
    let after = |outcome: Outcome| {
        let mut state = State::default();
        assert_eq!(run(&policy, &mut state, &go), Effect::Allow);
        assert_eq!(go.decide(&policy, &state).decision.effect, Effect::Deny, "it is reserved");
        let settled = Settled {
            decision: 0,
            outcome,
            duration_us: 1,
            cost_nanousd: None,
            usage: None,
            traffic: None,
            confined: Level::None,
            boundary: None,
            output: None,
            tainted: Vec::new(),
        };
        state.apply(&Record { v: EVENT_VERSION, seq: 1, at: NOW, event: Event::Settled(settled) });
        go.decide(&policy, &state).decision.effect
    };
    assert_eq!(after(Outcome::Abandoned { why: "the permit is too old".into() }), Effect::Allow);
    assert_eq!(after(Outcome::Failed { error: "half done".into() }), Effect::Deny);
    assert_eq!(after(Outcome::Done), Effect::Deny);
}

/// A203a, P094: refused attempts cost nothing; a dry question costs nothing (P093).
#[test]
fn a203a_refusals_and_questions_are_free() {
    let policy = policy("actions: {go: {approval: false, rate_per_hour: 1, forbidden_patterns: [evil]}}");
    let mut state = State::default();
    let go = call("go").op(Operation::default());
    for _ in 0..4 {
        assert_eq!(run(&policy, &mut state, &go.clone().says(text_of("evil"))), Effect::Deny);
        assert_eq!(go.decide(&policy, &state).decision.effect, Effect::Allow);
    }
    assert_eq!(run(&policy, &mut state, &go), Effect::Allow);
    assert_eq!(run(&policy, &mut state, &go), Effect::Deny);
}

/// A203: zero is none; left out is unlimited.
#[test]
fn a203_zero_and_none() {
    let go = call("go").op(Operation::default());
    assert_eq!(go.effect(&policy("actions: {go: {approval: false, rate_per_hour: 0}}")), Effect::Deny);
    let free = policy("actions: {go: {approval: false}}");
    let mut state = State::default();
    assert!((0..200).all(|_| run(&free, &mut state, &go) == Effect::Allow));
}

/// A204, D206: the limit itself passes; a missing cost does not; zero permits only what is free.
#[test]
fn a204_costs() {
    let call = || call("call").op(Operation::default());
    check(
        "actions: {call: {approval: false, max_cost_cents: 100}}",
        &[
            ("100", call().cents(100)),
            ("101", call().cents(101)),
            ("none given", call()),
            ("0", call().cents(0)),
        ],
        expect![[r#"
            100         allow
            101         deny  [cost_limit_exceeded call] Cost limit exceeded for call
            none given  deny  [cost_missing call] call has a cost limit, and no cost was declared
            0           allow
        "#]],
    );
    let mut grain = call().cents(100);
    grain.request.context.cost_nanousd = grain.request.context.cost_nanousd.map(|cost| cost + 1);
    check(
        "actions: {call: {approval: false, max_cost_cents: 100}}",
        &[("a nano-dollar more", grain)],
        expect![[r#"
            a nano-dollar more  deny  [cost_limit_exceeded call] Cost limit exceeded for call
        "#]],
    );
    check(
        "actions: {call: {approval: false, max_cost_cents: 0}}",
        &[("free", call().cents(0)), ("one cent", call().cents(1))],
        expect![[r#"
            free      allow
            one cent  deny  [cost_limit_exceeded call] Cost limit exceeded for call
        "#]],
    );
}

/// A205, A205a: patterns are searched in paths, commands, SQL and code, not in what people write.
#[test]
fn a205_patterns_look_where_they_belong() {
    let row = |kind| call("act").op(Operation::default()).says(text("x", kind, "My PASSWORD reset"));
    check(
        "actions: {act: {approval: false, forbidden_patterns: [password]}}",
        &[
            ("path", row(FieldKind::Path)),
            ("command", row(FieldKind::Command)),
            ("sql", row(FieldKind::Sql)),
            ("code", row(FieldKind::Code)),
            ("url", row(FieldKind::Url)),
            ("text", row(FieldKind::Text)),
            ("message", row(FieldKind::Outgoing)),
            ("recipient", row(FieldKind::Recipient)),
        ],
        expect![[r#"
            path       deny  [forbidden_pattern act] Forbidden pattern detected in x
            command    deny  [forbidden_pattern act] Forbidden pattern detected in x
            sql        deny  [forbidden_pattern act] Forbidden pattern detected in x
            code       deny  [forbidden_pattern act] Forbidden pattern detected in x
            url        deny  [forbidden_pattern act] Forbidden pattern detected in x
            text       allow
            message    allow
            recipient  allow
        "#]],
    );
}

/// A206, D203, P009, P010: every path counts, by whole components.
#[test]
fn a206_resources() {
    let go = |paths: &[&str]| paths.iter().fold(call("go"), |case, path| case.op(touch(Access::Read, path)));
    check(
        "actions: {go: {approval: false, allowed_resources: [/a/**, './**']}}",
        &[
            ("/a/x", go(&["/a/x"])),
            ("/a-evil/x", go(&["/a-evil/x"])),
            ("in the workspace", go(&["/code/x"])),
            ("beside it", go(&["/workshop/x"])),
            ("the second path", go(&["/code/x", "/etc/shadow"])),
        ],
        expect![[r#"
            /a/x              allow
            /a-evil/x         deny  [resource_access_denied go] Access denied to resource: /a-evil/x
            in the workspace  allow
            beside it         deny  [resource_access_denied go] Access denied to resource: /workshop/x
            the second path   deny  [resource_access_denied go] Access denied to resource: /etc/shadow
        "#]],
    );
    let mut link = touch(Access::Read, "/code/link");
    link.paths[0].resolved = Some("/etc/shadow".into());
    check(
        "actions: {go: {approval: false, allowed_resources: ['./**']}}",
        &[("a link out", call("go").op(link))],
        expect![[r#"
            a link out  deny  [resource_access_denied go] Access denied to resource: /code/link
        "#]],
    );
}

/// A208, D200: approval comes from the same question; what is not listed is critical.
#[test]
fn a208_approval_and_risk() {
    let policy = pack("qa-agent");
    for (action, approval, risk) in [
        ("read_file", false, Risk::Safe),
        ("write_file", true, Risk::Medium),
        ("run_command", true, Risk::High),
        ("database_query", false, Risk::Medium),
        ("database_mutation", true, Risk::High),
        ("deploy_to_production", true, Risk::Critical),
        ("delete_resource", true, Risk::Critical),
        ("external_api_call", false, Risk::Medium),
        ("no_such_action", true, Risk::Critical),
    ] {
        assert_eq!(policy.action_requires_approval(action), approval, "{action}");
        assert_eq!(policy.action_risk(action), risk, "{action}");
    }
    let rows = ["deploy_to_production", "delete_resource", "run_command", "nope"]
        .map(|action| (action, call(action).op(Operation::default())));
    expect![[r#"
        deploy_to_production  approve  [action_approval deploy_to_production] The action policy wants approval.
        delete_resource       approve  [action_approval delete_resource] The action policy wants approval.
        run_command           approve  [action_approval run_command] The action policy wants approval.
        nope                  deny  [unknown_action] Unknown action type - blocked for safety
    "#]].assert_eq(&table(&policy, &State::default(), &rows));
}

/// A212, D207: a duration becomes a duty.
#[test]
fn a212_durations_are_duties() {
    let policy = policy("actions: {go: {approval: false, max_duration_s: 1.5}}");
    let decision = call("go").op(Operation::default()).decide(&policy, &State::default()).decision;
    expect!["[TimeLimit { limit_ms: 1500 }]"].assert_eq(&format!("{:?}", decision.obligations));
}

/// E001–E006 (reads), E007–E010 (writes), E011–E017 (commands), E018 (queries), E019–E023 (mutations),
/// E024, E025, E026: each pattern of the default action policies finds one text and leaves another.
#[test]
fn e001_e026_patterns() {
    let rows = [
        ("read_file", FieldKind::Path, "/app/.env", "/app/.environment"),
        ("read_file", FieldKind::Path, "/home/u/.ssh/id_rsa", "/home/u/.ssh/id_rsa.pub"),
        ("read_file", FieldKind::Path, "/tls/server.PEM", "/tls/server.pem.txt"),
        ("read_file", FieldKind::Path, "/x/Password.txt", "/x/passport.txt"),
        ("read_file", FieldKind::Path, "/x/secret/a", "/x/secure/a"),
        ("write_file", FieldKind::WritePath, "/etc/passwd", "/srv/etc/passwd"),
        ("write_file", FieldKind::WritePath, "/root/.profile", "/srv/root/.profile"),
        ("write_file", FieldKind::WritePath, "/w/.git/config", "/w/.git/configs"),
        ("run_command", FieldKind::Command, "rm  -rf /", "rm -r x"),
        ("run_command", FieldKind::Command, "dd if=/dev/zero of=x", "add iff x"),
        ("run_command", FieldKind::Command, "mkfs.ext4 /dev/sda", "mkdir fs"),
        ("run_command", FieldKind::Command, "shutdown now", "shut down"),
        ("run_command", FieldKind::Command, "reboot", "re boot"),
        ("run_command", FieldKind::Command, "killall node", "kill 12"),
        ("database_mutation", FieldKind::Sql, "drop  database x", "dropped database_x"),
        ("database_mutation", FieldKind::Sql, "DROP TABLE x", "UPDATE drops SET a = 1 WHERE id = 2"),
        ("database_mutation", FieldKind::Sql, "truncate x", "UPDATE t SET trunc = 1 WHERE id = 2"),
        ("database_mutation", FieldKind::Sql, "DELETE FROM t WHERE 1=1", "DELETE FROM t WHERE id=1"),
    ];
    let policy = pack("qa-agent");
    for (action, kind, bad, good) in rows {
        let effect =
            |found: &str| call(action).op(Operation::default()).says(text("x", kind, found)).effect(&policy);
        assert_eq!(effect(bad), Effect::Deny, "{action}: {bad}");
        assert!(effect(good) < Effect::Deny, "{action}: {good}");
    }
}

/// E007 to E026, E018, E024, E025: calls an hour.
#[test]
fn e007_e026_rates() {
    let policy = pack("qa-agent");
    let limits = [
        ("read_file", None),
        ("write_file", Some(100)),
        ("run_command", Some(50)),
        ("database_query", Some(1000)),
        ("database_mutation", Some(100)),
        ("deploy_to_production", Some(10)),
        ("delete_resource", Some(20)),
        ("external_api_call", Some(500)),
    ];
    for (action, limit) in limits {
        let [listed] = policy.actions(action) else { panic!("{action} is listed once") };
        assert_eq!(listed.rate_per_hour, limit, "{action}");
    }
}
