//! Changes that a program has made to a folder, kept aside by an overlay: what they are, how they come into the folder after
//! all, and how that is undone.

mod beneath;
mod commit;
mod copied;
mod found;
mod journal;
mod kept;
mod path_text;

pub use beneath::remove_all;
pub use commit::{Committed, commit};
pub use copied::{Copied, copy, deleted, drop_untouched, manifest, read_manifest};
pub use found::Kind;
pub use journal::{Undone, undo};
pub use kept::{Change, What, changes};

use std::io::Read as _;
use std::path::Path;

/// The text of a file in a folder, of no more than so many bytes. Empty where there is no file, `None` where it is no such text.
pub fn text(folder: &Path, path: &Path, most: u64) -> std::io::Result<Option<String>> {
    let folder = beneath::Beneath::open(folder)?;
    match folder.kind(path)? {
        Some(Kind::File { bytes, .. }) if bytes > most => return Ok(None),
        Some(Kind::File { .. }) => {}
        _ => return Ok(Some(String::new())),
    }
    let mut text = Vec::new();
    folder.file(path)?.take(most).read_to_end(&mut text)?;
    Ok(String::from_utf8(text).ok())
}

/// What stands at a path in a folder, without following any link on the way.
pub fn kind(folder: &Path, path: &Path) -> std::io::Result<Option<Kind>> {
    beneath::Beneath::open(folder)?.kind(path)
}

/// The most changes of one run that are looked at.
pub const MOST_CHANGES: usize = 1_000_000;

/// The most bytes that are committed at a time.
pub const MOST_BYTES: u64 = 8 << 30;
