//! Runs programs: own process group, own environment, a wall clock and limits on resources that end the whole
//! group, and a cap on what is collected. Without a sandbox a program that leaves its group escapes.

use super::container::out_of_memory;
use super::gate::Gate;
use super::growth::Growth;
use super::streams::{self, Stream, endless, watch};
use super::usage::{LOOK, Watched};
use super::{Ask, Effected, Egress, Stop, Streams, Terminal, failed, room, scope};
use crate::clock::monotonic;
use crate::engine::guarded;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use stayhand_core::decision::{Level, Resource};
use stayhand_core::event::Outcome;
use stayhand_sandbox::{
    self as sandbox, Control, ControlGroup, Failure, Handed, LAUNCHER, Mechanism, ProgramWatch, Receipt,
    Report, Spec,
};
use std::fs::File;
use std::io::{self, PipeReader, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A sandbox for a program.
#[derive(Debug)]
pub(super) struct Boundary<'a> {
    /// What becomes the launcher.
    pub(super) launcher: &'a Path,
    /// The boundary, without the program.
    pub(super) spec: Spec,
    /// The folder that it works in.
    pub(super) workspace: &'a str,
    /// Whether this process may be moved to a scope of systemd.
    pub(super) may_move: bool,
}

/// What a program may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) boundary: Option<&'a Boundary<'a>>,
    pub(super) environment: &'a [(String, String)],
    pub(super) time: Duration,
    pub(super) resources: &'a [(Resource, u64)],
    /// Where what it writes lands.
    pub(super) writes_to: &'a Path,
    pub(super) output_bytes: usize,
    pub(super) streams: Streams,
    pub(super) input: bool,
    pub(super) watch: Option<&'a dyn Ask>,
    pub(super) egress: Option<&'a dyn Egress>,
    pub(super) terminal: Option<&'a Terminal>,
    /// Whoever may stop it: the person at the terminal, the kill switch.
    pub(super) stops: [&'a Stop; 2],
}

impl Limits<'_> {
    fn remember(&self, group: Option<Pid>) {
        self.stops.iter().for_each(|stop| stop.remember(group));
    }

    fn asked_to_stop(&self) -> Option<Arc<str>> {
        self.stops.iter().find_map(|stop| stop.why())
    }
}

/// How long output is still read after a program has ended or was stopped.
const GRACE: Duration = Duration::from_millis(200);

/// The program for a command line: the shell that the analysis reads.
pub(super) fn shell(command: &str) -> [String; 5] {
    ["bash", "--noprofile", "--norc", "-c", command].map(str::to_owned)
}

/// Runs a program by its words.
pub(super) fn program(argv: &[String], cwd: &str, limits: &Limits<'_>) -> (Outcome, Effected) {
    let Some((name, args)) = argv.split_first() else { return failed("there is no program to run") };
    let is_limited = limits.resources.iter().any(|(resource, _)| *resource == Resource::DiskMb);
    let growth = is_limited.then(|| Growth::of(limits.writes_to));
    if let Some(boundary) = limits.boundary {
        return confined(argv, boundary, limits, growth);
    }
    match spawn(name, args, cwd, limits) {
        Ok(child) => see_to(child, name, limits, growth),
        Err(error) => failed(format!("cannot run `{name}`: {error}")),
    }
}

