//! Errors, emptiness and order never open anything: seen from outside.

use crate::common::{HELD, NOT_RUN, PERMITTED, REFUSED, USAGE, World};

/// Whatever goes wrong, the answer is never "permitted".
#[test]
fn bypass_104_an_error_is_not_an_allowance() {
    let world = World::new();
    world.user_policy("extends: permissive\n");
    world.run(&["check", "bash", "ls"]).expect(PERMITTED);
    let broken = world.write("broken.yaml", "extends: [permissive\n");
    for args in [
        &["check", "--policy", broken.to_str().unwrap(), "bash", "ls"][..],
        &["check", "--policy", "missing.yaml", "bash", "ls"],
        &["check", "--policy", "/", "bash", "ls"],
        &["check", "read_file", "{\"path\":"],
        &["check", "--cwd", "a\u{1}b/../..", "read_file", "{\"pa"],
    ] {
        let run = world.run(args);
        assert_eq!(run.code, USAGE, "{args:?}: {run:?}");
    }
    for (tool, input) in [("read_file", "{\"path\":1}"), ("bash", "{\"command\":null}"), ("exec", "{}")] {
        world.check(tool, input).refused_as("invalid_input");
    }
}

#[test]
fn bypass_105_no_policy_is_not_permission() {
    let world = World::new();
    // No file: the default pack, which is not permissive.
    world.run(&["check", "bash", "rm -rf /"]).expect(REFUSED);
    world.check("teleport", "{}").refused_as("unknown_tool");
    // A file without rules: nothing at all.
    world.user_policy("version: 1\n");
    world.check("bash", "true").refused_as("no_rule_allows");
    world.run(&["exec", "--", "true"]).expect(NOT_RUN);
    // A rule for another agent: nothing for this one.
    world.user_policy("rules: [{name: a, allow: '*', agent: somebody}]\n");
    world.check("bash", "true").refused_as("no_rule_allows");
    world.run(&["check", "--agent", "somebody", "bash", "true"]).expect(PERMITTED);
}

/// Limits produce findings; they never end the search for a refusal.
#[test]
fn bypass_106_a_limit_does_not_hide_a_refusal() {
    let world = World::new();
    world.user_policy("extends: coding-agent\nactions:\n  bash: {approval: false, rate_per_hour: 3}\nrules:\n  - {name: no_rm, deny: bash, when: {program: rm}}\n");
    for _ in 0..3 {
        world.run(&["exec", "echo one two"]).expect(PERMITTED);
        world.run(&["exec", "rm -rf build"]).expect(NOT_RUN).says("no_rm");
    }
    world.run(&["exec", "echo one two"]).expect(NOT_RUN).says("rate_limit_exceeded");
    world.run(&["exec", "rm -rf build"]).expect(NOT_RUN).says("no_rm");
    // Checks count nothing.
    world.run(&["check", "bash", "rm x"]).expect(REFUSED);
}

/// The order of rules and files does not matter: the strictest answer wins.
#[test]
fn bypass_107_no_order_of_rules_opens_anything() {
    let world = World::new();
    let rules = [
        "{name: a, allow: bash}",
        "{name: b, deny: bash, when: {program: dd}}",
        "{name: c, approve: bash, when: {program: nc}}",
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let list = order.map(|at| rules[at]).join(", ");
        world.user_policy(&format!("rules: [{list}]\n"));
        world.run(&["check", "bash", "dd if=a of=b"]).expect(REFUSED);
        world.run(&["check", "bash", "nc example.com 80"]).expect(HELD);
        world.run(&["check", "bash", "nc example.com 80; dd if=a of=b"]).expect(REFUSED);
        world.run(&["check", "bash", "ls"]).expect(PERMITTED);
    }
}

/// Bypasses 81 and 82, escape 48: an agent has no word in how it is confined. What it says of that is no part of an action, and
/// what it starts to get round it is refused.
#[test]
fn escape_48_bypass_81_82_a_weaker_level() {
    let world = World::new();
    for line in [
        r#"{"tool":"bash","input":{"command":"ls"},"confine":"none"}"#,
        r#"{"tool":"bash","input":{"command":"ls"},"level":"none"}"#,
        r#"{"tool":"bash","input":{"command":"ls"},"sandbox":false}"#,
    ] {
        let run = world.feed(&["check", "--batch"], format!("{line}\n"));
        assert_ne!(run.code, PERMITTED, "{line}: {run:?}");
    }
    // Within its arguments it changes nothing.
    let strict = "extends: coding-agent\ndefaults: {confine: l2}\n";
    world.user_policy(strict);
    let said =
        r#"{"command":"touch made","dangerouslyDisableSandbox":true,"sandbox":false,"confine":"none"}"#;
    let run = world.check("bash", said);
    assert!(run.code != PERMITTED || run.out.contains("\"least\":\"l2\""), "{run:?}");
    for command in [
        "stayhand exec -- ls",
        "stayhand run --net policy -- ls",
        "stayhand policy init --pack permissive",
        "stayhand changes commit --flagged",
        "stayhand undo one",
    ] {
        let run = world.check("bash", &serde_json::json!({ "command": command }).to_string());
        assert_eq!(run.code, REFUSED, "{command}: {run:?}");
    }
    // The neighbours: what it may know.
    for command in ["stayhand changes list", "stayhand status"] {
        let run = world.check("bash", &serde_json::json!({ "command": command }).to_string());
        assert_eq!(run.code, PERMITTED, "{command}: {run:?}");
    }
}
