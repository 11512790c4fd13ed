//! Signs of failure in the history of sessions: each sign beside its nearest harmless neighbour.

use crate::common::*;
use crate::world::World;
use serde_json::{Value, json};
use stayhand_core::control::Act;
use stayhand_core::control::failure::FailureMode;
use stayhand_core::control::failure::failures::WRITE_DIFFERS;
use stayhand_core::control::scope::Scope;
use stayhand_core::decision::{Decision, Effect, GuardName, Obligation};
use stayhand_core::digest::Digest;
use stayhand_core::event::{Event, Outcome, Settled};
use stayhand_core::policy::Policy;
use std::ops::{Deref, DerefMut};

/// Sessions that are watched: a second passes with each record.
pub(crate) struct Watched(World);

impl Watched {
    pub(crate) fn new(failures: &str) -> Self {
        Self::under(policy(&format!(
            "rules: [{{allow: '*'}}, {{deny: write_file, when: {{writes: /etc/**}}}}]\ntools: {{go: {{}}}}\nfailures: [{failures}]"
        )))
    }

    fn under(policy: Policy) -> Self {
        Self(World::new(policy))
    }

    pub(crate) fn look(&self, case: &Case) -> Decision {
        case.clone().at(self.now).decide(&self.policy, &self.state).decision
    }

    /// Decides and applies.
    pub(crate) fn ask(&mut self, case: &Case) -> Decision {
        let decision = self.0.ask(case.clone());
        self.now = self.now.plus_seconds(1);
        decision
    }

    fn apply(&mut self, event: Event) {
        self.0.apply(event);
        self.now = self.now.plus_seconds(1);
    }

    /// The newest decision ends with this output and at this cost.
    fn end(&mut self, outcome: Outcome, output: Option<&str>, cents: u64) {
        let output = output.map(|text| Digest::of_parts(&[text.as_bytes(), b""]));
        let settled = json!({
            "decision": self.newest(), "outcome": outcome, "duration_us": 1, "confined": "none",
            "output": output, "cost_nanousd": cents * 10_000_000,
        });
        self.apply(Event::Settled(serde_json::from_value::<Settled>(settled).unwrap()));
    }

    /// Asks for the action, and where it is permitted it ends with this output.
    pub(crate) fn gives(&mut self, case: &Case, output: &str) -> Decision {
        let decision = self.ask(case);
        if decision.effect == Effect::Allow {
            self.end(Outcome::Done, Some(output), 0);
        }
        decision
    }

    /// Asks for the action, and where it is permitted it fails at this cost.
    pub(crate) fn fails(&mut self, case: &Case, cents: u64) -> Decision {
        let decision = self.ask(case);
        if decision.effect == Effect::Allow {
            self.end(Outcome::Exit { code: 1 }, Some("no"), cents);
        }
        decision
    }

    fn modes(&self) -> Vec<&'static str> {
        self.state.failures().incidents().iter().map(|incident| incident.mode.name()).collect()
    }
}

impl Deref for Watched {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

impl DerefMut for Watched {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.0
    }
}

pub(crate) fn go(argument: impl Into<Value>) -> Case {
    call("go").input(json!({ "to": argument.into() })).op(does(&[]))
}

/// What the guard says, if it says anything.
pub(crate) fn says(decision: &Decision) -> Vec<String> {
    let found = decision.findings.iter().filter(|found| found.guard == GuardName::Failure);
    found.map(|found| found.message()).collect()
}

