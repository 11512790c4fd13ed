//! Input and surroundings that are broken or hostile: a clear answer, no panic, no hang, nothing lost.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{
    HELD, INTERNAL, NOT_RUN, OWN_FAILURE, PERMITTED, REFUSED, Running, STAYHAND, USAGE, World, is_root,
    not_run, run,
};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Answers a batch; every line must be answered, in seconds at the most.
fn batch(world: &World, lines: impl AsRef<[u8]>) -> Vec<Value> {
    let run = world.feed(&["check", "--batch", "-"], lines);
    assert!([PERMITTED, USAGE].contains(&run.code), "{run:?}");
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
    run.json_lines()
}

const GOOD: &[u8] = b"{\"id\":\"next\",\"tool\":\"bash\",\"input\":\"ls\"}\n";

#[test]
fn bytes_that_are_no_text() {
    let world = World::new();
    for bad in [
        &b"{\"id\":1,\"tool\":\"bash\",\"input\":\"ls \xff\xfe\"}\n"[..],
        b"\xff\xff\xff\xff\n",
        b"\0\0\0\n",
        b"{\"id\":1,\"tool\":\"ba\0sh\",\"input\":\"ls\"}\n",
        b"\xef\xbb\xbf{\"id\":1,\"tool\":\"bash\",\"input\":\"ls\"}\n",
    ] {
        let answers = batch(&world, [bad, GOOD].concat());
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert!(answers[0]["error"].is_string(), "{answers:?}");
        assert_eq!(answers[1]["effect"], "allow");
    }
}

#[test]
fn nul_inside_a_text_is_refused() {
    let world = World::new();
    for (tool, input) in [
        ("bash", json!({"command": "ls \0"})),
        ("read_file", json!({"path": "a.txt\0.png"})),
        ("exec", json!({"argv": ["ls", "a\0b"]})),
        ("fetch", json!({"url": "http://example.com/\0"})),
        ("write_file", json!({"path": "\0", "content": "x"})),
    ] {
        let run = world.check(tool, &input.to_string());
        assert_eq!(run.code, REFUSED, "{tool}: {run:?}");
    }
    world.check("read_file", r#"{"path":"a.txt.png"}"#).expect(PERMITTED);
}

#[test]
fn an_endless_line_is_skipped_in_bounded_memory() {
    let world = World::new();
    let mut input = b"{\"id\":1,\"tool\":\"bash\",\"input\":\"".to_vec();
    input.resize(100 << 20, b'a');
    input.extend_from_slice(b"\"}\n");
    input.extend_from_slice(GOOD);
    // 200 MiB of address space: half of it is the program's own.
    let limited = "ulimit -v 204800; exec \"$0\" check --batch -";
    let mut command = world.bare("bash");
    command.args(["-c", limited, STAYHAND]);
    let run = run(command, &input);
    let answers = run.expect(USAGE).json_lines();
    assert_eq!(answers.len(), 2);
    assert!(answers[0]["error"].as_str().unwrap().contains("104857"), "{}", answers[0]);
    assert_eq!((&answers[1]["id"], &answers[1]["effect"]), (&json!("next"), &json!("allow")));
}

#[test]
fn deep_json_is_an_error_and_the_next_line_is_answered() {
    let world = World::new();
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for line in [
            format!("{{\"id\":1,\"tool\":\"x\",\"input\":{deep}}}\n"),
            format!("{deep}\n"),
            format!("{}\n", open.repeat(100_000)),
        ] {
            let answers = batch(&world, [line.as_bytes(), GOOD].concat());
            assert_eq!(answers.len(), 2);
            assert!(answers[0]["error"].is_string(), "{}", answers[0]);
            assert_eq!(answers[1]["effect"], "allow");
        }
    }
}

/// Openings that a recursive parser would follow down until its stack is gone.
const DEEP_SHELL: &[&str] = &[
    "(",
    "$(",
    "{ ",
    "`",
    "((",
    "if ",
    "<(",
    "${",
    "[[ ",
    "! ",
    "case x in x) ",
    "a=(",
    "$((1+",
    "<<E\n",
    "'",
    "\"$(",
];

