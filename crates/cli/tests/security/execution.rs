//! Programs: what they are given, what they may use up, what becomes of them.

use crate::common::{HELD, NOT_RUN, PERMITTED, REFUSED, Running, STAYHAND, STOPPED, World, run, wait_until};
use serde_json::json;
use std::time::Duration;

/// What was judged is what runs: words are not parsed a second time.
#[test]
fn bypass_24_the_judged_words_are_the_executed_words() {
    let world = World::new();
    for words in [
        &["$(touch made)", ";touch made", "`touch made`", "*", "~", "a b", "", "\\", "'", "\"", "-n"][..],
        &["&&", "touch", "made"],
        &["\n", "touch made"],
    ] {
        let run = world.run(&[&["exec", "--", "printf", "[%s]"], words].concat());
        let expected: String = words.iter().map(|word| format!("[{word}]")).collect();
        assert_eq!(run.expect(PERMITTED).out, expected);
    }
    let line = r#"printf '[%s]' 'a b' $'c\td' e\ f "g"h {1,2} "" "$(echo i)""#;
    let run = world.run(&["exec", line]);
    if run.code == PERMITTED {
        assert_eq!(run.out, "[a b][c\td][e f][gh][1][2][][i]");
    } else {
        run.expect(NOT_RUN).says("held as");
    }
    assert_eq!(
        world.run(&["exec", r#"printf '[%s]' 'a b' e\ f "g"h ''"#]).expect(PERMITTED).out,
        "[a b][e f][gh][]"
    );
    // One parser's separator, another's text: not understood.
    for line in ["echo a\rtouch made", "echo \u{1}touch made", "echo a\u{b}touch made"] {
        assert_eq!(world.run(&["exec", line]).code, NOT_RUN, "{line:?}");
    }
    assert!(!world.work.join("made").exists());
}

#[test]
fn bypass_87_programs_see_an_environment_of_their_own() {
    let world = World::new();
    // Who prints a whole environment is asked; here the policy permits it.
    let policy = world.write("env.yaml", "rules: [{name: all, allow: '*'}]\n");
    let mut command = world.command(&["exec", "--policy", policy.to_str().unwrap(), "--", "env"]);
    let secrets = [
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "ANTHROPIC_API_KEY",
        "SSH_AUTH_SOCK",
        "STAYHAND_HOME",
        "BASH_ENV",
        "LD_PRELOAD_X",
        "GIT_DIR",
        "PYTHONPATH",
    ];
    command
        .envs(secrets.map(|name| (name, "parents-secret")))
        .env("LANG", "C.UTF-8")
        .env("BASH_ENV", world.write("env.sh", "touch made"));
    let seen = run(command, b"");
    seen.expect(PERMITTED).never_says("parents-secret").says("PATH=").says("LANG=C.UTF-8").says("HOME=");
    assert!(secrets.iter().all(|name| !seen.out.contains(name)), "{}", seen.out);
    let mut command = world.command(&["exec", "echo $HOME and more"]);
    command.env("BASH_ENV", world.work.join("env.sh"));
    run(command, b"").expect(PERMITTED);
    assert!(!world.work.join("made").exists(), "the shell ran a start-up file");
}

/// A file that Stayhand's own parent left open is not for the program. The neighbour: a shell
/// started the same way without Stayhand reads it.
#[test]
fn bypass_91_inherited_descriptors_stay_behind() {
    let world = World::new();
    let policy = limited(&world, 20.0);
    let secret = world.beside("secret.txt");
    std::fs::write(&secret, "leaked").unwrap();
    let with_descriptor = |script: &str| {
        let mut command = world.bare("bash");
        let state = world.state.to_str().unwrap();
        let script = format!("exec 9<\"$0\" 27<\"$0\"; {script}");
        command.args(["-c", &script, secret.to_str().unwrap(), STAYHAND, state, &policy]);
        run(command, b"")
    };
    let inside = "bash -c 'cat <&9; cat <&27'";
    assert_eq!(with_descriptor(inside).expect(PERMITTED).out, "leakedleaked");
    let stayhand = "\"$1\" --home \"$2\" exec --policy \"$3\"";
    let run = with_descriptor(&format!("{stayhand} \"cat <&9; cat <&27\""));
    assert_ne!(run.code, PERMITTED, "{run:?}");
    run.says("Bad file descriptor").never_says("leaked");
    let listed = with_descriptor(&format!("{stayhand} -- ls /proc/self/fd"));
    // The three streams, and the folder that is being listed.
    assert_eq!(listed.expect(PERMITTED).out, "0\n1\n2\n3\n");
}

fn limited(world: &World, seconds: f64) -> String {
    let text = format!("extends: permissive\nboundaries: {{time: {{max_execution_s: {seconds}}}}}\n");
    world.write("limited.yaml", text).display().to_string()
}

/// Whether some process has this word among its arguments.
fn is_running(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| line.split(|byte| *byte == 0).any(|found| found == word.as_bytes()))
}

/// The whole group ends with its leader, also what was put into the background.
#[test]
fn bypass_97_a_time_limit_ends_background_children_too() {
    let world = World::new();
    let policy = limited(&world, 1.0);
    let line = "sleep 86411 & (sleep 86412 & sleep 86413) & sleep 86414";
    let stopped = world.run(&["exec", "--policy", &policy, line]);
    stopped.expect(STOPPED).says("stopped: ");
    assert!(stopped.took < Duration::from_secs(5), "{:?}", stopped.took);
    for word in ["86411", "86412", "86413", "86414"] {
        wait_until("the sleepers end", || !is_running(word));
    }
    let left = world.run(&["exec", "--policy", &policy, "sleep 86415 & echo done"]);
    assert_eq!(left.expect(PERMITTED).out, "done\n");
    assert!(
        left.took < Duration::from_secs(5),
        "a child in the background held the result back: {:?}",
        left.took
    );
    wait_until("the sleeper ends", || !is_running("86415"));
    let outcome = &world.events("settled")[0]["outcome"];
    assert_eq!(outcome["kind"], "stopped");
    world.verify();
}

/// X-01, A120, A212.
#[test]
fn p088_a_time_limit_stops_the_program() {
    let world = World::new();
    let short = limited(&world, 0.05);
    let run = world.run(&["exec", "--policy", &short, "sleep 10; touch made"]);
    run.expect(STOPPED);
    assert!(run.took < Duration::from_secs(2), "{:?}", run.took);
    assert!(!world.work.join("made").exists());
    let long = limited(&world, 20.0);
    world.run(&["exec", "--policy", &long, "sleep 0.4"]).expect(PERMITTED);
    let zero = limited(&world, 0.0);
    assert_ne!(world.run(&["exec", "--policy", &zero, "sleep 0.4"]).code, PERMITTED, "zero is a limit");
}

#[test]
fn bypass_100_endless_output_is_kept_in_part() {
    let world = World::new();
    let policy = limited(&world, 2.0);
    let endless = world.run(&["exec", "--policy", &policy, "--", "yes", "endless"]);
    endless.expect(STOPPED).says("more bytes were not kept");
    assert!(endless.out.len() < 2 << 20, "{} bytes", endless.out.len());
    let both = world.run(&[
        "exec",
        "--policy",
        &policy,
        "head -c 30000000 /dev/zero; head -c 30000000 /dev/zero >&2",
    ]);
    both.expect(PERMITTED);
    assert!(both.out.len() + both.err.len() < 3 << 20, "{} and {}", both.out.len(), both.err.len());
    let small = world.run(&["exec", "--", "seq", "20000"]);
    assert_eq!(small.expect(PERMITTED).out.lines().count(), 20000);
    assert!(
        crate::common::contains(&world.state_bytes(), "yes") && world.state_bytes().len() < 1 << 20,
        "output is not stored"
    );
}

#[test]
fn the_programs_own_code_is_passed_on() {
    let world = World::new();
    for (line, code) in
        [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("ls /nowhere/at/all", 2)]
    {
        let policy = limited(&world, 20.0);
        let run = world.run(&["exec", "--policy", &policy, line]);
        assert_eq!(run.code, code, "{line}: {run:?}");
    }
    world.run(&["exec", "--", "no-such-program-at-all"]).never_says("panicked");
}

/// Killed while a program runs: nobody runs it again, and the log says that nobody knows.
#[test]
fn bypass_128_nothing_is_run_again_after_a_crash() {
    let world = World::new();
    let policy = limited(&world, 30.0);
    let line = "echo ran >> ran.txt; sleep 86421";
    let running = Running::start(world.command(&["exec", "--policy", &policy, line]), Vec::new());
    let ran = || std::fs::read_to_string(world.work.join("ran.txt")).unwrap_or_default();
    wait_until("the program runs", || !ran().is_empty());
    let id = running.id().to_string();
    world.bare("kill").args(["-9", &id]).status().unwrap();
    assert_eq!(running.finish_alone().code, 137);
    for _ in 0..3 {
        world.run(&["exec", "--", "true"]).expect(PERMITTED);
    }
    assert_eq!(ran(), "ran\n");
    let decided = world
        .records()
        .into_iter()
        .find(|record| record["event"]["request"]["resource"]["command"] == line)
        .unwrap();
    let doubts = world.events("in_doubt");
    assert_eq!(
        doubts,
        [json!({"type": "in_doubt", "decision": decided["seq"]})],
        "once, and about this decision"
    );
    assert!(world.events("settled").iter().all(|settled| settled["decision"] != decided["seq"]));
    world.verify();
    world.run(&["replay"]);
    // The sleeper outlived its executor: this version confines nothing. End it by its own id.
    for process in std::fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        if words == b"sleep\x0086421\0" {
            let _ = world.bare("kill").arg(process.file_name()).status();
        }
    }
}

