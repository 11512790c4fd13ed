//! Asks the binary.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The release binary with an empty workspace and a home of its own.
#[derive(Debug)]
pub(super) struct Asker {
    binary: PathBuf,
    /// Outside of the project, which would be taken for the workspace.
    scratch: TempDir,
}

/// The answers to a list of questions, in its order, and how long they took.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) lines: Vec<Value>,
    pub(super) took: Duration,
}

impl Asker {
    pub(super) fn new(root: &Path) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        std::fs::create_dir(scratch.path().join("workspace"))?;
        Ok(Self { binary: root.join("target/release/stayhand"), scratch })
    }

    /// Decides actions under the default pack.
    pub(super) fn check(&self, questions: &[Value]) -> anyhow::Result<Answers> {
        self.ask(&["check", "--batch"], questions)
    }

    /// Decides actions under the text of a policy.
    pub(super) fn check_under(&self, policy: &str, questions: &[Value]) -> anyhow::Result<Answers> {
        let file = self.policy_file(policy)?;
        self.ask(&["check", "--policy", &file, "--batch"], questions)
    }

    fn policy_file(&self, policy: &str) -> anyhow::Result<String> {
        let file = self.scratch.path().join("policy.yaml");
        std::fs::write(&file, policy)?;
        Ok(file.to_str().context("the path is no text")?.to_owned())
    }

    /// Tries the detectors of failure on steps, under the text of a policy.
    pub(super) fn steps(&self, policy: &str, steps: &[Value]) -> anyhow::Result<Answers> {
        let file = self.policy_file(policy)?;
        self.ask(&["incidents", "--policy", &file, "--steps"], steps)
    }

    /// Scans texts.
    pub(super) fn scan(&self, questions: &[Value]) -> anyhow::Result<Answers> {
        self.ask(&["scan", "--batch"], questions)
    }

    /// Which values of a series a detector calls anomalous, and how long that took.
    pub(super) fn score(&self, values: &[f64], detector: &str) -> anyhow::Result<(Vec<bool>, Duration)> {
        let series = self.scratch.path().join("series.csv");
        let mut file = BufWriter::new(File::create(&series)?);
        writeln!(file, "timestamp,value")?;
        for (at, value) in values.iter().enumerate() {
            writeln!(file, "{at},{value}")?;
        }
        file.into_inner()?;
        let (printed, took) = self.run(&["--json", "anomaly", "score", "--detector", detector], &series)?;
        let report: Value = serde_json::from_str(&printed)?;
        let rows = report["values"].as_array().context("no values")?;
        ensure!(rows.len() == values.len(), "{} scores of {} values", rows.len(), values.len());
        Ok((rows.iter().map(|row| row["anomaly"] == true).collect(), took))
    }

    fn ask(&self, words: &[&str], questions: &[Value]) -> anyhow::Result<Answers> {
        let batch = self.scratch.path().join("batch.jsonl");
        let mut file = BufWriter::new(File::create(&batch)?);
        for question in questions {
            writeln!(file, "{question}")?;
        }
        file.into_inner()?;
        let (printed, took) = self.run(words, &batch)?;
        let lines: Vec<Value> = printed.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(lines.len() == questions.len(), "{} answers to {} questions", lines.len(), questions.len());
        Ok(Answers { lines, took })
    }

    /// Runs the binary on a file: what it printed, and how long it took.
    fn run(&self, words: &[&str], file: &Path) -> anyhow::Result<(String, Duration)> {
        let from = Instant::now();
        let output = Command::new(&self.binary)
            .args(words)
            .arg(file)
            .env("HOME", self.scratch.path())
            .env_remove("STAYHAND_HOME")
            .current_dir(self.scratch.path().join("workspace"))
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run the binary")?;
        Ok((String::from_utf8(output.stdout)?, from.elapsed()))
    }
}
