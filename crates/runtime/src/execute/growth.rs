//! By how much a folder grows while a program runs: nothing in the kernel that an ordinary user has limits a whole folder.

use super::usage::LOOK;
use crate::clock::monotonic;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two looks passes at least so many times as long as a look takes.
const REST: u32 = 10;

/// A look is given up after so long: meanwhile nothing else is watched.
const LONGEST: Duration = Duration::from_secs(5);

/// A block of a file, in bytes, however large those of its file system are.
const BLOCK: u64 = 512;

/// Watches a folder.
#[derive(Debug)]
pub(super) struct Growth {
    folder: PathBuf,
    before: Result<u64, String>,
    next: Instant,
}

impl Growth {
    /// From now on. A folder that is not there is empty.
    pub(super) fn of(folder: &Path) -> Self {
        let begun = monotonic();
        let before = size(folder, begun + LONGEST);
        Self { folder: folder.to_owned(), before, next: begun + pause(begun) }
    }

    /// What is over the limit in mebibytes, if it is time to look and something is.
    pub(super) fn exceeded(&mut self, limit: u64, now: Instant) -> Option<String> {
        if now < self.next {
            return None;
        }
        let begun = monotonic();
        let size = size(&self.folder, begun + LONGEST);
        self.next = now + pause(begun);
        let (before, size) = match (&self.before, size) {
            (Ok(before), Ok(size)) => (*before, size),
            (Err(why), _) => return Some(why.clone()),
            (_, Err(why)) => return Some(why),
        };
        let (grown, limit) = (size.saturating_sub(before) as f64 / 1_048_576.0, limit as f64);
        (grown > limit).then(|| format!("Disk usage {grown:.2}MB exceeds limit {limit:.2}MB"))
    }
}

/// What passes until the next look, after one that began then.
fn pause(begun: Instant) -> Duration {
    LOOK.max(begun.elapsed() * REST)
}

/// What a folder takes on its disk, in bytes. Links are not followed, other file systems not entered, and a file with several
/// names counts once. What is gone meanwhile is nothing, nor is what another user has closed. The error: what one of our
/// own has closed, or more than can be looked at until then.
fn size(folder: &Path, until: Instant) -> Result<u64, String> {
    let mut bytes = 0;
    let mut counted = BTreeSet::new();
    let Ok(device) = folder.symlink_metadata().map(|found| found.dev()) else { return Ok(0) };
    let own = rustix::process::geteuid().as_raw();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        if monotonic() > until {
            return Err(format!("nobody can see how large {} is in {LONGEST:?}", folder.display()));
        }
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries,
            Err(error) => {
                let is_own = || next.symlink_metadata().is_ok_and(|found| found.uid() == own);
                if error.kind() != io::ErrorKind::NotFound && is_own() {
                    return Err(format!("nobody can see how large {} is", next.display()));
                }
                continue;
            }
        };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            if found.dev() != device || found.nlink() > 1 && found.is_file() && !counted.insert(found.ino()) {
                continue;
            }
            bytes += found.blocks() * BLOCK;
            if found.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        // What is closed beforehand hides nothing, except from root, from whom nothing is closed.
        fs::create_dir(at("closed")).unwrap();
        fs::set_permissions(at("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
        let found = Growth::of(folder.path()).exceeded(0, now);
        assert_eq!(found.is_some(), fs::read_dir(at("closed")).is_err(), "{found:?}");
        assert!(size(folder.path(), crate::clock::monotonic() - LONGEST).is_err());
    }

    #[test]
    fn it_is_not_looked_at_all_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut growth = Growth::of(folder.path());
        let now = monotonic() + Duration::from_secs(100);
        assert_eq!(growth.exceeded(0, now), None);
        fs::write(folder.path().join("a"), vec![1; 1 << 20]).unwrap();
        assert_eq!(growth.exceeded(0, now), None);
        assert!(growth.exceeded(0, now + Duration::from_secs(100)).is_some());
    }
}
