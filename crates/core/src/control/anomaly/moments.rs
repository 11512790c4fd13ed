//! Mean and standard deviation, kept up to date value by value.

use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// How a window stores its values: in full, or in half the bytes.
pub trait Real: Copy + PartialEq + Debug {
    /// The nearest value of this type; infinite where there is none.
    fn narrow(value: f64) -> Self;
    /// The stored value.
    fn wide(self) -> f64;
}

impl Real for f64 {
    fn narrow(value: f64) -> Self {
        value
    }

    fn wide(self) -> f64 {
        self
    }
}

impl Real for f32 {
    fn narrow(value: f64) -> Self {
        value as Self
    }

    fn wide(self) -> f64 {
        self.into()
    }
}

/// The last values, with their mean and sample standard deviation (n − 1).
///
/// Sums are kept of distances to a pivot near the mean, where subtracting what leaves loses nothing that
/// matters. They are built anew when the pivot has gone stale and once for each length of the window, so a
/// value costs constant time on average, and both agree with a direct computation to 1e-9 (A072, D034).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Window<T = f64> {
    values: Vec<T>,
    oldest: usize,
    pivot: f64,
    sum: f64,
    squares: f64,
    /// The largest `squares` since the sums were built: what rounding errors are in proportion to.
    largest: f64,
    since_built: u32,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            oldest: 0,
            pivot: 0.0,
            sum: 0.0,
            squares: 0.0,
            largest: 0.0,
            since_built: 0,
        }
    }
}

/// Below this share of what the sums have held, their rounding errors could show in the ninth digit.
const STALE: f64 = 1e-4;

impl<T: Real> Window<T> {
    /// How many values are in it.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The mean; zero of no values.
    pub fn mean(&self) -> f64 {
        if self.is_empty() { 0.0 } else { self.pivot + self.sum / self.values.len() as f64 }
    }

    /// The sample standard deviation; zero of fewer than two values.
    pub fn deviation(&self) -> f64 {
        if self.len() < 2 { 0.0 } else { (self.spread() / (self.len() - 1) as f64).sqrt() }
    }

    /// The values, in no order that means anything.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.values.iter().map(|value| value.wide())
    }

    /// How many values there is room for.
    pub(super) const fn room(&self) -> usize {
        self.values.capacity()
    }

    /// The sum of squared distances to the mean.
    fn spread(&self) -> f64 {
        (self.squares - self.sum * self.sum / self.values.len() as f64).max(0.0)
    }

    /// Adds a finite value; the oldest of `capacity` values leaves.
    pub fn push(&mut self, value: T, capacity: usize) {
        if self.is_empty() {
            self.pivot = value.wide();
        }
        let at = value.wide() - self.pivot;
        if self.values.len() < capacity {
            if self.values.len() == self.values.capacity() {
                // No more room than the window may take.
                let room = self.values.len().max(8).min(capacity - self.values.len());
                self.values.reserve_exact(room);
            }
            self.values.push(value);
        } else if let Some(place) = self.values.get_mut(self.oldest) {
            let gone = place.wide() - self.pivot;
            *place = value;
            self.oldest = if self.oldest + 1 == self.values.len() { 0 } else { self.oldest + 1 };
            self.sum -= gone;
            self.squares -= gone * gone;
        }
        self.sum += at;
        self.squares += at * at;
        self.largest = self.largest.max(self.squares);
        self.since_built += 1;
        if self.since_built as usize >= self.values.len().max(16) || self.spread() < STALE * self.largest {
            self.build();
        }
    }

    /// Forgets everything but these values.
    pub fn replace(&mut self, values: &[T], capacity: usize) {
        let from = values.len().saturating_sub(capacity);
        self.values.clear();
        self.values.extend_from_slice(values.get(from..).unwrap_or_default());
        self.oldest = 0;
        self.build();
    }

    /// Builds the sums anew, around the mean.
    fn build(&mut self) {
        // The first value as pivot makes the sums of equal values exactly zero.
        self.sums_around(self.values.first().map_or(0.0, |value| value.wide()));
        if self.squares > 0.0 {
            self.sums_around(self.mean());
        }
        self.largest = self.squares;
        self.since_built = 0;
    }

    fn sums_around(&mut self, pivot: f64) {
        (self.pivot, self.sum, self.squares) = (pivot, 0.0, 0.0);
        for value in &self.values {
            let at = value.wide() - pivot;
            self.sum += at;
            self.squares += at * at;
        }
    }
}

