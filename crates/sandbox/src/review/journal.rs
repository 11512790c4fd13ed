//! What a commit changes, written down before it does, with what was there: so that it can be undone.

use super::beneath::{Beneath, Place};
use super::found::{Kind, PERMISSIONS, is_file, is_folder};
use super::path_text;
use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
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

/// One line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Step(Step),
    /// The step of this number was taken back.
    Undone(u64),
}

/// One path: what was there and what is. The content that was there is saved under the same number.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Step {
    number: u64,
    #[serde(with = "path_text")]
    path: PathBuf,
    was: State,
    is: State,
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
    pub(super) fn at(place: &Place) -> io::Result<(Self, Option<Stat>)> {
        let Some(found) = place.stat()? else { return Ok((Self::Nothing, None)) };
        let mode = found.st_mode & PERMISSIONS;
        let state = if is_file(&found) {
            Self::File { mode, digest: digest(&mut place.open()?)? }
        } else if is_folder(&found) {
            Self::Folder { mode }
        } else if FileType::from_raw_mode(found.st_mode).is_symlink() {
            Self::Link { to: place.link()? }
        } else {
            Self::Special
        };
        Ok((state, Some(found)))
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
        let Read { lines, bytes } = read(folder)?;
        let steps = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(STEPS))?;
        // A line that was cut off while it was written never happened.
        steps.set_len(bytes)?;
        let used = lines.iter().map(|line| match line {
            Line::Step(step) => step.number + 1,
            Line::Undone(number) => number + 1,
        });
        // A copy may have been made for a step that was never written.
        let copies =
            fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
        let next = used.chain(copies.map(|number| number + 1)).max().unwrap_or(0);
        Ok(Self { folder: folder.to_owned(), steps, next })
    }

    /// Writes down what is about to happen, and saves what will be gone. After an error nothing more may happen.
    pub(super) fn before(&mut self, path: &Path, place: &Place, was: State, is: State) -> io::Result<()> {
        let number = self.next;
        self.next += 1;
        if let State::File { digest: known, .. } = &was {
            let copy = self.folder.join(number.to_string());
            let mut copy =
                OpenOptions::new().create_new(true).read(true).write(true).mode(0o600).open(copy)?;
            io::copy(&mut place.open()?, &mut copy)?;
            if digest(&mut copy)? != *known {
                return Err(io::Error::other("it was changed outside just now"));
            }
            copy.sync_all()?;
        }
        self.write(&Line::Step(Step { number, path: path.to_owned(), was, is }))
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let before = self.steps.metadata()?.len();
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let written = self.steps.write_all(&text).and_then(|()| self.steps.sync_all());
        if written.is_err() {
            self.steps.set_len(before)?;
        }
        written?;
        File::open(&self.folder)?.sync_all()
    }
}

/// What a journal holds, and how many bytes of it are whole lines.
struct Read {
    lines: Vec<Line>,
    bytes: u64,
}

fn read(folder: &Path) -> io::Result<Read> {
    let text = match fs::read(folder.join(STEPS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        text => text?,
    };
    let (mut lines, mut bytes) = (Vec::new(), 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.last() != Some(&b'\n') {
            break;
        }
        bytes += line.len() as u64;
        lines.push(serde_json::from_slice(line)?);
    }
    Ok(Read { lines, bytes })
}

/// Undoes what was committed to `workspace`, the last step first. What was changed again since is left as it is. Once
/// everything is undone, what was saved for it is removed.
pub fn undo(workspace: &Path, restore: &Path) -> io::Result<Vec<Undone>> {
    let folder = Beneath::open(workspace)?;
    let lines = read(restore)?.lines;
    let mut journal = Journal::open(restore)?;
    let undone: BTreeSet<u64> = lines.iter().filter_map(undone).collect();
    let mut all = Vec::new();
    let steps = lines.into_iter().filter_map(|line| match line {
        Line::Step(step) if !undone.contains(&step.number) => Some(step),
        _ => None,
    });
    let steps: Vec<Step> = steps.collect();
    // What lies in a folder that was closed goes before its mode does.
    for step in steps.iter().filter(|step| step.is.is_folder()) {
        if let Ok(place) = folder.place(&step.path)
            && let Ok((State::Folder { mode }, _)) = State::at(&place)
        {
            place.set_mode(mode | 0o700)?;
        }
    }
    for step in steps.into_iter().rev() {
        let done = take_back(&folder, restore, &step);
        let error = done.and_then(|()| journal.write(&Line::Undone(step.number))).err();
        all.push(Undone { path: step.path, error: error.map(|error| error.to_string()) });
    }
    if all.iter().all(|undone| undone.error.is_none()) {
        super::remove_all(restore)?;
    }
    Ok(all)
}

const fn undone(line: &Line) -> Option<u64> {
    match line {
        Line::Undone(number) => Some(*number),
        Line::Step(_) => None,
    }
}

fn take_back(folder: &Beneath, restore: &Path, step: &Step) -> io::Result<()> {
    let place = match folder.place(&step.path) {
        // With the folder it was in.
        Err(error) if error.kind() == io::ErrorKind::NotFound && step.was == State::Nothing => return Ok(()),
        place => place?,
    };
    let (now, mut found) = State::at(&place)?;
    if now == step.was {
        return Ok(());
    }
    // The mode of a folder is what we have just opened it by.
    if now != step.is && !(now.is_folder() && step.is.is_folder()) {
        return Err(io::Error::other("it was changed again since"));
    }
    let mut saved = match &step.was {
        State::File { digest: known, .. } => {
            let mut saved = File::open(restore.join(step.number.to_string()))?;
            if digest(&mut saved)? != *known {
                return Err(io::Error::other("what was saved of it is damaged"));
            }
            Some(saved)
        }
        _ => None,
    };
    let takes_place = matches!(step.was, State::File { .. } | State::Link { .. }) && !now.is_folder();
    if now != State::Nothing && !takes_place && !(now.is_folder() && step.was.is_folder()) {
        place.remove(now.is_folder())?;
        found = None;
    }
    match (&step.was, &mut saved) {
        (State::File { mode, .. }, Some(saved)) => place.write(saved, *mode, found.as_ref()),
        (State::Folder { mode }, _) if now.is_folder() => place.set_mode(*mode),
        (State::Folder { mode }, _) => place.make_folder(*mode),
        (State::Link { to }, _) => place.write_link(to, found.as_ref()),
        (State::Nothing, _) => Ok(()),
        (State::File { .. } | State::Special, _) => Err(io::Error::other("what was there was not saved")),
    }
}
