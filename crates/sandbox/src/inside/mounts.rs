//! The root folder of a confined program: empty but for what was granted. Everything is mounted by descriptors, and no path
//! is walked that something inside could have changed.

use super::owners::{self, Ids};
use crate::receipt::{Failure, Mechanism};
use crate::spec::{Bind, Overlay, Spec};
use crate::sys::{Attributes, set_attributes};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount_change,
    move_mount, open_tree, unmount,
};
use rustix::process::{Gid, Uid};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// The devices that every program may use.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];

/// The devices that this one may use: the last is whatever terminal it has.
pub(super) fn devices(spec: &Spec) -> impl Iterator<Item = &'static str> {
    DEVICES.iter().copied().chain(spec.terminal.then_some("tty"))
}

/// Where the new root folder is built, hidden under what is mounted there. It has to exist; nothing in it is used.
const SITE: &str = "/tmp";

/// Files of the kernel that nobody needs and that say or do too much.
const HIDDEN: &[&str] = &["kcore", "keys", "timer_list", "sched_debug", "kallsyms", "sysrq-trigger"];

/// Folders of the kernel that may be read only.
const READ_ONLY: &[&str] = &["sys", "irq", "bus", "fs", "acpi", "scsi"];

/// A folder that is the program's own, and gone afterwards.
pub(super) struct OwnFolder {
    pub(super) path: PathBuf,
    pub(super) mode: &'static str,
}

/// The folders that are the program's own, but for those that were granted from outside.
pub(super) fn own_folders(spec: &Spec) -> Vec<OwnFolder> {
    let home = (spec.home.as_path(), "0700");
    let folders =
        [(Path::new("/tmp"), "1777"), (Path::new("/var/tmp"), "1777"), (Path::new("/dev/shm"), "1777"), home];
    let is_granted = |path: &Path| spec.binds.iter().any(|bind| bind.path == path);
    let own = folders.into_iter().filter(|(path, _)| !is_granted(path));
    own.map(|(path, mode)| OwnFolder { path: path.to_owned(), mode }).collect()
}

