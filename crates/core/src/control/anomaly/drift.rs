//! Drift: are the older values of an adaptive window from another distribution than the newer ones?
//!
//! In the manner of ADWIN (A. Bifet, R. Gavaldà, "Learning from time-changing data with adaptive windowing", 2007): the window is a list of
//! buckets whose sizes double towards the past, so it may hold millions of values in a few hundred numbers. Where a cut
//! separates means that differ by more than chance, what is older than the cut is dropped. Values are not bound to 0…1 as there:
//! the bound is in standard deviations of the window.

/// Buckets of one size; one more, and the two oldest become one of twice the size.
const ROW: usize = 5;

/// Sizes from 1 to 2^(ROWS − 1) values.
const ROWS: usize = 24;

/// Cuts are looked at once in so many values.
const EVERY: u32 = 32;

/// The chance that a cut is seen where nothing changed.
const CONFIDENCE: f64 = 0.002;

/// Values on each side of a cut, at least.
const SIDE: f64 = 16.0;

/// Some values that stand next to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bucket {
    count: f64,
    mean: f64,
    /// The sum of squared distances to the mean.
    spread: f64,
}

impl Bucket {
    /// Both together. Source: T. F. Chan, G. H. Golub, R. J. LeVeque (1979).
    fn and(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let apart = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + apart * other.count / count,
            spread: self.spread + other.spread + apart * apart * self.count * other.count / count,
        }
    }
}

/// The adaptive window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drift {
    /// By size, the smallest first; in each row the newest first.
    rows: Vec<Vec<Bucket>>,
    since_looked: u32,
}

impl Drift {
    /// The largest difference of means that a cut shows, in limits. Above 1 the older values are dropped.
    pub fn update(&mut self, value: f64) -> f64 {
        self.insert(Bucket { count: 1.0, mean: value, spread: 0.0 });
        self.since_looked += 1;
        if self.since_looked < EVERY {
            return 0.0;
        }
        self.since_looked = 0;
        let mut largest = 0.0;
        loop {
            let found = self.widest_cut();
            largest = f64::max(largest, found);
            if found <= 1.0 || !self.drop_oldest() {
                return largest;
            }
        }
    }

    /// How many values the window holds.
    pub fn len(&self) -> f64 {
        self.rows.iter().flatten().map(|bucket| bucket.count).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn insert(&mut self, bucket: Bucket) {
        let mut carried = Some(bucket);
        let mut size = 0;
        while let Some(bucket) = carried.take() {
            if size == ROWS {
                // Of the oldest and largest, one is forgotten.
                break;
            }
            if self.rows.len() == size {
                self.rows.push(Vec::with_capacity(ROW + 1));
            }
            if let Some(row) = self.rows.get_mut(size) {
                row.insert(0, bucket);
                if row.len() > ROW
                    && let (Some(oldest), Some(next)) = (row.pop(), row.pop())
                {
                    carried = Some(oldest.and(next));
                }
            }
            size += 1;
        }
    }

    /// |mean of the newer − mean of the older| over what chance allows, at the cut where that is largest.
    fn widest_cut(&self) -> f64 {
        let all = self.rows.iter().flatten().fold(Bucket::default(), |sum, bucket| sum.and(*bucket));
        let variance = all.spread / all.count;
        // ln(2 / δ'), where δ' is shared among the cuts that are looked at.
        let chance = libm::log(2.0 * libm::log(all.count).max(1.0) / CONFIDENCE);
        let mut newer = Bucket::default();
        let mut largest = 0.0_f64;
        for bucket in self.rows.iter().flatten() {
            newer = newer.and(*bucket);
            let older = all.count - newer.count;
            if newer.count < SIDE || older < SIDE {
                continue;
            }
            let mean_of_older = (all.mean * all.count - newer.mean * newer.count) / older;
            let harmonic = 1.0 / (1.0 / newer.count + 1.0 / older);
            let limit =
                (2.0 / harmonic * variance * chance).sqrt() + 2.0 / 3.0 / harmonic * chance * variance.sqrt();
            let apart = (newer.mean - mean_of_older).abs();
            // Equal values have no variance and no difference but rounding.
            if limit > 0.0 {
                largest = largest.max(apart / limit);
            }
        }
        largest
    }

    fn drop_oldest(&mut self) -> bool {
        let gone = self.rows.last_mut().and_then(Vec::pop);
        while self.rows.last().is_some_and(Vec::is_empty) {
            self.rows.pop();
        }
        gone.is_some()
    }
}
