//! How budgets stand: a line for each budget and purse, for people.

use super::budget::{Purse, Span};
use super::budgets::Budgets;
use super::ledger::{Ledger, Payer};
use super::named::Named;
use super::purses::Books;
use crate::state::Open;
use crate::time::Timestamp;
use serde::Serialize;

/// How one budget stands in one purse. Amounts are nano-dollars, or tokens where it counts those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The budget's name.
    pub budget: String,
    /// Whose purse: `all`, `agent:NAME`, ….
    pub purse: String,
    /// Over what time it counts: `daily`, ….
    pub period: &'static str,
    /// Whether it counts tokens.
    pub of_tokens: bool,
    /// The most there may be.
    pub limit: u64,
    /// What is used, reservations included.
    pub used: u64,
    /// What of it is reserved for actions that have not ended.
    pub reserved: u64,
    /// What is left, not below zero (A272).
    pub remaining: u64,
    /// Microseconds until something becomes free; zero where that is not a matter of time.
    pub resets_in_us: u64,
}

impl Status {
    /// An amount of it for people: dollars with two places, or tokens.
    pub fn shown(&self, amount: u64) -> String {
        if self.of_tokens { amount.to_string() } else { super::money::Money(amount).dollars() }
    }
}

/// How budgets stand, in every purse that something was spent from.
pub fn status<'a>(
    budgets: &Budgets,
    books: Books<'_>,
    open: impl Iterator<Item = &'a Open> + Clone,
    now: Timestamp,
) -> Vec<Status> {
    let mut lines = Vec::new();
    for budget in budgets.iter() {
        let counts = |at: Timestamp| match budget.span {
            Span::Rolling(window_us) => now.since(at) < window_us,
            span => at >= span.start(now),
        };
        for payer in payers(budget.purse, books.ledger) {
            let purse = budget.purse_of(&payer);
            let same = |open: &&Open| {
                let by = open.payer();
                counts(open.started) && budget.counts(&by) && budget.purse_of(&by) == purse
            };
            let reserved = open.clone().filter(same).map(|open| budget.part(open.spend()));
            let purses = books.purses(&payer);
            let used = budget.used(&purses, now);
            lines.push(Status {
                budget: budget.name.clone(),
                period: budget.span.name(),
                of_tokens: budget.of_tokens,
                limit: budget.limit,
                used,
                reserved: reserved.fold(0, u64::saturating_add).min(used),
                remaining: budget.limit.saturating_sub(used),
                resets_in_us: budget.resets_in_us(&purses, now),
                purse,
            });
        }
    }
    lines
}

/// Somebody who pays from each purse of a kind, ordered by name.
fn payers(purse: Purse, ledger: &Ledger) -> Vec<Payer<'_>> {
    const NOBODY: Payer<'static> = Payer { agent: "", session: "", task: "", principal: "" };
    fn named<'a, T: Default>(accounts: &'a Named<T>, of: impl Fn(&'a str) -> Payer<'a>) -> Vec<Payer<'a>> {
        let mut names: Vec<&str> = accounts.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.into_iter().map(of).collect()
    }
    match purse {
        Purse::All | Purse::Team | Purse::Request => vec![NOBODY],
        Purse::Agent => named(ledger.agents(), |agent| Payer { agent, ..NOBODY }),
        Purse::Session => named(ledger.sessions(), |session| Payer { session, ..NOBODY }),
        Purse::Task => named(ledger.tasks(), |task| Payer { task, ..NOBODY }),
        Purse::Principal => named(ledger.principals(), |principal| Payer { principal, ..NOBODY }),
    }
}
