//! Tiers: how well an agent does, what that calls for, and what it does not.

use crate::common::*;
use crate::world::{World, reasons};
use serde_json::json;
use stayhand_core::control::lock::LockReleased;
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, SwitchMoved};
use stayhand_core::control::tier::alert::Severity;
use stayhand_core::control::tier::assess::{Assessment, Status};
use stayhand_core::control::tier::config::{TierConfig, TierSource};
use stayhand_core::control::tier::performance::Snapshot;
use stayhand_core::control::tier::{Measured, Metric};
use stayhand_core::decision::{Decision, Effect};
use stayhand_core::event::{Event, Outcome};
use stayhand_core::facts::{Access, Trait};

const ALLOW: &str =
    "rules: [{allow: '*'}, {deny: bash}]\ntools: {go: {}}\nboundaries: {paths: {allow: ['/**']}}";

fn world(tiers: &str) -> World {
    World::new(policy(&format!("{ALLOW}\ntiers: {tiers}")))
}

fn go() -> Case {
    call("go").op(does(&[Trait::ExecuteCode]))
}

impl World {
    fn go(&mut self, seconds: u64, outcome: Outcome) -> Decision {
        self.now = self.now.plus_seconds(1);
        let decision = self.ask(go());
        if decision.effect == Effect::Allow {
            self.end(seconds * 1_000_000, outcome);
        }
        decision
    }

    /// So many of a hundred actions end well, spread evenly.
    fn hundred(&mut self, good: u32, seconds: u64) {
        for n in 0..100_u32 {
            let ends_well = n * good / 100 != (n + 1) * good / 100;
            self.go(seconds, if ends_well { Outcome::Done } else { Outcome::Exit { code: 1 } });
        }
    }

    fn assessment(&self) -> Assessment {
        self.state.monitor().find("a").map(|watched| *watched.assessment()).unwrap_or_default()
    }

    /// The impact of agent `a`, measured outside.
    fn measures(&mut self, value: f64) {
        let (metric, policy) = (Metric::MarketImpact, self.policy.id());
        let measured = Measured { agent: "a".into(), metric, value, policy, by: "shop".into() };
        self.apply(Event::Measured(measured));
    }

    fn is_locked(&self) -> bool {
        self.state.locks().of(&Scope::Agent("a".into()), self.now).is_some()
    }
}

/// A161, A160 to A162: the bounds, exactly.
#[test]
fn a160_the_usual_bounds() {
    let config = serde_json::to_value(TierConfig::default()).unwrap();
    let level = |tier, success, efficiency, response, impact, iterations, confidence, failures| {
        json!({
            "tier": tier, "success_rate": success, "efficiency_score": efficiency, "response_time": response,
            "market_impact": impact, "max_iterations": iterations,
            "lock_criteria": {"min_confidence": confidence, "consecutive_failures": failures},
        })
    };
    let none: Option<f64> = None;
    assert_eq!(config["levels"][0], level(1, 0.80, 0.65, 45.0, none, 3, 0.85, 6));
    assert_eq!(config["levels"][1], level(2, 0.70, 0.50, 60.0, Some(0.35), 2, 0.75, 4));
    assert_eq!(config["levels"][2], level(3, 0.55, 0.35, 90.0, Some(0.25), 1, 0.65, 3));
}

