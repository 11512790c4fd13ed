//! What a run may spend, and has spent.

use crate::home;
use stayhand_core::control::cost::Costs;
use stayhand_core::control::money::Money;
use stayhand_core::decision::Layer;
use stayhand_runtime::Engine;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_store::Query;

/// The budget of `--budget`.
const BUDGET: &str = "run-budget";

/// Adds a budget of this many dollars for the session.
pub(super) fn with_budget(files: PolicyFiles, dollars: Option<&str>) -> anyhow::Result<PolicyFiles> {
    let Some(dollars) = dollars else { return Ok(files) };
    Money::parse(dollars).map_err(|error| home::usage(format!("--budget: {error}")))?;
    let text = format!("budgets: [{{name: {BUDGET}, per: session, period: total, limit: {dollars}}}]\n");
    Ok(files.text(Layer::Session, "--budget", text))
}

/// How the budget of this session stands, where it has one.
pub(super) fn of_budget(engine: &Engine, session: &str) -> Option<String> {
    let policy = engine.policy();
    let budgets = &policy.controls().budgets;
    let found = budgets.iter().find(|budget| budget.name == BUDGET)?;
    let purse = format!("session:{session}");
    let all = engine.refreshed(|state, now| state.budget_status(budgets, now)).ok()?;
    let status = all.into_iter().find(|status| status.budget == BUDGET && status.purse == purse);
    let used = status.map_or(0, |status| status.used);
    Some(format!("${} of ${} spent", Money(used).dollars(), Money(found.limit).dollars()))
}

/// What the actions of this session have cost in all.
pub(super) fn in_all(engine: &Engine, session: &str) -> anyhow::Result<Money> {
    let mut costs = Costs::default();
    let query = Query { session: Some(session.to_owned()), ..Query::default() };
    for stored in engine.reader()?.records(&query)? {
        costs.read(&stored?.parse()?);
    }
    Ok(costs.all().money)
}