/// Files of `/etc`: who there is (the program, root, and nobody), and what this machine is called.
pub(super) fn account_files(spec: &Spec, (user, group): (u32, u32)) -> [(&'static str, String); 5] {
    let home = spec.home.display();
    [
        (
            "passwd",
            format!(
                "root:x:0:0:root:/root:/bin/sh\nagent:x:{user}:{group}:agent:{home}:/bin/bash\n\
                 nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
            ),
        ),
        ("group", format!("root:x:0:\nagent:x:{group}:\nnogroup:x:65534:\n")),
        ("hosts", "127.0.0.1 localhost stayhand\n::1 localhost stayhand\n".to_owned()),
        ("hostname", "stayhand\n".to_owned()),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
    ]
}

/// Where the kernel would say or do too much.
pub(super) fn hidden_of_kernel() -> impl Iterator<Item = PathBuf> {
    HIDDEN.iter().map(|name| Path::new("/proc").join(name))
}

/// A mount that belongs nowhere yet, and where it is to be.
pub(super) struct Mounted {
    path: PathBuf,
    mount: OwnedFd,
}

/// Something from outside.
pub(super) enum Source<'a> {
    Mount(OwnedFd),
    Mapped(&'a OwnedFd),
    /// A link as it is outside: `/bin` to `usr/bin`.
    Link(PathBuf),
}

/// What to mount, by where it will be. Ordered: what holds another comes before it.
pub(super) struct Sources<'a> {
    places: BTreeMap<PathBuf, Source<'a>>,
    /// The two folders of an overlay.
    aside: Option<[OwnedFd; 2]>,
    devices: Vec<(&'static str, OwnedFd)>,
}

fn failed(what: impl AsRef<Path>) -> impl Fn(Errno) -> Failure {
    move |error| Failure::of(Mechanism::PrivateRoot, format!("{}: {error}", what.as_ref().display()))
}

/// A copy of what is mounted at a path, which belongs nowhere yet.
fn copy(path: &Path, recursive: bool) -> rustix::io::Result<OwnedFd> {
    let below = if recursive { OpenTreeFlags::AT_RECURSIVE } else { OpenTreeFlags::empty() };
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | below;
    open_tree(CWD, path, flags)
}

/// Where Stayhand runs as root and root owns what may be changed, shows it as the program's own. Only root can.
pub(super) fn mapped(spec: &Spec, ids: Ids) -> Result<Option<Vec<Mounted>>, Failure> {
    let is_root = rustix::process::getuid().is_root();
    // A copy belongs to the program already.
    let is_changed =
        |bind: &&Bind| (bind.writable || spec.scratch.contains(&bind.path)) && spec.origin(bind) == bind.path;
    let writable: Vec<&Bind> = spec.binds.iter().filter(|bind| is_root && is_changed(bind)).collect();
    let of_root = |bind: &&Bind| {
        fs::metadata(&bind.path).is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0)
    };
    if !writable.iter().any(of_root) {
        return Ok(None);
    }
    let owners = owners::shown_as(ids)?;
    let map = |bind: &Bind| -> Result<Mounted, Failure> {
        let said = |error| Failure::of(Mechanism::MappedOwner, format!("{}: {error}", bind.path.display()));
        // What else is mounted in it may not be able to; it is not shown.
        let mount = copy(&bind.path, false).map_err(|error| said(error.into()))?;
        let wanted = Attributes { owners: Some(owners.as_fd()), ..Attributes::default() };
        set_attributes(mount.as_fd(), wanted).map_err(said)?;
        Ok(Mounted { path: bind.path.clone(), mount })
    };
    writable.into_iter().map(map).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Opens everything that comes from outside.
pub(super) fn sources<'a>(spec: &Spec, mapped: Option<&'a [Mounted]>) -> Result<Sources<'a>, Failure> {
    let mut places = BTreeMap::new();
    for bind @ Bind { path, writable } in &spec.binds {
        let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        let ours = mapped.into_iter().flatten().find(|mounted| mounted.path == *path);
        let source = match (ours, fs::read_link(path)) {
            (Some(ours), _) => Source::Mapped(&ours.mount),
            (None, Ok(target)) if !writable => Source::Link(target),
            (None, _) if is_link => return Err(failed(path)(Errno::LOOP)),
            (None, _) => match copy(&spec.origin(bind), true) {
                Err(Errno::NOENT) if !writable => continue,
                copied => Source::Mount(copied.map_err(failed(path))?),
            },
        };
        let is_changed = *writable && spec.laid_over().is_none_or(|overlay| overlay.path != *path);
        if let Source::Mount(mount) = &source {
            restrict(mount.as_fd(), is_changed).map_err(failed(path))?;
        } else if let Source::Mapped(mount) = &source {
            restrict(mount.as_fd(), is_changed).map_err(failed(path))?;
        }
        places.insert(path.clone(), source);
    }
    let device = |name: &'static str| {
        let path = Path::new("/dev").join(name);
        Ok((name, copy(&path, false).map_err(failed(&path))?))
    };
    let devices = devices(spec).map(device).collect::<Result<_, Failure>>()?;
    let aside = spec.laid_over().map(aside).transpose();
    let aside = aside.map_err(|error| Failure::of(Mechanism::Overlay, error))?;
    Ok(Sources { places, aside, devices })
}

/// The folders of an overlay.
const ASIDE: [&str; 2] = ["upper", "work"];

fn aside(overlay: &Overlay) -> rustix::io::Result<[OwnedFd; 2]> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |name: &str| rustix::fs::open(overlay.changes.join(name), flags, Mode::empty());
    let [upper, work] = ASIDE;
    Ok([open(upper)?, open(work)?])
}

/// Lets the program write there, where it is somebody else than whoever starts the launcher. Only root has to and can.
pub(super) fn give_aside(overlay: &Overlay, (user, group): (u32, u32)) -> Result<(), Failure> {
    if !rustix::process::getuid().is_root() {
        return Ok(());
    }
    let give = |folder: OwnedFd| {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        rustix::fs::chownat(&folder, "", Some(user), Some(group), AtFlags::EMPTY_PATH)
    };
    let given = aside(overlay).and_then(|folders| folders.into_iter().try_for_each(give));
    given.map_err(|error| Failure::of(Mechanism::Overlay, error))
}

