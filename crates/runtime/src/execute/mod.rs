//! Executors: what a permit may be turned into. A closed set of operations, each with its limits.

mod confine;
mod contained;
mod fetch;
mod file;
mod process;
mod room;
mod stop;
mod terminal;
mod usage;

use crate::permit::Permit;
use crate::review::{Kept, Reviews};
pub(crate) use contained::Contained;
pub(crate) use process::{end_group, start_notifier};
use stayhand_analysis::{provenance, secret};
use stayhand_core::control::money::Money;
use stayhand_core::decision::{Level, Obligation, Resource};
use stayhand_core::digest::Digest;
use stayhand_core::event::{Outcome, Traffic, Usage};
use stayhand_core::facts::Facts;
use stayhand_core::policy::Policy;
use stayhand_core::policy::boundary::PathLists;
use stayhand_core::policy::sandbox::SandboxGrants;
use stayhand_core::reason::Reason;
use stayhand_core::request::Request;
use stayhand_core::untrusted::{MAX_PASSAGES, Passage};
use stayhand_sandbox::{Ended, Failure, Receipt, Starting};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::PipeReader;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
pub use stop::Stop;
pub use terminal::Terminal;

/// Runs permitted work.
pub trait Executor {
    /// The strongest confinement that this executor can try. Work for which it does not come up to the level that a
    /// permit demands is not started.
    fn level(&self) -> Level;

    /// Whether it ends what goes over a limit on this resource. Where it does not, such work is not started.
    fn watches(&self, _: Resource) -> bool {
        false
    }

    /// Whether what programs change under it can be taken back.
    fn makes_restore_points(&self) -> bool {
        false
    }

    /// Does the work. It is called once for a permit, after the last check.
    fn run(&self, work: &Work<'_>) -> (Outcome, Effected);
}

/// Permitted work.
#[derive(Debug)]
pub struct Work<'a> {
    /// The full request.
    pub request: &'a Request,
    /// What was observed when it was decided.
    pub facts: &'a Facts,
    /// The wall-clock limit, if the policy sets one.
    pub limit: Option<Duration>,
    /// The least limit on each resource that has one, in its unit. Only those that the executor watches are here.
    pub resources: Vec<(Resource, u64)>,
    /// The least level at which a program may be confined.
    pub confine: Level,
    /// The path boundaries of the policy, for a sandbox to keep.
    pub paths: Vec<PathLists>,
    /// What the policy grants to programs in a sandbox.
    pub sandbox: SandboxGrants,
    /// The decision that permitted it.
    pub decision: u64,
    /// Whether what it changes has to be such that it can be taken back.
    pub restore_point: bool,
    /// Asked to stop when the kill switch is pulled.
    pub stop: &'a Stop,
}

impl<'a> Work<'a> {
    pub(crate) fn new(permit: &'a Permit, policy: &Policy, stop: &'a Stop) -> Self {
        let limits = permit.obligations.iter().filter_map(|duty| match duty {
            Obligation::TimeLimit { limit_ms: limit }
            | Obligation::Limit { resource: Resource::TotalTimeMs, limit } => {
                Some(Duration::from_millis(*limit))
            }
            _ => None,
        });
        let mut resources = BTreeMap::new();
        for duty in &permit.obligations {
            if let Obligation::Limit { resource, limit } = *duty
                && resource != Resource::TotalTimeMs
            {
                resources
                    .entry(resource)
                    .and_modify(|least: &mut u64| *least = limit.min(*least))
                    .or_insert(limit);
            }
        }
        let levels = permit.obligations.iter().filter_map(|duty| match duty {
            Obligation::Confine { least } => Some(*least),
            _ => None,
        });
        Self {
            request: &permit.request,
            facts: &permit.facts,
            limit: limits.min(),
            resources: resources.into_iter().collect(),
            confine: levels.max().unwrap_or(Level::None),
            paths: policy.path_lists().cloned().collect(),
            sandbox: policy.sandbox().clone(),
            decision: permit.decision,
            restore_point: permit.obligations.contains(&Obligation::RestorePoint),
            stop,
        }
    }

    /// The argument `name`, if it is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.request.resource.0.get(name)?.as_str()
    }
}

/// What an execution gave. Secrets in it are replaced; the digest is over the full bytes.
#[derive(Debug, Default)]
pub struct Effected {
    /// Standard output, a file's content, a response's body, a listing.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// Where the answer points to: the target of an HTTP redirect. It was not followed.
    pub redirect: Option<String>,
    /// What it cost, where that was measured.
    pub cost: Option<Money>,
    /// The tokens it used, where they are known.
    pub usage: Option<Usage>,
    /// What it carried, where it was a connection.
    pub traffic: Option<Traffic>,
    /// The boundary that it ran in, where it was confined.
    pub boundary: Option<Receipt>,
    /// How it ended inside, and what it used.
    pub ended: Option<Ended>,
    /// What it changed and is kept aside, because a restore point was wanted.
    pub kept: Option<Kept>,
    digest: Option<Digest>,
}

