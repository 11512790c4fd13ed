//! The shape of the project: crates as the map says, files and functions of readable length, and
//! documents that name nothing that is not there.

use crate::shape::{function_lengths, percentile};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crates of the project a crate may know. The table of `docs/ARCHITECTURE.md` in code.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("stayhand-core", &[]),
    ("stayhand-analysis", &["stayhand-core"]),
    ("stayhand-store", &["stayhand-core"]),
    ("stayhand-sandbox", &["stayhand-core"]),
    ("stayhand-runtime", &["stayhand-core", "stayhand-analysis", "stayhand-store", "stayhand-sandbox"]),
    ("stayhand-gateway", &["stayhand-core", "stayhand-runtime"]),
    ("stayhand-oci", &["stayhand-core", "stayhand-runtime", "stayhand-sandbox"]),
    (
        "stayhand",
        &[
            "stayhand-core",
            "stayhand-analysis",
            "stayhand-gateway",
            "stayhand-oci",
            "stayhand-runtime",
            "stayhand-sandbox",
            "stayhand-store",
        ],
    ),
    ("stayhand-sim", &["stayhand-core", "stayhand-analysis", "stayhand-store", "stayhand-runtime"]),
    ("xtask", &[]),
];

/// Libraries that would give the pure crates a clock, a socket, a thread pool or randomness.
const IMPURE: &[&str] = &["tokio", "rusqlite", "ureq", "getrandom", "rustix", "libc", "rand", "chrono"];

pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    crates(root)?;
    shape(root)?;
    documents(root)?;
    println!("tidy: all is in its place");
    Ok(())
}

/// The crates are those of the table, and know only what they may.
fn crates(root: &Path) -> anyhow::Result<()> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("no packages")?;
    let known: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let allowed = known.get(name).with_context(|| format!("the crate `{name}` is not in the table"))?;
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            ensure!(
                for_tests || !known.contains_key(on) || allowed.contains(&on),
                "`{name}` may not know `{on}`"
            );
            let pure = ["stayhand-core", "stayhand-analysis"].contains(&name);
            ensure!(
                for_tests || !pure || !IMPURE.contains(&on),
                "the pure crate `{name}` may not use `{on}`"
            );
        }
    }
    ensure!(packages.len() == known.len(), "the table names a crate that is not there");
    let map = std::fs::read_to_string(root.join("docs/ARCHITECTURE.md")).context("docs/ARCHITECTURE.md")?;
    for name in known.keys() {
        let folder = name.strip_prefix("stayhand-").unwrap_or(if *name == "stayhand" { "cli" } else { name });
        ensure!(
            map.contains(&format!("| `{folder}`")),
            "docs/ARCHITECTURE.md does not list the crate `{folder}`"
        );
    }
    Ok(())
}

/// Habits, with room: file median ≤ 200 lines and p95 ≤ 500, function p95 ≤ 40.
fn shape(root: &Path) -> anyhow::Result<()> {
    let (mut files, mut functions) = (Vec::new(), Vec::new());
    let mut longest = (0, PathBuf::new());
    for path in files_below(&root.join("crates"), "rs") {
        let source = std::fs::read_to_string(&path)?;
        let lines = source.lines().count();
        files.push(lines);
        functions.extend(function_lengths(&source));
        if lines > longest.0 {
            longest = (lines, path);
        }
    }
    files.sort_unstable();
    functions.sort_unstable();
    let (median, tail) = (percentile(&files, 50), percentile(&files, 95));
    let function_tail = percentile(&functions, 95);
    println!(
        "tidy: {} files, median {median} lines, p95 {tail}, longest {} ({}); {} functions, median {}, p95 {function_tail}",
        files.len(),
        longest.0,
        longest.1.strip_prefix(root).unwrap_or(&longest.1).display(),
        functions.len(),
        percentile(&functions, 50)
    );
    ensure!(median <= 200, "the median file has {median} lines");
    ensure!(tail <= 500, "one file in twenty has more than {tail} lines");
    ensure!(function_tail <= 40, "one function in twenty has more than {function_tail} lines");
    Ok(())
}

/// Every path of the project that a document names exists.
fn documents(root: &Path) -> anyhow::Result<()> {
    let mut missing = BTreeSet::new();
    let top = std::fs::read_dir(root)?.flatten().map(|entry| entry.path());
    let top = top.filter(|path| path.extension().is_some_and(|end| end == "md"));
    let below = ["docs", "examples"].map(|folder| files_below(&root.join(folder), "md"));
    for path in top.chain(below.into_iter().flatten()) {
        let text = std::fs::read_to_string(&path)?;
        let folder = path.parent().unwrap_or(root);
        for named in named_paths(&text) {
            if !root.join(&named).exists() && !folder.join(&named).exists() {
                missing
                    .insert(format!("{} names {named}", path.strip_prefix(root).unwrap_or(&path).display()));
            }
        }
    }
    ensure!(
        missing.is_empty(),
        "documents name files that are not there:\n  {}",
        Vec::from_iter(missing).join("\n  ")
    );
    Ok(())
}

/// Words that look like a path of this project, and the targets of relative links.
fn named_paths(text: &str) -> BTreeSet<String> {
    const FOLDERS: &[&str] = &["crates/", "docs/", "examples/", "tests/", ".ci/", "benches/"];
    let separators = |c: char| c.is_whitespace() || "`()[]<>\"',;*{}|".contains(c);
    let mut paths = BTreeSet::new();
    for word in text.split(separators).map(|word| word.trim_end_matches(['.', ':'])) {
        let word = word.split('#').next().unwrap_or_default().trim_start_matches("./");
        let is_ours = FOLDERS.iter().any(|folder| word.starts_with(folder));
        if is_ours && !word.contains(['…', '$', '=']) && !word.contains("::") {
            paths.insert(word.to_owned());
        }
    }
    for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let target = target.split('#').next().unwrap_or_default();
        if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
            paths.insert(target.to_owned());
        }
    }
    paths
}

/// The files below `folder` with this ending.
fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == ending) {
                found.push(path);
            }
        }
    }
    found
}