/// No device and no set-user-id program of it counts; and nothing can be changed unless it may.
fn restrict(mount: BorrowedFd<'_>, writable: bool) -> rustix::io::Result<()> {
    let set = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    let set = if writable { set } else { set | libc::MOUNT_ATTR_RDONLY };
    attributes(mount, set, true)
}

fn attributes(mount: BorrowedFd<'_>, set: u64, recursive: bool) -> rustix::io::Result<()> {
    let wanted = Attributes { set, recursive, private: true, owners: None };
    set_attributes(mount, wanted).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Builds the root folder and makes it that of this process.
pub(super) fn build(spec: &Spec, sources: &Sources<'_>, ids: (u32, u32)) -> Result<(), Failure> {
    let everything = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    // Where namespaces of users are to be had and give no rights, this is what is refused first.
    mount_change("/", everything).map_err(|error| {
        Failure::of(Mechanism::UserNamespace, format!("it gives no right to mount anything: {error}"))
    })?;
    let root = file_system("tmpfs", &[("mode", "0755"), ("size", "16m"), ("nr_inodes", "10000")])
        .map_err(failed("/"))?;
    move_mount(&root, "", CWD, SITE, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).map_err(failed(SITE))?;
    let site = Site { root: root.as_fd() };

    // What holds another comes first: folders of its own among what is granted.
    let own: Vec<OwnFolder> = own_folders(spec);
    site.devices(&sources.devices)?;
    let mut places: BTreeMap<&Path, Place<'_>> =
        sources.places.iter().map(|(path, source)| (path.as_path(), Place::Granted(source))).collect();
    places.extend(own.iter().map(|own| (own.path.as_path(), Place::Own(own.mode))));
    for (path, place) in places {
        site.place(path, &place, spec).map_err(failed(path))?;
    }
    for path in &spec.scratch {
        let laid = site.lay_scratch_over(path, spec);
        laid.map_err(|error| Failure::of(Mechanism::Overlay, format!("{}: {error}", path.display())))?;
    }
    if let (Some(overlay), Some(aside)) = (spec.laid_over(), &sources.aside) {
        let laid = look(site.root, overlay.path.strip_prefix("/").unwrap_or(&overlay.path))
            .and_then(|at| site.lay_over(&at, aside));
        laid.map_err(|error| {
            Failure::of(Mechanism::Overlay, format!("{}: {error}", overlay.path.display()))
        })?;
    }
    site.kernel().map_err(failed("/proc"))?;
    site.accounts(spec, ids)
        .map_err(|error| Failure::of(Mechanism::PrivateRoot, format!("/etc: {error}")))?;
    for (path, target) in &spec.links {
        let link = || -> rustix::io::Result<()> {
            let (folder, name) = site.above(path)?;
            symlinkat(target, folder, name)
        };
        link().map_err(failed(path))?;
    }
    for path in &spec.keep {
        site.keep(path).map_err(failed(path))?;
    }
    for path in &spec.hide {
        site.hide(path).map_err(failed(path))?;
    }
    // Nothing is written beside what was granted.
    attributes(site.root, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV, false)
        .map_err(failed("/"))?;
    enter(site.root).map_err(failed("/"))
}

enum Place<'a> {
    Granted(&'a Source<'a>),
    Own(&'a str),
}

/// The new root folder takes the place of the old one, which is then out of reach.
fn enter(root: BorrowedFd<'_>) -> rustix::io::Result<()> {
    rustix::process::fchdir(root)?;
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")
}

/// A new file system that belongs nowhere yet.
fn file_system(kind: &str, options: &[(&str, &str)]) -> rustix::io::Result<OwnedFd> {
    let made = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(made.as_fd(), *key, *value)?;
    }
    fsconfig_create(made.as_fd())?;
    // Terminals are devices.
    let no_other =
        if kind == "devpts" { MountAttrFlags::MOUNT_ATTR_NOEXEC } else { MountAttrFlags::MOUNT_ATTR_NODEV };
    fsmount(made.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_NOSUID | no_other)
}

/// The root folder while it is built.
struct Site<'a> {
    root: BorrowedFd<'a>,
}

