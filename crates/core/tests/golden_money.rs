//! Golden vectors of money: every line's `expected` column.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and the folder of the vectors may be named in the environment"
)]

use serde_json::json;
use stayhand_core::control::calendar::Period;
use stayhand_core::control::price::{Prices, Tokens};
use stayhand_core::time::Timestamp;

#[path = "common/vectors.rs"]
mod vectors;
use vectors::vectors;

/// A268, A269, A269a.
#[test]
fn cost_calculation() {
    let prices = Prices::default();
    for (id, input, expected) in vectors("cost_calculation.jsonl") {
        let count = |key: &str| input[key].as_u64().unwrap();
        let tokens =
            Tokens { input: count("input_tokens"), output: count("output_tokens"), ..Tokens::default() };
        let got = match prices.of(input["model"].as_str().unwrap()) {
            None => json!({ "error": "unknown model" }),
            Some(price) => {
                let cost = price.cost(tokens).unwrap();
                let worst = price.worst_case(tokens.input, 0, tokens.output);
                assert_eq!(worst, Some(cost), "{id}");
                json!({
                    "usd": cost.exact(9),
                    "micro_usd": cost.exact(3),
                    "cents_exact": cost.exact(7),
                    "nano_usd": cost.0.to_string(),
                })
            }
        };
        assert_eq!(got, expected, "{id}");
    }
}

/// A271.
#[test]
fn budget_period_key() {
    for (id, input, expected) in vectors("budget_period_key.jsonl") {
        let at: Timestamp = input["utc"].as_str().unwrap().parse().unwrap();
        let period: Period = serde_json::from_value(input["period"].clone()).unwrap();
        assert_eq!(json!(period.key(at)), expected, "{id}");
    }
}
