//! Golden vectors of the failure detectors: every line's `expected` column.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and the folder of the vectors may be named in the environment"
)]

use serde_json::{Map, Value, json};
use stayhand_core::control::failure::act::Act;
use stayhand_core::control::failure::cascade::{self, Failure};
use stayhand_core::control::failure::context::{self, Mark};
use stayhand_core::control::failure::exhaustion::{Share, exhausted};
use stayhand_core::control::failure::pattern::detect;
use stayhand_core::control::failure::step::Step;
use stayhand_core::control::failure::{grounding, misuse};
use stayhand_core::digest::Digest;
use stayhand_core::event::{Outcome, Settled};
use stayhand_core::time::Timestamp;

#[path = "common/vectors.rs"]
mod vectors;
use vectors::vectors;

/// A step that does `action` and gives `result`, if it gives one.
fn step(place: usize, action: &str, result: Option<&str>) -> Step {
    let arguments = Map::from_iter([("action".to_owned(), json!(action))]);
    let mut step = Step::new(place as u64, Act::of("act", &arguments));
    if let Some(result) = result {
        let settled = json!({
            "decision": place, "outcome": Outcome::Done, "duration_us": 1, "confined": "none",
            "output": Digest::of(result.as_bytes()),
        });
        step.end(&serde_json::from_value::<Settled>(settled).unwrap());
    }
    step
}

/// A261.
#[test]
fn loop_detection() {
    for (id, input, expected) in vectors("loop_detection.jsonl") {
        let mut steps = Vec::new();
        let actions = input["actions"].as_array().unwrap().iter().map(|action| action.as_str().unwrap());
        let answers = actions.enumerate().map(|(place, action)| {
            let result = match input["results"].as_str().unwrap() {
                "none" => None,
                "same" => Some("failed".to_owned()),
                _ => Some(place.to_string()),
            };
            steps.push(step(place, action, result.as_deref()));
            let found = detect(&steps, 10).map(|pattern| pattern.sentence(action));
            json!([found.is_some(), found.map(|text| up_to_colon(&text).to_owned())])
        });
        let answers: Vec<Value> = answers.collect();
        let expected = expected.as_array().unwrap().iter();
        let expected: Vec<Value> =
            expected.map(|line| json!([line[0], line[1].as_str().map(up_to_colon)])).collect();
        assert_eq!(answers, expected, "{id}");
    }
}

fn up_to_colon(text: &str) -> &str {
    text.split_once(':').map_or(text, |(start, _)| start)
}

/// A262 to A265.
#[test]
fn cascade_tool_context_resource() {
    for (id, input, expected) in vectors("cascade_tool_context_resource.jsonl") {
        let number = |key: &str| input[key].as_u64().unwrap();
        let answer = match input["check"].as_str().unwrap() {
            "cascade" => json!(is_cascade(number("agents_failed"), number("seconds_ago"))),
            "tool_misuse" => {
                let found = misuse(&input);
                json!([found.is_some(), found])
            }
            "context_loss" => {
                let previous = Mark::of(&input["previous"]);
                json!(context::lost(&input["current"], Some(&previous)).is_some())
            }
            _ => {
                let share = |used, limit| Share { used: number(used), limit: input[limit].as_u64() };
                let (tokens, cost) =
                    (share("token_count", "token_limit"), share("cost_cents", "budget_cents"));
                let found = exhausted(tokens, cost);
                json!([found.is_some(), found.unwrap_or_default()])
            }
        };
        assert_eq!(answer, expected, "{id} {input}");
    }
}

fn is_cascade(agents: u64, seconds_ago: u64) -> bool {
    let now = Timestamp(1_000_000_000);
    let at = Timestamp(now.0 - seconds_ago * 1_000_000);
    let names: Vec<String> = (0..agents).map(|agent| format!("agent-{agent}")).collect();
    let failures = names.iter().map(|agent| Failure { agent, at, dependency: "api", class: 1 });
    cascade::find(failures, now, cascade::AGENTS).is_some()
}

fn misuse(input: &Value) -> Option<String> {
    let expected = input["expected"].as_object().unwrap();
    let expected: Vec<_> =
        expected.iter().map(|(name, kind)| (name.as_str(), kind.as_str().unwrap())).collect();
    misuse::detect(input["tool"].as_str().unwrap(), input["params"].as_object().unwrap(), &expected).unwrap()
}

/// A260.
#[test]
fn hallucination() {
    for (id, input, expected) in vectors("hallucination.jsonl") {
        let sources = input["sources"].as_array().unwrap().iter();
        let sources: Vec<&str> = sources.map(|source| source.as_str().unwrap()).collect();
        let found = grounding::check(input["output"].as_str().unwrap(), &sources);
        assert_eq!(json!(found.flagged), expected[0], "{id} {found:?}");
        match expected[1].as_f64() {
            Some(confidence) => assert!((found.confidence - confidence).abs() < 1e-9, "{id} {found:?}"),
            None => assert!(found.contradiction, "{id} {found:?}"),
        }
    }
}