/// A163, T-01: at a bound an agent is in the tier; just off it, it is not. A perfect one is healthy.
#[test]
fn t_01_at_the_bounds() {
    let config = TierConfig::default();
    let perfect = Snapshot {
        success_rate: Some(1.0),
        average_response_time: Some(0.0),
        efficiency_score: Some(1.0),
        market_impact_score: Some(1.0),
        samples: 100,
    };
    let tier = |snapshot: Snapshot| {
        let Assessment { tier, status, .. } = config.assess(&snapshot, 0);
        (tier, status)
    };
    assert_eq!(tier(perfect), (1, Status::Healthy));
    assert_eq!(tier(Snapshot { samples: 19, ..perfect }), (0, Status::InsufficientData));
    for (snapshot, expected) in [
        (Snapshot { success_rate: Some(0.80), ..perfect }, (1, Status::Degraded)),
        (Snapshot { success_rate: Some(0.801), ..perfect }, (1, Status::Healthy)),
        (Snapshot { success_rate: Some(0.70), ..perfect }, (2, Status::Degraded)),
        (Snapshot { success_rate: Some(0.55), ..perfect }, (3, Status::Degraded)),
        (Snapshot { average_response_time: Some(89.9), ..perfect }, (2, Status::Degraded)),
        (Snapshot { average_response_time: Some(90.0), ..perfect }, (3, Status::Degraded)),
        (Snapshot { market_impact_score: Some(0.25), ..perfect }, (3, Status::Degraded)),
        (Snapshot { market_impact_score: None, ..perfect }, (1, Status::Healthy)),
    ] {
        assert_eq!(tier(snapshot), expected, "{snapshot:?}");
    }
    // D107: out of a tier only by a margin.
    let barely = Snapshot { success_rate: Some(0.56), ..perfect };
    assert_eq!((config.assess(&barely, 0).tier, config.assess(&barely, 3).tier), (2, 3));
    assert_eq!(config.assess(&Snapshot { success_rate: Some(0.58), ..perfect }, 3).tier, 2);
}

/// D100, T-03, A171, A172, LK-03, LK-04: from bad endings to tier 3 to a lock that is set with the decision, survives a
/// restart and leaves looking free, whatever the action says of itself.
#[test]
fn t_03_tier_3_locks() {
    let mut world = world("{}");
    world.hundred(90, 1);
    assert_eq!(world.assessment().status, Status::Healthy);
    let mut locking = None;
    for _ in 0..200 {
        let decision = world.go(1, Outcome::Exit { code: 1 });
        if decision.effect == Effect::Lock {
            locking = Some(decision);
            break;
        }
    }
    let locking = locking.unwrap();
    assert_eq!(reasons(&locking), ["tier_lock"]);
    let consequence = &locking.consequences[0];
    assert_eq!(consequence.reason, "Tier 3 systemic anomaly or critical risk detected");
    assert_eq!(consequence.tier, Some(3));
    assert!(world.is_locked());
    let says = go().declares("autonomous_modification", json!(false)).declares("recommended_tier", json!(1));
    let refused = world.ask(says);
    assert_eq!((refused.effect, reasons(&refused)), (Effect::Deny, vec!["locked"]));
    assert_eq!(world.ask(touch_read()).effect, Effect::Allow, "looking is free");
    assert_eq!(world.ask(go().by("b")).effect, Effect::Allow, "another agent");
    world.folds_again();
    // LK-02: a person takes it off, and the figures begin anew.
    let released = LockReleased {
        scope: Scope::Agent("a".into()),
        by: "ada".into(),
        reason: "the disk was full".into(),
    };
    world.apply(Event::LockReleased(released));
    assert_eq!(world.go(1, Outcome::Done).effect, Effect::Allow);
    assert_eq!(world.assessment().tier, 0);
}

fn touch_read() -> Case {
    call("read_file").op(touch(Access::Read, "/code/a"))
}

