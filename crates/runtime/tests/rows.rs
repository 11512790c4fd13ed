//! The engine under callers who do many things at once, or the wrong thing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use serde_json::json;
use stayhand_core::decision::{Effect, Layer, Level};
use stayhand_core::event::Outcome;
use stayhand_core::reason::Reason;
use stayhand_core::risk::Risk;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Effected, Engine, Executor, Permit, Settings, Verdict, Work, wire};
use std::path::PathBuf;

/// An engine and the one policy file it reads.
struct World {
    engine: Engine,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.yaml");
        std::fs::write(&file, policy).unwrap();
        let policy = PolicyFiles::default().named(Layer::User, file.clone());
        let engine = Engine::in_memory(Settings { policy, ..Settings::default() }).unwrap();
        Self { engine, file, _folder: folder }
    }

    fn request(agent: &str, tool: &str) -> wire::Parsed {
        let line = json!({ "tool": tool, "input": {}, "agent": agent }).to_string();
        wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap()
    }

    fn permit(&self, agent: &str, tool: &str) -> Option<Permit> {
        match self.engine.authorize(Self::request(agent, tool)).unwrap() {
            Verdict::Permitted(permit) => Some(permit),
            Verdict::Held(_) | Verdict::Refused(_) => None,
        }
    }

    fn effect(&self, tool: &str) -> Effect {
        self.engine.check(Self::request("a", tool), false).unwrap().decision.effect
    }
}

/// R-08, D020, D205, P093: sixty-four callers never get more than the cap, and questions cost nothing.
#[test]
fn r_08_deciding_and_counting_are_one() {
    let world = World::new("actions: {go: {approval: false, rate_per_hour: 10}}");
    for _ in 0..1000 {
        assert_eq!(world.effect("go"), Effect::Allow);
    }
    let got: usize = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..64).map(|_| scope.spawn(|| world.permit("a", "go"))).collect();
        callers.into_iter().filter_map(|caller| caller.join().unwrap()).count()
    });
    assert_eq!(got, 10);
    assert_eq!(world.effect("go"), Effect::Deny);
}

/// R-08, D204: the cap of all agents together holds under the same load; a permit that is given back
/// makes room for one.
#[test]
fn r_08_what_is_given_back_makes_room() {
    let world = World::new("actions: {go: {approval: false, total_per_hour: 10}}");
    let permits: Vec<Permit> = std::thread::scope(|scope| {
        let ask = |n: usize| {
            let world = &world;
            scope.spawn(move || world.permit(&format!("agent-{n}"), "go"))
        };
        let callers: Vec<_> = (0..64).map(ask).collect();
        callers.into_iter().filter_map(|caller| caller.join().unwrap()).collect()
    });
    assert_eq!(permits.len(), 10);
    assert!(world.permit("late", "go").is_none());
    let mut permits = permits.into_iter();
    world.engine.abandon(permits.next().unwrap(), "not wanted").unwrap();
    assert!(world.permit("late", "go").is_some());
    assert!(world.permit("late", "go").is_none());
    // What was tried and failed was used.
    world
        .engine
        .settle(permits.next().unwrap(), Outcome::Failed { error: "no".into() }, Default::default())
        .unwrap();
    assert!(world.permit("late", "go").is_none());
}

/// Does nothing but panic.
struct Broken;

impl Executor for Broken {
    fn level(&self) -> Level {
        Level::None
    }

    fn run(&self, _: &Work<'_>) -> (Outcome, Effected) {
        panic!("injected")
    }
}

/// R-06, A179 (as far as faults can be injected from outside): a panic while acting is an outcome of its
/// own, and the engine goes on deciding.
#[test]
fn r_06_a_fault_is_no_permission() {
    let world = World::new("actions: {go: {approval: false}}");
    let done = world.engine.execute(world.permit("a", "go").unwrap(), &Broken).unwrap();
    assert!(matches!(done.outcome, Outcome::Failed { .. }), "{:?}", done.outcome);
    assert_eq!(world.effect("go"), Effect::Allow);
    assert_eq!(world.effect("stop"), Effect::Deny);
}

