//! A copy of a folder for a program to change, where an overlay cannot be had. What was copied is written down, so that what the
//! program has changed or deleted in it is told from what it never touched or saw, whatever others do to the folder meanwhile.

use super::beneath::{Beneath, folder_flags, names, resolve};
use super::found::{PERMISSIONS, is_file, is_folder};
use super::{MOST_BYTES, MOST_CHANGES};
use crate::spec::NOBODY;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, Timestamps, chownat, fchmod, fchown, fstat, futimens,
    ioctl_ficlone, mkdirat, openat2, readlinkat, statat, symlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// One thing that was copied, as it was in the copy before a program saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Its path in the folder.
    path: PathBuf,
    is_folder: bool,
    mode: u32,
    /// Which file it is, and when it was last changed in any way.
    mark: (u64, i64, i64),
}

fn mark(found: &Stat) -> (u64, i64, i64) {
    (found.st_ino, found.st_ctime, i64::try_from(found.st_ctime_nsec).unwrap_or(i64::MAX))
}

/// Copies what lies in a folder into an empty one: files, folders and links with their modes and, for root, their owners. Where
/// root owns the folder, what is root's becomes nobody's, who a program is that works for root. Where the file system can, files
/// share their blocks. Sockets, pipes and devices are left out, and so is what lies on other file systems. `go_on` is asked
/// in between. The answer: all that was copied. The error: something cannot be read, or it is more than is dealt with.
pub fn copy(from: &Path, to: &Path, go_on: &dyn Fn() -> Result<(), String>) -> io::Result<Vec<Copied>> {
    let open = |path: &Path| rustix::fs::open(path, folder_flags(), Mode::empty());
    let (from_folder, to_folder) = (open(from)?, open(to)?);
    let found = fstat(&from_folder)?;
    let is_roots = rustix::process::geteuid().is_root() && found.st_uid == 0;
    let mut copier = Copier { device: found.st_dev, is_roots, bytes: 0, copied: Vec::new(), go_on };
    copier.folder(&from_folder, &to_folder, Path::new(""))?;
    copier.finish(&to_folder, &found)?;
    Ok(copier.copied)
}

struct Copier<'a> {
    /// The file system that is copied.
    device: u64,
    /// Whether the folder is root's.
    is_roots: bool,
    bytes: u64,
    copied: Vec<Copied>,
    go_on: &'a dyn Fn() -> Result<(), String>,
}

fn open(folder: &OwnedFd, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    openat2(folder, Path::new(name), flags, Mode::empty(), resolve())
}

/// Reads a file and waits for nobody.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

