//! The filter of system calls: whatever a program needs but what changes the machine, other processes, or the boundary.
//!
//! It names what is refused. What a new kernel adds is not in it; namespaces without capabilities are what bounds that, or a
//! second filter that names what is known.

use super::known::{KNOWN, KNOWN_HERE};
use super::weaken::without;
use crate::receipt::{Failure, Mechanism};
use crate::sys;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition as Condition,
    SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

/// Which sockets may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sockets {
    /// Those of a network of its own: Internet, Unix, and the one that lists interfaces.
    OwnNetwork,
    /// None but connected pairs.
    None,
}

/// Refused as not permitted.
static REFUSED: &[libc::c_long] = &[
    // mounts
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // namespaces
    libc::SYS_unshare,
    libc::SYS_setns,
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // the kernel and the machine
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_fanotify_init,
    libc::SYS_personality,
    // ways around the checks of paths and sockets
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS__sysctl,
    libc::SYS_sysfs,
    libc::SYS_ustat,
    libc::SYS_lookup_dcookie,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Flags of `clone` that make a namespace.
const NEW_NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Requests to a terminal that type into it, choose from its screen, or change what stands behind it.
const TERMINAL: &[libc::c_ulong] = &[libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD];

/// A call that sets the mode of a file: where among its arguments the mode stands, and where the flags without which there
/// is none.
type SetsMode = (libc::c_long, u8, Option<u8>);

const MODES: &[SetsMode] = &[
    (libc::SYS_fchmod, 1, None),
    (libc::SYS_fchmodat, 2, None),
    (libc::SYS_fchmodat2, 2, None),
    (libc::SYS_openat, 3, Some(2)),
    (libc::SYS_mknodat, 2, None),
];
#[cfg(target_arch = "x86_64")]
const MODES_HERE: &[SetsMode] = &[
    (libc::SYS_chmod, 1, None),
    (libc::SYS_creat, 1, None),
    (libc::SYS_open, 2, Some(1)),
    (libc::SYS_mknod, 1, None),
];
#[cfg(not(target_arch = "x86_64"))]
const MODES_HERE: &[SetsMode] = &[];

/// The flags by which a file is opened that may not be there, and so has a mode. (The one for files without a name is
/// two flags in one, of which the other is that of folders.)
const MAKES: [libc::c_int; 2] = [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY];

/// The rules for a call that would set such a bit.
fn set_id((_, mode, flags): SetsMode) -> Result<Vec<SeccompRule>, Failure> {
    let mut rules = Vec::new();
    for bit in [libc::S_ISUID, libc::S_ISGID].map(u64::from) {
        let sets = (mode, Op::MaskedEq(bit), bit);
        match flags {
            None => rules.push(rule(&[sets])?),
            Some(place) => {
                for flag in MAKES.map(|flag| u64::try_from(flag).unwrap_or(0)) {
                    rules.push(rule(&[sets.clone(), (place, Op::MaskedEq(flag), flag)])?);
                }
            }
        }
    }
    Ok(rules)
}

/// The programs, in the order of loading. The last one loaded is asked first; the strictest answer holds.
pub(super) fn compile(sockets: Sockets, known_only: bool) -> Result<Vec<BpfProgram>, Failure> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new())).collect();
    let spaces = NEW_NAMESPACES.iter().map(|flag| {
        let bit = u64::try_from(*flag).unwrap_or(0);
        rule(&[(0, Op::MaskedEq(bit), bit)])
    });
    refused.insert(libc::SYS_clone, spaces.collect::<Result<_, _>>()?);
    let requests = TERMINAL.iter().map(|request| rule(&[(1, Op::Eq, *request)]));
    refused.insert(libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    // A program with such a bit would run with its owner's rights outside, where its folder is mounted as ever.
    for call in MODES.iter().chain(MODES_HERE) {
        refused.insert(call.0, set_id(*call)?);
    }
    // Their flags and modes stand behind a pointer, where no filter sees them. Without them the C library takes the
    // older ones.
    let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new()), (libc::SYS_openat2, Vec::new())]);
    Ok([
        Some(program(refused, libc::EPERM)?),
        Some(program(newer, libc::ENOSYS)?),
        Some(program(of_sockets(sockets)?, libc::EAFNOSUPPORT)?),
        second_table(),
        known_only.then(only_known).transpose()?,
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// A program that answers every other call as a kernel does that does not know it.
fn only_known() -> Result<BpfProgram, Failure> {
    let calls = KNOWN.iter().chain(KNOWN_HERE).map(|call| (*call, Vec::new()));
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(failed)?;
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(calls.collect(), unknown, SeccompAction::Allow, arch);
    filter.and_then(TryInto::try_into).map_err(failed)
}

/// The families of sockets that may not be made.
fn of_sockets(sockets: Sockets) -> Result<BTreeMap<i64, Vec<SeccompRule>>, Failure> {
    let family = |family: libc::c_int| u64::try_from(family).unwrap_or(0);
    let not = |families: &[libc::c_int]| -> Result<SeccompRule, Failure> {
        rule(&families.iter().map(|one| (0, Op::Ne, family(*one))).collect::<Vec<_>>())
    };
    let made = match sockets {
        Sockets::None => Vec::new(),
        Sockets::OwnNetwork => vec![
            not(&[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK])?,
            // Of the kernel's own protocols only the one that lists interfaces.
            rule(&[(0, Op::Eq, family(libc::AF_NETLINK)), (2, Op::Ne, family(libc::NETLINK_ROUTE))])?,
        ],
    };
    Ok(BTreeMap::from([(libc::SYS_socket, made), (libc::SYS_socketpair, vec![not(&[libc::AF_UNIX])?])]))
}

fn rule(conditions: &[(u8, Op, u64)]) -> Result<SeccompRule, Failure> {
    let made =
        conditions.iter().map(|(place, op, value)| Condition::new(*place, Len::Dword, op.clone(), *value));
    made.collect::<Result<_, _>>().and_then(SeccompRule::new).map_err(failed)
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: libc::c_int) -> Result<BpfProgram, Failure> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(failed)?;
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    // A call in the manner of another processor ends the process.
    SeccompFilter::new(rules, SeccompAction::Allow, errno, arch).and_then(TryInto::try_into).map_err(failed)
}

/// On x86-64 a second table of system calls begins at this number, by which every rule above could be passed.
#[cfg(target_arch = "x86_64")]
fn second_table() -> Option<BpfProgram> {
    const FIRST: u32 = 0x4000_0000;
    let line = |code: u32, jt, jf, k| seccompiler::sock_filter {
        code: u16::try_from(code).unwrap_or(u16::MAX),
        jt,
        jf,
        k,
    };
    Some(vec![
        line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        line(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, FIRST),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
}
#[cfg(not(target_arch = "x86_64"))]
fn second_table() -> Option<BpfProgram> {
    None
}

/// Leaves every start of a program to whoever holds the descriptor.
pub(super) fn watch_programs() -> Result<OwnedFd, Failure> {
    let line =
        |code: u32, jt, k| libc::sock_filter { code: u16::try_from(code).unwrap_or(u16::MAX), jt, jf: 0, k };
    let number = |call: libc::c_long| u32::try_from(call).unwrap_or(u32::MAX);
    let is = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let mut lines = [
        line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        line(is, 2, number(libc::SYS_execve)),
        line(is, 1, number(libc::SYS_execveat)),
        line(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
        line(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_USER_NOTIF),
    ];
    sys::listen(&mut lines).map_err(|error| Failure::of(Mechanism::ProgramWatch, error))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::of(Mechanism::SystemCalls, error)
}

/// Loads them, for this process and all that it starts.
pub(super) fn apply(programs: &[BpfProgram]) -> Result<(), Failure> {
    if without(Mechanism::SystemCalls) {
        return Ok(());
    }
    programs.iter().try_for_each(|program| seccompiler::apply_filter(program).map_err(failed))
}
