//! Prices, budgets and costs, as people see them.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{PERMITTED, REFUSED, USAGE, World};
use serde_json::{Value, json};

const RULES: &str = "rules: [{name: all, allow: '*'}]\n";

/// A script in which `agent` lists a folder `count` times, at so many cents each.
fn script(count: usize, agent: &str, cents: f64) -> String {
    let line = json!({
        "tool": "list_dir",
        "input": {"path": "."},
        "agent": agent,
        "context": {"estimated_cost_cents": cents, "task": "look"},
    });
    format!("{line}\n").repeat(count)
}

/// A270, L-06: a budget stops a script at its limit; `budget` and `cost` say how it stands.
#[test]
fn a_budget_stops_a_script() {
    let world = World::new();
    world.user_policy(&format!("{RULES}budgets: [{{name: day, period: total, limit: 0.10}}]\n"));
    let path = world.write("script.jsonl", script(13, "spender", 1.0));
    let run = world.run(&["--json", "play", path.to_str().unwrap(), "--no"]);
    let lines = run.json_lines();
    let allowed = lines.iter().filter(|line| line["effect"] == "allow").count();
    assert_eq!(allowed, 10, "{lines:#?}");

    let report = world.run(&["--json", "budget"]).json();
    let day = &report["budgets"][0];
    assert_eq!(
        (&day["used"], &day["reserved"], &day["remaining"]),
        (&json!(100_000_000), &json!(0), &json!(0))
    );
    // 80 percent, and from 90 straight to full.
    assert_eq!(report["alerts"].as_array().unwrap().len(), 2, "{report}");
    let shown = world.run(&["budget"]);
    shown.expect(PERMITTED);
    assert!(shown.out.contains("Total: $0.10 / $0.10 ($0.00 remaining)"), "{}", shown.out);
    assert!(shown.out.contains("Budget EXCEEDED: 0.10/0.10"), "{}", shown.out);

    let costs = world.run(&["--json", "cost"]).json();
    let figures = &costs["analytics"];
    assert_eq!((&figures["total_cost_dollars"], &figures["total_calls"]), (&json!(0.1), &json!(10)));
    assert_eq!(figures["by_agent"], json!({"spender": 0.1}));
    assert_eq!(costs["groups"]["task"]["look"]["calls"], 10);
    let shown = world.run(&["cost"]);
    for heading in [
        "COST ANALYTICS",
        "Cost by agent:",
        "Cost by model:",
        "OPTIMIZATION RECOMMENDATIONS",
        "BUDGET STATUS",
    ] {
        assert!(shown.out.contains(heading), "{}", shown.out);
    }
    let by_task = world.run(&["cost", "--by", "task"]);
    assert!(by_task.out.contains("look: $0.1 (10 calls"), "{}", by_task.out);
    world.run(&["cost", "--by", "colour"]).expect(USAGE);
}

/// D261, row 180: a price file is checked before it takes effect, and what it says counts afterwards.
#[test]
fn prices_are_shown_and_replaced() {
    let world = World::new();
    world.user_policy(RULES);
    let prices = |world: &World| world.run(&["--json", "prices", "show"]).json();
    let shipped = prices(&world);
    let named = |prices: &Value, model: &str| {
        prices["models"].as_array().unwrap().iter().find(|line| line["model"] == model).cloned()
    };
    assert_eq!(named(&shipped, "gpt-4").unwrap()["input"], "30");
    let call = r#"{"tool": "llm", "input": {}, "context": {"model": "mine", "input_tokens": 5, "max_output_tokens": 5}}"#;
    let batch = world.write("batch.jsonl", call);
    let check = |world: &World| {
        world.run(&["--json", "check", "--batch", batch.to_str().unwrap()]).json_lines().remove(0)
    };
    assert_eq!(check(&world)["effect"], "deny");

    let typo = world.write(
        "typo.yaml",
        "prices:\n  source: contract\n  date: 2026-11-28\n  models:\n    mine: {input: 1, outptu: 2}\n",
    );
    let refused = world.run(&["prices", "update", "--from", typo.to_str().unwrap()]);
    refused.expect(USAGE);
    assert!(refused.err.contains("typo.yaml:5") && refused.err.contains("outptu"), "{}", refused.err);
    assert_eq!(prices(&world), shipped);

    let good = world.write(
        "good.yaml",
        "prices:\n  source: contract\n  date: 2026-11-28\n  models:\n    mine: {input: 1, output: 2}\n",
    );
    world.run(&["prices", "update", "--from", good.to_str().unwrap()]).expect(PERMITTED);
    let new = prices(&world);
    assert_eq!(named(&new, "mine").unwrap()["source"], "contract");
    assert_ne!(new["digest"], shipped["digest"]);
    assert_eq!(check(&world)["effect"], "allow");
    // The agent may not write its own prices.
    let path = world.home.join(".config/stayhand/prices.yaml");
    world.run(&["check", "write_file", &json!({"path": path, "content": "x"}).to_string()]).expect(REFUSED);
}
