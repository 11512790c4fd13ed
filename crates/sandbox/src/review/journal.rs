//! What a commit changes, written down before it does, with what was there: so that it can be undone.

use super::beneath::{Beneath, Place};
use super::found::{Kind, is_file};
use super::path_text;
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const STEPS: &str = "steps.jsonl";

/// What stands at a path, so that it can be told whether it still does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Nothing,
    File {
        mode: u32,
        /// SHA-256 of the content.
        digest: [u8; 32],
    },
    Folder {
        mode: u32,
    },
    Link {
        #[serde(with = "path_text")]
        to: PathBuf,
    },
    Special,
}

/// One path: what was there, what is, and under which number its content was saved.
#[derive(Debug, Serialize, Deserialize)]
struct Step {
    #[serde(with = "path_text")]
    path: PathBuf,
    was: State,
    is: State,
    saved: Option<u64>,
}

/// What became of one step of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The path in the folder.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// Why it was left as it is; `None`: it is as it was before.
    pub error: Option<String>,
}

pub(super) fn digest(file: &mut File) -> io::Result<[u8; 32]> {
    file.rewind()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            file.rewind()?;
            return Ok(hash.finalize().into());
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
}

impl State {
    pub(super) fn at(place: &Place) -> io::Result<Self> {
        let Some(found) = place.stat()? else { return Ok(Self::Nothing) };
        let mode = found.st_mode & super::found::PERMISSIONS;
        Ok(if is_file(&found) {
            Self::File { mode, digest: digest(&mut place.open()?)? }
        } else if FileType::from_raw_mode(found.st_mode).is_dir() {
            Self::Folder { mode }
        } else if FileType::from_raw_mode(found.st_mode).is_symlink() {
            Self::Link { to: place.link()? }
        } else {
            Self::Special
        })
    }

    /// Whether it is of the kind that was seen when the changes were read.
    pub(super) const fn is_of(&self, kind: Option<&Kind>) -> bool {
        matches!(
            (self, kind),
            (Self::Nothing, None)
                | (Self::File { .. }, Some(Kind::File { .. }))
                | (Self::Folder { .. }, Some(Kind::Folder { .. }))
                | (Self::Link { .. }, Some(Kind::Link { .. }))
                | (Self::Special, Some(Kind::Special))
        )
    }

    pub(super) const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }
}

/// The steps of the commits of one run.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    steps: File,
    next: u64,
}

impl Journal {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let next = read(folder)?.len() as u64;
        let steps = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(STEPS))?;
        Ok(Self { folder: folder.to_owned(), steps, next })
    }

    /// Writes down what is about to happen, and saves what will be gone.
    pub(super) fn before(&mut self, path: &Path, place: &Place, was: State, is: State) -> io::Result<()> {
        let number = self.next;
        self.next += 1;
        let mut saved = None;
        if let State::File { .. } = was {
            let mut copy = OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(true)
                .mode(0o600)
                .open(self.folder.join(number.to_string()))?;
            io::copy(&mut place.open()?, &mut copy)?;
            copy.sync_all()?;
            saved = Some(number);
        }
        let mut line = serde_json::to_vec(&Step { path: path.to_owned(), was, is, saved })?;
        line.push(b'\n');
        self.steps.write_all(&line)?;
        self.steps.sync_all()
    }
}

/// The steps so far. One that was cut off while it was written never happened.
fn read(folder: &Path) -> io::Result<Vec<Step>> {
    let file = match File::open(folder.join(STEPS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut steps = Vec::new();
    for line in BufReader::new(file).lines() {
        match serde_json::from_str(&line?) {
            Ok(step) => steps.push(step),
            Err(_) => break,
        }
    }
    Ok(steps)
}

/// Undoes what was committed to `workspace`, the last step first. What was changed again since is left as it is.
pub fn undo(workspace: &Path, restore: &Path) -> io::Result<Vec<Undone>> {
    let folder = Beneath::open(workspace)?;
    let mut all = Vec::new();
    for step in read(restore)?.into_iter().rev() {
        let error = take_back(&folder, restore, &step).err().map(|error| error.to_string());
        all.push(Undone { path: step.path, error });
    }
    if all.iter().all(|undone| undone.error.is_none()) {
        match fs::remove_dir_all(restore) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(all)
}

fn take_back(folder: &Beneath, restore: &Path, step: &Step) -> io::Result<()> {
    let place = match folder.place(&step.path) {
        // With the folder it was in.
        Err(error) if error.kind() == io::ErrorKind::NotFound && step.was == State::Nothing => return Ok(()),
        place => place?,
    };
    let now = State::at(&place)?;
    if now == step.was {
        return Ok(());
    }
    if now != step.is {
        return Err(io::Error::other("it was changed again since"));
    }
    let takes_place = matches!(step.was, State::File { .. } | State::Link { .. }) && !now.is_folder();
    if now != State::Nothing && !takes_place && !(now.is_folder() && step.was.is_folder()) {
        place.remove(now.is_folder())?;
    }
    match (&step.was, step.saved) {
        (State::File { mode, .. }, Some(saved)) => {
            place.write(&mut File::open(restore.join(saved.to_string()))?, *mode)
        }
        (State::Folder { mode }, _) if now.is_folder() => place.set_mode(*mode),
        (State::Folder { mode }, _) => place.make_folder(*mode),
        (State::Link { to }, _) => place.write_link(to),
        (State::Nothing, _) => Ok(()),
        (State::File { .. } | State::Special, _) => Err(io::Error::other("what was there was not saved")),
    }
}
