//! `stayhand prices`: what models cost, and where that was taken from.

use crate::args::{Global, Prices as Command, TaskKind};
use crate::{Exit, home, show};
use anstream::println;
use anyhow::Context as _;
use serde::Serialize;
use stayhand_analysis::complexity::measure;
use stayhand_core::control::price::{Listed, Prices, UnknownModel};
use stayhand_core::control::routing::{Measured, Score, Task, Tier};
use stayhand_core::policy::Policy;
use stayhand_runtime::policy_files::{LoadError, read_file};
use std::io::Read;
use std::path::Path;

/// What is read of code, in bytes.
const MOST_CODE: u64 = 1 << 22;

pub(super) fn run(global: &Global, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Show(words) => {
            let policy = super::load(&super::files_in(&words.policies, None)?)?;
            print(global, policy.prices())?;
        }
        Command::Update { from } => update(from)?,
        Command::Route { file, task, policy } => {
            let code = text_of(file)?;
            let policy = super::load(&super::files_in(&policy.policies, None)?)?;
            route(global, &code, *task, policy.prices())?;
        }
    }
    Ok(Exit::Permitted)
}

/// A model's prices, in dollars for a million tokens.
#[derive(Debug, Serialize)]
struct Line<'a> {
    model: &'a str,
    input: String,
    cached: String,
    cache_write: String,
    output: String,
    source: &'a str,
    date: &'a str,
}

impl<'a> Line<'a> {
    fn new((model, Listed { price, source, date }): (&'a str, &'a Listed)) -> Self {
        let [input, cached, cache_write, output] =
            [price.input, price.cached, price.cache_write, price.output].map(|price| price.exact(9));
        Self { model, input, cached, cache_write, output, source, date }
    }
}

fn print(global: &Global, prices: &Prices) -> anyhow::Result<()> {
    let lines: Vec<Line<'_>> = prices.models().map(Line::new).collect();
    let aliases: Vec<_> = prices.aliases().collect();
    let digest = prices.digest().to_string();
    if global.json {
        let aliases: std::collections::BTreeMap<_, _> = aliases.into_iter().collect();
        let unknown_model = prices.unknown_model();
        return show::json(&serde_json::json!({
            "digest": digest, "unknown_model": unknown_model, "models": lines, "aliases": aliases,
        }));
    }
    println!(
        "{:<28} {:>10} {:>10} {:>11} {:>10}  taken on",
        "$ for 1M tokens", "input", "cached", "cache write", "output"
    );
    for line in lines {
        println!(
            "{:<28} {:>10} {:>10} {:>11} {:>10}  {} from {}",
            show::line(line.model, 28),
            line.input,
            line.cached,
            line.cache_write,
            line.output,
            line.date,
            show::line(line.source, 70)
        );
    }
    for (alias, model) in aliases {
        println!("{:<28} as {}", show::line(alias, 28), show::line(model, 40));
    }
    match prices.unknown_model() {
        UnknownModel::Deny => println!("a model without a price is refused"),
        UnknownModel::Ceiling => println!("a model without a price costs as much as the dearest one"),
    }
    println!("digest {digest}");
    Ok(())
}

/// The text of a file; `-` is standard input.
fn text_of(file: &Path) -> anyhow::Result<String> {
    let is_input = file.as_os_str() == "-";
    let failed = |error| home::usage(format!("cannot read {}: {error}", file.display()));
    let opened: Box<dyn Read> = if is_input {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file).map_err(failed)?)
    };
    let mut text = String::new();
    opened.take(MOST_CODE + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_CODE {
        return Err(home::usage(format!("{} holds more than four mebibytes", file.display())));
    }
    Ok(text)
}

/// What work on code needs of a model, and what the models of that tier cost.
fn route(global: &Global, code: &str, task: TaskKind, prices: &Prices) -> anyhow::Result<()> {
    let task = match task {
        TaskKind::Extraction => Task::Extraction,
        TaskKind::Analysis => Task::Analysis,
        TaskKind::Generation => Task::Generation,
    };
    let measured = measure(code);
    let score = Score::of(measured, task);
    let tier = score.tier();
    let lines: Vec<Line<'_>> =
        tier.models().iter().filter_map(|model| Some(Line::new((model, prices.listed(model)?)))).collect();
    if global.json {
        return show::json(&serde_json::json!({
            "measured": measured, "task": task, "score": score.to_string(), "tier": tier, "models": lines,
        }));
    }
    let Measured { lines: length, cyclomatic, dependencies } = measured;
    println!("{length} lines, {cyclomatic} ways through them, {dependencies} dependencies");
    let which = match tier {
        Tier::Cheap => "a cheap model is enough (below 3)",
        Tier::Middle => "a model of the middle (3 to 7)",
        Tier::Expensive => "an expensive model (above 7)",
    };
    println!("complexity {score} of 10: {which}");
    for line in lines {
        println!("  {:<20} ${} in, ${} out for 1M tokens", line.model, line.input, line.output);
    }
    println!(
        "counted by words, in any language; the guide claims 40-60 % beside always taking an expensive model"
    );
    Ok(())
}

/// Checks the file, and puts it where it is read from. A file with a mistake changes nothing.
fn update(from: &Path) -> anyhow::Result<()> {
    let text = read_file(from).map_err(|error| home::usage(error.to_string()))?;
    let checked = Policy::check_prices(&from.display().to_string(), &text);
    let prices = checked.map_err(|error| super::policy_error(LoadError::Policy(error)))?;
    let path = home::price_list()?;
    let folder = path.parent().context("the price list lies in no folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Written whole beside it, then put in its place: nobody reads half of it.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{} has the prices now; digest {}", path.display(), prices.digest());
    Ok(())
}
