//! The executor of this machine.

use super::confine::Aside;
use super::process::{self, Boundary};
use super::{
    Ask, Effected, Egress, Executor, Stop, Streams, Terminal, Work, argv, confine, failed, fetch, file,
    missing, not_started, room, usage,
};
use crate::review::{Kept, Reviews, copy_aside};
use stayhand_core::decision::{Level, Resource};
use stayhand_core::event::Outcome;
use stayhand_sandbox::{Failure, Receipt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The executor of this machine: processes, files, HTTP. Programs that a permit wants confined run in a sandbox.
#[derive(Debug, Clone)]
pub struct Local {
    settings: LocalSettings,
}

/// What the local executor works with.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// The whole environment of programs: an allow-list that the caller has filled.
    pub environment: Vec<(String, String)>,
    /// The wall-clock limit where the policy sets none.
    pub limit: Duration,
    /// The most that is kept of each output stream, in bytes.
    pub output_bytes: usize,
    /// The program that becomes the launcher of a sandbox: this one, if it calls `stayhand_sandbox::become_launcher`
    /// before all else. Nothing can be confined without.
    pub launcher: Option<PathBuf>,
    /// Whether this process may have itself moved to a scope of systemd, where only so a control group can be had.
    pub may_move: bool,
    /// Programs are confined at least so, whatever their permit says.
    pub least: Level,
    /// What becomes of what programs say.
    pub streams: Streams,
    /// Whether what comes on this process's standard input is the program's, where its permit says that it has one
    /// (`stdin: true`).
    pub input: bool,
    /// The person's terminal, behind which a program in a sandbox gets one of its own. What it says goes there.
    pub terminal: Option<Terminal>,
    /// Asked about every program that starts inside of a sandbox, before it does.
    pub watch: Option<Arc<dyn Ask>>,
    /// Where runs keep what can be taken back.
    pub reviews: Option<Reviews>,
    /// Where the changes of the workspace land that are to be looked at first: two empty folders, `upper` and `work`.
    pub aside: Option<PathBuf>,
    /// Carries connections out of a sandbox, by whatever it decides about each.
    pub egress: Option<Arc<dyn Egress>>,
    /// Stops the running program from another thread.
    pub stop: Stop,
}

impl Default for LocalSettings {
    /// A system `PATH`, sixty seconds, one mebibyte a stream. Sources: requirements A120 and S-02.
    fn default() -> Self {
        let path = ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned());
        Self {
            environment: vec![path],
            limit: Duration::from_secs(60),
            output_bytes: 1 << 20,
            launcher: None,
            may_move: false,
            least: Level::None,
            streams: Streams::Collect,
            input: false,
            terminal: None,
            watch: None,
            reviews: None,
            aside: None,
            egress: None,
            stop: Stop::default(),
        }
    }
}

impl Local {
    /// An executor with these settings.
    pub const fn new(settings: LocalSettings) -> Self {
        Self { settings }
    }

    /// Tries out on this machine which levels of confinement can be had, the strongest first.
    pub fn ladder(&self) -> Vec<(Level, Result<Receipt, Failure>)> {
        match &self.settings.launcher {
            Some(launcher) => process::ladder(launcher, self.settings.may_move),
            None => Vec::new(),
        }
    }

