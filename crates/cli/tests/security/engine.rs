//! The engine used as a library, where a test has to stand between decision and execution.

use crate::common::World;
use serde_json::{Value, json};
use stayhand_core::decision::Layer;
use stayhand_core::event::Outcome;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::wire::{self, Defaults};
use stayhand_runtime::{Clock, Engine, Executed, Local, LocalSettings, Permit, Settings, Verdict};

/// Everything that is not refused by Stayhand itself.
pub(crate) const PERMISSIVE: &str = "extends: permissive\n";

/// An engine on the state folder of a world, under this policy.
pub(crate) fn engine(world: &World, policy: &str) -> Engine {
    std::fs::create_dir_all(&world.state).unwrap();
    let file = world.beside("engine-policy.yaml");
    std::fs::write(&file, policy).unwrap();
    let files = PolicyFiles::default().named(Layer::User, file);
    Engine::open(&world.state, Settings { policy: files, clock: Clock::System, ..Settings::default() })
        .unwrap()
}

/// Asks for an action.
pub(crate) fn ask(world: &World, engine: &Engine, tool: &str, input: Value) -> Verdict {
    let defaults = Defaults::new(world.work.to_str().unwrap(), world.home.to_str().unwrap());
    let line = json!({"tool": tool, "input": input}).to_string();
    engine.authorize(wire::request(line.as_bytes(), &defaults).unwrap()).unwrap()
}

/// Asks for an action that must be permitted.
#[track_caller]
pub(crate) fn permit(world: &World, engine: &Engine, tool: &str, input: Value) -> Permit {
    match ask(world, engine, tool, input) {
        Verdict::Permitted(permit) => permit,
        other => panic!("not permitted: {other:?}"),
    }
}

/// Executes on this machine.
pub(crate) fn execute(engine: &Engine, permit: Permit) -> Executed {
    engine.execute(permit, &Local::new(LocalSettings::default())).unwrap()
}

/// Bypass 17 and 24: a command is run as it was judged, in the folder it names and never without
/// the variables it names.
#[test]
fn bypass_17_arguments_beside_the_command_are_not_dropped() {
    let world = World::new();
    let engine = engine(&world, PERMISSIVE);
    std::fs::create_dir(world.work.join("sub")).unwrap();
    for beside in [json!({"env": {"CI": "1"}}), json!({"env": ["A=b"]}), json!({"stdin": "y\n"})] {
        for (tool, field, value) in
            [("bash", "command", json!("touch made")), ("exec", "argv", json!(["touch", "made"]))]
        {
            let mut input = beside.clone();
            input[field] = value;
            let done = execute(&engine, permit(&world, &engine, tool, input));
            assert!(matches!(done.outcome, Outcome::Failed { .. }), "{beside}: {:?}", done.outcome);
        }
    }
    assert!(!world.work.join("made").exists());
    let there = json!({"command": "touch made", "cwd": "sub", "env": {}, "description": "x"});
    let done = execute(&engine, permit(&world, &engine, "bash", there));
    assert_eq!(done.outcome, Outcome::Exit { code: 0 });
    assert!(world.work.join("sub/made").exists() && !world.work.join("made").exists());
}

/// The permit of one engine is worth nothing in another, not even after a restart on the same log.
#[test]
fn bypass_126_nothing_runs_without_a_permit_of_the_very_engine() {
    let world = World::new();
    let one = engine(&world, PERMISSIVE);
    let input = || json!({"path": "made", "content": "x"});
    let foreign = permit(&world, &one, "write_file", input());
    let other = engine(&world, PERMISSIVE);
    let done = execute(&other, foreign);
    assert!(matches!(done.outcome, Outcome::Abandoned { .. }), "{:?}", done.outcome);
    assert!(!world.work.join("made").exists());
    let own = permit(&world, &other, "write_file", input());
    assert_eq!(execute(&other, own).outcome, Outcome::Done);
    assert!(world.work.join("made").exists());
    drop((one, other));
    world.verify();
}
