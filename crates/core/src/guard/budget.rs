//! What the action may cost at most, and whether every budget has room for it. All are asked together; nothing is
//! reserved of any unless the action is permitted.

use crate::control::Consequence;
use crate::control::ledger::{Payer, Spend};
use crate::control::money::Money;
use crate::control::purses::Books;
use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::request::Context;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, state: &State, ask: &Ask<'_>, now: Timestamp, answers: &mut Answers) {
    let payer = Payer::of(ask.request);
    let budgets = policy.controls.budgets.paid_by(&payer);
    let limits_money = budgets.clone().any(|budget| !budget.of_tokens);
    let wanted = match demand(policy, &ask.request.context, limits_money) {
        Ok(wanted) => wanted,
        Err((reason, subject, because)) => {
            let found = Finding::new(GuardName::Budget, reason, Effect::Deny);
            return answers.add(found.subject(subject).because(because));
        }
    };
    answers.spend = wanted;
    if wanted.is_none() {
        return;
    }
    let purses = Books { ledger: state.ledger(), meters: state.meters() }.purses(&payer);
    for budget in budgets {
        let Some(excess) = budget.exceeded(&purses, wanted, now) else { continue };
        let Some((effect, stop)) = budget.beyond(&payer) else { continue };
        let sentence = budget.sentence(&excess);
        if let Some((act, scope)) = stop {
            answers.consequences.push(Consequence { act, scope, reason: sentence.clone(), tier: None });
        }
        let found = Finding::new(GuardName::Budget, Reason::BudgetExceeded, effect);
        answers.add(found.subject(budget.name.as_str()).because(sentence));
    }
}

type Unknown = (Reason, &'static str, String);

/// The most the action can spend: its declared cost, or that of the model and tokens it declares, whichever is more.
/// A model without tokens, or tokens without a limit, are no cost; where a budget limits money, they are refused.
fn demand(policy: &Policy, context: &Context, limits_money: bool) -> Result<Spend, Unknown> {
    let declared = Money(context.cost_nanousd.unwrap_or(0));
    let count = |name: &'static str| match context.declared.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| (Reason::InvalidInput, name, "must be a whole number, zero or more".to_owned())),
    };
    let (input, cached, output) =
        (count("input_tokens")?, count("cached_tokens")?, count("max_output_tokens")?);
    if input.is_none() && cached.is_none() && output.is_none() {
        return Ok(Spend { money: declared, tokens: 0 });
    }
    let (input, cached) = (input.unwrap_or(0), cached.unwrap_or(0));
    let too_many = || (Reason::InvalidInput, "input_tokens", "more tokens than can be counted".to_owned());
    let sum = input.checked_add(cached).and_then(|sum| sum.checked_add(output.unwrap_or(0)));
    let tokens = sum.ok_or_else(too_many)?;
    let missing =
        |name: &'static str| (Reason::CostMissing, name, format!("tokens are declared without `{name}`"));
    let model = context.declared.get("model").and_then(|model| model.as_str());
    let known_cost = context.cost_nanousd.is_some() || !limits_money;
    let Some(model) = model else {
        return if known_cost { Ok(Spend { money: declared, tokens }) } else { Err(missing("model")) };
    };
    let unknown = || (Reason::UnknownModel, "model", format!("unknown model `{model}`"));
    let price = policy.prices().of(model).ok_or_else(unknown)?;
    if output.is_none() && !known_cost {
        return Err(missing("max_output_tokens"));
    }
    let cost = price.worst_case(input, cached, output.unwrap_or(0)).ok_or_else(too_many)?;
    Ok(Spend { money: cost.max(declared), tokens })
}
