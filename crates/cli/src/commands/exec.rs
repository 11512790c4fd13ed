//! `stayhand exec`: decides, executes, settles one command.

use super::people::{self, People};
use crate::args::{Exec, Global};
use crate::home::Interrupts;
use crate::{Exit, home, show};
use serde_json::json;
use stayhand_core::decision::{Level, Obligation};
use stayhand_core::event::Outcome;
use stayhand_runtime::review::Reviews;
use stayhand_runtime::wire::{self, Parsed, WireAction};
use stayhand_runtime::{Egress, Engine, Executed, Held, Local, LocalSettings, Permit, Termination, Verdict};
use std::io::Write as _;
use std::sync::Arc;

/// Refused, or still held.
pub(super) const NOT_RUN: Exit = Exit::Program(126);

pub(super) fn run(global: &Global, exec: &Exec) -> anyhow::Result<Exit> {
    let engine = Arc::new(super::engine(global, super::files(&exec.asking)?)?);
    let settings = LocalSettings { input: true, ..home::local_settings(engine.policy().sandbox()) };
    let interrupts = Interrupts::stop(&settings.stop, on_signal(&engine, exec.kill_on_signal))?;
    let defaults = home::defaults(&exec.asking)?;
    let ask =
        || wire::to_request(action(&exec.command), &defaults).map_err(|error| home::usage(error.to_string()));
    let people = Arc::new(People::new(&engine, exec.wait, None));
    let Some(permit) = permitted(global, &engine, &people, ask)? else { return Ok(NOT_RUN) };
    let is_confined = |duty: &Obligation| {
        matches!(duty, Obligation::Confine { least } if *least > Level::None)
            || *duty == Obligation::RestorePoint
    };
    let let_out = || people::egress(&engine, &defaults, permit.obligations(), people);
    let egress = permit.obligations().iter().any(is_confined).then(let_out).transpose()?;
    let settings = LocalSettings {
        egress: egress.map(|egress| -> Arc<dyn Egress> { egress }),
        reviews: Some(Reviews::of(&home::state(global.home.as_deref())?)),
        ..settings
    };
    let exit = perform(global, &engine, permit, settings);
    interrupts.wait();
    exit
}

/// The permit for what is asked, where there is one. If there is none it is said why.
pub(super) fn permitted(
    global: &Global,
    engine: &Engine,
    people: &People,
    ask: impl Fn() -> anyhow::Result<Parsed>,
) -> anyhow::Result<Option<Permit>> {
    let what = super::check::describe(&ask()?.request);
    let mut was_granted = true;
    let answered = |held: &Held| {
        show_refusal(global, &what, &held.decision)?;
        was_granted = people.answered(held, &|| true)?;
        Ok(was_granted)
    };
    let decision = match engine.authorize_asking(ask, answered, Into::into)? {
        Verdict::Permitted(permit) => return Ok(Some(permit)),
        Verdict::Refused(refused) => refused.decision,
        Verdict::Held(held) => held.decision,
    };
    // What was shown as held and not granted is not shown again.
    if was_granted {
        show_refusal(global, &what, &decision)?;
    }
    Ok(None)
}

/// What a signal does besides ending the program that runs.
fn on_signal(engine: &Arc<Engine>, kill: bool) -> impl FnMut(Termination) + Send + use<> {
    let engine = kill.then(|| Arc::clone(engine));
    move |signal| match engine.as_ref().map(|engine| engine.kill_for(signal)) {
        None => {}
        Some(Ok(())) => say("stayhand: the kill switch is pulled; `stayhand rearm` ends that"),
        Some(Err(error)) => say(&format!("stayhand: the kill switch could not be pulled: {error}")),
    }
}

/// One word with blanks is a command line, anything else a program with its arguments.
fn action(command: &[String]) -> WireAction {
    let action = match command {
        [line] if line.contains(char::is_whitespace) => WireAction::new("bash", json!({ "command": line })),
        words => WireAction::new("exec", json!({ "argv": words })),
    };
    with_input(action, home::has_input())
}

/// The action with the word that its command has a standard input, if it has one. What that holds nobody has seen.
pub(super) fn with_input(mut action: WireAction, has_input: bool) -> WireAction {
    if let Some(input) = action.input.as_object_mut().filter(|_| has_input) {
        input.insert("stdin".to_owned(), true.into());
    }
    action
}

fn show_refusal(
    global: &Global,
    what: &str,
    decision: &stayhand_core::decision::Decision,
) -> anyhow::Result<()> {
    if global.json {
        return show::json(&super::check::Answer::new(None, decision, None));
    }
    show::decision_to_stderr(what, decision);
    Ok(())
}

fn perform(
    global: &Global,
    engine: &Engine,
    permit: Permit,
    settings: LocalSettings,
) -> anyhow::Result<Exit> {
    let stop = settings.stop.clone();
    let done = engine.execute(permit, &Local::new(settings))?;
    std::io::stdout().write_all(done.effected.output.as_bytes())?;
    std::io::stderr().write_all(done.effected.errors.as_bytes())?;
    receipt(global, &done);
    Ok(if stop.is_asked() { Exit::Program(home::INTERRUPTED) } else { exit_of(&done.outcome) })
}

/// What happened, on standard error. The exit code is the program's own, whether or not this can
/// still be said.
fn receipt(global: &Global, done: &Executed) {
    let confined = match done.confined {
        Level::None => "nothing was confined".to_owned(),
        level => format!("confined at {level}"),
    };
    if global.json {
        let receipt = json!({
            "decision": done.decision,
            "outcome": done.outcome,
            "duration_ms": done.duration.as_millis(),
            "confined": done.confined,
        });
        return say(&receipt.to_string());
    }
    let line = format!("stayhand: decision {}, {} ms, {confined}", done.decision, done.duration.as_millis());
    say(&show::styled(show::DIM, line));
    match &done.outcome {
        Outcome::Stopped { limit } => say(&format!("stayhand: stopped: {limit}")),
        Outcome::Failed { error } => say(&format!("stayhand: {error}")),
        Outcome::Abandoned { why } => say(&format!("stayhand: not started: {why}")),
        Outcome::Done | Outcome::Exit { .. } | Outcome::Signal { .. } => {}
    }
}

fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

pub(super) fn exit_of(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Done => Exit::Program(0),
        Outcome::Exit { code } => Exit::Program(u8::try_from(*code).unwrap_or(u8::MAX)),
        Outcome::Signal { number } => Exit::Program(u8::try_from(128 + number).unwrap_or(u8::MAX)),
        Outcome::Stopped { .. } => Exit::Program(124),
        Outcome::Failed { .. } => Exit::Program(125),
        Outcome::Abandoned { .. } => NOT_RUN,
    }
}
