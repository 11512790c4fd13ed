//! Runs code that nobody has read: each time in a sandbox with an empty folder of its own (R3 1.3).

use super::sandbox_config::AgentSandboxConfig;
use crate::changes::{Changes, Files};
use crate::engine::{Engine, EngineError, Executed, Settings, Verdict};
use crate::execute::{Contained, Container, Containers, Egress, InContainer};
use crate::permit::Permit;
use crate::policy_files::PolicyFiles;
use crate::wire::{self, Defaults, WireAction};
use serde::Serialize;
use serde_json::json;
use stayhand_core::decision::{Decision, Layer};
use stayhand_core::event::Outcome;
use stayhand_sandbox::{Limits, Receipt};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// What came of an execution. Source: A214.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SandboxResult {
    /// Whether it ran and ended with 0.
    pub success: bool,
    /// Standard output, up to a mebibyte.
    pub output: String,
    /// Why it did not succeed.
    pub error: Option<String>,
    /// Its exit code; -1 where it has none.
    pub exit_code: i32,
    /// Measured seconds.
    pub execution_time: f64,
    /// Why it ended: `exit`, `signal`, `timeout`, `memory`, `policy`, or `error` where it did not start.
    pub exit_reason: &'static str,
    /// The most memory that it used, in kibibytes, where that was measured.
    pub peak_memory_kib: Option<u64>,
    /// Its processor time in microseconds, where that was measured.
    pub cpu_us: Option<u64>,
    /// Files of its folder that it has made, changed or deleted.
    pub changed_files: Vec<PathBuf>,
    /// The boundary that was in force.
    pub boundary: Option<Receipt>,
}

/// A sandbox to run code in. Every execution is decided and recorded by an engine in memory, and confined at L2 or above, or
/// in a container where that was asked for.
pub struct AgentSandbox {
    engine: Arc<Engine>,
    kind: Kind,
    limits: Limits,
    time: Duration,
}

/// Makes the way out of one execution, which an engine decides about for whoever the defaults name.
pub type WayOut = dyn Fn(&Arc<Engine>, &Defaults) -> Result<Arc<dyn Egress>, String> + Send + Sync;

/// What the boundary is made of.
enum Kind {
    /// The kernel alone; what becomes the launcher, and what makes the way out if there is one.
    Kernel { launcher: PathBuf, way_out: Option<Box<WayOut>> },
    /// Containers.
    Containers(Arc<dyn Containers>),
}

/// Where one program is run.
enum Place<'a> {
    Folder { folder: TempDir, launcher: &'a Path, way_out: Option<&'a WayOut> },
    Container(Box<dyn Container>),
}

impl Kind {
    /// The level that is demanded.
    const fn least(&self) -> &'static str {
        match self {
            Self::Kernel { .. } => "l2",
            Self::Containers(_) => "oci",
        }
    }

    fn place(&self, argv: &[String], keep: &[&str]) -> Result<Place<'_>, String> {
        match self {
            Self::Kernel { launcher, way_out } => {
                let folder = tempfile::Builder::new().prefix("stayhand-sandbox-").tempdir();
                let folder = folder.map_err(|error| error.to_string())?;
                Ok(Place::Folder { folder, launcher, way_out: way_out.as_deref() })
            }
            Self::Containers(containers) => {
                let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
                containers.make(argv, &keep).map(Place::Container).map_err(|failure| failure.to_string())
            }
        }
    }
}

impl Place<'_> {
    fn folder(&self) -> &Path {
        match self {
            Self::Folder { folder, .. } => folder.path(),
            Self::Container(container) => container.folder(),
        }
    }
}

/// Whatever runs here is bounded by where it runs.
const POLICY: &str = "version: 1
name: agent-sandbox
defaults: {confine: LEAST}
rules:
  - {name: run_it, allow: exec}
  - {name: run_the_unknown, allow: exec, when: {opaque: true}}
";

/// The file that holds the code.
const CODE: &str = "agent_code.py";

/// What the folder is called inside.
const WORKSPACE: &str = "/workspace";

/// The whole environment, in front of which there is no image.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("HOME", "/home/agent"),
    ("LANG", "C.UTF-8"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
];

/// Bytes that are kept of each output stream. Source: S-02.
const OUTPUT_BYTES: usize = 1 << 20;

/// Which program runs a language. Source: S-03.
const LANGUAGES: &[(&str, &str)] = &[
    ("python", "python3"),
    ("python3", "python3"),
    ("bash", "bash"),
    ("sh", "sh"),
    ("shell", "bash"),
    ("javascript", "node"),
    ("js", "node"),
    ("node", "node"),
];

