//! Runs one program in a container of an engine.

use super::streams::{Kept, endless};
use super::{Effected, Executor, Work, not_started};
use stayhand_core::decision::Level;
use stayhand_core::event::Outcome;
use stayhand_sandbox::{Failure, Receipt};
use std::cell::Cell;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// An engine of containers. Each container has no network, no rights, and nothing to write to but its own folders.
pub trait Containers: Debug + Send + Sync {
    /// A container for this program that has not been started. `keep` names files in its folder that it may not change:
    /// they are there, and empty.
    fn make(&self, argv: &[String], keep: &[String]) -> Result<Box<dyn Container>, Failure>;
}

/// A container for one program. Dropped, it is removed with its folder.
pub trait Container: Debug + Send {
    /// The folder that it works in, outside.
    fn folder(&self) -> &Path;

    /// The boundary that was seen to be in force.
    fn receipt(&self) -> &Receipt;

    /// Runs the program, once. `said` gets all that it says. It is ended after `time`, and once `stop` says why.
    fn run(
        &self,
        time: Duration,
        said: &mut dyn FnMut(Spoken, &[u8]),
        stop: &dyn Fn() -> Option<Arc<str>>,
    ) -> Result<ContainerEnd, Failure>;
}

/// Which stream something was said on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// How a program in a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerEnd {
    /// With this code. An engine does not tell a signal `n` from the code `128 + n`.
    Exit(i32),
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// It was ended, for this reason.
    Stopped(String),
    /// It was started, and nobody knows what became of it, for this reason.
    Lost(String),
}

/// The executor of one program in a container.
#[derive(Debug)]
pub(crate) struct InContainer<'a> {
    pub(crate) container: &'a dyn Container,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) time: Duration,
    pub(crate) output_bytes: usize,
}

impl Executor for InContainer<'_> {
    fn level(&self) -> Level {
        Level::Oci
    }

    fn run(&self, work: &Work<'_>) -> (Outcome, Effected) {
        let time = work.limit.map_or(self.time, |limit| limit.min(self.time));
        let (mut output, mut errors) = (Kept::new(self.output_bytes), Kept::new(self.output_bytes));
        let is_endless = Cell::new(false);
        let mut said = |which, bytes: &[u8]| {
            let kept = if which == Spoken::Output { &mut output } else { &mut errors };
            kept.take(bytes);
            is_endless.set(kept.is_endless());
        };
        let stop = || work.stop.why().or_else(|| is_endless.get().then(|| endless().into()));
        let ended = self.container.run(time, &mut said, &stop);
        let outcome = match ended {
            Ok(ContainerEnd::Exit(code)) => Outcome::Exit { code },
            Ok(ContainerEnd::OutOfMemory) => {
                Outcome::Stopped { limit: out_of_memory(self.memory_bytes.unwrap_or_default()) }
            }
            Ok(ContainerEnd::Stopped(limit)) => Outcome::Stopped { limit },
            Ok(ContainerEnd::Lost(error)) => Outcome::Failed { error },
            Err(failure) => return not_started(failure),
        };
        let boundary = Some(self.container.receipt().clone());
        (outcome, Effected { boundary, ..Effected::collect(&output.finish(), &errors.finish()) })
    }
}

/// What a program went over that used too much memory.
pub(super) fn out_of_memory(bytes: u64) -> String {
    format!("{} MiB of memory", bytes >> 20)
}
