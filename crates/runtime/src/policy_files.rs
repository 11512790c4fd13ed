//! Reads policy files into the policy in force.

use crate::gather::Observe;
use rustix::fs::{Mode, OFlags};
use stayhand_core::decision::Layer;
use stayhand_core::policy::error::PolicyError;
use stayhand_core::policy::{LayerText, Policy};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where policy files are looked for. A file that does not exist is no layer; a file that exists
/// and cannot be read or compiled is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFiles {
    files: Vec<(Layer, PathBuf, Need)>,
    /// Layer, name and text of what a program has composed itself.
    texts: Vec<(Layer, String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The file must exist.
    Named,
    /// The file may be missing.
    IfThere,
}

/// Why no policy could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file could not be read.
    #[error("cannot read the policy file {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is too large to be a policy.
    #[error("the policy file {} is larger than {} MiB", path.display(), MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A file is not UTF-8.
    #[error("the policy file {} is not UTF-8 (byte {at})", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is wrong.
        at: usize,
    },
    /// A file does not compile.
    #[error("{}", describe(.0))]
    Policy(PolicyError),
}

/// The most that is read of one file.
const MAX_BYTES: u64 = 4 << 20;

impl PolicyFiles {
    /// Adds a file that must exist.
    #[must_use]
    pub fn named(mut self, layer: Layer, path: impl Into<PathBuf>) -> Self {
        self.files.push((layer, path.into(), Need::Named));
        self
    }

    /// Adds a file that may be missing.
    #[must_use]
    pub fn if_there(mut self, layer: Layer, path: impl Into<PathBuf>) -> Self {
        self.files.push((layer, path.into(), Need::IfThere));
        self
    }

    /// Adds a policy that is no file: its text, and a name for people.
    #[must_use]
    pub fn text(mut self, layer: Layer, name: &str, text: impl Into<String>) -> Self {
        self.texts.push((layer, name.to_owned(), text.into()));
        self
    }

    /// Where the files are, or would be.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, path, _)| path.as_path())
    }

    /// Reads the files that exist; the texts follow them.
    pub fn read(&self) -> Result<Vec<LayerText>, LoadError> {
        let mut texts = Vec::new();
        for (layer, path, need) in &self.files {
            match read_file(path) {
                Ok(text) => {
                    texts.push(LayerText { layer: *layer, name: path.display().to_string(), text });
                }
                Err(LoadError::Read { error, .. })
                    if *need == Need::IfThere && error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let composed = self.texts.iter().cloned();
        texts.extend(composed.map(|(layer, name, text)| LayerText { layer, name, text }));
        Ok(texts)
    }

    /// Reads and compiles.
    pub fn load(&self) -> Result<Policy, LoadError> {
        compile(&self.read()?)
    }
}

/// Compiles texts with the real analysis behind their examples.
pub fn compile(texts: &[LayerText]) -> Result<Policy, LoadError> {
    Policy::compile(texts, Observe).map_err(LoadError::Policy)
}

/// Reads one file of at most four mebibytes.
pub fn read_file(path: &Path) -> Result<String, LoadError> {
    let failed = |error| LoadError::Read { path: path.to_owned(), error };
    let file = open_regular(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes)
        .map_err(|error| LoadError::NotText { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}

/// Opens a file without waiting: a pipe or a device in its place would never answer.
fn open_regular(path: &Path) -> std::io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = std::fs::File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is not a regular file")) }
}

/// The problems, a line each: file, line, what is wrong.
fn describe(error: &PolicyError) -> String {
    let mut text = error.to_string();
    for problem in error.problems.iter().filter(|problem| !problem.warning) {
        let line = problem.line().map(|line| format!(":{line}")).unwrap_or_default();
        let _ = write!(text, "\n  {}{line}: {}", problem.file.name(), problem.message);
    }
    text
}
