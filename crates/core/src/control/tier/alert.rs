//! Alerts about agents that do badly: each once while it lasts, the newest kept.

use super::Metric;
use super::assess::Payload;
use super::config::LockCriteria;
use super::performance::Snapshot;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How serious an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look.
    Medium,
    /// Worth one now.
    High,
    /// Stop.
    Critical,
}

/// A metric is beyond its threshold. Sources: A166, A167.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Always `performance`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Which metric.
    pub metric: Metric,
    /// Its value.
    pub current_value: f64,
    /// The threshold that it is beyond.
    pub threshold: f64,
    /// Where it should be.
    pub target: f64,
    /// How serious it is.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// When, RFC 3339 in UTC.
    pub timestamp: String,
    /// What R2 recommends.
    pub recommended_action: Payload,
}

/// An agent is in tier 3. Source: A168.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Systemic {
    /// Always `systemic_anomaly`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Always critical.
    pub severity: Severity,
    /// Always 3.
    pub tier: u8,
    /// R2's figure.
    pub confidence: f64,
    /// The agent.
    pub agent_id: String,
    /// When, RFC 3339 in UTC.
    pub timestamp: String,
    /// What it rests on.
    pub diagnostic_brief: Brief,
}

/// What a systemic alert rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// What the tier looks at.
    pub trigger_metrics: Vec<Metric>,
    /// The alerts of the agent that last.
    pub alerts: Vec<Alert>,
    /// Remediations in one stay.
    pub max_iterations: u32,
    /// When the agent is locked.
    pub lock_criteria: LockCriteria,
}

impl Systemic {
    pub(super) fn new(payload: &Payload, alerts: Vec<Alert>, at: Timestamp) -> Self {
        Self {
            kind: "systemic_anomaly".into(),
            severity: Severity::Critical,
            tier: 3,
            confidence: payload.confidence,
            agent_id: payload.agent_id.clone(),
            timestamp: at.to_string(),
            diagnostic_brief: Brief {
                trigger_metrics: payload.trigger_metrics.clone(),
                alerts,
                max_iterations: payload.max_iterations,
                lock_criteria: payload.lock_criteria,
            },
        }
    }

    /// The line of the log.
    pub fn line(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_else(|error| format!("\"{error}\""));
        format!("[ALERTING_SUBSYSTEM] Tier 3 systemic anomaly routed: {json}")
    }
}

/// Where alerts begin, and where they are high. Source: A166.
const fn thresholds(metric: Metric) -> (f64, Option<f64>) {
    match metric {
        Metric::SuccessRate => (0.70, Some(0.5)),
        Metric::ResponseTime => (60.0, Some(120.0)),
        Metric::EfficiencyScore => (0.50, Some(0.3)),
        Metric::MarketImpact => (0.30, None),
    }
}

/// How serious a value is; `None` = it is no matter. Strictly beyond a threshold.
pub(super) fn severity(metric: Metric, value: f64) -> Option<Severity> {
    let (threshold, high) = thresholds(metric);
    let beyond = |limit: f64| if metric.falls() { value > limit } else { value < limit };
    if high.is_some_and(beyond) {
        Some(Severity::High)
    } else {
        beyond(threshold).then_some(Severity::Medium)
    }
}

/// Whether a value is so far on the good side that an alert ends: by a twentieth of the threshold (A166).
pub(super) fn clears(metric: Metric, value: f64) -> bool {
    let (threshold, _) = thresholds(metric);
    if metric.falls() { value <= threshold * 0.95 } else { value >= threshold * 1.05 }
}

/// The alerts that a snapshot calls for, in the order of [`Metric::ALL`].
pub fn alerts(snapshot: &Snapshot, payload: &Payload, at: Timestamp) -> Vec<Alert> {
    let alert = |metric: Metric| {
        let value = snapshot.value(metric)?;
        let severity = severity(metric, value)?;
        let (threshold, _) = thresholds(metric);
        let side = if metric.falls() { "above" } else { "below" };
        Some(Alert {
            kind: "performance".into(),
            metric,
            current_value: value,
            threshold,
            target: metric.target(),
            severity,
            message: format!("{} is {side} {threshold}: {value:.2}", metric.name()),
            timestamp: at.to_string(),
            recommended_action: payload.clone(),
        })
    };
    Metric::ALL.into_iter().filter_map(alert).collect()
}