impl fmt::Debug for AgentSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentSandbox")
            .field("limits", &self.limits)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl AgentSandbox {
    /// A sandbox. `launcher` is a program that calls `stayhand_sandbox::become_launcher` before all else. The error: a
    /// setting that cannot be kept.
    pub fn new(launcher: PathBuf, config: &AgentSandboxConfig) -> Result<Self, String> {
        Self::of(Kind::Kernel { launcher, way_out: None }, config)
    }

    /// The same, with something that makes the way out of each execution.
    pub fn with_way_out(
        launcher: PathBuf,
        config: &AgentSandboxConfig,
        way_out: Box<WayOut>,
    ) -> Result<Self, String> {
        Self::of(Kind::Kernel { launcher, way_out: Some(way_out) }, config)
    }

    /// A sandbox in containers, made for the image and the limits of these settings.
    pub fn with_containers(
        containers: Arc<dyn Containers>,
        config: &AgentSandboxConfig,
    ) -> Result<Self, String> {
        Self::of(Kind::Containers(containers), config)
    }

    fn of(kind: Kind, config: &AgentSandboxConfig) -> Result<Self, String> {
        config.check(matches!(kind, Kind::Kernel { way_out: Some(_), .. }))?;
        let (limits, time) = (config.limits()?, config.time()?);
        let policy = POLICY.replace("LEAST", kind.least()) + &config.network();
        let policy = PolicyFiles::default().text(Layer::User, "agent-sandbox", policy);
        let engine = Engine::in_memory(Settings { policy, ..Settings::default() });
        Ok(Self { engine: Arc::new(engine.map_err(|error| error.to_string())?), kind, limits, time })
    }

    /// Runs code in a folder with these files, which is `/workspace` inside. Names of files are relative.
    pub fn execute_code(
        &self,
        code: &str,
        language: &str,
        allowed_files: &BTreeMap<String, String>,
    ) -> SandboxResult {
        let known = LANGUAGES.iter().find(|(name, _)| language.eq_ignore_ascii_case(name));
        let Some((_, program)) = known else { return not_run(format!("unknown language `{language}`")) };
        let mut files = match cleaned(allowed_files) {
            Ok(files) => files,
            Err(why) => return not_run(why),
        };
        if files.insert(PathBuf::from(CODE), code).is_some() {
            return not_run(format!("`{CODE}` is the name of the code itself"));
        }
        self.execute(&[*program, CODE], &files)
    }

    /// Runs a command line in an empty folder, which is `/workspace` inside.
    pub fn execute_command(&self, command: &str) -> SandboxResult {
        self.execute(&["bash", "--noprofile", "--norc", "-c", command], &BTreeMap::new())
    }

    fn execute(&self, argv: &[&str], files: &BTreeMap<PathBuf, &str>) -> SandboxResult {
        self.try_execute(argv, files).unwrap_or_else(not_run)
    }

    fn try_execute(&self, argv: &[&str], files: &BTreeMap<PathBuf, &str>) -> Result<SandboxResult, String> {
        let said = |error: std::io::Error| error.to_string();
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let keep: &[&str] = if files.contains_key(Path::new(CODE)) { &[CODE] } else { &[] };
        let place = self.kind.place(&argv, keep)?;
        let folder = place.folder().canonicalize().map_err(said)?;
        for (name, content) in files {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all).map_err(said)?;
            fs::write(path, content).map_err(said)?;
        }
        let before = Files::of(&folder).unwrap_or_default();
        let text = folder.to_str().ok_or("the folder for temporary files has no UTF-8 name")?;
        let defaults = Defaults::new(text, "/home/agent");
        let parsed = wire::to_request(WireAction::new("exec", json!({ "argv": argv })), &defaults);
        let verdict = self.engine.authorize(parsed.map_err(|error| error.to_string())?);
        let permit = match verdict.map_err(|error| error.to_string())? {
            Verdict::Permitted(permit) => permit,
            Verdict::Held(held) => return Ok(refused(&held.decision)),
            Verdict::Refused(refusal) => return Ok(refused(&refusal.decision)),
        };
        let egress = self.egress(&place, &defaults)?;
        let done = self.run(permit, &place, (&folder, keep), egress.as_deref());
        let done = done.map_err(|error| error.to_string())?;
        let changes = Changes::between(&before, &Files::of(&folder).unwrap_or_default());
        let (exit_reason, exit_code, error) = self.end(&done.outcome, &done.effected.errors);
        Ok(SandboxResult {
            success: error.is_none(),
            output: done.effected.output,
            error,
            exit_code,
            execution_time: done.duration.as_secs_f64(),
            exit_reason,
            peak_memory_kib: done.effected.ended.map(|ended| ended.peak_kib),
            cpu_us: done.effected.ended.map(|ended| ended.cpu_us),
            changed_files: [changes.created, changes.changed, changes.deleted].concat(),
            boundary: done.effected.boundary,
        })
    }

    /// The way out of one execution, where there is one.
    fn egress(&self, place: &Place<'_>, defaults: &Defaults) -> Result<Option<Arc<dyn Egress>>, String> {
        match place {
            Place::Folder { way_out: Some(way_out), .. } => way_out(&self.engine, defaults).map(Some),
            Place::Folder { .. } | Place::Container(_) => Ok(None),
        }
    }

    fn run(
        &self,
        permit: Permit,
        place: &Place<'_>,
        (folder, keep): (&Path, &[&str]),
        egress: Option<&dyn Egress>,
    ) -> Result<Executed, EngineError> {
        let (time, output_bytes) = (self.time, OUTPUT_BYTES);
        match place {
            Place::Folder { launcher, .. } => {
                let executor = Contained {
                    launcher,
                    folder,
                    also_called: Path::new(WORKSPACE),
                    keep: keep.iter().map(|name| folder.join(name)).collect(),
                    environment: &ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned())),
                    limits: self.limits.clone(),
                    time,
                    output_bytes,
                    egress,
                };
                self.engine.execute(permit, &executor)
            }
            Place::Container(container) => {
                let memory_bytes = self.limits.memory_bytes;
                let executor = InContainer { container: &**container, memory_bytes, time, output_bytes };
                self.engine.execute(permit, &executor)
            }
        }
    }

    /// Why it ended, its exit code, and the error. Source of the words: A214a.
    fn end(&self, outcome: &Outcome, errors: &str) -> (&'static str, i32, Option<String>) {
        match outcome {
            Outcome::Done | Outcome::Exit { code: 0 } => ("exit", 0, None),
            Outcome::Exit { code } => {
                ("exit", *code, Some(format!("Container error: {}", errors.trim_end())))
            }
            Outcome::Signal { number } => {
                let code = 128_i32.saturating_add(*number);
                ("signal", code, Some(format!("Container error: ended by signal {number}")))
            }
            Outcome::Stopped { limit } if limit.contains("memory") || limit.contains("Memory") => {
                ("memory", 137, Some(format!("Container error: it used more than {limit}")))
            }
            Outcome::Stopped { limit } if limit.ends_with("wall-clock time") => {
                let seconds = self.time.as_secs_f64();
                ("timeout", -1, Some(format!("Execution error: timeout after {seconds} seconds")))
            }
            Outcome::Stopped { limit } => ("policy", -1, Some(format!("Execution error: {limit}"))),
            Outcome::Failed { error } => ("error", -1, Some(format!("Execution error: {error}"))),
            Outcome::Abandoned { why } => ("error", -1, Some(format!("Execution error: {why}"))),
        }
    }
}

