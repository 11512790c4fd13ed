//! `stayhand context`: an agent's context, saved so that it can go on after it has lost its thread.

use crate::args::{Context, Global};
use crate::{Exit, home, show};
use anstream::{eprintln, println};
use anyhow::Context as _;
use serde_json::{Value, json};
use stayhand_core::control::failure::context;
use stayhand_runtime::{ContextError, Engine, MAX_CONTEXT_BYTES};
use std::io::Read as _;
use std::path::Path;

pub(super) fn run(global: &Global, words: &Context) -> anyhow::Result<Exit> {
    let engine = super::engine_for_orders(global)?;
    match words {
        Context::Save { agent, file } => save(global, &engine, agent, file),
        Context::Restore { agent, number } => restore(global, &engine, agent, *number),
        Context::Verify { agent } => verify(global, &engine, agent),
    }
}

fn save(global: &Global, engine: &Engine, agent: &str, file: &Path) -> anyhow::Result<Exit> {
    let context: Value = serde_json::from_slice(&read(file)?)
        .map_err(|error| home::usage(format!("the context is not JSON: {error}")))?;
    // Whoever saves a context that is broken already should know.
    if let Some(lost) = context::lost(&context, None) {
        eprintln!("{} {lost}", show::styled(show::YELLOW, "warning:"));
    }
    match engine.save_context(agent, context) {
        Ok(saved) if global.json => show::json(&json!({ "agent": agent, "version": saved.version }))?,
        Ok(saved) => println!("saved version {} of {}", saved.version, show::line(agent, 60)),
        Err(error) => return failed(error),
    }
    Ok(Exit::Permitted)
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let limit = MAX_CONTEXT_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        let opened = std::fs::File::open(file);
        let opened =
            opened.map_err(|error| home::usage(format!("cannot read {}: {error}", file.display())))?;
        opened.take(limit).read_to_end(&mut bytes)?;
    }
    if bytes.len() > MAX_CONTEXT_BYTES {
        return Err(home::usage(format!("the context is longer than {MAX_CONTEXT_BYTES} bytes")));
    }
    Ok(bytes)
}

fn restore(global: &Global, engine: &Engine, agent: &str, version: Option<u64>) -> anyhow::Result<Exit> {
    match engine.restore_context(agent, version) {
        Ok(checkpoint) if global.json => show::json(&checkpoint)?,
        Ok(checkpoint) => show::json(&checkpoint.context)?,
        Err(error) => return failed(error),
    }
    Ok(Exit::Permitted)
}

fn verify(global: &Global, engine: &Engine, agent: &str) -> anyhow::Result<Exit> {
    let versions = match engine.verify_contexts(agent) {
        Ok(versions) => versions,
        Err(error) => return failed(error),
    };
    if global.json {
        let lines = versions.iter().map(|(version, wrong)| {
            json!({ "version": version.saved.version, "saved": version.at.to_string(), "bytes": version.saved.bytes,
                    "sound": wrong.is_none(), "problem": wrong })
        });
        show::json(&lines.collect::<Vec<_>>())?;
    } else if versions.is_empty() {
        println!("nothing was saved for {}", show::line(agent, 60));
    }
    for (version, wrong) in versions.iter().filter(|_| !global.json) {
        let state = match wrong {
            None => show::styled(show::GREEN, "sound"),
            Some(why) => show::styled(show::RED, format!("corrupt: {}", show::line(why, 100))),
        };
        println!("{:>6}  {}  {:>8} bytes  {state}", version.saved.version, version.at, version.saved.bytes);
    }
    let sound = versions.iter().all(|(_, wrong)| wrong.is_none());
    Ok(if sound { Exit::Permitted } else { Exit::Refused })
}

fn failed(error: ContextError) -> anyhow::Result<Exit> {
    match error {
        ContextError::Engine(error) => Err(error.into()),
        ContextError::TooLarge(_) | ContextError::Secret(_) => Err(home::usage(error.to_string())),
        ContextError::NoFolder | ContextError::File(..) => Err(error.into()),
        ContextError::Unknown | ContextError::Corrupt { .. } => {
            eprintln!("{} {error}", show::styled(show::RED, "error:"));
            if let ContextError::Corrupt { previous: Some(previous), .. } = error {
                eprintln!("version {previous} is sound: stayhand context restore AGENT {previous}");
            }
            Ok(Exit::Refused)
        }
    }
}
