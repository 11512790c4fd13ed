//! What is looked at now, every day and every week.

use super::{heading, print_advice, read};
use crate::args::{Cost, CostReport, Global};
use crate::commands::budget;
use crate::{Exit, commands, home, show};
use anstream::println;
use serde::Serialize;
use stayhand_core::control::advice::{Advice, Patterns, advise};
use stayhand_core::control::budget_status::Status;
use stayhand_core::control::cost::Costs;
use stayhand_core::control::cost_report::{
    Call, Daily, Dearest, Live, Weekly, Worth, day_of, end_of, week_before, yesterday,
};
use std::collections::BTreeMap;

/// A report and how the budgets stand.
#[derive(Debug, Serialize)]
struct WithBudgets<T> {
    #[serde(flatten)]
    report: T,
    budgets: Vec<Status>,
}

/// A report and what could be saved.
#[derive(Debug, Serialize)]
struct WithAdvice<T> {
    #[serde(flatten)]
    report: T,
    recommendations: Vec<Advice>,
}

pub(super) fn run(global: &Global, wanted: &Cost, report: CostReport) -> anyhow::Result<Exit> {
    if wanted.day.is_some() && report != CostReport::Daily {
        return Err(home::usage("--day is for `--report daily`"));
    }
    if wanted.hours_saved.is_some() && report != CostReport::Weekly {
        return Err(home::usage("--hours-saved is for `--report weekly`"));
    }
    let said = [wanted.hours_saved, wanted.hour_worth].into_iter().flatten();
    if let Some(wrong) = said.into_iter().find(|number| !number.is_finite() || *number < 0.0) {
        return Err(home::usage(format!("{wrong} is no number of hours or dollars")));
    }
    match report {
        CostReport::Live => live(global, wanted),
        CostReport::Daily => daily(global, wanted),
        CostReport::Weekly => weekly(global, wanted),
    }?;
    Ok(Exit::Permitted)
}

fn live(global: &Global, wanted: &Cost) -> anyhow::Result<()> {
    let (mut costs, mut dearest) = (Costs::default(), Dearest::default());
    let now = read(global, None, |record| {
        if let Some(spent) = costs.read(record) {
            dearest.read(&spent);
        }
    })?;
    let report = Live::of(&costs, dearest, now);
    let budgets = budget::status(global, &wanted.policy)?;
    if global.json {
        return show::json(&WithBudgets { report, budgets });
    }
    println!("Hourly burn rate: ${:.2}/hour", report.hourly_burn_rate_dollars);
    print_dollars("agent", &report.cost_per_agent_dollars);
    print_calls("Most expensive calls", &report.most_expensive_operations);
    heading("BUDGET STATUS");
    budget::print(&budgets);
    Ok(())
}

fn daily(global: &Global, wanted: &Cost) -> anyhow::Result<()> {
    let day = wanted.day.map_or_else(|| yesterday(stayhand_runtime::Clock::System.now()), day_of);
    let (mut costs, mut dearest) = (Costs::default(), Dearest::default());
    read(global, None, |record| {
        let spent = costs.read(record);
        if let Some(spent) = spent.filter(|spent| (day..end_of(day)).contains(&spent.at)) {
            dearest.read(&spent);
        }
    })?;
    let report = Daily::of(&costs, dearest, day);
    let budgets = budget::status(global, &wanted.policy)?;
    if global.json {
        return show::json(&WithBudgets { report, budgets });
    }
    println!("{}: ${:.2}, {} calls", report.day, report.total_cost_dollars, report.total_calls);
    match (report.usual_day_dollars, report.trend_percent) {
        (Some(usual), Some(trend)) => println!("A usual day before: ${usual:.2} ({trend:+.0}%)"),
        (Some(usual), None) => println!("A usual day before: ${usual:.2}"),
        (None, _) => println!("Nothing is known of the days before."),
    }
    println!("Failed: {} calls, ${:.2} wasted", report.failed_calls, report.wasted_dollars);
    print_calls("Most expensive calls", &report.top_calls);
    heading("BUDGET USE NOW");
    for status in &budgets {
        let percent = u128::from(status.used) * 100 / u128::from(status.limit.max(1));
        println!("{percent:>3}% of {} of {}", status.budget, show::line(&status.purse, 60));
    }
    Ok(())
}

fn weekly(global: &Global, wanted: &Cost) -> anyhow::Result<()> {
    let worth = match (wanted.hours_saved, wanted.hour_worth) {
        (Some(hours_saved), Some(hour_dollars)) => Some(Worth { hours_saved, hour_dollars }),
        _ => None,
    };
    let since = week_before(stayhand_runtime::Clock::System.now());
    let (mut all, mut costs, mut patterns) = (Costs::default(), Costs::default(), Patterns::default());
    let now = read(global, None, |record| {
        let spent = all.read(record);
        if let Some(spent) = spent.filter(|spent| spent.at >= since) {
            costs.add(&spent);
            patterns.read(&spent);
        }
    })?;
    costs.counted_since(all.first().unwrap_or(now).max(since));
    let report = Weekly::of(&costs, worth, now);
    let policy = commands::load(&commands::files_in(&wanted.policy.policies, None)?)?;
    let recommendations = advise(&costs, &patterns, policy.prices(), now);
    if global.json {
        return show::json(&WithAdvice { report, recommendations });
    }
    println!("The last seven days: ${:.2}, {} calls", report.total_cost_dollars, report.total_calls);
    println!("Projected monthly: ${:.0}/month", report.projected_monthly_cost_dollars);
    match (report.saved_dollars, report.return_on_investment_percent) {
        (Some(saved), Some(percent)) => {
            println!("Time saved: ${saved:.2}, a return on investment of {percent:.0}%");
        }
        (Some(saved), None) => println!("Time saved: ${saved:.2}; nothing was spent"),
        (None, _) => {
            println!("Return on investment: not known without --hours-saved HOURS --hour-worth DOLLARS");
        }
    }
    print_dollars("agent", &report.by_agent);
    print_dollars("model", &report.by_model);
    print_advice(&recommendations);
    Ok(())
}

fn print_dollars(by: &str, groups: &BTreeMap<String, f64>) {
    println!("\nCost by {by}:");
    let mut groups: Vec<_> = groups.iter().collect();
    groups.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    for (group, dollars) in groups {
        println!("  {}: ${dollars:.2}", show::line(group, 60));
    }
}

fn print_calls(what: &str, calls: &[Call]) {
    println!("\n{what}:");
    for call in calls {
        let time = call.at.to_string();
        println!(
            "  ${:<10.4} {} decision {:<6} {} of {}{}",
            call.cost_dollars,
            time.get(..19).unwrap_or_default(),
            call.decision,
            show::line(&call.model, 30),
            show::line(&call.agent, 30),
            if call.success { "" } else { ", failed" }
        );
    }
}
