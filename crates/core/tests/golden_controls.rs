//! Golden vectors of limits, the kill switch, circuit breakers and tiers: every line's `expected` column.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and the folder of the vectors may be named in the environment"
)]

use serde_json::{Value, json};
use stayhand_core::control::breaker::called::CircuitBreaker;
use stayhand_core::control::breaker::circuit::{Phase, Ticket};
use stayhand_core::control::breaker::config::CircuitConfig;
use stayhand_core::control::limiter::ResourceLimits;
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, Position, SwitchMoved, Switches};
use stayhand_core::control::tier::alert;
use stayhand_core::control::tier::assess::Assessment;
use stayhand_core::control::tier::config::TierConfig;
use stayhand_core::control::tier::performance::Snapshot;
use stayhand_core::time::Timestamp;

#[path = "common/vectors.rs"]
mod vectors;
use vectors::vectors;

/// A001 to A013.
#[test]
fn kill_switch() {
    for (id, input, expected) in vectors("kill_switch.jsonl") {
        let mut switches = Switches::default();
        let mut printed = Vec::new();
        let answers = input["ops"].as_array().unwrap().iter().enumerate().map(|(number, op)| {
            let order = match op.as_str().unwrap() {
                "activate" => Order::Kill,
                "pause" => Order::Pause,
                "resume" => Order::Resume,
                other => panic!("{other}"),
            };
            let reason = format!("r{number}");
            let moved = SwitchMoved { scope: Scope::All, order, by: "ada".to_owned(), reason };
            if switches.follow(&moved, Timestamp(number as u64)) {
                printed.push(moved.line());
            }
            let (position, reason) = match switches.moved().next() {
                Some((_, switch)) => (switch.position, json!(switch.reason)),
                None => (Position::Active, Value::Null),
            };
            json!([op, position.name(), reason, position == Position::Active])
        });
        assert_eq!(Value::from_iter(answers), expected, "{id}");
        assert_eq!(json!(printed), input["stdout"], "{id}");
    }
}

/// A056, A050 to A060.
#[test]
fn resource_limiter() {
    for (id, input, expected) in vectors("resource_limiter.jsonl") {
        let limits: ResourceLimits = serde_json::from_value(input["limits"].clone()).unwrap();
        let mut limiter = limits.limiter(Timestamp(1)).unwrap();
        let mut now = Timestamp(1);
        let answers = input["events"].as_array().unwrap().iter().map(|event| {
            let answer = match event[0].as_str().unwrap() {
                "check" => answer(limiter.check_action(event[1].as_f64().unwrap(), now)),
                "rec" => match limiter.record_action(event[1].as_f64().unwrap(), now) {
                    Ok(()) => Value::Null,
                    Err(_) => json!("rejected"),
                },
                "capi" => answer(limiter.check_api_call(now)),
                "rapi" => {
                    limiter.record_api_call(now);
                    Value::Null
                }
                "report" => serde_json::to_value(limiter.usage_report(now)).unwrap(),
                _ => {
                    now = now.plus_seconds(event[1].as_u64().unwrap());
                    Value::Null
                }
            };
            json!([event[0], answer])
        });
        assert_eq!(Value::from_iter(answers), expected, "{id}");
    }
}

/// A020 to A028. A result is that of any call: of one that holds a slot, if there is one.
#[test]
fn circuit_breaker_r0() {
    for (id, input, expected) in vectors("circuit_breaker_r0.jsonl") {
        let number = |key: &str| u32::try_from(input["config"][key].as_u64().unwrap()).unwrap();
        let config = CircuitConfig {
            failure_threshold: number("failure_threshold"),
            success_threshold: number("success_threshold"),
            timeout_us: u64::from(number("timeout_seconds")) * 1_000_000,
            half_open_max_calls: number("half_open_max_calls"),
            lease_us: u64::MAX,
            ..CircuitConfig::default()
        };
        let mut breaker = CircuitBreaker::new("t", config);
        let (mut now, mut tickets) = (Timestamp(1), Vec::<Ticket>::new());
        let answers = input["events"].as_array().unwrap().iter().map(|event| {
            let kind = event[0].as_str().unwrap();
            let answer = match kind {
                "can" => {
                    let admitted = breaker.admit(now);
                    let granted = admitted.is_ok();
                    tickets.extend(admitted.ok().filter(|_| breaker.circuit().phase() == Phase::HalfOpen));
                    json!(granted)
                }
                "ok" | "fail" => {
                    let epoch = breaker.circuit().epoch();
                    tickets.retain(|ticket| ticket.epoch == epoch);
                    let ticket =
                        if tickets.is_empty() { Ticket { epoch, call: 0 } } else { tickets.remove(0) };
                    breaker.report(ticket, Some(kind == "ok"), 0, now);
                    Value::Null
                }
                _ => {
                    now = now.plus_seconds(event[1].as_u64().unwrap());
                    Value::Null
                }
            };
            json!([kind, answer, breaker.circuit().phase().name()])
        });
        assert_eq!(Value::from_iter(answers), expected, "{id}");
    }
}

/// A032, A030 to A036.
#[test]
fn circuit_breaker_r3() {
    for (id, input, expected) in vectors("circuit_breaker_r3.jsonl") {
        let number = |key: &str| input[key].as_u64().unwrap();
        let threshold = u32::try_from(number("failure_threshold")).unwrap();
        let mut breaker = CircuitBreaker::agent_circuit("t", threshold, number("timeout_seconds"));
        let mut now = Timestamp(1);
        let answers = input["events"].as_array().unwrap().iter().map(|event| {
            let kind = event[0].as_str().unwrap();
            let answer = if kind == "t" {
                now = now.plus_seconds(event[1].as_u64().unwrap());
                Value::Null
            } else {
                match breaker.admit(now) {
                    Ok(ticket) => {
                        breaker.report(ticket, Some(kind == "ok"), 0, now);
                        json!(if kind == "ok" { "ok" } else { "raised" })
                    }
                    Err(error) => json!(format!("rejected:{error}")),
                }
            };
            json!([kind, answer, breaker.circuit().phase().name(), breaker.state().failure_count])
        });
        assert_eq!(Value::from_iter(answers), expected, "{id}");
    }
}

/// A160 to A167.
#[test]
fn tier_selection() {
    let config = TierConfig::default();
    for (id, input, expected) in vectors("tier_selection.jsonl") {
        let snapshot: Snapshot = serde_json::from_value(input).unwrap();
        let assessment = config.judge(&snapshot, 0);
        let payload = config.payload("agent-1", &assessment);
        let alerts = alert::alerts(&snapshot, &payload, Timestamp(1)).into_iter();
        let alerts: Vec<Value> =
            alerts.map(|alert| json!({ "metric": alert.metric, "severity": alert.severity })).collect();
        let found = json!({
            "health": assessment.health,
            "payload": payload,
            "alerts": alerts,
            "systemic_alert": assessment.tier == 3,
        });
        assert_eq!(found, expected, "{id}");
    }
}

/// T-01, D104.
#[test]
fn tier_selection_cold_start() {
    for (id, input, expected) in vectors("tier_selection_cold_start.jsonl") {
        let snapshot: Snapshot = serde_json::from_value(input).unwrap();
        let Assessment { tier, status, .. } = TierConfig::default().assess(&snapshot, 0);
        let found = json!({ "tier": tier, "systemic_alert": tier == 3, "status": status });
        assert_eq!(found, expected, "{id}");
    }
}

fn answer(checked: Result<(), String>) -> Value {
    match checked {
        Ok(()) => json!([true, "OK"]),
        Err(reason) => json!([false, reason]),
    }
}
