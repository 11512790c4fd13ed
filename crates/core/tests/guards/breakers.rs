//! Circuit breakers: what opens, what closes, what stays out; each beside its nearest neighbour.

use crate::common::*;
use crate::world::{World, reasons};
use expect_test::expect;
use proptest::prelude::*;
use serde_json::json;
use stayhand_core::control::breaker::circuit::{Circuit, Ended, Phase, Ticket};
use stayhand_core::control::breaker::config::{Breaker, BreakerSource, CircuitConfig};
use stayhand_core::control::breaker::{BreakerMoved, BreakerOrder, Key};
use stayhand_core::decision::Effect;
use stayhand_core::event::{Event, Outcome};
use stayhand_core::facts::AddressClass;
use stayhand_core::time::Timestamp;

const ALLOW: &str = "rules: [{allow: '*'}]\ntools: {go: {}, ask_model: {}}\nboundaries: {network: {allow_hosts: ['*.example']}}";

fn world(breakers: &str) -> World {
    World::new(policy(&format!("{ALLOW}\nbreakers: [{breakers}]")))
}

fn failed() -> Outcome {
    Outcome::Failed { error: "no answer".into() }
}

impl World {
    /// Permitted, and ends so. Or refused: the reason.
    fn calls(&mut self, case: Case, outcome: Outcome) -> Result<(), String> {
        let decision = self.ask(case);
        if decision.effect == Effect::Allow {
            self.end(1000, outcome);
            return Ok(());
        }
        assert_eq!(reasons(&decision), ["circuit_open"], "{decision:?}");
        Err(decision.findings.last().unwrap().because.as_deref().unwrap().to_owned())
    }

    fn phase(&self, breaker: &str, key: &str) -> Phase {
        let key: Key = key.parse().unwrap();
        self.state.breakers().circuit(breaker, &key).map_or(Phase::Closed, Circuit::phase)
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
    }

    fn order(&mut self, key: &str, order: BreakerOrder) {
        let key = key.parse().unwrap();
        let moved =
            BreakerMoved { breaker: "b".into(), key, order, by: "ada".into(), reason: "outage".into() };
        self.apply(Event::BreakerMoved(moved));
    }
}

fn go() -> Case {
    call("go").op(does(&[]))
}

fn to(host: &str) -> Case {
    call("go").op(connect(AddressClass::Public, host, 443))
}

/// A020 to A026, A097, K141: the whole way round, with the lines that are printed.
#[test]
fn a021_opens_tries_and_closes() {
    let mut world = world("{name: b}");
    for _ in 0..4 {
        world.calls(go(), failed()).unwrap();
    }
    world.calls(go(), Outcome::Done).unwrap();
    for _ in 0..4 {
        world.calls(go(), failed()).unwrap();
    }
    assert_eq!(world.phase("b", "tool:go"), Phase::Closed, "A022");
    world.calls(go(), failed()).unwrap();
    assert_eq!(world.phase("b", "tool:go"), Phase::Open, "A021");
    world.later(59);
    let refused = world.calls(go(), Outcome::Done).unwrap_err();
    assert_eq!(refused, "Circuit b/tool:go is open; it is tried again in 1 s");
    assert_eq!(world.calls(call("ask_model").op(does(&[])), Outcome::Done), Ok(()), "another tool");
    world.later(1);
    for _ in 0..2 {
        world.calls(go(), Outcome::Done).unwrap();
        assert_eq!(world.phase("b", "tool:go"), Phase::HalfOpen);
    }
    world.calls(go(), Outcome::Done).unwrap();
    assert_eq!(world.phase("b", "tool:go"), Phase::Closed, "A025");
    let lines: Vec<&str> = world.state.breakers().moves().map(|moved| moved.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "[CIRCUIT BREAKER] b/tool:go: OPEN (failures: 5)",
            "[CIRCUIT BREAKER] b/tool:go: HALF_OPEN (testing recovery)",
            "[CIRCUIT BREAKER] b/tool:go: CLOSED (recovered)",
        ]
    );
    world.folds_again();
}