/// A132, A115: rules come and go at run time; a broken file changes nothing.
#[test]
fn a132_rules_come_and_go() {
    let world = World::new("rules: [{allow: go}]");
    let reload = |text: &str| {
        std::fs::write(&world.file, text).unwrap();
        world.engine.reload().map(|policy| policy.rules().len())
    };
    assert_eq!(world.effect("go"), Effect::Allow);
    assert_eq!(reload("rules: [{allow: go}, {name: no, deny: go}]").unwrap(), 2);
    assert_eq!(world.effect("go"), Effect::Deny);
    assert!(reload("rules: [{allow: go}, {name: no, dney: go}]").is_err());
    assert_eq!(world.effect("go"), Effect::Deny);
    assert_eq!(reload("rules: [{allow: go}]").unwrap(), 1);
    assert_eq!(world.effect("go"), Effect::Allow);
    assert_eq!(reload("boundaries: {time: {hours: '00:00-00:00'}}\nrules: [{allow: go}]").unwrap(), 1);
    assert_eq!(world.effect("go"), Effect::Deny);
}

/// what the answer of a validation holds, and that asking for approval is a real request.
#[test]
fn r_40_the_answer_of_a_validation() {
    let world = World::new("rules: [{allow: go}, {name: ask, approve: go, reason: It goes}]");
    let Verdict::Held(held) = world.engine.authorize(World::request("a", "go")).unwrap() else {
        panic!("it has to wait")
    };
    // is_valid, requires_approval: the effect; violations and recommendations: findings with their words.
    assert_eq!(held.decision.effect, Effect::Approve);
    let words: Vec<_> = held.decision.findings.iter().map(|found| (found.reason, found.message())).collect();
    assert!(words.contains(&(Reason::RuleApprove, "It goes".to_owned())), "{words:?}");
    assert!(held.decision.risk < Risk::Critical);
    // The approval exists, can be answered once by a person, and lets exactly this request through.
    assert!(world.permit("a", "go").is_none());
    world.engine.resolve(held.approval, "grace", true, "").unwrap();
    assert!(world.engine.resolve(held.approval, "grace", true, "").is_err());
    assert!(world.permit("a", "go").is_some());
    assert!(world.permit("a", "go").is_none(), "used once");
}

/// Bypass 158: what the engine forgets to stay small stays in the log, and the log verifies.
#[test]
fn bypass_158_what_is_forgotten_stays_in_the_log() {
    const QUESTIONS: u64 = 1010;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    std::fs::write(
        &file,
        "defaults: {approval_timeout_s: 0}\nrules: [{allow: go}, {name: ask, approve: go}]",
    )
    .unwrap();
    let policy = || PolicyFiles::default().named(Layer::User, file.clone());
    let time = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1));
    let settings = || Settings {
        policy: policy(),
        clock: stayhand_runtime::Clock::Manual(time.clone()),
        ..Settings::default()
    };
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let engine = Engine::open(&state, settings()).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..10 {
            let (engine, time) = (&engine, &time);
            scope.spawn(move || {
                for _ in 0..QUESTIONS / 10 {
                    time.fetch_add(10, std::sync::atomic::Ordering::SeqCst);
                    let asked = World::request(&format!("agent-{caller}"), "go");
                    assert!(matches!(engine.authorize(asked).unwrap(), Verdict::Held(_)));
                }
            });
        }
    });
    drop(engine);
    let report = stayhand_store::Log::open_read_only(&state).unwrap().verify(None, None).unwrap();
    assert!(report.records > QUESTIONS, "{report:?}");
    // Whoever starts anew has read all of it and remembers no more than before.
    let engine = Engine::open(&state, settings()).unwrap();
    assert!(matches!(engine.authorize(World::request("late", "go")).unwrap(), Verdict::Held(_)));
}
