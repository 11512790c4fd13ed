//! Signs of failure: what the history of this agent's session, and of all agents, says about the next action.

use crate::control::failure::act::Act;
use crate::control::failure::exhaustion::Share;
use crate::control::failure::failures::{TASK_CONTEXT, dependency, security};
use crate::control::failure::history::History;
use crate::control::failure::pattern::Pattern;
use crate::control::failure::step::Step;
use crate::control::failure::watch::{Sign, Watch};
use crate::control::failure::{FailureMode, context, misuse};
use crate::control::limit::{Limit, Measure};
use crate::control::response::Response;
use crate::decide::{Answers, Ask};
use crate::decision::GuardName;
use crate::facts::FieldKind;
use crate::policy::Policy;
use crate::state::State;
use crate::time::Timestamp;
use serde_json::Value;

/// The longest text of an action in a finding, in characters.
const SHOWN: usize = 120;

/// Failed attempts after which a strategy counts as failed. Source: K009.
const ATTEMPTS: u32 = 3;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let tool = ask.request.action.0.as_str();
    let misfit = policy.misfit(tool, &ask.request.resource.0);
    let watches = &policy.controls.failures;
    if (watches.is_empty() && misfit.is_none()) || ask.request.context.started_by.is_some() {
        return;
    }
    let history = state.failures().history(&ask.request.principal);
    let act = history.map(|_| Act::of(tool, &ask.request.resource.0));
    let next = act.map(|act| Step::new(u64::MAX, act));
    let look = Look { policy, state, ask, now, misfit, past: history.zip(next.as_ref()) };
    let agent = &ask.request.principal.agent;
    let respond = |on: Sign, then, text, answers: &mut Answers| {
        answers.respond(GuardName::Failure, on.mode().reason(), then, on.name(), text, agent);
    };
    let mut watched = false;
    for watch in watches.iter().filter(|watch| watch.is_about(tool)) {
        watched |= watch.on == Sign::ToolMisuse;
        if let Some(text) = look.sees(watch, answers) {
            respond(watch.on, watch.response, text, answers);
        }
    }
    // A schema is a wish in itself: without another word, what does not fit it is refused.
    if let Some(text) = look.misfit.filter(|_| !watched) {
        respond(Sign::ToolMisuse, Response::Deny, text, answers);
    }
}

/// What can be looked at.
struct Look<'a> {
    policy: &'a Policy,
    state: &'a State,
    ask: &'a Ask<'a>,
    now: Timestamp,
    /// What does not fit the tool's schema.
    misfit: Option<String>,
    /// The history of the session, and the step that would come next.
    past: Option<(&'a History, &'a Step)>,
}

