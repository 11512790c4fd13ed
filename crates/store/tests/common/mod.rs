//! Events and logs for the tests.

use serde_json::{Value, json};
use stayhand_core::event::{Event, InDoubt};
use stayhand_core::time::Timestamp;
use stayhand_store::{Log, OpenError};
use std::path::Path;

/// The event of this kind with these fields. In the log the kind comes first.
fn event(kind: &str, fields: &Value) -> Event {
    let fields = fields.to_string();
    serde_json::from_str(&format!(r#"{{"type":"{kind}",{}"#, fields.strip_prefix('{').unwrap())).unwrap()
}

/// A decision of the size a real one has.
pub(crate) fn decided(agent: &str, session: &str, tool: &str, effect: &str) -> Event {
    let zero = "0".repeat(64);
    let context = json!({"cwd": "/code", "workspace": "/code", "home": "/home/u"});
    event(
        "decided",
        &json!({
            "request": {
                "principal": {"agent": agent, "session": session},
                "action": tool,
                "resource": {"command": "cargo test --workspace \"quoted\" größer"},
                "context": context,
            },
            "request_digest": zero,
            "facts": {"operations": []},
            "policy": zero,
            "decision": {"effect": effect, "findings": [], "risk": "low"},
            "engine": 1,
        }),
    )
}

/// The end of a permitted action.
pub(crate) fn settled(decision: u64) -> Event {
    event(
        "settled",
        &json!({
            "decision": decision, "outcome": {"kind": "exit", "code": 0},
            "duration_us": 17, "confined": "l2",
        }),
    )
}

/// A person's answer.
pub(crate) fn answered(approval: u64) -> Event {
    event(
        "approval_resolved",
        &json!({
            "approval": approval, "by": "ann", "grant": true,
        }),
    )
}

/// A policy that came into force.
pub(crate) fn policy() -> Event {
    event(
        "policy_loaded",
        &json!({
            "policy": "0".repeat(64), "sources": ["default"], "program": "0.1.0",
        }),
    )
}

/// The smallest event.
pub(crate) fn doubt(decision: u64) -> Event {
    Event::InDoubt(InDoubt { decision })
}

/// Appends durably; times are `start`, `start + 1`, ….
pub(crate) fn append_all(log: &Log, start: u64, events: &[Event]) {
    let turn = log.turn().unwrap();
    turn.news().unwrap();
    for (at, event) in (start..).zip(events) {
        turn.append(Timestamp(at), event).unwrap().wait().unwrap();
    }
}

/// A log with one record of every kind and two sessions. Two records are a day later.
pub(crate) fn sample(dir: &Path) -> Result<(), OpenError> {
    let log = Log::open(dir)?;
    append_all(
        &log,
        1_000,
        &[
            policy(),
            decided("coder", "one", "shell", "allow"),
            settled(1),
            decided("coder", "two", "write", "approve"),
            answered(3),
            decided("tester", "one", "shell", "deny"),
        ],
    );
    append_all(&log, 86_400_000_000, &[decided("coder", "one", "fetch", "lock"), doubt(6)]);
    Ok(())
}
