//! A folder, and what lies in it: opened by descriptors, never through a link, never outside, never on another file system.

use super::found::PERMISSIONS;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fchmod, fchown, fstat, fsync, mkdirat, openat2,
    renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a name begins with that is about to take the place of another.
const PASSING: &str = ".stayhand-commit-";

/// A folder.
#[derive(Debug)]
pub(super) struct Beneath(OwnedFd);

/// A folder in it, and a name there.
#[derive(Debug)]
pub(super) struct Place {
    folder: OwnedFd,
    name: OsString,
}

fn resolve() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

impl Beneath {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let flags = folder_flags();
        Ok(Self(rustix::fs::open(folder, flags, Mode::empty())?))
    }

    /// Where `path` is, or would be. Folders above it have to be there.
    pub(super) fn place(&self, path: &Path) -> io::Result<Place> {
        let name = path.file_name().ok_or_else(|| io::Error::from(Errno::INVAL))?.to_owned();
        let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = openat2(&self.0, above, folder_flags(), Mode::empty(), resolve())?;
        Ok(Place { folder, name })
    }

    /// Opens a file in it to be read.
    pub(super) fn file(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat2(&self.0, path, flags, Mode::empty(), resolve())?.into())
    }
}

impl Place {
    /// What stands there; `None`: nothing.
    pub(super) fn stat(&self) -> io::Result<Option<Stat>> {
        match statat(&self.folder, &*self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// Where the link there leads.
    pub(super) fn link(&self) -> io::Result<std::path::PathBuf> {
        let to = rustix::fs::readlinkat(&self.folder, &*self.name, Vec::new())?;
        Ok(OsStr::from_bytes(to.as_bytes()).into())
    }

    pub(super) fn open(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat2(&self.folder, Path::new(&self.name), flags, Mode::empty(), resolve())?;
        Ok(file.into())
    }

    /// What lies in the folder there, by name.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let folder = openat2(&self.folder, Path::new(&self.name), folder_flags(), Mode::empty(), resolve())?;
        let mut names = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Puts a file there in one step, with this content and mode. It belongs to whom what it replaces belonged, or else the
    /// folder.
    pub(super) fn write(&self, from: &mut File, mode: u32) -> io::Result<()> {
        let passing = self.passing();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&self.folder, &*passing, flags, Mode::from_raw_mode(0o600))?;
        let mut made = File::from(made);
        let filled = io::copy(from, &mut made)
            .and_then(|_| self.give_to_owner(made.as_fd()))
            .and_then(|()| Ok(fchmod(&made, Mode::from_raw_mode(mode & PERMISSIONS))?))
            .and_then(|()| Ok(fsync(&made)?));
        self.take_place(&passing, filled)
    }

    /// Puts a link there.
    pub(super) fn write_link(&self, to: &Path) -> io::Result<()> {
        let passing = self.passing();
        let made = symlinkat(to, &self.folder, &*passing).map_err(io::Error::from);
        self.take_place(&passing, made)
    }

    pub(super) fn make_folder(&self, mode: u32) -> io::Result<()> {
        mkdirat(&self.folder, &*self.name, Mode::from_raw_mode(0o700))?;
        let made = openat2(&self.folder, Path::new(&self.name), folder_flags(), Mode::empty(), resolve())?;
        self.give_to_owner(made.as_fd())?;
        Ok(fchmod(&made, Mode::from_raw_mode(mode & PERMISSIONS))?)
    }

    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        let found = self.stat()?.ok_or_else(|| io::Error::from(Errno::NOENT))?;
        let is_folder = FileType::from_raw_mode(found.st_mode).is_dir();
        let flags =
            if is_folder { folder_flags() } else { OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC };
        let open = openat2(&self.folder, Path::new(&self.name), flags, Mode::empty(), resolve())?;
        Ok(fchmod(&open, Mode::from_raw_mode(mode & PERMISSIONS))?)
    }

    /// Takes away what is there: a folder has to be empty.
    pub(super) fn remove(&self, is_folder: bool) -> io::Result<()> {
        let flags = if is_folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        Ok(unlinkat(&self.folder, &*self.name, flags)?)
    }

    fn passing(&self) -> OsString {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("{PASSING}{}-{number}", std::process::id()).into()
    }

    fn take_place(&self, passing: &OsStr, made: io::Result<()>) -> io::Result<()> {
        let done = made.and_then(|()| Ok(renameat(&self.folder, passing, &self.folder, &*self.name)?));
        if done.is_err() {
            let _ = unlinkat(&self.folder, passing, AtFlags::empty());
        }
        done?;
        Ok(fsync(&self.folder)?)
    }

    /// Only root can, and only for root is there a difference.
    fn give_to_owner(&self, made: BorrowedFd<'_>) -> io::Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let owner = match self.stat()? {
            Some(replaced) => replaced,
            None => fstat(&self.folder)?,
        };
        Ok(fchown(made, Some(Uid::from_raw(owner.st_uid)), Some(Gid::from_raw(owner.st_gid)))?)
    }
}
