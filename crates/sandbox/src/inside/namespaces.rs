//! L2 and L3: one process more, the first of its own namespaces, builds the root folder, gives up all rights and starts the
//! program. When it ends, everything inside does.

use super::channel::Channel;
use super::mounts::{self, Mounted};
use super::owners::{self, Ids};
use super::weaken::{self, without};
use super::{filter, landlocked, limits, program, seen};
use crate::receipt::{Ended, Failure, Mechanism, Receipt, Report};
use crate::spec::Spec;
use crate::sys;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use seccompiler::BpfProgram;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

/// The namespaces: how they are asked for, what they are called in `/proc/self/ns`, and what they make up.
pub(super) const NAMESPACES: &[(libc::c_int, &str, Mechanism)] = &[
    (libc::CLONE_NEWUSER, "user", Mechanism::UserNamespace),
    (libc::CLONE_NEWNS, "mnt", Mechanism::PrivateRoot),
    (libc::CLONE_NEWPID, "pid", Mechanism::PidNamespace),
    (libc::CLONE_NEWNET, "net", Mechanism::NetNamespace),
    (libc::CLONE_NEWIPC, "ipc", Mechanism::IpcNamespace),
    (libc::CLONE_NEWUTS, "uts", Mechanism::UtsNamespace),
    (libc::CLONE_NEWCGROUP, "cgroup", Mechanism::CgroupNamespace),
];

fn namespaces() -> libc::c_int {
    NAMESPACES.iter().filter(|(_, _, part)| !without(*part)).fold(0, |all, (flag, ..)| all | flag)
}

/// What is made ready before there are namespaces.
struct Ready {
    ids: Ids,
    filters: Vec<BpfProgram>,
    /// What may be changed, with root's files shown as the program's own, where it cannot be bound as it is.
    mapped: Option<Vec<Mounted>>,
}

/// Builds the boundary, runs the program, and waits for its end. An error: nothing was run.
pub(super) fn confine(spec: &Spec, channel: &Channel) -> Result<(), Failure> {
    if weaken::refused() {
        return Err(Failure::of(Mechanism::UserNamespace, "refused for a test"));
    }
    let ids = owners::ids(spec)?;
    let filters = filter::compile(filter::Sockets::OwnNetwork, spec.known_calls_only)?;
    let mapped = mounts::mapped(spec, ids)?;
    if let Some(overlay) = spec.laid_over() {
        mounts::give_aside(overlay, ids.outside)?;
    }
    let ready = Ready { ids, filters, mapped };
    let (go, tell) = pipe_with(PipeFlags::CLOEXEC).map_err(Failure::other)?;
    let (hear, failed) = pipe_with(PipeFlags::CLOEXEC).map_err(Failure::other)?;
    let first = sys::clone(namespaces()).map_err(|error| Failure::of(Mechanism::UserNamespace, error))?;
    let Some(first) = first else {
        drop((tell, hear));
        std::process::exit(inside(spec, channel, &ready, &go, failed));
    };
    drop((go, failed));
    let line = |inside: u32, outside: u32| format!("{inside} {outside} 1\n");
    let Ids { outside, inside } = ids;
    let mapped = owners::map(first, &line(inside.0, outside.0), &line(inside.1, outside.1));
    if let Err(error) = mapped.and_then(|()| File::from(tell).write_all(b"!")) {
        end(first);
        return Err(Failure::of(Mechanism::UserNamespace, error));
    }
    let done = said(hear, Mechanism::PrivateRoot);
    if done.is_err() {
        let _ = kill_process(first, Signal::KILL);
    }
    let _ = sys::wait();
    done
}

/// What is said where all went well. It and everything else that is said is one line.
const IN_PLACE: &[u8] = b"+\n";

/// What the first process inside says of the boundary. `silent`: what failed if it says nothing.
pub(super) fn said(hear: OwnedFd, silent: Mechanism) -> Result<(), Failure> {
    let mut line = Vec::new();
    match BufReader::new(File::from(hear)).read_until(b'\n', &mut line) {
        Ok(_) if line == IN_PLACE => Ok(()),
        Ok(0) => Err(Failure::of(silent, "the first process inside has ended")),
        Ok(_) => Err(serde_json::from_slice(&line).unwrap_or_else(Failure::other)),
        Err(error) => Err(Failure::other(error)),
    }
}

