//! A seeded simulator: random agents, people and time against a real engine, with a clock that only
//! the simulation moves. A failure names its seed, and the seed repeats it.
//!
//! ```
//! let report = stayhand_sim::simulate(7, 50)?;
//! assert_eq!(report.steps, 50);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod random;

use anyhow::{Context as _, ensure};
pub use random::Random;
use stayhand_core::decision::{ApprovalId, Level};
use stayhand_core::event::Outcome;
use stayhand_core::state::State;
use stayhand_runtime::replay::replay;
use stayhand_runtime::wire::{self, Defaults};
use stayhand_runtime::{Clock, Effected, Engine, Executor, Permit, Settings, Verdict, Work};
use stayhand_store::Query;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The commands simulated agents ask for: allowed, held and refused ones.
const COMMANDS: &[&str] = &[
    "ls -la",
    "cargo test",
    "git status",
    "git push origin main",
    "sudo reboot",
    "rm -rf /",
    "cat ~/.ssh/id_rsa",
    "echo $(date) | tee out.txt",
    "rm -rf target",
    "curl http://169.254.169.254/",
];

/// What a simulation saw.
#[derive(Debug, Default)]
pub struct Report {
    /// Steps taken.
    pub steps: u64,
    /// Executed permits.
    pub executed: u64,
    /// Held actions.
    pub held: u64,
    /// Refused actions.
    pub refused: u64,
    /// Answers people gave in time.
    pub answered: u64,
}

/// Runs one simulation. The error names what does not hold.
pub fn simulate(seed: u64, steps: u64) -> anyhow::Result<Report> {
    let mut simulation = Simulation::new(seed)?;
    for step in 0..steps {
        simulation.step().with_context(|| format!("seed {seed}, step {step}"))?;
    }
    simulation.close().with_context(|| format!("seed {seed}, at the end"))
}

struct Simulation {
    random: Random,
    time: Arc<AtomicU64>,
    engine: Engine,
    effects: Effects,
    waiting: Vec<Permit>,
    held: Vec<ApprovalId>,
    report: Report,
}

/// An executor that does nothing but remember for which decision it was called.
#[derive(Debug, Default)]
struct Effects {
    calls: AtomicU64,
}

impl Executor for Effects {
    /// No program runs, so that none gets out.
    fn level(&self) -> Level {
        Level::L3
    }

    fn run(&self, _: &Work<'_>) -> (Outcome, Effected) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (Outcome::Exit { code: 0 }, Effected::default())
    }
}

impl Simulation {
    fn new(seed: u64) -> anyhow::Result<Self> {
        let time = Arc::new(AtomicU64::new(1_700_000_000_000_000));
        let settings = Settings { clock: Clock::Manual(Arc::clone(&time)), ..Settings::default() };
        Ok(Self {
            random: Random::new(seed),
            time,
            engine: Engine::in_memory(settings)?,
            effects: Effects::default(),
            waiting: Vec::new(),
            held: Vec::new(),
            report: Report::default(),
        })
    }

    fn step(&mut self) -> anyhow::Result<()> {
        self.report.steps += 1;
        let jump = Duration::from_millis(self.random.below(90_000));
        // Time mostly moves forward; sometimes the wall clock is set back.
        let micros = u64::try_from(jump.as_micros())?;
        match self.random.below(10) {
            0 => self.time.fetch_sub(micros, Ordering::SeqCst),
            _ => self.time.fetch_add(micros, Ordering::SeqCst),
        };
        match self.random.below(8) {
            0..=3 => self.ask(),
            4 | 5 => self.execute(),
            6 => self.answer(),
            _ => self.abandon(),
        }
    }

    fn ask(&mut self) -> anyhow::Result<()> {
        let command = self.random.pick(COMMANDS).unwrap_or(&"true");
        let agent = format!("agent-{}", self.random.below(3));
        let line = serde_json::json!({ "tool": "bash", "input": { "command": command }, "agent": agent })
            .to_string();
        let asked = wire::request(line.as_bytes(), &Defaults::new("/code", "/home/u"))?;
        match self.engine.authorize(asked)? {
            Verdict::Permitted(permit) => self.waiting.push(permit),
            Verdict::Held(held) => {
                self.report.held += 1;
                self.held.push(held.approval);
            }
            Verdict::Refused(_) => self.report.refused += 1,
        }
        Ok(())
    }

    /// Executes a permit, perhaps too late: then nothing may happen.
    fn execute(&mut self) -> anyhow::Result<()> {
        let Some(permit) = self.random.take(&mut self.waiting) else { return Ok(()) };
        let before = self.effects.calls.load(Ordering::SeqCst);
        let done = self.engine.execute(permit, &self.effects)?;
        let called = self.effects.calls.load(Ordering::SeqCst) - before;
        let abandoned = matches!(done.outcome, Outcome::Abandoned { .. });
        ensure!(called == u64::from(!abandoned), "an expired permit was executed, or a good one was not");
        self.report.executed += called;
        Ok(())
    }

    fn abandon(&mut self) -> anyhow::Result<()> {
        match self.random.take(&mut self.waiting) {
            Some(permit) => Ok(self.engine.abandon(permit, "the agent changed its mind")?),
            None => Ok(()),
        }
    }

    /// A person answers, or the requester tries to: that must fail.
    fn answer(&mut self) -> anyhow::Result<()> {
        let Some(id) = self.random.take(&mut self.held) else { return Ok(()) };
        for agent in ["agent-0", "agent-1", "agent-2", ""] {
            let asked_by =
                self.engine.refreshed(|state, _| state.approval(id).map(|found| found.agent.clone()))?;
            if agent.is_empty() || asked_by.as_deref() == Some(agent) {
                ensure!(
                    self.engine.resolve(id, agent, true, "").is_err(),
                    "`{agent}` approved its own request"
                );
            }
        }
        let grant = self.random.below(2) == 0;
        if self.engine.resolve(id, "alice", grant, "").is_ok() {
            self.report.answered += 1;
            ensure!(self.engine.resolve(id, "bob", true, "").is_err(), "an approval was answered twice");
        }
        Ok(())
    }

    /// State is the fold of the log; every decision comes out the same again; the log verifies.
    fn close(self) -> anyhow::Result<Report> {
        let live = self.engine.refreshed(|state, _| state.clone())?;
        let reader = self.engine.reader()?;
        let mut folded = State::default();
        let mut used = BTreeSet::new();
        for stored in reader.records(&Query::default())? {
            let record = stored?.parse()?;
            if let stayhand_core::event::Event::Decided(decided) = &record.event
                && decided.decision.effect == stayhand_core::decision::Effect::Allow
                && let Some(approval) = decided.decision.approval
            {
                ensure!(used.insert(approval), "the approval {approval} was used twice");
            }
            folded.apply(&record);
        }
        ensure!(live == folded, "the live state is not the fold of the log");
        let again = replay(&reader, &self.engine.policy(), None, |_, _, _| {})?;
        ensure!(again.divergences.is_empty(), "replay differs: {:?}", again.divergences.first());
        reader.verify(None, None)?;
        Ok(self.report)
    }
}
