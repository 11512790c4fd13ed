//! Where nobody but the system's bubblewrap may make namespaces, as for users of Ubuntu since 24.04, that builds the outer part
//! of the boundary. This program, which it starts as the first process inside, looks at what came of it and does the rest.

use super::channel::Channel;
use super::mounts::{self, own_folders};
use super::namespaces::{self, NAMESPACES, said};
use super::{NOT_STARTED, end_with_parent, filter, weaken};
use crate::receipt::{Failure, Mechanism};
use crate::spec::Spec;
use crate::sys;
use rustix::fs::{MemfdFlags, SeekFrom, memfd_create, seek};
use rustix::pipe::{PipeFlags, pipe_with};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where systems have it. Another one might do anything.
const BUBBLEWRAP: &str = "/usr/bin/bwrap";

/// Where this program is found inside.
const LAUNCHER_INSIDE: &str = "/run/stayhand";

/// The first argument of this program inside.
pub(super) const INSIDE: &str = "__confine-inside";

/// What the process inside is told on its standard input.
#[derive(Serialize, Deserialize)]
struct Told {
    spec: Spec,
    /// The namespaces outside, in the order of the list of all.
    outside: Vec<PathBuf>,
    /// The descriptor of the connection to whoever started the launcher.
    channel: i32,
    /// The descriptor on which the launcher hears what became of it.
    heard: i32,
}

/// Whether it may do what this process may not.
pub(super) fn is_there() -> bool {
    !rustix::process::getuid().is_root() && Path::new(BUBBLEWRAP).exists()
}

/// Has the boundary built and the program run, and waits for its end. An error: nothing was run.
pub(super) fn confine(spec: &Spec, channel: &Channel) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::of(Mechanism::Bubblewrap, error);
    if spec.laid_over().is_some() {
        return Err(Failure::of(Mechanism::Overlay, "bubblewrap lays nothing over"));
    }
    if let Some(path) = spec.scratch.first() {
        let why = format!("it lets {} not be changed for the time of the run alone", path.display());
        return Err(Failure::of(Mechanism::Bubblewrap, why));
    }
    // What is passed on stays open until it has been.
    let (hear, heard) = pipe_with(PipeFlags::empty()).map_err(|error| failed(error.into()))?;
    rustix::io::fcntl_setfd(&hear, rustix::io::FdFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    let connection = channel.to_pass_on().map_err(failed)?;
    let (arguments, _files) = arguments(spec).map_err(|error| Failure::of(Mechanism::PrivateRoot, error))?;
    let told = Told {
        spec: spec.clone(),
        outside: namespaces_of_this().map_err(failed)?,
        channel: connection.as_raw_fd(),
        heard: heard.as_raw_fd(),
    };
    let told = serde_json::to_vec(&told).map_err(Failure::other)?;
    #[expect(clippy::disallowed_methods, reason = "a part of the launcher, which an executor has started")]
    let mut command = Command::new(BUBBLEWRAP);
    command.args(arguments).args(["--", LAUNCHER_INSIDE, INSIDE]).args(weaken::passed_on());
    command.stdin(Stdio::from(file_of(&told).map_err(failed)?)).env_clear();
    let mut child = command.spawn().map_err(failed)?;
    drop((heard, connection));
    let done = said(hear, Mechanism::Bubblewrap);
    if done.is_err() {
        let _ = child.kill();
    }
    let _ = child.wait();
    done
}

/// What the process inside is, from its start on. The answer is its exit code.
pub(super) fn inside() -> i32 {
    let mut text = Vec::new();
    let told = io::stdin().read_to_end(&mut text).map_err(Failure::other);
    let told = told.and_then(|_| serde_json::from_slice::<Told>(&text).map_err(Failure::other));
    let Ok(Told { spec, outside, channel, heard }) = told else { return NOT_STARTED };
    let (Some(channel), Some(heard)) = (sys::passed_on(channel), sys::passed_on(heard)) else {
        return NOT_STARTED;
    };
    let Ok(channel) = Channel::from(channel) else { return NOT_STARTED };
    namespaces::run_within(&spec, &channel, boundary(&spec, &channel, &outside), heard)
}

/// Looks at what bubblewrap has built, and closes it.
fn boundary(spec: &Spec, channel: &Channel, outside: &[PathBuf]) -> Result<namespaces::Built, Failure> {
    end_with_parent(channel)?;
    let own = namespaces_of_this().map_err(|error| Failure::of(Mechanism::Bubblewrap, error))?;
    if let Some((shared, _)) = own.iter().zip(outside).find(|(own, outside)| own == outside) {
        return Err(Failure::of(Mechanism::Bubblewrap, format!("it left {} as it was", shared.display())));
    }
    let filters = filter::compile(filter::Sockets::OwnNetwork, spec.known_calls_only)?;
    let (mut receipt, way_out) = namespaces::shut(spec, &filters)?;
    receipt.mechanisms.push(Mechanism::Bubblewrap);
    Ok((receipt, way_out))
}

