//! Actions that run.

use crate::control::breaker::breakers::Passage;
use crate::control::business::past::Mark;
use crate::control::ledger::{Payer, Spend};
use crate::control::meter::Amounts;
use crate::control::money::Money;
use crate::decision::PolicyId;
use crate::request::Principal;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A permitted action that has not been settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Who asked.
    pub principal: Principal,
    /// The tool.
    pub tool: String,
    /// Whether it is a program that another one started inside of a sandbox.
    pub started_inside: bool,
    /// The policy that permitted it.
    pub policy: PolicyId,
    /// What is reserved for it.
    pub reserved: Amounts,
    /// How long it may run of what its session has left, in microseconds; zero where that has no limit.
    pub reserved_us: u64,
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