#[test]
fn deep_commands_are_not_allowed_and_do_not_kill_the_process() {
    let world = World::new();
    let line = |input: String| format!("{}\n", json!({"tool": "bash", "input": input}));
    let mut lines: String = DEEP_SHELL.iter().map(|open| line(open.repeat(100_000))).collect();
    lines.push_str(&line(format!("{}ls{}", "(".repeat(100_000), ")".repeat(100_000))));
    lines.push_str(&line(format!("{}ls{}", "$(".repeat(100_000), ")".repeat(100_000))));
    lines.push_str(&line(format!("{}ls{}", "{ ".repeat(100_000), "; }".repeat(100_000))));
    lines.push_str(&line("ls; ".repeat(100_000)));
    lines.push_str(&line("ls ".repeat(100_000)));
    let answers = batch(&world, &lines);
    assert_eq!(answers.len(), lines.lines().count());
    for (at, answer) in answers.iter().enumerate() {
        assert_ne!(answer["effect"], "allow", "line {at}");
    }
    // The neighbour: nesting as people write it.
    world.check("bash", "( ( echo one ) ); { { echo two; }; }").expect(PERMITTED);
}

#[test]
fn deep_sql_and_long_arguments_are_answered() {
    let world = World::new();
    let many: serde_json::Map<String, Value> =
        (0..20_000).map(|n| (format!("k{n}"), json!(format!("/etc/{n}")))).collect();
    let cases = [
        ("sql", json!(format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)))),
        ("sql", json!(format!("SELECT {}1", "NOT ".repeat(100_000)))),
        ("sql", json!("SELECT 1 UNION ".repeat(50_000))),
        ("sql", json!(";".repeat(100_000))),
        ("read_file", json!("../".repeat(200_000))),
        ("read_file", json!("/a".repeat(200_000))),
        ("fetch", json!(format!("http://{}", "a.".repeat(200_000)))),
        ("python", json!("(".repeat(200_000))),
        ("mcp__x__y", Value::Object(many)),
    ];
    let lines: String =
        cases.iter().map(|(tool, input)| format!("{}\n", json!({"tool": tool, "input": input}))).collect();
    let answers = batch(&world, lines);
    assert_eq!(answers.len(), cases.len());
    assert!(answers.iter().all(|answer| answer["effect"] != "allow"), "{answers:?}");
}

#[test]
fn numbers_that_are_none() {
    let world = World::new();
    let policy = world.write("policy.yaml", "extends: coding-agent\nactions:\n  order: {approval: false, max_cost_cents: 100}\ntools:\n  order: {fields: {/value: amount}}\n");
    let decide = |context: &str, input: &str| {
        let line = format!("{{\"tool\":\"order\",\"input\":{input},\"context\":{context}}}\n");
        let run = world.feed(&["check", "--policy", policy.to_str().unwrap(), "--batch", "-"], line);
        let answer = run.json_lines().remove(0);
        answer["effect"].as_str().map_or("error".to_owned(), str::to_owned)
    };
    for good in ["0", "100", "99.5", "\"99.5\""] {
        assert_eq!(
            decide(&format!("{{\"estimated_cost_cents\":{good}}}"), "{\"value\":1}"),
            "allow",
            "{good}"
        );
    }
    for bad in ["NaN", "Infinity", "-Infinity", "1e999", "01", "0x10"] {
        assert_eq!(decide(&format!("{{\"estimated_cost_cents\":{bad}}}"), "{\"value\":1}"), "error", "{bad}");
    }
    for bad in [
        "-1",
        "-0.5",
        "\"NaN\"",
        "\"inf\"",
        "1e30",
        "99999999999999999999999",
        "true",
        "null",
        "[]",
        "\"\"",
        "100.5",
    ] {
        assert_eq!(decide(&format!("{{\"estimated_cost_cents\":{bad}}}"), "{\"value\":1}"), "deny", "{bad}");
    }
    for bad in ["-1", "\"NaN\"", "\"-Infinity\""] {
        let effect = decide("{\"estimated_cost_cents\":1}", &format!("{{\"value\":{bad}}}"));
        assert_ne!(effect, "allow", "{bad}");
    }
    assert_eq!(decide("{\"estimated_cost_cents\":1}", "{\"value\":1e999}"), "error");
}

