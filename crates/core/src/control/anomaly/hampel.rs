//! The Hampel identifier: how far is a value from the median of the last ones, in median absolute deviations?
//! Up to half of the window may be outliers without moving either.

use std::collections::VecDeque;

/// The window, in values. Short: keeping it sorted takes a move of up to so many values.
const WINDOW: usize = 31;

/// So many deviations are anomalous. Source: B. Iglewicz, D. C. Hoaglin, "How to detect and handle outliers" (1993).
const LIMIT: f64 = 3.5;

/// What makes the median absolute deviation of normal values their standard deviation.
const NORMAL: f64 = 1.482_602_218_505_602;

/// The last values, in order of arrival and in order of size.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hampel {
    arrived: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Hampel {
    /// The distance of the value from the median of those before it, in limits.
    pub fn update(&mut self, value: f64) -> f64 {
        let score = if self.sorted.len() < 10 {
            0.0
        } else {
            let (median, deviation) = self.median_and_deviation();
            super::moments::distance(value, median, NORMAL * deviation) / LIMIT
        };
        if self.arrived.len() == WINDOW
            && let Some(gone) = self.arrived.pop_front()
        {
            let at = self.sorted.partition_point(|known| known.total_cmp(&gone).is_lt());
            self.sorted.remove(at);
        }
        let at = self.sorted.partition_point(|known| known.total_cmp(&value).is_lt());
        self.sorted.insert(at, value);
        self.arrived.push_back(value);
        score
    }

    /// The median (the upper one of an even number), and the median of the distances to it.
    fn median_and_deviation(&self) -> (f64, f64) {
        let middle = self.sorted.len() / 2;
        let median = self.sorted.get(middle).copied().unwrap_or(0.0);
        // Distances grow to both sides of the median: the half that is nearest, found from the middle outwards.
        let (mut low, mut high) = (middle, middle + 1);
        let mut farthest = 0.0;
        for _ in 0..middle {
            let below = low.checked_sub(1).and_then(|at| self.sorted.get(at)).map(|value| median - value);
            let above = self.sorted.get(high).map(|value| value - median);
            match (below, above) {
                (Some(below), Some(above)) if above < below => (farthest, high) = (above, high + 1),
                (Some(below), _) => (farthest, low) = (below, low - 1),
                (None, Some(above)) => (farthest, high) = (above, high + 1),
                (None, None) => break,
            }
        }
        (median, farthest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The same as sorting everything again.
        #[test]
        fn incremental_is_direct(values in prop::collection::vec(-5_i32..50, 10..200)) {
            let mut hampel = Hampel::default();
            for (index, value) in values.iter().enumerate() {
                hampel.update(f64::from(*value));
                let mut last: Vec<f64> =
                    values[(index + 1).saturating_sub(WINDOW)..=index].iter().map(|value| f64::from(*value)).collect();
                last.sort_by(f64::total_cmp);
                let median = last[last.len() / 2];
                let mut away: Vec<f64> = last.iter().map(|value| (value - median).abs()).collect();
                away.sort_by(f64::total_cmp);
                prop_assert_eq!(hampel.median_and_deviation(), (median, away[away.len() / 2]));
                prop_assert!(hampel.sorted.len() <= WINDOW);
            }
        }
    }

    /// A third of the window are outliers, and each of them is still seen.
    #[test]
    fn a_burst_does_not_hide_itself() {
        let mut hampel = Hampel::default();
        for n in 0..30 {
            hampel.update(10.0 + f64::from(n % 5));
        }
        let seen = (0..10).filter(|_| hampel.update(500.0) > 1.0).count();
        assert_eq!(seen, 10);
    }
}
