//! `stayhand play`: a scripted agent, really executed, shown live.

mod script;
mod server;

use super::people::ask;
use super::trace::outcome as outcome_text;
use crate::args::{Global, Play};
use crate::{Exit, home, show};
use anstream::println;
use anyhow::Context as _;
use script::{Line, Script};
use stayhand_core::decision::{Decision, Effect, Level};
use stayhand_core::event::Outcome;
use stayhand_core::policy::sandbox::SandboxGrants;
use stayhand_runtime::wire::{self, Defaults, Parsed, WireAction};
use stayhand_runtime::{Engine, Executed, Held, Local, LocalSettings, Verdict};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most hops a redirect may take; each one is decided.
const MAX_REDIRECTS: usize = 5;

pub(super) fn run(global: &Global, play: &Play) -> anyhow::Result<Exit> {
    let server = server::Server::start().context("cannot start the local server of the script")?;
    let scratch = home::private_folder("stayhand-play-")?;
    let workspace = match &play.workspace {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            std::fs::canonicalize(folder)?
        }
        None => std::fs::canonicalize(scratch.path())?,
    };
    let script = Script::read(&play.file, &server.address(), &workspace)?;
    let engine = super::engine(global, home::policy_files(&play.policies, &workspace)?)?;
    let own_home = home::private_folder("stayhand-play-home-")?;
    let user = std::fs::canonicalize(own_home.path())?;
    let settings = settings(&user);
    let stop = settings.stop.clone();
    home::Interrupts::stop(&stop, |_| ())?;
    let mut player = Player {
        session: format!("play-{}", engine.clock().now().0 / 1_000_000),
        local: Local::new(settings),
        answers: answers(play),
        tally: Tally::default(),
        engine,
        workspace,
        user,
        json: global.json,
    };
    player.head(&play.file, script.lines.len());
    for (number, line) in script.lines.into_iter().enumerate() {
        if stop.is_asked() {
            break;
        }
        player.step(number + 1, line)?;
    }
    let exit = player.close(global)?;
    Ok(if stop.is_asked() { Exit::Program(home::INTERRUPTED) } else { exit })
}

/// How held actions are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Yes,
    Nobody,
    Terminal,
}

fn answers(play: &Play) -> Answers {
    if play.yes {
        Answers::Yes
    } else if play.no || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        Answers::Nobody
    } else {
        Answers::Terminal
    }
}

