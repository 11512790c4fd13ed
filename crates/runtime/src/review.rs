//! Runs whose changes are kept aside until somebody has looked at them.

mod dangers;

use crate::engine::{Engine, EngineError};
pub use dangers::Dangers;
use serde::{Deserialize, Serialize};
use stayhand_core::control::switch::BY_ITSELF;
use stayhand_core::digest::Digest;
use stayhand_core::event::{Event, ReviewVerdict, Reviewed};
use stayhand_sandbox::review::{self, Change, Committed, Undone};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The runs of a state folder that keep something.
#[derive(Debug, Clone)]
pub struct Reviews(PathBuf);

/// A run that keeps changes aside, or what they replaced.
#[derive(Debug)]
pub struct Kept {
    /// Its name: that of its session.
    pub run: String,
    /// The folder that it worked in.
    pub workspace: PathBuf,
    folder: PathBuf,
    /// When it began, by the clock of the file system.
    since: (i64, i64),
    /// Whether its end was written down. If it was not, what it made may be half of what it was to be.
    has_ended: bool,
    /// Held by whoever deals with it.
    lock: Option<File>,
}

/// What is written down of a run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    version: u32,
    workspace: String,
    since: (i64, i64),
    has_ended: bool,
}

const NOTE: &str = "run.json";
const VERSION: u32 = 1;

/// What was copied, where the run was given a copy of the workspace; and the paths in it that it has deleted, each with a NUL
/// behind, once that is known.
const MANIFEST: &str = "copied";
const DELETED: &str = "deleted";

/// Where a copy grows before it is whole.
const GROWING: &str = "copy";

/// Until files that are changed have another time than those that were just copied: the clock of files has steps.
const STEP: Duration = Duration::from_millis(20);

/// Copies the workspace to where the changes of a run land, for it to change the copy. `go_on` is asked in between.
pub(crate) fn copy_aside(
    workspace: &Path,
    aside: &Path,
    go_on: &dyn Fn() -> Result<(), String>,
) -> io::Result<()> {
    let [upper, growing] = ["upper", GROWING].map(|name| aside.join(name));
    if aside.join(MANIFEST).exists() || fs::read_dir(&upper)?.next().is_some() {
        return Err(io::Error::other(format!("{} holds something already", upper.display())));
    }
    private().create(&growing)?;
    let copy = || -> io::Result<()> {
        let copied = review::copy(workspace, &growing, go_on)?;
        rustix::fs::syncfs(File::open(&growing)?)?;
        // An empty folder gives way. Only then it is said to be a copy: of what is not there all would count as deleted.
        fs::rename(&growing, &upper)?;
        put(aside, MANIFEST, &review::manifest(&copied))
    };
    let made = copy();
    match made {
        Ok(()) => std::thread::sleep(STEP),
        // Half of a copy is no use to anybody.
        Err(_) => review::remove_all(&growing)?,
    }
    made
}

/// Writes a file in the folder of a run, whole or not at all.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// What a file holds, if it is there.
fn content(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}

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
        if !is_name(run) {
            let why = format!("`{run}` is no name for a folder: letters, digits, - _ .");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        private().recursive(true).create(&self.0).map_err(of(&self.0))?;
        let folder = self.0.join(run);
        private().create(&folder).map_err(of(&folder))?;
        for name in ["upper", "work"] {
            private().create(folder.join(name))?;
        }
        // By the clock that files are stamped with.
        let found = fs::metadata(&folder)?;
        let since = (found.ctime(), found.ctime_nsec());
        let mut kept = Kept {
            run: run.to_owned(),
            workspace: workspace.into(),
            folder,
            since,
            has_ended: false,
            lock: None,
        };
        kept.write_note()?;
        kept.lock()?;
        Ok(kept)
    }

    fn read(&self, run: &str) -> io::Result<Kept> {
        let folder = self.0.join(run);
        let path = folder.join(NOTE);
        let note = fs::read(&path).map_err(of(&path))?;
        let note: Note = serde_json::from_slice(&note).map_err(|error| of(&path)(error.into()))?;
        let Note { version, workspace, since, has_ended } = note;
        if version != VERSION {
            let why = format!("{} is of version {version}; use a newer stayhand", path.display());
            return Err(io::Error::other(why));
        }
        let workspace = workspace.into();
        Ok(Kept { run: run.to_owned(), workspace, folder, since, has_ended, lock: None })
    }

    /// All of them, the newest last, and those whose note cannot be read, each with why.
    pub fn all(&self) -> io::Result<(Vec<Kept>, Vec<io::Error>)> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
            entries => entries.map_err(of(&self.0))?,
        };
        let (mut all, mut unreadable) = (Vec::new(), Vec::new());
        for entry in entries {
            match self.read(&entry?.file_name().to_string_lossy()) {
                Ok(kept) => all.push(kept),
                Err(error) => unreadable.push(error),
            }
        }
        all.sort_by(|one, other| (one.since, &one.run).cmp(&(other.since, &other.run)));
        Ok((all, unreadable))
    }

    /// The run of this name; without one, the newest that still keeps changes. It is dealt with by nobody else as long as the
    /// answer is held, and does not run any more.
    pub fn find(&self, run: Option<&str>) -> io::Result<Option<Kept>> {
        let found = match run {
            Some(run) if is_name(run) && self.0.join(run).exists() => Some(self.read(run)?),
            Some(_) => None,
            None => {
                let (mut all, _) = self.all()?;
                all.retain(|kept| kept.upper().exists());
                all.pop()
            }
        };
        let locked = |mut kept: Kept| -> io::Result<Kept> {
            kept.lock()?;
            if !kept.has_ended {
                // It was cut off. What cannot be made of its copy now can still be thrown away.
                let _ = kept.settle();
            }
            Ok(kept)
        };
        found.map(locked).transpose()
    }
}

