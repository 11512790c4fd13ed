//! `stayhand incidents` and `stayhand context`, and loops that are stopped.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{NOT_RUN, PERMITTED, REFUSED, USAGE, World};
use serde_json::json;
use std::path::PathBuf;

const POLICY: &str = "rules: [{allow: [bash, exec]}]
failures:
  - {on: repeat, times: 3, do: warn}
  - {on: repeat, times: 5, do: deny}
  - {on: retries, times: 2, do: deny}
";

/// Bypass 156: a loop of successful repeats is stopped, in other processes too; another action still runs.
#[test]
fn bypass_156_a_successful_loop_is_stopped() {
    let world = World::new();
    world.user_policy(POLICY);
    for _ in 0..4 {
        world.run(&["exec", "echo the same"]).expect(PERMITTED);
    }
    world
        .run(&["exec", "echo the same"])
        .expect(NOT_RUN)
        .says("Same action repeated 5 times: bash {\"command\":\"echo the same\"}");
    world.run(&["exec", "echo another"]).expect(PERMITTED);
    world.run(&["exec", "--session", "b", "echo the same"]).expect(PERMITTED);
    let shown = world.run(&["--json", "incidents"]).expect(PERMITTED).json();
    assert_eq!(shown["statistics"]["by_failure_mode"], json!({ "infinite_loop": 2 }));
    assert_eq!(shown["statistics"]["prevented_incidents"], 1);
    assert_eq!(shown["incidents"][0]["mitigation"], "warned");
    assert_eq!(shown["incidents"][1]["mitigation"], "refused");
    world
        .run(&["incidents"])
        .expect(PERMITTED)
        .says("2 incidents, 1 prevented (50.0 %), most of them infinite_loop");
    world.verify();
}

/// Y093: failed attempts are counted over restarts.
#[test]
fn y093_retries_end() {
    let world = World::new();
    world.user_policy(POLICY);
    for _ in 0..2 {
        world.run(&["exec", "ls /nowhere"]).never_says("Action repeated");
    }
    world.run(&["exec", "ls /nowhere"]).expect(NOT_RUN).says("Action repeated 3 times");
}

#[test]
fn nothing_failed_is_said_so() {
    let world = World::new();
    world.run(&["incidents"]).expect(PERMITTED).says("nothing was found to fail");
    let shown = world.run(&["--json", "incidents"]).expect(PERMITTED).json();
    assert_eq!(shown, json!({ "incidents": [], "statistics": { "total_incidents": 0 } }));
}

/// Steps of a file are decided in order, each with the result of those before it. Nothing is kept.
#[test]
fn steps_of_a_file_are_tried() {
    let world = World::new();
    world.user_policy(POLICY);
    let step = |id: u32, command: &str, result: serde_json::Value| {
        json!({ "id": id, "tool": "bash", "input": { "command": command }, "result": result }).to_string()
    };
    let lines = [
        step(1, "date", json!("x")),
        step(2, "date", json!("x")),
        step(3, "date", json!("x")),
        step(4, "ls", json!({ "failed": "no" })),
        step(5, "ls", json!({ "failed": "no" })),
        step(6, "ls", json!("files")),
        "not json".to_owned(),
    ];
    let run = world.feed(&["incidents", "--steps", "-"], lines.join("\n"));
    let answers = run.expect(USAGE).json_lines();
    let signs = |answer: &serde_json::Value| {
        let signs = answer["signs"].as_array().into_iter().flatten();
        signs.map(|sign| sign["sign"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let signs: Vec<_> = answers.iter().map(signs).collect();
    assert_eq!(signs, ["", "", "repeat", "", "", "repeat retries", ""]);
    assert_eq!((&answers[2]["effect"], &answers[5]["effect"]), (&json!("allow"), &json!("deny")));
    assert!(answers[6]["error"].is_string());
    assert!(!world.state.exists());
}

/// The file of a version of the agent `a`.
fn file_of(world: &World, version: u32) -> PathBuf {
    let folder = std::fs::read_dir(world.state.join("contexts")).unwrap().next().unwrap().unwrap().path();
    folder.join(format!("{version}.json"))
}

/// G-10, Y147, Y148: round trip, versions, and a corrupt file that names the previous one.
#[test]
fn g_10_contexts_are_saved_and_restored() {
    let world = World::new();
    let context = |step: &str| json!({ "task_goal": "g", "current_step": step, "completed_steps": [] });
    for (version, step) in ["one", "two", "three"].iter().enumerate() {
        let saved = world.feed(&["--json", "context", "save", "a", "-"], context(step).to_string());
        assert_eq!(saved.expect(PERMITTED).json()["version"], version + 1);
    }
    assert_eq!(world.run(&["context", "restore", "a"]).expect(PERMITTED).json(), context("three"));
    let old = world.run(&["--json", "context", "restore", "a", "1"]).expect(PERMITTED).json();
    assert_eq!(
        (&old["context"], &old["agent_id"], &old["version"]),
        (&context("one"), &json!("a"), &json!(1))
    );
    world.run(&["context", "verify", "a"]).expect(PERMITTED).says("sound");

    let text = std::fs::read_to_string(file_of(&world, 3)).unwrap();
    std::fs::write(file_of(&world, 3), text.replace("three", "threw")).unwrap();
    std::fs::remove_file(file_of(&world, 2)).unwrap();
    world
        .run(&["context", "restore", "a"])
        .expect(REFUSED)
        .says("version 3 is corrupt: the file is not what was saved")
        .says("version 1 is sound");
    let verified = world.run(&["--json", "context", "verify", "a"]).expect(REFUSED).json();
    let sound: Vec<_> = verified.as_array().unwrap().iter().map(|version| version["sound"].clone()).collect();
    assert_eq!(sound, [json!(false), json!(false), json!(true)]);
    world.verify();
}

/// G-10: agents are apart, whatever their names hold; what cannot be kept safely is refused.
#[test]
fn g_10_bad_contexts_are_refused() {
    let world = World::new();
    world.feed(&["context", "save", "../../x", "-"], "{}").expect(PERMITTED).says("warning");
    world.run(&["context", "restore", "x"]).expect(REFUSED).says("no such context was saved");
    assert_eq!(world.run(&["context", "restore", "../../x"]).expect(PERMITTED).json(), json!({}));
    world.run(&["context", "restore", "../../x", "2"]).expect(REFUSED);
    world.feed(&["context", "save", "a", "-"], "no json").expect(USAGE).says("the context is not JSON");
    let secret = json!({ "key": format!("AKIA{}", "IOSFODNN7EXAMPLQ") }).to_string();
    world.feed(&["context", "save", "a", "-"], secret).expect(USAGE).says("holds a secret");
    let large = json!("x".repeat(1 << 20)).to_string();
    world.feed(&["context", "save", "a", "-"], large).expect(USAGE).says("1048576 bytes");
    assert!(!world.beside("x").exists());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(world.state.join("contexts")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
}

/// A261: actions that end well and print nothing are no standstill, other than those that print the same.
#[test]
fn a261_silence_is_no_standstill() {
    let world = World::new();
    world.user_policy("rules: [{allow: [bash, exec]}]\nfailures: [{on: no_progress, times: 5, do: deny}]");
    for number in 0..7 {
        world.run(&["exec", &format!("test {number} -ge 0")]).expect(PERMITTED);
    }
    for number in 0..5 {
        world
            .run(&["exec", "--session", "b", &format!("test {number} -ge 0 && echo ready")])
            .expect(PERMITTED);
    }
    world.run(&["exec", "--session", "b", "echo ready"]).expect(NOT_RUN).says("No progress detected");
}
