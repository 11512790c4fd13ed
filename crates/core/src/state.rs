//! State: nothing but the fold of the log's events.

use crate::control::anomaly::models::Models;
use crate::control::breaker::breakers::{Breakers, Passage};
use crate::control::budget::{Books, Budget};
use crate::control::budget_status::{self, Status};
use crate::control::business::past::{Business, Mark};
use crate::control::failure::checkpoint::Checkpoints;
use crate::control::failure::failures::Failures;
use crate::control::ledger::{Ledger, Payer, Spend};
use crate::control::limit::{self, Meters};
use crate::control::lock::{LockSet, Locks};
use crate::control::meter::Amounts;
use crate::control::money::Money;
use crate::control::notice::{Notices, Sources};
use crate::control::scope::Scope;
use crate::control::switch::{SwitchMoved, Switches};
use crate::control::tier::monitor::Monitor;
use crate::control::{Act, Consequence, Controls};
use crate::decision::{ApprovalId, Decision, Effect, PolicyId};
use crate::digest::Digest;
use crate::event::{Decided, Event, Outcome, Record, Settled};
use crate::request::Principal;
use crate::time::Timestamp;
use crate::untrusted::{Exposure, Exposures};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What must be remembered to decide.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    last: Timestamp,
    approvals: BTreeMap<ApprovalId, Approval>,
    by_request: FxHashMap<(Digest, PolicyId), ApprovalId>,
    open: BTreeMap<u64, Open>,
    exposures: Exposures,
    /// The stateful controls of each policy that was loaded, oldest first.
    controls: Vec<(PolicyId, Arc<Controls>)>,
    meters: Meters,
    ledger: Ledger,
    switches: Switches,
    locks: Locks,
    models: Models,
    breakers: Breakers,
    monitor: Monitor,
    business: Business,
    notices: Notices,
    failures: Failures,
    checkpoints: Checkpoints,
}

/// One approval.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When it turns into a refusal. Valid at exactly this moment, expired after it.
    pub expires: Timestamp,
    /// The digest of the exact request.
    pub request_digest: Digest,
    /// The policy that asked.
    pub policy: PolicyId,
    /// Who asked: an agent, and the person it works for.
    pub agent: String,
    /// The person the agent works for.
    pub on_behalf_of: Option<String>,
    /// The decision that asked: what people are shown.
    pub decision: Decision,
    /// Who has said yes, where more than one must.
    pub yes: Vec<String>,
    /// Where it stands.
    pub status: ApprovalStatus,
}

/// Where an approval stands. Expiry is a matter of time and not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalStatus {
    /// Nobody has answered.
    Pending,
    /// Somebody said yes; it has not been used.
    Granted {
        /// Who.
        by: String,
    },
    /// Somebody said no.
    Rejected {
        /// Who.
        by: String,
    },
    /// The yes was used up by this decision.
    Used {
        /// Who had said yes.
        by: String,
        /// The sequence number of the decision.
        decision: u64,
    },
}

impl Approval {
    /// One person has answered. A no is enough; a yes where as many have said it as must.
    fn answered(&mut self, by: String, grant: bool) {
        if !grant {
            self.status = ApprovalStatus::Rejected { by };
            return;
        }
        // A yes of the same person is no second one, whoever wrote the record.
        if !self.yes.contains(&by) {
            self.yes.push(by);
        }
        if self.yes.len() >= usize::from(self.decision.approvers) {
            self.status = ApprovalStatus::Granted { by: self.yes.join(" and ") };
        }
    }
}

/// A permitted action that has not been settled.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// Who asked.
    pub principal: Principal,
    /// The tool.
    pub tool: String,
    /// The policy that permitted it.
    pub policy: PolicyId,
    /// What is reserved for it.
    pub reserved: Amounts,
    /// The circuits that it goes through.
    pub passages: Vec<Passage>,
    /// What it left with rules of business.
    pub marks: Vec<Mark>,
    /// The task it is part of.
    pub task: String,
    /// The engine that decided.
    pub engine: u64,
    /// When it was permitted.
    pub started: Timestamp,
    /// Found after a crash: nobody knows whether it ran.
    pub in_doubt: bool,
}