fn not_run(why: impl std::fmt::Display) -> SandboxResult {
    let error = Some(format!("Execution error: {why}"));
    SandboxResult { error, exit_code: -1, exit_reason: "error", ..SandboxResult::default() }
}

fn refused(decision: &Decision) -> SandboxResult {
    let because = decision.headline().map_or("it is not allowed", |finding| finding.reason.meaning());
    SandboxResult { exit_reason: "policy", ..not_run(because) }
}

/// Files by their cleaned names. Whatever would not lie in the folder, or twice in one place, is an error (A214b).
fn cleaned(files: &BTreeMap<String, String>) -> Result<BTreeMap<PathBuf, &str>, String> {
    let mut found = BTreeMap::new();
    for (name, content) in files {
        let wrong = |why| format!("the file name {name:?} {why}");
        if name.contains('\0') {
            return Err(wrong("holds a NUL"));
        }
        let mut path = PathBuf::new();
        for part in Path::new(name).components() {
            match part {
                Component::Normal(part) => path.push(part),
                Component::CurDir => {}
                Component::ParentDir => return Err(wrong("leads out of the folder")),
                Component::RootDir | Component::Prefix(_) => return Err(wrong("is absolute")),
            }
        }
        if path.as_os_str().is_empty() || name.ends_with('/') {
            return Err(wrong("names no file"));
        }
        if found.insert(path, content.as_str()).is_some() {
            return Err(wrong("is there twice"));
        }
    }
    // A file cannot also be the folder of another one.
    for path in found.keys() {
        if path.ancestors().skip(1).any(|above| found.contains_key(above)) {
            return Err(format!("the file {} lies in another file", path.display()));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a214b_names_of_files() {
        let clean = |names: &[&str]| {
            let files = names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
            cleaned(&files)
                .map(|found| found.into_keys().map(|path| path.display().to_string()).collect::<Vec<_>>())
        };
        assert_eq!(clean(&["a.txt", "./b/c.txt"]).unwrap(), ["a.txt", "b/c.txt"]);
        for names in [
            &["../x"][..],
            &["a/../../x"],
            &["/etc/passwd"],
            &["a\0b"],
            &[""],
            &["."],
            &["folder/"],
            &["a", "./a"],
            &["a", "a/b"],
        ] {
            assert!(clean(names).is_err(), "{names:?}");
        }
    }
}