impl Look<'_> {
    /// The sentence about a sign, if it is seen. It stays the same while nothing else happens, so that a person's
    /// approval is for what that person was shown.
    fn sees(&self, watch: &Watch, answers: &Answers) -> Option<String> {
        match watch.on {
            Sign::ToolMisuse => self.misfit.clone().or_else(|| self.nonsense()),
            Sign::Exhaustion => self.exhausted(watch.percent),
            Sign::Cascade => self.cascade(watch.times),
            Sign::ContextLoss => self.context_lost(),
            Sign::SelfCheck => self.self_check_failed(),
            Sign::Violations => self.violations(watch, answers),
            Sign::Corruption => self.corrupted(watch.within_us),
            _ => self.stuck(watch),
        }
    }

    /// Loops, failed attempts, and what they cost.
    fn stuck(&self, watch: &Watch) -> Option<String> {
        let (history, next) = self.past?;
        let (steps, times) = (history.steps(Some(next)), watch.times as usize);
        let pattern = match watch.on {
            Sign::Repeat => steps.recur(1, times).then_some(Pattern::Repeat(times)),
            Sign::Alternation => (steps.recur(2, 2) && !steps.recur(1, 3)).then_some(Pattern::Alternation),
            Sign::Cycle => steps.cycle().filter(|_| !steps.recur(2, 2)).map(Pattern::Cycle),
            Sign::NearRepeat => {
                (steps.nearly_recur(times) && !steps.recur(1, times)).then_some(Pattern::NearRepeat(times))
            }
            Sign::NoProgress => history.steps(None).stand_still(times).then_some(Pattern::NoProgress(times)),
            Sign::Retries => {
                let failed = history.failures_of(next.action);
                return (failed >= watch.times).then(|| format!("Action repeated {} times", failed + 1));
            }
            Sign::Strategies => {
                return (history.given_up(ATTEMPTS) >= times)
                    .then(|| format!("{times} strategies have failed {ATTEMPTS} times each"));
            }
            Sign::Spend => {
                let would = history.would_have_spent(self.ask.request.context.cost_nanousd);
                let over = history.spent_nanousd() > 0 && would > watch.nanousd;
                return over.then(|| format!("More than ${} spent without progress", dollars(watch.nanousd)));
            }
            _ => None,
        };
        pattern.map(|pattern| pattern.sentence(&self.action()))
    }

    /// The action in short, secrets replaced.
    fn action(&self) -> String {
        let input = Value::Object(self.ask.request.resource.0.clone()).to_string();
        let text = format!("{} {input}", self.ask.request.action.0);
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        }
    }

    /// A path that is blank, or the name of a missing value. The text of the working folder itself is empty.
    fn nonsense(&self) -> Option<String> {
        let is_path = |kind| matches!(kind, FieldKind::Path | FieldKind::WritePath | FieldKind::DeletePath);
        let mut paths = self.ask.facts.texts.iter().filter(|text| is_path(text.kind));
        paths
            .any(|path| !path.text.is_empty() && misuse::is_nonsense(&path.text))
            .then(|| misuse::INVALID_PATH.to_owned())
    }

    fn exhausted(&self, percent: u64) -> Option<String> {
        let used_up = |limit: &&Limit| {
            let used = limit.usage(self.state.meters(), &limit.per.scope(self.ask.request), self.now).used;
            Share { used, limit: Some(limit.max) }.reaches(percent)
        };
        let tool = self.ask.request.action.0.as_str();
        let limits = self.policy.controls.limits.iter().filter(|limit| limit.is_about(tool));
        let found = limits.filter(|limit| is_resource(limit.of)).find(used_up)?;
        let kind = if found.of == Measure::Tokens { "token_limit" } else { "budget_limit" };
        Some(format!("{kind}: `{}` is used up to {percent} % or more", found.name))
    }

    fn cascade(&self, agents: u32) -> Option<String> {
        let found = self.state.failures().incidents().cascade(self.now, agents as usize)?;
        let (agent, needs) =
            (&self.ask.request.principal.agent, dependency(self.ask.request, self.ask.facts));
        let concerns = match &found.suspect {
            Some(suspect) => suspect == needs,
            None => found.agents.contains(agent),
        };
        concerns.then(|| found.sentence())
    }

    fn context_lost(&self) -> Option<String> {
        let current = self.ask.request.context.declared.get(TASK_CONTEXT)?;
        context::lost(current, self.past.and_then(|(history, _)| history.context.as_ref()))
    }

    fn self_check_failed(&self) -> Option<String> {
        let answer = self.ask.request.context.declared.get("self_check")?;
        let failed = answer.as_bool() == Some(false) || answer.as_str() == Some("failed");
        failed.then(|| "The agent's own check of its reasoning failed".to_owned())
    }

    /// Refusals of the session, this one included.
    fn violations(&self, watch: &Watch, answers: &Answers) -> Option<String> {
        let before = self.past.map_or(0, |(history, _)| history.refusals(watch.within_us, self.now));
        let times = before + usize::from(security(&answers.findings).is_some());
        let within_s = watch.within_us / 1_000_000;
        (times >= watch.times as usize)
            .then(|| format!("{} refusals within {within_s} s: the agent goes on asking", watch.times))
    }

    fn corrupted(&self, within_us: u64) -> Option<String> {
        let who = &self.ask.request.principal;
        let incidents = self.state.failures().incidents().iter().rev();
        let mut recent = incidents.take_while(|incident| self.now.since(incident.at) < within_us);
        let found = recent.find(|incident| {
            incident.mode == FailureMode::DataCorruption
                && incident.agent == who.agent
                && incident.session == who.session
        })?;
        Some(format!("Data corruption: {}", found.description))
    }
}

/// Whether a limit is about something that is used up: tokens or money.
const fn is_resource(of: Measure) -> bool {
    matches!(of, Measure::Tokens | Measure::Value)
}

/// Nano-dollars as dollars and cents.
fn dollars(nanousd: u64) -> String {
    let cents = nanousd / 10_000_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}
