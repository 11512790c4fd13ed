//! Changes that a program has made to a folder, kept aside by an overlay: what they are, how they come into the folder after
//! all, and how that is undone.

mod beneath;
mod commit;
mod found;
mod journal;
mod kept;
mod path_text;

pub use commit::{Committed, commit};
pub use found::Kind;
pub use journal::{Undone, undo};
pub use kept::{Change, What, changes};

/// The most changes of one run that are looked at.
pub const MOST_CHANGES: usize = 1_000_000;

/// The most bytes that are committed at a time.
pub const MOST_BYTES: u64 = 8 << 30;
