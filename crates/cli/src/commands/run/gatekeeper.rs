//! Decides about every program that starts inside, before it does.

use super::super::exec;
use super::super::people::People;
use crate::show;
use serde_json::json;
use stayhand_core::decision::{Level, Obligation};
use stayhand_runtime::wire::{self, Parsed, WireAction};
use stayhand_runtime::{Ask, Engine, Held, Verdict};
use stayhand_sandbox::Starting;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who is asked.
pub(super) struct Gatekeeper {
    engine: Arc<Engine>,
    defaults: wire::Defaults,
    /// The duties of the permit for the whole.
    duties: Vec<Obligation>,
    people: Arc<People>,
    seen: Mutex<Seen>,
}

/// What started, and what did not.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// How often each program started.
    pub(super) started: BTreeMap<String, u64>,
    /// What did not, and why.
    pub(super) refused: Vec<(String, String)>,
}

/// What is kept of refusals for the summary; the log has all.
const MOST_REFUSED: usize = 50;

impl std::fmt::Debug for Gatekeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gatekeeper").field("session", &self.defaults.session).finish_non_exhaustive()
    }
}

impl Gatekeeper {
    pub(super) fn new(
        engine: &Arc<Engine>,
        defaults: &wire::Defaults,
        duties: &[Obligation],
        people: &Arc<People>,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            defaults: defaults.clone(),
            duties: duties.to_vec(),
            people: Arc::clone(people),
            seen: Mutex::default(),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it may not start; `None` = it may.
    fn refusal(&self, starting: &Starting, level: Level) -> anyhow::Result<Option<String>> {
        let mut argv = starting.argv.clone();
        // By its file. What it calls itself is its own affair.
        let file = starting.program.display().to_string();
        match argv.first_mut() {
            Some(name) => *name = file,
            None => argv.push(file),
        }
        let ask = || -> anyhow::Result<Parsed> {
            let mut action =
                exec::with_input(WireAction::new("exec", json!({ "argv": argv })), starting.has_input);
            action.cwd = Some(starting.cwd.display().to_string());
            Ok(wire::to_request(action, &self.defaults)?.started_by(starting.parent))
        };
        self.people.while_paused(&|| starting.waits());
        let answered = |held: &Held| {
            let granted = self.people.answered(held, &|| starting.waits());
            self.people.while_paused(&|| starting.waits());
            granted
        };
        Ok(match self.engine.authorize_asking(ask, answered, Into::into)? {
            Verdict::Permitted(permit) => {
                let may = self.engine.start_inside(permit, level, &self.duties)?;
                (!may).then(|| "a duty of its permit cannot be fulfilled inside".to_owned())
            }
            Verdict::Held(held) => Some(format!("held as {}: {}", held.approval, held.decision.why())),
            Verdict::Refused(refused) => Some(refused.decision.why()),
        })
    }
}

impl Ask for Gatekeeper {
    fn may_start(&self, starting: &Starting, level: Level) -> bool {
        let name = starting.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The first one is the program of the whole, which was decided about.
        let is_first = self.lock().started.is_empty();
        let refusal = if is_first {
            None
        } else {
            self.refusal(starting, level).unwrap_or_else(|error| Some(format!("{error:#}")))
        };
        let Some(why) = refusal else {
            *self.lock().started.entry(name).or_default() += 1;
            return true;
        };
        let words = starting.argv.get(1..).unwrap_or_default().join(" ");
        // A program says what its words are: they are shown in one line, and as letters alone.
        let (what, why) = (show::line(&format!("{name} {words}"), 400), show::line(&why, 400));
        self.people.say(&format!("stayhand: refused: {what}: {why}"));
        let mut seen = self.lock();
        if seen.refused.len() < MOST_REFUSED {
            seen.refused.push((what, why));
        }
        false
    }
}
