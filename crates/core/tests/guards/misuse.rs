//! Arguments that do not fit the tool they are for.

use crate::common::*;
use crate::failures::{Watched, says};
use serde_json::{Value, json};
use stayhand_core::decision::Effect;
use stayhand_core::policy::Policy;
use stayhand_core::state::State;

/// A263, Y107 to Y134: the sample schema of the requirements.
#[test]
fn a263_tool_misuse() {
    let policy = policy(
        "rules: [{allow: '*'}]\ntools: {run_database_query: {schema: {required: [query], properties: {\
         query: {type: string, pattern: '^SELECT.*'}, timeout: {type: integer, minimum: 1, maximum: 30}, \
         max_rows: {type: integer, default: 1000, maximum: 10000}}}}}",
    );
    for (input, expected) in [
        (json!({ "query": "SELECT 1" }), None),
        (json!({ "query": "SELECT 1", "timeout": 30, "max_rows": 10000 }), None),
        (json!({}), Some("Missing required parameter: query")),
        (json!({ "timeout": "x" }), Some("Missing required parameter: query")),
        (json!({ "query": 1 }), Some("Invalid type for query: expected string")),
        (json!({ "query": "SELECT 1", "timeout": true }), Some("Invalid type for timeout: expected integer")),
        (json!({ "query": "SELECT 1", "limit": 3 }), Some("Unexpected parameter: limit")),
        (json!({ "query": "DROP", "limit": 3 }), Some("Unexpected parameter: limit")),
        (json!({ "query": "DROP TABLE x" }), Some("Invalid value for query: it does not match `^SELECT.*`")),
        (json!({ "query": "SELECT 1", "timeout": 31 }), Some("Invalid value for timeout: it is above 30")),
        (json!({ "query": "SELECT 1", "timeout": 0 }), Some("Invalid value for timeout: it is below 1")),
        (
            json!({ "query": "SELECT 1", "max_rows": 10001 }),
            Some("Invalid value for max_rows: it is above 10000"),
        ),
    ] {
        let case = call("run_database_query").input(input.clone()).op(does(&[]));
        let decision = case.decide(&policy, &State::default()).decision;
        assert_eq!(says(&decision).first().map(String::as_str), expected, "{input}");
        assert_eq!(decision.effect == Effect::Deny, expected.is_some(), "{input}");
    }
}

/// A263: nested values, choices, sizes; and what a schema must not say.
#[test]
fn a263_schemas() {
    let schema = |words: &str| format!("rules: [{{allow: '*'}}]\ntools: {{t: {{schema: {words}}}}}");
    for (words, fits, fits_not) in [
        ("{properties: {a: {enum: [1, x]}}}", json!({ "a": 1.0 }), json!({ "a": 2 })),
        ("{properties: {a: {const: x}}}", json!({ "a": "x" }), json!({ "a": "y" })),
        ("{properties: {a: {type: [string, 'null']}}}", json!({ "a": null }), json!({ "a": 1 })),
        (
            "{properties: {a: {type: array, items: {type: integer}, maxItems: 2}}}",
            json!({ "a": [1] }),
            json!({ "a": [1, "x"] }),
        ),
        ("{properties: {a: {type: array, maxItems: 1}}}", json!({ "a": [1] }), json!({ "a": [1, 2] })),
        ("{properties: {a: {minLength: 2, maxLength: 3}}}", json!({ "a": "äöü" }), json!({ "a": "ä" })),
        (
            "{properties: {a: {exclusiveMinimum: 1, exclusiveMaximum: 2}}}",
            json!({ "a": 1.5 }),
            json!({ "a": 2 }),
        ),
        (
            "{properties: {a: {required: [b], properties: {b: {type: boolean}}}}}",
            json!({ "a": { "b": true, "c": 1 } }),
            json!({ "a": {} }),
        ),
        ("{properties: {a: {additionalProperties: false}}}", json!({ "a": {} }), json!({ "a": { "c": 1 } })),
        (
            "{additionalProperties: true, properties: {a: {type: object}}}",
            json!({ "z": 1 }),
            json!({ "a": 1 }),
        ),
    ] {
        let policy = policy(&schema(words));
        let effect = |input: &Value| call("t").input(input.clone()).op(does(&[])).effect(&policy);
        assert_eq!((effect(&fits), effect(&fits_not)), (Effect::Allow, Effect::Deny), "{words}");
    }
    for (words, error) in [
        ("{oneOf: []}", "`oneOf` is no word of a schema"),
        ("{properties: {a: {type: integr}}}", "`integr` is no type of JSON"),
        ("{properties: {a: {pattern: '('}}}", "`pattern` of a schema must be a regular expression"),
        ("{required: a}", "`required` of a schema must be a list of names"),
        ("[]", "a schema is a mapping"),
    ] {
        let file = file(stayhand_core::decision::Layer::User, &schema(words));
        let problems = Policy::compile(&[file], analyse).unwrap_err().problems;
        assert!(problems.iter().any(|problem| problem.message.contains(error)), "{words}: {problems:?}");
    }
}

/// A263: paths that are names of missing values, where an entry asks for it.
#[test]
fn a263_nonsense_paths() {
    let world = Watched::new("{on: tool_misuse, do: approve}");
    assert_eq!(says(&world.look(&read("undefined"))), ["Invalid file path"]);
    assert_eq!(world.look(&read("undefined")).effect, Effect::Approve);
    assert_eq!(world.look(&read("undefined.txt")).effect, Effect::Allow);
    assert_eq!(Watched::new("").look(&read("undefined")).effect, Effect::Allow);
}
