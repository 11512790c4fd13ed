//! Measures the shipped binary against labelled inputs: `cargo xtask eval FOLDER`.
//!
//! The folder holds `AREA/NAME.jsonl` with one object a line: `input`, `label`, `cls` and what the area needs
//! beside them. Actions are asked for with `check --batch` under the default pack in an empty workspace, texts with
//! `scan --batch`, series with `anomaly score`. What is written to `docs/EVALUATION.md` is figures only: no text of the inputs enters the project.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks is null")]

mod actions;
mod ask;
mod calls;
mod report;
mod series;
mod texts;
mod traces;

use crate::root;
use anyhow::Context as _;
use ask::Asker;
use report::Report;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    crate::cargo(&["build", "--release", "--locked", "-p", "stayhand"])?;
    let asker = Asker::new(&root())?;
    let mut report = Report::default();
    for area in [
        actions::shell,
        actions::paths,
        actions::urls,
        actions::sql,
        texts::injection,
        calls::calls,
        texts::personal,
        series::series,
        traces::traces,
    ] {
        area(folder, &asker, &mut report)?;
    }
    let page = report.page();
    print!("{page}");
    let target = root().join("docs/EVALUATION.md");
    std::fs::write(&target, page).with_context(|| format!("cannot write {}", target.display()))
}

/// A labelled input.
#[derive(Debug)]
struct Sample(Value);

impl Sample {
    fn text(&self) -> &str {
        self.0["input"].as_str().unwrap_or_default()
    }

    fn is_dangerous(&self) -> bool {
        self.0["label"] != "benign"
    }

    /// The source's own class.
    fn class(&self) -> &str {
        self.0["cls"].as_str().unwrap_or_default()
    }
}

/// The samples of one file.
#[derive(Debug)]
struct Source {
    name: String,
    samples: Vec<Sample>,
}

/// Every file of an area, by name.
fn sources(folder: &Path, area: &str) -> anyhow::Result<Vec<Source>> {
    let folder = folder.join(area);
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    paths.sort();
    paths.iter().map(|path| source(path)).collect()
}

fn source(path: &Path) -> anyhow::Result<Source> {
    let text = std::fs::read_to_string(path)?;
    let samples =
        text.lines().map(|line| Ok(Sample(serde_json::from_str(line)?))).collect::<anyhow::Result<_>>();
    let samples = samples.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Source { name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), samples })
}
