//! Measures the default policy against labelled inputs: `cargo xtask eval FOLDER`.
//!
//! The folder holds `AREA/NAME.jsonl` with one object a line: `input` and `label`. What is measured is
//! the shipped binary, `check --batch`, in an empty workspace. Nothing of the folder enters the project.

use crate::root;
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The areas that are measured, with the tool and argument their inputs stand for.
const AREAS: &[(&str, &str, &str)] = &[
    ("shell", "bash", "command"),
    ("paths", "read_file", "path"),
    ("urls", "fetch", "url"),
    ("sql", "sql", "query"),
];

/// Answers by effect.
#[derive(Debug, Default)]
struct Tally {
    allow: usize,
    approve: usize,
    deny: usize,
}

pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    crate::cargo(&["build", "--release", "--locked", "-p", "stayhand"])?;
    println!("\n| inputs | label | n | denied | held | allowed |\n|---|---|---|---|---|---|");
    for (area, tool, argument) in AREAS {
        for path in files(&folder.join(area)) {
            for (label, tally) in measure(&path, tool, argument)? {
                print_row(area, &path, &label, &tally);
            }
        }
    }
    Ok(())
}

fn print_row(area: &str, path: &Path, label: &str, tally: &Tally) {
    let total = tally.allow + tally.approve + tally.deny;
    let percent = |count: usize| {
        let tenths = (count * 1000 + total / 2) / total.max(1);
        format!("{}.{} %", tenths / 10, tenths % 10)
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let [denied, held, allowed] = [tally.deny, tally.approve, tally.allow].map(percent);
    println!("| {area}/{name} | {label} | {total} | {denied} | {held} | {allowed} |");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    found.sort();
    found
}

/// The answers for one file, by label.
fn measure(path: &Path, tool: &str, argument: &str) -> anyhow::Result<BTreeMap<String, Tally>> {
    let text = std::fs::read_to_string(path)?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let inputs: Vec<&Value> = lines.iter().filter(|line| line["input"].is_string()).collect();
    let answers = check(&inputs, tool, argument)?;
    ensure!(
        answers.len() == inputs.len(),
        "{}: {} answers to {}",
        path.display(),
        answers.len(),
        inputs.len()
    );
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for (input, answer) in inputs.iter().zip(&answers) {
        let tally = tallies.entry(input["label"].as_str().unwrap_or_default().to_owned()).or_default();
        match answer["effect"].as_str() {
            Some("allow") => tally.allow += 1,
            Some("approve") => tally.approve += 1,
            _ => tally.deny += 1,
        }
    }
    Ok(tallies)
}

fn check(inputs: &[&Value], tool: &str, argument: &str) -> anyhow::Result<Vec<Value>> {
    let scratch = root().join("target/eval");
    let workspace = scratch.join("workspace");
    std::fs::create_dir_all(&workspace)?;
    let batch = scratch.join("batch.jsonl");
    let mut file = File::create(&batch)?;
    for input in inputs {
        writeln!(file, "{}", json!({ "tool": tool, "input": { argument: input["input"] } }))?;
    }
    let output = Command::new(root().join("target/release/stayhand"))
        .args(["check", "--batch"])
        .arg(&batch)
        .current_dir(&workspace)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the binary")?;
    String::from_utf8(output.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
