//! The launcher: a process with one thread that builds the boundary around itself and then starts the program.

mod bubblewrap;
mod channel;
mod filter;
mod known;
mod landlocked;
mod limits;
mod mounts;
mod namespaces;
mod owners;
mod program;
mod prove;
mod seen;
mod weaken;

use crate::LAUNCHER;
use crate::control_group;
use crate::receipt::{Failure, Mechanism, Receipt, Report};
use crate::spec::Spec;
use channel::Channel;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::set_no_new_privs;
use stayhand_core::decision::Level;
use std::os::fd::OwnedFd;

/// If this process was started to be the launcher it becomes that, and this does not return. To be called before all
/// else: the launcher has one thread, and nothing open.
pub fn become_launcher() {
    match std::env::args_os().nth(1) {
        Some(word) if word == LAUNCHER => std::process::exit(run()),
        Some(word) if word == bubblewrap::INSIDE => std::process::exit(bubblewrap::inside()),
        _ => {}
    }
}

/// Exit code of a launcher that started nothing.
const NOT_STARTED: i32 = 125;

fn run() -> i32 {
    weaken::mask();
    let Ok(channel) = Channel::take() else { return NOT_STARTED };
    match channel.spec().and_then(|spec| confine(&spec, &channel)) {
        Ok(()) => 0,
        Err(failure) => {
            channel.say(&Report::Failed(failure));
            NOT_STARTED
        }
    }
}

/// Starts the program at the highest level that can be had.
fn confine(spec: &Spec, channel: &Channel) -> Result<(), Failure> {
    if let Some(error) = spec.error() {
        return Err(Failure::other(error));
    }
    end_with_parent(channel)?;
    // Whoever made the group counts on its limits: one that cannot be entered is no reason for a lower level.
    control_group::enter(&spec.entrances)?;
    let mut without = spec.without.clone();
    if spec.most >= Level::L2 {
        match in_namespaces(spec, channel) {
            Err(failure) if failure.mechanism.is_some() && spec.least < Level::L2 => without.push(failure),
            done => return done,
        }
    }
    if spec.least > Level::L1 {
        return Err(Failure::other(format!("{} is not a level that can be had", spec.most)));
    }
    if spec.proxy_port.is_some() {
        // Landlock names ports, and no addresses: whoever may connect to the proxy could connect to anybody.
        without.push(Failure::of(Mechanism::Egress, "there is none without a network of its own"));
    }
    // In a group or not, its limits on each process are those of this level.
    landlock_alone(&Spec { most: Level::L1, without, ..spec.clone() }, channel)
}

/// L2 or L3, by namespaces of our own or, where those are refused, by bubblewrap's.
fn in_namespaces(spec: &Spec, channel: &Channel) -> Result<(), Failure> {
    match namespaces::confine(spec, channel) {
        Err(failure) if failure.mechanism == Some(Mechanism::UserNamespace) && bubblewrap::is_there() => {
            let mut spec = spec.clone();
            spec.without.push(failure.clone());
            // Of two refusals the first is the one that advice is for.
            bubblewrap::confine(&spec, channel).map_err(|other| {
                let is_ours = other.mechanism == Some(Mechanism::Bubblewrap);
                if is_ours { Failure { why: format!("{}; {other}", failure.why), ..failure } } else { other }
            })
        }
        done => done,
    }
}

/// From now on this process ends when its parent does, whenever that is.
fn end_with_parent(channel: &Channel) -> Result<(), Failure> {
    if weaken::without(Mechanism::EndsWithParent) {
        return Ok(());
    }
    let failed = |error| Failure::of(Mechanism::EndsWithParent, error);
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    if channel.is_alone() {
        Err(Failure::of(Mechanism::EndsWithParent, "the parent is gone"))
    } else {
        Ok(())
    }
}

/// L1: no namespaces. What may be touched is kept by Landlock and the filter alone.
fn landlock_alone(spec: &Spec, channel: &Channel) -> Result<(), Failure> {
    // Landlock grants folders with all below; it takes nothing out of them.
    if let Some(path) = spec.hide.iter().chain(&spec.keep).find(|path| path.symlink_metadata().is_ok()) {
        let why = format!("{} cannot be kept without a root folder of its own", path.display());
        return Err(Failure::of(Mechanism::PrivateRoot, why));
    }
    if let Some(overlay) = &spec.overlay {
        let why = format!("{} cannot be laid over without a root folder of its own", overlay.path.display());
        return Err(Failure::of(Mechanism::Overlay, why));
    }
    if spec.terminal {
        return Err(Failure::of(
            Mechanism::PrivateRoot,
            "a terminal of its own needs a root folder of its own",
        ));
    }
    if spec.watched {
        return Err(Failure::of(Mechanism::ProgramWatch, "programs are watched with namespaces only"));
    }
    let filters = filter::compile(filter::Sockets::None, spec.known_calls_only)?;
    if rustix::process::getuid().is_root() {
        owners::leave_root(spec)?;
        end_with_parent(channel)?;
    }
    set_no_new_privs(true).map_err(|error| Failure::of(Mechanism::NoNewPrivileges, error))?;
    let own_status = seen::own_status()?;
    let mut mechanisms = landlocked::restrict_by_path(spec)?;
    limits::drop_capabilities()?;
    filter::apply(&filters)?;
    mechanisms.extend(seen::proven(own_status, filters.len())?);
    mechanisms.extend([Mechanism::EndsWithParent, Mechanism::ResourceLimits]);
    mechanisms.extend(spec.known_calls_only.then_some(Mechanism::KnownCalls));
    let receipt = Receipt { level: Level::L1, mechanisms, without: spec.without.clone() };
    let input = hand_over(spec, channel, receipt, Vec::new())?;
    if let Some(Err(error)) = input.map(rustix::stdio::dup2_stdin) {
        return Err(Failure::other(format!("the standard input: {error}")));
    }
    Err(program::start(spec))
}

/// Says that all is in place, and hands over what there is to watch, with the other end of the program's standard input.
/// Nothing starts before somebody has them, and nobody inside does. The answer: the program's end.
fn hand_over(
    spec: &Spec,
    channel: &Channel,
    receipt: Receipt,
    watched: Vec<OwnedFd>,
) -> Result<Option<OwnedFd>, Failure> {
    let input = spec.input.then(|| pipe_with(PipeFlags::CLOEXEC)).transpose();
    let (own, other) = input.map_err(|error| Failure::other(format!("a standard input: {error}")))?.unzip();
    // At the lowest level there is nothing else, whatever was asked for.
    let all: Vec<OwnedFd> = other.into_iter().chain(watched).collect();
    if all.is_empty() {
        channel.say(&Report::InForce(receipt));
    } else {
        channel.say_with(&Report::InForce(receipt), &all).map_err(Failure::other)?;
    }
    Ok(own)
}
