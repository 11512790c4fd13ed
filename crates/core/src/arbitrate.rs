//! Arbitration of tiered safety checks: allow, deny or lock (requirements A170–A175).

use crate::decision::Effect;
use crate::risk::Risk;
use serde::Serialize;
use serde_json::Value;

/// What arbitration looks at. Tier and lock come from the monitor, never from the action judged.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// A lock is active.
    pub lock_state_active: bool,
    /// The tier the monitor recommends, as delivered: absent counts as 1, above 3 as 3; anything
    /// but a whole number of at least 1 is invalid.
    pub recommended_tier: Option<&'a Value>,
    /// The risk of the action.
    pub risk: Risk,
    /// What the action violates.
    pub violations: &'a [String],
    /// A person must approve.
    pub requires_approval: bool,
    /// How sure the checks are, 0 to 1.
    pub confidence: f64,
}

/// The arbitration's answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arbitration {
    /// [`Effect::Allow`], [`Effect::Deny`] or [`Effect::Lock`].
    pub decision: Effect,
    /// Why, then the violations.
    pub reasons: Vec<String>,
    /// The tier, 1 to 3; none if it was invalid.
    pub tier: Option<u8>,
    /// As given.
    pub confidence: f64,
    /// Whether a lock is active afterwards.
    pub lock_state_active: bool,
}

/// Decides, in this order: an active lock; critical risk or tier 3; an invalid tier; violations or
/// a wanted approval; else allow. Source: A171.
pub fn arbitrate(situation: &Situation<'_>) -> Arbitration {
    let tier = tier(situation.recommended_tier);
    let answer = |decision: Effect, tier: Option<u8>, reason: &str, with_violations: bool| {
        let violations = situation.violations.iter().filter(|_| with_violations);
        Arbitration {
            decision,
            reasons: std::iter::once(reason.to_owned()).chain(violations.cloned()).collect(),
            tier,
            confidence: situation.confidence,
            lock_state_active: situation.lock_state_active || decision == Effect::Lock,
        }
    };
    if situation.lock_state_active {
        return answer(Effect::Lock, tier, "Existing lock state is active", false);
    }
    if situation.risk == Risk::Critical || tier == Some(3) {
        return answer(Effect::Lock, Some(3), "Tier 3 systemic anomaly or critical risk detected", true);
    }
    if tier.is_none() {
        return answer(Effect::Deny, None, "Invalid recommended_tier", true);
    }
    if !situation.violations.is_empty() || situation.requires_approval {
        return answer(Effect::Deny, tier, "Safety policy violation or approval requirement triggered", true);
    }
    answer(Effect::Allow, tier, "No policy violations detected", false)
}

/// A173.
fn tier(value: Option<&Value>) -> Option<u8> {
    let number = match value {
        None | Some(Value::Null) => return Some(1),
        Some(Value::Number(number)) => number.as_u64()?,
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        Some(_) => return None,
    };
    match number {
        0 => None,
        1 => Some(1),
        2 => Some(2),
        _ => Some(3),
    }
}

/// The constraints on one category of actions. Source: A175.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constraint {
    /// The category.
    pub category: &'static str,
    /// Risk scores above this violate the constraint.
    pub risk_threshold: f64,
    /// A person must approve.
    pub requires_approval: bool,
    /// Risk scores below this need no approval.
    pub auto_approval_below: f64,
    /// Actions a day.
    pub per_day: Option<u32>,
    /// Actions an hour.
    pub per_hour: Option<u32>,
}

/// The preset of R2.
pub const CONSTRAINTS: &[Constraint] = &[
    constraint("content_modification", 0.7, false, 0.3, Some(50), Some(10)),
    constraint("strategy_change", 0.8, true, 0.2, None, None),
    constraint("system_configuration", 0.8, true, 0.2, None, None),
    constraint("competitor_response", 0.6, false, 0.4, Some(20), Some(5)),
    constraint("seo_optimization", 0.5, false, 0.3, Some(30), Some(8)),
    constraint("social_amplification", 0.6, false, 0.4, Some(25), Some(6)),
];

const fn constraint(
    category: &'static str,
    risk_threshold: f64,
    requires_approval: bool,
    auto_approval_below: f64,
    per_day: Option<u32>,
    per_hour: Option<u32>,
) -> Constraint {
    Constraint { category, risk_threshold, requires_approval, auto_approval_below, per_day, per_hour }
}

/// The constraint for a category. An unknown category is held to the strictest value of each (D110).
pub fn constraint_for(category: &str) -> Constraint {
    const STRICTEST: Constraint = constraint("unknown", 0.5, true, 0.0, Some(20), Some(5));
    CONSTRAINTS.iter().find(|constraint| constraint.category == category).copied().unwrap_or(STRICTEST)
}

/// The words that put an action type into a category, in the order in which they are tried.
static CATEGORIES: &[(&str, &[&str])] = &[
    ("content_modification", &["content", "article", "articles", "blog", "post", "posts"]),
    ("seo_optimization", &["seo", "meta", "keyword", "keywords", "optimization", "optimize"]),
    ("social_amplification", &["social", "share", "amplify", "amplification"]),
    ("competitor_response", &["competitor", "competitors", "competitive", "response"]),
    ("strategy_change", &["strategy", "strategic", "plan"]),
    ("system_configuration", &["system", "config", "configuration", "settings", "setting"]),
];

/// The category of an action type, by its whole words; `unknown` for everything else.
pub fn category(action_type: &str) -> &'static str {
    let lower = action_type.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let fits = |names: &&[&str]| names.iter().any(|name| words.contains(name));
    CATEGORIES.iter().find(|(_, names)| fits(names)).map_or("unknown", |(category, _)| category)
}

/// A176: how much the findings of a validation take from the confidence; the product is clamped
/// to 0..=1.
pub fn confidence(base: f64, violated_constraints: u32, rate_limited: bool, suspicious: bool) -> f64 {
    let mut confidence = base * 0.9f64.powi(violated_constraints.try_into().unwrap_or(i32::MAX));
    if rate_limited {
        confidence *= 0.8;
    }
    if suspicious {
        confidence *= 0.7;
    }
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a175_a_table_of_constraints() {
        assert_eq!(constraint_for("seo_optimization").per_hour, Some(8));
        assert!(constraint_for("no such thing").requires_approval);
    }

    #[test]
    fn a176_factors() {
        assert!((confidence(1.0, 2, true, true) - 0.9 * 0.9 * 0.8 * 0.7).abs() < 1e-12);
        assert!(confidence(f64::NAN, 0, false, false).abs() < f64::EPSILON);
        assert!((confidence(7.0, 0, false, false) - 1.0).abs() < f64::EPSILON);
    }
}
