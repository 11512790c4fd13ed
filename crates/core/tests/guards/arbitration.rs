//! Tiers, locks, scores and constraints.

use serde_json::{Value, json};
use stayhand_core::arbitrate::{Situation, arbitrate, category, confidence, constraint_for};
use stayhand_core::decision::Effect;
use stayhand_core::risk::Risk;

fn judge(
    lock: bool,
    tier: Option<&Value>,
    risk: Risk,
    violations: &[&str],
    approval: bool,
) -> (Effect, String, Option<u8>) {
    let violations: Vec<String> = violations.iter().map(|&text| text.to_owned()).collect();
    let answer = arbitrate(&Situation {
        lock_state_active: lock,
        recommended_tier: tier,
        risk,
        violations: &violations,
        requires_approval: approval,
        confidence: 0.5,
    });
    assert_eq!(answer.lock_state_active, lock || answer.decision == Effect::Lock);
    (answer.decision, answer.reasons.join("; "), answer.tier)
}

/// A170, A171 (D103), A173: lock, critical, invalid tier, violations, else allow.
#[test]
fn a170_a173_in_order() {
    let (low, three) = (Risk::Low, json!(3));
    let lock = |words: &str, tier| (Effect::Lock, words.to_owned(), tier);
    let deny = |words: &str, tier| (Effect::Deny, words.to_owned(), tier);
    assert_eq!(
        judge(true, Some(&three), Risk::Critical, &["v"], true),
        lock("Existing lock state is active", Some(3))
    );
    let critical = "Tier 3 systemic anomaly or critical risk detected";
    assert_eq!(judge(false, None, Risk::Critical, &["v"], false), lock(&format!("{critical}; v"), Some(3)));
    assert_eq!(judge(false, Some(&three), low, &[], false), lock(critical, Some(3)));
    assert_eq!(judge(false, Some(&json!(0)), low, &["v"], false), deny("Invalid recommended_tier; v", None));
    let violation = "Safety policy violation or approval requirement triggered";
    assert_eq!(judge(false, None, low, &["v"], false), deny(&format!("{violation}; v"), Some(1)));
    assert_eq!(judge(false, None, low, &[], true), deny(violation, Some(1)));
    let allow = (Effect::Allow, "No policy violations detected".to_owned(), Some(2));
    assert_eq!(judge(false, Some(&json!(2)), low, &[], false), allow);
}

/// the arbitration's answer as JSON.
#[test]
fn r_41_as_json() {
    let answer = arbitrate(&Situation {
        lock_state_active: false,
        recommended_tier: None,
        risk: Risk::Low,
        violations: &["v".to_owned()],
        requires_approval: false,
        confidence: 0.5,
    });
    let expected = json!({
        "decision": "deny",
        "reasons": ["Safety policy violation or approval requirement triggered", "v"],
        "tier": 1,
        "confidence": 0.5,
        "lock_state_active": false,
    });
    assert_eq!(serde_json::to_value(&answer).unwrap(), expected);
}

/// A173, D101, D102: what a tier may look like.
#[test]
fn a173_tiers() {
    let table = [
        (json!(1), Some(1)),
        (json!("2"), Some(2)),
        (json!(3), Some(3)),
        (json!(17), Some(3)),
        (json!(null), Some(1)),
        (json!(0), None),
        (json!(-1), None),
        (json!(1.5), None),
        (json!(true), None),
        (json!("two"), None),
        (json!(""), None),
        (json!("+2"), None),
        (json!([1]), None),
    ];
    for (value, expected) in table {
        assert_eq!(judge(false, Some(&value), Risk::Low, &[], false).2, expected, "{value}");
    }
}

/// A174, D112: the boundaries of the score, and what is out of range.
#[test]
fn a174_scores() {
    let table = [
        (0.8, 0.8, Risk::Critical),
        (0.8, 0.799_999_999, Risk::High),
        (0.6, 0.6, Risk::High),
        (0.6, 0.599_999_999, Risk::Medium),
        (0.5, 0.5, Risk::Medium),
        (0.3, 0.3, Risk::Medium),
        (0.3, 0.299_999_999, Risk::Low),
        (0.0, 0.0, Risk::Low),
        (1.000_001, 0.0, Risk::Critical),
        (f64::NAN, 0.0, Risk::Critical),
        (0.0, -0.1, Risk::Critical),
    ];
    for (risk, impact, expected) in table {
        assert_eq!(Risk::from_scores(risk, impact), expected, "{risk} {impact}");
    }
}

/// A175: the constraints, and the strictest for what is unknown (D110).
#[test]
fn a175_constraints() {
    let table = [
        ("content_modification", 0.7, false, 0.3, Some(50), Some(10)),
        ("strategy_change", 0.8, true, 0.2, None, None),
        ("system_configuration", 0.8, true, 0.2, None, None),
        ("competitor_response", 0.6, false, 0.4, Some(20), Some(5)),
        ("seo_optimization", 0.5, false, 0.3, Some(30), Some(8)),
        ("social_amplification", 0.6, false, 0.4, Some(25), Some(6)),
        ("unknown", 0.5, true, 0.0, Some(20), Some(5)),
    ];
    for (name, threshold, approval, auto, day, hour) in table {
        let found = constraint_for(name);
        assert!((found.risk_threshold - threshold).abs() < f64::EPSILON, "{name}");
        assert!((found.auto_approval_below - auto).abs() < f64::EPSILON, "{name}");
        assert_eq!((found.requires_approval, found.per_day, found.per_hour), (approval, day, hour), "{name}");
    }
}

/// categories by whole words; what fits none is unknown.
#[test]
fn r_03_categories() {
    for (action, expected) in [
        ("blog_post", "content_modification"),
        ("seo_meta", "seo_optimization"),
        ("social_share", "social_amplification"),
        ("competitor_watch", "competitor_response"),
        ("strategy_plan", "strategy_change"),
        ("update_settings", "system_configuration"),
        ("compost", "unknown"),
        ("", "unknown"),
    ] {
        assert_eq!(category(action), expected, "{action}");
    }
}

/// A176: factors multiply and stay within 0 and 1.
#[test]
fn a176_confidence() {
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    assert!(close(confidence(1.0, 0, false, false), 1.0));
    assert!(close(confidence(1.0, 1, false, false), 0.9));
    assert!(close(confidence(1.0, 0, true, false), 0.8));
    assert!(close(confidence(1.0, 0, false, true), 0.7));
    assert!(close(confidence(1.0, 2, true, true), 0.81 * 0.56));
    assert!(close(confidence(-1.0, 0, false, false), 0.0));
}
