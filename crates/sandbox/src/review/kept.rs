//! Reads what an overlay has kept aside.

use super::found::Kind;
use super::{MOST_CHANGES, path_text};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What a program made of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The path in the folder.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// What became of it.
    #[serde(flatten)]
    pub what: What,
}

/// What became of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum What {
    /// There was nothing.
    Created {
        /// What is there.
        is: Kind,
    },
    /// A file with other content or another mode, or a folder with another mode.
    Changed {
        /// What was there.
        was: Kind,
        /// What is there.
        is: Kind,
        /// Whether the content differs.
        content: bool,
    },
    /// Something of another kind, or a link that leads elsewhere.
    Replaced {
        /// What was there.
        was: Kind,
        /// What is there.
        is: Kind,
    },
    /// Nothing is there, nor below.
    Deleted {
        /// What was there.
        was: Kind,
    },
}

impl What {
    /// What is there now, if anything.
    pub const fn is(&self) -> Option<&Kind> {
        match self {
            Self::Created { is } | Self::Changed { is, .. } | Self::Replaced { is, .. } => Some(is),
            Self::Deleted { .. } => None,
        }
    }
}

/// The changes in `upper`, the upper folder of an overlay over `lower`, by path. What was only touched is not among them.
/// Nothing may be using the overlay any more.
pub fn changes(lower: &Path, upper: &Path) -> io::Result<Vec<Change>> {
    let mut reader = Reader { lower, upper, found: Vec::new() };
    reader.folder(Path::new(""), true)?;
    reader.found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(reader.found)
}

struct Reader<'a> {
    lower: &'a Path,
    upper: &'a Path,
    found: Vec<Change>,
}

impl Reader<'_> {
    /// One folder of the upper one. `merged`: what stands in the lower one shows through.
    fn folder(&mut self, folder: &Path, merged: bool) -> io::Result<()> {
        for entry in fs::read_dir(self.upper.join(folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let found = entry.metadata()?;
            let was = merged.then(|| self.kind_below(&path)).flatten();
            if Kind::is_whiteout(&found) {
                if let Some(was) = was {
                    self.add(path, What::Deleted { was })?;
                }
                continue;
            }
            let is = Kind::of(&found, || fs::read_link(entry.path()).ok());
            self.one(path, was, is)?;
        }
        Ok(())
    }

    fn one(&mut self, path: PathBuf, was: Option<Kind>, is: Kind) -> io::Result<()> {
        let is_folder = is.is_folder();
        let mut merged = false;
        match was {
            None => self.add(path.clone(), What::Created { is })?,
            Some(was) if std::mem::discriminant(&was) != std::mem::discriminant(&is) => {
                self.add(path.clone(), What::Replaced { was, is })?;
            }
            Some(was @ Kind::Link { .. }) => {
                if was != is {
                    self.add(path.clone(), What::Replaced { was, is })?;
                }
            }
            Some(was @ Kind::Special) => self.add(path.clone(), What::Replaced { was, is })?,
            Some(was) => {
                merged = is_folder;
                let content = !is_folder && self.content_differs(&path)?;
                if content || mode(&was) != mode(&is) {
                    self.add(path.clone(), What::Changed { was, is, content })?;
                }
            }
        }
        if !is_folder {
            return Ok(());
        }
        if merged && is_opaque(&self.upper.join(&path)) {
            self.hidden(&path)?;
        }
        self.folder(&path, merged)
    }

    /// What stood in a folder that was deleted and made anew, and does not stand there any more.
    fn hidden(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(self.lower.join(folder))? {
            let path = folder.join(entry?.file_name());
            if self.upper.join(&path).symlink_metadata().is_err()
                && let Some(was) = self.kind_below(&path)
            {
                self.add(path, What::Deleted { was })?;
            }
        }
        Ok(())
    }

    fn kind_below(&self, path: &Path) -> Option<Kind> {
        let place = self.lower.join(path);
        let found = place.symlink_metadata().ok()?;
        Some(Kind::of(&found, || fs::read_link(&place).ok()))
    }

    fn content_differs(&self, path: &Path) -> io::Result<bool> {
        let (below, above) = (self.lower.join(path), self.upper.join(path));
        Ok(!same_content(&mut File::open(below)?, &mut File::open(above)?)?)
    }

    fn add(&mut self, path: PathBuf, what: What) -> io::Result<()> {
        if self.found.len() >= MOST_CHANGES {
            return Err(io::Error::other(format!("there are more than {MOST_CHANGES} changes")));
        }
        self.found.push(Change { path, what });
        Ok(())
    }
}

const fn mode(kind: &Kind) -> Option<u32> {
    match kind {
        Kind::File { mode, .. } | Kind::Folder { mode } => Some(*mode),
        Kind::Link { .. } | Kind::Special => None,
    }
}

fn is_opaque(folder: &Path) -> bool {
    let mut value = [0; 1];
    matches!(rustix::fs::lgetxattr(folder, "user.overlay.opaque", &mut value), Ok(1)) && value == *b"y"
}

fn same_content(one: &mut File, other: &mut File) -> io::Result<bool> {
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let count = one.read(&mut left)?;
        let Some(same) = right.get_mut(..count) else { return Ok(false) };
        other.read_exact(same)?;
        if count == 0 {
            return Ok(true);
        }
        if left.get(..count) != Some(&*same) {
            return Ok(false);
        }
    }
}
