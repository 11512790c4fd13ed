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
    let report = world.run(&["--json", "doctor"]).json();
    let controls = report["controls"].as_array().unwrap();
    assert!(controls.iter().all(|control| !control["seen"].as_str().unwrap().is_empty()));
}

/// Nothing is confined in this version, and that is said where people look.
#[test]
fn bypass_77_the_missing_confinement_is_said() {
    let world = World::new();
    world.run(&["doctor"]).expect(PERMITTED).says("confines nothing");
    assert_eq!(world.run(&["--json", "doctor"]).json()["confinement"], "none");
    world.run(&["exec", "--", "true"]).expect(PERMITTED).says("nothing was confined");
    let receipt = world.run(&["--json", "exec", "--", "true"]);
    let receipt: Value = serde_json::from_str(receipt.err.lines().last().unwrap()).unwrap();
    assert_eq!(receipt["confined"], "none");
    assert!(world.events("settled").iter().all(|event| event["confined"] == "none"));
    // A policy that asks for a level that is not there is not met halfway.
    let policy = world.write("confined.yaml", "extends: coding-agent\ndefaults: {confine: l2}\n");
    let run = world.run(&["exec", "--policy", policy.to_str().unwrap(), "--", "touch", "made"]);
    assert_ne!(run.code, PERMITTED, "{run:?}");
    assert!(!world.work.join("made").exists());
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