/// A261, bypass 156: successful repeats are found where their results do not change.
#[test]
fn bypass_156_successful_repeats_are_loops() {
    let mut world = Watched::new("{on: repeat, do: deny}");
    for _ in 0..2 {
        assert_eq!(world.gives(&go("x"), "same").effect, Effect::Allow);
    }
    let refused = world.gives(&go("x"), "same");
    assert_eq!(refused.effect, Effect::Deny);
    assert_eq!(says(&refused), [r#"Same action repeated 3 times: go {"to":"x"}"#]);
    // It stays refused, and nothing else is.
    assert_eq!(world.look(&go("x")).effect, Effect::Deny);
    assert_eq!(world.gives(&go("y"), "z").effect, Effect::Allow);
    assert_eq!(world.look(&go("x")).effect, Effect::Allow);
    // A result that changes is no loop: whoever waits for something asks again and again.
    let mut world = Watched::new("{on: repeat, do: deny}");
    for number in 0..5 {
        assert_eq!(world.gives(&go("x"), &number.to_string()).effect, Effect::Allow, "{number}");
    }
}

/// D251: each agent and session has a history of its own; how arguments are written does not matter.
#[test]
fn d251_histories_are_apart() {
    let mut world = Watched::new("{on: repeat, do: deny}");
    for number in [json!(1), json!(1.0)] {
        world.gives(&go(number), "same");
    }
    let mut other_session = go(1);
    other_session.request.principal.session = "t".into();
    for (case, effect) in [
        (go(1), Effect::Deny),
        (go(2), Effect::Allow),
        (go(1).by("b"), Effect::Allow),
        (other_session, Effect::Allow),
    ] {
        assert_eq!(world.look(&case).effect, effect, "{:?}", case.request);
    }
}

/// A261, Y081: alternation, cycles, and near repeats with equal ends.
#[test]
fn a261_patterns_before_the_next_step() {
    let signs = "{on: alternation, do: deny}, {on: cycle, do: deny}, {on: near_repeat, times: 4, do: deny}";
    for (steps, next, expected) in [
        ("a b a", "b", Some("Alternating action pattern detected")),
        ("a b a", "c", None),
        ("a b c d a b c d a b c", "d", Some("Cycle of length 4 detected")),
        ("a b c d a b c d a b c", "e", None),
        ("a1 a2 a3", "a4", Some("Nearly the same action repeated 4 times: go {\"to\":\"a4\"}")),
        ("a1 b2 a3", "a4", None),
    ] {
        let mut world = Watched::new(signs);
        for step in steps.split(' ') {
            world.fails(&go(step), 0);
        }
        let decision = world.look(&go(next));
        assert_eq!(says(&decision).first().map(String::as_str), expected, "{steps} {next}");
        assert_eq!(decision.effect == Effect::Deny, expected.is_some(), "{steps} {next}");
    }
}

/// B-03, A261: the same result five times, whatever was done; missing results are not equal (D251).
#[test]
fn a261_no_progress() {
    for (outputs, expected) in
        [(["r"; 5], Effect::Approve), (["r", "r", "r", "r", "s"], Effect::Allow), ([""; 5], Effect::Allow)]
    {
        let mut world = Watched::new("{on: no_progress, do: approve}");
        for (number, output) in outputs.iter().enumerate() {
            world.gives(&go(number), output);
        }
        assert_eq!(world.look(&go("next")).effect, expected, "{outputs:?}");
    }
}

/// Y093 (MAX_RETRIES), K008, K009: three failed attempts, the fourth is refused; what goes forward resets them.
#[test]
fn y093_the_fourth_attempt_is_refused() {
    let mut world = Watched::new("{on: retries, do: deny}");
    for number in 0..3 {
        assert_eq!(world.fails(&go("x"), 0).effect, Effect::Allow);
        world.fails(&go(number), 0);
    }
    let refused = world.ask(&go("x"));
    assert_eq!((refused.effect, says(&refused)), (Effect::Deny, vec!["Action repeated 4 times".to_owned()]));
    assert_eq!(world.gives(&go("y"), "something new").effect, Effect::Allow);
    assert_eq!(world.look(&go("x")).effect, Effect::Allow);
}

/// K008 to K014, case 2: an agent that tries one thing after another, a dollar a time, is stopped at ten dollars; after
/// three strategies a person is asked.
#[test]
fn k012_stops_at_or_below_ten_dollars() {
    let mut world = Watched::new("{on: spend, do: deny}");
    let mut spent = 0;
    for step in 0..100 {
        if world.fails(&go(step), 130).effect == Effect::Allow {
            spent += 130;
        }
    }
    assert!((900..=1000).contains(&spent), "{spent} cents");
    assert_eq!(says(&world.look(&go("x"))), ["More than $10.00 spent without progress"]);

    let mut world = Watched::new("{on: strategies, do: approve}");
    for step in 0..9 {
        assert_eq!(world.fails(&go(step / 3), 0).effect, Effect::Allow, "{step}");
    }
    let held = world.look(&go("another"));
    assert_eq!(
        (held.effect, says(&held)),
        (Effect::Approve, vec!["3 strategies have failed 3 times each".to_owned()])
    );
}

/// A warning lets the action run and stands in the decision.
#[test]
fn a_warning_is_a_duty() {
    let mut world = Watched::new("{on: repeat, do: warn}");
    let decision = (0..3).map(|_| world.gives(&go("x"), "same")).last().unwrap();
    assert_eq!(decision.effect, Effect::Allow);
    assert_eq!(decision.obligations, [Obligation::Warn { rule: "repeat".into() }]);
    assert_eq!(world.modes(), ["infinite_loop"]);
    let incident = world.state.failures().incidents().iter().next().unwrap();
    assert!(!incident.prevented);
    assert_eq!(incident.mitigation, "warned");
}

/// Responses: what is refused, and what happens to the agent besides.
#[test]
fn responses_lock_pause_and_kill_the_agent() {
    for (response, act, effect) in [
        ("isolate", Act::Lock, Effect::Lock),
        ("pause", Act::Pause, Effect::Deny),
        ("kill", Act::Kill, Effect::Deny),
    ] {
        let mut world = Watched::new(&format!("{{on: repeat, do: {response}}}"));
        for _ in 0..2 {
            world.gives(&go("x"), "same");
        }
        let decision = world.ask(&go("x"));
        assert_eq!(decision.effect, effect, "{response}");
        let consequence = &decision.consequences[0];
        assert_eq!((consequence.act, &consequence.scope), (act, &Scope::Agent("a".into())));
        // What the agent does next is stopped, and nobody else is.
        assert_eq!(world.look(&write("/code/x")).effect, Effect::Deny, "{response}");
        assert_eq!(world.look(&write("/code/x").by("b")).effect, Effect::Allow, "{response}");
    }
}

/// A project's file can tighten and never loosen: entries stand side by side.
#[test]
fn entries_of_all_files_hold() {
    use stayhand_core::decision::Layer;
    let user = "rules: [{allow: '*'}]\ntools: {go: {}}\nfailures: [{on: repeat, times: 4, do: deny}]";
    let policy =
        layers(&[(Layer::User, user), (Layer::Project, "failures: [{on: repeat, times: 3, do: warn}]")]);
    let mut world = Watched::under(policy);
    let effects: Vec<_> = (0..4).map(|_| world.gives(&go("x"), "same").effect).collect();
    assert_eq!(effects, [Effect::Allow, Effect::Allow, Effect::Allow, Effect::Deny]);
}

/// A262, D252, Y094: affected agents come from the log; what needs the failing thing is paused, what does not is not.
#[test]
fn a262_cascade() {
    let mut world = Watched::new("{on: retries, times: 1, do: deny}, {on: cascade, do: pause}");
    for agent in ["b", "c", "d"] {
        let case = go("x").by(agent);
        world.fails(&case, 0);
        assert_eq!(world.ask(&case).effect, Effect::Deny);
    }
    let stopped = world.look(&go("else"));
    assert_eq!(stopped.effect, Effect::Deny);
    assert_eq!(says(&stopped), ["Cascade failure: 3 agents within 5 minutes (b, c, d); they share `go`"]);
    assert_eq!(world.look(&write("/code/x")).effect, Effect::Allow);
    world.now = world.now.plus_seconds(300);
    assert_eq!(world.look(&go("else")).effect, Effect::Allow);
    // What is worth a warning alone is no failure that spreads.
    let mut world = Watched::new("{on: retries, times: 1, do: warn}, {on: cascade, do: pause}");
    for agent in ["b", "c", "d"] {
        let case = go("x").by(agent);
        world.fails(&case, 0);
        world.fails(&case, 0);
    }
    assert_eq!(world.look(&go("else")).effect, Effect::Allow);
}

/// A264, D252: the goal is that of the previous context; a context that is lost is refused before it is remembered.
#[test]
fn a264_context_loss() {
    let mut world = Watched::new("{on: context_loss, do: deny}");
    let context = |goal: &str, step: &str, done: &[&str]| {
        go(step).declares(
            "task_context",
            json!({ "task_goal": goal, "current_step": step, "completed_steps": done }),
        )
    };
    assert_eq!(world.gives(&context("g", "b", &["a"]), "1").effect, Effect::Allow);
    let refused = world.ask(&context("other", "c", &["a", "b"]));
    assert_eq!(
        (refused.effect, says(&refused)),
        (Effect::Deny, vec!["Context lost: the goal has changed".to_owned()])
    );
    assert_eq!(world.gives(&context("g", "c", &["a", "b"]), "2").effect, Effect::Allow);
    assert_eq!(world.ask(&context("g", "c", &["b"])).effect, Effect::Deny);
    assert_eq!(world.ask(&go("without")).effect, Effect::Allow);
}

/// A265, Y152: shares of limits on tokens and value; a limit of zero is exhausted.
#[test]
fn a265_exhaustion() {
    let text = |percent: u64, max: u64| {
        format!(
            "rules: [{{allow: '*'}}]\ntools: {{go: {{}}}}\nlimits: [{{of: tokens, window_s: 60, max: {max}}}]\n\
             failures: [{{on: exhaustion, percent: {percent}, do: approve}}]"
        )
    };
    for (used, percent, expected) in [
        (79, 80, Effect::Allow),
        (80, 80, Effect::Approve),
        (89, 90, Effect::Allow),
        (90, 90, Effect::Approve),
        (100, 100, Effect::Approve),
    ] {
        let mut world = Watched::under(policy(&text(percent, 100)));
        world.ask(&go("x").declares("input_tokens", json!(used)));
        let decision = world.look(&go("y"));
        assert_eq!(decision.effect, expected, "{used} {percent}");
        if expected == Effect::Approve {
            let sentence = format!("token_limit: `limit_1` is used up to {percent} % or more");
            assert_eq!(says(&decision), [sentence]);
        }
    }
    assert_eq!(go("x").effect(&policy(&text(90, 0))), Effect::Approve);
}

/// A266: a failed self-check, bursts of refusals, and writes that read back differently.
#[test]
fn a266_other_signs() {
    let world = Watched::new("{on: self_check, do: deny}");
    for (answer, effect) in [
        (json!(false), Effect::Deny),
        (json!("failed"), Effect::Deny),
        (json!(true), Effect::Allow),
        (json!("passed"), Effect::Allow),
    ] {
        assert_eq!(world.look(&go("x").declares("self_check", answer.clone())).effect, effect, "{answer}");
    }

    let mut world = Watched::new("{on: violations, times: 3, within_s: 60, do: isolate}");
    for number in 0..2 {
        assert_eq!(world.ask(&write(&format!("/etc/{number}"))).effect, Effect::Deny);
        assert_eq!(world.look(&write("/code/x")).effect, Effect::Allow, "{number}");
    }
    let third = world.ask(&write("/etc/2"));
    assert_eq!(says(&third), ["3 refusals within 60 s: the agent goes on asking"]);
    assert!(world.look(&write("/code/x")).effect >= Effect::Deny, "it is locked");

    let mut world = Watched::new("{on: corruption, do: approve}");
    world.ask(&write("/code/x"));
    world.end(Outcome::Failed { error: format!("/code/x: {WRITE_DIFFERS}") }, None, 0);
    assert_eq!(world.modes(), ["data_corruption"]);
    assert_eq!(world.look(&go("x")).effect, Effect::Approve);
    assert_eq!(world.look(&go("x").by("b")).effect, Effect::Allow);
}

/// A267: incidents in numbers, with what was spent and when it was over.
#[test]
fn a267_incidents() {
    let mut world = Watched::new("{on: retries, do: deny}");
    for _ in 0..4 {
        world.fails(&go("x"), 200);
    }
    let incident = world.state.failures().incidents().iter().next().unwrap().clone();
    assert_eq!((incident.mode, incident.prevented, incident.times), (FailureMode::InfiniteLoop, true, 1));
    assert_eq!((&*incident.mitigation, &*incident.description), ("refused", "Action repeated 4 times"));
    assert_eq!((incident.cost_nanousd, incident.recovered_after_us), (6_000_000_000, None));
    world.gives(&go("y"), "new");
    let incident = world.state.failures().incidents().iter().next().unwrap();
    assert!(incident.recovered_after_us.is_some());
    assert_eq!(world.state.failures().incidents().statistics().prevention_rate, Some(1.0));
}

/// A person's yes holds for what the person was shown, and the action then runs.
#[test]
fn an_approved_repeat_runs() {
    use stayhand_core::decision::ApprovalId;
    use stayhand_core::event::ApprovalResolved;
    let mut world = Watched::new("{on: repeat, do: approve}");
    for _ in 0..2 {
        world.gives(&go("x"), "same");
    }
    let approval = ApprovalId(world.log.len() as u64);
    assert_eq!(world.ask(&go("x")).effect, Effect::Approve);
    let answer = ApprovalResolved { approval, by: "ada".into(), grant: true, comment: String::new() };
    world.apply(Event::ApprovalResolved(answer));
    assert_eq!(world.ask(&go("x")).effect, Effect::Allow);
}

/// Bypass 117: an attack that is spread over several calls is judged by the state of its agent: what one session
/// wrote its refusals and failures into stops the next call of the same session, harmless by itself.
#[test]
fn bypass_117_state_is_kept_across_calls() {
    let mut world = Watched::new("{on: violations, times: 2, within_s: 600, do: isolate}");
    world.ask(&write("/etc/passwd"));
    world.ask(&go("harmless"));
    world.ask(&write("/etc/shadow"));
    let mut later = write("/code/x");
    later.request.principal.session = "another".into();
    assert_eq!(world.look(&later).effect, Effect::Deny, "the lock is the agent's, not the session's");
    assert_eq!(world.look(&later.by("b")).effect, Effect::Allow);
}

/// Bypass 157: many agents and sessions do not make the state grow without bound.
#[test]
fn bypass_157_sessions_are_bounded() {
    let mut world = Watched::new("{on: repeat, do: warn}");
    let mut kept = 0;
    for number in 0..21_000 {
        let case = go("x").by(&format!("agent {number}"));
        world.gives(&case, "same");
    }
    for number in 0..21_000 {
        let case = go("x").by(&format!("agent {number}"));
        kept += usize::from(world.state.failures().history(&case.request.principal).is_some());
    }
    assert!((15_000..=20_000).contains(&kept), "{kept}");
    let newest = go("x").by("agent 20999");
    assert!(world.state.failures().history(&newest.request.principal).is_some());
}
