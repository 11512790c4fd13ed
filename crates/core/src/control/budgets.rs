//! The budgets of a policy, together: which are about whom, and whether each fits into the one it is within.

use super::budget::{Budget, BudgetSource, Purse};
use super::ledger::Payer;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Budgets, in the order in which they are written. Those of teams are found by agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Budget>", into = "Vec<Budget>")]
pub struct Budgets {
    all: Vec<Budget>,
    /// Those that are not a team's, by place.
    of_everybody: Vec<usize>,
    /// For each member of a team, the budgets of everybody and those of the member's teams.
    of_members: FxHashMap<Box<str>, Vec<usize>>,
}

impl From<Vec<Budget>> for Budgets {
    fn from(all: Vec<Budget>) -> Self {
        let mut budgets = Self::default();
        all.into_iter().for_each(|budget| budgets.push(budget));
        budgets
    }
}

impl From<Budgets> for Vec<Budget> {
    fn from(budgets: Budgets) -> Self {
        budgets.all
    }
}

impl Budgets {
    /// Adds a budget.
    pub(crate) fn add(&mut self, source: &BudgetSource) -> Result<(), String> {
        let budget = Budget::compile(source, self.all.len() + 1)?;
        if self.all.iter().any(|known| known.name == budget.name) {
            return Err(format!("two budgets are called `{}`", budget.name));
        }
        self.push(budget);
        Ok(())
    }

    fn push(&mut self, budget: Budget) {
        let place = self.all.len();
        if budget.purse == Purse::Team {
            for agent in &budget.agents {
                let known = self.of_members.entry(agent.as_str().into());
                let places = known.or_insert_with(|| self.of_everybody.clone());
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
        } else {
            self.of_everybody.push(place);
            self.of_members.values_mut().for_each(|places| places.push(place));
        }
        self.all.push(budget);
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Budget> {
        self.all.iter()
    }

    /// Those that count what this payer spends.
    pub fn paid_by(&self, payer: &Payer<'_>) -> impl Iterator<Item = &Budget> + Clone {
        let places = self.of_members.get(payer.agent).unwrap_or(&self.of_everybody);
        places.iter().filter_map(|place| self.all.get(*place))
    }

    /// Checks that each budget fits into the one it is within.
    pub fn check_tree(&self) -> Result<(), String> {
        let find = |name: &str| self.iter().find(|budget| budget.name == name);
        for child in self.iter() {
            let mut above = child;
            for step in 0.. {
                let Some(name) = &above.within else { break };
                let parent = find(name).ok_or_else(|| format!("no budget is called `{name}`"))?;
                if step >= self.all.len() {
                    return Err(format!("the budget `{}` is within itself", child.name));
                }
                if step == 0 {
                    fits(child, parent)?;
                }
                above = parent;
            }
        }
        Ok(())
    }
}

fn fits(child: &Budget, parent: &Budget) -> Result<(), String> {
    // Whoever pays for a request pays from a purse of each kind, but only some agents are of a team.
    let covered = match parent.purse {
        Purse::Team => {
            child.purse == Purse::Team && child.agents.iter().all(|agent| parent.agents.contains(agent))
        }
        purse => purse.breadth() >= child.purse.breadth(),
    };
    if !covered {
        return Err(format!("`{}` covers spending that `{}` does not", child.name, parent.name));
    }
    if child.of_tokens != parent.of_tokens {
        return Err(format!("`{}` and `{}` count different things", child.name, parent.name));
    }
    if child.limit > parent.limit && child.span.length_us() <= parent.span.length_us() {
        return Err(format!(
            "`{}` may not allow more than `{}`, which it is within",
            child.name, parent.name
        ));
    }
    Ok(())
}
