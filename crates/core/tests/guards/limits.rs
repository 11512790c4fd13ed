//! Limits over time: each boundary beside its nearest neighbour.

use crate::common::*;
use crate::world::{self, apply, event_of, reasons};
use serde_json::json;
use stayhand_core::decision::Effect;
use stayhand_core::decision::Layer;
use stayhand_core::event::{EVENT_VERSION, Event, InDoubt, Outcome, Record, Settled};
use stayhand_core::facts::{AddressClass, FieldKind, Operation};
use stayhand_core::policy::{LayerText, Policy};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

/// A state that grows as a runtime makes it grow.
#[derive(Default)]
struct World {
    state: State,
    seq: u64,
}

impl World {
    /// Decides and applies. The answer: the effect.
    fn run(&mut self, policy: &Policy, case: &Case) -> Effect {
        let decided = case.decide(policy, &self.state);
        let effect = decided.decision.effect;
        self.apply(case.now, event_of(policy, case, decided));
        effect
    }

    fn apply(&mut self, at: Timestamp, event: Event) {
        apply(&mut self.state, &Record { v: EVENT_VERSION, seq: self.seq, at, event });
        self.seq += 1;
    }

    /// The newest decision ends.
    fn end(&mut self, at: Timestamp, outcome: Outcome) {
        let settled =
            json!({ "decision": self.seq - 1, "outcome": outcome, "duration_us": 1, "confined": "none" });
        self.apply(at, Event::Settled(serde_json::from_value::<Settled>(settled).unwrap()));
    }
}

fn with(limit: &str) -> Policy {
    policy(&format!("rules: [{{allow: '*'}}]\ntools: {{go: {{}}, look: {{}}}}\nlimits: [{limit}]"))
}

fn go() -> Case {
    call("go").op(Operation::default())
}

fn after(case: &Case, seconds: u64) -> Case {
    case.clone().at(NOW.plus_seconds(seconds))
}

fn done() -> Outcome {
    Outcome::Done
}

/// D021, A053, A058, L-02: the limit itself is allowed, one more is not, and the window slides.
#[test]
fn a053_the_window_slides() {
    let policy = with("{of: actions, window_s: 3600, max: 3}");
    let mut world = World::default();
    for second in 0..3 {
        assert_eq!(world.run(&policy, &after(&go(), second)), Effect::Allow, "{second}");
    }
    assert_eq!(world.run(&policy, &after(&go(), 3599)), Effect::Deny);
    assert_eq!(world.run(&policy, &after(&go(), 3600)), Effect::Allow);
    assert_eq!(world.run(&policy, &after(&go(), 3600)), Effect::Deny);
}

/// L-06: a refusal says which limit, what is used, and when something is free again.
#[test]
fn l_06_a_refusal_says_it_all() {
    let policy = with("{name: hourly, of: actions, window_s: 3600, max: 1}");
    let mut world = World::default();
    world.run(&policy, &go());
    let shown = table(&policy, &world.state, &[("again", after(&go(), 60))]);
    let expected = "again  deny  [limit_exceeded] A limit would be exceeded (hourly): Max actions per hour exceeded (1); used 1, free again in 3540 s\n";
    assert_eq!(shown, expected);
}

/// L-04, P095: zero allows nothing; what is negative or no number does not load.
#[test]
fn l_04_zero_is_nothing_and_negative_is_an_error() {
    for of in ["actions, window_s: 60", "attempts, window_s: 60", "tokens, window_s: 60", "concurrent"] {
        let case = go().declares("input_tokens", json!(1));
        assert_eq!(
            World::default().run(&with(&format!("{{of: {of}, max: 0}}")), &case),
            Effect::Deny,
            "{of}"
        );
    }
    for bad in [
        "{of: actions, window_s: 60, max: -1}",
        "{of: actions, window_s: 60, max: .nan}",
        "{of: actions, window_s: 60, max: 1.5}",
        "{of: actions, max: 1}",
        "{of: actions, window_s: 0, max: 1}",
        "{of: actions, window_s: 99999999, max: 1}",
        "{of: concurrent, window_s: 60, max: 1}",
        "{of: sandwiches, max: 1}",
        "{of: actions, window_s: 60, max: 1, mx: 2}",
    ] {
        let text = format!("limits: [{bad}]");
        let file = LayerText { layer: Layer::User, name: "p".into(), text };
        assert!(Policy::compile(&[file], analyse).is_err(), "{bad}");
    }
}