/// Runs a program in a sandbox.
fn confined(
    argv: &[String],
    boundary: &Boundary<'_>,
    limits: &Limits<'_>,
    growth: Option<Growth>,
) -> (Outcome, Effected) {
    let mut spec = Spec { argv: argv.to_vec(), ..boundary.spec.clone() };
    let gate = Gate::close(&mut spec, Path::new(boundary.workspace));
    let launched = with_group(&mut spec, boundary.may_move)
        .and_then(|group| launch(boundary.launcher, &spec).map(|launched| (launched, group)));
    let ((child, mut control), group) = match launched {
        Ok(launched) => launched,
        Err(failure) => {
            gate.open();
            return super::not_started(with_advice(&failure));
        }
    };
    let name = argv.first().map_or("", String::as_str);
    // A group keeps a program to its share of a processor. To end it as well for being about there would be too much.
    let is_kept = |resource: Resource| resource == Resource::CpuPercent && group.is_some();
    let watched: Vec<_> =
        limits.resources.iter().filter(|(resource, _)| !is_kept(*resource)).copied().collect();
    let limits = &Limits { resources: &watched, ..*limits };
    let (outcome, mut effected) = std::thread::scope(|scope| {
        let (over, _running) = match io::pipe() {
            Ok(pipe) => pipe,
            Err(error) => {
                end_group(&child);
                return failed(error.to_string());
            }
        };
        if let Some(overlay) = &spec.overlay
            && let Ok(over) = over.try_clone()
        {
            let [_, stop] = limits.stops;
            scope.spawn(move || room::watch(&overlay.changes, &over, stop));
        }
        if spec.watched || spec.terminal || spec.input || spec.proxy_port.is_some() {
            let (spec, control) = (&spec, &mut control);
            scope.spawn(move || take_part(scope, control, spec, limits, over));
        }
        see_to(child, name, limits, growth)
    });
    let reports = control.reports();
    for aside in gate.open() {
        effected.errors += &format!("stayhand: {aside}\n");
    }
    let outcome = match reports {
        Ok(reports) => reported(outcome, reports, &mut effected),
        Err(error) => Outcome::Failed { error: format!("the launcher's reports cannot be read: {error}") },
    };
    let peak_bytes = group.as_ref().and_then(ControlGroup::peak_bytes);
    if let (Some(ended), Some(bytes)) = (&mut effected.ended, peak_bytes) {
        ended.peak_kib = bytes >> 10;
    }
    let ran_out = group.as_ref().is_some_and(ControlGroup::ran_out_of_memory);
    match spec.limits.memory_bytes {
        Some(bytes) if ran_out => (Outcome::Stopped { limit: out_of_memory(bytes) }, effected),
        _ => (outcome, effected),
    }
}

/// Takes over what the launcher hands out: the questions about programs, and the way out.
fn take_part<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    control: &mut Control,
    spec: &Spec,
    limits: &'scope Limits<'_>,
    over: PipeReader,
) {
    let Ok(Handed { watch, proxied, terminal, input }) = control.handed(spec) else { return };
    if let (Some(input), Ok(over)) = (input, over.try_clone()) {
        // Whoever is gone takes no more.
        scope.spawn(move || streams::feed(&mut File::from(input), &over));
    }
    if let (Some(person), Some(program)) = (limits.terminal, terminal) {
        scope.spawn(move || person.relay(program));
    }
    if let (Some(egress), Some(inside)) = (limits.egress, proxied) {
        let [_, stop] = limits.stops;
        scope.spawn(move || {
            let _ = guarded(|| egress.serve(inside, over));
            // Where the program has ended before, nobody is there any more to stop.
            stop.now("the way out of the sandbox ended");
        });
    }
    if let (Some(asked), Some(watch)) = (limits.watch, watch) {
        answer(&watch, asked);
    }
}

/// How long to wait for the next program, before looking whether there can be one.
const NEXT_PROGRAM: Duration = Duration::from_secs(1);

