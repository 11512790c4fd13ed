//! The example of runaway agents: which layer stops each of them, and at which step; beside each the same agent
//! under the policy without that layer, which nothing stops.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

#[path = "../../../examples/runaway/agents.rs"]
mod agents;

use agents::world::{Answer, Run, World};
use stayhand_core::control::money::Money;
use stayhand_core::state::State;

/// A world under the example's policy without these sections.
fn world_without(sections: &[&str]) -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path(), &without(sections)).unwrap();
    (folder, world)
}

/// The example's policy without these sections, which must be in it.
fn without(sections: &[&str]) -> String {
    for section in sections {
        assert!(agents::POLICY.contains(&format!("\n{section}:")), "{section}");
    }
    let mut dropped = false;
    let kept = agents::POLICY.lines().filter(|line| {
        if !line.starts_with([' ', '#']) && !line.is_empty() {
            dropped = sections.iter().any(|section| line.starts_with(&format!("{section}:")));
        }
        !dropped
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// A group of steps that were answered alike: its first and last step, the answer, the layer and the reason code.
type Turn = (u32, u32, Answer, &'static str, &'static str);

fn turns(run: &Run) -> Vec<Turn> {
    let ends = run.turns().map(|turn| (turn.first().unwrap(), turn.last().unwrap()));
    ends.map(|(first, last)| (first.number, last.number, first.answer, first.layer, first.reason)).collect()
}

fn spent(world: &World) -> Money {
    world.engine.refreshed(|state, _| state.ledger().all().total().money).unwrap()
}

/// The first call of `loop` whose reserve no longer fits into a dollar, and what was spent before it, in nano-dollars.
fn by_hand() -> (u32, u64) {
    let (input, output) = (2_500, 10_000);
    let mut spent = 0;
    let mut number = 1;
    while spent + 2000 * number * input + 1000 * output <= 1_000_000_000 {
        spent += 2000 * number * input + 600 * output;
        number += 1;
    }
    (u32::try_from(number).unwrap(), spent)
}

/// A269b, A270: the budget refuses the call that might cross it, before it is made, and every later one.
#[test]
fn a270_the_budget_stops_the_loop() {
    let (_folder, world) = world_without(&[]);
    let run = agents::looping(&world).unwrap();
    assert_eq!(
        turns(&run),
        [(1, 18, Answer::Ran, "", ""), (19, 25, Answer::Refused, "budget", "budget_exceeded")]
    );
    let refused = run.steps.iter().find(|step| step.answer == Answer::Refused).unwrap();
    assert_eq!(refused.wanted, "ask a model, 38000 tokens");
    assert!(refused.why.contains("used $0.963, requested $0.105"), "{}", refused.why);
    assert_eq!((refused.number, spent(&world).0), by_hand());
    assert_eq!(spent(&world), Money(963_000_000));
}

/// A270's neighbour.
#[test]
fn a270_without_a_budget_the_loop_goes_on() {
    let (_folder, world) = world_without(&["budgets"]);
    let run = agents::looping(&world).unwrap();
    assert_eq!(turns(&run), [(1, 25, Answer::Ran, "", "")]);
    assert!(spent(&world) > Money(1_000_000_000));
}

/// A021, A025, A026: the fourth failure opens the circuit. The trial call after a minute fails, the one after two more
/// does not, and the second success closes.
#[test]
fn a021_the_breaker_leaves_the_service_alone() {
    let (_folder, world) = world_without(&[]);
    let run = agents::flaky(&world).unwrap();
    let open = |from, to| (from, to, Answer::Refused, "breaker", "circuit_open");
    assert_eq!(
        turns(&run),
        [
            (1, 6, Answer::Ran, "", ""),
            (7, 10, Answer::Failed, "", ""),
            open(11, 15),
            (16, 16, Answer::Failed, "", ""),
            open(17, 27),
            (28, 32, Answer::Ran, "", ""),
        ]
    );
    let moves = |state: &State| -> Vec<String> {
        state
            .breakers()
            .moves()
            .map(|moved| moved.line.replace("[CIRCUIT BREAKER] services/host:rates.example.com: ", ""))
            .collect()
    };
    assert_eq!(
        world.engine.refreshed(|state, _| moves(state)).unwrap(),
        [
            "OPEN (failures: 4)",
            "HALF_OPEN (testing recovery)",
            "OPEN (failures: 4)",
            "HALF_OPEN (testing recovery)",
            "CLOSED (recovered)",
        ]
    );
}

/// A021's neighbour.
#[test]
fn a021_without_a_breaker_the_dead_service_is_called_on() {
    let (_folder, world) = world_without(&["breakers"]);
    let run = agents::flaky(&world).unwrap();
    let expected =
        [(1, 6, Answer::Ran, "", ""), (7, 20, Answer::Failed, "", ""), (21, 32, Answer::Ran, "", "")];
    assert_eq!(turns(&run), expected);
}

/// A099: the first and second large order wait for a person, the third pauses the agent, and then ordinary ones do not
/// run either.
#[test]
fn a099_the_anomaly_stops_the_burst() {
    let (_folder, world) = world_without(&[]);
    let run = agents::burst(&world).unwrap();
    assert_eq!(
        turns(&run),
        [
            (1, 40, Answer::Ran, "", ""),
            (41, 42, Answer::Held, "anomaly", "anomaly_found"),
            (43, 43, Answer::Refused, "anomaly", "anomaly_alert"),
            (44, 45, Answer::Refused, "switch", "system_paused"),
        ]
    );
    assert!(run.steps.iter().filter(|step| step.layer == "anomaly").all(|step| step.subject == "value"));
}

/// N-02: a ramp whose steps are each within what is usual is a drift.
#[test]
fn n_02_the_drift_stops_the_ramp() {
    let (_folder, world) = world_without(&[]);
    agents::burst(&world).unwrap();
    let run = agents::ramp(&world).unwrap();
    let found = |from, to| (from, to, Answer::Held, "anomaly", "anomaly_found");
    assert_eq!(
        turns(&run),
        [
            (46, 106, Answer::Ran, "", ""),
            found(107, 107),
            (108, 108, Answer::Ran, "", ""),
            found(109, 110),
            (111, 111, Answer::Refused, "anomaly", "anomaly_alert"),
            (112, 165, Answer::Refused, "switch", "system_paused"),
        ]
    );
    assert!(run.steps.iter().filter(|step| step.layer == "anomaly").all(|step| step.subject == "drift"));
}

/// A099's and N-02's neighbour.
#[test]
fn a099_n_02_without_the_anomalies_nothing_stops_burst_and_ramp() {
    let (_folder, world) = world_without(&["anomaly"]);
    assert_eq!(turns(&agents::burst(&world).unwrap()), [(1, 45, Answer::Ran, "", "")]);
    assert_eq!(turns(&agents::ramp(&world).unwrap()), [(46, 165, Answer::Ran, "", "")]);
}

/// The z-score of `value` follows the ramp and sees nothing: it is the drift alone that is found.
#[test]
fn n_02_without_the_drift_nothing_stops_the_ramp() {
    let folder = tempfile::tempdir().unwrap();
    let policy = agents::POLICY.replace(", drift: 1", "");
    assert_ne!(policy, agents::POLICY);
    let world = World::open(folder.path(), &policy).unwrap();
    agents::burst(&world).unwrap();
    assert_eq!(turns(&agents::ramp(&world).unwrap()), [(46, 165, Answer::Ran, "", "")]);
}

/// The example's own expectations hold, and what happened is in the log.
#[test]
fn all_of_it_is_in_the_log() {
    let (_folder, world) = world_without(&[]);
    let runs = agents::all(&world).unwrap();
    let stopped =
        runs.each_ref().map(|run| run.stopped().map(|(layer, step)| (run.name, layer, step)).unwrap());
    assert_eq!(stopped, agents::EXPECTED);
    let steps: usize = runs.iter().map(|run| run.steps.len()).sum();
    let report = world.engine.reader().unwrap().verify(None, None).unwrap();
    assert!(report.records > u64::try_from(steps).unwrap(), "{report:?}");
}
