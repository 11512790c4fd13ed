//! The example session, really played, then looked at with every command that reads the log.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{PERMITTED, REFUSED, Run, USAGE, World, project_file};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const SESSION: &str = "examples/sessions/coding-agent.jsonl";

struct Played {
    world: World,
    session: String,
    lines: Vec<Value>,
    summary: Value,
}

fn play() -> Played {
    let world = World::new();
    let run = world.run(&["--json", "play", &project_file(SESSION), "--no"]);
    run.expect(PERMITTED);
    let mut lines = run.json_lines();
    let summary = lines.pop().unwrap();
    let session = summary["session"].as_str().unwrap().to_owned();
    Played { world, session, lines, summary }
}

fn script() -> Vec<Value> {
    let text = std::fs::read_to_string(project_file(SESSION)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The effects that the script expects, counted.
fn expected(effect: &str) -> u64 {
    script().iter().filter(|line| line["expect"] == effect).count() as u64
}

#[test]
fn the_script_is_a_whole_day() {
    let script = script();
    assert!(script.len() >= 64, "only {} actions", script.len());
    assert!(script.iter().all(|line| line["expect"].is_string() && line["note"].is_string()));
    for (effect, least) in [("allow", 40), ("approve", 8), ("deny", 12)] {
        assert!(expected(effect) >= least, "{effect}: {}", expected(effect));
    }
}

#[test]
fn harmless_lines_run_and_harmful_ones_do_not() {
    let Played { world, lines, summary, .. } = play();
    let summary = &summary["summary"];
    assert_eq!(lines.len(), script().len());
    for (line, wanted) in lines.iter().zip(script()) {
        assert_eq!(line["effect"], wanted["expect"], "{wanted}");
    }
    assert_eq!(summary["failed"], 0, "{lines:#?}");
    assert_eq!(summary["unexpected"], 0);
    assert_eq!(summary["held"], expected("approve"));
    assert_eq!(summary["refused"], expected("deny"));
    assert_eq!(summary["executed"], expected("allow"));
    world.verify();
    let settled = world.events("settled");
    // One more in the log: the redirect's first hop ran, its second was refused.
    assert_eq!(settled.len() as u64, expected("allow") + 1);
    let programs = script().iter().filter(|line| line["tool"] == "bash" && line["expect"] == "allow").count();
    let confined = settled.iter().filter(|event| event["confined"] != "none");
    assert_eq!(confined.count(), programs, "programs are confined, and nothing else claims to be");
}

#[test]
fn says_what_happened_and_what_was_confined() {
    let world = World::new();
    let script = world.write(
        "short.jsonl",
        concat!(
            r#"{"tool":"write_file","input":{"path":"note.txt","content":"x"},"expect":"allow"}"#,
            "\r\n\n",
            r#"{"tool":"bash","input":"cat note.txt nothing-here.txt"}"#,
            "\n",
            r#"{"tool":"bash","input":"rm -rf /"}"#,
        ),
    );
    let run = world.run(&["play", script.to_str().unwrap(), "--no"]);
    run.expect(PERMITTED).says("3 actions").says("2 executed (1 of them failed), 0 held, 1 refused");
    run.says("1 of them confined").says("audit verified").says("rule_deny");
    // The scratch workspace is gone.
    let scratch = run.out.lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert!(!std::path::Path::new(&scratch).exists(), "{scratch}");
}

#[test]
fn an_unexpected_effect_fails_the_play() {
    let world = World::new();
    let script = world.write("wrong.jsonl", r#"{"tool":"bash","input":"ls","expect":"deny"}"#);
    let script = script.to_str().unwrap();
    world.run(&["play", script, "--no"]).expect(REFUSED).says("the script expects deny");
}

#[test]
fn held_actions_run_only_with_yes() {
    let line = r#"{"tool":"python","input":{"code":"exec(open('/dev/null').read()); open('made.txt', 'w')"},"expect":"approve"}"#;
    for (answer, made) in [("--no", false), ("--yes", true)] {
        let world = World::new();
        let script = world.write("held.jsonl", line);
        let place = world.beside("workspace");
        let place = place.to_str().unwrap();
        let run = world.run(&["play", script.to_str().unwrap(), "--workspace", place, answer]);
        run.expect(PERMITTED);
        assert_eq!(run.out.contains("approved, exit 0"), made, "{}", run.out);
        assert_eq!(world.beside("workspace/made.txt").exists(), made, "{answer}");
        assert_eq!(world.events("approval_resolved").len(), usize::from(made));
    }
}

/// Approving everything in the example does no harm either, and refusals stay refusals. What asks a
/// name server is left out: without a network that takes its time.
#[test]
fn the_example_session_can_be_played_with_yes() {
    let world = World::new();
    let asks_the_network = |line: &Value| line["input"].to_string().contains("https://");
    let script: Vec<Value> = script().into_iter().filter(|line| !asks_the_network(line)).collect();
    let text: String = script.iter().map(|line| format!("{line}\n")).collect();
    let file = world.write("script.jsonl", text);
    let run = world.run(&["--json", "play", file.to_str().unwrap(), "--yes"]);
    run.expect(PERMITTED);
    let summary = run.json_lines().pop().unwrap()["summary"].clone();
    let wanted = |effect: &str| script.iter().filter(|line| line["expect"] == effect).count();
    assert_eq!((&summary["held"], &summary["unexpected"]), (&Value::from(0), &Value::from(0)));
    assert_eq!(summary["refused"], wanted("deny"));
    assert_eq!(world.events("approval_resolved").len(), wanted("approve"));
    world.verify();
    world.run(&["replay"]).expect(PERMITTED);
}

#[test]
fn bad_scripts_are_named_with_their_line() {
    let world = World::new();
    for (text, says) in [
        ("{\"tool\":\"bash\",\"input\":\"ls\"}\n{\"tool\":", "bad.jsonl:2"),
        ("{\"tool\":\"bash\",\"inptu\":\"ls\"}", "inptu"),
        ("\n\n", "holds no action"),
        ("{\"tool\":\"bash\",\"input\":\"ls\",\"expect\":\"perhaps\"}", "perhaps"),
    ] {
        let script = world.write("bad.jsonl", text);
        world.run(&["play", script.to_str().unwrap(), "--no"]).expect(USAGE).says(says);
    }
    world.run(&["play", "no-such.jsonl", "--no"]).expect(USAGE).says("no-such.jsonl");
    assert!(!world.state.exists(), "a script that was never played left a state folder");
}

/// The replayed decisions that differ: seq to the effect now.
fn differences(run: &Run) -> BTreeMap<u64, (String, String)> {
    let found = run.json();
    let list = found["replay"]["divergences"].as_array().unwrap().iter();
    list.map(|divergence| {
        let effect = |which: &str| divergence[which]["effect"].as_str().unwrap().to_owned();
        (divergence["seq"].as_u64().unwrap(), (effect("was"), effect("now")))
    })
    .collect()
}

/// The decisions whose stored input contains one of these texts.
fn decisions_with(world: &World, texts: &[&str]) -> BTreeSet<u64> {
    let records = world.records();
    let decided = records.iter().filter(|record| record["event"]["type"] == "decided");
    decided
        .filter(|record| {
            let input = record["event"]["request"]["resource"].to_string();
            texts.iter().any(|text| input.contains(text))
        })
        .map(|record| record["seq"].as_u64().unwrap())
        .collect()
}

#[test]
fn replay_reproduces_every_decision_and_lists_what_a_change_changes() {
    let Played { world, session, .. } = play();
    for _ in 0..3 {
        let run = world.run(&["--json", "replay", "--session", &session]);
        run.expect(PERMITTED);
        let replay = &run.json()["replay"];
        assert_eq!(replay["divergences"].as_array().unwrap().len(), 0);
        assert_eq!(replay["decisions"], script().len() as u64 + 1);
        assert_eq!(replay["under_other_policy"], 0);
    }
    world.run(&["replay"]).expect(PERMITTED).says("every decision came out the same");

    let boundaries = project_file("examples/policies/boundaries.yaml");
    let run = world.run(&["--json", "replay", "--session", &session, "--policy", &boundaries]);
    run.expect(REFUSED);
    let found = differences(&run);
    assert!(found.values().all(|(was, now)| was != "deny" && now == "deny"), "{found:?}");
    let beyond =
        ["https://collect.invalid", "https://get.invalid", "http://127.0.0.1", "/srv/no-such-folder"];
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), decisions_with(&world, &beyond));

    let commits = world.write("no-commits.yaml", "extends: coding-agent\nrules:\n  - {name: no_commits, deny: bash, when: {program: git, subcommand: commit}}\n");
    let run = world.run(&["--json", "replay", "--policy", commits.to_str().unwrap()]);
    run.expect(REFUSED);
    let found = differences(&run);
    assert!(found.values().all(|change| *change == ("allow".to_owned(), "deny".to_owned())));
    assert_eq!(
        found.keys().copied().collect::<BTreeSet<_>>(),
        decisions_with(&world, &["git commit", "upstream commit"])
    );
    world
        .run(&["replay", "--policy", commits.to_str().unwrap()])
        .says(&format!("{} came out differently", found.len()));
}

#[test]
fn compare_counts_and_lists_what_differs() {
    let Played { world, .. } = play();
    let run = world.run(&[
        "--json",
        "compare",
        "--policy",
        "now=pack:coding-agent",
        "--policy",
        "strict=pack:strict",
    ]);
    run.expect(PERMITTED);
    let found = run.json();
    let decisions = script().len() as u64 + 1;
    let tally = |name: &str, key: &str| found["policies"][name]["tally"][key].as_u64().unwrap();
    for name in ["now", "strict"] {
        assert_eq!(
            tally(name, "allowed") + tally(name, "needs_approval") + tally(name, "blocked"),
            decisions
        );
    }
    assert_eq!(tally("now", "blocked"), expected("deny"));
    assert_eq!(tally("now", "needs_approval"), expected("approve"));
    let rate = found["policies"]["now"]["block_rate"].as_f64().unwrap();
    assert!((rate - expected("deny") as f64 * 100.0 / decisions as f64).abs() < 1e-9);
    let differences = found["differences"].as_object().unwrap();
    assert!(!differences.is_empty());
    for (what, effects) in differences.values().map(|pair| (&pair[0], &pair[1])) {
        assert_ne!(effects[0], effects[1], "{what}");
    }
    let text = world.run(&["compare", "--policy", "a=pack:coding-agent", "--policy", "b=pack:strict"]);
    text.expect(PERMITTED).says(&format!("{} of the actions are decided differently", differences.len()));
    let same = world.run(&["--json", "compare", "--policy", "a=pack:strict", "--policy", "b=pack:strict"]);
    assert_eq!(same.json()["differences"].as_object().unwrap().len(), 0);
    for wrong in [
        &["a=pack:strict"][..],
        &["strict", "other"],
        &["a=pack:none", "b=pack:strict"],
        &["a=/none", "b=pack:strict"],
    ] {
        let args: Vec<&str> = wrong.iter().flat_map(|policy| ["--policy", policy]).collect();
        world.run(&[&["compare"], &args[..]].concat()).expect(USAGE);
    }
}

#[test]
fn trace_lists_shows_tails_and_exports() {
    let Played { world, session, .. } = play();
    let count = world.records().len() as u64;
    world.run(&["trace", "list"]).expect(PERMITTED).says(&session);
    let list = world.run(&["--json", "trace", "list"]).json();
    assert_eq!(list[&session]["tally"]["needs_approval"], expected("approve"));

    let show = world.run(&["trace", "show", &session]);
    show.expect(PERMITTED).says("exit 0").says("Keys and credentials are not for agents");
    let shown = world.run(&["--json", "trace", "show", &session]).json();
    assert!(shown.as_array().unwrap().iter().any(|record| record["event"]["type"] == "settled"));
    let one = world.run(&["trace", "show", "1"]).json();
    assert_eq!(one["seq"], 1);
    world.run(&["trace", "show", "no-such-session"]).expect(USAGE).says("no-such-session");
    world.run(&["trace", "show", "99999999"]).never_says("{");

    let tail = world.run(&["trace", "tail", "-n", "2"]);
    assert_eq!(tail.expect(PERMITTED).out.lines().count(), 2);
    tail.says(&format!("{} ", count - 1));

    let json = world.run(&["trace", "export", "--format", "json"]).json();
    assert_eq!(json.as_array().unwrap().len() as u64, count);
    let of_session = world.run(&["trace", "export", "--session", &session, "--format", "jsonl"]).json_lines();
    assert!(of_session.iter().all(|record| record["event"]["type"] != "policy_loaded"));
    let csv = world.run(&["trace", "export", "--format", "csv"]).expect(PERMITTED).out.clone();
    assert_eq!(csv.lines().next(), Some("seq,time,agent,session,tool,effect,reason,rule,input"));
    assert_eq!(csv.lines().count(), script().len() + 2);
}
