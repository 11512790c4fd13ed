//! What stands at a path.

use super::path_text;
use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::PathBuf;

/// What kind of thing it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file of so many bytes, with the bits of its mode.
    File {
        /// Its size.
        bytes: u64,
        /// Its permissions.
        mode: u32,
    },
    /// A folder.
    Folder {
        /// Its permissions.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as written.
        #[serde(with = "path_text")]
        to: PathBuf,
    },
    /// A socket, a pipe, or a device.
    Special,
}

/// The permissions that count: no set-id bits.
pub(super) const PERMISSIONS: u32 = 0o777;

impl Kind {
    /// What stands there. `link`: where it leads, if it is one.
    pub(super) fn of(found: &Metadata, link: impl FnOnce() -> Option<PathBuf>) -> Self {
        let (kind, mode) = (found.file_type(), found.mode() & PERMISSIONS);
        if kind.is_file() {
            Self::File { bytes: found.len(), mode }
        } else if kind.is_dir() {
            Self::Folder { mode }
        } else if let Some(to) = kind.is_symlink().then(link).flatten() {
            Self::Link { to }
        } else {
            Self::Special
        }
    }

    /// Whether an overlay puts this in the place of what was deleted.
    pub(super) fn is_whiteout(found: &Metadata) -> bool {
        found.file_type().is_char_device() && found.rdev() == 0
    }

    pub(super) const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }
}

/// Whether this is a regular file.
pub(super) fn is_file(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode).is_file()
}
