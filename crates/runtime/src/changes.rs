//! What a program has changed in a folder.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The files of a folder, by their paths in it, each with what shows a change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<PathBuf, Look>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    mode: u32,
}

/// The most files that are compared.
const MOST_FILES: usize = 1_000_000;

impl Files {
    /// `None`: too many. What cannot be read is left out; links are not followed.
    pub fn of(folder: &Path) -> Option<Self> {
        let mut files = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).into_iter().flatten().flatten() {
                let (path, Ok(found)) = (entry.path(), entry.metadata()) else { continue };
                if found.is_dir() {
                    folders.push(path);
                    continue;
                }
                if files.0.len() >= MOST_FILES {
                    return None;
                }
                let look = Look {
                    inode: found.ino(),
                    bytes: found.len(),
                    modified: (found.mtime(), found.mtime_nsec()),
                    mode: found.mode(),
                };
                files.0.insert(path.strip_prefix(folder).unwrap_or(&path).to_owned(), look);
            }
        }
        Some(files)
    }
}

/// The difference.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Files that were not there before.
    pub created: Vec<PathBuf>,
    /// Files that look different.
    pub changed: Vec<PathBuf>,
    /// Files that are gone.
    pub deleted: Vec<PathBuf>,
    /// How many files of Git's own changed. They are not among the others.
    pub of_git: usize,
}

impl Changes {
    /// What is different afterwards.
    pub fn between(before: &Files, after: &Files) -> Self {
        let mut changes = Self::default();
        for (path, look) in &after.0 {
            match before.0.get(path) {
                Some(known) if known == look => {}
                _ if is_of_git(path) => changes.of_git += 1,
                Some(_) => changes.changed.push(path.clone()),
                None => changes.created.push(path.clone()),
            }
        }
        for path in before.0.keys().filter(|path| !after.0.contains_key(*path)) {
            if is_of_git(path) {
                changes.of_git += 1;
            } else {
                changes.deleted.push(path.clone());
            }
        }
        changes
    }
}

fn is_of_git(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == ".git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir_all(folder.path().join(".git/objects")).unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        for name in ["same", "longer", "a/gone"] {
            write(name, "x");
        }
        let before = Files::of(folder.path()).unwrap();
        assert_eq!(Changes::between(&before, &Files::of(folder.path()).unwrap()), Changes::default());
        write("longer", "xy");
        write("a/new\nline", "x");
        write(".git/objects/1", "x");
        fs::remove_file(folder.path().join("a/gone")).unwrap();
        let changes = Changes::between(&before, &Files::of(folder.path()).unwrap());
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(changes.created, paths(&["a/new\nline"]));
        assert_eq!(changes.changed, paths(&["longer"]));
        assert_eq!(changes.deleted, paths(&["a/gone"]));
        assert_eq!(changes.of_git, 1);
    }
}
