//! Control charts: many small deviations in one direction are a change, though none of them is large.

use super::moments::{Fading, distance};
use serde::{Deserialize, Serialize};

/// Values from which a chart learns what is usual. Fewer make charts cry wolf: the mean itself is uncertain by a
/// standard deviation over the root of their number.
const BASELINE: u32 = 50;

/// The exponentially weighted moving average, against its own control limits.
/// Source: S. W. Roberts, "Control chart tests based on geometric moving averages" (1959); L and λ as in
/// D. C. Montgomery, "Introduction to Statistical Quality Control", section 9.2.
#[derive(Debug, Clone, PartialEq)]
pub struct EwmaChart {
    /// The weight λ of the newest value.
    weight: f64,
    /// The control limit L in standard deviations of the average.
    limit: f64,
    usual: Fading,
    average: f64,
}

impl Default for EwmaChart {
    fn default() -> Self {
        Self { weight: 0.2, limit: 3.0, usual: Fading::default(), average: 0.0 }
    }
}

impl EwmaChart {
    /// The distance of the average from the mean, in control limits.
    pub fn update(&mut self, value: f64) -> f64 {
        if self.usual.count() == 0 {
            self.average = value;
        }
        self.average += self.weight * (value - self.average);
        let score = if self.usual.count() < BASELINE {
            0.0
        } else {
            let spread = (self.weight / (2.0 - self.weight)).sqrt();
            distance(self.average, self.usual.mean(), self.usual.deviation() * spread) / self.limit
        };
        self.usual.push(value, 1000);
        score
    }
}

/// The two-sided cumulative sum over a baseline that is learned once, and anew after each alarm. It finds the slow ramp that a
/// rolling window follows (N-02, D033). Source: E. S. Page, "Continuous inspection schemes" (1954).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    usual: Fading,
    above: f32,
    below: f32,
}

/// Deviations below this (in standard deviations) are no evidence of a change. With the limit below, on values
/// without a change, an alarm comes less than once in ten thousand values, the baseline's own error included.
const SLACK: f64 = 1.0;

/// So much evidence is a change, in standard deviations.
const LIMIT: f64 = 12.0;

/// The most that one value adds: an outlier is no drift.
const MOST: f64 = 4.0;

impl Cusum {
    /// The evidence of a change so far, in limits. Above 1 the present level becomes the baseline.
    pub fn update(&mut self, value: f64) -> f64 {
        if self.usual.count() < BASELINE {
            self.usual.push(value, BASELINE);
            return 0.0;
        }
        let away = distance(value, self.usual.mean(), self.usual.deviation()).min(MOST);
        let away = if value < self.usual.mean() { -away } else { away };
        self.above = (f64::from(self.above) + away - SLACK).max(0.0) as f32;
        self.below = (f64::from(self.below) - away - SLACK).max(0.0) as f32;
        let score = f64::from(self.above.max(self.below)) / LIMIT;
        if score > 1.0 {
            *self = Self::default();
        }
        score
    }
}

/// First differences: a step that is large for this series, whatever the level.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Steps {
    last: Option<f64>,
    usual: Fading,
}

impl Steps {
    /// The distance of the step from the usual ones, in limits of four standard deviations.
    pub fn update(&mut self, value: f64) -> f64 {
        let Some(last) = self.last.replace(value) else { return 0.0 };
        let step = value - last;
        if !step.is_finite() {
            return f64::INFINITY;
        }
        let score = if self.usual.count() < 10 { 0.0 } else { self.usual.distance(step) / 4.0 };
        self.usual.push(step, 1000);
        score
    }
}
