//! Runs whose changes are kept aside until somebody has looked at them.

use crate::engine::{Engine, EngineError};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use stayhand_analysis::{Surroundings, path};
use stayhand_core::control::switch::BY_ITSELF;
use stayhand_core::digest::Digest;
use stayhand_core::event::{Event, ReviewVerdict, Reviewed};
use stayhand_core::facts::Place;
use stayhand_sandbox::review::{self, Change, Committed, Kind, Undone};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

/// The runs of a state folder that keep something.
#[derive(Debug, Clone)]
pub struct Reviews(PathBuf);

/// A run that keeps changes aside, or what they replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name: that of its session.
    pub run: String,
    /// The folder that it worked in.
    pub workspace: PathBuf,
    folder: PathBuf,
    /// When it began, by the clock of the file system.
    since: (i64, i64),
}

/// What is written down of a run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    version: u32,
    workspace: String,
}

const NOTE: &str = "run.json";
const VERSION: u32 = 1;

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn of(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Reviews {
    /// Those in this state folder.
    pub fn of(state: &Path) -> Self {
        Self(state.join("runs"))
    }

    /// Makes room for the changes of a run, whose name must be new.
    pub fn begin(&self, run: &str, workspace: &str) -> io::Result<Kept> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if run.is_empty() || run.starts_with('.') || !run.bytes().all(is_plain) {
            let why = format!("`{run}` is no name for a folder: letters, digits, - _ .");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        private().recursive(true).create(&self.0).map_err(of(&self.0))?;
        let folder = self.0.join(run);
        private().create(&folder).map_err(of(&folder))?;
        for name in ["upper", "work"] {
            private().create(folder.join(name))?;
        }
        let note = Note { version: VERSION, workspace: workspace.to_owned() };
        fs::write(folder.join(NOTE), serde_json::to_vec(&note)?)?;
        self.read(run)
    }

    fn read(&self, run: &str) -> io::Result<Kept> {
        let folder = self.0.join(run);
        let path = folder.join(NOTE);
        let note: Note = serde_json::from_slice(&fs::read(&path).map_err(of(&path))?)?;
        if note.version != VERSION {
            let version = note.version;
            return Err(io::Error::other(format!(
                "{} is of version {version}; use a newer stayhand",
                path.display()
            )));
        }
        let found = fs::metadata(&path)?;
        let workspace = note.workspace.into();
        Ok(Kept { run: run.to_owned(), workspace, folder, since: (found.ctime(), found.ctime_nsec()) })
    }

    /// All of them, the newest last.
    pub fn all(&self) -> io::Result<Vec<Kept>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(of(&self.0))?,
        };
        let mut all = Vec::new();
        for entry in entries {
            all.push(self.read(&entry?.file_name().to_string_lossy())?);
        }
        all.sort_by(|one, other| (one.since, &one.run).cmp(&(other.since, &other.run)));
        Ok(all)
    }

    /// The run of this name; without one, the newest that still keeps changes.
    pub fn find(&self, run: Option<&str>) -> io::Result<Option<Kept>> {
        let mut all = self.all()?;
        Ok(match run {
            Some(run) => all.into_iter().find(|kept| kept.run == run),
            None => {
                all.retain(|kept| kept.upper().exists());
                all.pop()
            }
        })
    }
}

impl Kept {
    /// Where the changes land.
    pub fn aside(&self) -> &Path {
        &self.folder
    }

    fn upper(&self) -> PathBuf {
        self.folder.join("upper")
    }

    fn restore(&self) -> PathBuf {
        self.folder.join("restore")
    }

    /// What is kept aside and not in the workspace, by path.
    pub fn changes(&self) -> io::Result<Vec<Change>> {
        let upper = self.upper();
        if upper.exists() { review::changes(&self.workspace, &upper) } else { Ok(Vec::new()) }
    }

    /// The file that the run made of `path`, to be read.
    pub fn made(&self, path: &Path) -> PathBuf {
        self.upper().join(path)
    }

    /// Whether something was committed that can be taken back.
    pub fn can_undo(&self) -> bool {
        self.restore().exists()
    }

    /// Throws away what is kept aside, and with it the folder where nothing can be taken back.
    fn forget_changes(&self) -> io::Result<()> {
        for name in ["work", "upper"] {
            remove(&self.folder.join(name))?;
        }
        if self.can_undo() { Ok(()) } else { fs::remove_dir_all(&self.folder) }
    }
}

