//! What is remembered to see that agents fail: the history of each session, and the incidents.

use super::FailureMode;
use super::act::Act;
use super::context::Mark;
use super::history::History;
use super::incident::{Incident, Incidents};
use super::watch::Watch;
use crate::control::named::ByName;
use crate::decision::{Decision, Effect, Finding, GuardName};
use crate::event::{Decided, Outcome, Settled};
use crate::facts::Facts;
use crate::reason::Reason;
use crate::request::{Principal, Request};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The sessions whose history is kept. Beyond, the quarter in which nothing has happened for longest is forgotten: an
/// old loop that goes on is then found a few steps later.
const KEPT_SESSIONS: usize = 20_000;

/// What a failed write says where the content that is there is not what was written.
pub const WRITE_DIFFERS: &str = "what was written is not what is there";

/// The context value in which an agent states its goal, its step and what is done.
pub const TASK_CONTEXT: &str = "task_context";

/// The histories and incidents. Bounded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    by_agent: ByName<ByName<History>>,
    sessions: usize,
    incidents: Incidents,
}

impl Failures {
    /// The history of an agent's session, if it has one.
    pub fn history(&self, principal: &Principal) -> Option<&History> {
        self.by_agent.get(principal.agent.as_str())?.get(principal.session.as_str())
    }

    /// The incidents.
    pub const fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// Takes in a decision. Without anything to watch for, only incidents are kept.
    pub(crate) fn decided(&mut self, seq: u64, at: Timestamp, decided: &Decided, watches: &[Watch]) {
        let request = &decided.request;
        for finding in &decided.decision.findings {
            if let Some(mode) = FailureMode::of(finding.reason) {
                self.found(seq, at, mode, finding, decided);
            }
        }
        if watches.is_empty() {
            return;
        }
        match decided.decision.effect {
            Effect::Allow => {
                let act = Act::of(&request.action.0, &request.resource.0);
                let history = self.open(&request.principal, at);
                history.start(seq, act);
                if let Some(context) = request.context.declared.get(TASK_CONTEXT) {
                    history.context = Some(Mark::of(context));
                }
            }
            Effect::Approve => {}
            Effect::Deny | Effect::Lock => {
                if let Some(reason) = refused_for_security(&decided.decision) {
                    let act = Act::of(&request.action.0, &request.resource.0);
                    self.open(&request.principal, at).refuse(seq, act, reason, at);
                }
            }
        }
    }

    /// Takes in how an action ended.
    pub(crate) fn settled(
        &mut self,
        seq: u64,
        at: Timestamp,
        who: &Principal,
        tool: &str,
        settled: &Settled,
        cost: u64,
    ) {
        let sessions = self.by_agent.get_mut(who.agent.as_str());
        if let Some(history) = sessions.and_then(|sessions| sessions.get_mut(who.session.as_str())) {
            history.touched = at;
            let forward = history.end(settled, cost);
            if forward && std::mem::take(&mut history.troubled) {
                self.incidents.recovered(&who.agent, &who.session, at);
            }
        }
        if let Outcome::Failed { error } = &settled.outcome
            && error.contains(WRITE_DIFFERS)
        {
            let incident = Incident {
                impact: "the file is not what the agent believes".to_owned(),
                root_cause: "another program, or the disk".to_owned(),
                mitigation: "reported".to_owned(),
                ..Incident::new(seq, at, who, FailureMode::DataCorruption, error)
            };
            self.incidents.record(Incident { dependency: tool.to_owned(), ..incident });
        }
    }

    fn found(&mut self, seq: u64, at: Timestamp, mode: FailureMode, finding: &Finding, decided: &Decided) {
        let who = &decided.request.principal;
        let ran = decided.decision.effect == Effect::Allow;
        let history =
            self.by_agent.get_mut(who.agent.as_str()).and_then(|all| all.get_mut(who.session.as_str()));
        let cost_nanousd = history.map_or(0, |history| {
            history.troubled = true;
            history.spent_nanousd()
        });
        self.incidents.record(Incident {
            impact: if ran { "the action was permitted" } else { "the action did not run" }.to_owned(),
            root_cause: cause(mode).to_owned(),
            mitigation: mitigation(finding, &decided.decision).to_owned(),
            prevented: !ran,
            cost_nanousd,
            dependency: dependency(&decided.request, &decided.facts).to_owned(),
            class: finding.reason as u32,
            ..Incident::new(seq, at, who, mode, &finding.message())
        });
    }