fn end(process: Pid) {
    let _ = kill_process(process, Signal::KILL);
    let _ = sys::wait();
}

/// The first process inside. The answer is its exit code.
fn inside(spec: &Spec, channel: &Channel, ready: &Ready, go: &OwnedFd, failed: OwnedFd) -> i32 {
    // Whoever started us ended before we had an identity.
    if !matches!(rustix::io::read(go, &mut [0; 1]), Ok(1)) {
        return 1;
    }
    run_within(spec, channel, boundary(spec, channel, ready), failed)
}

/// Announces the boundary, if it is complete, and runs the program. The answer is the exit code of this process.
pub(super) fn run_within(
    spec: &Spec,
    channel: &Channel,
    built: Result<Built, Failure>,
    heard: OwnedFd,
) -> i32 {
    let mut heard = File::from(heard);
    match built.and_then(|built| announce(spec, channel, built)) {
        Ok(ends) => {
            // The program starts in any case: whoever hears it has nothing more to do.
            let _ = heard.write_all(IN_PLACE);
            drop(heard);
            run(spec, channel, ends)
        }
        Err(why) => {
            let text = serde_json::to_vec(&why).unwrap_or_else(|_| b"?".to_vec());
            let _ = heard.write_all(&text);
            1
        }
    }
}

/// The program's end of its terminal, and that of its standard input, where it has them.
struct Ends {
    terminal: Option<OwnedFd>,
    input: Option<OwnedFd>,
}

/// Says that all is in place, and hands over what there is to watch: the starts of programs, the way out, the terminal.
fn announce(spec: &Spec, channel: &Channel, (mut receipt, way_out): Built) -> Result<Ends, Failure> {
    let watch = spec.watched.then(filter::watch_programs).transpose()?;
    receipt.mechanisms.extend(watch.as_ref().map(|_| Mechanism::ProgramWatch));
    receipt.mechanisms.extend(way_out.as_ref().map(|_| Mechanism::Egress));
    let terminal = spec.terminal.then(own_terminal).transpose();
    let terminal = terminal.map_err(|error| Failure::other(format!("a terminal: {error}")))?;
    let (others, terminal) = terminal.unzip();
    let watched = watch.into_iter().chain(way_out).chain(others).collect();
    let input = super::hand_over(spec, channel, receipt, watched)?;
    Ok(Ends { terminal, input })
}

/// A terminal of the program's own folder of terminals: the end of whoever watches, and the program's.
fn own_terminal() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let other = openpt(flags)?;
    unlockpt(&other)?;
    let own = ioctl_tiocgptpeer(&other, flags)?;
    Ok((other, own))
}

/// Makes this the terminal of the process, which leads a session of its own, and that its standard input.
fn take_up(ends: &Ends) -> rustix::io::Result<()> {
    if let Some(terminal) = &ends.terminal {
        rustix::process::ioctl_tiocsctty(terminal)?;
        rustix::stdio::dup2_stdin(terminal)?;
        rustix::stdio::dup2_stdout(terminal)?;
        rustix::stdio::dup2_stderr(terminal)?;
    }
    ends.input.as_ref().map_or(Ok(()), rustix::stdio::dup2_stdin)
}

/// A boundary that is complete, and the socket that is the way out of its network, where there is one.
pub(super) type Built = (Receipt, Option<OwnedFd>);

fn boundary(spec: &Spec, channel: &Channel, ready: &Ready) -> Result<Built, Failure> {
    name_host()?;
    // Opened as whom Stayhand runs as: the program may use the folder, not walk to it.
    let sources = mounts::sources(spec, ready.mapped.as_deref())?;
    owners::become_user(ready.ids.inside).map_err(|error| Failure::of(Mechanism::NotRoot, error))?;
    // Forgotten with the change of user.
    super::end_with_parent(channel)?;
    mounts::build(spec, &sources, ready.ids.inside)?;
    if !without(Mechanism::NetNamespace) {
        loopback().map_err(|error| Failure::of(Mechanism::NetNamespace, error))?;
    }
    let (mut receipt, way_out) = shut(spec, &ready.filters)?;
    receipt.mechanisms.extend(ready.mapped.is_some().then_some(Mechanism::MappedOwner));
    Ok((receipt, way_out))
}

