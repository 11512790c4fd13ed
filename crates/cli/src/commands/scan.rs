//! `stayhand scan`: looks at text that nobody vouches for. Instructions to an agent, secrets,
//! personal data. Nothing is decided and nothing is kept.

use super::lines::Lines;
use crate::args::{Global, Scan};
use crate::{Exit, home, show};
use anstream::println;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stayhand_analysis::{injection, pii, secret};
use stayhand_runtime::wire;
use std::io::{BufWriter, Read as _, Write};
use std::path::Path;

/// What one text holds, as printed. Places are in bytes.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    tainted: bool,
    score: f64,
    passages: Vec<Passage>,
    secrets: Vec<Span>,
    pii: Vec<Span>,
}

#[derive(Debug, Serialize)]
struct Passage {
    start: usize,
    end: usize,
    why: String,
}

#[derive(Debug, Serialize)]
struct Span {
    kind: &'static str,
    start: usize,
    end: usize,
}

/// One line of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    id: Value,
    text: String,
    #[serde(default)]
    tools: Vec<String>,
}

pub(super) fn run(global: &Global, scan: &Scan) -> anyhow::Result<Exit> {
    if let Some(file) = &scan.batch {
        return batch(file);
    }
    let text = match scan.text.as_deref() {
        Some("-") | None => read_standard_input()?,
        Some(text) => text.to_owned(),
    };
    let report = Report::of(&text, &scan.tools);
    if global.json {
        show::json(&report)?;
    } else {
        print(&report, &text);
    }
    Ok(if report.tainted { Exit::Refused } else { Exit::Permitted })
}

fn read_standard_input() -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let limit = wire::MAX_LINE_BYTES as u64 + 1;
    std::io::stdin().lock().take(limit).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() > wire::MAX_LINE_BYTES {
        return Err(home::usage(format!("the text is longer than {} bytes", wire::MAX_LINE_BYTES)));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Report {
    fn of(text: &str, tools: &[String]) -> Self {
        let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
        let found = injection::scan(text, &tools);
        let passage = |found: &injection::Passage| Passage {
            start: found.start,
            end: found.end,
            why: found.signs.to_string(),
        };
        let secrets = secret::find(text).into_iter();
        let pii = pii::find(text).into_iter();
        Self {
            id: None,
            tainted: found.tainted,
            score: f64::from(found.score) / 100.0,
            passages: found.passages.iter().map(passage).collect(),
            secrets: secrets
                .map(|found| Span { kind: found.kind, start: found.start, end: found.end })
                .collect(),
            pii: pii
                .map(|found| Span { kind: found.kind.name(), start: found.start, end: found.end })
                .collect(),
        }
    }
}

/// Answers line by line, in order. A bad line gets an error in its place.
fn batch(file: &Path) -> anyhow::Result<Exit> {
    let mut lines = Lines::open(file)?;
    let mut output = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut exit = Exit::Permitted;
    while let Some(line) = lines.next().context("cannot read the batch")? {
        let answer = match line {
            Ok(line) if line.trim_ascii().is_empty() => continue,
            Ok(line) => {
                serde_json::from_slice::<Line>(line).map_err(|error| (wire::id(line), error.to_string()))
            }
            Err(error) => Err((Value::Null, error.to_string())),
        };
        match answer {
            Ok(line) => {
                let report = Report { id: Some(line.id), ..Report::of(&line.text, &line.tools) };
                serde_json::to_writer(&mut output, &report)?;
            }
            Err((id, error)) => {
                let error = format!("the line is not a text to scan: {error}");
                serde_json::to_writer(&mut output, &serde_json::json!({ "id": id, "error": error }))?;
                exit = Exit::Usage;
            }
        }
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(exit)
}

/// For people: what was found, with the words that say it.
fn print(report: &Report, text: &str) {
    let verdict = if report.tainted {
        show::styled(show::RED, "gives orders to an agent")
    } else {
        show::styled(show::GREEN, "gives no orders to an agent")
    };
    println!("{verdict}  {}", show::styled(show::DIM, format!("score: {:.2}", report.score)));
    for passage in &report.passages {
        let words = text.get(passage.start..passage.end).unwrap_or_default();
        println!("  {} {}", show::styled(show::RED, '\u{2717}'), show::line(words, 160));
        println!("      {}", show::styled(show::DIM, place(&passage.why, passage.start, passage.end)));
    }
    for found in &report.secrets {
        let mark = show::styled(show::YELLOW, "secret");
        println!("  {mark} {}", place(found.kind, found.start, found.end));
    }
    for found in &report.pii {
        let mark = show::styled(show::YELLOW, "personal");
        println!("  {mark} {}", place(found.kind, found.start, found.end));
    }
}

fn place(what: &str, start: usize, end: usize) -> String {
    format!("{what}, bytes {start} to {end}")
}
