//! The calls to the kernel that no library offers in a safe form.
#![expect(unsafe_code, reason = "the only place with it; each block says why it is sound")]

use rustix::process::Pid;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Starts a process with these namespaces of its own, as `fork` does. `None` in the new one.
///
/// To be called by a process with one thread.
pub(crate) fn clone(namespaces: libc::c_int) -> io::Result<Option<Pid>> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: without CLONE_VM and with no stack this is a fork: the new process goes on here with a copy of all
    // memory. The launcher has one thread, so that no lock is held by one that is not there any more.
    let found = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    let id = i32::try_from(checked(found)?).map_err(io::Error::other)?;
    Ok(Pid::from_raw(id))
}

/// How a child ended, and what it and its own children used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waited {
    pub(crate) id: i32,
    pub(crate) status: libc::c_int,
    pub(crate) peak_kib: u64,
    pub(crate) cpu_us: u64,
}

/// Waits for any child.
pub(crate) fn wait() -> io::Result<Waited> {
    let mut status = 0;
    // SAFETY: all fields are integers, for which zero is a value.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values of the right type that live until the call returns.
    let id = unsafe { libc::wait4(-1, &raw mut status, 0, &raw mut used) };
    checked(id.into())?;
    let micros = |time: libc::timeval| {
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or(0)
    };
    let peak_kib = u64::try_from(used.ru_maxrss).unwrap_or(0);
    Ok(Waited { id, status, peak_kib, cpu_us: micros(used.ru_utime) + micros(used.ru_stime) })
}

/// What is to hold of a mount.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attributes<'a> {
    /// Bits of `MOUNT_ATTR_`.
    pub(crate) set: u64,
    /// Whether nothing that is mounted outside appears in it, and the other way round.
    pub(crate) private: bool,
    /// The user namespace whose map says who owns what.
    pub(crate) owners: Option<BorrowedFd<'a>>,
    /// With all that is mounted in it.
    pub(crate) recursive: bool,
}

/// Changes a mount.
pub(crate) fn set_attributes(mount: BorrowedFd<'_>, wanted: Attributes<'_>) -> io::Result<()> {
    let mapped = wanted.owners.map_or(0, |_| libc::MOUNT_ATTR_IDMAP);
    let owners = wanted.owners.map_or(Ok(0), |fd| u64::try_from(fd.as_raw_fd())).map_err(io::Error::other)?;
    let attributes = libc::mount_attr {
        attr_set: wanted.set | mapped,
        attr_clr: 0,
        propagation: if wanted.private { libc::MS_PRIVATE } else { 0 },
        userns_fd: owners,
    };
    let flags = libc::AT_EMPTY_PATH | if wanted.recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, and the structure and its size belong together and live until the call returns.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    checked(done).map(|_| ())
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
