//! What stands at a path.

use super::path_text;
use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};
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
    pub(super) fn of(found: &Stat, link: impl FnOnce() -> std::io::Result<PathBuf>) -> std::io::Result<Self> {
        let mode = found.st_mode & PERMISSIONS;
        Ok(match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Self::File { bytes: u64::try_from(found.st_size).unwrap_or(0), mode },
            FileType::Directory => Self::Folder { mode },
            FileType::Symlink => Self::Link { to: link()? },
            _ => Self::Special,
        })
    }

    /// Whether it is a folder.
    pub const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder { .. })
    }

    pub(super) const fn mode(&self) -> Option<u32> {
        match self {
            Self::File { mode, .. } | Self::Folder { mode } => Some(*mode),
            Self::Link { .. } | Self::Special => None,
        }
    }
}

/// Whether this is a regular file.
pub(super) fn is_file(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode).is_file()
}

/// Whether this is a folder.
pub(super) fn is_folder(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode).is_dir()
}

/// Whether an overlay puts this in the place of what was deleted.
pub(super) fn is_whiteout(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode).is_char_device() && found.st_rdev == 0
}
