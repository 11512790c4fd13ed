//! Which tier an agent is in, and how sure that is.

use super::Metric;
use super::config::{Level, LockCriteria, TierConfig};
use super::performance::Snapshot;
use serde::{Deserialize, Serialize};

/// How an agent does. Source: T-01.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Too little is known.
    #[default]
    InsufficientData,
    /// No bound is crossed.
    Healthy,
    /// A bound is crossed.
    Degraded,
}

/// What is made of a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// 1, 2 or 3; 0 = too little is known.
    pub tier: u8,
    /// How the agent does.
    pub status: Status,
    /// From 0 to 1, two places (A165).
    pub health: f64,
    /// How sure the tier is, from 0 to 1: the share of its bounds that are crossed, less where it rests on few endings
    /// (A164, D106).
    pub evidence: f64,
}

/// What R2 attaches to alerts. Source: A167.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// The agent.
    pub agent_id: String,
    /// Its tier.
    pub tier: u8,
    /// R2's figure, kept for those who read it; it locks nothing (A164).
    pub confidence: f64,
    /// Remediations in one stay.
    pub max_iterations: u32,
    /// When the agent is locked.
    pub lock_criteria: LockCriteria,
    /// What the tier looks at.
    pub trigger_metrics: Vec<Metric>,
}

/// Endings at which half of the evidence counts.
const HALF_EVIDENCE: f64 = 10.0;

/// A bound must be passed by so much before an agent leaves its tier for a better one.
const HYSTERESIS: f64 = 0.05;

impl TierConfig {
    /// Assesses a snapshot of an agent that was in the tier `before` (0 = in none).
    pub fn assess(&self, snapshot: &Snapshot, before: u8) -> Assessment {
        if snapshot.samples < self.min_samples {
            return Assessment::default();
        }
        self.judge(snapshot, before)
    }

    /// The same, however little it rests on (A163).
    pub fn judge(&self, snapshot: &Snapshot, before: u8) -> Assessment {
        let [one, two, three] = &self.levels;
        let is_in = |level: &Level| crossed(level, snapshot, before >= level.tier) > 0;
        let (level, tier) = if is_in(three) {
            (three, 3)
        } else if is_in(two) {
            (two, 2)
        } else {
            (one, 1)
        };
        let (crossed, known) = (crossed(level, snapshot, before >= tier), known(level, snapshot));
        let certain = f64::from(snapshot.samples) / (f64::from(snapshot.samples) + HALF_EVIDENCE);
        Assessment {
            tier,
            status: if crossed > 0 { Status::Degraded } else { Status::Healthy },
            health: health(snapshot),
            evidence: certain * f64::from(crossed) / f64::from(known.max(1)),
        }
    }

    /// What R2 attaches to alerts.
    pub fn payload(&self, agent: &str, assessment: &Assessment) -> Payload {
        let level = self.level(assessment.tier);
        Payload {
            agent_id: agent.to_owned(),
            tier: assessment.tier,
            confidence: two_places((1.0 - (0.75 - assessment.health).abs()).clamp(0.0, 1.0)),
            max_iterations: level.max_iterations,
            lock_criteria: level.lock_criteria,
            trigger_metrics: level.trigger_metrics(),
        }
    }
}

/// How many bounds of a tier are crossed. To leave a tier, a bound must be passed by a margin (D107).
fn crossed(level: &Level, snapshot: &Snapshot, stays: bool) -> u32 {
    let margin = if stays { HYSTERESIS } else { 0.0 };
    let crosses = |metric: &Metric| match (level.bound(*metric), snapshot.value(*metric)) {
        (Some(bound), Some(value)) if metric.falls() => value >= bound * (1.0 - margin),
        (Some(bound), Some(value)) => value <= bound * (1.0 + margin),
        _ => false,
    };
    Metric::ALL.iter().map(|metric| u32::from(crosses(metric))).sum()
}

/// How many metrics of a tier are known.
fn known(level: &Level, snapshot: &Snapshot) -> u32 {
    let is_known = |metric: &Metric| level.bound(*metric).is_some() && snapshot.value(*metric).is_some();
    Metric::ALL.iter().map(|metric| u32::from(is_known(metric))).sum()
}

/// A165. What is unknown has no weight.
fn health(snapshot: &Snapshot) -> f64 {
    let part = |metric: Metric| {
        let value = snapshot.value(metric)?;
        let part = value / metric.target();
        Some(if metric.falls() { (1.0 - part).max(0.0) } else { part.min(1.0) })
    };
    let weighted = [
        (0.3, part(Metric::SuccessRate)),
        (0.25, part(Metric::ResponseTime)),
        (0.25, part(Metric::EfficiencyScore)),
        (0.2, part(Metric::MarketImpact)),
    ];
    let sum: f64 = weighted.iter().filter_map(|(weight, part)| Some(weight * (*part)?)).sum();
    if weighted.iter().all(|(_, part)| part.is_some()) {
        return two_places(sum);
    }
    let weight: f64 = weighted.iter().filter(|(_, part)| part.is_some()).map(|(weight, _)| weight).sum();
    if weight > 0.0 { two_places(sum / weight) } else { 0.0 }
}

/// Rounds to two places as Python does: by the exact value.
fn two_places(value: f64) -> f64 {
    format!("{value:.2}").parse().unwrap_or(value)
}