/// An asked-for thing is decided anew each time, and settled once.
#[test]
fn bypass_149_every_execution_has_its_own_decision() {
    let world = World::new();
    for _ in 0..3 {
        world.run(&["exec", "--", "true"]).expect(PERMITTED);
    }
    world.run(&["exec", "--", "rm", "-rf", "/"]).expect(NOT_RUN);
    let (decided, settled) = (world.events("decided"), world.events("settled"));
    assert_eq!((decided.len(), settled.len()), (4, 3));
    let of: std::collections::BTreeSet<u64> =
        settled.iter().map(|event| event["decision"].as_u64().unwrap()).collect();
    assert_eq!(of.len(), 3);
}

/// No record, no action. The neighbour: with room for the record it runs.
#[test]
fn bypass_167_what_cannot_be_recorded_is_not_executed() {
    let world = World::new();
    world.run(&["exec", "--", "true"]).expect(PERMITTED);
    let log = std::fs::metadata(world.state.join("log.db")).unwrap().len() / 1024;
    let mut before = 1;
    for kibibytes in [0, 1, 4, log / 2, log, log * 2] {
        let mut command = world.bare("bash");
        let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$@\"");
        command.args([
            "-c",
            &script,
            "-",
            STAYHAND,
            "--home",
            world.state.to_str().unwrap(),
            "exec",
            "--",
            "mkdir",
            "made",
        ]);
        let run = run(command, b"");
        // It ran only where its decision was recorded; whether its end could be is another matter.
        let made = world.work.join("made").exists();
        let decided = world.events("decided").len();
        assert!(!made || decided > before, "{kibibytes} KiB: it ran without a record: {run:?}");
        assert!(made || run.code != PERMITTED, "{kibibytes} KiB: {run:?}");
        before = decided;
        if made {
            std::fs::remove_dir(world.work.join("made")).unwrap();
        }
    }
    world.run(&["exec", "--", "mkdir", "made"]).expect(PERMITTED);
    assert!(world.work.join("made").exists());
    world.verify();
}

