//! Brings chosen changes into the folder: each in one step, none through a link, none of what was changed outside meanwhile.

use super::beneath::{Beneath, Place};
use super::found::{Kind, PERMISSIONS, is_folder};
use super::journal::{Journal, State, digest};
use super::kept::{Change, What};
use super::{MOST_BYTES, path_text};
use rustix::fs::Stat;
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
    let mut work =
        Work { to, from, since, journal: Journal::open(restore)?, modes: Vec::new(), is_over: None };
    let mut done = Vec::new();
    for change in chosen {
        let error = work.one(change).err().map(|error| error.to_string());
        done.push(Committed { path: change.path.clone(), error });
    }
    work.close_folders(&mut done);
    Ok(done)
}

struct Work {
    to: Beneath,
    from: Beneath,
    since: Moment,
    journal: Journal,
    /// Modes of folders, which come last: what lies in them has to come in first.
    modes: Vec<(PathBuf, u32)>,
    /// The journal could not be written: nothing more happens.
    is_over: Option<String>,
}

fn refused(why: &str) -> io::Error {
    io::Error::other(why)
}

impl Work {
    fn one(&mut self, Change { path, what }: &Change) -> io::Result<()> {
        if let Some(why) = &self.is_over {
            return Err(refused(why));
        }
        if what.is() == Some(&Kind::Special) {
            return Err(refused("a socket, pipe or device is not brought into a folder"));
        }
        if let What::Unreadable { why } = what {
            return Err(refused(why));
        }
        self.folders_above(path)?;
        let place = self.to.place(path)?;
        let (was, found) = State::at(&place)?;
        if let (State::Nothing, What::Deleted { .. }) = (&was, what) {
            return Ok(());
        }
        self.is_as_it_was(&was, found.as_ref(), what)?;
        match what {
            What::Deleted { .. } => self.remove(path, &place, was),
            What::Created { is } | What::Changed { is, content: true, .. } => {
                self.put(path, &place, was, found.as_ref(), is)
            }
            What::Changed { is, .. } => self.change_mode(path, &place, was, is),
            What::Replaced { is, .. } if was.is_folder() || is.is_folder() => {
                // Nothing is taken away for what cannot come.
                if matches!(is, Kind::File { .. }) {
                    self.from.file(path)?;
                }
                self.remove(path, &place, was)?;
                self.put(path, &place, State::Nothing, None, is)
            }
            What::Replaced { is, .. } => self.put(path, &place, was, found.as_ref(), is),
            What::Unreadable { why } => Err(refused(why)),
        }
    }

    /// What is there is what was there when the program began.
    fn is_as_it_was(&self, now: &State, found: Option<&Stat>, what: &What) -> io::Result<()> {
        let expected = match what {
            What::Created { .. } | What::Unreadable { .. } => None,
            What::Changed { was, .. } | What::Replaced { was, .. } | What::Deleted { was } => Some(was),
        };
        if !now.is_of(expected) {
            return Err(refused("something else is there now"));
        }
        found.map_or(Ok(()), |found| self.is_older(found))
    }

    fn is_older(&self, found: &Stat) -> io::Result<()> {
        let changed = (found.st_ctime, i64::try_from(found.st_ctime_nsec).unwrap_or(i64::MAX));
        // What lies in a folder is looked at by itself.
        if !is_folder(found) && changed > self.since {
            return Err(refused("it was changed outside since the program began"));
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, place: &Place, was: State, is: State) -> io::Result<()> {
        let noted = self.journal.before(path, place, was, is);
        if let Err(error) = &noted {
            self.is_over = Some(format!("what was there cannot be saved: {error}"));
        }
        noted
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
            self.make_folder(folder, &place, made.st_mode & PERMISSIONS)?;
        }
        Ok(())
    }

    fn make_folder(&mut self, path: &Path, place: &Place, mode: u32) -> io::Result<()> {
        self.note(path, place, State::Nothing, State::Folder { mode })?;
        self.modes.push((path.to_owned(), mode));
        place.make_folder(mode | 0o700)
    }

    fn change_mode(&mut self, path: &Path, place: &Place, was: State, is: &Kind) -> io::Result<()> {
        let Some(mode) = is.mode() else { return Err(refused("only files and folders have a mode")) };
        let is = match &was {
            State::File { digest, .. } => State::File { mode, digest: *digest },
            _ => State::Folder { mode },
        };
        let is_folder = is.is_folder();
        self.note(path, place, was, is)?;
        if is_folder {
            self.modes.push((path.to_owned(), mode));
            return Ok(());
        }
        place.set_mode(mode)
    }

    /// Gives folders their modes, the deepest first.
    fn close_folders(&mut self, done: &mut [Committed]) {
        self.modes.sort();
        for (path, mode) in std::mem::take(&mut self.modes).into_iter().rev() {
            let Err(error) = self.to.place(&path).and_then(|place| place.set_mode(mode)) else { continue };
            if let Some(of_path) = done.iter_mut().find(|one| one.path == path) {
                of_path.error.get_or_insert_with(|| error.to_string());
            }
        }
    }

    fn put(
        &mut self,
        path: &Path,
        place: &Place,
        was: State,
        found: Option<&Stat>,
        is: &Kind,
    ) -> io::Result<()> {
        match is {
            Kind::File { mode, .. } => {
                let mut from = self.from.file(path)?;
                let is = State::File { mode: *mode, digest: digest(&mut from)? };
                self.note(path, place, was, is)?;
                place.write(&mut from, *mode, found)
            }
            // It was made already, for what lies in it.
            Kind::Folder { .. } if was.is_folder() => Ok(()),
            Kind::Folder { mode } => self.make_folder(path, place, *mode),
            Kind::Link { to } => {
                self.note(path, place, was, State::Link { to: to.clone() })?;
                place.write_link(to, found)
            }
            Kind::Special => Err(refused("a socket, pipe or device is not brought into a folder")),
        }
    }

    /// Takes away what is there, with all below: nothing of it if something was changed since, or could not be saved.
    fn remove(&mut self, path: &Path, place: &Place, was: State) -> io::Result<()> {
        self.may_go(path, place, &was)?;
        self.take_away(path, place, was)
    }

    fn may_go(&self, path: &Path, place: &Place, was: &State) -> io::Result<()> {
        if *was == State::Special {
            return Err(refused("a socket, pipe or device cannot be saved, and is not taken away"));
        }
        for name in if was.is_folder() { place.names()? } else { Vec::new() } {
            let below = path.join(name);
            let place = self.to.place(&below)?;
            let (was, found) = State::at(&place)?;
            found.map_or(Ok(()), |found| self.is_older(&found))?;
            self.may_go(&below, &place, &was)?;
        }
        Ok(())
    }

    fn take_away(&mut self, path: &Path, place: &Place, was: State) -> io::Result<()> {
        let is_folder = was.is_folder();
        for name in if is_folder { place.names()? } else { Vec::new() } {
            let below = path.join(name);
            let place = self.to.place(&below)?;
            let (was, _) = State::at(&place)?;
            self.take_away(&below, &place, was)?;
        }
        self.note(path, place, was, State::Nothing)?;
        place.remove(is_folder)
    }
}
