//! Three agents that run away, each stopped by the layer that fits: `cargo run -p stayhand-runtime --example runaway`.

mod agents;

use agents::world::{Anything, Run, Step, World};
use std::process::ExitCode;

fn main() -> Result<ExitCode, Anything> {
    let folder = tempfile::tempdir()?;
    let world = World::open(folder.path(), agents::POLICY)?;
    let runs = agents::all(&world)?;
    for run in &runs {
        tell(run);
    }
    circuits(&world)?;
    let report = world.engine.reader()?.verify(None, None)?;
    println!("audit: {} records, {} checkpoints, all verified\n", report.records, report.checkpoints);
    Ok(if sum_up(&runs) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line for steps that were answered alike; it shows the first of them.
fn tell(run: &Run) {
    println!("{}", run.name);
    for (first, last) in run.turns().filter_map(|turn| Some((turn.first()?, turn.last()?))) {
        let steps = if first.number == last.number {
            first.number.to_string()
        } else {
            format!("{}-{}", first.number, last.number)
        };
        println!(
            "  {steps:>7}  {:<32} {:<8} {}",
            first.wanted,
            format!("{:?}", first.answer).to_lowercase(),
            because(first)
        );
    }
    println!();
}

fn because(step: &Step) -> String {
    match step.reason {
        "" => String::new(),
        reason => format!("{reason} ({}): {}", step.subject, step.why),
    }
}

/// How the circuit moved.
fn circuits(world: &World) -> Result<(), Anything> {
    let lines: Vec<String> = world
        .engine
        .refreshed(|state, _| state.breakers().moves().map(|moved| moved.line.clone()).collect())?;
    println!("{}\n", lines.join("\n"));
    Ok(())
}

/// One line for each run. Whether all were stopped where they should be.
fn sum_up(runs: &[Run]) -> bool {
    let mut right = true;
    for (run, (name, layer, step)) in runs.iter().zip(agents::EXPECTED) {
        let as_expected = run.name == name && run.stopped() == Some((layer, step));
        let found = run
            .stopped()
            .map_or("not stopped".to_owned(), |(layer, step)| format!("stopped by {layer} at step {step}"));
        let note = if as_expected { String::new() } else { format!(" (expected: {layer} at step {step})") };
        println!("{:<6} {found}{note}", run.name);
        right &= as_expected;
    }
    right
}
