//! `stayhand run`: a whole program, an agent say, in a sandbox. Every program that it starts is decided about.

mod attend;
mod changes;
mod gatekeeper;
mod spent;

use super::exec::{NOT_RUN, exit_of, permitted, with_input};
use super::people::{self, People};
use crate::args::{Global, Net, Run, Status};
use crate::home::Interrupts;
use crate::{Exit, home, show};
use anstream::{eprint, eprintln};
use attend::Attends;
use gatekeeper::Gatekeeper;
use serde_json::json;
use stayhand_core::decision::{Layer, Level, Obligation};
use stayhand_core::event::Outcome;
use stayhand_core::policy::profiles;
use stayhand_runtime::changes::{Changes, Files};
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::review::Reviews;
use stayhand_runtime::wire::{self, WireAction};
use stayhand_runtime::{
    Attendant, Clock, Engine, Executed, Local, LocalSettings, StatusPlace, Streams, Terminal,
};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The session of a run that was given none: everything that it does belongs together.
fn session() -> String {
    format!("run-{}-{}", Clock::System.now().0 / 1_000_000, std::process::id())
}

fn with_profiles(mut files: PolicyFiles, names: &[String]) -> anyhow::Result<PolicyFiles> {
    for name in names {
        let text = profiles::text(name).ok_or_else(|| {
            let known: Vec<_> = profiles::PROFILES.iter().map(|(name, _)| *name).collect();
            home::usage(format!("there is no profile called `{name}`; there are: {}", known.join(", ")))
        })?;
        files = files.text(Layer::BuiltIn, &format!("profile:{name}"), text);
    }
    Ok(files)
}

pub(super) fn run(global: &Global, run: &Run) -> anyhow::Result<Exit> {
    let files = with_profiles(super::files(&run.asking)?, &run.profiles)?;
    let files = spent::with_budget(files, run.budget.as_deref())?;
    let engine = Arc::new(super::engine(global, files)?);
    let mut defaults = home::defaults(&run.asking)?;
    if run.asking.session == crate::args::DEFAULT_SESSION {
        defaults.session = session();
    }
    let ask = || {
        let action = WireAction::new("exec", json!({ "argv": run.command }));
        let action = with_input(action, home::has_input());
        wire::to_request(action, &defaults).map_err(|error| home::usage(error.to_string()))
    };
    let terminal = if global.json { None } else { Terminal::of_this_process(status_place(run.status)) };
    let people = Arc::new(People::new(&engine, run.wait, terminal.clone()));
    let Some(permit) = permitted(global, &engine, &people, ask)? else { return Ok(NOT_RUN) };
    let workspace = PathBuf::from(&defaults.workspace);
    let reviews = Reviews::of(&home::state(global.home.as_deref())?);
    let kept = run.review.then(|| reviews.begin(&defaults.session, &defaults.workspace)).transpose();
    let mut kept = kept.map_err(|error| match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::AlreadyExists => home::usage(error.to_string()),
        _ => error.into(),
    })?;
    let before = if run.review { None } else { Files::of(&workspace) };
    let mut duties = permit.obligations().to_vec();
    duties.extend(run.review.then_some(Obligation::RestorePoint));
    let gatekeeper = Arc::new(Gatekeeper::new(&engine, &defaults, &duties, &people));
    let let_out = || people::egress(&engine, &defaults, permit.obligations(), Arc::clone(&people));
    let egress = (run.net == Net::Policy).then(let_out).transpose()?;
    let settings = LocalSettings {
        least: Level::L2,
        limit: Duration::try_from_secs_f64(run.time)
            .map_err(|error| home::usage(format!("--time: {error}")))?,
        streams: Streams::PassOn,
        input: true,
        terminal: terminal.clone(),
        reviews: Some(reviews),
        aside: kept.as_ref().map(|kept| kept.aside().to_owned()),
        watch: Some(Arc::<Gatekeeper>::clone(&gatekeeper)),
        egress: egress.clone().map(|egress| -> Arc<dyn stayhand_runtime::Egress> { egress }),
        ..home::local_settings(engine.policy().sandbox())
    };
    let stop = settings.stop.clone();
    let attends = Arc::new(Attends {
        engine: Arc::clone(&engine),
        session: defaults.session.clone(),
        people: Arc::clone(&people),
        gatekeeper: Arc::clone(&gatekeeper),
        egress: egress.clone(),
        stop: stop.clone(),
        running: Clock::System.start(),
        asks: AtomicBool::new(false),
    });
    if let Some(terminal) = terminal {
        let attendant: Arc<dyn Attendant> = Arc::<Attends>::clone(&attends);
        terminal.attended_by(Arc::downgrade(&attendant));
    }
    let interrupts = interrupts(&attends)?;
    let done = engine.execute(permit, &Local::new(settings))?;
    interrupts.wait();
    if let Some(kept) = &mut kept {
        kept.ended()?;
    }
    eprint!("{}", done.effected.errors);
    let changes = before.zip(Files::of(&workspace)).map(|(before, after)| Changes::between(&before, &after));
    let summary = Summary {
        engine: &engine,
        session: &defaults.session,
        done: &done,
        programs: gatekeeper.seen(),
        reviewed: run.review,
        network: egress.map(|egress| egress.seen()),
    };
    summary.show(global, changes.as_ref(), &workspace)?;
    if let Some(kept) = &kept {
        super::changes::after(global, kept)?;
    }
    Ok(if stop.is_asked() { Exit::Program(home::INTERRUPTED) } else { exit_of(&done.outcome) })
}

