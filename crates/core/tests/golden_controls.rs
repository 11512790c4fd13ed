//! Golden vectors of limits and the kill switch: every line's `expected` column.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and the folder of the vectors may be named in the environment"
)]

use serde_json::{Value, json};
use stayhand_core::control::limiter::ResourceLimits;
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{Order, Position, SwitchMoved, Switches};
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

/// A050 to A060.
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

fn answer(checked: Result<(), String>) -> Value {
    match checked {
        Ok(()) => json!([true, "OK"]),
        Err(reason) => json!([false, reason]),
    }
}
