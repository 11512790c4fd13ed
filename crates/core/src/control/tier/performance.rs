//! What was measured of one agent in the rolling time that counts.

use super::Metric;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Averages over the time that counts. What was not measured is unknown, and not zero (T-10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// From 0 to 1.
    pub success_rate: Option<f64>,
    /// In seconds.
    pub average_response_time: Option<f64>,
    /// From 0 to 1.
    pub efficiency_score: Option<f64>,
    /// From 0 to 1.
    pub market_impact_score: Option<f64>,
    /// Endings that it rests on.
    #[serde(default)]
    pub samples: u32,
}

impl Snapshot {
    /// One average.
    pub const fn value(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::SuccessRate => self.success_rate,
            Metric::ResponseTime => self.average_response_time,
            Metric::EfficiencyScore => self.efficiency_score,
            Metric::MarketImpact => self.market_impact_score,
        }
    }
}

/// One figure, in millionths; what is more than 4294 of anything counts as that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Point {
    at: Timestamp,
    metric: Metric,
    millionths: u32,
}

/// The figures of one agent: the newest thousand (T-10).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performance {
    points: VecDeque<Point>,
    sums: [(u32, u64); Metric::ALL.len()],
}

/// Figures that are kept.
const KEPT_POINTS: usize = 1000;

const MILLION: f64 = 1e6;

impl Performance {
    /// Takes in a figure, and forgets those that no longer count. What is no number counts as zero.
    pub fn add(&mut self, metric: Metric, value: f64, at: Timestamp, window_us: u64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        let millionths = (value * MILLION).round() as u32;
        self.points.push_back(Point { at, metric, millionths });
        if let Some((count, sum)) = self.sums.get_mut(metric as usize) {
            *count += 1;
            *sum += u64::from(millionths);
        }
        while self.points.len() > KEPT_POINTS {
            self.forget_first();
        }
        while self.points.front().is_some_and(|point| at.since(point.at) >= window_us) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some(point) = self.points.pop_front() else { return };
        if let Some((count, sum)) = self.sums.get_mut(point.metric as usize) {
            *count -= 1;
            *sum -= u64::from(point.millionths);
        }
    }

    /// The averages.
    pub fn snapshot(&self) -> Snapshot {
        let average = |metric: Metric| {
            let (count, sum) = self.sums.get(metric as usize).copied().unwrap_or_default();
            (count > 0).then(|| sum as f64 / f64::from(count) / MILLION)
        };
        Snapshot {
            success_rate: average(Metric::SuccessRate),
            average_response_time: average(Metric::ResponseTime),
            efficiency_score: average(Metric::EfficiencyScore),
            market_impact_score: average(Metric::MarketImpact),
            samples: self.sums.get(Metric::SuccessRate as usize).map_or(0, |(count, _)| *count),
        }
    }

    /// Where a metric goes (T-11): the slope of the least-squares line, an hour; a rising response time declines.
    pub fn trend(&self, metric: Metric) -> Trend {
        let points: Vec<(f64, f64)> = self
            .points
            .iter()
            .filter(|point| point.metric == metric)
            .map(|point| (point.at.0 as f64 / 3.6e9, f64::from(point.millionths) / MILLION))
            .collect();
        let slope = slope(&points).unwrap_or_default();
        let better = if metric.falls() { -slope } else { slope };
        if better.abs() < NOISE * metric.target() {
            Trend::Stable
        } else if better > 0.0 {
            Trend::Improving
        } else {
            Trend::Declining
        }
    }
}

/// Where a metric goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// To the better.
    Improving,
    /// Nowhere.
    Stable,
    /// To the worse.
    Declining,
}

/// A slope of less than this share of the target, an hour, is noise.
const NOISE: f64 = 0.01;

/// The slope of the least-squares line; `None` where all points are at one time.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), point| {
        (above + (point.0 - x) * (point.1 - y), below + (point.0 - x) * (point.0 - x))
    });
    (below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: u64 = 3_600_000_000;

    /// T-10: a thousand points, a rolling day, unknown where nothing was measured.
    #[test]
    fn t_10_the_rolling_day() {
        let mut performance = Performance::default();
        assert_eq!(performance.snapshot(), Snapshot::default());
        for n in 0..1500_u64 {
            performance.add(Metric::SuccessRate, f64::from(u8::from(n >= 500)), Timestamp(n), 24 * HOUR_US);
        }
        let snapshot = performance.snapshot();
        assert_eq!((snapshot.success_rate, snapshot.samples), (Some(1.0), 1000));
        assert_eq!(snapshot.average_response_time, None);
        performance.add(Metric::ResponseTime, 2.5, Timestamp(24 * HOUR_US + 1499), 24 * HOUR_US);
        let later = performance.snapshot();
        assert_eq!((later.success_rate, later.average_response_time), (None, Some(2.5)));
        performance.add(Metric::ResponseTime, f64::NAN, Timestamp(24 * HOUR_US + 1499), 24 * HOUR_US);
        performance.add(Metric::ResponseTime, 1e30, Timestamp(24 * HOUR_US + 1499), 24 * HOUR_US);
        assert!(performance.snapshot().average_response_time.unwrap() > 1000.0);
    }

    /// T-11: a rising response time declines, a rising share improves, noise is stable.
    #[test]
    fn t_11_trends() {
        for (metric, step, trend) in [
            (Metric::SuccessRate, 0.02, Trend::Improving),
            (Metric::SuccessRate, -0.02, Trend::Declining),
            (Metric::SuccessRate, 0.001, Trend::Stable),
            (Metric::ResponseTime, 1.0, Trend::Declining),
            (Metric::ResponseTime, -1.0, Trend::Improving),
            (Metric::ResponseTime, 0.0, Trend::Stable),
        ] {
            let mut performance = Performance::default();
            for n in 0..20_u32 {
                let value = if metric == Metric::SuccessRate { 0.5 } else { 40.0 } + f64::from(n) * step;
                performance.add(metric, value, Timestamp(u64::from(n) * HOUR_US), 100 * HOUR_US);
            }
            assert_eq!(performance.trend(metric), trend, "{metric:?} {step}");
        }
        assert_eq!(Performance::default().trend(Metric::MarketImpact), Trend::Stable);
    }
}
