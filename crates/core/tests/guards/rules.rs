//! Rules: conditions in three values, exceptions, texts, values, permission strings.

use crate::common::*;
use expect_test::expect;
use serde_json::json;
use stayhand_core::decision::Effect;
use stayhand_core::facts::{Access, AddressClass, Aspect, FieldKind, Operation, SqlClass, Trait};
use stayhand_core::time::Timestamp;

/// A111, A113: a regular expression over all argument texts, letter case ignored.
#[test]
fn a111_patterns() {
    let said = |words: &str| bash("ls").says(text("note", FieldKind::Text, words));
    check(
        r"rules: [{allow: bash}, {name: root, deny: bash, when: {matches: 'rm\s+-rf\s+/'}, reason: Not the root}]",
        &[("match", said("RM  -rf /")), ("no match", said("rm -r x"))],
        expect![[r#"
            match     deny  [rule_deny root] Not the root
            no match  allow
        "#]],
    );
}

/// P080: linear time, whatever the expression.
#[test]
fn p080_patterns_are_linear() {
    let policy = policy("rules: [{allow: bash}, {deny: bash, when: {matches: '^(a+)+$'}}]");
    let words = "a".repeat(50_000);
    assert_eq!(
        bash("ls").says(text("x", FieldKind::Text, &format!("{words}!"))).effect(&policy),
        Effect::Allow
    );
    assert_eq!(bash("ls").says(text("x", FieldKind::Text, &words)).effect(&policy), Effect::Deny);
}

/// A111a, P084: rules without a name get names of their own.
#[test]
fn a111a_names_are_unique() {
    let policy = policy(
        "rules: [{deny: bash, when: {matches: aaaaaaaaaaaaaaaaaaaaX}}, {deny: bash, when: {matches: aaaaaaaaaaaaaaaaaaaaY}}]",
    );
    let names: Vec<&str> = policy.rules().iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["deny_bash_1", "deny_bash_2"]);
}

/// Programs: trust matters to what allows and not to what refuses.
#[test]
fn programs() {
    let own = |name: &str| {
        let mut case = bash(name);
        if let Some(program) = &mut case.facts.operations[0].program {
            program.trusted = false;
        }
        case
    };
    check(
        "rules: [{allow: bash, when: {program: [cat, 'git*']}}, {name: no_rm, deny: bash, when: {program: rm}}]",
        &[
            ("cat", bash("cat a")),
            ("./cat", own("cat a")),
            ("git-lfs", bash("git-lfs")),
            ("rm", bash("rm a")),
            ("./rm", own("rm a")),
            ("hidden", bash("$x")),
        ],
        expect![[r#"
            cat      allow
            ./cat    deny  [no_rule_allows] No rule allows the action.
            git-lfs  allow
            rm       deny  [rule_deny no_rm] A rule refuses the action (rm)
            ./rm     deny  [rule_deny no_rm] A rule refuses the action (rm)
            hidden   deny  [no_rule_allows] No rule allows the action.
        "#]],
    );
}

/// Sub-commands, leading words, and words anywhere.
#[test]
fn arguments() {
    check(
        "rules: [{allow: bash}, {name: push, deny: bash, when: {program: git, subcommand: push}}, {name: fmt, deny: bash, when: {program: cargo, args_prefix: [fmt, --all]}}, {name: force, deny: bash, when: {args: '--force*'}}]",
        &[
            ("pull", bash("git pull")),
            ("push", bash("git push")),
            ("push behind an option", bash("git -q push")),
            ("fmt", bash("cargo fmt")),
            ("fmt --all", bash("cargo fmt --all")),
            ("-v fmt --all", bash("cargo -v fmt --all")),
            ("force", bash("npm ci --force-yes")),
            ("arguments hidden", bash("npm ci").hiding(Aspect::Arguments)),
            ("program hidden", bash("$x")),
        ],
        expect![[r#"
            pull                   allow
            push                   deny  [rule_deny push] A rule refuses the action (git)
            push behind an option  deny  [rule_deny push] A rule refuses the action (git)
            fmt                    allow
            fmt --all              deny  [rule_deny fmt] A rule refuses the action (cargo)
            -v fmt --all           deny  [rule_deny fmt] A rule refuses the action (cargo)
            force                  deny  [rule_deny force] A rule refuses the action (npm)
            arguments hidden       approve  [rule_undecided force] A rule could not be decided because part of the action is unknown: it is hidden
            program hidden         approve  [rule_undecided push] A rule could not be decided because part of the action is unknown: the command is not static
        "#]],
    );
}

/// Claude Code's permission strings, as they are.
#[test]
fn permission_strings() {
    check(
        "rules: [{allow: ['Bash(npm run test:*)', 'Bash(git status)', 'Read(src/**)', 'Bash(cargo * --release)']}, {name: env, deny: 'Read(.env)'}, {name: push, deny: 'Bash(git push:*)'}, {name: any, allow: bash, when: {opaque: true}}]",
        &[
            ("prefix", bash("npm run test unit")),
            ("refused, hidden", bash("git push").hiding(Aspect::Arguments)),
            ("another program, hidden", bash("cat x").hiding(Aspect::Arguments)),
            ("other script", bash("npm run deploy")),
            ("exact", bash("git status")),
            ("exact and more", bash("git status -s")),
            ("wildcard", bash("cargo build --release")),
            ("wildcard, none", bash("cargo build")),
            ("file", read("src/a.rs")),
            ("other file", read("docs/a.md")),
            ("refused in any tool", bash("cat .env")),
        ],
        expect![[r#"
            prefix                   allow
            refused, hidden          deny  [rule_deny push] A rule refuses the action (git)
            another program, hidden  allow
            other script             deny  [no_rule_allows] No rule allows the action.
            exact                    allow
            exact and more           deny  [no_rule_allows] No rule allows the action.
            wildcard                 allow
            wildcard, none           deny  [no_rule_allows] No rule allows the action.
            file                     allow
            other file               deny  [no_rule_allows] No rule allows the action.
            refused in any tool      deny  [rule_deny env] A rule refuses the action (cat)
        "#]],
    );
}

/// Exclusions in lists, and exceptions, which excuse only what they fully cover.
#[test]
fn exceptions() {
    check(
        "rules: [{allow: bash}, {name: tidy, deny: bash, when: {program: rm}, except: {deletes: ./build/**}}]",
        &[
            ("excused", bash("rm build/a")),
            ("not excused", bash("rm src/a")),
            ("half excused", bash("rm build/a src/a")),
            ("nothing to excuse", bash("rm")),
            ("hidden", bash("rm build/a").hiding(Aspect::Paths)),
        ],
        expect![[r#"
            excused            allow
            not excused        deny  [rule_deny tidy] A rule refuses the action (rm)
            half excused       deny  [rule_deny tidy] A rule refuses the action (rm)
            nothing to excuse  deny  [rule_deny tidy] A rule refuses the action (rm)
            hidden             deny  [rule_deny tidy] A rule refuses the action (rm)
        "#]],
    );
    check(
        "rules: [{allow: read_file, when: {reads: [./**, '!./secret/**']}, except: {paths: '*.pem'}}]",
        &[("plain", read("a")), ("excluded", read("secret/a")), ("excepted", read("a.pem"))],
        expect![[r#"
            plain     allow
            excluded  deny  [no_rule_allows] No rule allows the action.
            excepted  deny  [no_rule_allows] No rule allows the action.
        "#]],
    );
}

/// K138: numbers of an argument; a missing or wrong value is not a small one.
#[test]
fn k138_values() {
    let pay = |input: serde_json::Value| call("pay").op(Operation::default()).input(input);
    let policy = "rules: [{allow: pay, when: {input: {/value: {at_most: 100}}}}, {name: ask, approve: pay, when: {input: {/value: {over: 100}}}}, {name: cap, deny: pay, strict: true, when: {input: {/value: {over: 1000}}}}]";
    check(
        policy,
        &[
            ("100", pay(json!({"value": 100}))),
            ("100.01", pay(json!({"value": 100.01}))),
            ("1000", pay(json!({"value": 1000}))),
            ("1001", pay(json!({"value": 1001}))),
            ("text", pay(json!({"value": "5"}))),
            ("missing", pay(json!({}))),
        ],
        expect![[r#"
            100      allow
            100.01   approve  [rule_approve ask] A rule wants a person's approval.
            1000     approve  [rule_approve ask] A rule wants a person's approval.
            1001     deny  [rule_deny cap] A rule refuses the action.
            text     deny  [rule_undecided cap] A rule could not be decided because part of the action is unknown: a value it asks for is missing
            missing  deny  [rule_undecided cap] A rule could not be decided because part of the action is unknown: a value it asks for is missing
        "#]],
    );
}

/// K139: allowed combinations; `1` and `1.0` are one number.
#[test]
fn k139_combinations() {
    let act = |input: serde_json::Value| call("act").op(Operation::default()).input(input);
    check(
        "rules: [{allow: act}, {name: pair, deny: act, when: {input: {/side: {in: [sell]}, /deep/0/kind: {like: 'fut*'}}}}, {name: one, deny: act, when: {input: {/n: {in: [1]}}}}]",
        &[
            ("both", act(json!({"side": "sell", "deep": [{"kind": "future"}], "n": 2}))),
            ("one", act(json!({"side": "buy", "deep": [{"kind": "future"}], "n": 2}))),
            ("other", act(json!({"side": "sell", "deep": [{"kind": "spot"}], "n": 2}))),
            ("1.0", act(json!({"side": "buy", "deep": [{"kind": "spot"}], "n": 1.0}))),
        ],
        expect![[r#"
            both   deny  [rule_deny pair] A rule refuses the action.
            one    allow
            other  allow
            1.0    deny  [rule_deny one] A rule refuses the action.
        "#]],
    );
}

/// K140: timing in a rule.
#[test]
fn k140_timing() {
    let at = |hours: u64| bash("ls").at(Timestamp(hours * 3_600_000_000));
    check(
        "rules: [{allow: bash}, {name: night, deny: bash, when: {hours: '22:00-06:00'}}, {name: weekend, deny: bash, when: {days: [sat, sun]}}]",
        // 1970 began on a Thursday.
        &[("thu 05", at(5)), ("thu 06", at(6)), ("thu 22", at(22)), ("sat 12", at(60)), ("mon 12", at(108))],
        expect![[r#"
            thu 05  deny  [rule_deny night] A rule refuses the action (ls)
            thu 06  allow
            thu 22  deny  [rule_deny night] A rule refuses the action (ls)
            sat 12  deny  [rule_deny weekend] A rule refuses the action (ls)
            mon 12  allow
        "#]],
    );
}

/// SQL by kind, verb and table; the worst statement counts.
#[test]
fn statements() {
    let query = |ops: &[Operation]| ops.iter().cloned().fold(call("sql"), Case::op);
    let select = || sql(SqlClass::Read, "SELECT", &["users"]);
    check(
        "rules: [{allow: sql, when: {sql: [read, write]}}, {name: drop, deny: sql, when: {sql_verb: 'drop *'}}, {name: pay, approve: sql, when: {tables: [salaries, 'hr.*']}}]",
        &[
            ("read", query(&[select()])),
            ("session", query(&[sql(SqlClass::Session, "SET", &[])])),
            ("drop", query(&[sql(SqlClass::Schema, "DROP TABLE", &["users"])])),
            ("read, then drop", query(&[select(), sql(SqlClass::Schema, "DROP TABLE", &["users"])])),
            ("one table of two", query(&[sql(SqlClass::Read, "SELECT", &["users", "hr.people"])])),
            ("hidden", query(&[select()]).hiding(Aspect::Statements)),
        ],
        expect![[r#"
            read              allow
            session           deny  [no_rule_allows] No rule allows the action.
            drop              deny  [rule_deny drop] A rule refuses the action.
            read, then drop   deny  [rule_deny drop] A rule refuses the action.
            one table of two  approve  [rule_approve pay] A rule wants a person's approval.
            hidden            deny  [no_rule_allows] No rule allows the action.
        "#]],
    );
}

/// Hosts, ports and methods.
#[test]
fn hosts() {
    let fetch = |host: &str, port, method: Option<&str>| {
        let mut op = connect(AddressClass::Name, host, port);
        op.hosts[0].method = method.map(str::to_owned);
        call("fetch").op(op)
    };
    check(
        "rules: [{allow: fetch, when: {hosts: ['*.x.com', '!bad.x.com'], methods: [GET]}}, {name: ssh, deny: fetch, when: {ports: [22]}}]",
        &[
            ("inside", fetch("a.x.com", 443, None)),
            ("excluded", fetch("bad.x.com", 443, None)),
            ("outside", fetch("x.com.evil", 443, None)),
            ("post", fetch("a.x.com", 443, Some("POST"))),
            ("port", fetch("a.x.com", 22, None)),
            ("hidden", call("fetch").op(Operation::opaque(Aspect::Hosts, "a name in a variable"))),
        ],
        expect![[r#"
            inside    allow
            excluded  deny  [no_rule_allows] No rule allows the action.
            outside   deny  [no_rule_allows] No rule allows the action.
            post      deny  [no_rule_allows] No rule allows the action.
            port      deny  [rule_deny ssh] A rule refuses the action.
            hidden    deny  [no_rule_allows] No rule allows the action.
        "#]],
    );
}

/// Effects, secrets, risk and the unknown.
#[test]
fn effects() {
    check(
        "rules: [{allow: bash, when: {does: [execute_code, network]}}, {name: pub, approve: bash, when: {does: publish}}, {name: crit, deny: bash, when: {risk_at_least: critical}}, {name: key, deny: bash, when: {secrets: 'aws-*'}}]",
        &[
            ("runs code", call("bash").op(does(&[Trait::ExecuteCode]))),
            ("and more", call("bash").op(does(&[Trait::ExecuteCode, Trait::Install]))),
            ("publishes", call("bash").op(does(&[Trait::Publish]))),
            ("destroys", call("bash").op(does(&[Trait::DestroyDevice]))),
            ("secret", call("bash").op(secret(false))),
            ("hidden", call("bash").op(does(&[Trait::Network])).hiding(Aspect::Effects)),
        ],
        expect![[r#"
            runs code  allow
            and more   deny  [no_rule_allows] No rule allows the action.
            publishes  approve  [rule_approve pub] A rule wants a person's approval.
            destroys   deny  [rule_deny crit] A rule refuses the action.
            secret     deny  [rule_deny key] A rule refuses the action.
            hidden     deny  [no_rule_allows] No rule allows the action.
        "#]],
    );
}

/// A secret that leaves asks or is refused; one that stays is hidden in the output.
#[test]
fn secrets_that_leave() {
    let rows = [("stays", call("fetch").op(secret(false))), ("leaves", call("fetch").op(secret(true)))];
    check(
        "rules: [{allow: fetch}]",
        &rows,
        expect![[r#"
        stays   allow
        leaves  approve  [secret_outgoing] A secret would leave this machine (/body): aws-access-key-id
    "#]],
    );
    check(
        "defaults: {outgoing_secret: deny}\nrules: [{allow: fetch}]",
        &rows,
        expect![[r#"
        stays   allow
        leaves  deny  [secret_outgoing] A secret would leave this machine (/body): aws-access-key-id
    "#]],
    );
}

/// Undecided rules ask; strict ones, and strict policies, refuse.
#[test]
fn undecided() {
    let hidden = bash("ls").hiding(Aspect::Arguments);
    let rows = [("known", bash("ls")), ("hidden", hidden)];
    check(
        "rules: [{allow: bash}, {name: d, deny: bash, when: {args: x}}]",
        &rows,
        expect![[r#"
        known   allow
        hidden  approve  [rule_undecided d] A rule could not be decided because part of the action is unknown: it is hidden
    "#]],
    );
    check(
        "rules: [{allow: bash}, {name: d, strict: true, deny: bash, when: {args: x}}]",
        &rows,
        expect![[r#"
        known   allow
        hidden  deny  [rule_undecided d] A rule could not be decided because part of the action is unknown: it is hidden
    "#]],
    );
    check(
        "defaults: {undecided: deny}\nrules: [{allow: bash}, {name: d, deny: bash, when: {args: x}}]",
        &rows,
        expect![[r#"
            known   allow
            hidden  deny  [rule_undecided d] A rule could not be decided because part of the action is unknown: it is hidden
        "#]],
    );
    check(
        "defaults: {undecided: deny}\nrules: [{allow: bash}, {name: p, approve: bash, when: {args: x}}]",
        &rows,
        expect![[r#"
            known   allow
            hidden  approve  [rule_undecided p] A rule could not be decided because part of the action is unknown: it is hidden
        "#]],
    );
}

/// A rule without conditions asks about what is hidden; one that says so accepts it.
#[test]
fn allowed_and_hidden() {
    let rows =
        [("known", bash("ls")), ("hidden", bash("$x")), ("half hidden", bash("ls").hiding(Aspect::Effects))];
    check(
        "rules: [{name: all, allow: bash}]",
        &rows,
        expect![[r#"
        known        allow
        hidden       approve  [rule_undecided all] A rule could not be decided because part of the action is unknown: the command is not static
        half hidden  approve  [rule_undecided all] A rule could not be decided because part of the action is unknown: it is hidden
    "#]],
    );
    check(
        "rules: [{name: all, allow: bash}, {allow: bash, when: {opaque: true}}]",
        &rows,
        expect![[r#"
        known        allow
        hidden       allow
        half hidden  allow
    "#]],
    );
    let go = |op| call("go").op(op);
    let rows =
        [("known", go(Operation::default())), ("hidden", go(Operation::opaque(Aspect::Paths, "a glob")))];
    check(
        "actions: {go: {approval: false}}",
        &rows,
        expect![[r#"
            known   allow
            hidden  approve  [rule_undecided go] A rule could not be decided because part of the action is unknown: a glob
        "#]],
    );
}

/// Rules for some agents.
#[test]
fn agents() {
    check(
        "rules: [{allow: bash, agent: [ada, 'test-*']}, {name: not_bob, deny: bash, agent: test-bob}]",
        &[
            ("ada", bash("ls").by("ada")),
            ("adam", bash("ls").by("adam")),
            ("test-eve", bash("ls").by("test-eve")),
            ("test-bob", bash("ls").by("test-bob")),
        ],
        expect![[r#"
            ada       allow
            adam      deny  [no_rule_allows] No rule allows the action.
            test-eve  allow
            test-bob  deny  [rule_deny not_bob] A rule refuses the action (ls)
        "#]],
    );
}

/// Costs in rules; an unknown cost could be over any limit.
#[test]
fn costs() {
    check(
        "rules: [{allow: bash}, {name: dear, approve: bash, when: {cost_over_cents: 50}}]",
        &[("50", bash("ls").cents(50)), ("51", bash("ls").cents(51)), ("unknown", bash("ls"))],
        expect![[r#"
            50       allow
            51       approve  [rule_approve dear] A rule wants a person's approval (ls)
            unknown  approve  [rule_undecided dear] A rule could not be decided because part of the action is unknown: a value it asks for is missing
        "#]],
    );
}

/// A rule on deletes sees what recursion reaches.
#[test]
fn recursion() {
    check(
        "rules: [{allow: bash}, {name: keep, deny: bash, when: {deletes: ./data/**}}]",
        &[
            ("inside", bash("rm data/a")),
            ("above, with all below", bash("rm -rf /code")),
            ("above, alone", bash("rm /code")),
            ("beside", bash("rm database")),
            ("reads", call("bash").op(touch(Access::Read, "/code/data/a"))),
        ],
        expect![[r#"
            inside                 deny  [rule_deny keep] A rule refuses the action (rm)
            above, with all below  deny  [rule_deny keep] A rule refuses the action (rm)
            above, alone           allow
            beside                 allow
            reads                  allow
        "#]],
    );
}