/// Where it is said how the run stands, if the terminal can show it.
fn status_place(status: Status) -> StatusPlace {
    match status {
        _ if !home::has_able_terminal() => StatusPlace::Nowhere,
        Status::Line => StatusPlace::Line,
        Status::Title => StatusPlace::Title,
        Status::None => StatusPlace::Nowhere,
    }
}

/// Ctrl-C pauses where a person can be asked, and ends the program the second time. Whatever else ends this program ends it
/// at once.
fn interrupts(attends: &Arc<Attends>) -> anyhow::Result<Interrupts> {
    // What is attended to ends with the run, and its way out and its log with it.
    let attends = Arc::downgrade(attends);
    Interrupts::handled_by(move |signal| {
        let running = attends.upgrade().filter(|attends| attends.stop.runs());
        match running {
            Some(attends) if signal.is_interrupt() && People::are_here() => {
                std::thread::spawn(move || attends.call());
            }
            Some(attends) if attends.stop.now("an interrupt") => {}
            _ => std::process::exit(home::INTERRUPTED.into()),
        }
    })
}

/// What a run came to.
struct Summary<'a> {
    engine: &'a Engine,
    session: &'a str,
    done: &'a Executed,
    programs: gatekeeper::Seen,
    /// What changed is kept aside.
    reviewed: bool,
    /// `None`: there was no way out.
    network: Option<stayhand_gateway::Seen>,
}

impl Summary<'_> {
    fn show(&self, global: &Global, changes: Option<&Changes>, workspace: &Path) -> anyhow::Result<()> {
        let checkpoint = self.engine.reader()?.checkpoint()?;
        let mut lines = checkpoint.lines().skip(1);
        let (records, root) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let seen = &self.programs;
        let spent = spent::in_all(self.engine, self.session)?;
        if global.json {
            let summary = json!({
                "session": self.session, "decision": self.done.decision, "outcome": self.done.outcome,
                "duration_ms": self.done.duration.as_millis(), "confined": self.done.confined,
                "boundary": self.done.effected.boundary, "started": seen.started, "refused": seen.refused,
                "network": self.network, "spent_nanousd": spent,
                "changes": changes, "records": records, "root": root,
            });
            eprintln!("{summary}");
            return Ok(());
        }
        let head = |text: &str| show::styled(show::DIM, format!("{text:<10}"));
        let seconds = self.done.duration.as_secs_f64();
        eprintln!(
            "\n{} {}, {seconds:.1} s, session {}",
            head("run"),
            ended(&self.done.outcome),
            self.session
        );
        match &self.done.effected.boundary {
            Some(receipt) => {
                eprintln!("{} {}, {} mechanisms", head("confined"), receipt.level, receipt.mechanisms.len());
                for failure in &receipt.without {
                    eprintln!("{} without {failure}", head(""));
                }
            }
            None => eprintln!("{} nothing ran", head("confined")),
        }
        let total: u64 = seen.started.values().sum();
        let names: Vec<String> = seen.started.iter().map(|(name, count)| format!("{name} {count}")).collect();
        eprintln!("{} {total} started: {}", head("programs"), show::line(&names.join(", "), 90));
        for (what, why) in &seen.refused {
            eprintln!("{} {}  {}", head("refused"), show::line(what, 50), show::line(why, 70));
        }
        match &self.network {
            Some(network) => contacted(network, &head),
            None => eprintln!("{} no way out", head("network")),
        }
        match changes {
            Some(changes) => changes::show(changes, &head("files")),
            None if self.reviewed => {}
            None => eprintln!("{} too many in {} to compare", head("files"), workspace.display()),
        }
        match spent::of_budget(self.engine, self.session) {
            Some(spent) => eprintln!("{} {spent}", head("cost")),
            None => eprintln!("{} ${} spent", head("cost"), spent.dollars()),
        }
        eprintln!("{} {records} records, root {root}", head("audit"));
        Ok(())
    }
}

fn contacted(network: &stayhand_gateway::Seen, head: &dyn Fn(&str) -> String) {
    let of = |(host, used): (&String, &stayhand_gateway::Contacted)| {
        format!("{host} {} x, {} bytes out, {} in", used.connections, used.sent, used.received)
    };
    let hosts: Vec<String> = network.contacted.iter().map(of).collect();
    eprintln!("{} {} hosts contacted", head("network"), hosts.len());
    for host in &hosts {
        eprintln!("{} {host}", head(""));
    }
    for (what, why) in &network.refused {
        eprintln!("{} {}  {}", head("refused"), show::line(what, 50), show::line(why, 70));
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Exit { code } => format!("exit {code}"),
        Outcome::Signal { number } => format!("ended by signal {number}"),
        Outcome::Stopped { limit } => format!("stopped: {limit}"),
        Outcome::Failed { error } => format!("failed: {error}"),
        Outcome::Abandoned { why } => format!("not started: {why}"),
    }
}
