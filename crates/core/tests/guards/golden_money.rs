//! Golden vectors of money: every line's `expected` column.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::spending::{Shop, ask};
use crate::vectors::vectors;
use serde_json::{Value, json};
use stayhand_core::control::calendar::Period;
use stayhand_core::control::money::{Dollars, Money};
use stayhand_core::control::price::{Prices, Tokens};
use stayhand_core::time::Timestamp;

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

/// A270, A270a, A270b, A272, by decisions and settlements.
#[test]
fn budget_enforcement() {
    for (id, input, expected) in vectors("budget_enforcement.jsonl") {
        let limit = &input["limit_dollars"];
        let Some(calls) = input["calls"].as_array() else {
            let Dollars(limit) = serde_json::from_value(limit.clone()).unwrap();
            assert_eq!(json!({ "limit_cents": limit.0 / 10_000_000 }), expected, "{id}");
            continue;
        };
        let mut shop = Shop::new(&format!("[{{name: b, period: daily, limit: {limit}, alerts: [80, 95]}}]"));
        let mut alerts_before = 0;
        for (call, expected) in calls.iter().zip(expected.as_array().unwrap()) {
            let count = |at: usize| call[at].as_u64().unwrap();
            let model = input["model"].as_str().unwrap_or("gpt-4");
            let decided = shop.decide(&ask("a").model(model, count(0), count(1)));
            let error = shop.refusal(decided);
            let cents = error.is_none().then(|| shop.pay(decided).0 / 10_000_000);
            let alerts: Vec<Value> = shop.alerts().skip(alerts_before).collect();
            alerts_before += alerts.len();
            let (spend, remaining) = shop.spend_and_remaining("b");
            let dollars = |money: Money| money.exact(9).parse::<f64>().unwrap();
            let got = json!({
                "cents": cents,
                // Behind the text of the reference follow what is used and when it is free again (L-06).
                "error": error.map(|text| text.split("; ").next().unwrap().to_owned()),
                "alerts": alerts,
                "spend": dollars(spend),
                "remaining": dollars(remaining),
            });
            let mut expected = expected.clone();
            for key in ["spend", "remaining"] {
                expected[key] = json!(expected[key].as_f64().unwrap());
            }
            assert_eq!(got, expected, "{id}");
        }
        assert_eq!(calls.len(), expected.as_array().unwrap().len(), "{id}");
    }
}