/// Removes a folder with all below. What an overlay has left may be closed to its own owner.
fn remove(folder: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let open = || rustix::fs::open(folder, flags, Mode::empty());
    if open().is_err() {
        rustix::fs::chmod(folder, Mode::RWXU)?;
    }
    for entry in fs::read_dir(folder).map_err(of(folder))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        } else {
            fs::remove_file(entry.path()).or_else(|_| {
                rustix::fs::chmod(folder, Mode::RWXU)?;
                fs::remove_file(entry.path())
            })?;
        }
    }
    fs::remove_dir(folder).map_err(of(folder))
}

/// Why a change needs a person's word of its own: it is run or believed by programs outside of the sandbox.
pub fn danger(kept: &Kept, change: &Change) -> Option<&'static str> {
    let is = change.what.is();
    if is == Some(&Kind::Special) {
        return Some("a socket, pipe or device");
    }
    if let Some(Kind::Link { to }) = is
        && leads_out(&change.path, to)
    {
        return Some("a link that leads out of the workspace");
    }
    let workspace = kept.workspace.to_string_lossy();
    // Nobody's home: a file of a home folder in the workspace is one of the workspace.
    let at = Surroundings { cwd: &workspace, workspace: &workspace, home: "/nonexistent" };
    let whole = kept.workspace.join(&change.path);
    let place = path::place_of(&whole.to_string_lossy(), &at);
    match place {
        Some(Place::GitControl) => return Some("Git runs or believes it"),
        Some(Place::AgentConfig) => return Some("it configures an agent or editor"),
        Some(Place::Stayhand) => return Some("it is Stayhand's policy"),
        Some(Place::Startup) => return Some("shells run it"),
        Some(Place::Key | Place::Credential) => return Some("it is a key or credential"),
        _ => {}
    }
    runs_elsewhere(&change.path)
}

fn leads_out(path: &Path, to: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    for part in to.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return true,
        }
    }
    false
}

/// Names of what runs when somebody builds, tests or pushes, and of Git's own.
const RUNS_ELSEWHERE: &[(&str, &str)] = &[
    (".azure-pipelines", "a build service runs it"),
    (".buildkite", "a build service runs it"),
    (".circleci", "a build service runs it"),
    (".drone.yml", "a build service runs it"),
    (".envrc", "shells run it"),
    (".git", "Git runs or believes it"),
    (".gitattributes", "Git runs or believes it"),
    (".github/actions", "a build service runs it"),
    (".github/workflows", "a build service runs it"),
    (".gitlab-ci.yml", "a build service runs it"),
    (".gitmodules", "Git runs or believes it"),
    (".husky", "Git runs or believes it"),
    (".pre-commit-config.yaml", "Git runs or believes it"),
    (".travis.yml", "a build service runs it"),
    ("Jenkinsfile", "a build service runs it"),
    ("azure-pipelines.yml", "a build service runs it"),
];

fn runs_elsewhere(path: &Path) -> Option<&'static str> {
    let parts: Vec<_> =
        path.components().map(|part| part.as_os_str().to_string_lossy().to_lowercase()).collect();
    let holds = |name: &str| {
        let wanted: Vec<_> = name.split('/').map(str::to_lowercase).collect();
        parts.windows(wanted.len()).any(|found| found == wanted)
    };
    // Git's own objects are many and run nothing.
    let is_object = parts.windows(2).any(|pair| match pair {
        [git, below] => git == ".git" && matches!(&**below, "objects" | "logs" | "refs"),
        _ => false,
    });
    let (_, why) = RUNS_ELSEWHERE.iter().find(|(name, _)| holds(name))?;
    (!is_object).then_some(why)
}

fn digest<'a>(paths: impl Iterator<Item = &'a Path>) -> (u64, Digest) {
    let mut bytes = Vec::new();
    let mut count = 0;
    for path in paths {
        bytes.extend_from_slice(path.as_os_str().as_bytes());
        bytes.push(0);
        count += 1;
    }
    (count, Digest::of_parts(&[&bytes]))
}

