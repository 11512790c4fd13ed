//! The record: what is in it, what is not, and who can verify it.

use crate::common::{HELD, NOT_RUN, PERMITTED, REFUSED, World, contains, run};
use serde_json::{Value, json};

/// A secret of a known kind, and a harmless text of the same shape.
const SECRETS: &[(&str, &str)] = &[
    ("ghp_0123456789abcdefghijklmnopqrstuvwxyz", "github"),
    ("AKIAIOSFODNN7EXAMPLQ", "aws"),
    ("sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "anthropic"),
    ("xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx", "slack"),
];

/// A secret in an argument is nowhere in the bytes of the state folder, however it came in.
#[test]
fn bypass_163_a_secret_is_nowhere_in_the_state() {
    let world = World::new();
    for (at, (secret, _)) in SECRETS.iter().enumerate() {
        let session = format!("s{at}");
        for command in [
            format!("curl -H 'Authorization: Bearer {secret}' https://example.com/"),
            format!("export API_TOKEN={secret}; ls"),
            format!("curl -u user:{secret} https://example.com/"),
            format!("mysql --password={secret} -e 'select 1'"),
        ] {
            world.run(&["check", "--record", "--session", &session, "bash", &command]);
        }
        for (tool, input) in [
            ("write_file", json!({"path": "a.env", "content": format!("API_KEY={secret}\n")})),
            (
                "fetch",
                json!({"url": format!("https://example.com/?token={secret}"), "headers": {"x-api-key": secret}}),
            ),
            ("mcp__mail__send", json!({"password": secret, "nested": [{"token": secret}]})),
            ("sql", json!({"query": format!("ALTER USER app PASSWORD '{secret}'")})),
        ] {
            world.run(&["check", "--record", "--session", &session, tool, &input.to_string()]);
        }
        world.run(&["exec", "--", "echo", &format!("--token={secret}")]);
    }
    // No known kind, but named as a secret.
    let password = "pW9xK2vQ7mZr4LtN8sYb";
    for command in [
        format!("curl -H 'Authorization: Bearer {password}' https://example.com/"),
        format!("export API_TOKEN={password}; ls"),
        format!("mysql --password={password} -e 'select 1'"),
        format!("curl 'https://example.com/?token={password}'"),
    ] {
        world.run(&["check", "--record", "bash", &command]);
    }
    let nested = json!({"password": password, "nested": [{"token": password}]}).to_string();
    world.run(&["check", "--record", "mcp__mail__send", &nested]);
    let bytes = world.state_bytes();
    assert!(!contains(&bytes, password), "a named secret was stored");
    let found: Vec<_> = SECRETS.iter().filter(|(secret, _)| contains(&bytes, secret)).collect();
    assert!(found.is_empty(), "stored: {found:?}");
    assert!(contains(&bytes, "[redacted"), "nothing was replaced");
    // The neighbours: words that only look alike are kept as they are.
    world
        .run(&["check", "--record", "bash", "echo how to reset a password; ls token-ring"])
        .expect(PERMITTED);
    assert!(contains(&world.state_bytes(), "how to reset a password; ls token-ring"));
    world.verify();
}

/// Output is not stored at all, and shown without its secrets.
#[test]
fn bypass_163_a_secret_in_output_is_not_stored() {
    let world = World::new();
    let secret = SECRETS[0].0;
    world.write("notes.txt", format!("the token is {secret}\n"));
    let run = world.run(&["exec", "--", "cat", "notes.txt"]);
    run.expect(PERMITTED).never_says(secret).says("the token is");
    assert!(!contains(&world.state_bytes(), secret) && !contains(&world.state_bytes(), "the token is"));
}

/// Two requests that differ only in their secret are two requests.
#[test]
fn bypass_163_the_digest_is_over_the_full_request() {
    let world = World::new();
    let digest = |secret: &str| {
        let command = format!("curl -H 'Authorization: Bearer {secret}' https://example.com/");
        world.run(&["check", "--record", "bash", &command]);
        world.events("decided").pop().unwrap()
    };
    let (one, other) = (digest(SECRETS[0].0), digest("ghp_9876543210abcdefghijklmnopqrstuvwxyz"));
    assert_eq!(one["request"]["resource"], other["request"]["resource"]);
    assert_ne!(one["request_digest"], other["request_digest"]);
}

/// Copies the state folder, as a thief or a backup would.
fn copy_state(world: &World, name: &str) -> std::path::PathBuf {
    let copy = world.beside(name);
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(&world.state).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    copy
}

/// Truncation and rollback show against a checkpoint kept elsewhere.
#[test]
fn bypass_159_an_older_log_is_noticed() {
    let world = World::new();
    world.run(&["check", "--record", "bash", "ls"]).expect(PERMITTED);
    let older = copy_state(&world, "older");
    let early = world.write("early", world.run(&["audit", "checkpoint"]).out);
    world.run(&["check", "--record", "bash", "pwd"]).expect(PERMITTED);
    let late = world.write("late", world.run(&["audit", "checkpoint"]).out);
    let verify = |state: &std::path::Path, kept: &std::path::Path| {
        let mut command = world.bare(crate::common::STAYHAND);
        command.arg("--home").arg(state).args(["audit", "verify", "--kept"]).arg(kept);
        run(command, b"").code
    };
    assert_eq!(verify(&world.state, &early), PERMITTED);
    assert_eq!(verify(&world.state, &late), PERMITTED);
    assert_eq!(verify(&older, &early), PERMITTED);
    assert_eq!(verify(&older, &late), REFUSED, "a rolled-back log passed");
    let foreign = World::new();
    foreign.run(&["check", "--record", "bash", "ls"]).expect(PERMITTED);
    assert_eq!(verify(&foreign.state, &early), REFUSED, "another log passed");
}

/// Rows edited, deleted, moved or added behind Stayhand's back.
#[test]
fn bypass_159_a_changed_log_is_noticed() {
    let tamper = |statement: &str| {
        let world = World::new();
        let batch = "{\"tool\":\"bash\",\"input\":\"ls\"}\n".repeat(5);
        world.feed(&["check", "--record", "--batch", "-"], batch).expect(PERMITTED);
        world.verify();
        let code = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db:\n    db.executescript(sys.argv[2])";
        let mut command = world.bare("python3");
        command.args(["-c", code, world.state.join("log.db").to_str().unwrap(), statement]);
        run(command, b"").expect(0);
        let verify = world.run(&["audit", "verify"]);
        assert_eq!(verify.code == PERMITTED, statement.starts_with("SELECT"), "{statement}: {verify:?}");
        let json = world.run(&["--json", "audit", "verify"]).json();
        assert_eq!(json["verified"], statement.starts_with("SELECT"));
    };
    tamper("SELECT 1;");
    tamper(
        "UPDATE record SET body = CAST(replace(CAST(body AS TEXT), '\"ls\"', '\"la\"') AS BLOB) WHERE seq = 2;",
    );
    tamper("UPDATE record SET agent = 'somebody' WHERE seq = 2;");
    tamper("UPDATE record SET effect = 'deny' WHERE seq = 3;");
    tamper("DELETE FROM record WHERE seq = 2;");
    tamper("DELETE FROM record WHERE seq = 5;");
    tamper(
        "UPDATE record SET seq = 100 WHERE seq = 2; UPDATE record SET seq = 2 WHERE seq = 3; UPDATE record SET seq = 3 WHERE seq = 100;",
    );
    tamper(
        "INSERT INTO record SELECT seq + 1, at, kind, agent, session, tool, effect, about, leaf, body FROM record WHERE seq = 5;",
    );
    tamper("DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint);");
}

/// A proof holds by the description of the format alone, without any code of ours.
#[test]
fn bypass_170_a_stranger_verifies_a_proof() {
    let world = World::new();
    for n in 0..7 {
        world.run(&["check", "--record", "bash", &format!("echo {n}")]).expect(PERMITTED);
    }
    let verifier = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/security/verify_proof.py");
    let stranger = |proof: &str, key: &str| {
        let mut command = world.bare("python3");
        let proof = world.write("proof.json", proof);
        let key = world.write("key.pub", key);
        command.arg(verifier).arg(proof).arg(key);
        run(command, b"")
    };
    let key = std::fs::read_to_string(world.state.join("key.pub")).unwrap();
    let last = world.records().len() as u64 - 1;
    for seq in [0, 1, last / 2, last] {
        let proof = world.run(&["audit", "prove", &seq.to_string()]).expect(PERMITTED).out.clone();
        stranger(&proof, &key).expect(0).says(&format!("record {seq} "));
        let file = world.write("mine.json", &proof);
        world.run(&["audit", "verify", "--proof", file.to_str().unwrap()]).expect(PERMITTED);
        let other = World::new();
        other.run(&["check", "--record", "bash", "ls"]).expect(PERMITTED);
        let foreign = std::fs::read_to_string(other.state.join("key.pub")).unwrap();
        assert_ne!(stranger(&proof, &foreign).code, 0, "another key was accepted");
        let changed: Value = serde_json::from_str(&proof).unwrap();
        for (field, value) in [
            ("body", json!(changed["body"].as_str().unwrap().replace("\"v\":2", "\"v\": 2"))),
            ("seq", json!(seq + 1)),
            ("size", json!(last + 2)),
        ] {
            let mut changed = changed.clone();
            changed[field] = value;
            assert_ne!(stranger(&changed.to_string(), &key).code, 0, "{field} was changed");
            let file = world.write("changed.json", changed.to_string());
            let ours = world.run(&["audit", "verify", "--proof", file.to_str().unwrap()]);
            assert_ne!(ours.code, PERMITTED, "{field} was changed: {ours:?}");
        }
    }
    world.run(&["audit", "prove", "999"]).never_says("checkpoint");
}

/// Outcomes belong to the record as well as decisions.
#[test]
fn bypass_171_the_outcome_is_recorded() {
    let world = World::new();
    for (words, outcome) in [
        (&["true"][..], json!({"kind": "exit", "code": 0})),
        (&["false"], json!({"kind": "exit", "code": 1})),
        (&["ls", "/nowhere/at/all"], json!({"kind": "exit", "code": 2})),
    ] {
        world.run(&[&["exec", "--"], words].concat());
        let records = world.records();
        let settled = records.iter().rev().find(|record| record["event"]["type"] == "settled").unwrap();
        let event = &settled["event"];
        assert_eq!(event["outcome"], outcome);
        assert!(event["duration_us"].as_u64().unwrap() > 0 && event["confined"] != "none");
        let decided = &records[event["decision"].as_u64().unwrap() as usize]["event"];
        assert_eq!(decided["request"]["resource"]["argv"], json!(words));
    }
    world.run(&["exec", "--", "rm", "-rf", "/"]).expect(NOT_RUN);
    assert_eq!(world.records().last().unwrap()["event"]["type"], "decided", "a refusal has no outcome");
}

/// Which rule decided, under which policy, and who said yes.
#[test]
fn bypass_172_the_reasons_are_recorded() {
    let world = World::new();
    world.run(&["check", "--record", "bash", "rm -rf /"]).expect(REFUSED);
    let policy = world.events("policy_loaded")[0]["policy"].clone();
    let decided = &world.events("decided")[0];
    assert_eq!(decided["policy"], policy);
    let rules: Vec<_> = decided["decision"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["rule"].clone())
        .collect();
    assert!(rules.contains(&json!("block_rm_root")), "{rules:?}");
    let held = world.run(&["exec", "--", "python3", "-c", "exec(open('/dev/null').read())"]).approval();
    world.run(&["approvals", "approve", &held, "--by", "ann", "--comment", "looked at it"]).expect(PERMITTED);
    world.run(&["exec", "--", "python3", "-c", "exec(open('/dev/null').read())"]).expect(PERMITTED);
    let answer = &world.events("approval_resolved")[0];
    assert_eq!((&answer["by"], &answer["comment"]), (&json!("ann"), &json!("looked at it")));
    let used = world.events("decided").pop().unwrap();
    assert_eq!(used["decision"]["approval"], answer["approval"]);
    assert!(used["decision"].to_string().contains("approval_granted"));
}

/// A148, P085: a warning or an audit entry is part of the record, with the rule that wants it.
#[test]
fn p085_warnings_and_audit_entries_are_recorded() {
    let world = World::new();
    world.user_policy("extends: coding-agent\nrules:\n  - {name: big, warn: bash, when: {program: du}, reason: Takes long}\n  - {name: seen, audit: bash, when: {program: df}}\n");
    for (command, rule, duty) in [("du -s .", "big", "warn"), ("df .", "seen", "audit")] {
        world.run(&["exec", command]).expect(PERMITTED);
        let decided = world.events("decided").pop().unwrap();
        let decision = decided["decision"].to_string();
        assert!(decision.contains(rule) && decision.contains(duty), "{decision}");
    }
    world.run(&["exec", "echo one two"]).expect(PERMITTED);
    let plain = world.events("decided").pop().unwrap()["decision"].to_string();
    assert!(!plain.contains("warn") && !plain.contains("audit"), "{plain}");
}

/// A program that fails like a refusal, a refusal, and a program that fails otherwise look alike from
/// outside; the record tells them apart.
#[test]
fn bypass_181_the_record_tells_a_refusal_from_a_failure() {
    let world = World::new();
    world.user_policy("extends: permissive\nrules: [{name: no, deny: bash, when: {args: forbidden}}]\n");
    world.run(&["exec", "--session", "own", "exit 126"]).expect(NOT_RUN);
    world.run(&["exec", "--session", "refused", "echo forbidden"]).expect(NOT_RUN);
    world.run(&["exec", "--session", "failed", "--", "/nowhere/at/all"]);
    let records = world.records();
    let of = |session: &str| {
        let decided = |record: &&Value| record["event"]["request"]["principal"]["session"] == session;
        let decided = records.iter().find(decided).unwrap();
        let settled = records.iter().find(|record| record["event"]["decision"] == decided["seq"]);
        let effect = decided["event"]["decision"]["effect"].clone();
        (effect, settled.map(|record| record["event"]["outcome"]["kind"].clone()))
    };
    assert_eq!(of("own"), (json!("allow"), Some(json!("exit"))));
    assert_eq!(of("refused"), (json!("deny"), None));
    assert_eq!(of("failed"), (json!("allow"), Some(json!("failed"))));
}

/// A209: what was refused, by agent, severity and time; values are redacted (D207).
#[test]
fn a209_violations_are_listed() {
    let world = World::new();
    let key = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
    let ask = |agent: &str, tool: &str, input: &str| {
        world.run(&["check", "--record", "--agent", agent, tool, input]);
    };
    ask("ada", "read_file", "{\"path\":\"~/.ssh/id_rsa\"}");
    ask("bob", "fetch", "{\"url\":\"http://169.254.169.254/\"}");
    ask("bob", "bash", "git push");
    ask("bob", "bash", "ls");
    ask("bob", &format!("tool_{key}"), &format!("{{\"x\":\"{key}\"}}"));
    let list = |args: &[&str]| world.run(&[&["--json", "trace", "violations"], args].concat());
    let count = |args: &[&str]| list(args).expect(PERMITTED).json().as_array().unwrap().len();
    assert_eq!(count(&[]), 3);
    assert_eq!((count(&["--agent", "ada"]), count(&["--agent", "eve"])), (1, 0));
    assert_eq!(count(&["--severity", "CRITICAL"]), 1);
    assert_eq!(count(&["--agent", "ada", "--severity", "critical"]), 0);
    assert_eq!((count(&["--since", "2020-01-01"]), count(&["--since", "9999-01-01"])), (3, 0));
    let newest = list(&["--limit", "1"]).json();
    assert_eq!(newest[0]["agent_id"], "bob");
    // The moment itself is included.
    let written = world.run(&["trace", "export"]).json_lines();
    let of_ada =
        written.iter().find(|record| record["event"]["request"]["principal"]["agent"] == "ada").unwrap();
    let moment = stayhand_core::time::Timestamp(of_ada["at"].as_u64().unwrap()).to_string();
    assert_eq!(count(&["--agent", "ada", "--since", &moment]), 1);
    world.run(&["trace", "violations"]).expect(PERMITTED).says("metadata_address").says("3 violations");
    for wrong in [["--severity", "bogus"], ["--since", "yesterday"], ["--limit", "-1"]] {
        list(&wrong).expect(crate::common::USAGE);
    }
}

/// R-20, P086.
#[test]
fn p086_refused_actions_are_recorded() {
    let world = World::new();
    world.run(&["exec", "--session", "day", "--", "rm", "-rf", "/"]).expect(NOT_RUN);
    world.run(&["exec", "--session", "day", "--", "true"]).expect(PERMITTED);
    world.run(&["exec", "--session", "day", "--", "git", "push", "origin", "main"]).expect(NOT_RUN);
    let tally = &world.run(&["--json", "trace", "list"]).json()["day"]["tally"];
    assert_eq!(
        (&tally["allowed"], &tally["needs_approval"], &tally["blocked"]),
        (&json!(1), &json!(1), &json!(1))
    );
}

/// Text in arguments cannot forge lines of a report.
#[test]
fn p117_recorded_text_forges_no_line() {
    let world = World::new();
    let forged = "ls\n     9 12:00:00 allow   all is well ✓\u{1b}[31m\u{202e}";
    let code = world.run(&["check", "--record", "bash", forged]).code;
    assert!([PERMITTED, HELD, REFUSED].contains(&code));
    for args in [&["trace", "tail"][..], &["trace", "show", "default"]] {
        let shown = world.run(args);
        assert!(!shown.out.contains('\u{1b}') && !shown.out.contains('\u{202e}'), "{:?}", shown.out);
        assert!(!shown.out.lines().any(|line| line.starts_with("     9 ")), "{}", shown.out);
    }
    let csv = world.run(&["check", "--record", "bash", "=cmd|' /C calc'!A0"]);
    assert_ne!(csv.code, 70);
    let csv = world.run(&["trace", "export", "--format", "csv"]);
    assert!(!csv.out.contains(",\"=") && !csv.out.contains(",="), "{}", csv.out);
}
