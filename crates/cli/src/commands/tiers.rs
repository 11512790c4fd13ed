//! `stayhand tiers`: how well agents do.

use super::orders;
use crate::args::{Global, PolicyArgs, Tiers};
use crate::{Exit, home, show};
use anstream::println;
use serde::Serialize;
use stayhand_core::control::tier::Metric;
use stayhand_core::control::tier::assess::{Assessment, Status};
use stayhand_core::control::tier::monitor::Watched;
use stayhand_core::control::tier::performance::{Snapshot, Trend};
use std::collections::BTreeMap;

/// One agent.
#[derive(Debug, Serialize)]
struct Line {
    agent: String,
    #[serde(flatten)]
    assessment: Assessment,
    #[serde(flatten)]
    snapshot: Snapshot,
    consecutive_failures: u32,
    remediations: u32,
    trends: BTreeMap<&'static str, Trend>,
}

impl Line {
    fn new(agent: &str, watched: &Watched) -> Self {
        let performance = watched.performance();
        let snapshot = performance.snapshot();
        let known = Metric::ALL.into_iter().filter(|metric| snapshot.value(*metric).is_some());
        Self {
            agent: agent.to_owned(),
            assessment: *watched.assessment(),
            snapshot,
            consecutive_failures: watched.consecutive_failures(),
            remediations: watched.iterations(),
            trends: known.map(|metric| (metric.name(), performance.trend(metric))).collect(),
        }
    }
}

pub(super) fn run(global: &Global, words: &Tiers) -> anyhow::Result<Exit> {
    match words {
        Tiers::List(policy) => list(global, policy),
        Tiers::Alerts(policy) => alerts(global, policy),
        Tiers::Measure { agent, metric, value, by } => {
            let by = by.clone().unwrap_or_else(home::person);
            let engine = super::engine_for_orders(global)?;
            if let Err(error) = engine.measure(agent, *metric, *value, &by) {
                return orders::not_followed(error);
            }
            if global.json {
                show::json(
                    &serde_json::json!({ "agent": agent, "metric": metric, "value": value, "by": by }),
                )?;
            } else {
                println!("{} of {} is {value}, by {by}", metric.name(), show::line(agent, 40));
            }
            Ok(Exit::Permitted)
        }
    }
}

fn list(global: &Global, policy: &PolicyArgs) -> anyhow::Result<Exit> {
    let engine = super::engine(global, super::files_in(&policy.policies, None)?)?;
    let mut lines: Vec<Line> = engine.refreshed(|state, _| {
        state.monitor().agents().map(|(agent, watched)| Line::new(agent, watched)).collect()
    })?;
    lines.sort_by(|one, other| one.agent.cmp(&other.agent));
    if global.json {
        show::json(&lines)?;
        return Ok(Exit::Permitted);
    }
    if engine.policy().controls().tiers.is_none() {
        println!("the policy has no tiers; docs/POLICY.md says how to write them");
    } else if lines.is_empty() {
        println!("nothing is known of any agent yet");
    }
    for line in lines {
        let (word, style) = match line.assessment.status {
            Status::InsufficientData => ("too little is known".to_owned(), show::YELLOW),
            Status::Healthy => (format!("healthy, {:.2}", line.assessment.health), show::GREEN),
            Status::Degraded => {
                (format!("tier {}, {:.2}", line.assessment.tier, line.assessment.health), show::RED)
            }
        };
        let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        println!(
            "{:<24} {:<20} success {}  seconds {}  efficiency {}  impact {}  {} failures in a row",
            show::line(&line.agent, 40),
            show::styled(style, word),
            share(line.snapshot.success_rate),
            share(line.snapshot.average_response_time),
            share(line.snapshot.efficiency_score),
            share(line.snapshot.market_impact_score),
            line.consecutive_failures
        );
    }
    Ok(Exit::Permitted)
}

fn alerts(global: &Global, policy: &PolicyArgs) -> anyhow::Result<Exit> {
    let engine = super::engine(global, super::files_in(&policy.policies, None)?)?;
    let (alerts, systemic) = engine.refreshed(|state, _| {
        let alerts: Vec<_> = state.monitor().alerts().cloned().collect();
        (alerts, state.monitor().systemic().cloned().collect::<Vec<_>>())
    })?;
    if global.json {
        let alerts: Vec<_> = alerts
            .iter()
            .map(|(agent, alert)| serde_json::json!({ "agent_id": agent, "alert": alert }))
            .collect();
        show::json(&serde_json::json!({ "alerts": alerts, "systemic_alerts": systemic }))?;
        return Ok(Exit::Permitted);
    }
    if alerts.is_empty() && systemic.is_empty() {
        println!("no alerts");
    }
    for (agent, alert) in alerts {
        println!("{} {} {}", alert.timestamp, show::line(&agent, 40), alert.message);
    }
    for alert in systemic {
        println!("{}", alert.line());
    }
    Ok(Exit::Permitted)
}