/// Gives the host a name of its own. It is the first step that takes a right: some systems let anybody make namespaces and give
/// no rights within them (Ubuntu since 24.04), and that counts as a refusal of namespaces.
fn name_host() -> Result<(), Failure> {
    rustix::system::sethostname(b"stayhand").map_err(|error| match error {
        rustix::io::Errno::PERM if !without(Mechanism::UtsNamespace) => {
            Failure::of(Mechanism::UserNamespace, "it gives no rights within")
        }
        error => Failure::of(Mechanism::UtsNamespace, error),
    })
}

/// Within namespaces and a root folder of its own: gives up everything that is not the program's, and sees to it that it is so.
pub(super) fn shut(spec: &Spec, filters: &[BpfProgram]) -> Result<Built, Failure> {
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(OwnedFd::from);
    let way_out = spec.proxy_port.map(listen).transpose();
    let way_out = way_out.map_err(|error| Failure::of(Mechanism::Egress, error))?;
    let nothing_new = |error| Failure::of(Mechanism::NoNewPrivileges, error);
    rustix::thread::set_no_new_privs(true).map_err(nothing_new)?;
    let own_status = seen::own_status()?;
    let mut mechanisms = landlocked::restrict_in_own_root(spec)?;
    limits::drop_capabilities()?;
    // Nobody inside may look into this process, which holds the connection to outside.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Failure::other)?;
    filter::apply(filters)?;
    mechanisms.extend(seen::proven(own_status, filters.len())?);
    mechanisms.extend(NAMESPACES.iter().map(|(_, _, part)| *part));
    mechanisms.extend([Mechanism::ResourceLimits, Mechanism::EndsWithParent]);
    mechanisms.extend(spec.known_calls_only.then_some(Mechanism::KnownCalls));
    mechanisms.extend(spec.overlay.as_ref().map(|_| Mechanism::Overlay));
    mechanisms.extend((spec.most == stayhand_core::decision::Level::L3).then_some(Mechanism::ControlGroup));
    Ok((Receipt { level: spec.most, mechanisms, without: spec.without.clone() }, way_out))
}

/// Starts the program and takes in everything that ends, until the program does.
fn run(spec: &Spec, channel: &Channel, ends: Ends) -> i32 {
    let program = match sys::clone(0) {
        Err(error) => {
            channel.say(&Report::Failed(Failure::other(error)));
            return 1;
        }
        Ok(None) => {
            // Away from any terminal.
            let _ = rustix::process::setsid();
            if let Err(error) = take_up(&ends) {
                channel
                    .say(&Report::Failed(Failure::other(format!("a terminal or standard input: {error}"))));
                std::process::exit(1);
            }
            // Whoever watches programs has to read what this one is to be.
            let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable);
            channel.say(&Report::Failed(program::start(spec)));
            std::process::exit(1);
        }
        Ok(Some(program)) => program,
    };
    // Whoever watches sees its end when the last program has let go of it.
    drop(ends);
    let (mut peak_kib, mut cpu_us) = (0, 0);
    loop {
        let Ok(waited) = sys::wait() else { return 1 };
        peak_kib = peak_kib.max(waited.peak_kib);
        cpu_us += waited.cpu_us;
        if waited.id == program.as_raw_nonzero().get() {
            let code = libc::WIFEXITED(waited.status).then(|| libc::WEXITSTATUS(waited.status));
            let signal = libc::WIFSIGNALED(waited.status).then(|| libc::WTERMSIG(waited.status));
            channel.say(&Report::Ended(Ended { code, signal, peak_kib, cpu_us }));
            return 0;
        }
    }
}

/// Switches the only interface on: the one that leads back.
fn loopback() -> rustix::io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ANSWER: u16 = 1 | 4;
    const LOOPBACK: i32 = 1;
    const UP: u32 = 1;
    // A header of 16 bytes (length, kind, flags, number, sender), and the interface: family, kind, index, flags, which of them.
    let mut message = Vec::with_capacity(32);
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ANSWER.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    // Protocol 0 is the one about interfaces.
    let kernel =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    rustix::net::send(&kernel, &message, rustix::net::SendFlags::empty())?;
    let mut answer = [0_u8; 64];
    rustix::net::recv(&kernel, &mut answer, RecvFlags::empty())?;
    // Behind the header: zero, or an error below it.
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        Some(error) => Err(rustix::io::Errno::from_raw_os_error(-error)),
        None => Err(rustix::io::Errno::IO),
    }
}