/// Which namespaces this process is in, in the order of the list of all.
fn namespaces_of_this() -> io::Result<Vec<PathBuf>> {
    let of_this = |name| fs::read_link(Path::new("/proc/self/ns").join(name));
    NAMESPACES.iter().map(|(_, name, _)| of_this(name)).collect()
}

/// A file in memory that is passed on, to be read from its beginning.
fn file_of(text: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("stayhand", MemfdFlags::empty())?);
    file.write_all(text)?;
    seek(&file, SeekFrom::Start(0))?;
    Ok(file)
}

/// What bubblewrap is told, and the files that have to stay open for it.
fn arguments(spec: &Spec) -> io::Result<(Vec<OsString>, Vec<File>)> {
    let mut all = Arguments::default();
    all.add(["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]);
    all.add(["--unshare-cgroup", "--as-pid-1", "--die-with-parent", "--hostname", "stayhand"]);
    all.add(["--chdir", "/", "--dev", "/dev", "--proc", "/proc"]);
    // What holds another comes first: folders of its own among what is granted.
    let mut places: BTreeMap<&Path, Vec<OsString>> = BTreeMap::new();
    for bind in &spec.binds {
        let (path, from) = (bind.path.as_path(), spec.origin(bind));
        let words = match (bind.writable, fs::read_link(path)) {
            (true, _) => vec!["--bind".into(), from.into(), path.into()],
            (false, Ok(target)) => vec!["--symlink".into(), target.into(), path.into()],
            (false, Err(_)) => vec!["--ro-bind-try".into(), from.into(), path.into()],
        };
        places.insert(path, words);
    }
    let own = own_folders(spec);
    let size = spec.limits.own_bytes.to_string();
    for folder in &own {
        let words = ["--perms", folder.mode, "--size", &size, "--tmpfs"].map(OsString::from);
        places.insert(&folder.path, words.into_iter().chain([folder.path.clone().into()]).collect());
    }
    all.words.extend(places.into_values().flatten());
    let ids = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    for (name, text) in mounts::account_files(spec, ids) {
        let path = Path::new("/etc").join(name);
        if !spec.binds.iter().any(|bind| path.starts_with(&bind.path)) {
            let file = file_of(text.as_bytes())?;
            all.add(["--ro-bind-data".into(), file.as_raw_fd().to_string().into(), path.into_os_string()]);
            all.files.push(file);
        }
    }
    for (path, target) in &spec.links {
        all.add([OsString::from("--symlink"), target.into(), path.into()]);
    }
    for path in there(&spec.keep)? {
        all.add([OsString::from("--ro-bind"), path.into(), path.into()]);
    }
    for path in mounts::hidden_of_kernel().filter(|path| path.exists()) {
        all.add([OsString::from("--ro-bind"), "/dev/null".into(), path.into()]);
    }
    for path in there(&spec.hide)? {
        if path.is_dir() {
            all.add(["--perms", "0555", "--tmpfs"].map(OsString::from).into_iter().chain([path.into()]));
            all.add([OsString::from("--remount-ro"), path.into()]);
        } else {
            all.add([OsString::from("--ro-bind"), "/dev/null".into(), path.into()]);
        }
    }
    let this = fs::read_link("/proc/self/exe")?;
    all.add([OsString::from("--ro-bind"), this.into(), LAUNCHER_INSIDE.into()]);
    all.add(["--remount-ro", "/dev", "--remount-ro", "/"]);
    Ok((all.words, all.files))
}

/// Those that are there. An error: the way there leads over a link, which bubblewrap would follow.
fn there(paths: &[PathBuf]) -> io::Result<Vec<&Path>> {
    let mut found = Vec::new();
    for path in paths {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        let is_missing = way.iter().find_map(|part| match part.symlink_metadata() {
            Ok(part) if part.is_symlink() => Some(Err(io::Error::from_raw_os_error(libc::ELOOP))),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Ok(())),
            Err(error) => Some(Err(error)),
        });
        match is_missing {
            None => found.push(path.as_path()),
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(io::Error::other(format!("{}: {error}", path.display()))),
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Arguments {
    words: Vec<OsString>,
    files: Vec<File>,
}

impl Arguments {
    fn add<T: Into<OsString>>(&mut self, words: impl IntoIterator<Item = T>) {
        self.words.extend(words.into_iter().map(Into::into));
    }
}