/// A054, A055, A057: values, exactly.
#[test]
fn a054_a055_values() {
    let policy = with("{of: value_per_action, max: 10000}, {of: value, window_s: 3600, max: 15000}");
    let pay = |dollars: &str| go().says(text("value", FieldKind::Amount, dollars));
    let mut world = World::default();
    assert_eq!(world.run(&policy, &pay("10000.01")), Effect::Deny);
    assert_eq!(world.run(&policy, &pay("10000.00")), Effect::Allow);
    assert_eq!(world.run(&policy, &pay("5000.000000001")), Effect::Deny);
    assert_eq!(world.run(&policy, &pay("5000")), Effect::Allow);
    assert_eq!(world.run(&policy, &pay("0.01")), Effect::Deny);
    assert_eq!(world.run(&policy, &go()), Effect::Allow, "without a value");
    for bad in ["-5", "NaN", "inf", "1e400", "much"] {
        assert_eq!(world.run(&policy, &pay(bad)), Effect::Deny, "{bad}");
    }
    assert_eq!(world.run(&policy, &after(&pay("10000"), 3600)), Effect::Allow);
}

/// D023, A052: the clock of a session runs from its first action.
#[test]
fn a052_time_of_a_session() {
    let policy = with("{of: time, per: session, max: 300}");
    let mut world = World::default();
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    assert_eq!(world.run(&policy, &after(&go(), 300)), Effect::Allow);
    let late = go().at(Timestamp(NOW.0 + 300_001_000));
    assert_eq!(world.run(&policy, &late), Effect::Deny);
    let mut other = late;
    other.request.principal.session = "new".into();
    assert_eq!(world.run(&policy, &other), Effect::Allow, "a new session");
}

/// A051: time, counts, single values, totals.
#[test]
fn a051_order() {
    let policy = with(
        "{of: value, window_s: 60, max: 1}, {of: value_per_action, max: 1}, {of: actions, window_s: 60, max: 0}, {of: time, max: 1}",
    );
    let mut world = World::default();
    world.run(&policy, &go());
    let bad = after(&go(), 2).says(text("value", FieldKind::Amount, "2"));
    let findings = bad.decide(&policy, &world.state).decision.findings;
    let said: Vec<_> = findings.iter().filter_map(|found| found.because.as_deref()).collect();
    let starts = ["Max execution time", "Max actions", "Action value $2.00", "Total value"];
    assert_eq!(said.len(), starts.len(), "{said:?}");
    for (said, start) in said.iter().zip(starts) {
        assert!(said.starts_with(start), "{said}");
    }
}

/// A059: calls to other machines, not to this one.
#[test]
fn a059_calls() {
    let policy = with("{of: api_calls, window_s: 60, max: 2}");
    let to = |class| call("go").op(connect(class, "api.example", 443));
    let mut world = World::default();
    for _ in 0..2 {
        assert_eq!(world.run(&policy, &to(AddressClass::Public)), Effect::Allow);
    }
    assert_eq!(world.run(&policy, &to(AddressClass::Public)), Effect::Deny);
    assert_eq!(world.run(&policy, &go()), Effect::Allow, "no call");
    assert_eq!(world.run(&policy, &after(&to(AddressClass::Public), 60)), Effect::Allow);
}

/// X-15, A038, L-01: a slot is taken while an action runs; what was never started gives everything back, what is in
/// doubt gives its slot back and nothing else.
#[test]
fn a038_concurrency_and_what_is_given_back() {
    let policy = with("{of: concurrent, max: 1}, {of: actions, window_s: 60, max: 2}");
    let mut world = World::default();
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    assert_eq!(world.clone_run(&policy, &go()), Effect::Deny);
    world.end(NOW, Outcome::Abandoned { why: "it was not wanted".into() });
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    world.apply(NOW, Event::InDoubt(InDoubt { decision: world.seq - 1 }));
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    world.end(NOW, done());
    assert_eq!(world.run(&policy, &go()), Effect::Deny, "two have run or may have");
}

impl World {
    /// The effect, without applying it.
    fn clone_run(&self, policy: &Policy, case: &Case) -> Effect {
        case.decide(policy, &self.state).decision.effect
    }
}

/// By whom it is counted, and for which tools.
#[test]
fn scopes_and_tools() {
    let run = |limit: &str, first: &Case, second: &Case| {
        let policy = with(limit);
        let mut world = World::default();
        assert_eq!(world.run(&policy, first), Effect::Allow, "{limit}");
        world.run(&policy, second)
    };
    let (mine, other) = (go(), go().by("b"));
    let limit = |rest: &str| format!("{{of: actions, window_s: 60, max: 1{rest}}}");
    assert_eq!(run(&limit(""), &mine, &other), Effect::Allow);
    assert_eq!(run(&limit(", per: all"), &mine, &other), Effect::Deny);
    assert_eq!(run(&limit(", per: session"), &mine, &other), Effect::Deny);
    assert_eq!(run(&limit(", per: tool"), &mine, &other), Effect::Deny);
    let look = call("look").op(Operation::default());
    assert_eq!(run(&limit(", per: tool"), &mine, &look), Effect::Allow);
    assert_eq!(run(&limit(", tools: look"), &mine, &mine), Effect::Allow);
    assert_eq!(run(&limit(", tools: [go, look]"), &mine, &look), Effect::Deny);
    assert_eq!(run(&limit(", beyond: approve"), &mine, &mine), Effect::Approve);
}

