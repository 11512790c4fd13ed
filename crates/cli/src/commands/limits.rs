//! `stayhand limits`: every limit of the policy in force and what is used of it.

use crate::args::{Global, PolicyArgs};
use crate::{Exit, show};
use anstream::println;
use serde::Serialize;
use stayhand_core::control::limit::{Limit, Measure, Usage};

/// One limit in one scope.
#[derive(Debug, Serialize)]
struct Line {
    limit: String,
    of: Measure,
    scope: String,
    max: u64,
    #[serde(flatten)]
    usage: Usage,
}

pub(super) fn run(global: &Global, policy: &PolicyArgs) -> anyhow::Result<Exit> {
    let engine = super::engine(global, super::files_in(&policy.policies, None)?)?;
    let in_force = engine.policy();
    let lines = engine.refreshed(|state, now| {
        let of = |limit: &Limit| {
            let scopes = state.meters().scopes(limit.per);
            let line = |scope: &stayhand_core::control::scope::Scope| Line {
                limit: limit.name.clone(),
                of: limit.of,
                scope: scope.to_string(),
                max: limit.max,
                usage: limit.usage(state.meters(), scope, now),
            };
            scopes.iter().map(line).collect::<Vec<_>>()
        };
        in_force.controls().limits.iter().flat_map(of).collect::<Vec<Line>>()
    })?;
    if global.json {
        show::json(&lines)?;
        return Ok(Exit::Permitted);
    }
    if in_force.controls().limits.is_empty() {
        println!("the policy has no limits; docs/POLICY.md says how to write some");
    }
    for line in lines {
        let free = match line.usage.resets_in_us {
            0 => String::new(),
            wait => format!("  first free again in {} s", wait.div_ceil(1_000_000)),
        };
        let (used, max) = (amount(line.of, line.usage.used), amount(line.of, line.max));
        println!("{:<24} {:<24} {used} of {max}{free}", line.limit, show::line(&line.scope, 40));
    }
    Ok(Exit::Permitted)
}

/// An amount in the unit that people write.
fn amount(of: Measure, amount: u64) -> String {
    match of {
        Measure::Value | Measure::ValuePerAction => {
            let cents = amount / 10_000_000;
            format!("${}.{:02}", cents / 100, cents % 100)
        }
        Measure::Time => format!("{} s", amount / 1_000_000),
        _ => amount.to_string(),
    }
}
