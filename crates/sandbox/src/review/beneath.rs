//! A folder, and what lies in it: opened by descriptors, never through a link, never outside, never on another file system.

use super::found::{Kind, PERMISSIONS, is_file, is_folder, is_whiteout};
use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, ResolveFlags, Stat, chownat, fchmod, fchown, fstat, fsync, mkdirat, openat2,
    renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
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

pub(super) fn resolve() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV
}

pub(super) fn folder_flags() -> OFlags {
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

    /// Opens a regular file in it to be read.
    pub(super) fn file(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat2(&self.0, path, flags, Mode::empty(), resolve())?;
        if !is_file(&fstat(&file)?) {
            return Err(Errno::INVAL.into());
        }
        Ok(file.into())
    }

    /// What stands at a path in it; `None`: nothing.
    pub(super) fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        let place = match self.place(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // What is above it is no folder, and so it is not there.
            Err(error) if is_no_folder(&error) => return Ok(None),
            place => place?,
        };
        let found = place.stat()?;
        found.map(|found| Kind::of(&found, || place.link())).transpose()
    }

    pub(super) fn is_whiteout(&self, path: &Path) -> io::Result<bool> {
        Ok(self.place(path)?.stat()?.is_some_and(|found| is_whiteout(&found)))
    }

    /// Whether this folder of an overlay hides what stands below it.
    pub(super) fn is_opaque(&self, path: &Path) -> bool {
        let mut value = [0; 1];
        self.folder(path).is_ok_and(|folder| {
            matches!(rustix::fs::fgetxattr(&folder, "user.overlay.opaque", &mut value), Ok(1))
                && value == *b"y"
        })
    }

    /// What lies in a folder, by name.
    pub(super) fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        names(self.folder(path)?)
    }

    fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(openat2(&self.0, path, folder_flags(), Mode::empty(), resolve())?)
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
        names(openat2(&self.folder, Path::new(&self.name), folder_flags(), Mode::empty(), resolve())?)
    }

    /// Puts a file there in one step, with this content and mode, if what stands there is still `expected`. It belongs to whom
    /// what it replaces belonged, or else the folder.
    pub(super) fn write(&self, from: &mut File, mode: u32, expected: Option<&Stat>) -> io::Result<()> {
        let passing = self.passing();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&self.folder, &*passing, flags, Mode::from_raw_mode(0o600))?;
        let mut made = File::from(made);
        let filled = io::copy(from, &mut made)
            .and_then(|_| self.give_to_owner(made.as_fd()))
            .and_then(|()| Ok(fchmod(&made, Mode::from_raw_mode(mode & PERMISSIONS))?))
            .and_then(|()| Ok(fsync(&made)?))
            .and_then(|()| self.is_still(expected));
        self.take_place(&passing, filled)
    }

    /// Puts a link there.
    pub(super) fn write_link(&self, to: &Path, expected: Option<&Stat>) -> io::Result<()> {
        let passing = self.passing();
        let made = symlinkat(to, &self.folder, &*passing).map_err(io::Error::from);
        let made = made.and_then(|()| {
            if rustix::process::geteuid().is_root() {
                let (user, group) = self.owner()?;
                chownat(&self.folder, &*passing, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            self.is_still(expected)
        });
        self.take_place(&passing, made)
    }

    /// An error, unless the same stands there as when it was looked at.
    fn is_still(&self, expected: Option<&Stat>) -> io::Result<()> {
        let mark = |found: &Stat| (found.st_ino, found.st_ctime, found.st_ctime_nsec);
        if self.stat()?.as_ref().map(mark) == expected.map(mark) {
            return Ok(());
        }
        Err(io::Error::other("it was changed outside just now"))
    }

    pub(super) fn make_folder(&self, mode: u32) -> io::Result<()> {
        mkdirat(&self.folder, &*self.name, Mode::from_raw_mode(0o700))?;
        let made = openat2(&self.folder, Path::new(&self.name), folder_flags(), Mode::empty(), resolve())?;
        self.give_to_owner(made.as_fd())?;
        Ok(fchmod(&made, Mode::from_raw_mode(mode & PERMISSIONS))?)
    }

    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        let found = self.stat()?.ok_or_else(|| io::Error::from(Errno::NOENT))?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags = if is_folder(&found) { folder_flags() } else { flags };
        let open = openat2(&self.folder, Path::new(&self.name), flags, Mode::empty(), resolve())?;
        // The bits of a folder that say whose its files are, and who may delete them, are its owner's.
        let kept = if is_folder(&found) { found.st_mode & OF_FOLDERS } else { 0 };
        Ok(fchmod(&open, Mode::from_raw_mode(mode & PERMISSIONS | kept))?)
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
        let (user, group) = self.owner()?;
        Ok(fchown(made, Some(user), Some(group))?)
    }

    /// Whom the file that stands there belongs to, or else the folder.
    fn owner(&self) -> io::Result<(Uid, Gid)> {
        let owner = match self.stat()? {
            // One that was just made is still whoever's made it.
            Some(replaced) if !is_folder(&replaced) => replaced,
            _ => fstat(&self.folder)?,
        };
        Ok((Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid)))
    }
}

/// Set-group-id and sticky.
const OF_FOLDERS: u32 = 0o3000;

fn is_no_folder(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOTDIR)
}

pub(super) fn names(folder: OwnedFd) -> io::Result<Vec<OsString>> {
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

/// Removes a file, or a folder with all below. What an overlay has left may be closed to its own owner and as deep as it
/// likes: everything is opened by its name in its own folder, and nothing through a link.
pub fn remove_all(path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    match rustix::fs::open(folder, folder_flags(), Mode::empty()) {
        Err(Errno::NOENT) => Ok(()),
        folder => remove_in(folder?.as_fd(), name),
    }
}

fn remove_in(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        Ok(found) if is_folder(&found) => {}
        found => {
            found?;
            return Ok(unlinkat(folder, name, AtFlags::empty())?);
        }
    }
    // By a descriptor that is known to be of a folder: a name could be a link by now.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = openat2(folder, Path::new(name), flags, Mode::empty(), resolve())?;
    let opened = match openat2(&place, Path::new("."), folder_flags(), Mode::empty(), resolve()) {
        Err(Errno::ACCESS) => {
            rustix::fs::chmod(format!("/proc/self/fd/{}", place.as_raw_fd()), Mode::RWXU)?;
            openat2(&place, Path::new("."), folder_flags(), Mode::empty(), resolve())?
        }
        opened => opened?,
    };
    for below in names(opened)? {
        if let Err(error) = remove_in(place.as_fd(), &below) {
            if Errno::from_io_error(&error) != Some(Errno::ACCESS) {
                return Err(error);
            }
            rustix::fs::chmod(format!("/proc/self/fd/{}", place.as_raw_fd()), Mode::RWXU)?;
            remove_in(place.as_fd(), &below)?;
        }
    }
    Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?)
}