impl Copier<'_> {
    fn folder(&mut self, from: &OwnedFd, to: &OwnedFd, path: &Path) -> io::Result<()> {
        for name in names(from.try_clone()?)? {
            let path = path.join(&name);
            match self.one([from, to], &name, &path) {
                // It is gone by now, or mounted.
                Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::XDEV)) => {}
                Err(error) => {
                    return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn one(&mut self, [from, to]: [&OwnedFd; 2], name: &OsStr, path: &Path) -> io::Result<()> {
        (self.go_on)().map_err(io::Error::other)?;
        let found = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if is_folder(&found) {
            self.one_folder([from, to], name, path, &found)?;
        } else if is_file(&found) {
            // What is opened is what counts: another one may have taken its place.
            let original = File::from(open(from, name, FILE)?);
            let found = fstat(&original)?;
            if !is_file(&found) {
                return Ok(());
            }
            self.count(&found)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let copy = rustix::fs::openat(to, name, flags, Mode::RUSR | Mode::WUSR)?;
            let mut copy = File::from(copy);
            if ioctl_ficlone(&copy, &original).is_err() {
                io::copy(&mut &original, &mut copy)?;
            }
            self.finish(&copy, &found)?;
            self.note(to, name, path)?;
        } else if FileType::from_raw_mode(found.st_mode).is_symlink() {
            let target = readlinkat(from, name, Vec::new())?;
            symlinkat(&*target, to, name)?;
            let (user, group) = self.owner(&found);
            chownat(to, name, user, group, AtFlags::SYMLINK_NOFOLLOW)?;
            self.note(to, name, path)?;
        }
        Ok(())
    }

    fn one_folder(
        &mut self,
        [from, to]: [&OwnedFd; 2],
        name: &OsStr,
        path: &Path,
        found: &Stat,
    ) -> io::Result<()> {
        let original =
            if found.st_dev == self.device { Some(open(from, name, folder_flags())?) } else { None };
        mkdirat(to, name, Mode::RWXU)?;
        let copy = open(to, name, folder_flags())?;
        if let Some(original) = original {
            self.folder(&original, &copy, path)?;
        }
        self.finish(&copy, found)?;
        self.note(to, name, path)
    }

    /// A file with holes counts as if it had none.
    fn count(&mut self, found: &Stat) -> io::Result<()> {
        self.bytes += u64::try_from(found.st_size).unwrap_or(0);
        if self.bytes > MOST_BYTES {
            return Err(io::Error::other(format!("there are more than {} GiB to copy", MOST_BYTES >> 30)));
        }
        Ok(())
    }

    /// Only root can give, and only for root is there a difference.
    fn owner(&self, found: &Stat) -> (Option<Uid>, Option<Gid>) {
        let is_root = rustix::process::geteuid().is_root();
        let somebody = |id: u32| if id == 0 && self.is_roots { NOBODY } else { id };
        let (user, group) = (Uid::from_raw(somebody(found.st_uid)), Gid::from_raw(somebody(found.st_gid)));
        (is_root.then_some(user), is_root.then_some(group))
    }

    /// Gives a copy the owner, the mode and the time of what it was made from.
    fn finish(&self, copy: impl AsFd, found: &Stat) -> io::Result<()> {
        let (user, group) = self.owner(found);
        fchown(&copy, user, group)?;
        fchmod(&copy, Mode::from_raw_mode(found.st_mode & PERMISSIONS))?;
        let tv_nsec = i64::try_from(found.st_mtime_nsec).unwrap_or(0);
        let time = rustix::fs::Timespec { tv_sec: found.st_mtime, tv_nsec };
        Ok(futimens(&copy, &Timestamps { last_access: time, last_modification: time })?)
    }

    fn note(&mut self, to: &OwnedFd, name: &OsStr, path: &Path) -> io::Result<()> {
        if self.copied.len() >= MOST_CHANGES {
            return Err(io::Error::other(format!("there are more than {MOST_CHANGES} files to copy")));
        }
        let made = statat(to, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let (is_folder, mode) = (is_folder(&made), made.st_mode & PERMISSIONS);
        self.copied.push(Copied { path: path.to_owned(), is_folder, mode, mark: mark(&made) });
        Ok(())
    }
}

/// What was copied, as bytes for a file: for each a line of numbers and the path, with a NUL behind.
pub fn manifest(copied: &[Copied]) -> Vec<u8> {
    let mut text = Vec::new();
    for Copied { path, is_folder, mode, mark } in copied {
        let (file, seconds, nanoseconds) = mark;
        text.extend(format!("{} {mode} {file} {seconds} {nanoseconds} ", u8::from(*is_folder)).bytes());
        text.extend_from_slice(path.as_os_str().as_bytes());
        text.push(0);
    }
    text
}

/// Reads it again. The error: it is none.
pub fn read_manifest(text: &[u8]) -> io::Result<Vec<Copied>> {
    let read = |line: &[u8]| -> Option<Copied> {
        let mut parts = line.splitn(6, |byte| *byte == b' ');
        let mut number = || str::from_utf8(parts.next()?).ok()?.parse::<i64>().ok();
        let (is_folder, mode, file) = (number()? == 1, number()?, number()?);
        let mark = (u64::try_from(file).ok()?, number()?, number()?);
        let path = OsStr::from_bytes(parts.next()?).into();
        Some(Copied { path, is_folder, mode: u32::try_from(mode).ok()?, mark })
    };
    let lines = text.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    let all: Option<Vec<Copied>> = lines.map(read).collect();
    all.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what was copied cannot be read"))
}

/// What of it a program has deleted. Nothing may be using the copy any more, and nothing may have been taken out of it. Where a
/// program has closed a folder, nothing is known of what lies below.
pub fn deleted(copied: &[Copied], copy: &Path) -> io::Result<Vec<PathBuf>> {
    let copy = Beneath::open(copy)?;
    // What lay in a folder is gone with it, and with what took its place.
    let is_gone = |one: &&Copied| {
        let place = copy.place(&one.path);
        place.is_ok_and(|place| matches!(place.stat(), Ok(None)))
    };
    Ok(copied.iter().filter(is_gone).map(|one| one.path.clone()).collect())
}

/// Takes out of a copy what no program has touched, as far as that can be seen: an overlay would hold none of it. Folders
/// that hold something get the mode that they have in `lower`, unless it was changed in the copy.
pub fn drop_untouched(copied: &[Copied], lower: &Path, copy: &Path) -> io::Result<()> {
    let (lower, copy) = (Beneath::open(lower)?, Beneath::open(copy)?);
    // What lies in a folder was copied before the folder was finished.
    for one in copied {
        let Ok(place) = copy.place(&one.path) else { continue };
        let Ok(Some(found)) = place.stat() else { continue };
        if is_folder(&found) != one.is_folder || (!one.is_folder && mark(&found) != one.mark) {
            continue;
        }
        if !one.is_folder {
            let _ = place.remove(false);
        } else if found.st_mode & PERMISSIONS == one.mode && place.remove(true).is_err() {
            // It is not empty.
            if let Ok(Some(mode)) = lower.kind(&one.path).map(|kind| kind.and_then(|kind| kind.mode())) {
                let _ = place.set_mode(mode);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{What, changes};
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    /// A folder and a copy of it, with what was copied.
    fn copied(make: impl FnOnce(&Path)) -> (tempfile::TempDir, PathBuf, PathBuf, Vec<Copied>) {
        let folder = tempfile::tempdir().unwrap();
        let (lower, upper) = (folder.path().join("lower"), folder.path().join("upper"));
        fs::create_dir(&lower).unwrap();
        fs::create_dir(&upper).unwrap();
        make(&lower);
        let copied = copy(&lower, &upper, &|| Ok(())).unwrap();
        assert_eq!(read_manifest(&manifest(&copied)).unwrap(), copied);
        // The clock of files has steps.
        std::thread::sleep(std::time::Duration::from_millis(20));
        (folder, lower, upper, copied)
    }

    fn names(found: &[super::super::Change]) -> Vec<String> {
        let name = |what: &What| match what {
            What::Created { .. } => "created",
            What::Changed { content: true, .. } => "changed",
            What::Changed { .. } => "mode",
            What::Replaced { .. } => "replaced",
            What::Deleted { .. } => "deleted",
            What::Unreadable { .. } => "unreadable",
        };
        found.iter().map(|change| format!("{} {}", name(&change.what), change.path.display())).collect()
    }

    /// A folder, a copy of it, and what became of the copy, as changes.
    fn changed(make: impl FnOnce(&Path), change: impl FnOnce(&Path)) -> Vec<String> {
        let (_folder, lower, upper, copied) = copied(make);
        assert_eq!(changes(&lower, &upper, Some(&[])).unwrap(), [], "a copy is no change");
        change(&upper);
        let gone = deleted(&copied, &upper).unwrap();
        let found = changes(&lower, &upper, Some(&gone)).unwrap();
        // It may be cut off and done once more.
        for _ in 0..2 {
            drop_untouched(&copied, &lower, &upper).unwrap();
            assert_eq!(changes(&lower, &upper, Some(&gone)).unwrap(), found);
        }
        names(&found)
    }

    fn tree(at: &Path) {
        fs::create_dir_all(at.join("a/b")).unwrap();
        fs::write(at.join("a/b/deep"), "deep").unwrap();
        fs::write(at.join("a/file"), "one").unwrap();
        fs::write(at.join("run.sh"), "#!/bin/sh").unwrap();
        fs::set_permissions(at.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("a/file", at.join("link")).unwrap();
        symlink("/nowhere", at.join("broken")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at.join("pipe"), Mode::RWXU).unwrap();
    }

    #[test]
    fn nothing_was_changed() {
        assert_eq!(changed(tree, |_| {}), [""; 0]);
        // Written anew with the same content, which an overlay would have kept as well.
        assert_eq!(changed(tree, |at| fs::write(at.join("a/file"), "one").unwrap()), [""; 0]);
    }

    #[test]
    fn every_kind_of_change() {
        let change = |at: &Path| {
            fs::write(at.join("a/file"), "two").unwrap();
            fs::remove_file(at.join("a/b/deep")).unwrap();
            fs::write(at.join("a/b/new"), "").unwrap();
            fs::set_permissions(at.join("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
            fs::remove_file(at.join("link")).unwrap();
            symlink("/etc", at.join("link")).unwrap();
            fs::remove_file(at.join("broken")).unwrap();
            fs::create_dir(at.join("broken")).unwrap();
        };
        let wanted = [
            "deleted a/b/deep",
            "created a/b/new",
            "changed a/file",
            "replaced broken",
            "replaced link",
            "mode run.sh",
        ];
        assert_eq!(changed(tree, change), wanted);
        let gone = changed(tree, |at| fs::remove_dir_all(at.join("a")).unwrap());
        assert_eq!(gone, ["deleted a"]);
        let anew = |at: &Path| {
            fs::remove_dir_all(at.join("a")).unwrap();
            fs::create_dir(at.join("a")).unwrap();
            fs::write(at.join("a/other"), "x").unwrap();
        };
        assert_eq!(changed(tree, anew), ["deleted a/b", "deleted a/file", "created a/other"]);
    }

    /// A program that knows how overlays mark things hides nothing by it, and makes nothing look deleted.
    #[test]
    fn marks_of_its_own() {
        let opaque = |at: &Path| {
            // Not every file system has such marks.
            let _ = rustix::fs::setxattr(
                at.join("a"),
                "user.overlay.opaque",
                b"y",
                rustix::fs::XattrFlags::empty(),
            );
            fs::write(at.join("a/file"), "two").unwrap();
        };
        assert_eq!(changed(tree, opaque), ["changed a/file"]);
        let whiteout = |at: &Path| {
            let make = |name: &str| {
                let kind = FileType::CharacterDevice;
                rustix::fs::mknodat(rustix::fs::CWD, at.join(name), kind, Mode::empty(), 0).unwrap();
            };
            make("nothing-was-here");
            fs::remove_file(at.join("a/file")).unwrap();
            make("a/file");
        };
        assert_eq!(changed(tree, whiteout), ["replaced a/file", "created nothing-was-here"]);
    }

    /// What others do to the folder meanwhile is neither taken for the program's nor taken back.
    #[test]
    fn what_others_did() {
        let (_folder, lower, upper, copied) = copied(tree);
        fs::write(lower.join("new"), "by somebody else").unwrap();
        fs::remove_file(lower.join("run.sh")).unwrap();
        fs::set_permissions(lower.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
        // A folder that was there before takes the place of another.
        fs::create_dir_all(lower.join("other/old")).unwrap();
        fs::rename(lower.join("a/b"), lower.join("gone")).unwrap();
        fs::rename(lower.join("other"), lower.join("a/b")).unwrap();
        fs::remove_file(lower.join("link")).unwrap();
        fs::create_dir(lower.join("link")).unwrap();
        fs::write(upper.join("a/mine"), "by the program").unwrap();
        let gone = deleted(&copied, &upper).unwrap();
        drop_untouched(&copied, &lower, &upper).unwrap();
        assert_eq!(names(&changes(&lower, &upper, Some(&gone)).unwrap()), ["created a/mine"]);
    }

    /// Folders that a program has closed, or that were closed before, keep nobody from what is known.
    #[test]
    fn closed_folders() {
        let closed = |at: &Path| {
            tree(at);
            fs::set_permissions(at.join("a/b"), fs::Permissions::from_mode(0o555)).unwrap();
        };
        let change = |at: &Path| {
            fs::remove_file(at.join("run.sh")).unwrap();
            fs::set_permissions(at.join("a"), fs::Permissions::from_mode(0o000)).unwrap();
        };
        let found = changed(closed, change);
        assert!(found.contains(&"deleted run.sh".to_owned()), "{found:?}");
        assert!(
            found.contains(&"mode a".to_owned()) && !found.contains(&"deleted a/file".to_owned()),
            "{found:?}"
        );
    }

    /// What cannot be copied is an error that names it, and not a copy without it; and whoever is asked can end it.
    #[test]
    fn what_cannot_be_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (lower, upper) = (folder.path().join("lower"), folder.path().join("upper"));
        fs::create_dir(&lower).unwrap();
        fs::create_dir(&upper).unwrap();
        File::create(lower.join("large")).unwrap().set_len(MOST_BYTES + 1).unwrap();
        let error = copy(&lower, &upper, &|| Ok(())).unwrap_err().to_string();
        assert!(error.contains("large: there are more than 8 GiB"), "{error}");
        let error = copy(&lower, &upper, &|| Err("the disk is full".to_owned())).unwrap_err().to_string();
        assert!(error.contains("the disk is full"), "{error}");
    }
}
