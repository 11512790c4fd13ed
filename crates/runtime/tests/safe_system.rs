//! The safe autonomous system: each shape of an answer, and that each refusal keeps what comes after it from happening.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use serde_json::{Value, json};
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, SwitchMoved};
use stayhand_core::decision::ApprovalId;
use stayhand_core::event::{Event, Outcome};
use stayhand_runtime::Clock;
use stayhand_runtime::presets::{
    Action, CleanupEnd, NotDone, SafeAutonomousConfig, SafeAutonomousSystem, Service, SystemSettings,
};
use stayhand_store::Query;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// A system whose clock the test moves.
struct World {
    system: SafeAutonomousSystem,
    time: Arc<AtomicU64>,
}

impl World {
    fn new(settings: SystemSettings) -> Self {
        let time = Arc::new(AtomicU64::new(1_800_000_000_000_000));
        let clock = Clock::Manual(Arc::clone(&time));
        Self { system: SafeAutonomousSystem::new(SystemSettings { clock, ..settings }).unwrap(), time }
    }

    fn limited(config: SafeAutonomousConfig) -> Self {
        Self::new(SystemSettings { config, ..SystemSettings::default() })
    }

    fn wait(&self, seconds: u64) {
        self.time.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Asks ten seconds after the action before.
    fn ask(&self, action: &Action, run: impl FnOnce(&Action) -> Result<Value, String>) -> Value {
        self.wait(10);
        self.system.execute_action(action, run)
    }

    fn succeed(&self, action: &Action) -> Value {
        self.ask(action, |_| Ok(json!("ok")))
    }

    fn fail(&self, action: &Action) -> Value {
        self.ask(action, |_| Err("password=hunter2 at /srv/app.rs:7".to_owned()))
    }

    /// The action must not run.
    fn refused(&self, action: &Action) -> Value {
        self.ask(action, |_| panic!("it ran"))
    }

    fn answer(&self, refused: &Value, grant: bool) {
        let id: ApprovalId = refused["request_id"].as_str().unwrap().parse().unwrap();
        self.system.engine().resolve(id, "ada", grant, "").unwrap();
    }

    /// How the actions ended, as recorded.
    fn outcomes(&self) -> Vec<Outcome> {
        let reader = self.system.engine().reader().unwrap();
        let records = reader.records(&Query::default()).unwrap();
        let events = records.map(|stored| stored.unwrap().parse().unwrap().event);
        events
            .filter_map(|event| if let Event::Settled(end) = event { Some(end.outcome) } else { None })
            .collect()
    }
}

fn of(service: Service, value: f64) -> Action {
    Action { kind: "trade".into(), description: "a trade".into(), value: Some(value), service }
}

fn api(value: f64) -> Action {
    of(Service::Api, value)
}

/// A096, A029, A078: the defaults, and the one policy that says it all.
#[test]
fn a096_defaults() {
    let config = SafeAutonomousConfig::default();
    assert_eq!((config.max_actions, config.max_value, config.max_total), (1000, 10_000, 100_000));
    let read: SafeAutonomousConfig = serde_json::from_str(r#"{"max_value": 5}"#).unwrap();
    assert_eq!(read, SafeAutonomousConfig { max_value: 5, ..config });
    assert!(serde_json::from_str::<SafeAutonomousConfig>(r#"{"max_valeu": 5}"#).is_err());
    let world = World::limited(config);
    let policy = world.system.engine().policy();
    let controls = policy.controls();
    assert_eq!(controls.limits.len(), 3);
    let breakers: Vec<_> = controls.breakers.iter().map(|breaker| breaker.name.as_str()).collect();
    assert_eq!(breakers, ["api", "database"]);
    let watched: Vec<_> = controls.anomaly.as_ref().unwrap().watch.iter().collect();
    assert_eq!(
        watched.iter().map(|(metric, limit)| (metric.name(), **limit)).collect::<Vec<_>>(),
        [("value", 3.0), ("frequency", 2.5)]
    );
}

/// A098: what ran.
#[test]
fn a098_success() {
    let world = World::limited(SafeAutonomousConfig::default());
    assert_eq!(world.succeed(&api(100.0)), json!({ "success": true, "result": "ok" }));
    assert_eq!(world.outcomes(), [Outcome::Done]);
}

/// D046: a value is required, and has to be an amount. Zero is one.
#[test]
fn d046_the_value_is_required() {
    let world = World::limited(SafeAutonomousConfig::default());
    for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0), Some(-0.01), Some(1e300)] {
        let answer = world.refused(&Action { value, ..api(0.0) });
        assert_eq!(answer["error"], "Invalid action", "{value:?}: {answer}");
        assert!(answer["reason"].as_str().is_some_and(|why| why.contains("value")), "{answer}");
    }
    assert_eq!(world.succeed(&api(0.0))["success"], true);
    let read: Action = serde_json::from_str(r#"{"type": "pay", "service": "database"}"#).unwrap();
    assert_eq!((read.value, read.service), (None, Service::Database));
    assert!(serde_json::from_str::<Action>(r#"{"type": "pay", "value": "12"}"#).is_err());
}

/// A098, A096, D046: one threshold. A hundred dollars run, a cent more waits for exactly one yes.
#[test]
fn d046_one_threshold_of_approval() {
    let world = World::limited(SafeAutonomousConfig::default());
    assert_eq!(world.succeed(&api(100.0))["success"], true);
    for value in [100.01, 500.0, 1000.0, 1000.01, 10_000.0] {
        let action = api(value);
        let held = world.refused(&action);
        assert_eq!(held, json!({ "error": "Approval required", "request_id": held["request_id"] }));
        assert_eq!(world.refused(&action), held, "nobody has answered yet");
    }
    let action = api(500.0);
    world.answer(&world.refused(&action), true);
    assert_eq!(world.succeed(&action)["success"], true);
    let held = world.refused(&action);
    assert_eq!(held["error"], "Approval required", "a yes is for one action");
    world.answer(&held, false);
    assert_eq!(world.refused(&action), held, "a no has the same shape");
}

/// A096: a person has sixty minutes.
#[test]
fn a096_sixty_minutes() {
    for (minutes, answered) in [(59, true), (61, false)] {
        let world = World::limited(SafeAutonomousConfig::default());
        let held = world.refused(&api(500.0));
        world.wait(minutes * 60);
        let id: ApprovalId = held["request_id"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.system.engine().resolve(id, "ada", true, "").is_ok(), answered);
    }
}

/// A098, A097: limits, before anybody is asked. What failed used its share; what was refused used none.
#[test]
fn a098_limits() {
    let limits = |max_actions, max_value, max_total| {
        World::limited(SafeAutonomousConfig { max_actions, max_value, max_total })
    };
    let is_over = |answer: &Value, reason: &str| {
        assert_eq!(answer["error"], "Resource limit exceeded", "{answer}");
        assert!(answer["reason"].as_str().unwrap().starts_with(reason), "{answer}");
    };
    let world = limits(1000, 50, 1000);
    is_over(&world.refused(&api(50.01)), "Action value $50.01 exceeds max $50.00");
    is_over(&world.refused(&api(5000.0)), "Action value");
    assert_eq!(world.succeed(&api(50.0))["success"], true);

    let world = limits(2, 100, 1000);
    assert_eq!(world.fail(&api(1.0))["error"], "Action failed");
    world.refused(&api(200.0));
    assert_eq!(world.succeed(&api(1.0))["success"], true);
    is_over(&world.refused(&api(1.0)), "Max actions per hour exceeded (2)");
    world.wait(3600);
    assert_eq!(world.succeed(&api(1.0))["success"], true);

    let world = limits(1000, 100, 150);
    assert_eq!(world.succeed(&api(100.0))["success"], true);
    is_over(&world.refused(&api(51.0)), "Total value would exceed limit ($151.00)");
    assert_eq!(world.succeed(&api(50.0))["success"], true);
}

/// KS-03, A098, A099, D035: one anomaly waits for a person, the third in a row pauses. What waited taught nothing.
#[test]
fn d035_anomalies() {
    let world = World::limited(SafeAutonomousConfig::default());
    for n in 0..20 {
        assert_eq!(world.succeed(&api(10.0 + f64::from(n % 3)))["success"], true);
    }
    for value in [90.0, 91.0] {
        assert_eq!(world.refused(&api(value))["error"], "Approval required");
    }
    let paused = world.refused(&api(92.0));
    assert_eq!(paused["error"], "Anomaly detected - paused");
    let reason = paused["reason"].as_str().unwrap();
    assert!(reason.starts_with("Z-score"), "{reason}");
    let stopped = world.refused(&api(10.0));
    assert_eq!(
        stopped,
        json!({ "error": "System is stopped", "reason": format!("Anomaly detected: {reason}") })
    );
    assert!(!world.system.is_active().unwrap());
    world.system.resume("ada", "looked at it").unwrap();
    assert_eq!(world.succeed(&api(11.0))["success"], true);
}

/// D035, A078: actions that come much faster than usual are anomalous too.
#[test]
fn d035_frequency_is_watched() {
    let world = World::limited(SafeAutonomousConfig::default());
    for n in 0..20 {
        world.wait(n % 3);
        assert_eq!(world.succeed(&api(10.0 + (n % 3) as f64))["success"], true);
    }
    let fast = world.system.execute_action(&api(10.0), |_| -> Result<Value, ()> { panic!("it ran") });
    assert_eq!(fast["error"], "Approval required", "{fast}");
}

/// A098, A029, D035: each service has its breaker; the other goes on.
#[test]
fn a098_breakers() {
    for (service, other, name, failures, seconds) in [
        (Service::Api, Service::Database, "api", 5, 60),
        (Service::Database, Service::Api, "database", 3, 120),
    ] {
        let world = World::limited(SafeAutonomousConfig::default());
        for _ in 0..failures {
            assert_eq!(world.fail(&of(service, 1.0))["error"], "Action failed");
        }
        let open = json!({ "error": "Circuit open", "service": name });
        assert_eq!(world.refused(&of(service, 1.0)), open);
        // Nobody is asked about what cannot go through.
        assert_eq!(world.refused(&of(service, 500.0)), open);
        assert_eq!(world.succeed(&of(other, 1.0))["success"], true);
        world.wait(seconds + seconds / 10);
        for _ in 0..3 {
            assert_eq!(world.succeed(&of(service, 1.0))["success"], true);
        }
        assert_eq!(world.fail(&of(service, 1.0))["error"], "Action failed");
        assert_eq!(world.succeed(&of(service, 1.0))["success"], true, "it has recovered");
    }
}

/// D044: questions take no place of a breaker that tries again.
#[test]
fn d044_questions_take_no_slot() {
    let world = World::limited(SafeAutonomousConfig::default());
    for _ in 0..5 {
        world.fail(&api(1.0));
    }
    world.wait(66);
    for value in [200.0, 300.0, 400.0, 500.0] {
        assert_eq!(world.refused(&api(value))["error"], "Approval required");
    }
    assert_eq!(world.succeed(&api(1.0))["success"], true);
}

/// A097: the kill switch stands before everything: no limit is used, nothing is asked, nothing learned, nothing run.
#[test]
fn a097_the_kill_switch_comes_first() {
    let world = World::limited(SafeAutonomousConfig {
        max_actions: 1,
        max_value: 200,
        ..SafeAutonomousConfig::default()
    });
    world.system.pause("ada", "lunch").unwrap();
    for action in [api(1.0), api(150.0), api(1e6), Action { value: None, ..api(0.0) }] {
        assert_eq!(world.refused(&action), json!({ "error": "System is stopped", "reason": "lunch" }));
    }
    world.system.resume("ada", "back").unwrap();
    assert_eq!(world.succeed(&api(1.0))["success"], true);
    assert_eq!(world.refused(&api(1.0))["error"], "Resource limit exceeded");
    assert_eq!(world.refused(&api(150.0))["error"], "Resource limit exceeded", "limits before questions");
}

/// KS-01: an order that comes while an action runs stops the next one.
#[test]
fn ks_01_an_order_during_an_action() {
    let world = World::limited(SafeAutonomousConfig { max_actions: 1, ..SafeAutonomousConfig::default() });
    let during = world.ask(&api(1.0), |_| {
        world.system.pause("ada", "now").unwrap();
        Ok(json!(1))
    });
    assert_eq!(during["success"], true, "a function cannot be interrupted");
    assert_eq!(world.refused(&api(1.0))["error"], "System is stopped");
    assert!(world.system.rearm("ada", "wrong order").is_err(), "a paused system is resumed");
}

/// A101, D045: a failure is a typed error without insides, counts for the breaker, is undone, and is settled.
#[test]
fn a101_d045_failure() {
    let undone = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&undone);
    let settings = SystemSettings::default().undo(move |action| {
        assert_eq!(action.kind, "trade");
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let world = World::new(settings);
    assert_eq!(world.fail(&api(1.0)), json!({ "error": "Action failed" }));
    assert_eq!(world.ask(&api(1.0), |_| panic!("secret insides")), json!({ "error": "Action panicked" }));
    assert_eq!(world.succeed(&api(1.0))["success"], true);
    assert_eq!(undone.load(Ordering::SeqCst), 2, "once for each failure, never for a success");
    let ends = world.outcomes();
    let failed = |how: &str| Outcome::Failed { error: format!("the action {how} and was undone") };
    assert_eq!(ends, [failed("failed"), failed("panicked"), Outcome::Done]);
    let open = world.system.engine().refreshed(|state, _| state.open().len()).unwrap();
    assert_eq!(open, 0, "everything is settled");
    // The caller's own error is for the caller.
    let error = world.system.attempt(&api(1.0), |_| Err::<Value, _>("insides")).unwrap_err();
    assert!(matches!(error, NotDone::Failed { error: "insides", undone: Some(true) }), "{error:?}");
}

/// A101, D045: an undo that fails, or panics, is said and recorded.
#[test]
fn a101_an_undo_that_fails() {
    let world = World::new(SystemSettings::default().undo(|action| match action.value {
        Some(1.0) => Err("the token sk_live_4eC39HqLyjWDarjtT1zdp7dc is dead".to_owned()),
        _ => panic!("no"),
    }));
    assert_eq!(world.fail(&api(1.0)), json!({ "error": "Action failed and was not undone" }));
    assert_eq!(world.fail(&api(2.0)), json!({ "error": "Action failed and was not undone" }));
    let record = format!("{:?}", world.outcomes());
    assert!(record.contains("the undo hook panicked") && !record.contains("4eC39"), "{record}");
}

/// A panic is a failure of the service.
#[test]
fn d014_panics_open_the_breaker() {
    let world = World::limited(SafeAutonomousConfig::default());
    for _ in 0..5 {
        assert_eq!(world.ask(&api(1.0), |_| panic!("no"))["error"], "Action panicked");
    }
    assert_eq!(world.refused(&api(1.0))["error"], "Circuit open");
}

/// D001, KS-03, A103, A004: the cleanup runs once for a kill, may use the system, and is waited for.
#[test]
fn a103_a004_cleanup() {
    let cleaned = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&cleaned);
    let settings = SystemSettings::default().cleanup(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let world = World::new(settings);
    world.system.pause("ada", "lunch").unwrap();
    assert_eq!((cleaned.load(Ordering::SeqCst), world.system.last_cleanup()), (0, None));
    assert_eq!(world.system.kill("ada", "fire").unwrap(), CleanupEnd::Done);
    assert!(world.system.kill("ada", "again").is_err(), "A003: a second kill changes nothing");
    assert_eq!(world.refused(&api(1.0)), json!({ "error": "System is stopped", "reason": "fire" }));
    assert_eq!((cleaned.load(Ordering::SeqCst), world.system.last_cleanup()), (1, Some(CleanupEnd::Done)));
    assert!(world.system.resume("ada", "no").is_err(), "a killed system is re-armed");
    world.wait(10);
    world.system.rearm("ada", "put out").unwrap();
    assert_eq!(world.succeed(&api(1.0))["success"], true);
    assert_eq!(world.system.kill("ada", "fire again").unwrap(), CleanupEnd::Done);
    assert_eq!(cleaned.load(Ordering::SeqCst), 2);
}

/// A004: a cleanup that hangs is left behind, with the fixed sentence; one that panics has failed.
#[test]
fn a004_a_cleanup_that_hangs() {
    assert_eq!(SystemSettings::default().cleanup_wait, Duration::from_secs(30));
    let settings = SystemSettings { cleanup_wait: Duration::from_millis(20), ..SystemSettings::default() };
    let world = World::new(settings.cleanup(|| std::thread::sleep(Duration::from_secs(31))));
    let end = world.system.kill("ada", "fire").unwrap();
    assert_eq!(end.to_string(), "[KILL SWITCH] Cleanup timeout - forcing exit");
    let world = World::new(SystemSettings::default().cleanup(|| panic!("no")));
    assert_eq!(world.system.kill("ada", "fire").unwrap(), CleanupEnd::Failed);
    let world = World::new(SystemSettings::default());
    assert_eq!(world.system.kill("ada", "fire").unwrap(), CleanupEnd::Nothing, "A005");
}

/// A004, A011, A103: somebody else's order starts the cleanup when it is seen; a restart neither forgets the switch
/// nor cleans up again.
#[test]
fn a103_orders_of_others_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let cleaned = Arc::new(AtomicU32::new(0));
    let settings = || {
        let count = Arc::clone(&cleaned);
        let home = Some(folder.path().join("state"));
        SystemSettings { home, ..SystemSettings::default() }.cleanup(move || {
            count.fetch_add(1, Ordering::SeqCst);
        })
    };
    let world = World::new(settings());
    let other = World::new(settings());
    let kill = |scope| SwitchMoved { scope, order: Order::Kill, by: "ada".into(), reason: "fire".into() };
    other.system.engine().order(kill(Scope::All)).unwrap();
    assert!(!world.system.is_active().unwrap());
    for _ in 0..500 {
        if world.system.last_cleanup().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(world.refused(&api(1.0))["error"], "System is stopped");
    assert_eq!(cleaned.load(Ordering::SeqCst), 1);
    drop((world, other));
    let again = World::new(settings());
    assert_eq!(again.refused(&api(1.0)), json!({ "error": "System is stopped", "reason": "fire" }));
    assert_eq!((cleaned.load(Ordering::SeqCst), again.system.last_cleanup()), (1, None));
}

/// A062, N-03, L-01: threads share a system, and no more runs than there is.
#[test]
fn l_01_threads() {
    let world = World::limited(SafeAutonomousConfig { max_actions: 5, ..SafeAutonomousConfig::default() });
    let ran = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for n in 0..16 {
            let (system, ran) = (&world.system, &ran);
            scope.spawn(move || {
                system.execute_action(&api(f64::from(n)), |_| {
                    ran.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, ()>(Value::Null)
                })
            });
        }
    });
    assert_eq!(ran.load(Ordering::SeqCst), 5);
}
