//! What is watched of each agent, and what happens when it is unusual: the section `anomaly` of a policy.

use crate::control::Act;
use crate::decision::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What can be watched of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The value that an action moves.
    Value,
    /// A slow change of values, which no single one shows.
    Drift,
    /// Time since the action before: shorter than usual.
    Frequency,
    /// A tool, host or folder that this agent has not used before.
    Novelty,
    /// An unusual order of tools.
    Sequence,
    /// How long an action took.
    Duration,
    /// The share of actions that fail.
    Errors,
    /// What an action cost.
    Cost,
    /// The tokens of an action.
    Tokens,
}

impl Metric {
    /// How many there are.
    pub(super) const COUNT: usize = 9;

    /// Whether it is seen when an action is asked for; the others are seen when it has ended.
    pub(super) const fn is_of_attempts(self) -> bool {
        matches!(self, Self::Value | Self::Drift | Self::Frequency | Self::Novelty | Self::Sequence)
    }

    /// The name, as in a policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Drift => "drift",
            Self::Frequency => "frequency",
            Self::Novelty => "novelty",
            Self::Sequence => "sequence",
            Self::Duration => "duration",
            Self::Errors => "errors",
            Self::Cost => "cost",
            Self::Tokens => "tokens",
        }
    }
}

/// The section `anomaly` of a policy file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnomalySource {
    /// What is watched, and how many standard deviations are too many (`value: 3.0, frequency: 2.5` where left out).
    /// For `novelty`: after how many actions what is new is reported.
    pub watch: Option<BTreeMap<Metric, f64>>,
    /// Dollars below and above which any value is anomalous, from the first action on.
    pub value_bounds: Option<(f64, f64)>,
    /// What becomes of a single anomalous action: `approve` (the default) or `deny`.
    pub single: Option<Single>,
    /// So many anomalous actions in a row are an alert (default: 3).
    pub alert_after: Option<u32>,
    /// What an alert does to the agent: `pause` (the default) or `kill`.
    pub alert: Option<OnAlert>,
}

/// What becomes of a single anomalous action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Single {
    /// A person is asked.
    Approve,
    /// It is refused.
    Deny,
}

/// What an alert does to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnAlert {
    /// Its switch goes to paused.
    Pause,
    /// Its switch goes to killed.
    Kill,
}

/// The compiled section. Those of several files are one: of each setting the strictest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnomalyConfig {
    /// What is watched, with its limit.
    pub watch: BTreeMap<Metric, f64>,
    /// The least and the most that a value may be, in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_bounds: Option<(f64, f64)>,
    /// What becomes of a single anomalous action (K119).
    pub single: Single,
    /// So many in a row are an alert.
    pub alert_after: u32,
    /// What an alert does (A010).
    pub alert: OnAlert,
}

impl Default for AnomalyConfig {
    /// A078 and A099.
    fn default() -> Self {
        Self {
            watch: BTreeMap::from([(Metric::Value, 3.0), (Metric::Frequency, 2.5)]),
            value_bounds: None,
            single: Single::Approve,
            alert_after: 3,
            alert: OnAlert::Pause,
        }
    }
}

impl AnomalyConfig {
    /// Compiles a section. An error says what is wrong.
    pub fn compile(source: &AnomalySource) -> Result<Self, String> {
        let usual = Self::default();
        let watch = source.watch.clone().unwrap_or(usual.watch);
        if let Some((metric, limit)) = watch.iter().find(|(_, limit)| !(limit.is_finite() && **limit > 0.0)) {
            return Err(format!("the limit of `{}` must be a number above zero, not {limit}", metric.name()));
        }
        if let Some((low, high)) = source.value_bounds
            && !(low.is_finite() && high.is_finite() && low <= high)
        {
            return Err(format!("`value_bounds` are two numbers, the lower one first, not {low} and {high}"));
        }
        let alert_after = source.alert_after.unwrap_or(usual.alert_after);
        if alert_after == 0 {
            return Err("`alert_after` must be one or more".to_owned());
        }
        Ok(Self {
            watch,
            value_bounds: source.value_bounds,
            single: source.single.unwrap_or(usual.single),
            alert_after,
            alert: source.alert.unwrap_or(usual.alert),
        })
    }

    /// Both together: whatever either would stop.
    pub fn tighten(&mut self, other: Self) {
        for (metric, limit) in other.watch {
            self.watch.entry(metric).and_modify(|known| *known = known.min(limit)).or_insert(limit);
        }
        self.value_bounds = match (self.value_bounds, other.value_bounds) {
            (Some(one), Some(two)) => Some((one.0.max(two.0), one.1.min(two.1))),
            (one, two) => one.or(two),
        };
        self.single = self.single.max(other.single);
        self.alert_after = self.alert_after.min(other.alert_after);
        self.alert = self.alert.max(other.alert);
    }

    /// The effect of a single anomaly.
    pub const fn effect(&self) -> Effect {
        match self.single {
            Single::Approve => Effect::Approve,
            Single::Deny => Effect::Deny,
        }
    }

    /// What an alert brings about.
    pub const fn act(&self) -> Act {
        match self.alert {
            OnAlert::Pause => Act::Pause,
            OnAlert::Kill => Act::Kill,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A078, A099, A010: the defaults of an empty section.
    #[test]
    fn a078_defaults() {
        let config = AnomalyConfig::compile(&AnomalySource::default()).unwrap();
        assert_eq!(config, AnomalyConfig::default());
        let watched: Vec<_> = config.watch.iter().map(|(metric, limit)| (metric.name(), *limit)).collect();
        assert_eq!(watched, [("value", 3.0), ("frequency", 2.5)]);
        assert_eq!((config.effect(), config.alert_after, config.act()), (Effect::Approve, 3, Act::Pause));
    }

    #[test]
    fn mistakes_are_refused() {
        for limit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let watch = Some(BTreeMap::from([(Metric::Value, limit)]));
            assert!(AnomalyConfig::compile(&AnomalySource { watch, ..AnomalySource::default() }).is_err());
        }
        let crossed = AnomalySource { value_bounds: Some((2.0, 1.0)), ..AnomalySource::default() };
        assert!(AnomalyConfig::compile(&crossed).is_err());
        let never = AnomalySource { alert_after: Some(0), ..AnomalySource::default() };
        assert!(AnomalyConfig::compile(&never).is_err());
    }

    /// Another file can only tighten, whichever comes first.
    #[test]
    fn the_strictest_of_each_setting() {
        let strict = AnomalyConfig {
            watch: BTreeMap::from([(Metric::Value, 2.0), (Metric::Errors, 4.0)]),
            value_bounds: Some((0.0, 5.0)),
            single: Single::Deny,
            alert_after: 5,
            alert: OnAlert::Kill,
        };
        let (mut one, mut other) = (AnomalyConfig::default(), strict.clone());
        one.tighten(strict);
        other.tighten(AnomalyConfig::default());
        assert_eq!(one, other);
        assert_eq!(
            one.watch,
            BTreeMap::from([(Metric::Value, 2.0), (Metric::Frequency, 2.5), (Metric::Errors, 4.0)])
        );
        assert_eq!((one.single, one.alert_after, one.alert), (Single::Deny, 3, OnAlert::Kill));
    }
}
