//! `stayhand run`: the example agent does its honest work and nothing else.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod common;

use common::*;
use std::path::Path;
use std::process::Command;

/// A workspace with the example agent in it, as in a clone of this project.
fn with_agent() -> World {
    let world = World::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/agent");
    let to = world.work.join("examples/agent");
    std::fs::create_dir_all(to.join("sample")).unwrap();
    for name in ["agent.sh", "sample/shop.py", "sample/test_shop.py", "sample/NOTES.md"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let made = Command::new("git").args(["init", "-q", "."]).current_dir(&world.work).status().unwrap();
    assert!(made.success());
    world
}

const AGENT: &[&str] = &["run", "--", "./examples/agent/agent.sh"];

#[test]
fn the_example_agent() {
    let world = with_agent();
    let run = world.run(AGENT);
    run.expect(PERMITTED).says("confined").says("refused").says("records, root");
    // The honest work is in the workspace.
    let work = world.work.join("examples/agent/work");
    assert!(std::fs::read_to_string(work.join("shop.py")).unwrap().contains("- discount"));
    assert!(run.out.contains("Subtract the discount") && run.out.contains("OK"), "{run:?}");
    // The rest is not: refused before it started, or by the kernel.
    for refused in ["cat ", "curl ", "rm -rf --no-preserve-root /"] {
        run.says(&format!("stayhand: refused: {refused}"));
    }
    assert!(!run.out.contains("went through"), "{run:?}");
    assert!(
        run.out.contains("Network is unreachable") && run.out.contains("Read-only file system"),
        "{run:?}"
    );
    assert!(!world.work.join(".git/hooks/pre-commit").exists());
    assert!(!Path::new("/usr/bin/planted").exists());
    let hidden = Command::new("pgrep").args(["-f", "hidden-away"]).output().unwrap();
    assert!(hidden.stdout.is_empty(), "it lives on");

    // Every start is in the log, with who started it, and can be decided again.
    let starts = world.events("decided");
    let inside = starts.iter().filter(|event| event["request"]["context"]["started_by"].is_u64()).count();
    assert!(inside > 10, "{inside} of {}", starts.len());
    let settled = world.events("settled");
    let whole = settled.last().unwrap();
    assert!(["l2", "l3"].contains(&whole["confined"].as_str().unwrap()), "{whole}");
    assert!(whole["boundary"]["mechanisms"].as_array().unwrap().contains(&"program watch".into()));
    world.verify();
    world.run(&["replay"]).expect(PERMITTED);
}

/// What a policy refuses to the agent it refuses to what the agent starts, and nothing starts that nobody could decide about.
#[test]
fn what_is_refused_inside() {
    let world = World::new();
    world.user_policy(
        "extends: coding-agent\nrules:\n  - {name: no_listing, deny: exec, when: {program: ls}, reason: not today}\n",
    );
    std::fs::write(world.work.join("go.sh"), "ls\n/bin/ls\nenv ls\necho *\nbash -c 'exec ls'\ntrue\n")
        .unwrap();
    let run = world.run(&["run", "--", "bash", "go.sh"]);
    run.expect(PERMITTED);
    assert_eq!(run.out, "go.sh\n");
    assert!(run.err.matches("not today").count() >= 3, "{run:?}");
    // Its own program is decided about before anything else.
    world.run(&["run", "--", "ls"]).expect(126).says("not today");
}

/// The exit code is the program's, and its time is limited.
#[test]
fn how_it_ends() {
    let world = World::new();
    assert_eq!(world.run(&["run", "--", "bash", "-c", "exit 7"]).code, 7);
    let run = world.run(&["run", "--time", "0.5", "--", "sleep", "60"]);
    run.expect(124).says("wall-clock");
    world.run(&["run", "--", "./nothing-here"]).says("cannot run");
    world.run(&["run", "--time", "-1", "--", "true"]).expect(2);
    world.verify();
}

#[test]
fn a_summary_for_programs() {
    let world = World::new();
    let run = world.run(&["--json", "run", "--", "bash", "-c", "echo x > made; true; /bin/true"]);
    run.expect(PERMITTED);
    let summary: serde_json::Value = serde_json::from_str(run.err.lines().last().unwrap()).unwrap();
    assert_eq!(summary["changes"]["created"], serde_json::json!(["made"]));
    assert_eq!(summary["started"]["true"], 1);
    assert_eq!(summary["outcome"]["code"], 0);
}

/// A run needs a sandbox: whatever cannot be confined does not run at all.
#[test]
fn a_home_that_would_be_writable() {
    let world = World::new();
    let mut command = world.command(&["run", "--", "touch", "made"]);
    command.env("HOME", &world.work);
    run(command, b"").expect(126).says("is the home folder");
    assert!(!world.work.join("made").exists());
}
