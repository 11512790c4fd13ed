//! Brings chosen changes into the folder: each in one step, none through a link, none of what was changed outside meanwhile.

use super::beneath::{Beneath, Place};
use super::found::{Kind, PERMISSIONS};
use super::journal::{Journal, State, digest};
use super::kept::{Change, What};
use super::{MOST_BYTES, path_text};
use rustix::fs::FileType;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Committed {
    /// The path in the folder.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// Why it was left out; `None`: it is in the folder.
    pub error: Option<String>,
}

/// When something happened: seconds and nanoseconds.
type Moment = (i64, i64);

/// Brings `chosen` changes of the overlay's `upper` folder into `workspace`, and what was there into `restore`. What was
/// changed outside later than `since` stays as it is.
pub fn commit(
    workspace: &Path,
    upper: &Path,
    since: Moment,
    chosen: &[Change],
    restore: &Path,
) -> io::Result<Vec<Committed>> {
    let bytes = |change: &Change| match change.what.is() {
        Some(Kind::File { bytes, .. }) => *bytes,
        _ => 0,
    };
    // By what a file claims to be, so that one with holes in it counts as what it would become.
    let total = chosen.iter().map(bytes).fold(0, u64::saturating_add);
    if total > MOST_BYTES {
        return Err(io::Error::other(format!("{total} bytes are more than the {MOST_BYTES} of one commit")));
    }
    let (to, from) = (Beneath::open(workspace)?, Beneath::open(upper)?);
    let mut work = Work { to, from, since, journal: Journal::open(restore)? };
    let one = |change: &Change| Committed {
        path: change.path.clone(),
        error: work.one(change).err().map(|error| error.to_string()),
    };
    Ok(chosen.iter().map(one).collect())
}

struct Work {
    to: Beneath,
    from: Beneath,
    since: Moment,
    journal: Journal,
}

fn refused(why: &str) -> io::Error {
    io::Error::other(why)
}

impl Work {
    fn one(&mut self, Change { path, what }: &Change) -> io::Result<()> {
        if what.is() == Some(&Kind::Special) {
            return Err(refused("a socket, pipe or device is not brought into a folder"));
        }
        self.folders_above(path)?;
        let place = self.to.place(path)?;
        let was = State::at(&place)?;
        if let (State::Nothing, What::Deleted { .. }) = (&was, what) {
            return Ok(());
        }
        self.is_as_it_was(&place, &was, what)?;
        match what {
            What::Deleted { .. } => self.remove(path, &place, was),
            What::Created { is } => self.put(path, &place, was, is),
            What::Changed { is, content: true, .. } => self.put(path, &place, was, is),
            What::Changed { is: Kind::File { mode, .. } | Kind::Folder { mode }, .. } => {
                let is = match &was {
                    State::File { digest, .. } => State::File { mode: *mode, digest: *digest },
                    _ => State::Folder { mode: *mode },
                };
                self.journal.before(path, &place, was, is)?;
                place.set_mode(*mode)
            }
            What::Changed { .. } => Err(refused("only files and folders have a mode")),
            What::Replaced { is, .. } => {
                let mut was = was;
                if was.is_folder() || is.is_folder() {
                    self.remove(path, &place, was)?;
                    was = State::Nothing;
                }
                self.put(path, &place, was, is)
            }
        }
    }

    /// What is there is what was there when the program began.
    fn is_as_it_was(&self, place: &Place, now: &State, what: &What) -> io::Result<()> {
        let expected = match what {
            What::Created { .. } => None,
            What::Changed { was, .. } | What::Replaced { was, .. } | What::Deleted { was } => Some(was),
        };
        if !now.is_of(expected) {
            return Err(refused("something else is there now"));
        }
        self.is_older(place)
    }

    fn is_older(&self, place: &Place) -> io::Result<()> {
        let Some(found) = place.stat()? else { return Ok(()) };
        // What lies in a folder is looked at by itself.
        let is_folder = FileType::from_raw_mode(found.st_mode).is_dir();
        let changed = (found.st_ctime, i64::try_from(found.st_ctime_nsec).unwrap_or(i64::MAX));
        if !is_folder && changed > self.since {
            return Err(refused("it was changed outside since the program began"));
        }
        Ok(())
    }

    /// Folders that the program made above it.
    fn folders_above(&mut self, path: &Path) -> io::Result<()> {
        let mut above: Vec<&Path> =
            path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
        above.reverse();
        for folder in above {
            let place = self.to.place(folder)?;
            if place.stat()?.is_some() {
                continue;
            }
            let made = self.from.place(folder)?.stat()?.ok_or_else(|| refused("the folder above is gone"))?;
            let mode = made.st_mode & PERMISSIONS;
            self.journal.before(folder, &place, State::Nothing, State::Folder { mode })?;
            place.make_folder(mode)?;
        }
        Ok(())
    }

    fn put(&mut self, path: &Path, place: &Place, was: State, is: &Kind) -> io::Result<()> {
        match is {
            Kind::File { mode, .. } => {
                let mut from = self.from.file(path)?;
                let is = State::File { mode: *mode, digest: digest(&mut from)? };
                self.journal.before(path, place, was, is)?;
                place.write(&mut from, *mode)
            }
            // It was made already, for what lies in it.
            Kind::Folder { .. } if was.is_folder() => Ok(()),
            Kind::Folder { mode } => {
                self.journal.before(path, place, was, State::Folder { mode: *mode })?;
                place.make_folder(*mode)
            }
            Kind::Link { to } => {
                self.journal.before(path, place, was, State::Link { to: to.clone() })?;
                place.write_link(to)
            }
            Kind::Special => Err(refused("a socket, pipe or device is not brought into a folder")),
        }
    }

    /// Takes away what is there, with all below: nothing of it if something was changed since.
    fn remove(&mut self, path: &Path, place: &Place, was: State) -> io::Result<()> {
        if was == State::Special {
            return Err(refused("a socket, pipe or device cannot be saved, and is not taken away"));
        }
        let is_folder = was.is_folder();
        if is_folder {
            for name in place.names()? {
                let below = path.join(name);
                let place = self.to.place(&below)?;
                self.is_older(&place)?;
                let was = State::at(&place)?;
                self.remove(&below, &place, was)?;
            }
        }
        self.journal.before(path, place, was, State::Nothing)?;
        place.remove(is_folder)
    }
}
