//! Declared numbers: finite and in range, or no decision can rest on them.

use serde_json::{Map, Value};
use stayhand_core::facts::Invalid;

/// Values between 0 and 1.
const SHARES: &[&str] =
    &["confidence", "confidence_score", "impact", "impact_score", "probability", "risk", "risk_score"];

/// Values that are not negative.
const AMOUNTS: &[&str] = &[
    "amount",
    "cost",
    "estimated_cost",
    "estimated_cost_cents",
    "max_cost",
    "position_size",
    "price",
    "quantity",
    "value",
];

/// The declared values that are not the numbers they have to be.
pub(super) fn invalid(declared: &Map<String, Value>) -> Vec<Invalid> {
    declared
        .iter()
        .filter_map(|(name, value)| {
            why_invalid(name, value).map(|why| Invalid { field: name.clone(), why: why.to_owned() })
        })
        .collect()
}

fn why_invalid(name: &str, value: &Value) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if SHARES.contains(&lower.as_str()) {
        let is_level = lower == "risk" && value.is_string();
        let fits = value.as_f64().is_some_and(|number| (0.0..=1.0).contains(&number));
        return (!fits && !is_level).then_some("must be a number from 0 to 1");
    }
    if AMOUNTS.contains(&lower.as_str()) {
        let fits = value.as_f64().is_some_and(|number| number.is_finite() && number >= 0.0);
        return (!fits).then_some("must be a number that is not negative");
    }
    None
}