/// A121: a limit that nothing can stay under is not ignored: the action is not started.
#[test]
fn bypass_79_a_limit_nobody_keeps_is_not_accepted() {
    let world = World::new();
    let none = "extends: permissive\nboundaries:\n  resources: {max_memory_mb: 0}\n";
    let policy = world.write("limits.yaml", none);
    let run = world.run(&["exec", "--policy", policy.to_str().unwrap(), "--", "touch", "made"]);
    run.expect(NOT_RUN).says("obligation_unfulfilled");
    assert!(!world.work.join("made").exists());
    let policy = limited(&world, 5.0);
    world.run(&["exec", "--policy", &policy, "--", "touch", "made"]).expect(PERMITTED);
}

#[test]
fn p096_a_number_that_is_none_is_not_below_a_limit() {
    let world = World::new();
    let policy = world.write("policy.yaml", "extends: permissive\nrules:\n  - {name: memory, deny: '*', when: {context: {memory_mb: {over: 10}}}}\ndefaults: {undecided: deny}\n");
    let decide = |value: &str| {
        let line = format!("{{\"tool\":\"bash\",\"input\":\"ls\",\"context\":{{\"memory_mb\":{value}}}}}\n");
        world
            .feed(&["check", "--policy", policy.to_str().unwrap(), "--batch", "-"], line)
            .json_lines()
            .remove(0)
    };
    for value in ["\"NaN\"", "null", "[]", "11", "1e300"] {
        assert_eq!(decide(value)["effect"], "deny", "{value}");
    }
    assert!(decide("NaN")["error"].is_string());
    assert_eq!(decide("9")["effect"], "allow");
}

/// The codes of `check` for the tools nobody executes here.
#[test]
fn bypass_112_another_spelling_of_a_name_is_another_tool() {
    let world = World::new();
    for name in ["BASH", "bash ", " bash", "bаsh", "bash\u{200b}", "Bash\n", "../bash", "mcp__bash"] {
        let run = world.run(&["check", name, "{\"command\":\"ls\"}"]);
        assert_ne!(run.code, PERMITTED, "{name:?}: {run:?}");
    }
    world.run(&["check", "bash", "ls"]).expect(PERMITTED);
    assert_eq!(world.run(&["check", "mcp__x__bash", "{\"command\":\"rm -rf /\"}"]).code, REFUSED);
    assert_eq!(world.run(&["check", "mcp__x__bash", "{\"command\":\"ls\"}"]).code, HELD);
}
