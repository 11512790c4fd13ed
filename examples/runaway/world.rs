//! An engine under simulated time, and what became of each step of an agent.

use serde_json::{Value, json};
use stayhand_core::control::switch::{Order, SwitchMoved};
use stayhand_core::decision::{Decision, Layer};
use stayhand_core::event::{Outcome, Usage};
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Clock, Engine, Settings, Verdict, wire};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Any error: none of them is expected.
pub(crate) type Anything = Box<dyn std::error::Error>;

/// Monday, 2 March 2026, 09:00 UTC, in microseconds since 1970.
const MORNING: u64 = 1_772_442_000_000_000;

/// How long an action takes.
const TOOK: Duration = Duration::from_secs(1);

/// An engine whose clock only moves when it is told to.
pub(crate) struct World {
    pub(crate) engine: Engine,
    time: Arc<AtomicU64>,
}

/// What an agent wants.
pub(crate) struct Wish {
    pub(crate) tool: &'static str,
    pub(crate) input: Value,
    pub(crate) context: Value,
    /// In words.
    pub(crate) words: String,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It ran and ended well.
    Ran,
    /// It ran and failed.
    Failed,
    /// It waits for a person.
    Held,
    /// It did not run.
    Refused,
}

/// One step of an agent.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) number: u32,
    pub(crate) wanted: String,
    pub(crate) answer: Answer,
    /// The guard that held or refused it.
    pub(crate) layer: &'static str,
    /// Its reason code.
    pub(crate) reason: &'static str,
    /// What the finding is about.
    pub(crate) subject: String,
    /// The guard's explanation.
    pub(crate) why: String,
}

/// Steps of an agent, in their order.
#[derive(Debug)]
pub(crate) struct Run {
    /// What it is called in the story.
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
}

impl World {
    /// Opens an engine in an empty folder, under this policy.
    pub(crate) fn open(folder: &Path, policy: &str) -> Result<Self, Anything> {
        let file = folder.join("policy.yaml");
        std::fs::write(&file, policy)?;
        let time = Arc::new(AtomicU64::new(MORNING));
        let policy = PolicyFiles::default().named(Layer::User, file);
        let settings = Settings { policy, clock: Clock::Manual(Arc::clone(&time)), ..Settings::default() };
        Ok(Self { engine: Engine::open(&folder.join("state"), settings)?, time })
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.time.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Asks for one thing. What is permitted ends as `ending` says, with what it used.
    pub(crate) fn ask(
        &self,
        (agent, number): (&str, u32),
        wish: Wish,
        (ending, used): (Outcome, Option<Usage>),
    ) -> Result<Step, Anything> {
        let Wish { tool, input, context, words } = wish;
        let line = json!({ "tool": tool, "input": input, "agent": agent, "context": context }).to_string();
        let request = wire::request(line.as_bytes(), &wire::Defaults::new("/work", "/home/agent"))?;
        let permit = match self.engine.authorize(request)? {
            Verdict::Permitted(permit) => permit,
            Verdict::Held(held) => return Ok(Step::stopped(number, words, Answer::Held, &held.decision)),
            Verdict::Refused(refused) => {
                return Ok(Step::stopped(number, words, Answer::Refused, &refused.decision));
            }
        };
        let answer = if ending == Outcome::Done { Answer::Ran } else { Answer::Failed };
        match used {
            Some(used) => self.engine.settle_used(permit, ending, TOOK, used)?,
            None => self.engine.settle(permit, ending, TOOK)?,
        }
        Ok(Step::ran(number, words, answer))
    }

    /// A person lets a paused agent go on.
    pub(crate) fn resume(&self, agent: &str) -> Result<(), Anything> {
        let scope = format!("agent:{agent}").parse()?;
        let (by, reason) = ("ada".to_owned(), "spoke with the desk".to_owned());
        Ok(self.engine.order(SwitchMoved { scope, order: Order::Resume, by, reason })?)
    }
}

impl Step {
    fn ran(number: u32, wanted: String, answer: Answer) -> Self {
        let (subject, why) = (String::new(), String::new());
        Self { number, wanted, answer, layer: "", reason: "", subject, why }
    }

    fn stopped(number: u32, wanted: String, answer: Answer, decision: &Decision) -> Self {
        let Some(finding) = decision.headline() else { return Self::ran(number, wanted, answer) };
        Self {
            layer: finding.guard.name(),
            reason: finding.reason.code(),
            subject: finding.subject.as_deref().unwrap_or_default().to_owned(),
            why: finding.because.as_deref().unwrap_or_default().to_owned(),
            ..Self::ran(number, wanted, answer)
        }
    }
}

impl Run {
    /// The first step that was refused: the layer and its number.
    pub(crate) fn stopped(&self) -> Option<(&'static str, u32)> {
        let refused = self.steps.iter().find(|step| step.answer == Answer::Refused);
        refused.map(|step| (step.layer, step.number))
    }

    /// The steps in groups of those that were answered alike, one after the other.
    pub(crate) fn turns(&self) -> impl Iterator<Item = &[Step]> {
        self.steps.chunk_by(|one, next| (one.answer, one.reason) == (next.answer, next.reason))
    }
}
