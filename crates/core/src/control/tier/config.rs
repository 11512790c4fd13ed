//! The section `tiers:` of a policy.

use super::Metric;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tiers, as written in a policy.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TierSource {
    /// Fewer endings than this say nothing (20).
    pub min_samples: Option<u32>,
    /// The rolling time that counts, in seconds (86400).
    pub window_s: Option<u64>,
    /// What differs from the usual bounds.
    pub levels: Vec<LevelSource>,
}

/// What differs from the usual bounds of one tier.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelSource {
    /// Which: 1, 2 or 3.
    pub tier: u8,
    /// An agent is in the tier with this share of success or less.
    pub success_rate: Option<f64>,
    /// With this efficiency or less.
    pub efficiency_score: Option<f64>,
    /// With this mean time in seconds, or more.
    pub response_time: Option<f64>,
    /// With this impact or less. Not for tier 1.
    pub market_impact: Option<f64>,
    /// So many remediations by itself, and no more, until it is well again.
    pub max_iterations: Option<u32>,
    /// The agent is locked with at least this evidence …
    pub min_confidence: Option<f64>,
    /// … and so many failures in a row.
    pub consecutive_failures: Option<u32>,
}

/// The compiled section. Those of several files are one: of each setting the strictest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierConfig {
    /// Fewer endings than this say nothing.
    pub min_samples: u32,
    /// The rolling time that counts, in microseconds.
    pub window_us: u64,
    /// Tiers 1, 2 and 3.
    pub levels: [Level; 3],
}

/// One tier. Sources: A160 to A162.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Which.
    pub tier: u8,
    /// The bounds by metric: at or beyond one, an agent is in the tier.
    pub success_rate: f64,
    /// See above.
    pub efficiency_score: f64,
    /// In seconds.
    pub response_time: f64,
    /// `None` for tier 1.
    pub market_impact: Option<f64>,
    /// Remediations in one stay in the tier.
    pub max_iterations: u32,
    /// When the agent is locked.
    pub lock_criteria: LockCriteria,
}

/// When an agent is locked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LockCriteria {
    /// With so much evidence …
    pub min_confidence: f64,
    /// … and so many failures in a row.
    pub consecutive_failures: u32,
}

const DAY_US: u64 = 24 * 3600 * 1_000_000;

impl Default for TierConfig {
    fn default() -> Self {
        Self {
            min_samples: 20,
            window_us: DAY_US,
            levels: [
                level(1, (0.80, 0.65, 45.0, None), 3, (0.85, 6)),
                level(2, (0.70, 0.50, 60.0, Some(0.35)), 2, (0.75, 4)),
                level(3, (0.55, 0.35, 90.0, Some(0.25)), 1, (0.65, 3)),
            ],
        }
    }
}

const fn level(
    tier: u8,
    bounds: (f64, f64, f64, Option<f64>),
    max_iterations: u32,
    lock: (f64, u32),
) -> Level {
    let (success_rate, efficiency_score, response_time, market_impact) = bounds;
    let lock_criteria = LockCriteria { min_confidence: lock.0, consecutive_failures: lock.1 };
    Level {
        tier,
        success_rate,
        efficiency_score,
        response_time,
        market_impact,
        max_iterations,
        lock_criteria,
    }
}