/// Why changes were not dealt with.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The files cannot be read or written.
    #[error(transparent)]
    Files(#[from] io::Error),
    /// It was done, and could not be recorded.
    #[error("it was done, and could not be recorded: {0}")]
    Record(#[from] EngineError),
}

impl Engine {
    /// Brings `chosen` changes into the workspace, and records who did so. The answer names each path, and why one was left
    /// out.
    pub fn commit_changes(
        &self,
        kept: &Kept,
        chosen: &[Change],
        by: &str,
    ) -> Result<Vec<Committed>, ReviewError> {
        let done = review::commit(&kept.workspace, &kept.upper(), kept.since, chosen, &kept.restore())?;
        let kept_paths = done.iter().filter(|one| one.error.is_none()).map(|one| one.path.as_path());
        self.record_review(kept, ReviewVerdict::Committed, by, kept_paths, done.len())?;
        if kept.changes()?.is_empty() {
            kept.forget_changes()?;
        }
        Ok(done)
    }

    /// Throws away what is kept aside.
    pub fn discard_changes(&self, kept: &Kept, by: &str) -> Result<u64, ReviewError> {
        let changes = kept.changes()?;
        kept.forget_changes()?;
        let paths = changes.iter().map(|change| change.path.as_path());
        self.record_review(kept, ReviewVerdict::Discarded, by, paths, changes.len())?;
        Ok(changes.len() as u64)
    }

    /// Takes back what was committed, the last path first. What was changed again since is left as it is and named.
    pub fn undo_changes(&self, kept: &Kept, by: &str) -> Result<Vec<Undone>, ReviewError> {
        let done = review::undo(&kept.workspace, &kept.restore())?;
        let undone = done.iter().filter(|one| one.error.is_none()).map(|one| one.path.as_path());
        self.record_review(kept, ReviewVerdict::Undone, by, undone, done.len())?;
        if !kept.can_undo() && !kept.upper().exists() {
            fs::remove_dir_all(&kept.folder)?;
        }
        Ok(done)
    }

    /// Brings what a program has changed into the workspace, such that it can be taken back, but for what needs a person's
    /// word of its own. The answer is what there is to say about that.
    pub(crate) fn keep_restore_point(&self, kept: &Kept) -> String {
        let run = &kept.run;
        let keep = || -> Result<String, ReviewError> {
            if self.forget_unchanged(kept)? {
                return Ok(String::new());
            }
            let (flagged, chosen): (Vec<_>, Vec<_>) =
                kept.changes()?.into_iter().partition(|change| danger(kept, change).is_some());
            let done = self.commit_changes(kept, &chosen, BY_ITSELF)?;
            let mut said = format!("stayhand: to take back what it changed: stayhand undo {run}\n");
            for one in done.iter().filter_map(|one| Some((&one.path, one.error.as_ref()?))) {
                said += &format!("stayhand: left out: {}: {}\n", one.0.display(), one.1);
            }
            if !flagged.is_empty() {
                let count = flagged.len();
                said +=
                    &format!("stayhand: {count} changes are kept aside: stayhand changes show --run {run}\n");
            }
            Ok(said)
        };
        keep().unwrap_or_else(|error| format!("stayhand: what it changed is kept aside in {run}: {error}\n"))
    }

    /// Throws away the room of a run that changed nothing.
    pub fn forget_unchanged(&self, kept: &Kept) -> Result<bool, ReviewError> {
        let is_unchanged = kept.changes()?.is_empty();
        if is_unchanged {
            kept.forget_changes()?;
        }
        Ok(is_unchanged)
    }

    fn record_review<'a>(
        &self,
        kept: &Kept,
        verdict: ReviewVerdict,
        by: &str,
        paths: impl Iterator<Item = &'a Path>,
        all: usize,
    ) -> Result<(), EngineError> {
        let (paths, digest) = digest(paths);
        self.record(Event::Reviewed(Reviewed {
            run: kept.run.clone(),
            workspace: kept.workspace.to_string_lossy().into_owned(),
            verdict,
            by: by.to_owned(),
            paths,
            left_out: (all as u64).saturating_sub(paths),
            digest,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_out() {
        for (path, to, out) in [
            ("a", "b", false),
            ("a/b", "../c", false),
            ("a/b", "../../c", true),
            ("a", "/etc/passwd", true),
            ("a/b", "./x/../y", false),
            ("a", "..", true),
        ] {
            assert_eq!(leads_out(Path::new(path), Path::new(to)), out, "{path} -> {to}");
        }
    }

    #[test]
    fn what_runs_elsewhere() {
        for (path, runs) in [
            (".git/hooks/pre-commit", true),
            ("vendor/.git/config", true),
            (".git/objects/ab/cd", false),
            (".GitHub/workflows/ci.yml", true),
            (".github/CODEOWNERS", false),
            ("src/main.rs", false),
            (".envrc", true),
            ("sub/.gitattributes", true),
        ] {
            assert_eq!(runs_elsewhere(Path::new(path)).is_some(), runs, "{path}");
        }
    }
}
