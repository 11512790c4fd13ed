//! What is unlike an agent's usual actions, each beside its nearest ordinary neighbour.

use crate::common::*;
use crate::world::{World, reasons};
use serde_json::json;
use stayhand_core::control::switch::Position;
use stayhand_core::decision::{Decision, Effect, Layer};
use stayhand_core::event::Outcome;
use stayhand_core::facts::{FieldKind, Operation};
use stayhand_core::policy::{LayerText, Policy};

impl World {
    /// A policy that allows payments and watches them.
    fn watching(anomaly: &str) -> Self {
        Self::new(policy(&format!("rules: [{{allow: '*'}}]\ntools: {{pay: {{}}}}\nanomaly: {anomaly}")))
    }

    /// Forty payments of about a hundred dollars, a minute apart, that end well after a second or two.
    fn trained(anomaly: &str) -> Self {
        let mut world = Self::watching(anomaly);
        for n in 0..40 {
            let decision = world.minute_later(100 + n % 7);
            assert_eq!(decision.effect, Effect::Allow, "{n}: {decision:?}");
            world.end(1_000_000 + n % 3 * 500_000, Outcome::Done);
        }
        world
    }

    fn minute_later(&mut self, dollars: u64) -> Decision {
        self.now = self.now.plus_seconds(60);
        self.pay(dollars)
    }

    /// A payment now.
    fn pay(&mut self, dollars: u64) -> Decision {
        self.ask(payment(dollars))
    }

    /// How the agent's switch stands.
    fn position(&self) -> Position {
        self.state.switches().position(&"agent:a".parse().unwrap())
    }
}

fn payment(dollars: u64) -> Case {
    let dollars = dollars.to_string();
    call("pay").input(json!({ "amount": dollars })).op(Operation::default()).says(text(
        "amount",
        FieldKind::Amount,
        &dollars,
    ))
}

/// A099, K119, D035: the first and second unusual payment wait, the third pauses the agent, and then nothing runs.
#[test]
fn a099_the_first_is_held_the_third_pauses() {
    let mut world = World::trained("{watch: {value: 3.0}}");
    assert_eq!(world.minute_later(106).effect, Effect::Allow);
    for dollars in [900, 901] {
        let held = world.minute_later(dollars);
        assert_eq!((held.effect, reasons(&held)), (Effect::Approve, vec!["anomaly_found"]));
        assert_eq!(world.position(), Position::Active);
    }
    let third = world.minute_later(902);
    assert_eq!((third.effect, reasons(&third)), (Effect::Deny, vec!["anomaly_alert"]));
    let because = third.findings.last().unwrap().because.as_deref().unwrap().to_owned();
    assert!(because.starts_with("Anomaly detected: Z-score "), "{because}");
    assert!(because.ends_with("> threshold 3.0 (ALERT: 3 consecutive anomalies)"), "{because}");
    assert_eq!(world.position(), Position::Paused);
    let ordinary = world.minute_later(103);
    assert_eq!((ordinary.effect, reasons(&ordinary)), (Effect::Deny, vec!["system_paused"]));
    world.folds_again();
}

/// A010: an alert may kill. Pausing is the default, above.
#[test]
fn a010_an_alert_may_kill() {
    let mut world = World::trained("{watch: {value: 3.0}, alert: kill, alert_after: 2}");
    world.minute_later(900);
    assert_eq!(world.position(), Position::Active);
    world.minute_later(900 + 1);
    assert_eq!(world.position(), Position::Killed);
}

/// A single anomaly may be refused at once.
#[test]
fn a_single_one_may_be_refused() {
    let mut world = World::trained("{watch: {value: 3.0}, single: deny}");
    assert_eq!(reasons(&world.minute_later(900)), ["anomaly_found"]);
    assert_eq!(world.pay(900).effect, Effect::Deny);
    assert_eq!(world.minute_later(103).effect, Effect::Allow);
}

/// A yes holds for what was shown, although what is usual has moved on since; it counts once, and it teaches.
#[test]
fn a_yes_to_an_unusual_payment_holds() {
    let mut world = World::trained("{watch: {value: 3.0}}");
    assert_eq!(world.minute_later(900).effect, Effect::Approve);
    world.approve();
    for dollars in [101, 104] {
        let case = payment(dollars).at(world.now);
        assert_eq!(case.decide(&world.policy, &world.state).decision.effect, Effect::Allow);
    }
    let granted = world.minute_later(900);
    assert_eq!(granted.effect, Effect::Allow, "{granted:?}");
    assert_eq!(world.minute_later(900).effect, Effect::Approve, "a yes is used up");
}

/// A078, D035: with the defaults both detectors are fed; ordinary payments in a burst are held for their pace alone.
#[test]
fn a078_a_burst_of_ordinary_payments() {
    let mut world = World::trained("{}");
    assert_eq!(world.minute_later(103).effect, Effect::Allow);
    let burst = world.pay(104);
    assert_eq!(burst.effect, Effect::Approve);
    let subjects: Vec<_> = burst.findings.iter().filter_map(|found| found.subject.as_deref()).collect();
    assert!(subjects.contains(&"frequency") && !subjects.contains(&"value"), "{subjects:?}");
}

/// A071, D033: bounds hold from the first action on; what is refused teaches nothing.
#[test]
fn a071_bounds_hold_from_the_first_action_on() {
    let mut world = World::watching("{watch: {value: 3.0}, value_bounds: [1, 500]}");
    assert_eq!(reasons(&world.minute_later(501)), ["anomaly_found"]);
    assert_eq!(world.minute_later(500).effect, Effect::Allow);
}

/// What is seen at the end: the third failure too many pauses the agent. A single one does nothing.
#[test]
fn failures_that_pile_up_pause() {
    let mut world = World::trained("{watch: {errors: 3.0}}");
    let mut failures = 0;
    while world.position() == Position::Active && failures < 20 {
        assert_eq!(world.minute_later(103).effect, Effect::Allow);
        world.end(1_000_000, Outcome::Failed { error: "no answer".into() });
        failures += 1;
    }
    assert!((3..10).contains(&failures), "{failures}");
    assert_eq!(reasons(&world.minute_later(103)), ["system_paused"]);
}

/// Without a section nothing is watched. Another file can only tighten.
#[test]
fn a_projects_file_can_only_tighten() {
    let user = "rules: [{allow: '*'}]\ntools: {pay: {}}\nanomaly: {watch: {value: 3.0}, alert: kill}";
    let project = "anomaly: {watch: {value: 1000.0}, alert: pause}";
    let mut world = World::trained("{watch: {value: 3.0}}");
    world.policy = layers(&[(Layer::User, user), (Layer::Project, project)]);
    world.state.learn(world.policy.id(), world.policy.controls());
    assert_eq!(world.minute_later(900).effect, Effect::Approve);
    world.policy = policy("rules: [{allow: '*'}]\ntools: {pay: {}}");
    assert_eq!(world.minute_later(900).effect, Effect::Allow);
    for bad in [
        "{watch: {value: 0}}",
        "{watch: {mood: 1}}",
        "{alert_after: 0}",
        "{single: allow}",
        "{value_bounds: [2, 1]}",
    ] {
        let file = LayerText { layer: Layer::User, name: "p".into(), text: format!("anomaly: {bad}") };
        assert!(Policy::compile(&[file], analyse).is_err(), "{bad}");
    }
}
