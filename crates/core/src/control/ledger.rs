//! The ledger: what was spent, by whom, in which period; and which alerts were given.
//!
//! It knows nothing of budgets that exist: whatever is spent is written down for every purse and every period, so
//! that a budget set later finds it (L-05). An amount is charged when it is reserved, in the period of the decision.

use super::budget::{Budget, Purse};
use super::budgets::Budgets;
use super::calendar::Period;
use super::meters::Meters;
use super::money::Money;
use super::named::Named;
use super::purses::Books;
use crate::request::Request;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// Money and tokens: of one action, or summed over many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// Money, in nano-dollars.
    #[serde(rename = "nanousd", default)]
    pub money: Money,
    /// Tokens of all kinds.
    #[serde(default)]
    pub tokens: u64,
}

impl Spend {
    /// Nothing.
    pub const NONE: Self = Self { money: Money::ZERO, tokens: 0 };

    /// The sum; what does not fit stays at the largest amount, which is beyond every limit.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            money: Money(self.money.0.saturating_add(other.money.0)),
            tokens: self.tokens.saturating_add(other.tokens),
        }
    }

    /// What is left of each, not below nothing.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self { money: self.money.less(other.money), tokens: self.tokens.saturating_sub(other.tokens) }
    }

    /// Whether there is nothing of either.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// Who pays for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payer<'a> {
    /// The agent.
    pub agent: &'a str,
    /// The session.
    pub session: &'a str,
    /// The task: the context value `task`. Actions without one share the task without a name.
    pub task: &'a str,
    /// The person the agent works for, or the tenant. Requests on nobody's behalf share one.
    pub principal: &'a str,
}

impl<'a> Payer<'a> {
    /// Who pays for this request.
    pub fn of(request: &'a Request) -> Self {
        let who = &request.principal;
        Self {
            agent: &who.agent,
            session: &who.session,
            task: request.context.declared.get("task").and_then(Value::as_str).unwrap_or_default(),
            principal: who.on_behalf_of.as_deref().unwrap_or_default(),
        }
    }
}

/// What was spent in the newest period of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    start: Timestamp,
    spend: Spend,
}

/// What was spent of one purse: in the current hour, day, week and month, and in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    tallies: [Tally; Period::ALL.len()],
    total: Spend,
    last: Timestamp,
}

impl Account {
    /// What was spent in the period that `now` lies in.
    pub fn within(&self, period: Period, now: Timestamp) -> Spend {
        let tally = self.tallies.get(period as usize).copied().unwrap_or_default();
        // After a step back of the clock the newest period still counts.
        if tally.start >= period.start(now) { tally.spend } else { Spend::NONE }
    }

    /// What was spent since the purse exists.
    pub const fn total(&self) -> Spend {
        self.total
    }

    fn charge(&mut self, spend: Spend, starts: &Starts, at: Timestamp) {
        for (tally, start) in self.tallies.iter_mut().zip(starts) {
            if *start > tally.start {
                *tally = Tally { start: *start, spend: Spend::NONE };
            }
            tally.spend = tally.spend.plus(spend);
        }
        self.total = self.total.plus(spend);
        self.last = self.last.max(at);
    }

    fn refund(&mut self, spend: Spend, starts: &Starts) {
        for (tally, start) in self.tallies.iter_mut().zip(starts) {
            if *start == tally.start {
                tally.spend = tally.spend.less(spend);
            }
        }
        self.total = self.total.less(spend);
    }
}

type Starts = [Timestamp; Period::ALL.len()];

/// How serious an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertLevel {
    /// The budget runs low.
    Warning,
    /// It is nearly or wholly used up.
    Critical,
}

/// A budget has crossed a threshold. Given once for each threshold and period (A270a).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// When.
    pub at: Timestamp,
    /// How serious it is.
    pub level: AlertLevel,
    /// The budget's name.
    pub budget: String,
    /// Whose purse: `agent:a`, `all`, ….
    pub purse: String,
    /// Over what time the budget counts: `daily`, ….
    pub period: Cow<'static, str>,
    /// What happened, in one sentence.
    pub message: String,
}

/// The highest threshold that an alert was given for, and the period it was given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    start: Timestamp,
    percent: u8,
    at: Timestamp,
}

/// The ledger.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    all: Account,
    agents: Named<Account>,
    sessions: Named<Account>,
    tasks: Named<Account>,
    principals: Named<Account>,
    marks: BTreeMap<(String, String), Mark>,
    alerts: VecDeque<Alert>,
    given: u64,
}

/// Alerts that are remembered; older ones follow from the log.
const KEPT_ALERTS: usize = 1000;

/// Purses of a kind below which none is forgotten. Beyond, those are that nothing was charged to for 31 days: what a
/// budget over time could count of them is gone, and a `total` begins anew.
const KEPT_ACCOUNTS: usize = 100_000;

/// See [`KEPT_ACCOUNTS`]; in microseconds.
const IDLE_US: u64 = 31 * 24 * 3_600_000_000;

