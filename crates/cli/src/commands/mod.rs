//! One file for each command.

mod anomaly;
mod approvals;
mod audit;
mod breaker;
mod budget;
mod changes;
mod check;
mod context;
mod cost;
mod doctor;
mod exec;
mod explain;
mod incidents;
mod limits;
mod lines;
mod orders;
mod people;
mod play;
mod policy;
mod prices;
mod replay;
mod run;
mod scan;
mod status;
mod tiers;
mod trace;

use crate::args::{Args, Asking, Command, Global};
use crate::{Exit, home, show};
use anyhow::Context as _;
use clap::CommandFactory as _;
use stayhand_core::control::switch::Order;
use stayhand_core::policy::Policy;
use stayhand_core::policy::error::Problem;
use stayhand_runtime::policy_files::{LoadError, PolicyFiles};
use stayhand_runtime::{Clock, DryRun, Engine, EngineError, Observer, Settings};
use stayhand_store::{Log, LogReader};
use std::path::{Path, PathBuf};

/// Runs what the command line asks for.
pub(crate) fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { global, command } = args;
    match command {
        Command::Check(check) => check::run(&global, &check),
        Command::Explain(explain) => explain::run(&global, &explain),
        Command::Scan(scan) => scan::run(&global, &scan),
        Command::Anomaly(anomaly) => anomaly::run(&global, &anomaly),
        Command::Exec(exec) => exec::run(&global, &exec),
        Command::Run(run) => run::run(&global, &run),
        Command::Changes(changes) => changes::run(&global, &changes),
        Command::Undo(undo) => changes::undo(&global, &undo),
        Command::Play(play) => play::run(&global, &play),
        Command::Trace(trace) => trace::run(&global, &trace),
        Command::Audit(audit) => audit::run(&global, &audit),
        Command::Replay(replay) => replay::replay(&global, &replay),
        Command::Compare(compare) => replay::compare(&global, &compare),
        Command::Approvals(approvals) => approvals::run(&global, &approvals),
        Command::Kill(order) => orders::switch(&global, &order, Order::Kill),
        Command::Pause(order) => orders::switch(&global, &order, Order::Pause),
        Command::Resume(order) => orders::switch(&global, &order, Order::Resume),
        Command::Rearm(order) => orders::switch(&global, &order, Order::Rearm),
        Command::Lock(lock) => orders::lock(&global, &lock),
        Command::Unlock(order) => orders::unlock(&global, &order),
        Command::Status => status::run(&global),
        Command::Limits(policy) => limits::run(&global, &policy),
        Command::Budget(policy) => budget::run(&global, &policy),
        Command::Breaker(words) => breaker::run(&global, &words),
        Command::Tiers(words) => tiers::run(&global, &words),
        Command::Cost(cost) => cost::run(&global, &cost),
        Command::Prices(prices) => prices::run(&global, &prices),
        Command::Incidents(words) => incidents::run(&global, &words),
        Command::Context(words) => context::run(&global, &words),
        Command::Policy(policy) => policy::run(&global, &policy),
        Command::Doctor => doctor::run(&global),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "stayhand", &mut std::io::stdout());
            Ok(Exit::Permitted)
        }
        Command::Man { folder } => {
            clap_mangen::generate_to(Args::command(), &folder)
                .with_context(|| format!("cannot write manual pages into {}", folder.display()))?;
            Ok(Exit::Permitted)
        }
    }
}

/// Opens the engine on the state folder.
fn engine(global: &Global, files: PolicyFiles) -> anyhow::Result<Engine> {
    let folder = home::state(global.home.as_deref())?;
    make_state_folder(&folder)?;
    let settings = Settings { policy: files, clock: Clock::System, ..Settings::default() };
    match Engine::open(&folder, settings) {
        Err(EngineError::Policy(error)) => Err(policy_error(error)),
        other => other.with_context(|| format!("cannot open the engine in {}", folder.display())),
    }
}

/// An engine for orders: under the user's policy, which says who hears of them. A broken policy does not keep anybody
/// from stopping things.
fn engine_for_orders(global: &Global) -> anyhow::Result<Engine> {
    let files = files_in(&[], None).and_then(|files| match files.load() {
        Ok(_) => Ok(files),
        Err(error) => Err(error.into()),
    });
    let files = files.unwrap_or_else(|error| {
        let warning = show::styled(show::YELLOW, "warning:");
        anstream::eprintln!(
            "{warning} {error}; going on without it: orders hold, and nobody else is told of them"
        );
        PolicyFiles::default()
    });
    engine(global, files)
}

/// The state folder, private to the user.
fn make_state_folder(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| {
        format!("cannot make the state folder {}; --home names another one", folder.display())
    })
}

/// A reader of the log in the state folder.
fn reader(global: &Global) -> anyhow::Result<LogReader> {
    let folder = home::state(global.home.as_deref())?;
    Log::open_read_only(&folder)
        .with_context(|| format!("cannot read the log in {}; has anything been recorded?", folder.display()))
}

/// The policy files that hold for whoever asks.
fn files(asking: &Asking) -> anyhow::Result<PolicyFiles> {
    files_in(&asking.policies, asking.cwd.as_deref())
}

fn files_in(named: &[PathBuf], cwd: Option<&Path>) -> anyhow::Result<PolicyFiles> {
    let cwd = match cwd {
        Some(path) => std::path::absolute(path)?,
        None => std::env::current_dir()?,
    };
    home::policy_files(named, &home::workspace_of(&cwd))
}

/// Loads a policy; its diagnostics are drawn, with line and caret.
fn load(files: &PolicyFiles) -> anyhow::Result<Policy> {
    files.load().map_err(policy_error)
}

/// The longest line of a policy that is drawn, in bytes.
const DRAWN_LINE: usize = 500;

/// Draws one problem of a policy file: its line with a caret. Where no line can be named, or it is
/// too long to be looked at, the place is said in words.
fn draw(mut problem: Problem) {
    let line = problem.line();
    let text = line.and_then(|line| problem.file.inner().lines().nth(line.saturating_sub(1)));
    if text.is_none_or(|text| text.len() > DRAWN_LINE) {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        anstream::eprintln!("{}{line}:", problem.file.name());
        problem.span = None;
    }
    anstream::eprintln!("{:?}", miette::Report::new(problem));
}

/// A decider that records nothing.
fn dry_run(global: &Global, files: &PolicyFiles) -> anyhow::Result<DryRun> {
    let folder = home::state(global.home.as_deref())?;
    Ok(DryRun { policy: load(files)?, observer: Observer::new(Some(&folder), files), clock: Clock::System })
}

/// Draws the diagnostics of a policy that does not load. What is returned says the rest.
fn policy_error(error: LoadError) -> anyhow::Error {
    match error {
        LoadError::Policy(error) => {
            let count = error.problems.iter().filter(|problem| !problem.warning).count();
            for problem in error.problems {
                draw(problem);
            }
            home::usage(format!(
                "nothing was loaded: {count} problem{} in the policy",
                if count == 1 { "" } else { "s" }
            ))
        }
        other => home::usage(other.to_string()),
    }
}