impl Effected {
    /// Takes over what was collected.
    pub fn collect(output: &[u8], errors: &[u8]) -> Self {
        let readable = |bytes: &[u8]| secret::redact(&String::from_utf8_lossy(bytes)).into_owned();
        Self {
            output: readable(output),
            errors: readable(errors),
            redirect: None,
            cost: None,
            usage: None,
            traffic: None,
            boundary: None,
            ended: None,
            kept: None,
            digest: Some(Digest::of_parts(&[output, errors])),
        }
    }

    /// What an execution gave that is known by its cost alone.
    pub fn spent(cost: Option<Money>, usage: Option<Usage>) -> Self {
        Self { cost, usage, ..Self::default() }
    }

    /// What a connection carried, and nothing of what that was.
    pub fn carried(traffic: Traffic) -> Self {
        Self { traffic: Some(traffic), ..Self::default() }
    }

    /// Passages of what was collected that read like instructions to the agent.
    pub(crate) fn tainted(&self) -> Vec<Passage> {
        let mut found = provenance::tainted(&self.output);
        found.extend(provenance::tainted(&self.errors));
        found.truncate(MAX_PASSAGES);
        found
    }

    /// The digest of the collected bytes, if any were collected.
    pub const fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

/// The executor of this machine: processes, files, HTTP. Programs that a permit wants confined run in a sandbox.
#[derive(Debug, Clone)]
pub struct Local {
    settings: LocalSettings,
}

/// What becomes of what programs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// It is collected up to a cap, with secrets replaced.
    Collect,
    /// It goes where this program's own output goes, as it is. The program itself gets no hold of a terminal.
    PassOn,
}

/// Somebody who is asked about the programs that start inside of a sandbox.
pub trait Ask: std::fmt::Debug + Send + Sync {
    /// Whether this one may start. The level is one that its sandbox reaches at least.
    fn may_start(&self, starting: &Starting, level: Level) -> bool;
}

/// Whoever carries connections out of a sandbox. Without one there is no way out.
pub trait Egress: std::fmt::Debug + Send + Sync {
    /// Carries what connects to `inside`, a socket in the network of the sandbox, until `over` is at its end: then
    /// nothing inside runs any more. If it ends before, so does the program.
    fn serve(&self, inside: TcpListener, over: PipeReader);

    /// A file of the certificates that programs inside have to believe, if those of the system are not all.
    fn believed(&self) -> Option<&Path> {
        None
    }
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
    /// Programs are confined at least so, whatever their permit says.
    pub least: Level,
    /// What becomes of what programs say.
    pub streams: Streams,
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
            least: Level::None,
            streams: Streams::Collect,
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
            Some(launcher) => process::ladder(launcher),
            None => Vec::new(),
        }
    }

    /// The sandbox for a program, where it has to be confined.
    fn boundary<'a>(
        &'a self,
        work: &Work<'a>,
        cwd: &str,
        aside: Option<&Path>,
    ) -> Result<Option<process::Boundary<'a>>, String> {
        // Only what is laid over can be kept aside.
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
        if let Some(egress) = &self.settings.egress {
            confine::let_out(&mut spec, egress.believed());
        }
        if let Some(aside) = aside {
            confine::keep_aside(&mut spec, &work.request.context.workspace, aside)?;
        }
        spec.least = least;
        Ok(Some(process::Boundary { launcher, spec, workspace: &work.request.context.workspace }))
    }

    /// Runs a program, in a sandbox where it has to be.
    fn program(&self, argv: &[String], work: &Work<'_>) -> (Outcome, Effected) {
        let folder = stayhand_analysis::working_folder(work.request);
        let cwd = folder.as_deref().unwrap_or(&work.request.context.cwd);
        let kept = match self.room_for_changes(work).transpose() {
            Ok(kept) => kept,
            Err(error) => return not_started(error),
        };
        let aside = self.settings.aside.as_deref().or(kept.as_ref().map(Kept::aside));
        let boundary = match self.boundary(work, cwd, aside) {
            Ok(boundary) => boundary,
            Err(why) => return not_started(why),
        };
        let limits = process::Limits {
            boundary: boundary.as_ref(),
            environment: &self.settings.environment,
            time: self.time(work),
            resources: &work.resources,
            output_bytes: self.settings.output_bytes,
            streams: self.settings.streams,
            watch: self.settings.watch.as_deref(),
            egress: self.settings.egress.as_deref(),
            terminal: self.settings.terminal.as_ref(),
            stops: [&self.settings.stop, work.stop],
        };
        let (outcome, mut effected) = process::program(argv, cwd, &limits);
        effected.kept = kept;
        (outcome, effected)
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

fn not_started(why: impl Display) -> (Outcome, Effected) {
    (Outcome::Abandoned { why: unfulfilled(why) }, Effected::default())
}

/// Why something that was permitted is not started.
pub(crate) fn unfulfilled(duty: impl Display) -> String {
    format!("{}: {duty}", Reason::ObligationUnfulfilled.code())
}

fn argv(request: &Request) -> Option<Vec<String>> {
    let words = request.resource.0.get("argv")?.as_array()?;
    words.iter().map(|word| word.as_str().map(str::to_owned)).collect()
}

fn missing(field: &str) -> (Outcome, Effected) {
    failed(format!("`{field}` is missing"))
}

pub(crate) fn failed(error: impl Into<String>) -> (Outcome, Effected) {
    (Outcome::Failed { error: error.into() }, Effected::default())
}
