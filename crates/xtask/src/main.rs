//! The project's chores: `cargo xtask test | tidy | eval | ci`.
#![expect(clippy::disallowed_methods, reason = "chores start cargo and read its environment")]

mod eval;
mod shape;
mod tidy;

use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "cargo xtask test   every test of the project
cargo xtask tidy   the crate table, the shape of files and functions, the paths docs name
cargo xtask eval FOLDER   the default policy against labelled inputs
cargo xtask ci     what CI runs: fmt, clippy, tidy, docs, deny, test, play, run";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test", rest @ ..] => test(rest),
        ["tidy"] => tidy::run(&root()),
        ["ci"] => ci(),
        ["eval", folder] => eval::run(Path::new(folder)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

pub(crate) fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    run("cargo", arguments, &[])
}

fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let shown = format!("{program} {}", arguments.join(" "));
    println!("\n== {shown}");
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied()).current_dir(root());
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Every test of the project.
fn test(rest: &[&str]) -> anyhow::Result<()> {
    cargo(&[&["test", "--workspace"], rest].concat())?;
    // The sandbox without each of its parts, by a launcher that is built for that and shipped nowhere.
    cargo(
        &[
            &["test", "-p", "stayhand-sandbox", "--features", "weaken", "--test=weakened", "--test=escapes"],
            rest,
        ]
        .concat(),
    )
}

/// What CI runs.
fn ci() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    tidy::run(&root())?;
    run("cargo", &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    cargo(&["deny", "check", "licenses", "bans", "sources"])?;
    // One revision has one answer. Tests over random inputs try new ones on every other machine.
    run("cargo", &["xtask", "test"], &[("PROPTEST_RNG_SEED", "1")])?;
    cargo(&["run", "--release", "--locked", "--", "play", "examples/sessions/coding-agent.jsonl", "--no"])?;
    cargo(&["run", "--release", "--locked", "--", "run", "--", "./examples/agent/agent.sh"])
}