impl Open {
    /// Who pays for it.
    pub fn payer(&self) -> Payer<'_> {
        let who = &self.principal;
        Payer {
            agent: &who.agent,
            session: &who.session,
            task: &self.task,
            principal: who.on_behalf_of.as_deref().unwrap_or_default(),
        }
    }

    /// The money and tokens that are reserved for it.
    pub const fn spend(&self) -> Spend {
        Spend { money: Money(self.reserved.cost_nanousd), tokens: self.reserved.tokens }
    }
}

/// The answer people have given to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    NotAsked,
    Waiting(ApprovalId),
    Granted { id: ApprovalId, by: String },
    Rejected { id: ApprovalId, by: String },
}

/// Why an approval could not be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No such approval.
    #[error("there is no such approval")]
    Unknown,
    /// It is too late.
    #[error("the approval has expired")]
    Expired,
    /// Somebody has answered.
    #[error("the approval has been answered already")]
    Answered,
    /// This person has said yes, and another one must.
    #[error("you have said yes already; somebody else must, too")]
    Twice,
    /// The requester may not answer.
    #[error("whoever asked may not answer")]
    Requester,
    /// The name is empty.
    #[error("an approval is answered by a named person")]
    Nameless,
}

/// Answered and expired approvals that are kept for lists; older ones are in the log.
const KEPT_APPROVALS: usize = 1000;

/// Policies whose controls are remembered; an event under an older one is folded without.
const KEPT_POLICIES: usize = 1000;

impl State {
    /// Applies one record. Total: an event that fits nothing changes nothing.
    pub fn apply(&mut self, record: &Record) {
        self.fold_and_notice(record, None);
    }

    /// Applies one record as if `policy` had decided it: what people have answered counts under it.
    pub fn apply_under(&mut self, record: &Record, policy: PolicyId) {
        self.fold_and_notice(record, Some(policy));
    }

    fn fold_and_notice(&mut self, record: &Record, under: Option<PolicyId>) {
        let before = self.sources().tally();
        self.fold(record, under);
        let mut notices = std::mem::take(&mut self.notices);
        notices.take(&self.sources(), before, record.at);
        self.notices = notices;
    }