fn is_name(run: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !run.is_empty() && !run.starts_with('.') && run.bytes().all(is_plain)
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
        if !upper.exists() {
            return Ok(Vec::new());
        }
        review::changes(&self.workspace, &upper, self.deleted()?.as_deref())
    }

    /// The text of a file of no more than so many bytes, before the run and after it. Empty where there is none, `None` where it
    /// is no such text.
    pub fn texts(&self, path: &Path, most: u64) -> io::Result<[Option<String>; 2]> {
        Ok([review::text(&self.workspace, path, most)?, review::text(&self.upper(), path, most)?])
    }

    /// Writes down that the run has ended, once everything that it made is on the disk.
    pub fn ended(&mut self) -> io::Result<()> {
        self.settle()?;
        rustix::fs::syncfs(File::open(self.upper())?)?;
        self.has_ended = true;
        self.write_note()
    }

    /// Makes of a copy that the run was given what an overlay would have left. Cut off, it is done once more.
    fn settle(&self) -> io::Result<()> {
        let Some(manifest) = content(&self.folder.join(MANIFEST))?.filter(|_| self.upper().exists()) else {
            return Ok(());
        };
        let copied = review::read_manifest(&manifest)?;
        if !self.folder.join(DELETED).exists() {
            let paths = review::deleted(&copied, &self.upper())?;
            let text = paths.iter().flat_map(|path| [path.as_os_str().as_bytes(), b"\0"]).collect::<Vec<_>>();
            put(&self.folder, DELETED, &text.concat())?;
        }
        // Only once it is known what is gone may anything be taken out.
        review::drop_untouched(&copied, &self.workspace, &self.upper())
    }

    /// What the run has deleted in the copy that it was given. `None`: it was given none.
    fn deleted(&self) -> io::Result<Option<Vec<PathBuf>>> {
        if !self.folder.join(MANIFEST).exists() {
            return Ok(None);
        }
        let text = content(&self.folder.join(DELETED))?.unwrap_or_default();
        let paths = text.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        Ok(Some(paths.map(|path| OsStr::from_bytes(path).into()).collect()))
    }

    fn write_note(&self) -> io::Result<()> {
        let workspace = self.workspace.to_string_lossy().into_owned();
        let note = Note { version: VERSION, workspace, since: self.since, has_ended: self.has_ended };
        put(&self.folder, NOTE, &serde_json::to_vec(&note)?)
    }

    /// Keeps everybody else from dealing with it.
    fn lock(&mut self) -> io::Result<()> {
        let lock = File::options().create(true).truncate(false).write(true).open(self.folder.join("lock"))?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => self.lock = Some(lock),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let why = format!("{} still runs, or somebody else deals with its changes", self.run);
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Whether something was committed that can be taken back.
    pub fn can_undo(&self) -> bool {
        self.restore().exists()
    }

    /// Throws away what is kept aside, and with it the folder where nothing can be taken back.
    pub fn forget_changes(&self) -> io::Result<()> {
        for name in ["work", "upper", GROWING, DELETED, MANIFEST] {
            review::remove_all(&self.folder.join(name))?;
        }
        if self.can_undo() { Ok(()) } else { review::remove_all(&self.folder) }
    }
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
        // What cannot even be listed can be thrown away.
        let changes = kept.changes().unwrap_or_default();
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
            review::remove_all(&kept.folder)?;
        }
        Ok(done)
    }

    /// Brings what a program has changed into the workspace, such that it can be taken back, but for what needs a person's
    /// word of its own. The answer is what there is to say about that.
    pub(crate) fn keep_restore_point(&self, mut kept: Kept) -> String {
        let ended = kept.ended();
        let (kept, run) = (&kept, &kept.run);
        let keep = || -> Result<String, ReviewError> {
            ended?;
            let changes = kept.changes()?;
            if changes.is_empty() {
                kept.forget_changes()?;
                return Ok(String::new());
            }
            let dangers = Dangers::of(kept);
            let (flagged, chosen): (Vec<_>, Vec<_>) =
                changes.into_iter().partition(|change| dangers.why(change).is_some());
            let done = self.commit_changes(kept, &chosen, BY_ITSELF)?;
            let mut said = format!("stayhand: to take back what it changed: stayhand undo {run}\n");
            for one in done.iter().filter_map(|one| Some((&one.path, one.error.as_ref()?))) {
                said += &format!(
                    "stayhand: left out: {}: {}\n",
                    one.0.display().to_string().escape_debug(),
                    one.1
                );
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
