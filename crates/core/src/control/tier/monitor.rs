//! The monitor: the performance of every agent, fed from the log, and what it calls for.

use super::alert::{self, Alert, Severity, Systemic};
use super::assess::{Assessment, Status};
use super::config::{LockCriteria, TierConfig};
use super::performance::Performance;
use super::{Measured, Metric};
use crate::control::failure::failures::refused_for_security;
use crate::control::named::Named;
use crate::decision::Effect;
use crate::event::{Decided, Outcome, Settled};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The context value by which an action says that it repairs something by itself. Saying so only ever tightens.
pub const REMEDIATION: &str = "remediation";

/// Alerts of each kind that are kept (A169).
const KEPT_ALERTS: usize = 200;

/// An agent of which nothing was heard for so long is forgotten: 31 days in microseconds.
const FORGOTTEN_US: u64 = 31 * 24 * 3600 * 1_000_000;

/// One agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    performance: Performance,
    assessment: Assessment,
    consecutive_failures: u32,
    /// Remediations since the agent was last healthy.
    iterations: u32,
    /// The alerts that last, by metric.
    raised: [Option<Severity>; Metric::ALL.len()],
    last: Timestamp,
}

impl Watched {
    /// How the agent does.
    pub const fn assessment(&self) -> &Assessment {
        &self.assessment
    }

    /// What was measured.
    pub const fn performance(&self) -> &Performance {
        &self.performance
    }

    /// Failures since the last success.
    pub const fn consecutive_failures(&self) -> u32 {
        self.consecutive_failures
    }

    /// Remediations since the agent was last healthy.
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Whether the criteria of its tier call for a lock (T-02).
    pub fn meets(&self, criteria: &LockCriteria) -> bool {
        self.assessment.evidence >= criteria.min_confidence
            && self.consecutive_failures >= criteria.consecutive_failures
    }

    /// Whether its tier leaves no room for another remediation (T-02).
    pub fn is_spent(&self, config: &TierConfig) -> bool {
        let degraded = self.assessment.status == Status::Degraded;
        degraded && self.iterations >= config.level(self.assessment.tier).max_iterations
    }
}

/// The monitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    agents: Named<Watched>,
    alerts: VecDeque<(String, Alert)>,
    systemic: VecDeque<Systemic>,
    /// Systemic alerts that were ever routed.
    routed: u64,
}

impl Monitor {
    /// An agent, if something is known about it.
    pub fn find(&self, agent: &str) -> Option<&Watched> {
        self.agents.find(agent)
    }

    /// Every agent, by name.
    pub fn agents(&self) -> impl Iterator<Item = (&str, &Watched)> {
        self.agents.iter()
    }

    /// Alerts, each with its agent, oldest first.
    pub fn alerts(&self) -> impl Iterator<Item = &(String, Alert)> {
        self.alerts.iter()
    }

    /// Systemic alerts, oldest first.
    pub fn systemic(&self) -> impl DoubleEndedIterator<Item = &Systemic> {
        self.systemic.iter()
    }

    /// How many systemic alerts there ever were.
    pub const fn routed(&self) -> u64 {
        self.routed
    }

    /// Takes in a decision: what is refused for what it would do was asked for in vain. What is refused because
    /// everything is stopped, or enough was done, says nothing about the agent.
    pub(crate) fn decided(&mut self, config: &TierConfig, decided: &Decided, at: Timestamp) {
        let agent = &decided.request.principal.agent;
        match decided.decision.effect {
            Effect::Allow => {
                if is_remediation(&decided.request) {
                    self.agents.at(agent).iterations += 1;
                }
            }
            Effect::Approve => {}
            Effect::Deny | Effect::Lock => {
                if refused_for_security(&decided.decision).is_some() {
                    self.add(config, agent, &[(Metric::EfficiencyScore, 0.0)], at);
                }
            }
        }
        self.agents.sweep(at, |watched| at.since(watched.last) < FORGOTTEN_US);
    }

    /// Takes in how an action ended.
    pub(crate) fn settled(&mut self, config: &TierConfig, agent: &str, settled: &Settled, at: Timestamp) {
        if matches!(settled.outcome, Outcome::Abandoned { .. }) {
            return;
        }
        let success = settled.outcome.is_success();
        let watched = self.agents.at(agent);
        watched.consecutive_failures =
            if success { 0 } else { watched.consecutive_failures.saturating_add(1) };
        let share = f64::from(u8::from(success));
        let seconds = settled.duration_us as f64 / 1e6;
        let figures =
            [(Metric::SuccessRate, share), (Metric::ResponseTime, seconds), (Metric::EfficiencyScore, share)];
        self.add(config, agent, &figures, at);
    }

    /// Takes in a figure that was measured outside.
    pub(crate) fn measured(&mut self, config: &TierConfig, measured: &Measured, at: Timestamp) {
        self.add(config, &measured.agent, &[(measured.metric, measured.value)], at);
    }

    /// A person has taken the agent's lock off: what was before counts no more.
    pub(crate) fn released(&mut self, agent: &str) {
        if self.agents.find(agent).is_some() {
            *self.agents.at(agent) = Watched::default();
        }
    }

    fn add(&mut self, config: &TierConfig, agent: &str, figures: &[(Metric, f64)], at: Timestamp) {
        let watched = self.agents.at(agent);
        for (metric, value) in figures {
            watched.performance.add(*metric, *value, at, config.window_us);
        }
        watched.last = at;
        let before = watched.assessment.tier;
        let snapshot = watched.performance.snapshot();
        watched.assessment = config.assess(&snapshot, before);
        match watched.assessment.status {
            Status::InsufficientData => return,
            Status::Healthy => watched.iterations = 0,
            Status::Degraded => {}
        }
        let payload = config.payload(agent, &watched.assessment);
        let lasting = alert::alerts(&snapshot, &payload, at);
        for metric in Metric::ALL {
            let Some(raised) = watched.raised.get_mut(metric as usize) else { continue };
            let now = lasting.iter().find(|alert| alert.metric == metric);
            match now {
                // The same alert again is no news, a worse one is.
                Some(alert) if *raised < Some(alert.severity) => {
                    *raised = Some(alert.severity);
                    keep(&mut self.alerts, (agent.to_owned(), alert.clone()));
                }
                Some(_) => {}
                None if snapshot.value(metric).is_none_or(|value| alert::clears(metric, value)) => {
                    *raised = None
                }
                None => {}
            }
        }
        if watched.assessment.tier == 3 && before != 3 {
            self.routed += 1;
            keep(&mut self.systemic, Systemic::new(&payload, lasting, at));
        }
    }
}

fn keep<T>(kept: &mut VecDeque<T>, new: T) {
    kept.push_back(new);
    if kept.len() > KEPT_ALERTS {
        kept.pop_front();
    }
}

/// Whether an action says that it repairs something by itself.
pub(crate) fn is_remediation(request: &crate::request::Request) -> bool {
    request.context.declared.get(REMEDIATION).and_then(serde_json::Value::as_bool) == Some(true)
}
