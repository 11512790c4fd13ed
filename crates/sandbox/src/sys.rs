//! The calls to the kernel that no library offers in a safe form.
#![expect(unsafe_code, reason = "the only place with it; each block says why it is sound")]

use rustix::process::Pid;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

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

/// A descriptor that whoever started this process has passed on and named, if it is open. To be asked once for each.
pub(crate) fn passed_on(number: i32) -> Option<OwnedFd> {
    // SAFETY: the call takes a number and no pointer.
    let is_open = unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
    // SAFETY: it is open, and nothing else in this process, which has just begun, has it.
    is_open.then(|| unsafe { OwnedFd::from_raw_fd(number) })
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

/// Loads a filter of system calls for this process and all that it starts. Whoever holds the descriptor is asked about
/// the calls that the filter leaves to it.
pub(crate) fn listen(lines: &mut [libc::sock_filter]) -> io::Result<OwnedFd> {
    let len = u16::try_from(lines.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len, filter: lines.as_mut_ptr() };
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // SAFETY: the program and its lines live until the call returns, and the length is theirs.
    let found = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    let number = i32::try_from(checked(found)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Reads from the memory of a process, up to the end of the page that it begins in, which is to be all that is asked for.
pub(crate) fn read_memory(process: u32, from: u64, into: &mut [u8]) -> io::Result<()> {
    let process = i32::try_from(process).map_err(io::Error::other)?;
    let from = usize::try_from(from).map_err(io::Error::other)?;
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: std::ptr::with_exposed_provenance_mut(from), iov_len: into.len() };
    // SAFETY: the kernel writes no more than `into` holds, which lives until the call returns. The other address is one of
    // the other process and is not looked behind here.
    let count = unsafe { libc::process_vm_readv(process, &raw const local, 1, &raw const remote, 1, 0) };
    if count < 0 {
        return Err(io::Error::last_os_error());
    }
    if usize::try_from(count).is_ok_and(|count| count == into.len()) {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Has whoever waits for an answer, and whoever gives it, take turns on one processor: each waits for the other anyhow. Kernels
/// before 6.6 do not know that, and then it takes longer.
pub(crate) fn take_turns(listener: BorrowedFd<'_>) {
    const SYNC_WAKE_UP: libc::c_ulong = 1;
    // SAFETY: the request takes a number and no pointer.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
}

/// Takes the next call that is waited for an answer to.
pub(crate) fn next_call(listener: BorrowedFd<'_>) -> io::Result<libc::seccomp_notif> {
    // SAFETY: all fields are integers, for which zero is a value; the kernel wants it so.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request fits the structure, which lives until the call returns.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) };
    checked(done.into()).map(|_| call)
}

/// Answers a call: it goes on (`None`), or fails with this error.
pub(crate) fn answer_call(listener: BorrowedFd<'_>, id: u64, error: Option<i32>) -> io::Result<()> {
    let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
    let mut answer = libc::seccomp_notif_resp {
        id,
        val: 0,
        error: error.map_or(0, |error| -error),
        flags: if error.is_none() { flags } else { 0 },
    };
    // SAFETY: the request fits the structure, which lives until the call returns.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
    checked(done.into()).map(|_| ())
}

/// Whether a call still waits: its process is then still the one that made it.
pub(crate) fn still_waits(listener: BorrowedFd<'_>, mut id: u64) -> bool {
    // SAFETY: the request fits the number, which lives until the call returns.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw mut id) };
    done == 0
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