/// L-05: what was used before a limit is written counts; A203a: refused attempts are no actions.
#[test]
fn l_05_the_past_counts() {
    let before = with("{of: attempts, window_s: 60, max: 3}");
    let mut world = World::default();
    for _ in 0..3 {
        assert_eq!(world.run(&before, &go()), Effect::Allow);
    }
    assert_eq!(world.run(&before, &go()), Effect::Deny);
    let after = with("{of: actions, window_s: 60, max: 4}");
    assert_eq!(world.run(&after, &go()), Effect::Allow, "the refused one did not run");
    assert_eq!(world.run(&after, &go()), Effect::Deny);
}

/// D012: a clock that jumps a year ahead empties the windows once, and nothing more than that.
#[test]
fn clocks_that_jump() {
    let policy = with("{of: actions, window_s: 3600, max: 1}");
    let mut world = World::default();
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    let year = 365 * 24 * 3600;
    assert_eq!(world.run(&policy, &after(&go(), year)), Effect::Allow);
    assert_eq!(world.run(&policy, &after(&go(), year + 1)), Effect::Deny);
}

/// A121, P091, P095: how many actions a session may take; what is refused, or never ran, is none.
#[test]
fn a121_operations_of_a_session() {
    let limited = |max: u32| {
        policy(&format!(
            "boundaries: {{resources: {{max_operations: {max}}}}}\nrules: [{{allow: '*'}}, {{name: no, deny: bash}}]"
        ))
    };
    let (policy, mut world) = (limited(2), World::default());
    world.run(&policy, &bash("ls"));
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    let refused = go().decide(&policy, &world.state).decision;
    assert_eq!(reasons(&refused), ["limit_exceeded"]);
    let because: Vec<_> = refused.findings.iter().filter_map(|found| found.because.as_deref()).collect();
    assert_eq!(because, ["Operation count 3 exceeds limit 2"]);
    // Another session has its own; one that never ran gives its place back.
    let mut other = go();
    other.request.principal.session = "another".into();
    assert_eq!(other.decide(&policy, &world.state).decision.effect, Effect::Allow);
    let why = "the kill switch".to_owned();
    world.end(NOW, Outcome::Abandoned { why });
    assert_eq!(world.run(&policy, &go()), Effect::Allow);
    assert_eq!(go().decide(&limited(0), &State::default()).decision.effect, Effect::Deny);
}

fn total(time: &str) -> world::World {
    let text = format!("rules: [{{allow: '*'}}]\ntools: {{go: {{}}}}\nboundaries: {{time: {{{time}}}}}");
    world::World::new(policy(&text))
}

/// A120, X-02, P089: what ran adds up, measured; an action reserves all that is left.
#[test]
fn x_02_total_time() {
    let mut world = total("max_total_s: 0.1");
    assert_eq!(world.ask(go()).effect, Effect::Allow);
    // While it runs, nothing is left.
    assert_eq!(world.ask(go()).effect, Effect::Deny);
    let mut other = go();
    other.request.principal.session = "another".to_owned();
    assert_eq!(world.ask(other).effect, Effect::Allow);
    world.end_of(0, 50_000, done());
    assert_eq!(world.ask(go()).effect, Effect::Allow);
    world.end(50_000, done());
    let refused = world.ask(go());
    assert_eq!(reasons(&refused), ["limit_exceeded"]);
    assert_eq!(refused.headline().unwrap().because.as_deref(), Some("Total time 0.10s exceeds limit 0.10s"));
    // P095: zero is nothing.
    assert_eq!(total("max_total_s: 0").ask(go()).effect, Effect::Deny);
}

/// An action with a limit of its own reserves no more than that: here two run at a time.
#[test]
fn x_02_total_time_with_a_limit_for_each() {
    let both = || total("max_total_s: 0.1, max_execution_s: 0.05");
    let mut world = both();
    let effects = [(); 3].map(|()| world.ask(go()).effect);
    assert_eq!(effects, [Effect::Allow, Effect::Allow, Effect::Deny]);
    // What never ran is given back, and what is in doubt is not.
    world.end_of(0, 0, Outcome::Abandoned { why: String::new() });
    assert_eq!(world.ask(go()).effect, Effect::Allow);
    world.apply(Event::InDoubt(InDoubt { decision: 1 }));
    assert_eq!(world.ask(go()).effect, Effect::Deny);
    world.folds_again();

    // What took longer than it may counts in full.
    let mut world = both();
    assert_eq!(world.ask(go()).effect, Effect::Allow);
    world.end(99_001, done());
    assert_eq!(world.ask(go()).effect, Effect::Deny);
}