    const fn sources(&self) -> Sources<'_> {
        Sources {
            switches: &self.switches,
            locks: &self.locks,
            breakers: &self.breakers,
            ledger: &self.ledger,
            monitor: &self.monitor,
        }
    }

    fn fold(&mut self, record: &Record, under: Option<PolicyId>) {
        self.last = self.last.max(record.at);
        self.switches.see(&record.event, record.at);
        match &record.event {
            Event::PolicyLoaded(loaded) => self.learn(loaded.policy, &Arc::new(loaded.controls.clone())),
            Event::Decided(decided) => {
                self.decided(record.seq, record.at, decided, under.unwrap_or(decided.policy));
            }
            Event::ApprovalResolved(resolved) => {
                if let Some(approval) = self.approvals.get_mut(&resolved.approval)
                    && approval.status == ApprovalStatus::Pending
                {
                    let by = resolved.by.clone();
                    approval.answered(by, resolved.grant);
                }
            }
            Event::Settled(settled) => {
                if let Some(open) = self.open.remove(&settled.decision) {
                    self.exposures.settled(record.seq, &open.principal.session, settled);
                    let cost = settled.spend(open.spend()).money.0;
                    self.failures.settled(record.seq, record.at, &open.principal, &open.tool, settled, cost);
                    let unused = matches!(settled.outcome, Outcome::Abandoned { .. });
                    self.ended(&open, unused.then_some(open.reserved));
                    self.pay(&open, settled, record.at);
                    self.judge_ending(&open, settled, record.at);
                    self.business.ended(&open.marks, settled);
                    self.rate(&open, settled, record.at);
                    self.pass(&open, settled, record);
                }
            }
            Event::InDoubt(in_doubt) => {
                if let Some(open) = self.open.get_mut(&in_doubt.decision) {
                    // What it had reserved may have been used, and stays taken.
                    let before = open.clone();
                    open.in_doubt = true;
                    self.ended(&before, None);
                }
            }
            Event::SwitchMoved(_) => {}
            Event::LockSet(set) => self.locks.set(set, record.at),
            Event::LockReleased(released) => {
                self.locks.release(released);
                if let Scope::Agent(agent) = &released.scope {
                    self.monitor.released(agent);
                }
            }
            Event::ContextSaved(saved) => self.checkpoints.saved(saved, record.at),
            Event::Measured(measured) => {
                let controls = self.controls(measured.policy).cloned();
                if let Some(config) = controls.as_ref().and_then(|controls| controls.tiers.as_ref()) {
                    self.monitor.measured(config, measured, record.at);
                }
            }
            Event::BreakerMoved(moved) => self.breakers.follow(moved, record.at),
        }
    }

    fn decided(&mut self, seq: u64, at: Timestamp, decided: &Decided, policy: PolicyId) {
        if decided.dry {
            return;
        }
        let principal = &decided.request.principal;
        for consequence in &decided.decision.consequences {
            self.lock(consequence, at);
        }
        let permitted = decided.decision.effect == Effect::Allow;
        // An amount that cannot be read was refused by the guard of limits.
        let spend = decided.decision.spend;
        let counted = limit::amounts(&decided.request, &decided.facts).unwrap_or_default();
        let tokens = counted.tokens.max(spend.tokens);
        let reserved = Amounts { tokens, cost_nanousd: spend.money.0, ..counted };
        self.meters.count(&decided.request, reserved, permitted, at);
        self.spend(decided, policy, at);
        let controls = self.controls(policy).cloned();
        if let Some(config) = controls.as_ref().and_then(|controls| controls.anomaly.as_ref()) {
            self.models.decided(config, decided, reserved.value_nanousd, permitted, at);
        }
        if let Some(config) = controls.as_ref().and_then(|controls| controls.tiers.as_ref()) {
            self.monitor.decided(config, decided, at);
        }
        let watches = controls.as_ref().map_or(&[][..], |controls| &controls.failures);
        self.failures.decided(seq, at, decided, watches);
        match decided.decision.effect {
            Effect::Allow => {
                if let Some(approval) = decided.decision.approval.and_then(|id| self.approvals.get_mut(&id))
                    && let ApprovalStatus::Granted { by } = &approval.status
                {
                    approval.status = ApprovalStatus::Used { by: by.clone(), decision: seq };
                }
                self.exposures.permitted(seq, decided);
                let breakers = controls.as_ref().map_or(&[][..], |controls| &controls.breakers);
                let open = Open {
                    principal: principal.clone(),
                    policy,
                    reserved,
                    marks: self.business.permitted(
                        controls.as_ref().map_or(&[][..], |controls| &controls.business),
                        &decided.request,
                        at,
                    ),
                    passages: self.breakers.admit(breakers, decided, seq, at),
                    task: Payer::of(&decided.request).task.to_owned(),
                    tool: decided.request.action.0.clone(),
                    engine: decided.engine,
                    started: at,
                    in_doubt: false,
                };
                self.open.insert(seq, open);
            }
            Effect::Approve if decided.decision.approval.is_none() => {
                let id = ApprovalId(seq);
                self.by_request.insert((decided.request_digest, policy), id);
                self.approvals.insert(
                    id,
                    Approval {
                        id,
                        asked: at,
                        expires: decided.expires.unwrap_or(at),
                        request_digest: decided.request_digest,
                        policy,
                        agent: principal.agent.clone(),
                        on_behalf_of: principal.on_behalf_of.clone(),
                        decision: decided.decision.clone(),
                        yes: Vec::new(),
                        status: ApprovalStatus::Pending,
                    },
                );
                self.forget_old(at);
            }
            _ => {}
        }
    }

    /// Remembers the stateful controls of a policy, by which later events under it are folded.
    pub fn learn(&mut self, policy: PolicyId, controls: &Arc<Controls>) {
        self.controls.retain(|(known, _)| *known != policy);
        if self.controls.len() >= KEPT_POLICIES {
            self.controls.remove(0);
        }
        self.controls.push((policy, Arc::clone(controls)));
    }

    /// Sets the locks that a decision brings about.
    fn lock(&mut self, consequence: &Consequence, at: Timestamp) {
        if consequence.act == Act::Lock {
            self.locks.set(&LockSet::of(consequence), at);
        }
    }

    /// An action no longer runs; `unused` is given back.
    fn ended(&mut self, open: &Open, unused: Option<Amounts>) {
        if !open.in_doubt {
            self.meters.ended(&open.principal, &open.tool, open.started, unused);
        }
    }

    /// Reserves what a permitted action may spend at most; remembers the alerts of what is permitted or refused.
    fn spend(&mut self, decided: &Decided, policy: PolicyId, at: Timestamp) {
        let (decision, payer) = (&decided.decision, Payer::of(&decided.request));
        if decision.spend.is_none() {
            return;
        }
        let controls = self.controls(policy).cloned().unwrap_or_default();
        if decision.effect == Effect::Allow {
            self.ledger.charge(&payer, decision.spend, at);
            self.ledger.watch(&controls.budgets, &self.meters, &payer, at);
        } else if decision.effect > Effect::Approve {
            self.ledger.refused(&controls.budgets, &self.meters, &payer, decision.spend, at);
        }
    }

    /// Trues up what an action had reserved, by what it has used.
    fn pay(&mut self, open: &Open, settled: &Settled, at: Timestamp) {
        let reserved = open.spend();
        let used = settled.spend(reserved);
        let payer = open.payer();
        let (unused, more) = (reserved.less(used), used.less(reserved));
        self.ledger.refund(&payer, unused, open.started);
        self.ledger.charge(&payer, more, at);
        if !matches!(settled.outcome, Outcome::Abandoned { .. }) || open.in_doubt {
            self.meters.true_up(&open.principal, &open.tool, (open.started, unused), (at, more));
        }
        if !more.is_none() {
            let controls = self.controls(open.policy).cloned().unwrap_or_default();
            self.ledger.watch(&controls.budgets, &self.meters, &payer, at);
        }
    }

    /// What the agent's model makes of an ending; an alert moves the agent's switch.
    fn judge_ending(&mut self, open: &Open, settled: &Settled, at: Timestamp) {
        let controls = self.controls(open.policy).cloned();
        let Some(config) = controls.as_ref().and_then(|controls| controls.anomaly.as_ref()) else { return };
        let consequence = self.models.settled(config, &open.principal.agent, settled);
        if let Some(moved) = consequence.as_ref().and_then(SwitchMoved::of) {
            self.switches.follow(&moved, at);
        }
    }

    /// What the ending says about how well the agent does.
    fn rate(&mut self, open: &Open, settled: &Settled, at: Timestamp) {
        let controls = self.controls(open.policy).cloned();
        let Some(config) = controls.as_ref().and_then(|controls| controls.tiers.as_ref()) else { return };
        self.monitor.settled(config, &open.principal.agent, settled, at);
    }

    /// Tells the circuits how an action ended that went through them.
    fn pass(&mut self, open: &Open, settled: &Settled, record: &Record) {
        if open.passages.is_empty() {
            return;
        }
        let controls = self.controls(open.policy).cloned().unwrap_or_default();
        let (agent, seed) = (open.principal.agent.as_str(), open.engine ^ record.seq);
        self.breakers.settle(&controls.breakers, &open.passages, settled, (agent, seed), record.at);
    }

    fn forget_old(&mut self, now: Timestamp) {
        while self.approvals.len() > KEPT_APPROVALS {
            let done =
                |approval: &&Approval| approval.status != ApprovalStatus::Pending || approval.expires < now;
            let Some(id) = self.approvals.values().find(done).map(|approval| approval.id) else { return };
            if let Some(old) = self.approvals.remove(&id) {
                let key = (old.request_digest, old.policy);
                if self.by_request.get(&key) == Some(&id) {
                    self.by_request.remove(&key);
                }
            }
        }
    }

    /// The approval that exactly this request waits for, or has an answer of.
    pub(crate) fn asked(&self, request: Digest, policy: PolicyId, now: Timestamp) -> Option<&Approval> {
        let found = self.by_request.get(&(request, policy)).and_then(|id| self.approvals.get(id));
        found.filter(|approval| {
            now <= approval.expires && !matches!(approval.status, ApprovalStatus::Used { .. })
        })
    }

    /// What people have said about a request under a policy.
    pub(crate) fn answer(&self, request: Digest, policy: PolicyId, now: Timestamp) -> Answer {
        let found = self.by_request.get(&(request, policy)).and_then(|id| self.approvals.get(id));
        let Some(approval) = found.filter(|approval| now <= approval.expires) else {
            return Answer::NotAsked;
        };
        let id = approval.id;
        match &approval.status {
            ApprovalStatus::Pending => Answer::Waiting(id),
            ApprovalStatus::Granted { by } => Answer::Granted { id, by: by.clone() },
            ApprovalStatus::Rejected { by } => Answer::Rejected { id, by: by.clone() },
            ApprovalStatus::Used { .. } => Answer::NotAsked,
        }
    }

    /// Whether `by` may answer this approval now.
    pub fn may_answer(&self, id: ApprovalId, by: &str, now: Timestamp) -> Result<&Approval, AnswerError> {
        let approval = self.approvals.get(&id).ok_or(AnswerError::Unknown)?;
        if by.trim().is_empty() {
            return Err(AnswerError::Nameless);
        }
        if by == approval.agent || approval.on_behalf_of.as_deref() == Some(by) {
            return Err(AnswerError::Requester);
        }
        if approval.status != ApprovalStatus::Pending {
            return Err(AnswerError::Answered);
        }
        if now > approval.expires {
            return Err(AnswerError::Expired);
        }
        if approval.yes.iter().any(|name| name == by) {
            return Err(AnswerError::Twice);
        }
        Ok(approval)
    }

    /// The approvals that are remembered, oldest first.
    pub fn approvals(&self) -> impl Iterator<Item = &Approval> {
        self.approvals.values()
    }

    /// One approval.
    pub fn approval(&self, id: ApprovalId) -> Option<&Approval> {
        self.approvals.get(&id)
    }

    /// Permitted actions that have not been settled, by the sequence number of their decision.
    pub const fn open(&self) -> &BTreeMap<u64, Open> {
        &self.open
    }

    /// What a session has been exposed to: private data, untrusted content. `None` = nothing.
    pub fn exposure(&self, session: &str) -> Option<&Exposure> {
        self.exposures.of(session)
    }

    /// The stateful controls of a policy that was loaded.
    pub fn controls(&self, policy: PolicyId) -> Option<&Arc<Controls>> {
        self.controls.iter().rev().find(|(known, _)| *known == policy).map(|(_, controls)| controls)
    }

    /// What is usual for each agent.
    pub(crate) const fn models(&self) -> &Models {
        &self.models
    }

    /// The histories of sessions, and how agents failed.
    pub const fn failures(&self) -> &Failures {
        &self.failures
    }

    /// The contexts that agents have saved.
    pub const fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// What was counted.
    pub const fn meters(&self) -> &Meters {
        &self.meters
    }

    /// What was spent.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How budgets stand.
    pub fn budget_status(&self, budgets: &[Budget], now: Timestamp) -> Vec<Status> {
        let books = Books { ledger: &self.ledger, meters: &self.meters };
        budget_status::status(budgets, books, self.open.values(), now)
    }

    /// The circuit breakers.
    pub const fn breakers(&self) -> &Breakers {
        &self.breakers
    }

    /// What people should hear of.
    pub const fn notices(&self) -> &Notices {
        &self.notices
    }

    /// What rules of business remember.
    pub const fn business(&self) -> &Business {
        &self.business
    }

    /// How well agents do.
    pub const fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The kill switch.
    pub const fn switches(&self) -> &Switches {
        &self.switches
    }

    /// The safety locks.
    pub const fn locks(&self) -> &Locks {
        &self.locks
    }

    /// The time of the newest record.
    pub const fn last(&self) -> Timestamp {
        self.last
    }
}
