//! `stayhand check`: its forms, exit codes and printed shapes.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{HELD, PERMITTED, REFUSED, USAGE, World};
use serde_json::{Value, json};

/// Tool, input, exit code.
const FORMS: &[(&str, &str, i32)] = &[
    // A text is the tool's main argument.
    ("bash", "ls -la", PERMITTED),
    ("bash", "git push origin main", HELD),
    ("bash", "rm -rf /", REFUSED),
    ("read_file", "src/lib.rs", PERMITTED),
    ("read_file", "~/.ssh/id_rsa", REFUSED),
    ("fetch", "https://example.com/", PERMITTED),
    ("fetch", "http://169.254.169.254/", REFUSED),
    ("sql", "SELECT 1", PERMITTED),
    ("sql", "DROP TABLE users", REFUSED),
    ("python", "print(1)", PERMITTED),
    ("python", "exec(unknown)", HELD),
    // An object is all of the arguments.
    ("bash", r#"{"command":"ls"}"#, PERMITTED),
    ("bash", r#"{"command":"rm -fr /"}"#, REFUSED),
    ("exec", r#"{"argv":["ls","-la"]}"#, PERMITTED),
    ("exec", r#"{"argv":["rm","-rf","/"]}"#, REFUSED),
    ("write_file", r#"{"path":"a.txt","content":"x"}"#, PERMITTED),
    ("write_file", r#"{"path":"/etc/passwd","content":"x"}"#, REFUSED),
    ("edit_file", r#"{"path":"a.txt","old_string":"a","new_string":"b"}"#, PERMITTED),
    ("delete_file", r#"{"path":"a.txt"}"#, PERMITTED),
    ("delete_file", r#"{"path":"/etc/hosts"}"#, REFUSED),
    ("list_dir", r#"{"path":"."}"#, PERMITTED),
    ("fetch", r#"{"url":"https://example.com/","method":"POST","body":"x"}"#, HELD),
    ("sql", r#"{"query":"SELECT 1","dialect":"postgres"}"#, PERMITTED),
    ("mcp__files__read", r#"{"path":"a.txt"}"#, HELD),
    ("deploy", r#"{"to":"moon"}"#, REFUSED),
    // `{ …; }` is a command as well as the beginning of JSON.
    ("bash", "{ ls; pwd; }", PERMITTED),
    ("bash", "{ rm -rf /; }", REFUSED),
];

#[test]
fn the_exit_code_is_the_decision() {
    let world = World::new();
    for (tool, input, code) in FORMS {
        let run = world.run(&["check", tool, input]);
        assert_eq!(run.code, *code, "{tool} {input}: {}{}", run.out, run.err);
        assert!(run.err.is_empty(), "{tool} {input}: {}", run.err);
    }
}

#[test]
fn wrong_usage_is_2_and_says_what_is_wrong() {
    let world = World::new();
    for (args, says) in [
        (&["check"][..], "Usage"),
        (&["check", "bash"], "INPUT"),
        (&["check", "deploy", "just text"], "must be a JSON object"),
        (&["check", "read_file", "{not json}"], "not JSON"),
        (&["check", "bash", "ls", "--batch", "-"], "cannot be used with"),
        (&["check", "--batch", "no-such-file.jsonl"], "no-such-file.jsonl"),
        (&["check", "--policy", "no-such.yaml", "bash", "ls"], "no-such.yaml"),
        (&["check", "", "{}"], "`tool` is empty"),
        (&["chek", "bash", "ls"], "check"),
    ] {
        world.run(args).expect(USAGE).says(says);
    }
}

/// R-04, R-40: the answer is a value with code, rule, words and risk.
#[test]
fn json_has_the_documented_shape() {
    let world = World::new();
    let run = world.check("bash", "git push origin main");
    let answer = run.expect(HELD).json();
    assert_eq!(answer["effect"], "approve");
    assert_eq!(keys(&answer), ["effect", "findings", "obligations", "risk"]);
    let finding = &answer["findings"][0];
    assert_eq!(keys(finding), ["effect", "guard", "message", "reason", "rule"]);
    assert_eq!(finding["rule"], "ask_before_consequences");
    assert_eq!(answer["obligations"], json!([{"confine": {"least": "l2"}}]));
    for (input, risk) in [("ls", "safe"), ("rm -rf build", "medium"), ("echo x > /etc/passwd", "critical")] {
        assert_eq!(world.check("bash", input).json()["risk"], risk, "{input}");
    }
    let facts = world.run(&["--json", "check", "--facts", "bash", "cat a.txt"]).json();
    assert_eq!(facts["facts"]["operations"][0]["program"]["name"], "cat");
    world
        .run(&["check", "--facts", "bash", "cat a.txt"])
        .says(&format!("read {}/a.txt", world.work.display()));
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn control_characters_do_not_forge_lines() {
    let world = World::new();
    let run = world.run(&["check", "bash", "ls\n  ✓ all is well\u{1b}[2J\u{202e}"]);
    assert!(!run.out.contains('\u{1b}') && !run.out.contains('\u{202e}'), "{:?}", run.out);
    assert!(!run.out.lines().any(|line| line == "  ✓ all is well"), "{}", run.out);
}

#[test]
fn a_batch_answers_line_by_line() {
    let world = World::new();
    let ids = [
        json!(1),
        json!("two"),
        json!(null),
        json!([3, {"x": []}]),
        json!({"a": 1}),
        json!(true),
        json!(-0.5),
    ];
    let lines: Vec<String> = ids
        .iter()
        .map(|id| json!({"id": id, "tool": "bash", "input": {"command": "ls"}}).to_string())
        .collect();
    let run = world.feed(&["check", "--batch", "-"], lines.join("\n"));
    let answers = run.expect(PERMITTED).json_lines();
    assert_eq!(answers.iter().map(|answer| answer["id"].clone()).collect::<Vec<_>>(), ids);
    assert!(answers.iter().all(|answer| keys(answer) == ["effect", "findings", "id", "obligations", "risk"]));
    // Refused and held lines are good lines.
    let run = world.feed(
        &["check", "--batch", "-"],
        "{\"tool\":\"bash\",\"input\":\"rm -rf /\"}\n{\"tool\":\"python\",\"input\":\"exec(unknown)\"}",
    );
    let answers = run.expect(PERMITTED).json_lines();
    assert_eq!((&answers[0]["effect"], &answers[1]["effect"]), (&json!("deny"), &json!("approve")));
    assert_eq!(answers[0]["id"], Value::Null, "a line without a name is answered without one");
}

#[test]
fn a_bad_line_gets_an_error_in_its_place() {
    let world = World::new();
    let batch = concat!(
        "{\"id\":1,\"tool\":\"bash\",\"input\":\"ls\"}\r\n",
        "\n  \t \r\n",
        "{\"id\":2,\"tool\":\"bash\",\"inptu\":\"ls\"}\n",
        "not json\n",
        "{\"id\":4,\"tool\":7}\n",
        "{\"id\":5,\"tool\":\"deploy\",\"input\":\"text\"}\n",
        "{\"id\":6}\n",
        "[1]\n",
        "{\"id\":8,\"tool\":\"bash\",\"tool\":\"exec\",\"input\":\"ls\"}\n",
        "{\"id\":9,\"tool\":\"bash\",\"input\":\"pwd\"}",
    );
    let file = world.write("batch.jsonl", batch);
    for run in [
        world.feed(&["check", "--batch", "-"], batch),
        world.run(&["check", "--batch", file.to_str().unwrap()]),
    ] {
        let answers = run.expect(USAGE).json_lines();
        let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
        let null = Value::Null;
        assert_eq!(
            ids,
            [&json!(1), &json!(2), &null, &json!(4), &json!(5), &json!(6), &null, &json!(8), &json!(9)]
        );
        for (at, answer) in answers.iter().enumerate() {
            let good = at == 0 || at == 8;
            assert_eq!(answer["error"].is_null(), good, "{answer}");
            assert_eq!(answer["effect"] == "allow", good, "{answer}");
            assert!(good || keys(answer) == ["error", "id"], "{answer}");
        }
    }
}

#[test]
fn a_batch_takes_who_where_and_declared_values_from_its_lines() {
    let world = World::new();
    let policy = world.write("policy.yaml", "extends: coding-agent\nrules:\n  - {name: not_mallory, deny: '*', agent: mallory}\n  - {name: unsure, approve: '*', when: {context: {confidence: {under: 0.5}}}}\n");
    let lines = [
        json!({"tool": "bash", "input": "ls"}),
        json!({"tool": "bash", "input": "ls", "agent": "mallory"}),
        json!({"tool": "bash", "input": "ls", "context": {"confidence": 0.4}}),
        json!({"tool": "bash", "input": "ls", "context": {"confidence": 0.6}}),
        json!({"tool": "read_file", "input": "shadow", "cwd": "/etc"}),
        json!({"tool": "read_file", "input": "shadow", "session": "other"}),
        json!({"tool": "bash", "input": "ls", "cwd": "relative"}),
    ];
    let batch: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let run = world.feed(&["check", "--facts", "--policy", policy.to_str().unwrap(), "--batch", "-"], batch);
    let answers = run.expect(PERMITTED).json_lines();
    let effects: Vec<&str> = answers.iter().map(|answer| answer["effect"].as_str().unwrap()).collect();
    assert_eq!(effects, ["approve", "deny", "approve", "allow", "deny", "approve", "deny"], "{answers:#?}");
    assert!(answers.iter().all(|answer| answer["facts"].is_object()));
}

#[test]
fn agent_session_and_folder_come_from_the_command_line() {
    let world = World::new();
    let policy = world.write(
        "policy.yaml",
        "extends: coding-agent\nrules:\n  - {name: not_mallory, deny: '*', agent: mallory}\n",
    );
    let policy = policy.to_str().unwrap();
    world.run(&["check", "--policy", policy, "bash", "ls"]).expect(PERMITTED);
    world
        .run(&["check", "--policy", policy, "--agent", "mallory", "bash", "ls"])
        .expect(REFUSED)
        .says("not_mallory");
    world.run(&["check", "read_file", "shadow"]).expect(PERMITTED);
    world.run(&["check", "--cwd", "/etc", "read_file", "shadow"]).expect(REFUSED);
    world
        .run(&["check", "--record", "--agent", "bob", "--session", "monday", "bash", "ls"])
        .expect(PERMITTED);
    let decided = &world.events("decided")[0];
    assert_eq!(decided["request"]["principal"], json!({"agent": "bob", "session": "monday"}));
    assert_eq!(decided["request"]["context"]["cwd"], world.work.to_str().unwrap());
}

#[test]
fn only_record_leaves_a_trace() {
    let world = World::new();
    world.run(&["check", "bash", "ls"]).expect(PERMITTED);
    world.feed(&["check", "--batch", "-"], "{\"tool\":\"bash\",\"input\":\"ls\"}").expect(PERMITTED);
    assert!(!world.state.exists(), "a check made a state folder");
    world.run(&["check", "--record", "bash", "ls"]).expect(PERMITTED);
    let first = world.events("decided");
    assert_eq!(first.len(), 1);
    assert_eq!(first[0]["dry"], true, "a recorded check permits nothing");
    world.run(&["check", "--record", "bash", "git push origin main"]).expect(HELD);
    world.run(&["check", "bash", "ls"]).expect(PERMITTED);
    assert_eq!(world.events("decided").len(), 2);
    // A check asks nobody and reserves nothing.
    world.run(&["approvals", "list", "--all"]).expect(PERMITTED).says("nothing waits");
    let batch = "{\"tool\":\"bash\",\"input\":\"ls\"}\n".repeat(20);
    world.feed(&["check", "--record", "--batch", "-"], batch).expect(PERMITTED);
    assert_eq!(world.events("decided").len(), 22);
    assert_eq!(world.events("settled").len(), 0);
    world.verify();
}

/// A client's tool with its arguments, and ours.
const ALIASES: &[(&str, &str, &str)] = &[
    ("Bash", r#"{"command":"rm -rf /","description":"tidy"}"#, "bash"),
    ("Read", r#"{"file_path":"/etc/shadow","limit":10}"#, "read_file"),
    ("Write", r#"{"file_path":"/etc/passwd","content":"x"}"#, "write_file"),
    ("Edit", r#"{"file_path":"/etc/passwd","old_string":"a","new_string":"b"}"#, "edit_file"),
    ("MultiEdit", r#"{"file_path":"/etc/passwd","edits":[]}"#, "edit_file"),
    ("NotebookEdit", r#"{"notebook_path":"/etc/cron.d/x.ipynb","new_source":"x"}"#, "edit_file"),
    ("WebFetch", r#"{"url":"http://169.254.169.254/","prompt":"read it"}"#, "fetch"),
    ("shell", r#"{"command":"rm -rf /"}"#, "bash"),
    ("shell", r#"{"command":["bash","-lc","rm -rf /"]}"#, "exec"),
    ("exec_command", r#"{"cmd":"rm -rf /"}"#, "bash"),
    ("local_shell", r#"{"command":["rm","-rf","/"]}"#, "exec"),
    ("run_shell_command", r#"{"command":"rm -rf /"}"#, "bash"),
    ("replace", r#"{"file_path":"/etc/passwd","old_string":"a","new_string":"b"}"#, "edit_file"),
    ("list_directory", r#"{"path":"/root/.ssh"}"#, "list_dir"),
    ("web_fetch", r#"{"url":"http://169.254.169.254/"}"#, "fetch"),
];

#[test]
fn names_of_other_clients_mean_the_same_tools() {
    let world = World::new();
    for (name, input, tool) in ALIASES {
        let run = world.run(&["check", name, input]);
        assert!(run.out.contains(&format!("{tool}: ")), "{name} is not {tool}: {}", run.out);
        let harmless = *name == "list_directory";
        assert!(harmless || run.code == REFUSED, "{name}: {}", run.out);
    }
    for (name, input) in [
        ("Bash", r#"{"command":"ls"}"#),
        ("Read", r#"{"file_path":"src/lib.rs"}"#),
        ("Write", r#"{"file_path":"a.txt","content":"x"}"#),
        ("shell", r#"{"command":["bash","-lc","ls"]}"#),
        ("exec_command", r#"{"cmd":"ls"}"#),
        ("local_shell", r#"{"command":["ls"]}"#),
        ("run_shell_command", r#"{"command":"ls"}"#),
        ("TodoWrite", r#"{"todos":[]}"#),
    ] {
        world.run(&["check", name, input]).expect(PERMITTED);
    }
}
