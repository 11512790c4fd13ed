//! `stayhand doctor` proves every control, and fails when one is broken.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{PERMITTED, REFUSED, World, run};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

/// The names of the controls that are not proven.
fn failing(world: &World) -> Vec<String> {
    let run = world.run(&["--json", "doctor"]);
    let report = run.json();
    let controls = report["controls"].as_array().unwrap();
    let failing = controls.iter().filter(|control| control["proven"] == false);
    let failing: Vec<String> =
        failing.map(|control| control["control"].as_str().unwrap().to_owned()).collect();
    assert_eq!(report["failed"], failing.len());
    assert_eq!(run.code, if failing.is_empty() { PERMITTED } else { REFUSED });
    failing
}

#[test]
fn every_control_is_proven() {
    let world = World::new();
    let run = world.run(&["doctor"]);
    run.expect(PERMITTED).says("0 failed");
    assert!(run.out.lines().filter(|line| line.starts_with('✓')).count() >= 14, "{}", run.out);
    assert_eq!(failing(&world), [""; 0]);
    let mut doctor = world.command(&["--json", "doctor"]);
    doctor.env("DOCKER_HOST", "unix:///nowhere/engine.sock");
    let report: serde_json::Value = serde_json::from_slice(&doctor.output().unwrap().stdout).unwrap();
    assert!(report["containers"]["missing"].as_str().unwrap().contains("/nowhere/engine.sock"), "{report}");
    let controls = report["controls"].as_array().unwrap();
    assert!(controls.iter().all(|control| !control["seen"].as_str().unwrap().is_empty()));
}

/// What is confined and what is not is said where people look, and recorded with each mechanism.
#[test]
fn bypass_77_what_confines_is_said() {
    let world = World::new();
    let report = world.run(&["--json", "doctor"]).json();
    let reached = report["confinement"].as_str().unwrap().to_owned();
    let ladder = report["ladder"].as_array().unwrap();
    assert_eq!(ladder.len(), 3);
    for rung in ladder {
        let mechanisms = rung["mechanisms"].as_array().map_or(0, Vec::len);
        assert!(mechanisms >= 8 || rung["missing"].as_str().is_some_and(|why| !why.is_empty()), "{rung}");
    }
    assert!(
        ["l2", "l3"].contains(&reached.as_str()),
        "this machine confines less than the tests need: {report}"
    );

    // Not asked for: not claimed.
    let policy = world.write("unconfined.yaml", "extends: coding-agent\ndefaults: {confine: none}\n");
    let exec = ["exec", "--policy", policy.to_str().unwrap(), "--", "true"];
    world.run(&exec).expect(PERMITTED).says("nothing was confined");
    let receipt = world.run(&[&["--json"], &exec[..]].concat());
    let receipt: Value = serde_json::from_str(receipt.err.lines().last().unwrap()).unwrap();
    assert_eq!(receipt["confined"], "none");
    assert!(world.events("settled").iter().all(|event| event["confined"] == "none"));

    // Asked for: in force and recorded.
    let run = world.run(&["exec", "--", "touch", "made"]);
    run.expect(PERMITTED).says(&format!("confined at {}", reached.to_uppercase()));
    assert!(world.work.join("made").exists());
    let settled = world.events("settled");
    let boundary = &settled.last().unwrap()["boundary"];
    for mechanism in ["private root", "network namespace", "filter of system calls", "Landlock for files"] {
        assert!(boundary["mechanisms"].as_array().unwrap().contains(&mechanism.into()), "{boundary}");
    }
    world.verify();
}

/// What cannot be confined as asked is not started: a workspace that holds the home folder, a limit that no boundary keeps.
#[test]
fn bypass_79_what_cannot_be_confined_is_not_started() {
    let world = World::new();
    let policy = |name: &str, text: &str| {
        let text = format!("extends: permissive\ndefaults: {{confine: l2}}\n{text}");
        world.write(name, text).display().to_string()
    };
    let pattern = policy("pattern.yaml", "boundaries: {paths: {block: '*.exe'}}\n");
    let run = world.run(&["exec", "--policy", &pattern, "--", "touch", "made"]);
    run.expect(126).says("obligation_unfulfilled").says("*.exe");
    let plain = policy("plain.yaml", "");
    let home = world.work.join("inner/home");
    std::fs::create_dir_all(&home).unwrap();
    let mut command = world.command(&["exec", "--policy", &plain, "--", "touch", "made"]);
    command.env("HOME", &home);
    crate::common::run(command, b"").expect(126).says("obligation_unfulfilled").says("is the home folder");
    assert!(!world.work.join("made").exists());
    world.run(&["exec", "--policy", &plain, "--", "touch", "made"]).expect(PERMITTED);
    assert!(world.work.join("made").exists());
}

