//! The victim of the crash loop: several threads decide, execute and settle until they are killed.
//!
//! Each acknowledged decision is printed; each effect appends the decision's number to the file
//! `effects` in the state folder.

use stayhand_core::decision::Level;
use stayhand_core::event::Outcome;
use stayhand_runtime::wire::{self, Defaults};
use stayhand_runtime::{Effected, Engine, Executor, Settings, Verdict, Work};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const THREADS: usize = 4;

/// Appends what it was asked to say: `echo TEXT`.
struct Append(PathBuf);

impl Executor for Append {
    /// No program runs, so that none gets out.
    fn level(&self) -> Level {
        Level::L3
    }

    fn run(&self, work: &Work<'_>) -> (Outcome, Effected) {
        let text =
            work.request.resource.0.get("command").and_then(|command| command.as_str()).unwrap_or_default();
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.0)
            .and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()));
        match written {
            Ok(()) => (Outcome::Done, Effected::default()),
            Err(error) => (Outcome::Failed { error: error.to_string() }, Effected::default()),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let home = PathBuf::from(std::env::args().nth(1).unwrap_or_default());
    let round = std::env::args().nth(2).unwrap_or_default();
    let engine = Arc::new(Engine::open(&home, Settings::default())?);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (engine, home, round) = (Arc::clone(&engine), home.clone(), round.clone());
            std::thread::spawn(move || work(&engine, &home, &format!("{round}-{thread}")))
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    }
    Ok(())
}

/// Decides and executes without end; every command is said only once in all rounds.
fn work(engine: &Engine, home: &Path, name: &str) -> anyhow::Result<()> {
    let executor = Append(home.join("effects"));
    let defaults = Defaults::new("/code", "/home/u");
    for number in 0u64.. {
        let line =
            serde_json::json!({ "tool": "bash", "input": { "command": format!("echo {name}-{number}") } });
        let asked = wire::request(line.to_string().as_bytes(), &defaults)?;
        if let Verdict::Permitted(permit) = engine.authorize(asked)? {
            let decision = permit.decision();
            // One write, so that the line is whole or not there.
            std::io::stdout().write_all(format!("{decision}\n").as_bytes())?;
            engine.execute(permit, &executor)?;
        }
    }
    Ok(())
}
