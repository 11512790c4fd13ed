//! State: nothing but the fold of the log's events.

mod approvals;
mod open;

use crate::control::anomaly::models::Models;
use crate::control::breaker::breakers::Breakers;
use crate::control::budget_status::{self, Status};
use crate::control::budgets::Budgets;
use crate::control::business::past::Business;
use crate::control::failure::checkpoint::Checkpoints;
use crate::control::failure::failures::Failures;
use crate::control::ledger::{Ledger, Payer};
use crate::control::limit;
use crate::control::lock::{LockSet, Locks};
use crate::control::meter::Amounts;
use crate::control::meters::Meters;
use crate::control::notice::{Notices, Sources};
use crate::control::purses::Books;
use crate::control::scope::Scope;
use crate::control::switch::{SwitchMoved, Switches};
use crate::control::tier::monitor::Monitor;
use crate::control::{Act, Consequence, Controls};
use crate::decide::Ask;
use crate::decision::{ApprovalId, Effect, PolicyId, Resource};
use crate::digest::Digest;
use crate::event::{Decided, Event, Outcome, Record, Settled};
use crate::time::Timestamp;
use crate::untrusted::{Exposure, Exposures};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use approvals::Answer;
use approvals::Approvals;
pub use approvals::{AnswerError, Approval, ApprovalStatus};
pub use open::Open;

/// What must be remembered to decide.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    last: Timestamp,
    records: u64,
    approvals: Approvals,
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

