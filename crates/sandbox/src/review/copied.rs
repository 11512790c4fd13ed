//! A copy of a folder for a program to change, where an overlay cannot be had. Afterwards it is made into what an overlay would
//! have left, so that everybody who deals with changes sees no difference.

use super::beneath::{folder_flags, names, resolve};
use super::found::{PERMISSIONS, is_file, is_folder};
use super::kept::same_content;
use super::{MOST_BYTES, MOST_CHANGES};
use crate::spec::NOBODY;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, Timestamps, chownat, fchmod, fchown, fremovexattr, fstat,
    futimens, ioctl_ficlone, mkdirat, openat2, readlinkat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What an overlay marks a folder with that hides what stands below it.
const OPAQUE: &str = "user.overlay.opaque";

/// Copies what lies in a folder into an empty one: files, folders and links with their modes and, for root, their owners. What
/// root owns becomes nobody's, who a program is that works for root. Where the file system can, files share their blocks. Sockets, pipes and devices are left out, and so is what lies on other
/// file systems. The error: something cannot be read, or it is more than is dealt with.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let open = |path: &Path| rustix::fs::open(path, folder_flags(), Mode::empty());
    let (from_folder, to_folder) = (open(from)?, open(to)?);
    let found = fstat(&from_folder)?;
    let mut copier = Copier { device: found.st_dev, bytes: 0, files: 0 };
    copier.folder(&from_folder, &to_folder, from)?;
    finish(&to_folder, &found)
}

struct Copier {
    /// The file system that is copied.
    device: u64,
    bytes: u64,
    files: usize,
}

fn of(path: &Path) -> impl Fn(Errno) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {}", path.display(), io::Error::from(error)))
}

fn open(folder: &OwnedFd, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    openat2(folder, Path::new(name), flags, Mode::empty(), resolve())
}

/// Reads a file and waits for nobody.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