/// Mean and standard deviation in which older values count ever less. Two numbers and a count, whatever the
/// memory. Source: T. Finch, "Incremental calculation of weighted mean and variance" (2009), section 9.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Fading {
    count: u32,
    mean: f64,
    variance: f64,
}

impl Fading {
    /// How many values have come, up to the memory.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The mean.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation.
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt()
    }

    /// Adds a finite value. The first `memory` values count alike; from then on the weight of a value falls to
    /// 1/e after `memory` further ones.
    pub fn push(&mut self, value: f64, memory: u32) {
        self.count = self.count.saturating_add(1).min(memory.max(1));
        let weight = 1.0 / f64::from(self.count);
        let distance = value - self.mean;
        self.mean += weight * distance;
        self.variance = (1.0 - weight) * (self.variance + weight * distance * distance);
        if !(self.mean.is_finite() && self.variance.is_finite()) {
            // Values near the end of what a float holds: begin anew rather than never judge again.
            *self = Self { count: 1, mean: value, variance: 0.0 };
        }
    }

    /// How many standard deviations the value is from the mean: infinite where all values were equal and this
    /// one is not.
    pub fn distance(&self, value: f64) -> f64 {
        distance(value, self.mean, self.deviation())
    }
}

/// |value − mean| / deviation. Equal values have no deviation: another value is infinitely far away (A077, D031).
pub fn distance(value: f64, mean: f64, deviation: f64) -> f64 {
    if deviation > 0.0 {
        ((value - mean) / deviation).abs()
    } else if value.total_cmp(&mean).is_eq() {
        0.0
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn direct(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let near = values.iter().sum::<f64>() / n;
        let mean = near + values.iter().map(|value| value - near).sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, (squares / (n - 1.0)).sqrt())
    }

    /// Values of very different sizes next to each other: what cancels.
    fn wild() -> impl Strategy<Value = f64> {
        prop_oneof![-10.0..10.0, Just(1e9), -1e9..1e9, 1e6..1.000_01e6, Just(0.1), -1e-3..1e-3]
    }

    proptest! {
        /// A072, D034: the incremental figures are the direct ones, to 1e-9, for any window and any stream.
        #[test]
        fn a072_incremental_is_direct(capacity in 2_usize..40, values in prop::collection::vec(wild(), 2..400)) {
            let mut window = Window::default();
            for (index, value) in values.iter().enumerate() {
                window.push(*value, capacity);
                let from = (index + 1).saturating_sub(capacity);
                if index > 0 {
                    let (mean, deviation) = direct(&values[from..=index]);
                    let size = values[from..=index].iter().fold(0.0_f64, |most, value| most.max(value.abs()));
                    prop_assert!((window.mean() - mean).abs() <= 1e-9 * mean.abs().max(deviation).max(1e-6 * size));
                    prop_assert!((window.deviation() - deviation).abs() <= 1e-9 * deviation.max(1e-7 * size),
                        "{} {deviation} at {index}", window.deviation());
                }
                prop_assert!(window.len() <= capacity && window.values.capacity() <= capacity.max(8));
            }
        }

        /// While all values count alike, the fading figures are those of all values (population variance).
        #[test]
        fn fading_begins_as_plain(values in prop::collection::vec(-1e3..1e3, 2..100)) {
            let mut fading = Fading::default();
            values.iter().for_each(|value| fading.push(*value, 100));
            let (mean, deviation) = direct(&values);
            let n = values.len() as f64;
            prop_assert!((fading.mean() - mean).abs() < 1e-9 * 1e3);
            prop_assert!((fading.deviation() - deviation * ((n - 1.0) / n).sqrt()).abs() < 1e-9 * 1e3);
        }
    }

    #[test]
    fn equal_values_have_no_deviation_at_all() {
        let mut window = Window::<f64>::default();
        for value in [7.0, 1e9, -3.0].into_iter().chain(std::iter::repeat_n(0.1, 50)) {
            window.push(value, 10);
        }
        assert_eq!((window.mean(), window.deviation()), (0.1, 0.0));
    }
}
