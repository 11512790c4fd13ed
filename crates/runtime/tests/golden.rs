//! Golden vectors: every line's `expected` column. `STAYHAND_GOLDEN` names another folder with
//! files of the same formats.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and the folder of the vectors may be named in the environment"
)]

use serde_json::{Value, json};
use stayhand_core::arbitrate::{Situation, arbitrate, category};
use stayhand_core::control::anomaly::zscore::{ZScore, ZScoreConfig};
use stayhand_core::decision::{Decision, Effect, Layer};
use stayhand_core::reason::Reason;
use stayhand_core::risk::Risk;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Engine, Settings, wire};

#[path = "../../core/tests/common/vectors.rs"]
mod vectors;
use vectors::vectors;

#[test]
fn risk_level() {
    for (id, input, expected) in vectors("risk_level.jsonl") {
        let score = |key: &str| match &input[key] {
            Value::Number(number) => number.as_f64().unwrap(),
            _ => f64::NAN,
        };
        let level = Risk::from_scores(score("risk_score"), score("impact_score"));
        assert_eq!(json!(level.name()), expected, "{id}");
    }
}

#[test]
fn action_category() {
    for (id, input, expected) in vectors("action_category.jsonl") {
        assert_eq!(json!(category(input["action_type"].as_str().unwrap())), expected, "{id}");
    }
}

#[test]
fn arbitration() {
    for (id, input, expected) in vectors("arbitration.jsonl") {
        let violations: Vec<String> = serde_json::from_value(input["violations"].clone()).unwrap();
        let answer = arbitrate(&Situation {
            lock_state_active: input["lock_state_active"].as_bool().unwrap(),
            recommended_tier: input.get("recommended_tier"),
            risk: Risk::parse(input["risk_level"].as_str().unwrap_or_default()),
            violations: &violations,
            requires_approval: input["requires_approval"].as_bool().unwrap(),
            confidence: input["confidence"].as_f64().unwrap_or(f64::NAN),
        });
        let got = json!({
            "decision": answer.decision.name(),
            "reasons": answer.reasons,
            "tier": answer.tier,
            "confidence": answer.confidence,
            "lock_state_active": answer.lock_state_active,
        });
        assert_eq!(got, expected, "{id}");
    }
}

/// R3's call, answered by an engine under the `qa-agent` pack.
struct Guardrails {
    engine: Engine,
}

impl Guardrails {
    fn new() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "extends: qa-agent").unwrap();
        let policy = PolicyFiles::default().named(Layer::User, file.path());
        Self { engine: Engine::in_memory(Settings { policy, ..Settings::default() }).unwrap() }
    }

    fn validate(&self, action: &str, params: &Value, cents: &Value) -> Decision {
        let line = json!({
            "tool": action, "input": params, "context": { "estimated_cost_cents": cents },
        });
        let defaults = wire::Defaults::new("/code", "/home/u");
        let parsed = wire::request(line.to_string().as_bytes(), &defaults).unwrap();
        self.engine.check(parsed, false).unwrap().decision
    }

    /// The result in the shape of R3.
    fn result(&self, action: &str, decision: &Decision, cents: &Value) -> Value {
        let allowed = decision.effect == Effect::Allow;
        let headline = decision.headline().filter(|_| !allowed);
        let policy = self.engine.policy();
        json!({
            "allowed": allowed,
            "reason": headline.map(|finding| finding.message()),
            "violation_type": headline.map(|finding| finding.reason.code()),
            "severity": headline.map(|finding| match finding.reason {
                Reason::ForbiddenPattern => "critical",
                _ => "high",
            }),
            "requires_approval": policy.action_requires_approval(action),
            "risk": policy.action_risk(action).name(),
            "total_cost_cents": if allowed { cents.clone() } else { json!(0) },
        })
    }
}

#[test]
fn guardrail_validate() {
    let guardrails = Guardrails::new();
    let mut wrong = Vec::new();
    for (id, input, expected) in vectors("guardrail_validate.jsonl") {
        let action = input["action"].as_str().unwrap();
        let cents = &input["estimated_cost_cents"];
        let decision = guardrails.validate(action, &input["params"], cents);
        let got = match expected.get("decision").and_then(Value::as_str) {
            Some("block") => {
                json!({ "decision": if decision.effect >= Effect::Deny { "block" } else { decision.effect.name() } })
            }
            Some(_) => {
                json!({ "decision": if decision.effect == Effect::Approve { "require_approval" } else { decision.effect.name() } })
            }
            None => guardrails.result(action, &decision, cents),
        };
        if got != expected {
            wrong.push(format!("{id} {input}\n  got      {got}\n  expected {expected}\n  {decision:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A071 to A079, D030 to D034: what a detector says of each value of a stream.
#[test]
fn anomaly_zscore() {
    for (id, input, expected) in vectors("anomaly_zscore.jsonl") {
        let given = &input["config"];
        let whole = |key: &str| u32::try_from(given[key].as_u64().unwrap()).unwrap();
        let config = ZScoreConfig {
            window: whole("window_size"),
            threshold: given["z_score_threshold"].as_f64().unwrap(),
            min_samples: whole("min_samples"),
            alert_after: whole("consecutive_anomalies_alert"),
            ..ZScoreConfig::default()
        };
        let mut detector = ZScore::<f64>::default();
        let values = input["values"].as_array().unwrap();
        for (at, (value, expected)) in values.iter().zip(expected.as_array().unwrap()).enumerate() {
            let value = value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap());
            let found = detector.check(&config, value);
            let got = json!([found.judgement.is_anomalous(), found.reason(&config), found.alert]);
            assert_eq!(got, *expected, "{id}, value {at}");
        }
    }
}