impl Site<'_> {
    fn place(&self, path: &Path, place: &Place<'_>, spec: &Spec) -> rustix::io::Result<()> {
        let granted = match place {
            Place::Own(mode) => {
                let limits = &spec.limits;
                let (size, files) = (limits.own_bytes.to_string(), limits.own_files.to_string());
                let own = file_system("tmpfs", &[("mode", mode), ("size", &size), ("nr_inodes", &files)])?;
                return attach(&own, self.folder(path)?.as_fd());
            }
            Place::Granted(granted) => granted,
        };
        let mount = match granted {
            Source::Link(target) => {
                let (folder, name) = self.above(path)?;
                return match symlinkat(target, folder, name) {
                    Err(Errno::EXIST) => Ok(()),
                    done => done,
                };
            }
            Source::Mount(mount) => mount,
            Source::Mapped(mount) => *mount,
        };
        let is_folder = rustix::fs::FileType::from_raw_mode(fstat(mount)?.st_mode).is_dir();
        let at = if is_folder { self.folder(path)? } else { self.file(path)? };
        attach(mount, at.as_fd())
    }

    /// The folder at a path, made where it is missing.
    fn folder(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let mut at =
            openat(self.root, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        for part in path.components() {
            let Component::Normal(name) = part else { continue };
            match mkdirat(&at, name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                // It may be there in what cannot be changed.
                Err(Errno::ROFS | Errno::ACCESS) => {}
                Err(error) => return Err(error),
            }
            at = look(at.as_fd(), Path::new(name))?;
        }
        Ok(at)
    }

    /// The folder above a path, made where it is missing, and the last name.
    fn above<'p>(&self, path: &'p Path) -> rustix::io::Result<(OwnedFd, &'p Path)> {
        let name = path.file_name().map(Path::new).ok_or(Errno::INVAL)?;
        Ok((self.folder(path.parent().unwrap_or(Path::new("/")))?, name))
    }

    /// The file at a path, made where it is missing.
    fn file(&self, path: &Path) -> rustix::io::Result<OwnedFd> {
        let (folder, name) = self.above(path)?;
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&folder, name, flags, Mode::from_raw_mode(0o644)) {
            Ok(_) | Err(Errno::EXIST | Errno::ROFS | Errno::ACCESS) => {}
            Err(error) => return Err(error),
        }
        look(folder.as_fd(), name)
    }

    /// Puts an overlay of the program's own in the place of a folder, if it is there.
    fn lay_scratch_over(&self, path: &Path, spec: &Spec) -> rustix::io::Result<()> {
        let Some(at) = look_for(self.root, path.strip_prefix("/").unwrap_or(path))? else { return Ok(()) };
        let (size, files) = (spec.limits.own_bytes.to_string(), spec.limits.own_files.to_string());
        let own = file_system("tmpfs", &[("mode", "0700"), ("size", &size), ("nr_inodes", &files)])?;
        // Its folders are taken from what is mounted; the overlay then lies above that too.
        attach(&own, at.as_fd())?;
        let folder = |name: &str| {
            mkdirat(&own, name, Mode::from_raw_mode(0o700))?;
            look(own.as_fd(), Path::new(name))
        };
        let [upper, work] = ASIDE;
        self.lay_over(&at, &[folder(upper)?, folder(work)?])
    }

    /// Puts an overlay in the place of a folder that is there, over that.
    fn lay_over(&self, at: &OwnedFd, [upper, work]: &[OwnedFd; 2]) -> rustix::io::Result<()> {
        // The folders are not looked up by their names: the program may use them, not walk to them.
        let open = |folder: &OwnedFd| format!("/proc/self/fd/{}", folder.as_raw_fd());
        let made = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (key, folder) in [("lowerdir", at), ("upperdir", upper), ("workdir", work)] {
            fsconfig_set_string(made.as_fd(), key, open(folder))?;
        }
        // What is kept aside is thrown away where the machine stops meanwhile, and so need not wait for the disk.
        fsconfig_set_flag(made.as_fd(), "volatile")?;
        fsconfig_set_flag(made.as_fd(), "userxattr")?;
        fsconfig_create(made.as_fd())?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        let laid = fsmount(made.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
        attach(&laid, at.as_fd())
    }

    fn devices(&self, devices: &[(&'static str, OwnedFd)]) -> Result<(), Failure> {
        let build = || -> rustix::io::Result<()> {
            let folder = self.folder(Path::new("/dev"))?;
            for (name, device) in devices {
                attributes(device.as_fd(), libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC, false)?;
                attach(device, self.file(&Path::new("/dev").join(name))?.as_fd())?;
            }
            for (name, target) in [
                ("fd", "/proc/self/fd"),
                ("stdin", "/proc/self/fd/0"),
                ("stdout", "/proc/self/fd/1"),
                ("stderr", "/proc/self/fd/2"),
                ("ptmx", "pts/ptmx"),
            ] {
                symlinkat(target, &folder, name)?;
            }
            let terminals = file_system("devpts", &[("ptmxmode", "0666"), ("mode", "0620")])?;
            attach(&terminals, self.folder(Path::new("/dev/pts"))?.as_fd())
        };
        build().map_err(failed("/dev"))
    }

    /// `/proc`, of this namespace's processes alone.
    fn kernel(&self) -> rustix::io::Result<()> {
        let kernel = file_system("proc", &[])?;
        attach(&kernel, self.folder(Path::new("/proc"))?.as_fd())?;
        for name in HIDDEN {
            let Some(file) = look_for(kernel.as_fd(), Path::new(name))? else { continue };
            let nothing = look(self.root, Path::new("dev/null"))?;
            attach(&again(nothing.as_fd())?, file.as_fd())?;
        }
        for name in READ_ONLY {
            let Some(folder) = look_for(kernel.as_fd(), Path::new(name))? else { continue };
            let copy = again(folder.as_fd())?;
            attributes(copy.as_fd(), libc::MOUNT_ATTR_RDONLY, true)?;
            attach(&copy, folder.as_fd())?;
        }
        Ok(())
    }

    /// Puts them where nothing was granted.
    fn accounts(&self, spec: &Spec, ids: (u32, u32)) -> io::Result<()> {
        let folder = self.folder(Path::new("/etc"))?;
        for (name, text) in account_files(spec, ids) {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            match openat(&folder, name, flags, Mode::from_raw_mode(0o644)) {
                Ok(file) => File::from(file).write_all(text.as_bytes())?,
                // It was granted from outside.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Puts nothing in the place of something. Where it is not there, there is nothing to hide.
    fn hide(&self, path: &Path) -> rustix::io::Result<()> {
        let Some(at) = look_for(self.root, path.strip_prefix("/").unwrap_or(path))? else { return Ok(()) };
        let is_folder = rustix::fs::FileType::from_raw_mode(fstat(&at)?.st_mode).is_dir();
        let nothing = if is_folder {
            file_system("tmpfs", &[("mode", "0555"), ("size", "4k")])?
        } else {
            again(look(self.root, Path::new("dev/null"))?.as_fd())?
        };
        attributes(nothing.as_fd(), libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID, false)?;
        attach(&nothing, at.as_fd())
    }

    /// Takes away the right to change something. Where it is not there, there is nothing to keep.
    fn keep(&self, path: &Path) -> rustix::io::Result<()> {
        let Some(at) = look_for(self.root, path.strip_prefix("/").unwrap_or(path))? else { return Ok(()) };
        let copy = again(at.as_fd())?;
        restrict(copy.as_fd(), false)?;
        attach(&copy, at.as_fd())
    }
}

/// Opens something without following any link.
fn look(folder: BorrowedFd<'_>, path: &Path) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH;
    openat2(folder, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// The same; `None` where there is nothing.
fn look_for(folder: BorrowedFd<'_>, path: &Path) -> rustix::io::Result<Option<OwnedFd>> {
    match look(folder, path) {
        Err(Errno::NOENT) => Ok(None),
        found => found.map(Some),
    }
}

/// A copy of what is mounted here, to be mounted once more.
fn again(at: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    open_tree(at, "", flags)
}

fn attach(mount: &OwnedFd, at: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let by_descriptors = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", at, "", by_descriptors)
}
