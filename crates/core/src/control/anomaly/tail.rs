//! Tail bounds by a t-digest: is a value beyond all but one in a thousand of those before it?
//!
//! Nothing is assumed about how values are distributed. Source: T. Dunning, O. Ertl, "Computing extremely accurate
//! quantiles using t-digests" (2019), the merging form with the scale function k₁.

use std::f64::consts::PI;

/// The compression δ: about so many centroids are kept.
const COMPRESSION: f64 = 60.0;

/// Values that wait to be merged.
const WAITING: usize = 64;

/// The share of values beyond each bound.
const TAIL: f64 = 0.001;

/// Values before which nothing is judged.
const WARM_UP: f64 = 64.0;

/// Beyond so many values all count half: what is old fades.
const MEMORY: f64 = 20_000.0;

/// The distribution so far, and its bounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tail {
    /// Means and weights, by mean.
    centroids: Vec<(f64, f64)>,
    waiting: Vec<f64>,
    total: f64,
    least: f64,
    most: f64,
    /// The lower bound, the median, the upper bound.
    bounds: (f64, f64, f64),
}

impl Tail {
    /// The distance of the value from the median, in distances of the bound from it.
    pub fn update(&mut self, value: f64) -> f64 {
        let score = if self.total < WARM_UP { 0.0 } else { self.score(value) };
        (self.least, self.most) = if self.total + self.waiting.len() as f64 == 0.0 {
            (value, value)
        } else {
            (self.least.min(value), self.most.max(value))
        };
        self.waiting.push(value);
        if self.waiting.len() >= WAITING {
            self.merge();
        }
        score
    }

    fn score(&self, value: f64) -> f64 {
        let (low, median, high) = self.bounds;
        let (away, reach) =
            if value < median { (median - value, median - low) } else { (value - median, high - median) };
        if reach > 0.0 {
            away / reach
        } else if away > 0.0 {
            f64::INFINITY
        } else {
            0.0
        }
    }

    /// Merges what waits and makes neighbours one where the scale function allows.
    fn merge(&mut self) {
        if self.total > MEMORY {
            self.total /= 2.0;
            self.centroids.iter_mut().for_each(|(_, weight)| *weight /= 2.0);
        }
        self.total += self.waiting.len() as f64;
        let mut all = std::mem::take(&mut self.centroids);
        all.extend(self.waiting.drain(..).map(|value| (value, 1.0)));
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut before = 0.0;
        let mut limit = self.reach(0.0);
        for (mean, weight) in all {
            match self.centroids.last_mut() {
                Some(last) if before + last.1 + weight <= limit => {
                    last.1 += weight;
                    last.0 += (mean - last.0) * weight / last.1;
                }
                last => {
                    before += last.map_or(0.0, |last| last.1);
                    limit = self.reach(before);
                    self.centroids.push((mean, weight));
                }
            }
        }
        self.bounds = (self.quantile(TAIL), self.quantile(0.5), self.quantile(1.0 - TAIL));
    }

    /// Up to which weight a centroid may reach that begins at weight `before`.
    fn reach(&self, before: f64) -> f64 {
        let k = COMPRESSION / (2.0 * PI) * libm::asin((2.0 * before / self.total - 1.0).clamp(-1.0, 1.0));
        let angle = ((k + 1.0) * 2.0 * PI / COMPRESSION).min(PI / 2.0);
        self.total * (libm::sin(angle) + 1.0) / 2.0
    }

    /// The value below which this share lies, by straight lines between the middles of centroids.
    pub fn quantile(&self, share: f64) -> f64 {
        let target = share * self.total;
        let (mut at, mut from) = (0.0, (0.0, self.least));
        for (mean, weight) in &self.centroids {
            let middle = at + weight / 2.0;
            if target <= middle {
                return between(from, (middle, *mean), target);
            }
            from = (middle, *mean);
            at += weight;
        }
        between(from, (self.total, self.most), target)
    }
}

fn between(from: (f64, f64), to: (f64, f64), at: f64) -> f64 {
    if to.0 <= from.0 { to.1 } else { from.1 + (to.1 - from.1) * (at - from.0) / (to.0 - from.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of a million values in no order, to a tenth of a percent, from less than a hundred centroids.
    #[test]
    fn quantiles_are_near() {
        let mut tail = Tail::default();
        let count = 100_000_u64;
        for n in 0..count {
            tail.update((n.wrapping_mul(7_919) % count) as f64);
        }
        assert!(tail.centroids.len() < 100, "{}", tail.centroids.len());
        for share in [0.001, 0.01, 0.25, 0.5, 0.9, 0.999] {
            let near = tail.quantile(share) / count as f64;
            let allowed = if (0.1..0.95).contains(&share) { 0.01 } else { 0.001 };
            assert!((near - share).abs() < allowed, "{share}: {near}");
        }
        assert!(tail.score(1.5 * count as f64) > 1.0 && tail.score(0.9 * count as f64) < 1.0);
    }
}
