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
use stayhand_core::time::Timestamp;

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

/// L-20, L-21, L-22: what is looked at now, every day and every week.
#[test]
fn reports_of_costs() {
    let world = World::new();
    world.user_policy(&format!("{RULES}budgets: [{{name: day, period: total, limit: 1}}]\n"));
    let path = world.write("script.jsonl", script(12, "spender", 1.0));
    world.run(&["play", path.to_str().unwrap(), "--no"]).expect(PERMITTED);

    let live = world.run(&["--json", "cost", "--report", "live"]).json();
    assert_eq!(live["cost_per_agent_dollars"], json!({"spender": 0.12}));
    assert_eq!(live["most_expensive_operations"].as_array().unwrap().len(), 10);
    assert_eq!(live["budgets"][0]["remaining"], json!(880_000_000));
    world.run(&["cost", "--report", "live"]).expect(PERMITTED).says("BUDGET STATUS");

    let at = Timestamp(live["most_expensive_operations"][0]["at"].as_u64().unwrap());
    let day = at.to_string()[..10].to_owned();
    let daily = world.run(&["--json", "cost", "--report", "daily", "--day", &day]).json();
    assert_eq!((&daily["day"], &daily["total_calls"]), (&json!(day), &json!(12)));
    assert_eq!(daily["usual_day_dollars"], json!(null));
    let shown = world.run(&["cost", "--report", "daily", "--day", &day]);
    shown.expect(PERMITTED).says(&format!("{day}: $0.12, 12 calls")).says("12% of day");
    // Yesterday nothing was spent.
    assert_eq!(world.run(&["--json", "cost", "--report", "daily"]).json()["total_calls"], json!(0));

    let weekly = ["cost", "--report", "weekly", "--hours-saved", "0.01", "--hour-worth", "24"];
    let week = world.run(&[&["--json"], &weekly[..]].concat()).json();
    assert_eq!((&week["by_agent"], &week["saved_dollars"]), (&json!({"spender": 0.12}), &json!(0.24)));
    assert_eq!(week["return_on_investment_percent"], json!(100.0));
    world.run(&weekly).expect(PERMITTED).says("a return on investment of 100%").says("RECOMMENDATIONS");
    for wrong in [
        &["cost", "--report", "weekly", "--day", "2026-11-20"][..],
        &["cost", "--report", "daily", "--hours-saved", "1", "--hour-worth", "1"],
        &["cost", "--report", "weekly", "--hours-saved", "1"],
        &["cost", "--report", "weekly", "--hours-saved", "nan", "--hour-worth", "1"],
        &["cost", "--day", "2026-11-20"],
        &["cost", "--report", "live", "--by", "task"],
    ] {
        world.run(wrong).expect(USAGE);
    }
}

/// L-31: which models are enough for some code.
#[test]
fn models_for_code() {
    let world = World::new();
    let simple = world.write("simple.py", "import os\n\ndef f(x):\n    return x\n");
    let simple = simple.to_str().unwrap();
    world.run(&["prices", "route", simple]).expect(PERMITTED).says("claude-3-haiku").says("below 3");
    let complex = "if a and b:\n    c()\n".repeat(60);
    let complex = world.write("complex.py", format!("{}{complex}", "import x\n".repeat(10)));
    let args = ["--json", "prices", "route", complex.to_str().unwrap(), "--task", "generation"];
    let found = world.run(&args).json();
    assert_eq!((&found["tier"], &found["score"]), (&json!("expensive"), &json!("9.60")));
    assert_eq!(found["models"][0]["model"], "gpt-4");
    world.run(&["prices", "route", "nowhere.py"]).expect(USAGE);
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
