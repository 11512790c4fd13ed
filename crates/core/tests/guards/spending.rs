//! A small world of agents that spend: requests with declared costs, decided and settled under some budgets.

use crate::common::{Case, NOW, call, policy};
use crate::world::{apply, event_of};
use proptest::prelude::*;
use serde_json::{Value, json};
use stayhand_core::control::ledger::Payer;
use stayhand_core::control::money::Money;
use stayhand_core::control::purses::Books;
use stayhand_core::decision::{Decision, Effect, GuardName, Level};
use stayhand_core::event::{EVENT_VERSION, Event, Outcome, PolicyLoaded, Record, Settled, Usage};
use stayhand_core::policy::Policy;
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

/// A request of an agent for the tool `llm`.
pub(crate) fn ask(agent: &str) -> Case {
    call("llm").by(agent).analysed()
}

impl Case {
    pub(crate) fn model(self, model: &str, input: u64, max_output: u64) -> Self {
        self.declares("model", json!(model))
            .declares("input_tokens", json!(input))
            .declares("max_output_tokens", json!(max_output))
    }

    pub(crate) fn nanousd(mut self, cost: u64) -> Self {
        self.request.context.cost_nanousd = Some(cost);
        self
    }
}

/// A policy with budgets, and the state that its events make.
pub(crate) struct Shop {
    pub(crate) policy: Policy,
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) records: Vec<Record>,
}

impl Shop {
    /// Budgets as written in a policy, in a shop that allows everything else.
    pub(crate) fn new(budgets: &str) -> Self {
        Self::under(&format!("budgets: {budgets}"))
    }

    /// Any sections beside the rule that allows everything.
    pub(crate) fn under(sections: &str) -> Self {
        let policy = policy(&format!("rules: [{{name: all, allow: '*'}}]\n{sections}"));
        let mut shop = Self { policy, state: State::default(), now: NOW, records: Vec::new() };
        shop.reload();
        shop
    }

    /// Takes another policy in place of the one in force.
    pub(crate) fn change(&mut self, budgets: &str) {
        self.policy = policy(&format!("rules: [{{name: all, allow: '*'}}]\nbudgets: {budgets}"));
        self.reload();
    }

    fn reload(&mut self) {
        self.record(Event::PolicyLoaded(Box::new(PolicyLoaded {
            policy: self.policy.id(),
            sources: Vec::new(),
            program: String::new(),
            controls: (**self.policy.controls()).clone(),
        })));
    }

    fn record(&mut self, event: Event) -> u64 {
        let seq = self.records.len() as u64;
        let record = Record { v: EVENT_VERSION, seq, at: self.now, event };
        apply(&mut self.state, &record);
        self.records.push(record);
        seq
    }

    /// Decides and records. The answer: the decision's number.
    pub(crate) fn decide(&mut self, case: &Case) -> u64 {
        let case = case.clone().at(self.now);
        let answer = case.decide(&self.policy, &self.state);
        self.record(event_of(&self.policy, &case, answer))
    }

    pub(crate) fn decision(&self, decided: u64) -> &Decision {
        let Some(Event::Decided(decided)) = self.records.get(decided as usize).map(|record| &record.event)
        else {
            panic!("{decided} is no decision")
        };
        &decided.decision
    }

    pub(crate) fn effect(&mut self, case: &Case) -> Effect {
        let decided = self.decide(case);
        self.decision(decided).effect
    }

    /// Why the budgets refuse it, if they do.
    pub(crate) fn refusal(&self, decided: u64) -> Option<String> {
        let decision = self.decision(decided);
        let by_budget = decision.findings.iter().find(|found| found.guard == GuardName::Budget)?;
        assert!(decision.effect > Effect::Allow);
        Some(by_budget.message())
    }

    /// Settles a permitted call with what it has used: exactly its reservation.
    pub(crate) fn pay(&mut self, decided: u64) -> Money {
        let money = self.decision(decided).spend.money;
        self.settle(decided, Outcome::Done, Some(money.0), None);
        money
    }

    pub(crate) fn settle(
        &mut self,
        decision: u64,
        outcome: Outcome,
        cost: Option<u64>,
        usage: Option<Usage>,
    ) {
        self.record(Event::Settled(Settled {
            decision,
            outcome,
            duration_us: 1000,
            cost_nanousd: cost,
            usage,
            traffic: None,
            confined: Level::None,
            boundary: None,
            output: None,
            tainted: Vec::new(),
        }));
    }

    /// The engine that ran the action is gone.
    pub(crate) fn crash(&mut self, decision: u64) {
        self.record(Event::InDoubt(stayhand_core::event::InDoubt { decision }));
    }

    pub(crate) fn alerts(&self) -> impl Iterator<Item = Value> {
        self.state.ledger().alerts().map(|alert| json!([alert.level, alert.message, alert.period]))
    }

    /// What was spent of a budget by agent `a`, and what remains.
    pub(crate) fn spend_and_remaining(&self, budget: &str) -> (Money, Money) {
        let budgets = &self.policy.controls().budgets;
        let budget = budgets.iter().find(|known| known.name == budget).unwrap();
        let books = Books { ledger: self.state.ledger(), meters: self.state.meters() };
        let payer = Payer { agent: "a", session: "s", task: "", principal: "" };
        let used = Money(budget.used(&books.purses(&payer), self.now));
        (used, Money(budget.limit).less(used))
    }

    /// No purse of these agents and tasks holds more than a budget allows.
    pub(crate) fn within_limits(&self, agents: &[&str], tasks: &[&str]) -> Result<(), TestCaseError> {
        let books = Books { ledger: self.state.ledger(), meters: self.state.meters() };
        for (agent, task) in agents.iter().flat_map(|agent| tasks.iter().map(move |task| (agent, task))) {
            let payer = Payer { agent, session: "s", task, principal: "" };
            let purses = books.purses(&payer);
            for budget in self.policy.controls().budgets.iter() {
                let used = budget.used(&purses, self.now);
                prop_assert!(used <= budget.limit, "{} of {} in {budget:?}", used, budget.limit);
            }
        }
        Ok(())
    }
}