    /// The sandbox for a program, where it has to be confined.
    fn boundary<'a>(
        &'a self,
        work: &Work<'a>,
        cwd: &str,
        aside: Option<&Aside<'_>>,
    ) -> Result<Option<Boundary<'a>>, String> {
        // Only with mounts can something be kept aside.
        let for_overlay = if aside.is_some() { Level::L2 } else { Level::None };
        let least = work.confine.max(self.settings.least).max(for_overlay);
        if least == Level::None {
            return Ok(None);
        }
        let Some(launcher) = &self.settings.launcher else {
            return Err(format!("nothing can be confined at {least} here"));
        };
        let mut spec = confine::spec(work, &self.settings.environment, cwd)?;
        spec.watched = self.settings.watch.is_some();
        spec.terminal = self.settings.terminal.is_some();
        spec.input = stayhand_analysis::has_input(work.request);
        if let Some(egress) = &self.settings.egress {
            confine::let_out(&mut spec, egress.believed());
        }
        if let Some(aside) = aside {
            confine::keep_aside(&mut spec, &work.request.context.workspace, aside)?;
        }
        spec.least = least;
        Ok(Some(Boundary {
            launcher,
            spec,
            workspace: &work.request.context.workspace,
            may_move: self.settings.may_move,
        }))
    }

    /// Runs a program, in a sandbox where it has to be.
    fn program(&self, argv: &[String], work: &Work<'_>) -> (Outcome, Effected) {
        let folder = stayhand_analysis::working_folder(work.request);
        let cwd = folder.as_deref().unwrap_or(&work.request.context.cwd);
        let kept = match self.room_for_changes(work).transpose() {
            Ok(kept) => kept,
            Err(error) => return not_started(error),
        };
        let folder = self.settings.aside.as_deref().or(kept.as_ref().map(Kept::aside));
        let overlay = folder.map(|folder| Aside { folder, copied: None });
        let (mut outcome, mut effected) = self.attempt(argv, work, cwd, overlay);
        if let (Some(failure), Some(folder)) = (effected.unlaid.take(), folder) {
            let workspace = Path::new(&work.request.context.workspace);
            let go_on = || match room::lacking(folder) {
                Some(why) => Err(why),
                None => [&self.settings.stop, work.stop]
                    .iter()
                    .find_map(|stop| stop.why())
                    .map_or(Ok(()), |why| Err(why.to_string())),
            };
            if let Err(error) = copy_aside(workspace, folder, &go_on) {
                let (outcome, mut effected) =
                    not_started(format!("{failure}; and it cannot be copied: {error}"));
                effected.kept = kept;
                return (outcome, effected);
            }
            let why = format!("{}; it is a copy that is changed", failure.why);
            let copy = Aside { folder, copied: Some(Failure { why, ..failure }) };
            (outcome, effected) = self.attempt(argv, work, cwd, Some(copy));
        }
        effected.kept = kept;
        (outcome, effected)
    }

    /// Tries to run a program, with what it changes kept aside where that is wanted.
    fn attempt(
        &self,
        argv: &[String],
        work: &Work<'_>,
        cwd: &str,
        aside: Option<Aside<'_>>,
    ) -> (Outcome, Effected) {
        let boundary = match self.boundary(work, cwd, aside.as_ref()) {
            Ok(boundary) => boundary,
            Err(why) => return not_started(why),
        };
        let upper = aside.as_ref().map(|aside| aside.folder.join("upper"));
        let limits = process::Limits {
            boundary: boundary.as_ref(),
            environment: &self.settings.environment,
            time: self.time(work),
            resources: &work.resources,
            writes_to: upper.as_deref().unwrap_or(Path::new(&work.request.context.workspace)),
            output_bytes: self.settings.output_bytes,
            streams: self.settings.streams,
            input: stayhand_analysis::has_input(work.request),
            watch: self.settings.watch.as_deref(),
            egress: self.settings.egress.as_deref(),
            terminal: self.settings.terminal.as_ref(),
            stops: [&self.settings.stop, work.stop],
        };
        process::program(argv, cwd, &limits)
    }

    /// Room for what a program changes, where it has to be such that it can be taken back and is not kept aside anyway.
    fn room_for_changes(&self, work: &Work<'_>) -> Option<std::io::Result<Kept>> {
        let reviews = self.settings.reviews.as_ref()?;
        let wanted = work.restore_point && self.settings.aside.is_none();
        wanted.then(|| reviews.begin(&format!("decision-{}", work.decision), &work.request.context.workspace))
    }

    fn time(&self, work: &Work<'_>) -> Duration {
        work.limit.unwrap_or(self.settings.limit)
    }
}

impl Executor for Local {
    fn level(&self) -> Level {
        if self.settings.launcher.is_some() { Level::L3 } else { Level::None }
    }

    fn watches(&self, resource: Resource) -> bool {
        usage::is_watched(resource)
    }

    fn makes_restore_points(&self) -> bool {
        let has_room = self.settings.reviews.is_some() || self.settings.aside.is_some();
        has_room && self.settings.launcher.is_some()
    }

    fn run(&self, work: &Work<'_>) -> (Outcome, Effected) {
        // What was judged with more than its words is not run without it.
        if let Some(argument) = stayhand_analysis::unserved(work.request) {
            return failed(format!("this program does not pass `{argument}` on to commands"));
        }
        if stayhand_analysis::has_input(work.request) && !self.settings.input {
            return failed("there is no standard input here to pass on");
        }
        match work.request.action.0.as_str() {
            "bash" => match work.text("command") {
                Some(command) => self.program(&process::shell(command), work),
                None => missing("command"),
            },
            "exec" => match argv(work.request) {
                Some(argv) => self.program(&argv, work),
                None => missing("argv"),
            },
            "python" => match work.text("code") {
                Some(code) => self.program(&["python3", "-c", code].map(str::to_owned), work),
                None => missing("code"),
            },
            // What follows is done by this process itself, which nothing confines.
            tool if work.confine > Level::None => {
                not_started(format!("nothing confines `{tool}` at {}", work.confine))
            }
            tool if work.restore_point => not_started(format!("nothing makes a restore point for `{tool}`")),
            "read_file" => file::read(work, self.settings.output_bytes),
            "list_dir" => file::list(work),
            "write_file" => file::write(work),
            "edit_file" => file::edit(work),
            "delete_file" => file::delete(work),
            "fetch" => fetch::fetch(work, self.time(work), self.settings.output_bytes),
            other => failed(format!("this program has no executor for `{other}`")),
        }
    }
}