/// D105, T-02: in tier 2 both criteria must be met: enough evidence, and failures in a row.
#[test]
fn t_02_lock_criteria() {
    let mut world = world(
        "{levels: [{tier: 2, min_confidence: 0.25, consecutive_failures: 4}, {tier: 3, success_rate: 0.3, efficiency_score: 0.2}]}",
    );
    world.hundred(60, 1);
    assert_eq!(world.assessment().tier, 2, "{:?}", world.assessment());
    assert!(world.assessment().evidence > 0.25 && !world.is_locked());
    for failures in 1..=3 {
        assert_eq!(world.go(1, Outcome::Exit { code: 1 }).effect, Effect::Allow, "{failures}");
    }
    world.go(1, Outcome::Done);
    for failures in 1..=4 {
        assert_eq!(world.go(1, Outcome::Exit { code: 1 }).effect, Effect::Allow, "{failures}");
    }
    assert_eq!(world.go(1, Outcome::Done).effect, Effect::Lock);
    let mut unsure = self::world(
        "{levels: [{tier: 2, min_confidence: 0.99, consecutive_failures: 1}, {tier: 3, success_rate: 0.3, efficiency_score: 0.2}]}",
    );
    unsure.hundred(60, 1);
    assert_eq!((unsure.assessment().tier, unsure.is_locked()), (2, false));
}

/// T-02: so many remediations in one stay, and no more; a healthy agent may repair as it likes.
#[test]
fn t_02_remediations_are_bounded() {
    let mut world = world("{levels: [{tier: 2, max_iterations: 2, min_confidence: 1.0}]}");
    let repair = || go().declares("remediation", json!(true));
    world.hundred(95, 1);
    for _ in 0..4 {
        assert_eq!(world.ask(repair()).effect, Effect::Allow);
        world.end(1, Outcome::Done);
    }
    while world.assessment().tier < 2 {
        world.go(100, Outcome::Done);
    }
    for _ in 0..2 {
        assert_eq!(world.ask(repair()).effect, Effect::Allow);
        world.end(1, Outcome::Done);
    }
    let refused = world.ask(repair());
    assert_eq!((refused.effect, reasons(&refused)), (Effect::Deny, vec!["remediation_limit"]));
    assert_eq!(world.ask(go()).effect, Effect::Allow, "ordinary work goes on");
}

/// D104, T-10: an agent that is idle, or has just begun, is in no tier.
#[test]
fn d104_no_data_is_no_tier() {
    let mut world = world("{}");
    for _ in 0..19 {
        world.go(1, Outcome::Exit { code: 1 });
    }
    assert_eq!(world.assessment(), Assessment::default());
    assert!(!world.is_locked() && world.state.monitor().systemic().next().is_none());
    let mut untouched = self::world("{}");
    for _ in 0..40 {
        untouched.ask(go());
        untouched.end(0, Outcome::Abandoned { why: "x".into() });
    }
    assert_eq!(untouched.assessment().tier, 0, "what never ran says nothing");
}

/// A166, A167, A168, A169: an alert once while it lasts, again when it is worse; the systemic one once, with its brief.
#[test]
fn a166_alerts_once_while_they_last() {
    let mut world = world("{levels: [{tier: 3, min_confidence: 1.0}]}");
    world.hundred(62, 1);
    let severities = |world: &World, metric: Metric| {
        let all = world.state.monitor().alerts();
        all.filter(|(_, alert)| alert.metric == metric).map(|(_, alert)| alert.severity).collect::<Vec<_>>()
    };
    assert_eq!(severities(&world, Metric::SuccessRate), [Severity::Medium]);
    for value in [0.29, 0.28] {
        world.measures(value);
    }
    assert_eq!(severities(&world, Metric::MarketImpact), [Severity::Medium]);
    assert!(world.state.monitor().systemic().next().is_none());
    for _ in 0..3 {
        world.measures(0.0);
    }
    let systemic: Vec<_> = world.state.monitor().systemic().cloned().collect();
    assert_eq!(systemic.len(), 1);
    let line = systemic[0].line();
    let json: serde_json::Value = serde_json::from_str(
        line.strip_prefix("[ALERTING_SUBSYSTEM] Tier 3 systemic anomaly routed: ").unwrap(),
    )
    .unwrap();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&json),
        ["agent_id", "confidence", "diagnostic_brief", "severity", "tier", "timestamp", "type"]
    );
    assert_eq!(
        keys(&json["diagnostic_brief"]),
        ["alerts", "lock_criteria", "max_iterations", "trigger_metrics"]
    );
    assert_eq!(
        (&json["type"], &json["severity"], &json["tier"]),
        (&json!("systemic_anomaly"), &json!("critical"), &json!(3))
    );
    let alert = &json["diagnostic_brief"]["alerts"][0];
    assert_eq!(alert["recommended_action"]["lock_criteria"]["consecutive_failures"], 3);
    for round in 0..205 {
        world.apply(Event::LockReleased(LockReleased {
            scope: Scope::Agent("a".into()),
            by: "ada".into(),
            reason: "x".into(),
        }));
        for _ in 0..20 {
            world.now = world.now.plus_seconds(1);
            world.ask(go().by(&format!("b{round}")));
            world.end(1, Outcome::Exit { code: 1 });
        }
    }
    assert_eq!(world.state.monitor().systemic().count(), 200, "A169");
    assert_eq!(world.state.monitor().routed(), 206);
}