/// A gate that is set up and never asked is noticed: the doctor fires a canary through the program as
/// clients start it. The neighbour: a set-up that answers, whatever its policy permits.
#[test]
fn bypass_122_a_canary_is_fired() {
    let world = World::new();
    let seen = |world: &World| {
        let report = world.run(&["--json", "doctor"]).json();
        let controls = report["controls"].as_array().unwrap();
        controls.iter().find(|control| control["control"] == "canary").unwrap().clone()
    };
    assert_eq!(seen(&world)["proven"], true);
    world.user_policy("extends: permissive\n");
    assert_eq!(seen(&world)["proven"], true);
    // Where the program cannot answer for this user, no code is taken for a refusal.
    world.user_policy("rulez: []\n");
    let broken = seen(&world);
    assert_eq!(broken["proven"], false);
    assert!(broken["seen"].as_str().unwrap().contains("code: 2"), "{broken}");
    // The user's own folders count.
    let elsewhere = world.beside("config");
    std::fs::create_dir_all(elsewhere.join("stayhand")).unwrap();
    std::fs::write(elsewhere.join("stayhand/policy.yaml"), "extends: strict\n").unwrap();
    let mut command = world.command(&["--json", "doctor"]);
    command.env("XDG_CONFIG_HOME", &elsewhere);
    let report = run(command, b"").json();
    assert_eq!(report["failed"], 0, "{report}");
}

#[test]
fn an_open_state_folder_fails() {
    let world = World::new();
    std::fs::create_dir(&world.state).unwrap();
    for (mode, fails) in [(0o755, true), (0o770, true), (0o701, true), (0o700, false)] {
        std::fs::set_permissions(&world.state, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(failing(&world), if fails { &["state folder"][..] } else { &[] }, "{mode:o}");
    }
    let shut = world.run(&["doctor"]);
    shut.expect(PERMITTED);
}

#[test]
fn a_state_folder_that_is_a_file_fails() {
    let world = World::new();
    std::fs::write(&world.state, "").unwrap();
    assert_eq!(failing(&world), ["state folder"]);
}

#[test]
fn a_broken_policy_fails() {
    let world = World::new();
    world.user_policy("rulez: []\n");
    let failed = failing(&world);
    assert!(failed.contains(&"policy in force".to_owned()), "{failed:?}");
    world.run(&["doctor"]).expect(REFUSED).says("rulez");
    world.user_policy("extends: coding-agent\n");
    assert_eq!(failing(&world), [""; 0]);
    world.write(".stayhand/policy.yaml", "rules: [{dney: bash}]\n");
    assert!(failing(&world).contains(&"policy in force".to_owned()));
}

#[test]
fn a_policy_that_lets_the_worst_through_fails() {
    let world = World::new();
    world.user_policy("extends: permissive\n");
    assert_eq!(failing(&world), ["refusal"]);
    world.run(&["doctor"]).expect(REFUSED).says("rm -rf /");
    // The neighbour: stricter than the default.
    world.user_policy("extends: strict\n");
    assert_eq!(failing(&world), [""; 0]);
}

#[test]
fn a_missing_temporary_folder_is_an_error_and_not_a_proof() {
    let world = World::new();
    let mut command = world.command(&["doctor"]);
    command.env("TMPDIR", "/nowhere/at/all");
    assert_ne!(run(command, b"").code, PERMITTED);
}

#[test]
fn the_doctor_leaves_nothing_behind() {
    let world = World::new();
    let folder = world.beside("tmp");
    std::fs::create_dir(&folder).unwrap();
    let mut command = world.command(&["doctor"]);
    command.env("TMPDIR", &folder);
    run(command, b"").expect(PERMITTED);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(&world.work).unwrap().count(), 1, "only .git was there");
    assert!(!world.state.join("log.db").exists(), "proofs went into the user's own log");
}