/// Names the code that folds a state. A state that was folded and written down by other code must not be used.
pub const STATE_FORMAT: &str = env!("STAYHAND_STATE_FORMAT");

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
        self.records = record.seq + 1;
        self.switches.see(&record.event, record.at);
        match &record.event {
            Event::PolicyLoaded(loaded) => self.learn(loaded.policy, &Arc::new(loaded.controls.clone())),
            Event::Decided(decided) => {
                self.decided(record.seq, record.at, decided, under.unwrap_or(decided.policy));
            }
            Event::ApprovalResolved(resolved) => self.approvals.resolve(resolved),
            Event::Settled(settled) => self.settled(record, settled),
            Event::InDoubt(in_doubt) => {
                if let Some(open) = self.open.get_mut(&in_doubt.decision) {
                    // What it had reserved may have been used, and stays taken.
                    let before = open.clone();
                    open.in_doubt = true;
                    self.ended(&before, None);
                }
            }
            Event::SwitchMoved(_) | Event::Reviewed(_) => {}
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
        for consequence in &decided.decision.consequences {
            self.lock(consequence, at);
        }
        self.breakers.sweep(at);
        self.business.sweep(at);
        let controls = self.controls(policy).cloned().unwrap_or_default();
        let permitted = decided.decision.effect == Effect::Allow;
        // An amount that cannot be read was refused by the guard of limits.
        let spend = decided.decision.spend;
        let counted = limit::amounts(&decided.request, &decided.facts).unwrap_or_default();
        let tokens = counted.tokens.max(spend.tokens);
        let reserved = Amounts { tokens, cost_nanousd: spend.money.0, ..counted };
        self.meters.count(&decided.request, reserved, permitted, at);
        self.spend(decided, &controls, at);
        if let Some(config) = &controls.anomaly {
            self.models.decided(config, decided, reserved.value_nanousd, permitted, at);
        }
        if let Some(config) = &controls.tiers {
            self.monitor.decided(config, decided, at);
        }
        // What programs start is no step of the agent: a build starts the same compiler a hundred times.
        if decided.request.context.started_by.is_none() {
            self.failures.decided(seq, at, decided, &controls.failures);
        }
        match decided.decision.effect {
            Effect::Allow => {
                if let Some(id) = decided.decision.approval {
                    self.approvals.use_up(id, seq);
                }
                self.exposures.permitted(at, decided);
                let reserved_us =
                    decided.decision.limit_on(Resource::TotalTimeMs).unwrap_or(0).saturating_mul(1000);
                self.meters.ran(&decided.request.principal.session, reserved_us, 0);
                let open = Open {
                    principal: decided.request.principal.clone(),
                    policy,
                    reserved,
                    reserved_us,
                    marks: self.business.permitted(&controls.business, &decided.request, at),
                    passages: self.breakers.admit(&controls.breakers, decided, seq, at),
                    task: Payer::of(&decided.request).task.to_owned(),
                    tool: decided.request.action.0.clone(),
                    started_inside: decided.request.context.started_by.is_some(),
                    engine: decided.engine,
                    started: at,
                    in_doubt: false,
                };
                self.open.insert(seq, open);
            }
            Effect::Approve if decided.decision.approval.is_none() => {
                self.approvals.ask(seq, at, decided, policy);
            }
            _ => {}
        }
    }

    /// An action that was permitted has ended: every control hears of it.
    fn settled(&mut self, record: &Record, settled: &Settled) {
        let Some(open) = self.open.remove(&settled.decision) else { return };
        let (at, who) = (record.at, &open.principal);
        let controls = self.controls(open.policy).cloned().unwrap_or_default();
        self.exposures.settled(record.at, &who.session, settled);
        let cost = settled.spend(open.spend()).money.0;
        if !open.started_inside {
            self.failures.settled(record.seq, at, who, &open.tool, settled, cost);
        }
        let unused = matches!(settled.outcome, Outcome::Abandoned { .. });
        self.ended(&open, unused.then_some(open.reserved));
        self.meters.ran(&who.session, settled.duration_us, open.reserved_us);
        self.pay(&open, settled, &controls, at);
        if let Some(config) = &controls.anomaly
            && let Some(moved) =
                self.models.settled(config, &who.agent, settled).as_ref().and_then(SwitchMoved::of)
        {
            self.switches.follow(&moved, at);
        }
        self.business.ended(&open.marks, settled);
        if let Some(config) = &controls.tiers {
            self.monitor.settled(config, &who.agent, settled, at);
        }
        let caller = (who.agent.as_str(), open.engine ^ record.seq);
        self.breakers.settle(&controls.breakers, &open.passages, settled, caller, at);
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
    fn spend(&mut self, decided: &Decided, controls: &Controls, at: Timestamp) {
        let (decision, payer) = (&decided.decision, Payer::of(&decided.request));
        if decision.spend.is_none() {
            return;
        }
        if decision.effect == Effect::Allow {
            self.ledger.charge(&payer, decision.spend, at);
            self.ledger.watch(&controls.budgets, &self.meters, &payer, at);
        } else if decision.effect > Effect::Approve {
            self.ledger.refused(&controls.budgets, &self.meters, &payer, decision.spend, at);
        }
    }

    /// Trues up what an action had reserved, by what it has used.
    fn pay(&mut self, open: &Open, settled: &Settled, controls: &Controls, at: Timestamp) {
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
            self.ledger.watch(&controls.budgets, &self.meters, &payer, at);
        }
    }

    /// The approval that exactly this request waits for, or has an answer of.
    pub(crate) fn asked(&self, request: Digest, policy: PolicyId, now: Timestamp) -> Option<&Approval> {
        self.approvals.asked(request, policy, now)
    }

    /// What people have said about a request under a policy.
    pub(crate) fn answer(&self, request: Digest, policy: PolicyId, now: Timestamp) -> Answer {
        self.approvals.answer(request, policy, now)
    }

    /// Whether there is no room for another question to people.
    pub(crate) fn approvals_are_full(&self, now: Timestamp) -> bool {
        self.approvals.is_full(now)
    }

    /// Whether `by` may answer this approval now.
    pub fn may_answer(&self, id: ApprovalId, by: &str, now: Timestamp) -> Result<&Approval, AnswerError> {
        self.approvals.may_answer(id, by, now)
    }

    /// The approvals that are remembered, oldest first.
    pub fn approvals(&self) -> impl Iterator<Item = &Approval> {
        self.approvals.iter()
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

    /// What an action brings that there is no room to remember.
    pub(crate) fn without_room(&self, controls: &Controls, ask: &Ask<'_>) -> Option<&'static str> {
        let Ask { request, facts, .. } = ask;
        if let Some(what) = self.meters.without_room(request) {
            return Some(what);
        }
        if !self.ledger.tasks().has_room_for(Payer::of(request).task) {
            return Some("tasks");
        }
        if !self.business.has_room_for(&controls.business, request) {
            return Some("keys of rules of business");
        }
        (!self.breakers.has_room_for(&controls.breakers, request, facts)).then_some("circuits")
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
    pub fn budget_status(&self, budgets: &Budgets, now: Timestamp) -> Vec<Status> {
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

    /// How many records were folded: the sequence number of the next one.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The time of the newest record.
    pub const fn last(&self) -> Timestamp {
        self.last
    }
}
