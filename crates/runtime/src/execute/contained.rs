//! Runs one program in a sandbox with a folder of its own.

use super::process::{self, Boundary};
use super::{Effected, Egress, Executor, Streams, Work, argv, confine, failed, usage};
use stayhand_core::decision::{Level, Resource};
use stayhand_core::event::Outcome;
use stayhand_sandbox::{Bind, Limits, Spec};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The executor of one program, and its boundary.
#[derive(Debug)]
pub(crate) struct Contained<'a> {
    /// What becomes the launcher.
    pub(crate) launcher: &'a Path,
    /// The folder that it works in, and what else it is called.
    pub(crate) folder: &'a Path,
    pub(crate) also_called: &'a Path,
    /// What in it may not be changed.
    pub(crate) keep: Vec<PathBuf>,
    pub(crate) environment: &'a [(String, String)],
    pub(crate) limits: Limits,
    pub(crate) time: Duration,
    pub(crate) output_bytes: usize,
    /// Carries connections out of it. Without one there is no way out.
    pub(crate) egress: Option<&'a dyn Egress>,
}

impl Executor for Contained<'_> {
    fn level(&self) -> Level {
        Level::L3
    }

    fn watches(&self, resource: Resource) -> bool {
        usage::is_watched(resource)
    }

    fn run(&self, work: &Work<'_>) -> (Outcome, Effected) {
        let Some(argv) = argv(work.request) else { return failed("there is no program to run") };
        let mut spec = Spec {
            environment: self.environment.to_vec(),
            cwd: self.folder.to_owned(),
            keep: self.keep.clone(),
            links: vec![(self.also_called.to_owned(), self.folder.to_owned())],
            limits: self.limits.clone(),
            least: work.confine.max(Level::L2),
            ..confine::probe(Level::L3)
        };
        spec.binds.extend(confine::settings());
        spec.binds.push(Bind { path: self.folder.to_owned(), writable: true });
        if let Some(egress) = self.egress {
            confine::let_out(&mut spec, egress.believed());
        }
        let boundary = Boundary { launcher: self.launcher, spec, workspace: "", may_move: false };
        let limits = process::Limits {
            boundary: Some(&boundary),
            environment: self.environment,
            time: work.limit.map_or(self.time, |limit| limit.min(self.time)),
            resources: &work.resources,
            writes_to: self.folder,
            output_bytes: self.output_bytes,
            streams: Streams::Collect,
            input: false,
            watch: None,
            egress: self.egress,
            terminal: None,
            stops: [work.stop, work.stop],
        };
        process::program(&argv, &work.request.context.cwd, &limits)
    }
}