/// Marks beyond which old ones are forgotten: an alert may be given again then.
const KEPT_MARKS: usize = 10_000;

impl Ledger {
    /// Charges an amount to every purse of the payer.
    pub fn charge(&mut self, payer: &Payer<'_>, spend: Spend, at: Timestamp) {
        if spend.is_none() {
            return;
        }
        let starts = Period::ALL.map(|period| period.start(at));
        self.all.charge(spend, &starts, at);
        for (accounts, name) in self.purses(payer) {
            accounts.at(name).charge(spend, &starts, at);
            if accounts.len() > KEPT_ACCOUNTS {
                accounts.sweep(at, |account| at.since(account.last) < IDLE_US);
            }
        }
    }

    /// Gives back what was reserved at `reserved_at` and not used.
    pub fn refund(&mut self, payer: &Payer<'_>, spend: Spend, reserved_at: Timestamp) {
        if spend.is_none() {
            return;
        }
        let starts = Period::ALL.map(|period| period.start(reserved_at));
        self.all.refund(spend, &starts);
        for (accounts, name) in self.purses(payer) {
            accounts.at(name).refund(spend, &starts);
        }
    }

    fn purses<'a>(&mut self, payer: &Payer<'a>) -> [(&mut Named<Account>, &'a str); 4] {
        [
            (&mut self.agents, payer.agent),
            (&mut self.sessions, payer.session),
            (&mut self.tasks, payer.task),
            (&mut self.principals, payer.principal),
        ]
    }

    /// What everybody has spent.
    pub const fn all(&self) -> &Account {
        &self.all
    }

    /// The agents that have spent something.
    pub(crate) const fn agents(&self) -> &Named<Account> {
        &self.agents
    }

    /// The sessions that have spent something.
    pub(crate) const fn sessions(&self) -> &Named<Account> {
        &self.sessions
    }

    /// The tasks that something was spent on.
    pub(crate) const fn tasks(&self) -> &Named<Account> {
        &self.tasks
    }

    /// The people and tenants that something was spent for.
    pub(crate) const fn principals(&self) -> &Named<Account> {
        &self.principals
    }

    /// How many alerts were ever given.
    pub const fn given(&self) -> u64 {
        self.given
    }

    /// The alerts that were given, oldest first.
    pub fn alerts(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.alerts.iter()
    }

    /// Gives the alerts of the thresholds that the payer's purses have crossed, each once.
    pub(crate) fn watch(&mut self, budgets: &Budgets, meters: &Meters, payer: &Payer<'_>, at: Timestamp) {
        if budgets.is_empty() {
            return;
        }
        let purses = Books { ledger: self, meters }.purses(payer);
        let used = budgets.paid_by(payer).map(|budget| (budget, budget.used(&purses, at)));
        let crossed: Vec<_> =
            used.filter(|(budget, used)| budget.threshold(*used) > 0 || budget.span.slides()).collect();
        for (budget, used) in crossed {
            self.mark(budget, budget.threshold(used), used, payer, at);
        }
    }

    /// Gives the alerts that a request is refused, where none was given. A budget for one request gives none: each
    /// of its refusals stands for itself.
    pub(crate) fn refused(
        &mut self,
        budgets: &Budgets,
        meters: &Meters,
        payer: &Payer<'_>,
        wanted: Spend,
        at: Timestamp,
    ) {
        let purses = Books { ledger: self, meters }.purses(payer);
        let lasting = budgets.paid_by(payer).filter(|budget| budget.purse != Purse::Request);
        let refusing = lasting.filter_map(|budget| {
            let excess = budget.exceeded(&purses, wanted, at)?;
            Some((budget, excess.used.saturating_add(excess.requested)))
        });
        let refusing: Vec<_> = refusing.collect();
        for (budget, beyond) in refusing {
            self.mark(budget, 100, beyond, payer, at);
        }
    }

    fn mark(&mut self, budget: &Budget, percent: u8, used: u64, payer: &Payer<'_>, at: Timestamp) {
        let key = (budget.name.clone(), budget.purse_of(payer));
        let start = budget.span.start(at);
        let before = self.marks.get(&key).filter(|mark| mark.start == start).map_or(0, |mark| mark.percent);
        if percent > before {
            let (name, purse) = key.clone();
            self.given += 1;
            self.alerts.push_back(budget.alert(percent, used, name, purse, at));
            if self.alerts.len() > KEPT_ALERTS {
                self.alerts.pop_front();
            }
        }
        // A window that slides has no end at which alerts begin anew: they do when what is used falls.
        if percent > before || (budget.span.slides() && percent < before) {
            self.marks.insert(key, Mark { start, percent, at });
            if self.marks.len() > KEPT_MARKS {
                self.marks.retain(|_, mark| at.since(mark.at) < IDLE_US);
                while self.marks.len() > KEPT_MARKS {
                    self.marks.pop_first();
                }
            }
        }
    }
}