/// Programs of the script have an empty home and see no configuration of the user.
fn settings(home: &Path) -> LocalSettings {
    let mut settings = home::local_settings(&SandboxGrants::default());
    let user = home::user_home().unwrap_or_default();
    let keep = [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")];
    for (name, folder) in keep {
        if !settings.environment.iter().any(|(key, _)| key == name) {
            settings.environment.push((name.to_owned(), user.join(folder).display().to_string()));
        }
    }
    settings.environment.retain(|(name, _)| name != "HOME");
    settings.environment.push(("HOME".to_owned(), home.display().to_string()));
    settings
}

struct Player {
    engine: Engine,
    local: Local,
    answers: Answers,
    workspace: PathBuf,
    /// The home of the programs of the script.
    user: PathBuf,
    session: String,
    tally: Tally,
    json: bool,
}

#[derive(Debug, Default, serde::Serialize)]
struct Tally {
    executed: u64,
    failed: u64,
    held: u64,
    refused: u64,
    unexpected: u64,
    confined: u64,
    execution_ms: u128,
}

/// What became of one action, for its row.
struct Row {
    effect: Effect,
    why: String,
    duration: Duration,
}

impl Player {
    fn head(&self, file: &Path, count: usize) {
        if self.json {
            return;
        }
        println!("{count} actions from {} in {}", file.display(), self.workspace.display());
        println!("session {}, policy {}\n", self.session, self.engine.policy().sources().join(" + "));
    }

    fn step(&mut self, number: usize, line: Line) -> anyhow::Result<()> {
        let expected = line.expect;
        let action = line.action();
        let parsed = self.request(&action)?;
        let what = super::check::describe(&parsed.request);
        let row = self.perform(parsed, &action)?;
        let surprise = expected.filter(|expected| *expected != row.effect);
        self.tally.unexpected += u64::from(surprise.is_some());
        self.print(number, &what, &row, surprise)
    }

    fn request(&self, action: &WireAction) -> anyhow::Result<Parsed> {
        let mut defaults = Defaults::new(&self.workspace.to_string_lossy(), &self.user.to_string_lossy());
        defaults.session.clone_from(&self.session);
        let again = serde_json::json!({
            "tool": action.tool, "input": action.input, "agent": action.agent, "cwd": action.cwd, "context": action.context,
        });
        wire::request(again.to_string().as_bytes(), &defaults).map_err(|error| home::usage(error.to_string()))
    }

    /// Authorizes and executes; a redirect is an action of its own.
    fn perform(&mut self, parsed: Parsed, action: &WireAction) -> anyhow::Result<Row> {
        let verdict = self.engine.authorize(parsed)?;
        let Verdict::Held(held) = &verdict else { return self.follow(verdict, action) };
        if !self.answer(held)? {
            self.tally.held += 1;
            return Ok(not_run(&held.decision));
        }
        let verdict = self.engine.authorize(self.request(action)?)?;
        let row = self.follow(verdict, action)?;
        // What was decided is that a person is asked; what the person said is why it ran.
        let approved = row.effect == Effect::Allow;
        Ok(if approved {
            Row { effect: Effect::Approve, why: format!("approved, {}", row.why), ..row }
        } else {
            row
        })
    }

    /// Executes what is permitted, and each hop of a redirect that is.
    fn follow(&mut self, mut verdict: Verdict, action: &WireAction) -> anyhow::Result<Row> {
        let mut hops = 0;
        loop {
            let permit = match verdict {
                Verdict::Permitted(permit) => permit,
                Verdict::Held(Held { decision, .. }) => {
                    self.tally.held += 1;
                    return Ok(not_run(&decision));
                }
                Verdict::Refused(refused) => {
                    self.tally.refused += 1;
                    return Ok(not_run(&refused.decision));
                }
            };
            let done = self.engine.execute(permit, &self.local)?;
            let redirect = done.effected.redirect.clone().filter(|_| hops < MAX_REDIRECTS);
            let Some(url) = redirect else { return Ok(self.executed(&done)) };
            hops += 1;
            let next = serde_json::json!({ "tool": "fetch", "input": { "url": url }, "agent": action.agent });
            verdict = self.engine.authorize(self.request(&wire::parse(next.to_string().as_bytes())?)?)?;
        }
    }

    fn executed(&mut self, done: &Executed) -> Row {
        self.tally.executed += 1;
        self.tally.confined += u64::from(done.confined > Level::None);
        self.tally.execution_ms += done.duration.as_millis();
        let mut why = outcome_text(&done.outcome);
        if !done.outcome.is_success() {
            self.tally.failed += 1;
            let last = done.effected.errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            why = format!("{why}  {last}");
        } else if let Outcome::Done | Outcome::Exit { .. } = done.outcome
            && let Some(first) = done.effected.output.lines().find(|line| !line.trim().is_empty())
        {
            why = format!("{why}  {first}");
        }
        Row { effect: Effect::Allow, why, duration: done.duration }
    }

    fn answer(&self, held: &Held) -> anyhow::Result<bool> {
        let granted = match self.answers {
            Answers::Nobody => return Ok(false),
            Answers::Yes => true,
            Answers::Terminal => {
                show::decision("held", &held.decision);
                ask(&format!("approve {}? [y/N] ", held.approval))?
            }
        };
        self.engine.resolve(held.approval, &home::person(), granted, "answered during play")?;
        Ok(granted)
    }

    fn print(&self, number: usize, what: &str, row: &Row, surprise: Option<Effect>) -> anyhow::Result<()> {
        if self.json {
            let line = serde_json::json!({
                "number": number, "what": what, "effect": row.effect, "why": row.why,
                "ms": row.duration.as_millis(), "expected": surprise,
            });
            println!("{line}");
            return Ok(());
        }
        let effect = show::styled(show::style(row.effect), format!("{:<7}", row.effect.name()));
        let why = show::styled(show::DIM, show::line(&row.why, 62));
        println!(
            "{number:>3}  {effect}  {:<56}  {:>6} ms  {why}",
            show::line(what, 56),
            row.duration.as_millis()
        );
        if let Some(expected) = surprise {
            println!("     {} the script expects {expected}", show::styled(show::RED, "✗"));
        }
        Ok(())
    }

    /// The summary, and the proof that the record holds.
    fn close(self, global: &Global) -> anyhow::Result<Exit> {
        let Self { engine, tally, session, .. } = self;
        let reader = engine.reader()?;
        let verified = reader.verify(None, None);
        if self.json {
            let records = verified.as_ref().map(|report| report.records).ok();
            println!(
                "{}",
                serde_json::json!({ "session": session, "summary": tally, "verified_records": records })
            );
        } else {
            println!(
                "\n{} executed ({} of them failed), {} held, {} refused",
                tally.executed, tally.failed, tally.held, tally.refused
            );
            if tally.confined == 0 {
                let text = "nothing was confined: the policy asked it of none of these";
                println!("{} {text}", show::styled(show::YELLOW, "!"));
            } else {
                println!("{} of them confined", tally.confined);
            }
            match &verified {
                Ok(report) => println!(
                    "{} audit verified: {} records, root {}",
                    show::styled(show::GREEN, "✓"),
                    report.records,
                    stayhand_core::digest::Digest(report.root).short()
                ),
                Err(error) => println!("{} audit NOT verified: {error}", show::styled(show::RED, "✗")),
            }
            let folder = if global.home.is_some() { " with the same --home" } else { "" };
            println!("look closer{folder}: stayhand trace show {session}");
        }
        let failed = verified.is_err() || tally.unexpected > 0;
        Ok(if failed { Exit::Refused } else { Exit::Permitted })
    }
}

fn not_run(decision: &Decision) -> Row {
    let why = decision
        .headline()
        .map(|found| format!("{} [{}]", found.message(), found.reason))
        .unwrap_or_default();
    Row { effect: decision.effect, why, duration: Duration::ZERO }
}