#[test]
fn wrong_shapes_are_refused_with_a_reason() {
    let world = World::new();
    for (tool, input) in [
        ("bash", "{\"command\":[\"ls\"]}"),
        ("read_file", "{}"),
        ("read_file", "{\"path\":3}"),
        ("read_file", "{\"path\":null}"),
        ("read_file", "{\"path\":[\"a\",\"b\"]}"),
        ("read_file", "{\"path\":{\"a\":1}}"),
        ("write_file", "{\"content\":\"x\"}"),
        ("exec", "{\"argv\":\"ls\"}"),
        ("exec", "{\"argv\":[]}"),
        ("exec", "{\"argv\":[1]}"),
        ("fetch", "{\"url\":\"not a url\"}"),
        ("fetch", "{\"url\":\"http://[::1\"}"),
        ("fetch", "{\"url\":\"http://example.com:99999/\"}"),
        ("sql", "{}"),
        ("python", "{\"code\":1}"),
    ] {
        let run = world.check(tool, input);
        assert!([REFUSED, HELD].contains(&run.code), "{tool} {input}: {run:?}");
        assert!(!run.json()["findings"].as_array().unwrap().is_empty());
    }
    world.check("teleport", "{\"to\":\"moon\"}").refused_as("unknown_tool");
}

#[test]
fn policies_that_are_no_policies() {
    let world = World::new();
    let nothing_is_decided = |path: &str, says: &str| {
        for args in [
            &["check", "--policy", path, "bash", "ls"][..],
            &["policy", "test", path],
            &["exec", "--policy", path, "--", "touch", "made"],
        ] {
            let run = world.run(args);
            run.expect(USAGE).says(says);
            assert!(run.took < Duration::from_secs(20), "{args:?} took {:?}", run.took);
            assert!(run.err.len() < 100_000, "{} bytes of diagnostics", run.err.len());
        }
        assert!(!world.work.join("made").exists());
    };
    let large = world.write("large.yaml", format!("rules:\n{}", "  - {deny: bash}\n".repeat(700_000)));
    nothing_is_decided(large.to_str().unwrap(), "larger than 4 MiB");
    let binary = world.write("binary.yaml", [0u8, 159, 146, 150, 255]);
    nothing_is_decided(binary.to_str().unwrap(), "not UTF-8");
    std::fs::create_dir(world.work.join("folder.yaml")).unwrap();
    nothing_is_decided(world.work.join("folder.yaml").to_str().unwrap(), "folder.yaml");
    nothing_is_decided(world.work.join("missing.yaml").to_str().unwrap(), "missing.yaml");
    let nul = world.write("nul.yaml", "rules: [{deny: \"ba\0sh\"}]\n");
    nothing_is_decided(nul.to_str().unwrap(), "nul.yaml");
    let deep = world.write("deep.yaml", format!("rules: {}{}", "[".repeat(100_000), "]".repeat(100_000)));
    nothing_is_decided(deep.to_str().unwrap(), "deep.yaml");
    let deep = world.write("deep2.yaml", "a: {".repeat(100_000));
    nothing_is_decided(deep.to_str().unwrap(), "deep2.yaml");
    let pipe = world.work.join("pipe.yaml");
    if run_tool("mkfifo", &[pipe.to_str().unwrap()]) {
        nothing_is_decided(pipe.to_str().unwrap(), "not a regular file");
    }
    nothing_is_decided("/dev/zero", "not a regular file");
}

fn run_tool(name: &str, args: &[&str]) -> bool {
    Command::new(name).args(args).status().is_ok_and(|status| status.success())
}

/// Ten lines that stand for more than a gigabyte.
#[test]
fn a_policy_of_aliases_upon_aliases() {
    let world = World::new();
    let mut text = String::from("a0: &a0 [\"0123456789abcdef\"]\n");
    for level in 1..10 {
        let references = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{references}]\n"));
    }
    text.push_str("rules:\n  - {deny: *a9}\n");
    let rule_only = text.replace("a0: &a0", "description: &a0");
    for text in [text, rule_only] {
        let file = world.write("laughs.yaml", text);
        let mut command = world.bare("bash");
        command.args([
            "-c",
            "ulimit -v 409600; exec \"$0\" policy test \"$1\"",
            STAYHAND,
            file.to_str().unwrap(),
        ]);
        let run = run(command, b"");
        run.expect(USAGE).says("laughs.yaml");
        assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
    }
}

#[test]
fn a_state_folder_that_is_a_file() {
    let world = World::new();
    std::fs::write(&world.state, "not a folder").unwrap();
    world.run(&["exec", "--", "touch", "made"]).expect(OWN_FAILURE).says("state folder");
    world.run(&["check", "--record", "bash", "ls"]).expect(INTERNAL).says("state folder");
    world.run(&["audit", "verify"]).expect(INTERNAL);
    world.run(&["check", "bash", "ls"]).expect(PERMITTED);
    assert!(!world.work.join("made").exists());
    assert_eq!(std::fs::read(&world.state).unwrap(), b"not a folder");
}

