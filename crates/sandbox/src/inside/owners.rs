//! Who the program is. User 0 never is: where Stayhand runs as root, the program is the user who owns the folder that
//! it may change, or nobody, to whom then that folder is shown as its own.

use crate::receipt::{Failure, Mechanism};
use crate::spec::{NOBODY, Spec};
use crate::sys;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Gid, Pid, Signal, Uid, kill_process};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::fs;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;

/// User and group that a program sees itself as where it is not whom Stayhand runs as.
const SOMEBODY: u32 = 1000;

/// Who the program is: outside, and as it sees itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ids {
    /// User and group on this machine.
    pub(super) outside: (u32, u32),
    /// User and group inside.
    pub(super) inside: (u32, u32),
}

/// Who the program is to be.
pub(super) fn ids(spec: &Spec) -> Result<Ids, Failure> {
    let own = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if own.0 != 0 {
        return Ok(Ids { outside: own, inside: own });
    }
    // Groups that root is in are rights that the program is not to have.
    set_thread_groups(&[]).map_err(|error| Failure::of(Mechanism::NotRoot, error))?;
    let outside = match owner(spec)? {
        (0, _) => (NOBODY, NOBODY),
        (user, 0) => (user, NOBODY),
        owner => owner,
    };
    Ok(Ids { outside, inside: (SOMEBODY, SOMEBODY) })
}

/// Who owns the folder that may be changed: of several the one that the program starts in.
fn owner(spec: &Spec) -> Result<(u32, u32), Failure> {
    let mut changed = spec.binds.iter().filter(|bind| bind.writable);
    let of_cwd = changed.clone().find(|bind| spec.cwd.starts_with(&bind.path));
    let Some(bind) = of_cwd.or_else(|| changed.next()) else { return Ok((NOBODY, NOBODY)) };
    let found = fs::metadata(&bind.path);
    let found = found.map_err(|error| Failure::other(format!("{}: {error}", bind.path.display())))?;
    Ok((found.uid(), found.gid()))
}

/// Without namespaces: this process becomes the owner of the folder that may be changed. There is no way to show
/// nobody a folder of root's.
pub(super) fn leave_root(spec: &Spec) -> Result<(), Failure> {
    let failed = |why: String| Failure::of(Mechanism::NotRoot, why);
    let Ids { outside: (user, group), .. } = ids(spec)?;
    if owner(spec)?.0 == 0 {
        return Err(failed("the folder that may be changed belongs to root".to_owned()));
    }
    become_user((user, group)).map_err(|error| failed(error.to_string()))
}

/// Changes user and group for good.
pub(super) fn become_user((user, group): (u32, u32)) -> rustix::io::Result<()> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)
}

/// Writes which users and groups a process's namespace has.
pub(super) fn map(process: Pid, users: &str, groups: &str) -> std::io::Result<()> {
    let folder = format!("/proc/{}", process.as_raw_nonzero());
    fs::write(format!("{folder}/setgroups"), "deny")?;
    fs::write(format!("{folder}/uid_map"), users)?;
    fs::write(format!("{folder}/gid_map"), groups)
}

/// A user namespace by which a mount shows what root owns as `ids`' own, and everything else as it is.
pub(super) fn shown_as(ids: Ids) -> Result<OwnedFd, Failure> {
    let make = || -> std::io::Result<OwnedFd> {
        let (wait, hold) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let Some(process) = sys::clone(libc::CLONE_NEWUSER)? else {
            drop(hold);
            let _ = fs::File::from(wait).read(&mut [0]);
            std::process::exit(0);
        };
        let namespace = map(process, &swapped(ids.outside.0), &swapped(ids.outside.1)).and_then(|()| {
            let path = format!("/proc/{}/ns/user", process.as_raw_nonzero());
            Ok(open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
        });
        let _ = kill_process(process, Signal::KILL);
        let _ = sys::wait();
        namespace
    };
    make().map_err(|error| Failure::of(Mechanism::MappedOwner, error))
}

/// A map that turns 0 into this number, and leaves all others but this one as they are.
fn swapped(number: u32) -> String {
    let rest = u32::MAX - number - 1;
    let mut lines = format!("0 {number} 1\n");
    if number > 1 {
        lines += &format!("1 1 {}\n", number - 1);
    }
    lines + &format!("{} {} {rest}\n", number + 1, number + 1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn root_is_shown_as_somebody_else() {
        assert_eq!(super::swapped(65534), "0 65534 1\n1 1 65533\n65535 65535 4294901760\n");
        assert_eq!(super::swapped(1), "0 1 1\n2 2 4294967293\n");
    }
}
