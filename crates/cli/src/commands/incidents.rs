//! `stayhand incidents`: what was found to fail, what was done about it, and what it cost.

use super::lines::Lines;
use crate::args::{Global, Incidents};
use crate::{Exit, home, show};
use anstream::println;
use anyhow::Context as _;
use serde_json::{Value, json};
use stayhand_core::control::failure::FailureMode;
use stayhand_core::control::failure::incident::Incident;
use stayhand_core::decision::{Decision, Finding, GuardName, Level};
use stayhand_core::event::{Event, Outcome};
use stayhand_runtime::{Effected, Engine, Executor, Settings, Verdict, Work, wire};
use std::io::{BufWriter, Write as _};
use std::path::Path;

pub(super) fn run(global: &Global, words: &Incidents) -> anyhow::Result<Exit> {
    if let Some(file) = &words.steps {
        return steps(words, file);
    }
    let engine = super::engine(global, super::files(&words.asking)?)?;
    let (incidents, statistics) = engine.refreshed(|state, _| {
        let incidents = state.failures().incidents();
        (incidents.iter().cloned().collect::<Vec<Incident>>(), incidents.statistics())
    })?;
    if global.json {
        show::json(&json!({ "incidents": incidents, "statistics": statistics }))?;
        return Ok(Exit::Permitted);
    }
    if incidents.is_empty() {
        println!("nothing was found to fail");
        return Ok(Exit::Permitted);
    }
    incidents.iter().for_each(print);
    let rate = statistics.prevention_rate.unwrap_or_default() * 100.0;
    println!(
        "{} incidents, {} prevented ({rate:.1} %), most of them {}",
        statistics.total_incidents,
        statistics.prevented_incidents.unwrap_or_default(),
        statistics.most_common_failure.unwrap_or("none"),
    );
    Ok(Exit::Permitted)
}

fn print(incident: &Incident) {
    let style = if incident.prevented { show::GREEN } else { show::YELLOW };
    let times = if incident.times > 1 { format!(" ×{}", incident.times) } else { String::new() };
    println!(
        "{}  {:<12} {}{times}  {}",
        incident.at,
        show::line(&incident.agent, 12),
        show::styled(style, incident.mode),
        show::line(&incident.description, 120),
    );
    let cents = incident.cost_nanousd / 10_000_000;
    let cost = if cents > 0 { format!(", ${}.{:02} spent", cents / 100, cents % 100) } else { String::new() };
    let recovered = incident.recovered_after_us.map(|us| format!(", recovered after {} s", us / 1_000_000));
    let line =
        format!("    {}; {}{cost}{}", incident.mitigation, incident.impact, recovered.unwrap_or_default());
    println!("{}", show::styled(show::DIM, line));
}

/// Decides the steps of a file one after the other, each settled with its result before the next, and answers with
/// the signs of failure that were seen. Nothing runs, and nothing is kept.
fn steps(words: &Incidents, file: &Path) -> anyhow::Result<Exit> {
    let settings = Settings { policy: super::files(&words.asking)?, ..Settings::default() };
    let engine = Engine::in_memory(settings)?;
    let defaults = home::defaults(&words.asking)?;
    let mut lines = Lines::open(file)?;
    let mut output = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut exit = Exit::Permitted;
    while let Some(line) = lines.next().context("cannot read the steps")? {
        let answer = match line {
            Ok(line) if line.trim_ascii().is_empty() => continue,
            Ok(line) => step(&engine, line, &defaults),
            Err(error) => Err(home::usage(error.to_string())),
        };
        let answer = answer.unwrap_or_else(|error| {
            exit = Exit::Usage;
            json!({ "error": error.to_string() })
        });
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(exit)
}

/// One step: an action as `check --batch` reads it, and its `result`: a text, or `{"failed": "why"}`.
fn step(engine: &Engine, line: &[u8], defaults: &wire::Defaults) -> anyhow::Result<Value> {
    let mut step: Value = serde_json::from_slice(line)?;
    let fields = step.as_object_mut().context("a step is an object")?;
    let told = Told(fields.remove("result").unwrap_or_default());
    let id = fields.get("id").cloned().unwrap_or_default();
    let asked = wire::request(step.to_string().as_bytes(), defaults)?;
    let decision = match engine.authorize(asked)? {
        Verdict::Permitted(permit) => {
            let executed = engine.execute(permit, &told)?;
            match engine.reader()?.record(executed.decision)?.parse()?.event {
                Event::Decided(decided) => decided.decision,
                other => anyhow::bail!("the permit of a record of the kind {}", other.kind()),
            }
        }
        Verdict::Held(held) => held.decision,
        Verdict::Refused(refused) => refused.decision,
    };
    Ok(json!({ "id": id, "effect": decision.effect, "signs": signs(&decision) }))
}

/// An executor that does nothing and tells what is said to have come out.
struct Told(Value);

impl Executor for Told {
    fn level(&self) -> Level {
        Level::L3
    }

    fn run(&self, _: &Work<'_>) -> (Outcome, Effected) {
        let failed = self.0.get("failed").map(|why| why.as_str().unwrap_or("it failed").to_owned());
        if let Some(error) = failed {
            return (Outcome::Failed { error }, Effected::default());
        }
        let output = match &self.0 {
            Value::Null => return (Outcome::Done, Effected::default()),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (Outcome::Done, Effected::collect(output.as_bytes(), b""))
    }
}

/// The signs of failure in a decision.
fn signs(decision: &Decision) -> Vec<Value> {
    let found = decision.findings.iter().filter(|found| found.guard == GuardName::Failure);
    let sign = |found: &Finding| json!({ "sign": found.rule, "mode": FailureMode::of(found.reason), "says": found.message() });
    found.map(sign).collect()
}
