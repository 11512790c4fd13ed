//! What somebody has spent: the accounts and meters that budgets are compared with.

use super::budget::{Budget, Purse};
use super::ledger::{Account, Ledger, Payer};
use super::meter::Meter;
use super::meters::Meters;

/// What budgets are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Books<'a> {
    /// By period of the calendar.
    pub ledger: &'a Ledger,
    /// By sliding window.
    pub meters: &'a Meters,
}

/// What one purse has spent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held<'a> {
    pub(super) account: Option<&'a Account>,
    /// There is none of a task.
    pub(super) meter: Option<&'a Meter>,
}

/// The purses that one payer pays from, each looked up once for all budgets.
#[derive(Debug)]
pub struct Purses<'a> {
    books: Books<'a>,
    all: Held<'a>,
    agent: Held<'a>,
    session: Held<'a>,
    task: Held<'a>,
    principal: Held<'a>,
}

impl<'a> Books<'a> {
    /// The purses of this payer.
    pub fn purses(self, payer: &Payer<'_>) -> Purses<'a> {
        let Self { ledger, meters } = self;
        let held = |account, meter| Held { account, meter };
        Purses {
            books: self,
            all: held(Some(ledger.all()), Some(meters.all())),
            agent: self.of_agent(payer.agent),
            session: held(ledger.sessions().find(payer.session), meters.of_session(payer.session)),
            task: held(ledger.tasks().find(payer.task), None),
            principal: held(ledger.principals().find(payer.principal), meters.of_principal(payer.principal)),
        }
    }

    fn of_agent(self, agent: &str) -> Held<'a> {
        Held { account: self.ledger.agents().find(agent), meter: self.meters.of_agent(agent) }
    }
}

impl<'a> Purses<'a> {
    /// The purses that a budget counts: those of all agents of a team, else one; none for a single request.
    pub(super) fn held_by<'b>(&self, budget: &'b Budget) -> impl Iterator<Item = Held<'a>> + use<'a, 'b> {
        let own = match budget.purse {
            Purse::All => Some(self.all),
            Purse::Agent => Some(self.agent),
            Purse::Session => Some(self.session),
            Purse::Task => Some(self.task),
            Purse::Principal => Some(self.principal),
            Purse::Team | Purse::Request => None,
        };
        let books = self.books;
        own.into_iter().chain(budget.agents.iter().map(move |agent| books.of_agent(agent)))
    }
}