/// F003: the demonstration of the guide, with fixed numbers in the place of random ones: ten calls a second apart, of which
/// those below 0.7 fail; three failures in a row open, and after five seconds one success closes.
#[test]
fn f003_the_demonstration() {
    let mut world = world("{name: llm, preset: llm_api, timeout_s: 5, jitter_percent: 0}");
    let mut said = String::new();
    for (call, number) in (1..).zip([0.2, 0.1, 0.6, 0.3, 0.9, 0.9, 0.9, 0.9, 0.2, 0.9]) {
        let outcome = if number < 0.7 { failed() } else { Outcome::Done };
        match world.calls(go(), outcome) {
            Ok(()) if number < 0.7 => said += &format!("Call {call}: Failed - no answer\n"),
            Ok(()) => said += &format!("Call {call}: Success\n"),
            Err(why) => said += &format!("Call {call}: Circuit is OPEN - {why}\n"),
        }
        said += &format!("  State: {:?}\n", world.phase("llm", "tool:go"));
        world.later(1);
    }
    expect![[r#"
        Call 1: Failed - no answer
          State: Closed
        Call 2: Failed - no answer
          State: Closed
        Call 3: Failed - no answer
          State: Open
        Call 4: Circuit is OPEN - Circuit llm/tool:go is open; it is tried again in 4 s
          State: Open
        Call 5: Circuit is OPEN - Circuit llm/tool:go is open; it is tried again in 3 s
          State: Open
        Call 6: Circuit is OPEN - Circuit llm/tool:go is open; it is tried again in 2 s
          State: Open
        Call 7: Circuit is OPEN - Circuit llm/tool:go is open; it is tried again in 1 s
          State: Open
        Call 8: Success
          State: Closed
        Call 9: Failed - no answer
          State: Closed
        Call 10: Success
          State: Closed
    "#]]
    .assert_eq(&said);
}

/// A024, D010, D011: the first trial call takes a slot; one that never ends loses it.
#[test]
fn a024_trial_calls_have_slots() {
    let mut world =
        world("{name: b, failure_threshold: 1, half_open_max_calls: 2, success_threshold: 5, lease_s: 30}");
    world.calls(go(), failed()).unwrap();
    world.later(60);
    let first = world.ask(go());
    assert_eq!(first.effect, Effect::Allow);
    let first = world.newest();
    assert_eq!(world.ask(go()).effect, Effect::Allow);
    let refused = world.calls(go(), Outcome::Done).unwrap_err();
    assert_eq!(refused, "Circuit b/tool:go is open; other calls are trying it");
    world.end_of(first, 1000, Outcome::Done);
    world.calls(go(), Outcome::Done).unwrap();
    world.later(29);
    assert_eq!(world.ask(go()).effect, Effect::Allow, "the slot of the first is free");
    assert_eq!(world.ask(go()).effect, Effect::Deny);
    world.later(1);
    for _ in 0..3 {
        world.calls(go(), Outcome::Done).unwrap();
    }
    assert_eq!(world.phase("b", "tool:go"), Phase::Closed, "five successes with two slots");
}

/// B-01, D044: what waits for a person, is refused or is given back takes no slot.
#[test]
fn b_01_only_what_is_permitted_takes_a_slot() {
    let text = "rules: [{allow: '*'}, {approve: ask_model}]\ntools: {go: {}, ask_model: {}}\n\
        breakers: [{name: b, per: all, failure_threshold: 1}]";
    let mut world = World::new(policy(text));
    assert_eq!(world.calls(go(), failed()), Ok(()));
    world.later(60);
    for number in 0..3 {
        assert_eq!(
            world.ask(call("ask_model").input(json!({"n": number})).op(does(&[]))).effect,
            Effect::Approve
        );
    }
    assert_eq!(world.phase("b", "all"), Phase::Open);
    for _ in 0..3 {
        assert_eq!(world.ask(go()).effect, Effect::Allow);
        world.end(0, Outcome::Abandoned { why: "x".into() });
    }
    let mut decisions = Vec::new();
    for _ in 0..3 {
        assert_eq!(world.ask(go()).effect, Effect::Allow);
        decisions.push(world.newest());
    }
    assert_eq!(world.ask(go()).effect, Effect::Deny);
    decisions.into_iter().for_each(|decision| world.end_of(decision, 1, Outcome::Done));
    assert_eq!(world.phase("b", "all"), Phase::Closed);
}

/// A028, D013: what was let through before the circuit opened changes nothing when it ends.
#[test]
fn a028_stragglers_are_ignored() {
    let mut world = world("{name: b, failure_threshold: 1, success_threshold: 1}");
    let mut stragglers = Vec::new();
    for _ in 0..4 {
        world.ask(go());
        stragglers.push(world.newest());
    }
    world.calls(go(), failed()).unwrap();
    world.later(50);
    world.end_of(stragglers[0], 1, failed());
    world.end_of(stragglers[1], 1, Outcome::Done);
    assert_eq!(world.phase("b", "tool:go"), Phase::Open);
    world.later(10);
    assert_eq!(world.ask(go()).effect, Effect::Allow, "the late failure did not prolong it");
    world.end_of(stragglers[2], 1, Outcome::Done);
    assert_eq!(world.phase("b", "tool:go"), Phase::HalfOpen, "no credit for the late success");
    world.end_of(stragglers[3], 1, failed());
    assert_eq!(world.phase("b", "tool:go"), Phase::HalfOpen, "no blame for the late failure");
}

/// A039, D015, K144, K145: shares of failures and of slow calls, with the fewest calls that say something.
#[test]
fn a039_shares_of_calls_open() {
    let rate = "{name: b, failure_threshold: 1000, failure_rate: {percent: 50, calls: 10, min_calls: 6}}";
    let mut world = world(rate);
    for outcome in [failed(), failed(), failed(), Outcome::Done, Outcome::Done] {
        world.calls(go(), outcome).unwrap();
    }
    assert_eq!(world.phase("b", "tool:go"), Phase::Closed, "five calls say nothing");
    world.calls(go(), Outcome::Done).unwrap();
    assert_eq!(world.phase("b", "tool:go"), Phase::Open, "three of six");
    let mut world =
        self::world("{name: b, slow_s: 2, slow_rate: {percent: 50, calls: 4, min_calls: 4, within_s: 60}}");
    for (wait, took_us, phase) in [
        (0, 2_000_000, Phase::Closed),
        (0, 2_000_000, Phase::Closed),
        (60, 1_999_999, Phase::Closed),
        (0, 2_000_000, Phase::Closed),
        (0, 1, Phase::Closed),
        (0, 2_000_000, Phase::Open),
    ] {
        world.later(wait);
        world.ask(go());
        world.end(took_us, Outcome::Done);
        assert_eq!(world.phase("b", "tool:go"), phase);
    }
}

/// A039, K146: each opening in a row lasts longer, up to the most, and differs between fleets alone.
#[test]
fn a039_openings_grow() {
    let config = CircuitConfig {
        failure_threshold: 1,
        backoff: 2.0,
        max_timeout_us: 200_000_000,
        jitter_percent: 10,
        ..CircuitConfig::default()
    };
    let waits = |seed| {
        let (mut circuit, mut now) = (Circuit::default(), Timestamp(1));
        let waits: Vec<u64> = (0..4)
            .map(|call| {
                circuit.admits(&config, now).unwrap();
                let ticket = circuit.admitted(&config, call, now);
                circuit.ended(
                    &config,
                    ticket,
                    &Ended { success: Some(false), took_us: 0, agent: "a", at: now, seed },
                );
                let wait = circuit.retry_at().since(now);
                now = circuit.retry_at();
                wait
            })
            .collect();
        waits
    };
    let one = waits(7);
    assert_eq!(one, waits(7));
    assert_ne!(one, waits(8));
    assert_eq!(one[0], 60_000_000, "exactly the timeout the first time");
    for (wait, least) in one.iter().zip([60_000_000, 120_000_000, 200_000_000, 200_000_000]) {
        assert!((least..=least + least / 10).contains(wait), "{wait} {least}");
    }
}

/// B-02: isolated until a person resets it, whatever the time. A035: a reset forgets the failures.
#[test]
fn b_02_a_person_isolates_and_resets() {
    let mut world = world("{name: b, failure_threshold: 2}");
    world.order("tool:go", BreakerOrder::Isolate);
    world.later(1_000_000);
    let refused = world.calls(go(), Outcome::Done).unwrap_err();
    assert_eq!(refused, "Circuit b/tool:go is open; a person isolated it");
    world.order("tool:go", BreakerOrder::Reset);
    world.calls(go(), failed()).unwrap();
    world.order("tool:go", BreakerOrder::Reset);
    world.calls(go(), failed()).unwrap();
    assert_eq!(world.phase("b", "tool:go"), Phase::Closed);
    world.folds_again();
}

/// Each host, model and agent has a circuit of its own; what names none goes through none.
#[test]
fn circuits_have_keys() {
    let mut world = world(
        "{name: b, per: host, failure_threshold: 1}, {name: m, per: model, failure_threshold: 1}, {name: a, per: agent, failure_threshold: 3}",
    );
    world.calls(to("one.example"), failed()).unwrap();
    let refused =
        world.calls(to("one.example").op(connect(AddressClass::Public, "two.example", 443)), Outcome::Done);
    assert!(refused.unwrap_err().starts_with("Circuit b/host:one.example is open"));
    world.calls(to("two.example"), Outcome::Done).unwrap();
    world.calls(go(), failed()).unwrap();
    world.calls(go(), Outcome::Done).unwrap();
    let model = |name: &str| go().declares("model", json!(name));
    world.calls(model("big"), failed()).unwrap();
    assert!(world.calls(model("big"), Outcome::Done).is_err());
    world.calls(model("small"), Outcome::Done).unwrap();
    for _ in 0..3 {
        world.calls(go(), failed()).unwrap();
    }
    assert!(world.calls(go(), Outcome::Done).is_err());
    world.calls(go().by("other"), Outcome::Done).unwrap();
}

/// The system's breaker: failures of one agent alone do not stop the others, those of three do.
#[test]
fn a_breaker_over_agents() {
    let mut world = world("{name: system, per: all, failure_threshold: 3, agents: 3}");
    for agent in ["a", "a", "a", "a", "b", "b"] {
        world.calls(go().by(agent), failed()).unwrap();
    }
    assert_eq!(world.phase("system", "all"), Phase::Closed);
    world.calls(go().by("c"), failed()).unwrap();
    assert!(world.calls(go().by("d"), Outcome::Done).is_err());
}

/// D230, A029, A037: presets, and what counts.
#[test]
fn a029_presets() {
    let compile = |text: &str| {
        let source: BreakerSource = serde_json::from_value(serde_saphyr::from_str(text).unwrap()).unwrap();
        Breaker::compile(&source, 1)
    };
    let values = |text: &str| {
        let CircuitConfig { failure_threshold, success_threshold, timeout_us, half_open_max_calls, .. } =
            compile(text).unwrap().circuit;
        (failure_threshold, success_threshold, timeout_us / 1_000_000, half_open_max_calls)
    };
    assert_eq!(values("{}"), (5, 3, 60, 3));
    assert_eq!(values("{preset: api}"), (5, 3, 60, 3));
    assert_eq!(values("{preset: database}"), (3, 3, 120, 3));
    assert_eq!(values("{preset: llm_api}"), (3, 1, 30, 1));
    assert_eq!(values("{preset: llm_api, timeout_s: 5}"), (3, 1, 5, 1));
    let lenient = compile("{ignore: [exit]}").unwrap();
    assert_eq!(lenient.is_success(&Outcome::Exit { code: 1 }), None);
    assert_eq!(lenient.is_success(&Outcome::Signal { number: 9 }), Some(false));
    assert_eq!(lenient.is_success(&Outcome::Exit { code: 0 }), Some(true));
    for (text, error) in [
        ("{failure_threshold: 0}", "`failure_threshold` must be one or more"),
        ("{timeout_s: 0}", "`timeout_s` must be one or more"),
        ("{agents: 17}", "`agents` must be from 1 to 16"),
        ("{backoff: 0.5}", "`backoff` must be a number from 1 to 100, not 0.5"),
        ("{backoff: .nan}", "`backoff` must be a number from 1 to 100, not NaN"),
        ("{slow_s: 1}", "`slow_s` and `slow_rate` belong together: what is slow, and which share of it"),
        ("{slow_s: -1, slow_rate: {percent: 1}}", "`slow_s` must be a number of seconds above zero, not -1"),
        ("{failure_rate: {percent: 101}}", "`percent` of `failure_rate` must be from 1 to 100"),
        ("{max_timeout_s: 59}", "`max_timeout_s` must be no less than `timeout_s`"),
    ] {
        let source: BreakerSource = serde_saphyr::from_str(text).unwrap();
        assert_eq!(Breaker::compile(&source, 1).unwrap_err(), error, "{text}");
    }
}

/// R0's breaker once more, as its requirements say it, without anything that can be wrong for being clever.
#[derive(Default)]
struct Model {
    phase: Phase,
    epoch: u32,
    failures: u32,
    successes: u32,
    opened: u64,
    taken: Vec<u64>,
}

impl Model {
    fn ask(&mut self, config: &CircuitConfig, call: u64, now: u64) -> Option<Ticket> {
        if self.phase == Phase::Open && now >= self.opened + config.timeout_us {
            (self.phase, self.epoch, self.successes) = (Phase::HalfOpen, self.epoch + 1, 0);
            self.taken.clear();
        }
        match self.phase {
            Phase::Closed => {}
            Phase::HalfOpen if self.taken.len() < config.half_open_max_calls as usize => {
                self.taken.push(call)
            }
            _ => return None,
        }
        Some(Ticket { epoch: self.epoch, call })
    }

    fn tell(&mut self, config: &CircuitConfig, ticket: Ticket, success: bool, now: u64) {
        if ticket.epoch != self.epoch {
            return;
        }
        self.taken.retain(|call| *call != ticket.call);
        match (self.phase, success) {
            (Phase::Closed, true) => self.failures = 0,
            (Phase::Closed, false) => {
                self.failures += 1;
                if self.failures >= config.failure_threshold {
                    (self.phase, self.epoch, self.opened) = (Phase::Open, self.epoch + 1, now);
                }
            }
            (_, true) => {
                self.successes += 1;
                if self.successes >= config.success_threshold {
                    (self.phase, self.epoch, self.failures) = (Phase::Closed, self.epoch + 1, 0);
                }
            }
            (_, false) => (self.phase, self.epoch, self.opened) = (Phase::Open, self.epoch + 1, now),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Ask,
    /// The call at this place among those that run ends.
    End(usize, bool),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Ask),
        3 => (0_usize..8, any::<bool>()).prop_map(|(which, success)| Step::End(which, success)),
        1 => (0_u64..70).prop_map(Step::Wait),
    ]
}

proptest! {
    /// A020 to A028: any interleaving of calls, endings and waits does what the reference model does.
    #[test]
    fn the_circuit_is_the_reference_model(
        failures in 1_u32..4, successes in 1_u32..4, probes in 1_u32..4, steps in prop::collection::vec(step(), 1..120)
    ) {
        let config = CircuitConfig {
            failure_threshold: failures, success_threshold: successes, half_open_max_calls: probes, lease_us: u64::MAX,
            ..CircuitConfig::default()
        };
        let (mut circuit, mut model, mut now) = (Circuit::default(), Model::default(), Timestamp(1));
        let mut running: Vec<Ticket> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Ask => {
                    let call = number as u64;
                    let expected = model.ask(&config, call, now.0);
                    let found = circuit.admits(&config, now).is_ok().then(|| circuit.admitted(&config, call, now));
                    prop_assert_eq!(found, expected);
                    running.extend(found);
                }
                Step::End(which, success) if !running.is_empty() => {
                    let ticket = running.remove(which % running.len());
                    model.tell(&config, ticket, success, now.0);
                    let ended = Ended { success: Some(success), took_us: 0, agent: "a", at: now, seed: 0 };
                    circuit.ended(&config, ticket, &ended);
                }
                Step::End(..) => {}
                Step::Wait(seconds) => now = now.plus_seconds(seconds),
            }
            prop_assert_eq!(circuit.phase(), model.phase);
        }
    }
}