/// Answers for every program that wants to start, until none can any more. If this ends early, none can either.
fn answer(watch: &ProgramWatch, asked: &dyn Ask) {
    loop {
        match watch.next(NEXT_PROGRAM) {
            // Namespaces are demanded of whatever is watched.
            Ok(Some(starting)) if asked.may_start(&starting, Level::L2) => starting.allow(),
            Ok(Some(starting)) => starting.refuse(),
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// Sees to a control group, if one is wanted and can be had; none, if that is enough.
fn with_group(spec: &mut Spec, may_move: bool) -> Result<Option<ControlGroup>, Failure> {
    if spec.most < Level::L3 {
        return Ok(None);
    }
    match group(&spec.limits, may_move) {
        Ok(group) => {
            spec.entrances = group.entrances();
            Ok(Some(group))
        }
        Err(failure) if spec.least == Level::L3 => Err(failure),
        Err(failure) => {
            spec.most = Level::L2;
            spec.without.push(failure);
            Ok(None)
        }
    }
}

/// A control group: below the one that this process is in, or, if that cannot be, below a scope of its own.
fn group(limits: &sandbox::Limits, may_move: bool) -> Result<ControlGroup, Failure> {
    ControlGroup::new(limits).or_else(|failure| {
        if !may_move {
            return Err(failure);
        }
        match scope::enter() {
            Ok(()) => ControlGroup::new(limits),
            Err(why) => Err(Failure { why: format!("{}; {why}", failure.why), ..failure }),
        }
    })
}

/// Starts the launcher and tells it what to do.
fn launch(launcher: &Path, spec: &Spec) -> Result<(Child, Control), Failure> {
    let (control, theirs) = Control::pair().map_err(Failure::other)?;
    let mut command = command(&launcher.to_string_lossy(), &[LAUNCHER.to_owned()]);
    let command = command.env_clear().stdin(theirs).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Failure::other(format!("the launcher: {error}")))?;
    if let Err(error) = control.tell(spec) {
        end_group(&child);
        let _ = child.wait();
        return Err(Failure::other(format!("the launcher: {error}")));
    }
    Ok((child, control))
}

/// How a confined program ended, by what the launcher said and how that ended itself.
fn reported(seen: Outcome, reports: Vec<Report>, effected: &mut Effected) -> Outcome {
    let mut outcome = seen;
    for report in reports {
        outcome = match (report, outcome) {
            (Report::InForce(receipt), outcome) => {
                effected.boundary = Some(receipt);
                outcome
            }
            (Report::Failed(failure), _) if effected.boundary.is_none() => {
                effected.unlaid = Some(failure.clone()).filter(|it| it.mechanism == Some(Mechanism::Overlay));
                Outcome::Abandoned { why: super::unfulfilled(with_advice(&failure)) }
            }
            (Report::Failed(failure), _) => Outcome::Failed { error: failure.to_string() },
            // Only where the launcher came to its own end is the program's what counts.
            (Report::Ended(ended), outcome) => {
                effected.ended = Some(ended);
                match (outcome, ended.code, ended.signal) {
                    (Outcome::Exit { .. }, Some(code), _) => Outcome::Exit { code },
                    (Outcome::Exit { .. }, None, Some(number)) => Outcome::Signal { number },
                    (outcome, ..) => outcome,
                }
            }
        };
    }
    if effected.boundary.is_none() && matches!(outcome, Outcome::Exit { .. } | Outcome::Signal { .. }) {
        return Outcome::Abandoned { why: super::unfulfilled("the launcher said nothing") };
    }
    outcome
}

/// What is missing, and what to do about it.
fn with_advice(failure: &Failure) -> String {
    match failure.advice() {
        "" => failure.to_string(),
        advice => format!("{failure} ({advice})"),
    }
}

/// Tries the levels out, the strongest first.
pub(super) fn ladder(launcher: &Path, may_move: bool) -> Vec<(Level, Result<Receipt, Failure>)> {
    [Level::L3, Level::L2, Level::L1].map(|level| (level, rung(launcher, level, may_move))).into()
}

fn rung(launcher: &Path, level: Level, may_move: bool) -> Result<Receipt, Failure> {
    let mut spec = super::confine::probe(level);
    let _group = with_group(&mut spec, may_move)?;
    let (mut child, control) = launch(launcher, &spec)?;
    let _ = child.wait();
    let mut receipt = None;
    for report in control.reports().map_err(Failure::other)? {
        match report {
            Report::InForce(found) => receipt = Some(found),
            Report::Failed(failure) => return Err(failure),
            Report::Ended(_) => {}
        }
    }
    receipt.ok_or_else(|| Failure::other("the launcher said nothing"))
}

/// Collects what a program says until it ends or has to.
fn see_to(mut child: Child, name: &str, limits: &Limits<'_>, growth: Option<Growth>) -> (Outcome, Effected) {
    let streams = child.stdout.take().zip(child.stderr.take());
    let Some((stdout, stderr)) = streams else { return failed("the program has no output streams") };
    limits.remember(pid(&child).ok());
    if limits.asked_to_stop().is_some() {
        end_group(&child);
    }
    match attend(&mut child, (stdout, stderr), limits, growth) {
        Ok((outcome, effected)) => (outcome, effected),
        Err(error) => {
            end_group(&child);
            limits.remember(None);
            let _ = child.wait();
            failed(format!("lost sight of `{name}`: {error}"))
        }
    }
}

/// The first descriptor behind the standard streams.
const FIRST_OTHER: i32 = 3;

/// A program in a group of its own.
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
fn command(name: &str, args: &[String]) -> Command {
    // What whoever started us left open is not for the program, be it a file or a socket.
    close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER, &[]);
    let mut command = Command::new(name);
    command.args(args).process_group(0);
    command
}

/// Starts a program that a trusted policy names, which is told something on its standard input and answers nothing.
/// It carries out no action, and so it needs no permit.
pub(crate) fn start_notifier(name: &str, args: &[String]) -> io::Result<Child> {
    command(name, args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// What a program of the system answers that Stayhand asks for itself. It carries out no action either.
pub(super) fn ask(name: &str, args: &[String]) -> io::Result<Output> {
    command(name, args).stdin(Stdio::null()).output()
}

fn spawn(name: &str, args: &[String], cwd: &str, limits: &Limits<'_>) -> io::Result<Child> {
    command(name, args)
        .current_dir(cwd)
        .env_clear()
        .envs(limits.environment.iter().map(|(key, value)| (key, value)))
        .stdin(if limits.input { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Collects output until the program ends or its time is up, then ends its group.
fn attend(
    child: &mut Child,
    (stdout, stderr): (ChildStdout, ChildStderr),
    limits: &Limits<'_>,
    growth: Option<Growth>,
) -> io::Result<(Outcome, Effected)> {
    let process = pidfd_open(pid(child)?, PidfdFlags::empty())?;
    // What passes on goes through our hands all the same: a terminal is nothing for a program to read from.
    let onwards = |to: Box<dyn Write>| (limits.streams == Streams::PassOn).then_some(to);
    let mut out = Stream::new(stdout, limits.output_bytes, onwards(Box::new(io::stdout())))?;
    let mut err = Stream::new(stderr, limits.output_bytes, onwards(Box::new(io::stderr())))?;
    let deadline = monotonic() + limits.time;
    let mut used = Watched::new(pid(child)?, limits.resources, growth, monotonic());
    let (ended, exceeded) = loop {
        let now = monotonic();
        if let Some(exceeded) = used.as_mut().map(|used| used.exceeded(now)).transpose()?.flatten() {
            break (false, Some(exceeded));
        }
        let until = if used.is_some() { deadline.min(now + LOOK) } else { deadline };
        if watch(Some(&process), &mut out, &mut err, until)? {
            break (true, None);
        }
        if out.is_endless() || err.is_endless() {
            break (false, Some(endless()));
        }
        if monotonic() >= deadline {
            break (false, None);
        }
    };
    // Whatever is left of the group goes with its leader.
    end_group(child);
    limits.remember(None);
    let status = child.wait()?;
    watch(None, &mut out, &mut err, monotonic() + GRACE)?;
    let outcome = if let Some(why) = limits.asked_to_stop() {
        Outcome::Stopped { limit: why.to_string() }
    } else if let Some(limit) = exceeded {
        Outcome::Stopped { limit }
    } else if ended {
        outcome_of(status)
    } else {
        Outcome::Stopped { limit: format!("{} ms of wall-clock time", limits.time.as_millis()) }
    };
    // Of what was passed on there is nothing to tell.
    let effected = match limits.streams {
        Streams::Collect => Effected::collect(&out.finish(), &err.finish()),
        Streams::PassOn => Effected::default(),
    };
    Ok((outcome, effected))
}

fn outcome_of(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exit { code },
        (None, Some(number)) => Outcome::Signal { number },
        (None, None) => Outcome::Failed { error: "the program ended in an unknown way".to_owned() },
    }
}

fn pid(child: &Child) -> io::Result<Pid> {
    let raw = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    raw.ok_or_else(|| io::Error::other("the program has no process id"))
}

pub(crate) fn end_group(child: &Child) {
    if let Ok(pid) = pid(child) {
        // The group may have ended by itself.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}