    fn open(&mut self, who: &Principal, at: Timestamp) -> &mut History {
        if self.history(who).is_none() {
            if self.sessions >= KEPT_SESSIONS {
                self.forget();
            }
            self.sessions += 1;
        }
        let sessions = self.by_agent.entry_ref(who.agent.as_str()).or_default();
        let history = sessions.entry_ref(who.session.as_str()).or_default();
        history.touched = at;
        history
    }

    /// Forgets the quarter of the sessions in which nothing has happened for longest.
    fn forget(&mut self) {
        let mut touched: Vec<Timestamp> =
            self.by_agent.values().flatten().map(|(_, kept)| kept.touched).collect();
        touched.sort_unstable();
        let Some(limit) = touched.get(touched.len() / 4).copied() else { return };
        let mut left = touched.len() / 4;
        for sessions in self.by_agent.values_mut() {
            sessions.retain(|_, history| {
                let goes = left > 0 && history.touched <= limit;
                left -= usize::from(goes);
                !goes
            });
        }
        self.by_agent.retain(|_, sessions| !sessions.is_empty());
        self.sessions = self.by_agent.values().map(ByName::len).sum();
    }
}

/// The reason, if an action was refused for what it would do: not for how much there was already, nor because
/// everything is stopped.
pub(crate) fn refused_for_security(decision: &Decision) -> Option<Reason> {
    security(&decision.findings)
}

/// The first finding that refuses an action for what it would do.
pub(crate) fn security(findings: &[Finding]) -> Option<Reason> {
    let by = |guard| {
        matches!(
            guard,
            GuardName::Rules
                | GuardName::Path
                | GuardName::Network
                | GuardName::Sql
                | GuardName::Secret
                | GuardName::Untrusted
        )
    };
    let amount = |reason| {
        matches!(reason, Reason::RateLimitExceeded | Reason::CostLimitExceeded | Reason::CostMissing)
    };
    let counts = |finding: &&Finding| {
        finding.effect >= Effect::Deny
            && (by(finding.guard) || (finding.guard == GuardName::Action && !amount(finding.reason)))
    };
    findings.iter().find(counts).map(|finding| finding.reason)
}

/// What an action needs besides its agent: a host, a program, or the tool itself.
pub(crate) fn dependency<'a>(request: &'a Request, facts: &'a Facts) -> &'a str {
    let hosts = facts.operations.iter().flat_map(|op| &op.hosts).map(|used| used.host.as_str());
    let programs = facts.operations.iter().filter_map(|op| Some(op.program.as_ref()?.name.as_str()));
    hosts.chain(programs).next().unwrap_or(&request.action.0)
}

fn mitigation(finding: &Finding, decision: &Decision) -> &'static str {
    use crate::control::Act;
    let acts = decision.consequences.iter().map(|consequence| consequence.act).max();
    match (finding.effect, acts) {
        (Effect::Deny | Effect::Lock, Some(Act::Kill)) => "killed the agent",
        (Effect::Deny | Effect::Lock, Some(Act::Pause)) => "paused the agent",
        (Effect::Deny | Effect::Lock, Some(Act::Lock)) => "isolated the agent",
        (Effect::Deny | Effect::Lock, None) => "refused",
        (Effect::Approve, _) => "asked a person",
        (Effect::Allow, _) => "warned",
    }
}

/// What a mode of failure usually comes from.
const fn cause(mode: FailureMode) -> &'static str {
    match mode {
        FailureMode::Hallucination => "claims without a source",
        FailureMode::InfiniteLoop => "results do not change what the agent does next",
        FailureMode::CascadeFailure => "what the failing agents share",
        FailureMode::ToolMisuse => "arguments that do not fit the tool",
        FailureMode::ContextLoss => "part of the context was lost",
        FailureMode::ReasoningError => "the agent's own check failed",
        FailureMode::ResourceExhaustion => "a limit is nearly used up",
        FailureMode::SecurityViolation => "the agent goes on asking for what is refused",
        FailureMode::DataCorruption => "another program, or the disk",
        FailureMode::Drift => "the agent's behaviour has changed",
    }
}
