//! `stayhand check`: decides, and nothing else.

use super::lines::Lines;
use crate::args::{Check, Global};
use crate::{Exit, home, show};
use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;
use stayhand_core::decision::{Decision, Effect, Finding, Obligation};
use stayhand_core::facts::Facts;
use stayhand_core::request::Request;
use stayhand_runtime::wire::{self, Defaults, Parsed, WireAction, WireError};
use stayhand_runtime::{DryRun, Engine};
use std::io::{BufWriter, Write};
use std::path::Path;

/// What decides: a dry run, or an engine that keeps the decision.
enum Decider {
    /// It is there until the process ends: taking its policy apart takes longer than the decision.
    Dry(&'static DryRun),
    Engine(Box<Engine>),
}

pub(super) fn run(global: &Global, check: &Check) -> anyhow::Result<Exit> {
    let files = super::files(&check.asking)?;
    let defaults = home::defaults(&check.asking)?;
    let decider = if check.record {
        Decider::Engine(Box::new(super::engine(global, files)?))
    } else {
        Decider::Dry(Box::leak(Box::new(super::dry_run(global, &files)?)))
    };
    match (&check.batch, &check.tool, &check.input) {
        (Some(file), ..) => batch(&decider, file, &defaults, check.facts),
        (None, Some(tool), Some(input)) => one(global, &decider, tool, input, &defaults, check.facts),
        _ => Err(home::usage("name a tool and its input, or --batch FILE")),
    }
}

impl Decider {
    fn decide(&self, parsed: Parsed) -> anyhow::Result<(Decision, Facts)> {
        match self {
            Self::Engine(engine) => {
                let decided = engine.check(parsed, true)?;
                Ok((decided.decision, decided.facts))
            }
            Self::Dry(dry) => Ok(dry.decide(parsed)),
        }
    }
}

fn one(
    global: &Global,
    decider: &Decider,
    tool: &str,
    input: &str,
    defaults: &Defaults,
    facts: bool,
) -> anyhow::Result<Exit> {
    let parsed =
        wire::to_request(action(tool, input)?, defaults).map_err(|error| home::usage(error.to_string()))?;
    let what = describe(&parsed.request);
    let (decision, seen) = decider.decide(parsed)?;
    if global.json {
        show::json(&Answer::new(None, &decision, facts.then_some(&seen)))?;
    } else {
        show::decision(&what, &decision);
        if facts {
            show::facts(&seen);
        }
    }
    Ok(exit_of(decision.effect))
}

/// The exit code of an effect.
pub(super) const fn exit_of(effect: Effect) -> Exit {
    match effect {
        Effect::Allow => Exit::Permitted,
        Effect::Approve => Exit::Held,
        Effect::Deny | Effect::Lock => Exit::Refused,
    }
}

/// The action of a command line: INPUT is a JSON object, or the main argument itself.
pub(super) fn action(tool: &str, input: &str) -> anyhow::Result<WireAction> {
    let input = if input.trim_start().starts_with('{') && tool != "bash" {
        serde_json::from_str(input).map_err(|error| home::usage(format!("the input is not JSON: {error}")))?
    } else {
        as_object_or_text(input)
    };
    Ok(WireAction::new(tool, input))
}

/// For `bash`, `{ …; }` is a command as well as the beginning of JSON.
fn as_object_or_text(input: &str) -> Value {
    match serde_json::from_str(input) {
        Ok(Value::Object(map)) if map.contains_key("command") => Value::Object(map),
        _ => Value::String(input.to_owned()),
    }
}

/// The request on one line.
pub(super) fn describe(request: &Request) -> String {
    let input = &request.resource.0;
    let main = ["command", "path", "url", "query", "code"].iter().find_map(|key| input.get(*key)?.as_str());
    let text = main.map_or_else(|| Value::Object(input.clone()).to_string(), str::to_owned);
    let method = input.get("method").and_then(Value::as_str).map(|method| format!("{method} "));
    format!("{}: {}{text}", request.action.0, method.unwrap_or_default())
}

/// One answer, as printed by `--json` and `--batch`.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    effect: Effect,
    findings: Vec<PrintedFinding<'a>>,
    obligations: &'a [Obligation],
    risk: stayhand_core::risk::Risk,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a Facts>,
}

#[derive(Serialize)]
struct PrintedFinding<'a> {
    guard: &'static str,
    reason: &'static str,
    rule: Option<&'a str>,
    effect: Effect,
    message: String,
}

impl<'a> Answer<'a> {
    pub(super) fn new(id: Option<&'a Value>, decision: &'a Decision, facts: Option<&'a Facts>) -> Self {
        let printed = |found: &'a Finding| PrintedFinding {
            guard: found.guard.name(),
            reason: found.reason.code(),
            rule: found.rule.as_deref(),
            effect: found.effect,
            message: found.message(),
        };
        Self {
            id,
            effect: decision.effect,
            findings: decision.findings.iter().map(printed).collect(),
            obligations: &decision.obligations,
            risk: decision.risk,
            facts,
        }
    }
}

/// Answers line by line, in order. A bad line gets an error in its place.
fn batch(decider: &Decider, file: &Path, defaults: &Defaults, facts: bool) -> anyhow::Result<Exit> {
    let mut output = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut lines = Lines::open(file)?;
    let mut exit = Exit::Permitted;
    while let Some(line) = lines.next().context("cannot read the batch")? {
        if line.as_ref().is_ok_and(|line| line.trim_ascii().is_empty()) {
            continue;
        }
        if !answer_line(decider, line, defaults, facts, &mut output)? {
            exit = Exit::Usage;
        }
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(exit)
}

/// Writes the answer to one line. Whether the line was good.
fn answer_line(
    decider: &Decider,
    line: Result<&[u8], WireError>,
    defaults: &Defaults,
    facts: bool,
    output: &mut impl Write,
) -> anyhow::Result<bool> {
    let mut id = Value::Null;
    let parsed = line.and_then(|line| match wire::parse(line) {
        Ok(mut action) => {
            id = action.id.take().unwrap_or_default();
            wire::to_request(action, defaults)
        }
        Err(error) => {
            id = wire::id(line);
            Err(error)
        }
    });
    match parsed {
        Ok(parsed) => {
            let (decision, seen) = decider.decide(parsed)?;
            serde_json::to_writer(output, &Answer::new(Some(&id), &decision, facts.then_some(&seen)))?;
            Ok(true)
        }
        Err(error) => {
            serde_json::to_writer(output, &serde_json::json!({ "id": id, "error": error.to_string() }))?;
            Ok(false)
        }
    }
}