impl Copier {
    fn folder(&mut self, from: &OwnedFd, to: &OwnedFd, path: &Path) -> io::Result<()> {
        for name in names(from.try_clone()?)? {
            let path = path.join(&name);
            let found = statat(from, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(of(&path))?;
            self.files += 1;
            // A file with holes counts as if it had none.
            self.bytes += if is_file(&found) { u64::try_from(found.st_size).unwrap_or(0) } else { 0 };
            if self.files > MOST_CHANGES || self.bytes > MOST_BYTES {
                let why = format!(
                    "{}: there are more than {MOST_CHANGES} files or {} GiB to copy",
                    path.display(),
                    MOST_BYTES >> 30
                );
                return Err(io::Error::other(why));
            }
            self.one([from, to], &name, &path, &found)?;
        }
        Ok(())
    }

    fn one(&mut self, [from, to]: [&OwnedFd; 2], name: &OsStr, path: &Path, found: &Stat) -> io::Result<()> {
        let said = of(path);
        if is_folder(found) {
            mkdirat(to, name, Mode::RWXU).map_err(&said)?;
            let copy = open(to, name, folder_flags()).map_err(&said)?;
            if found.st_dev == self.device {
                self.folder(&open(from, name, folder_flags()).map_err(&said)?, &copy, path)?;
            }
            finish(&copy, found)
        } else if is_file(found) {
            let original = File::from(open(from, name, FILE).map_err(&said)?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let copy = rustix::fs::openat(to, name, flags, Mode::RUSR | Mode::WUSR).map_err(&said)?;
            let mut copy = File::from(copy);
            if ioctl_ficlone(&copy, &original).is_err() {
                io::copy(&mut &original, &mut copy)?;
            }
            finish(&copy, found)
        } else if is_link(found) {
            let target = readlinkat(from, name, Vec::new()).map_err(&said)?;
            symlinkat(&*target, to, name).map_err(&said)?;
            let (user, group) = owner(found);
            let given = chownat(to, name, user, group, AtFlags::SYMLINK_NOFOLLOW);
            given.map_err(&said)
        } else {
            Ok(())
        }
    }
}

/// Only root can give, and only for root is there a difference.
fn owner(found: &Stat) -> (Option<Uid>, Option<Gid>) {
    let is_root = rustix::process::geteuid().is_root();
    let somebody = |id: u32| if id == 0 { NOBODY } else { id };
    let (user, group) = (Uid::from_raw(somebody(found.st_uid)), Gid::from_raw(somebody(found.st_gid)));
    (is_root.then_some(user), is_root.then_some(group))
}

/// Gives a copy the owner, the mode and the time of what it was made from.
fn finish(copy: impl AsFd, found: &Stat) -> io::Result<()> {
    let (user, group) = owner(found);
    fchown(&copy, user, group)?;
    fchmod(&copy, Mode::from_raw_mode(found.st_mode & PERMISSIONS))?;
    let time = rustix::fs::Timespec {
        tv_sec: found.st_mtime,
        tv_nsec: i64::try_from(found.st_mtime_nsec).unwrap_or(0),
    };
    Ok(futimens(&copy, &Timestamps { last_access: time, last_modification: time })?)
}

/// What a program has deleted in a whole copy. Nothing may be using the copy any more. To be asked before anything is taken out
/// of it: what is not there counts as deleted, unless it came or was changed after `since`, when the copy was made: seconds and
/// nanoseconds by the clock of the file system.
pub fn deleted(lower: &Path, copy: &Path, since: (i64, i64)) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    both(lower, copy, &mut |[_, _], path, was, is| {
        let is_copied = is_file(was) || is_folder(was) || is_link(was);
        let is_newer = (was.st_ctime, i64::try_from(was.st_ctime_nsec).unwrap_or(i64::MAX)) > since;
        if is.is_none() && is_copied && !is_newer {
            found.push(path.to_owned());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Takes what is the same out of a copy of which is known what was deleted. What cannot be looked at stays, and is a change.
pub fn drop_same(lower: &Path, copy: &Path) -> io::Result<()> {
    both(lower, copy, &mut |[lower, copy], path, was, is| {
        let (Some(is), Some(name)) = (is, path.file_name()) else { return Ok(()) };
        if is_folder(was) && is_folder(is) {
            if was.st_mode == is.st_mode {
                // What is not empty stays.
                let _ = unlinkat(copy, name, AtFlags::REMOVEDIR);
            }
        } else if is_same(lower, copy, name, was, is).unwrap_or(false) {
            unlinkat(copy, name, AtFlags::empty())?;
        }
        Ok(())
    })
}

/// Does something with everything in a folder and what stands in its place in a copy, below before above.
type Each<'a> = &'a mut dyn FnMut([&OwnedFd; 2], &Path, &Stat, Option<&Stat>) -> io::Result<()>;

fn both(lower: &Path, copy: &Path, each: Each<'_>) -> io::Result<()> {
    let open = |path: &Path| rustix::fs::open(path, folder_flags(), Mode::empty());
    let lower = open(lower)?;
    let device = fstat(&lower)?.st_dev;
    both_folders([&lower, &open(copy)?], Path::new(""), device, each)
}

fn both_folders([lower, copy]: [&OwnedFd; 2], folder: &Path, device: u64, each: Each<'_>) -> io::Result<()> {
    match fremovexattr(copy, OPAQUE) {
        // A file system without such marks, or none here.
        Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
        Err(error) => return Err(error.into()),
    }
    for name in names(lower.try_clone()?)? {
        let was = statat(lower, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if was.st_dev != device {
            continue;
        }
        let is = match statat(copy, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => None,
            is => Some(is?),
        };
        if is_folder(&was)
            && is.as_ref().is_some_and(is_folder)
            && let Ok(below) = open(lower, &name, folder_flags())
            && let Ok(within) = open(copy, &name, folder_flags())
        {
            both_folders([&below, &within], &folder.join(&name), device, each)?;
        }
        each([lower, copy], &folder.join(&name), &was, is.as_ref())?;
    }
    Ok(())
}

fn is_link(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode).is_symlink()
}

/// Whether a file or link is as it was.
fn is_same(lower: &OwnedFd, copy: &OwnedFd, name: &OsStr, was: &Stat, is: &Stat) -> io::Result<bool> {
    if FileType::from_raw_mode(was.st_mode) != FileType::from_raw_mode(is.st_mode) {
        return Ok(false);
    }
    if is_file(was) {
        let same_mode = (was.st_mode ^ is.st_mode) & PERMISSIONS == 0;
        return Ok(same_mode
            && same_content(
                &mut File::from(open(lower, name, FILE)?),
                &mut File::from(open(copy, name, FILE)?),
            )?);
    }
    Ok(is_link(was) && readlinkat(lower, name, Vec::new())? == readlinkat(copy, name, Vec::new())?)
}

#[cfg(test)]
mod tests {
    use super::super::{What, changes};
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn now() -> (i64, i64) {
        let found = fs::metadata(tempfile::tempdir().unwrap().path()).unwrap();
        (std::os::unix::fs::MetadataExt::ctime(&found), std::os::unix::fs::MetadataExt::ctime_nsec(&found))
    }

    /// A folder, a copy of it, and what became of the copy, as changes.
    fn changed(make: impl FnOnce(&Path), change: impl FnOnce(&Path)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let (lower, upper) = (folder.path().join("lower"), folder.path().join("upper"));
        fs::create_dir(&lower).unwrap();
        fs::create_dir(&upper).unwrap();
        make(&lower);
        copy(&lower, &upper).unwrap();
        assert_eq!(changes(&lower, &upper, &[]).unwrap(), [], "a copy is no change");
        change(&upper);
        let gone = deleted(&lower, &upper, now()).unwrap();
        let found = changes(&lower, &upper, &gone).unwrap();
        // It may be cut off and done once more.
        for _ in 0..2 {
            drop_same(&lower, &upper).unwrap();
            assert_eq!(changes(&lower, &upper, &gone).unwrap(), found);
        }
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
            let _ = rustix::fs::setxattr(at.join("a"), OPAQUE, b"y", rustix::fs::XattrFlags::empty());
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
        assert_eq!(changed(tree, whiteout), ["deleted a/file"]);
    }

    /// What somebody else makes in the folder meanwhile was not deleted by the program.
    #[test]
    fn what_came_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let (lower, upper) = (folder.path().join("lower"), folder.path().join("upper"));
        fs::create_dir(&lower).unwrap();
        fs::create_dir(&upper).unwrap();
        tree(&lower);
        copy(&lower, &upper).unwrap();
        let since = now();
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(lower.join("new"), "by somebody else").unwrap();
        fs::remove_file(upper.join("run.sh")).unwrap();
        assert_eq!(deleted(&lower, &upper, since).unwrap(), [Path::new("run.sh")]);
    }

    /// What cannot be read is an error that names it, and not a copy without it.
    #[test]
    fn what_cannot_be_copied() {
        if rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (lower, upper) = (folder.path().join("lower"), folder.path().join("upper"));
        fs::create_dir(&lower).unwrap();
        fs::create_dir(&upper).unwrap();
        fs::write(lower.join("closed"), "x").unwrap();
        fs::set_permissions(lower.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
        let error = copy(&lower, &upper).unwrap_err().to_string();
        assert!(error.contains("closed"), "{error}");
    }
}
