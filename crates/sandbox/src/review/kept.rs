//! Reads what an overlay has kept aside. Everything is opened by descriptors and nothing through a link; what cannot be read
//! is a change all the same.

use super::beneath::Beneath;
use super::found::Kind;
use super::{MOST_CHANGES, path_text};
use serde::Serialize;
use std::fs::File;
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
    /// What is there cannot be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

impl What {
    /// What is there now, if anything that can be read.
    pub const fn is(&self) -> Option<&Kind> {
        match self {
            Self::Created { is } | Self::Changed { is, .. } | Self::Replaced { is, .. } => Some(is),
            Self::Deleted { .. } | Self::Unreadable { .. } => None,
        }
    }
}

/// The changes in `upper`, the upper folder of an overlay over `lower`, by path. What was only touched is not among them.
/// Nothing may be using the overlay any more. Of a copy in its place `deleted` says what is gone, and nothing in it means anything
/// else than it is.
pub fn changes(lower: &Path, upper: &Path, deleted: Option<&[PathBuf]>) -> io::Result<Vec<Change>> {
    let (lower, upper) = (Beneath::open(lower)?, Beneath::open(upper)?);
    let mut reader = Reader { lower, upper, has_marks: deleted.is_none(), found: Vec::new() };
    reader.folder(Path::new(""), Below::Merged)?;
    for path in deleted.into_iter().flatten() {
        match reader.lower.kind(path) {
            Ok(Some(was)) => reader.add(path, What::Deleted { was })?,
            Ok(None) => {}
            Err(error) => reader.unreadable(path, &error)?,
        }
    }
    reader.found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(reader.found)
}

struct Reader {
    lower: Beneath,
    upper: Beneath,
    /// Whether devices and attributes in it are marks of an overlay.
    has_marks: bool,
    found: Vec<Change>,
}

/// What shows through from the lower folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    /// What stands there, but for what stands above it.
    Merged,
    /// Nothing, though something stands there: the folder was deleted and made anew.
    Hidden,
    /// Nothing stands there.
    Nothing,
}

impl Reader {
    /// One folder of the upper one.
    fn folder(&mut self, folder: &Path, below: Below) -> io::Result<()> {
        let names = match self.upper.names(folder) {
            Ok(names) => names,
            Err(error) => return self.unreadable(folder, &error),
        };
        if below == Below::Hidden {
            self.hidden(folder, &names)?;
        }
        for name in names {
            let path = folder.join(name);
            if let Err(error) = self.one(&path, below) {
                self.unreadable(&path, &error)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, path: &Path, below: Below) -> io::Result<()> {
        let was = if below == Below::Nothing { None } else { self.lower.kind(path)? };
        let Some(is) = self.upper.kind(path)? else { return Ok(()) };
        if self.has_marks && self.upper.is_whiteout(path)? {
            return was.map_or(Ok(()), |was| self.add(path, What::Deleted { was }));
        }
        let is_folder = is.is_folder();
        let mut within = Below::Nothing;
        match was {
            None => self.add(path, What::Created { is })?,
            Some(was) if std::mem::discriminant(&was) != std::mem::discriminant(&is) => {
                self.add(path, What::Replaced { was, is })?;
            }
            Some(was @ Kind::Special) => self.add(path, What::Replaced { was, is })?,
            Some(was @ Kind::Link { .. }) if was == is => {}
            Some(was @ Kind::Link { .. }) => self.add(path, What::Replaced { was, is })?,
            Some(was) => {
                let anew =
                    is_folder && (below == Below::Hidden || self.has_marks && self.upper.is_opaque(path));
                within = if anew { Below::Hidden } else { Below::Merged };
                let content = !is_folder && self.content_differs(path)?;
                if content || was.mode() != is.mode() {
                    self.add(path, What::Changed { was, is, content })?;
                }
            }
        }
        if is_folder { self.folder(path, within) } else { Ok(()) }
    }

    /// What stood in a folder that was deleted and made anew, and does not stand there any more.
    fn hidden(&mut self, folder: &Path, above: &[std::ffi::OsString]) -> io::Result<()> {
        for name in self.lower.names(folder)? {
            let path = folder.join(&name);
            if !above.contains(&name)
                && let Some(was) = self.lower.kind(&path)?
            {
                self.add(&path, What::Deleted { was })?;
            }
        }
        Ok(())
    }

    fn content_differs(&self, path: &Path) -> io::Result<bool> {
        Ok(!same_content(&mut self.lower.file(path)?, &mut self.upper.file(path)?)?)
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) -> io::Result<()> {
        self.add(path, What::Unreadable { why: error.to_string() })
    }

    fn add(&mut self, path: &Path, what: What) -> io::Result<()> {
        if self.found.len() >= MOST_CHANGES {
            return Err(io::Error::other(format!("there are more than {MOST_CHANGES} changes")));
        }
        self.found.push(Change { path: path.to_owned(), what });
        Ok(())
    }
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
