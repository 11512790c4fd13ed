//! Tiers: how well each agent does, seen from its record alone, and what follows when it does badly.
//!
//! A tier comes from this monitor and never from the action that is judged. Without data there is no tier, and
//! nothing follows. Tier 3 sets the safety lock of the agent; tiers 1 and 2 do so by their lock criteria.

pub mod alert;
pub mod assess;
pub mod config;
pub mod monitor;
pub mod performance;

use crate::decision::PolicyId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is measured of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of actions that ended well.
    SuccessRate,
    /// The mean time of an action, in seconds.
    ResponseTime,
    /// The share of what was asked for that ran and ended well.
    EfficiencyScore,
    /// How far actions serve their purpose, from 0 to 1. Reported from outside; unknown otherwise.
    MarketImpact,
}

impl Metric {
    /// Every metric, in the order of alerts.
    pub const ALL: [Self; 4] =
        [Self::SuccessRate, Self::ResponseTime, Self::EfficiencyScore, Self::MarketImpact];

    /// The name, as in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuccessRate => "success_rate",
            Self::ResponseTime => "response_time",
            Self::EfficiencyScore => "efficiency_score",
            Self::MarketImpact => "market_impact",
        }
    }

    /// Whether less is better.
    pub const fn falls(self) -> bool {
        matches!(self, Self::ResponseTime)
    }

    /// Where it should be. Source: T-11.
    pub const fn target(self) -> f64 {
        match self {
            Self::SuccessRate => 0.85,
            Self::ResponseTime => 30.0,
            Self::EfficiencyScore => 0.75,
            Self::MarketImpact => 0.60,
        }
    }
}

impl std::str::FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no metric; there are {names}")
        })
    }
}

/// A figure about an agent that somebody has measured outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The agent.
    pub agent: String,
    /// Of what.
    pub metric: Metric,
    /// From 0 to 1; seconds for the response time.
    pub value: f64,
    /// The policy whose `tiers:` it counts under.
    pub policy: PolicyId,
    /// Who measured it.
    pub by: String,
}