/// A command with the state folder on a read-only mount, or without write permission.
fn with_read_only_state(world: &World, args: &[&str]) -> Option<Command> {
    if !is_root() {
        std::fs::set_permissions(&world.state, std::fs::Permissions::from_mode(0o500)).unwrap();
        return Some(world.command(args));
    }
    let state = world.state.to_str().unwrap();
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"";
    if !run_tool("unshare", &["--mount", "bash", "-c", mount, "-", state]) {
        return None;
    }
    let mut command = world.bare("unshare");
    let script = format!("{mount} && shift && exec \"$@\"");
    command.args(["--mount", "bash", "-c", &script, "-", state, STAYHAND, "--home", state]).args(args);
    Some(command)
}

#[test]
fn a_read_only_state_folder() {
    let world = World::new();
    world.run(&["exec", "--", "true"]).expect(PERMITTED);
    for (args, code) in [
        (&["exec", "--", "touch", "made"][..], OWN_FAILURE),
        (&["check", "--record", "bash", "ls"], INTERNAL),
        (&["check", "bash", "ls"], PERMITTED),
        (&["audit", "verify"], PERMITTED),
        (&["trace", "list"], PERMITTED),
        (&["replay"], PERMITTED),
        (&["doctor"], REFUSED),
    ] {
        let Some(command) = with_read_only_state(&world, args) else {
            return not_run("a_read_only_state_folder", "this root may not make mounts");
        };
        let run = run(command, b"");
        assert_eq!(run.code, code, "{args:?}: {run:?}");
        assert!(code == PERMITTED || !(run.err.is_empty() && run.out.is_empty()), "{args:?} says nothing");
    }
    assert!(!world.work.join("made").exists(), "an action ran without a record");
    std::fs::set_permissions(&world.state, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// What was answered before the disk was full is in the log; what came after was not done.
fn fill_up(world: &World, limited: impl Fn(&[&str]) -> Command) {
    let long = "x".repeat(3000);
    let line =
        |n: usize| format!("{}\n", json!({"id": n, "tool": "bash", "input": format!("echo {n} {long}")}));
    let lines: String = (0..3000).map(line).collect();
    let run = run(limited(&["check", "--record", "--batch", "-"]), lines.as_bytes());
    let answered = run.json_lines().iter().filter(|answer| answer["effect"] == "allow").count();
    assert_eq!(run.code, INTERNAL, "the disk was not full after {answered} answers: {}", run.err);
    assert!(!run.err.is_empty());
    let exec = common::run(limited(&["exec", "--", "touch", "made", &long]), b"");
    assert!([OWN_FAILURE, NOT_RUN].contains(&exec.code), "{exec:?}");
    assert!(!world.work.join("made").exists(), "an action ran without a record");
    let verify = common::run(limited(&["audit", "verify"]), b"");
    verify.expect(PERMITTED);
    let recorded = common::run(limited(&["trace", "export"]), b"").json_lines();
    let recorded = recorded.iter().filter(|record| record["event"]["type"] == "decided").count();
    assert!(recorded >= answered, "{answered} answered, {recorded} recorded");
}

#[test]
fn a_file_size_limit_is_a_full_disk() {
    let world = World::new();
    fill_up(&world, |args| {
        let mut command = world.bare("bash");
        let script = "trap '' XFSZ; ulimit -f 2000; exec \"$@\"";
        command.args(["-c", script, "-", STAYHAND, "--home", world.state.to_str().unwrap()]).args(args);
        command
    });
    // With room again, work goes on.
    world.run(&["exec", "--", "touch", "made"]).expect(PERMITTED);
    world.verify();
}

/// A small disk of its own: mounted by root, or in a namespace that anybody may make and that one
/// process keeps while the others enter it.
#[test]
fn a_full_disk() {
    let world = World::new();
    std::fs::create_dir(&world.state).unwrap();
    let Some(disk) = SmallDisk::mount(&world) else {
        return not_run("a_full_disk", "neither mounts nor user namespaces are to be had");
    };
    fill_up(&world, |args| disk.command(&world, args));
}

/// The process that keeps the disk.
struct SmallDisk(std::process::Child);

impl SmallDisk {
    fn mount(world: &World) -> Option<Self> {
        let script =
            "mount -t tmpfs -o size=3m,mode=700 stayhand-test \"$0\" && echo ready && exec sleep 600";
        let own_user: &[&str] = if is_root() { &[] } else { &["--user", "--map-root-user"] };
        let mut command = world.bare("unshare");
        command.args(own_user).args(["--mount", "bash", "-c", script, world.state.to_str().unwrap()]);
        let mut keeper = command.stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(keeper.stdout.take()?).read_line(&mut line).ok()?;
        let disk = Self(keeper);
        (line == "ready\n").then_some(disk)
    }

    fn command(&self, world: &World, args: &[&str]) -> Command {
        let mut command = world.bare("nsenter");
        let own_user: &[&str] = if is_root() { &[] } else { &["--user", "--preserve-credentials"] };
        command.args(["--target", &self.0.id().to_string(), "--mount"]).args(own_user);
        command
            .arg(format!("--wd={}", world.work.display()))
            .args([STAYHAND, "--home"])
            .arg(&world.state)
            .args(args);
        command
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn many_processes_on_one_state_folder() {
    let world = World::new();
    let start = |n: usize| {
        let text = format!("number-{n}");
        let args: Vec<&str> = if n.is_multiple_of(2) {
            vec!["exec", "--", "echo", &text]
        } else {
            vec!["check", "--record", "exec", "{\"argv\":[\"ls\"]}"]
        };
        Running::start(world.command(&args), Vec::new())
    };
    let running: Vec<Running> = (0..20).map(start).collect();
    for (n, running) in running.into_iter().enumerate() {
        let run = running.finish();
        run.expect(PERMITTED);
        assert!(!n.is_multiple_of(2) || run.out == format!("number-{n}\n"), "{run:?}");
    }
    assert_eq!(world.events("decided").len(), 20);
    assert_eq!(world.events("settled").len(), 10);
    assert_eq!(world.events("in_doubt").len(), 0, "a running engine was taken for dead");
    world.verify();
}

#[test]
fn variables_that_are_missing_or_odd() {
    let world = World::new();
    let with = |name: &str, value: Option<&str>, args: &[&str]| {
        let mut command = world.bare(STAYHAND);
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        command.args(args);
        run(command, b"")
    };
    with("STAYHAND_HOME", Some(""), &["check", "--record", "bash", "ls"]).expect(USAGE).says("--home");
    with("STAYHAND_HOME", Some("relative"), &["check", "--record", "bash", "ls"]).expect(PERMITTED);
    assert!(world.work.join("relative/log.db").exists());
    for home in [None, Some(""), Some("relative")] {
        with("HOME", home, &["check", "bash", "ls"]).expect(USAGE).says("HOME");
    }
    // The specification of these folders asks to ignore relative values.
    with("XDG_STATE_HOME", Some("relative"), &["check", "--record", "bash", "ls"]).expect(PERMITTED);
    assert!(world.home.join(".local/state/stayhand/log.db").exists());
    let elsewhere = world.beside("elsewhere");
    with("XDG_STATE_HOME", elsewhere.to_str(), &["check", "--record", "bash", "ls"]).expect(PERMITTED);
    assert!(elsewhere.join("stayhand/log.db").exists());
}

#[test]
fn streams_that_are_closed_or_full() {
    let world = World::new();
    let shell = |script: &str| {
        let mut command = world.bare("bash");
        command.args(["-c", script, STAYHAND, world.state.to_str().unwrap()]);
        run(command, b"")
    };
    let stayhand = "\"$0\" --home \"$1\"";
    world.run(&["exec", "--", "true"]).expect(PERMITTED);
    shell(&format!("{stayhand} check --batch - <&-")).expect(PERMITTED);
    shell(&format!("{stayhand} exec -- python3 -c 'exec(open(0))' <&-")).expect(NOT_RUN).says("held as");
    shell(&format!("{stayhand} check bash ls >/dev/full"))
        .expect(INTERNAL)
        .says("error:")
        .never_says("backtrace");
    shell(&format!("{stayhand} check bash ls >/dev/full 2>&1")).expect(INTERNAL);
    shell(&format!("{stayhand} exec -- echo hi 2>/dev/full")).expect(PERMITTED).says("hi");
    let line = r#"{"tool":"bash","input":"ls"}"#;
    for producer in [
        format!("yes '{line}' | head -n 20000 | {stayhand} check --batch -"),
        format!("{stayhand} trace tail -f"),
        format!("{stayhand} policy schema"),
        format!("{stayhand} trace export --format json"),
    ] {
        let run = shell(&format!("{producer} | head -c 1 >/dev/null; exit ${{PIPESTATUS[-2]}}"));
        assert!([PERMITTED, 141].contains(&run.code), "{producer}: {run:?}");
        run.never_says("error");
    }
    world.verify();
}
