//! `stayhand cost`: what was spent, summed up from the log, and how to spend less.

mod report;

use crate::args::{Cost, Global, Grouping};
use crate::{Exit, show};
use anstream::println;
use serde::Serialize;
use stayhand_core::control::advice::{Advice, Patterns, advise};
use stayhand_core::control::cost::{Analytics, By, Costs, Sum};
use stayhand_core::event::Record;
use stayhand_core::time::Timestamp;
use stayhand_store::Query;
use std::collections::BTreeMap;

/// Everything as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    total_records: u64,
    analytics: Option<Analytics>,
    groups: BTreeMap<&'a str, BTreeMap<String, Sum>>,
    recommendations: Vec<Advice>,
}

pub(super) fn run(global: &Global, wanted: &Cost) -> anyhow::Result<Exit> {
    if let Some(report) = wanted.report {
        return report::run(global, wanted, report);
    }
    let (mut costs, mut patterns) = (Costs::default(), Patterns::default());
    let now = read(global, wanted.since, |record| {
        if let Some(spent) = costs.read(record) {
            patterns.read(&spent);
        }
    })?;
    let policy = super::load(&super::files_in(&wanted.policy.policies, None)?)?;
    let advice = advise(&costs, &patterns, policy.prices(), now);
    let shown: Vec<(&str, By)> = GROUPS
        .iter()
        .filter(|(_, grouping, _)| wanted.by.is_none_or(|by| by == *grouping))
        .map(|(name, _, by)| (*name, *by))
        .collect();
    if global.json {
        let groups = shown.iter().map(|(name, by)| (*name, costs.by(*by).into_iter().collect())).collect();
        let analytics = costs.analytics(now);
        let total_records = costs.all().calls;
        show::json(&Report { total_records, analytics, groups, recommendations: advice })?;
        return Ok(Exit::Permitted);
    }
    print_totals(&costs, now);
    for (name, by) in shown {
        // Hours are many: they are shown when they are asked for.
        if wanted.by.is_some() || !matches!(by, By::Hour | By::Task) {
            print_group(name, &costs.by(by));
        }
    }
    if wanted.by.is_none() {
        print_advice(&advice);
        heading("BUDGET STATUS");
        super::budget::print(&super::budget::status(global, &wanted.policy)?);
    }
    Ok(Exit::Permitted)
}

/// Reads the log from a moment on. The answer: the time it is, or that of the last record if that is later.
fn read(
    global: &Global,
    since: Option<Timestamp>,
    mut take: impl FnMut(&Record),
) -> anyhow::Result<Timestamp> {
    let mut now = stayhand_runtime::Clock::System.now();
    for stored in super::reader(global)?.records(&Query { from_at: since, ..Query::default() })? {
        let record = stored?.parse()?;
        now = now.max(record.at);
        take(&record);
    }
    Ok(now)
}

const GROUPS: &[(&str, Grouping, By)] = &[
    ("agent", Grouping::Agent, By::Agent),
    ("model", Grouping::Model, By::Model),
    ("task", Grouping::Task, By::Task),
    ("hour", Grouping::Hour, By::Hour),
];

fn print_advice(advice: &[Advice]) {
    heading("OPTIMIZATION RECOMMENDATIONS");
    for (number, advice) in advice.iter().enumerate() {
        let claim = advice.claim.map(|claim| format!(" (the guide claims: {claim})")).unwrap_or_default();
        println!("{}. {}{claim}", number + 1, advice.text);
    }
}

fn heading(text: &str) {
    println!("\n{}", show::styled(show::BOLD, text));
}

fn print_totals(costs: &Costs, now: Timestamp) {
    println!("{}", show::styled(show::BOLD, "COST ANALYTICS"));
    let Some(figures) = costs.analytics(now) else {
        println!("Nothing was spent.");
        return;
    };
    println!("Total cost: {}", costs.all().money);
    println!("Total calls: {}", figures.total_calls);
    println!("Success rate: {:.1}%", figures.success_rate);
    println!("Average cost/call: ${:.6}", figures.average_cost_per_call_cents / 100.0);
    println!("Average cost/successful call: ${:.6}", figures.cost_per_successful_call_cents / 100.0);
    println!("Hourly burn rate: ${:.2}/hour", figures.hourly_burn_rate_dollars);
    println!("Projected monthly: ${:.0}/month", figures.projected_monthly_cost_dollars);
    if costs.reserved().0 > 0 {
        println!("Reserved for actions that have not ended: {}", costs.reserved());
    }
    if figures.estimated_calls > 0 {
        println!("Calls whose cost is an estimate: {}", figures.estimated_calls);
    }
}

fn print_group(name: &str, groups: &[(String, Sum)]) {
    println!("\nCost by {name}:");
    let mut groups: Vec<&(String, Sum)> = groups.iter().collect();
    if name != "hour" {
        groups.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.money));
    }
    for (group, sum) in groups {
        let group = if group.is_empty() { "(none)" } else { group };
        println!(
            "  {}: {} ({} calls, {:.0}% successful)",
            show::line(group, 60),
            sum.money,
            sum.calls,
            sum.success_rate()
        );
    }
}
