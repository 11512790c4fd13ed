//! `stayhand`: the one binary.
//!
//! It reads arguments and the environment, calls the runtime, and presents the answer. It never
//! decides anything itself and never turns an error into an exit code that means "permitted".

mod args;
mod commands;
mod home;
mod show;

use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

/// The exit codes of everything (see `docs/ARCHITECTURE.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Permitted; all is well.
    Permitted,
    /// Refused; something is wrong with what was looked at.
    Refused,
    /// Wrong usage, unreadable input.
    Usage,
    /// Held for approval.
    Held,
    /// Stayhand itself failed.
    Internal,
    /// The code of a program that ran, or of its absence (124, 125, 126).
    Program(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Permitted => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Held => 3,
            Exit::Internal => 70,
            Exit::Program(code) => code,
        })
    }
}

/// A reader that goes away (`stayhand trace tail | head -1`) ends the program like a signal would.
const BROKEN_PIPE: u8 = 141;

/// Printing panics where it cannot print. That is an error like any other: said in a line, without
/// a backtrace, and answered with the exit code of a failure.
fn say_plainly_that_printing_failed() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| match info.payload_as_str() {
        Some(text) if text.starts_with("failed printing to") => {
            if text.contains("Broken pipe") {
                std::process::exit(BROKEN_PIPE.into());
            }
            let _ = writeln!(std::io::stderr(), "error: {text}");
        }
        _ => usual(info),
    }));
}

/// Whether the reader of standard output went away. Nothing else here writes to a pipe.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    })
}

fn main() -> ExitCode {
    stayhand_sandbox::become_launcher();
    say_plainly_that_printing_failed();
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Permitted };
            let _ = error.print();
            return code.into();
        }
    };
    let runs_a_program = args.runs_a_program();
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| commands::run(args)));
    let failure = if runs_a_program { Exit::Program(125) } else { Exit::Internal };
    match done {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(error)) if is_broken_pipe(&error) => ExitCode::from(BROKEN_PIPE),
        Ok(Err(error)) => {
            show::error(&error);
            if error.is::<home::UsageError>() { Exit::Usage.into() } else { failure.into() }
        }
        Err(_) => failure.into(),
    }
}
