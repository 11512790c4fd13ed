//! By how much a folder grows while a program runs: nothing in the kernel that an ordinary user has limits a whole folder.

use super::usage::LOOK;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Between two looks passes at least so many times as long as a look takes.
const REST: u32 = 10;

/// A block of a file, in bytes, however large those of its file system are.
const BLOCK: u64 = 512;

/// Watches a folder.
#[derive(Debug)]
pub(super) struct Growth {
    folder: PathBuf,
    before: Size,
    next: Option<Instant>,
}

/// What a folder takes on its disk.
#[derive(Debug, Default)]
struct Size {
    bytes: u64,
    /// Folders that this process cannot look into.
    closed: BTreeSet<PathBuf>,
}

impl Growth {
    /// From now on. A folder that is not there is empty.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), before: Size::of(folder), next: None }
    }

    /// What is over the limit in mebibytes, if it is time to look and something is.
    pub(super) fn exceeded(&mut self, limit: u64, now: Instant) -> Option<String> {
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        let begun = crate::clock::monotonic();
        let size = Size::of(&self.folder);
        self.next = Some(now + LOOK.max(begun.elapsed() * REST));
        if let Some(closed) = size.closed.difference(&self.before.closed).next() {
            return Some(format!("nobody can see how large {} is", closed.display()));
        }
        let grown = size.bytes.saturating_sub(self.before.bytes);
        let (grown, limit) = (grown as f64 / 1_048_576.0, limit as f64);
        (grown > limit).then(|| format!("Disk usage {grown:.2}MB exceeds limit {limit:.2}MB"))
    }
}

impl Size {
    /// Links are not followed, other file systems not entered, and a file with several names counts once. What is gone
    /// meanwhile is nothing.
    fn of(folder: &Path) -> Self {
        let mut size = Self::default();
        let mut counted = BTreeSet::new();
        let Ok(device) = folder.symlink_metadata().map(|found| found.dev()) else { return size };
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            let entries = match fs::read_dir(&next) {
                Ok(entries) => entries,
                Err(error) => {
                    if error.kind() != io::ErrorKind::NotFound {
                        size.closed.insert(next);
                    }
                    continue;
                }
            };
            for entry in entries.flatten() {
                let Ok(found) = entry.metadata() else { continue };
                if found.dev() != device
                    || found.nlink() > 1 && found.is_file() && !counted.insert(found.ino())
                {
                    continue;
                }
                size.bytes += found.blocks() * BLOCK;
                if found.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn how_large_a_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut growth = Growth::of(folder.path());
        let mut now = crate::clock::monotonic();
        let mut grown = |limit| {
            now += Duration::from_secs(100);
            growth.exceeded(limit, now)
        };
        assert_eq!(grown(1), None);
        fs::create_dir(at("a")).unwrap();
        fs::write(at("a/b"), vec![1; 3 << 20]).unwrap();
        assert_eq!(grown(4), None);
        assert!(grown(2).unwrap().starts_with("Disk usage 3."));
        // Another name is nothing more, nor is what a link leads to, nor a hole.
        fs::hard_link(at("a/b"), at("c")).unwrap();
        std::os::unix::fs::symlink("/usr", at("d")).unwrap();
        fs::File::create(at("e")).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(grown(4), None);
        fs::remove_dir_all(at("a")).unwrap();
        fs::remove_file(at("c")).unwrap();
        assert_eq!(grown(1), None);
        assert_eq!(Growth::of(&at("none")).exceeded(0, now), None);
    }

    #[test]
    fn it_is_not_looked_at_all_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut growth = Growth::of(folder.path());
        let now = crate::clock::monotonic();
        assert_eq!(growth.exceeded(0, now), None);
        fs::write(folder.path().join("a"), vec![1; 1 << 20]).unwrap();
        assert_eq!(growth.exceeded(0, now), None);
        assert!(growth.exceeded(0, now + Duration::from_secs(100)).is_some());
    }
}