impl Level {
    /// The bound of a metric, if the tier looks at it.
    pub const fn bound(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::SuccessRate => Some(self.success_rate),
            Metric::ResponseTime => Some(self.response_time),
            Metric::EfficiencyScore => Some(self.efficiency_score),
            Metric::MarketImpact => self.market_impact,
        }
    }

    /// The metrics it looks at, as R2 lists them.
    pub fn trigger_metrics(&self) -> Vec<Metric> {
        let listed =
            [Metric::SuccessRate, Metric::EfficiencyScore, Metric::ResponseTime, Metric::MarketImpact];
        listed.into_iter().filter(|metric| self.bound(*metric).is_some()).collect()
    }

    fn tighten(&mut self, other: &Self) {
        self.success_rate = self.success_rate.max(other.success_rate);
        self.efficiency_score = self.efficiency_score.max(other.efficiency_score);
        self.response_time = self.response_time.min(other.response_time);
        self.market_impact = match (self.market_impact, other.market_impact) {
            (Some(one), Some(two)) => Some(one.max(two)),
            (one, two) => one.or(two),
        };
        self.max_iterations = self.max_iterations.min(other.max_iterations);
        let (mine, theirs) = (&mut self.lock_criteria, &other.lock_criteria);
        mine.min_confidence = mine.min_confidence.min(theirs.min_confidence);
        mine.consecutive_failures = mine.consecutive_failures.min(theirs.consecutive_failures);
    }
}

impl TierConfig {
    /// Compiles a section.
    pub fn compile(source: &TierSource) -> Result<Self, String> {
        let mut config = Self::default();
        config.min_samples = source.min_samples.unwrap_or(config.min_samples);
        config.window_us = source.window_s.map_or(config.window_us, |s| s.saturating_mul(1_000_000));
        if config.min_samples == 0 || config.window_us == 0 {
            return Err("`min_samples` and `window_s` must be one or more".to_owned());
        }
        for written in &source.levels {
            let place = usize::from(written.tier).wrapping_sub(1);
            let level = config
                .levels
                .get_mut(place)
                .ok_or_else(|| format!("there are tiers 1, 2 and 3, and no tier {}", written.tier))?;
            change(level, written)?;
        }
        let [one, two, three] = &config.levels;
        for metric in Metric::ALL {
            for (better, worse) in [(one, two), (two, three)] {
                if let (Some(better), Some(worse)) = (better.bound(metric), worse.bound(metric))
                    && (if metric.falls() { worse < better } else { worse > better })
                {
                    let name = metric.name();
                    return Err(format!(
                        "`{name}` of a higher tier must be worse, and {worse} is not worse than {better}"
                    ));
                }
            }
        }
        Ok(config)
    }

    /// Both together: the strictest of each setting.
    pub fn tighten(&mut self, other: &Self) {
        self.min_samples = self.min_samples.min(other.min_samples);
        self.window_us = self.window_us.max(other.window_us);
        self.levels.iter_mut().zip(&other.levels).for_each(|(mine, theirs)| mine.tighten(theirs));
    }

    /// The tier of this number; the third for any above.
    pub const fn level(&self, tier: u8) -> &Level {
        let [one, two, three] = &self.levels;
        match tier {
            0 | 1 => one,
            2 => two,
            _ => three,
        }
    }
}

fn change(level: &mut Level, written: &LevelSource) -> Result<(), String> {
    let share = |name: &str, given: Option<f64>, usual: f64| match given {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(format!("`{name}` must be a number from 0 to 1, not {value}"))
        }
        given => Ok(given.unwrap_or(usual)),
    };
    level.success_rate = share("success_rate", written.success_rate, level.success_rate)?;
    level.efficiency_score = share("efficiency_score", written.efficiency_score, level.efficiency_score)?;
    if let Some(impact) = written.market_impact {
        level.market_impact = Some(share("market_impact", Some(impact), impact)?);
    }
    let criteria = &mut level.lock_criteria;
    criteria.min_confidence = share("min_confidence", written.min_confidence, criteria.min_confidence)?;
    if let Some(seconds) = written.response_time {
        if !(seconds > 0.0 && seconds <= 4000.0) {
            return Err(format!("`response_time` must be a number of seconds from 0 to 4000, not {seconds}"));
        }
        level.response_time = seconds;
    }
    level.max_iterations = written.max_iterations.unwrap_or(level.max_iterations);
    criteria.consecutive_failures = written.consecutive_failures.unwrap_or(criteria.consecutive_failures);
    Ok(())
}
