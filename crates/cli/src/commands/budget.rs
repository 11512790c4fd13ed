//! `stayhand budget`: every budget of the policy in force, and what is used, reserved and left of it.

use crate::args::{Global, PolicyArgs};
use crate::{Exit, show};
use anstream::println;
use serde::Serialize;
use stayhand_core::control::budget_status::Status;
use stayhand_core::control::ledger::Alert;

#[derive(Debug, Serialize)]
struct Report {
    budgets: Vec<Status>,
    alerts: Vec<Alert>,
}

/// The newest alerts that are shown.
const SHOWN_ALERTS: usize = 20;

pub(super) fn run(global: &Global, policy: &PolicyArgs) -> anyhow::Result<Exit> {
    let report = report(global, policy)?;
    if global.json {
        show::json(&report)?;
        return Ok(Exit::Permitted);
    }
    print(&report.budgets);
    let hidden = report.alerts.len().saturating_sub(SHOWN_ALERTS);
    for Alert { at, level, budget, purse, message, .. } in report.alerts.iter().skip(hidden) {
        let time = at.to_string();
        let level = format!("{level:?}").to_lowercase();
        println!(
            "{} {level:<8} {budget} of {}: {message}",
            show::styled(show::DIM, time.get(..19).unwrap_or_default()),
            show::line(purse, 40)
        );
    }
    Ok(Exit::Permitted)
}

fn report(global: &Global, policy: &PolicyArgs) -> anyhow::Result<Report> {
    let engine = super::engine(global, super::files_in(&policy.policies, None)?)?;
    let in_force = engine.policy();
    Ok(engine.refreshed(|state, now| Report {
        budgets: state.budget_status(&in_force.controls().budgets, now),
        alerts: state.ledger().alerts().cloned().collect(),
    })?)
}

/// The status of the budgets in force, for `stayhand cost`.
pub(super) fn status(global: &Global, policy: &PolicyArgs) -> anyhow::Result<Vec<Status>> {
    Ok(report(global, policy)?.budgets)
}

/// A line for each budget and purse.
pub(super) fn print(budgets: &[Status]) {
    if budgets.is_empty() {
        println!("the policy has no budgets, or nothing was spent; docs/POLICY.md says how to write some");
    }
    for status in budgets {
        let unit = if status.of_tokens { "" } else { "$" };
        let resets = match status.resets_in_us {
            0 => String::new(),
            wait => format!(", resets in {}", duration(wait / 1_000_000)),
        };
        let reserved = match status.reserved {
            0 => String::new(),
            _ => format!(", {unit}{} of it reserved", status.shown(status.reserved)),
        };
        println!(
            "{}: {unit}{} / {unit}{} ({unit}{} remaining{reserved}{resets}) {}",
            title(status),
            status.shown(status.used),
            status.shown(status.limit),
            status.shown(status.remaining),
            show::styled(show::DIM, show::line(&format!("{} of {}", status.budget, status.purse), 60))
        );
    }
}

/// `Daily` for `daily`.
fn title(status: &Status) -> String {
    let mut letters = status.period.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