/// R-07, D101: what an agent asks for in vain lowers its efficiency; nothing that it says raises anything.
#[test]
fn refusals_lower_the_efficiency() {
    let mut world = world("{}");
    world.hundred(100, 1);
    for _ in 0..60 {
        assert_eq!(world.ask(bash("rm -rf /")).effect, Effect::Deny);
    }
    let snapshot = world.state.monitor().find("a").unwrap().performance().snapshot();
    assert_eq!((snapshot.success_rate, snapshot.efficiency_score), (Some(1.0), Some(100.0 / 160.0)));
    assert_eq!((world.assessment().tier, world.assessment().status), (1, Status::Degraded));
    // While everything is paused, whatever is asked for is refused, and that is nobody's fault.
    let pause =
        SwitchMoved { scope: Scope::All, order: Order::Pause, by: "ada".into(), reason: "lunch".into() };
    world.apply(Event::SwitchMoved(pause));
    for _ in 0..200 {
        assert_eq!(world.ask(go()).effect, Effect::Deny);
    }
    let paused = world.state.monitor().find("a").unwrap().performance().snapshot();
    assert_eq!(paused.efficiency_score, snapshot.efficiency_score);
}

/// Mistakes in the section, and two sections: the strictest of each setting.
#[test]
fn sections_are_checked_and_tightened() {
    let compile = |text: &str| {
        let source: TierSource = serde_saphyr::from_str(text).unwrap();
        TierConfig::compile(&source)
    };
    for (text, error) in [
        ("{levels: [{tier: 4}]}", "there are tiers 1, 2 and 3, and no tier 4"),
        ("{levels: [{tier: 0}]}", "there are tiers 1, 2 and 3, and no tier 0"),
        ("{levels: [{tier: 1, success_rate: 1.5}]}", "`success_rate` must be a number from 0 to 1, not 1.5"),
        ("{levels: [{tier: 1, success_rate: .nan}]}", "`success_rate` must be a number from 0 to 1, not NaN"),
        (
            "{levels: [{tier: 1, response_time: 0}]}",
            "`response_time` must be a number of seconds from 0 to 4000, not 0",
        ),
        (
            "{levels: [{tier: 3, success_rate: 0.75}]}",
            "`success_rate` of a higher tier must be worse, and 0.75 is not worse than 0.7",
        ),
        ("{min_samples: 0}", "`min_samples` and `window_s` must be one or more"),
    ] {
        assert_eq!(compile(text).unwrap_err(), error, "{text}");
    }
    let strict =
        compile("{min_samples: 5, levels: [{tier: 3, success_rate: 0.6, max_iterations: 0}]}").unwrap();
    let (mut one, mut other) = (TierConfig::default(), strict.clone());
    one.tighten(&strict);
    other.tighten(&TierConfig::default());
    assert_eq!((&one, one.levels[2].success_rate, one.min_samples), (&other, 0.6, 5));
}
