//! The rolling z-score: how far is a value from the last hundred, in standard deviations?
//!
//! Anomalous values stay out of the window, so that a burst cannot hide itself. A new level is adopted once enough
//! values in a row were held out.

use super::moments::{Real, Window, distance};
use serde::{Deserialize, Serialize};

/// When a value is anomalous. Defaults: A070.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZScoreConfig {
    /// How many values are compared with.
    pub window: u32,
    /// More standard deviations than this are anomalous; exactly as many are not.
    pub threshold: f64,
    /// Fewer values than this are not judged. So many held values in a row are a new level.
    pub min_samples: u32,
    /// So many anomalous values in a row are an alert.
    pub alert_after: u32,
    /// The smallest deviation that is taken for real, as a share of the mean.
    #[serde(default)]
    pub relative_floor: f64,
    /// The smallest deviation that is taken for real, in the unit of the values.
    #[serde(default)]
    pub absolute_floor: f64,
    /// Values below or above are anomalous whatever came before, from the first value on (A071).
    #[serde(default)]
    pub bounds: Option<(f64, f64)>,
    /// What becomes of an anomalous value.
    #[serde(default)]
    pub outliers: Outliers,
}

/// What becomes of an anomalous value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outliers {
    /// It stays out of the window until enough of its kind have come.
    #[default]
    HoldOut,
    /// It enters the window cut down to the threshold: the window follows a slow change, a burst moves it little.
    Winsorise,
}

impl Default for ZScoreConfig {
    fn default() -> Self {
        Self {
            window: 100,
            threshold: 3.0,
            min_samples: 10,
            alert_after: 3,
            relative_floor: 0.0,
            absolute_floor: 0.0,
            bounds: None,
            outliers: Outliers::HoldOut,
        }
    }
}

/// What a value is, compared with those before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Judgement {
    /// Nothing special.
    Normal,
    /// So many standard deviations away, which is too many.
    Far(f64),
    /// Outside of the absolute bounds.
    OutOfBounds,
    /// Not a number, or infinite (A079, D032).
    NonFinite,
}

impl Judgement {
    /// Whether it is anomalous.
    pub const fn is_anomalous(self) -> bool {
        !matches!(self, Self::Normal)
    }

    /// Why, in the words of A073 and A079.
    pub fn reason(self, config: &ZScoreConfig) -> Option<String> {
        match self {
            Self::Normal => None,
            Self::Far(z) => Some(format!("Z-score {z:.2} > threshold {:?}", config.threshold)),
            Self::OutOfBounds => {
                let (low, high) = config.bounds.unwrap_or_default();
                Some(format!("value outside of {low:?} to {high:?}"))
            }
            Self::NonFinite => Some("non-finite value".to_owned()),
        }
    }
}

/// What [`ZScore::check`] says of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What the value is.
    pub judgement: Judgement,
    /// How many anomalous values have come in a row, this one included.
    pub consecutive: u32,
    /// Whether that is an alert (A076).
    pub alert: bool,
    /// Whether the held values have just become the new level (N-01).
    pub adopted: bool,
}

impl Checked {
    /// The reason, with the alert behind it (A074).
    pub fn reason(&self, config: &ZScoreConfig) -> Option<String> {
        let mut reason = self.judgement.reason(config)?;
        if self.alert {
            reason.push_str(&format!(" (ALERT: {} consecutive anomalies)", self.consecutive));
        }
        Some(reason)
    }
}

/// A rolling z-score. The configuration is an argument, so that a thousand detectors share one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZScore<T = f64> {
    window: Window<T>,
    held: Vec<T>,
    consecutive: u32,
}

impl<T> Default for ZScore<T> {
    fn default() -> Self {
        Self { window: Window::default(), held: Vec::new(), consecutive: 0 }
    }
}

impl<T: Real> ZScore<T> {
    /// Judges a value, counts it and learns from it.
    pub fn check(&mut self, config: &ZScoreConfig, value: f64) -> Checked {
        let judgement = self.judge(config, value);
        self.count(judgement);
        let adopted = self.learn(config, value, judgement);
        Checked { judgement, consecutive: self.consecutive, alert: self.alerts(config), adopted }
    }

    /// What the value is, compared with the window. Changes nothing.
    pub fn judge(&self, config: &ZScoreConfig, value: f64) -> Judgement {
        let value = T::narrow(value).wide();
        if !value.is_finite() {
            return Judgement::NonFinite;
        }
        if config.bounds.is_some_and(|(low, high)| value < low || value > high) {
            return Judgement::OutOfBounds;
        }
        let z = self.distance(config, value);
        if z > config.threshold { Judgement::Far(z) } else { Judgement::Normal }
    }

    /// How far the value is from the window, in deviations; zero while too few have come.
    pub fn distance(&self, config: &ZScoreConfig, value: f64) -> f64 {
        if self.window.len() < config.min_samples.max(2) as usize {
            return 0.0;
        }
        distance(value, self.window.mean(), self.deviation(config))
    }

    /// The deviation that values are measured by.
    fn deviation(&self, config: &ZScoreConfig) -> f64 {
        let floor = (config.relative_floor * self.window.mean().abs()).max(config.absolute_floor);
        self.window.deviation().max(floor)
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.window.room() * size_of::<T>() + self.held.capacity() * size_of::<T>()
    }

    /// Whether the value is below the mean of the window.
    pub fn is_below(&self, value: f64) -> bool {
        value < self.window.mean()
    }

    /// Counts anomalous values in a row; a normal one ends the row (A075).
    pub fn count(&mut self, judgement: Judgement) {
        self.consecutive = if judgement.is_anomalous() { self.consecutive.saturating_add(1) } else { 0 };
    }

    /// How many anomalous values have come in a row.
    pub const fn consecutive(&self) -> u32 {
        self.consecutive
    }

    /// Whether so many in a row are an alert.
    pub const fn alerts(&self, config: &ZScoreConfig) -> bool {
        self.consecutive > 0 && self.consecutive >= config.alert_after
    }

    /// Learns from a value that was judged. Says whether a new level was adopted.
    pub fn learn(&mut self, config: &ZScoreConfig, value: f64, judgement: Judgement) -> bool {
        let capacity = config.window.max(2) as usize;
        let stored = T::narrow(value);
        match judgement {
            Judgement::NonFinite | Judgement::OutOfBounds => {
                self.held.clear();
                return false;
            }
            Judgement::Normal => {
                self.held.clear();
                self.window.push(stored, capacity);
                return false;
            }
            Judgement::Far(_) => {}
        }
        let (mean, reach) = (self.window.mean(), config.threshold * self.deviation(config));
        // Where values are so large that their squares are infinite there is nothing to cut to.
        if config.outliers == Outliers::Winsorise && mean.is_finite() && reach.is_finite() {
            let cut = stored.wide().clamp(mean - reach, mean + reach);
            self.window.push(T::narrow(cut), capacity);
            return false;
        }
        self.held.push(stored);
        let adopted = self.held.len() >= config.min_samples.max(2) as usize;
        if adopted {
            self.window.replace(&self.held, capacity);
            self.held = Vec::new();
        }
        adopted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge_all(config: &ZScoreConfig, values: &[f64]) -> Vec<Checked> {
        let mut detector = ZScore::<f64>::default();
        values.iter().map(|value| detector.check(config, *value)).collect()
    }

    #[test]
    fn a070_defaults() {
        let config = ZScoreConfig::default();
        let figures = (config.window, config.threshold, config.min_samples, config.alert_after);
        assert_eq!(figures, (100, 3.0, 10, 3));
    }

    /// A071, D033: bounds hold from the first value on, and what is outside of them is never learned.
    #[test]
    fn a071_bounds_during_warm_up() {
        let config = ZScoreConfig { bounds: Some((0.0, 50.0)), ..ZScoreConfig::default() };
        let found = judge_all(&config, &[1.0, 50.0, 51.0, -0.5, 2.0]);
        let anomalous: Vec<bool> = found.iter().map(|found| found.judgement.is_anomalous()).collect();
        assert_eq!(anomalous, [false, false, true, true, false]);
        assert_eq!(found[2].reason(&config).as_deref(), Some("value outside of 0.0 to 50.0"));
        let seeded = judge_all(&config, &[1e6; 40]);
        assert!(seeded.iter().all(|found| found.judgement.is_anomalous() && !found.adopted));
    }

    /// A073: exactly the threshold passes, the next value above does not.
    #[test]
    fn a073_equality_passes() {
        let config = ZScoreConfig { threshold: 2.0, min_samples: 2, ..ZScoreConfig::default() };
        // Mean 0 and sample deviation 1 exactly.
        let window = [-1.0, 1.0, 0.0];
        let z = |value: f64| judge_all(&config, &[&window[..], &[value]].concat())[3].judgement;
        assert_eq!(z(2.0), Judgement::Normal);
        assert_eq!(z(2.0_f64.next_up()), Judgement::Far(2.0_f64.next_up()));
    }

    /// A077, D031: with equal values before, any other value is anomalous; a floor makes room.
    #[test]
    fn a077_equal_values() {
        let steady = [&[100.0; 20][..], &[100.0, 1e9, 101.0, 100.0]].concat();
        let anomalous = |config: &ZScoreConfig| {
            judge_all(config, &steady)[20..]
                .iter()
                .map(|found| found.judgement.is_anomalous())
                .collect::<Vec<_>>()
        };
        assert_eq!(anomalous(&ZScoreConfig::default()), [false, true, true, false]);
        let floored = ZScoreConfig { relative_floor: 0.01, ..ZScoreConfig::default() };
        assert_eq!(anomalous(&floored), [false, true, false, false]);
    }

    /// N-01, D030: a burst stays anomalous until `min_samples` of it have come, and then it is the new level.
    #[test]
    fn n_01_a_new_level_is_adopted_once() {
        let config = ZScoreConfig::default();
        let mut values: Vec<f64> = (0..30).map(|n| 10.0 + f64::from(n % 3)).collect();
        values.extend((0..15).map(|n| 500.0 + f64::from(n % 3)));
        let found = judge_all(&config, &values);
        let anomalous = found.iter().filter(|found| found.judgement.is_anomalous()).count();
        let adopted: Vec<usize> = (0..found.len()).filter(|at| found[*at].adopted).collect();
        assert_eq!((anomalous, adopted), (10, vec![39]));
        assert_eq!(found[40].consecutive, 0, "A075: a normal value ends the row");
    }

    /// The winsorised form never adopts, follows a slow change, and is moved little by a burst.
    #[test]
    fn winsorised_values_are_cut_to_the_threshold() {
        let config = ZScoreConfig { outliers: Outliers::Winsorise, ..ZScoreConfig::default() };
        let mut detector = ZScore::<f64>::default();
        for n in 0..100 {
            detector.check(&config, 10.0 + f64::from(n % 3));
        }
        let before = (detector.window.mean(), detector.deviation(&config));
        assert!(detector.check(&config, 1e9).judgement.is_anomalous());
        let highest = detector.window.values().fold(0.0, f64::max);
        assert!((highest - (before.0 + 3.0 * before.1)).abs() < 1e-9, "{highest}");
        assert!(detector.check(&config, 1e9).judgement.is_anomalous(), "a burst does not hide itself");
    }

    /// Values whose squares are infinite: everything is anomalous until the next level is adopted, in either form.
    #[test]
    fn values_at_the_end_of_what_a_float_holds() {
        for outliers in [Outliers::HoldOut, Outliers::Winsorise] {
            let config = ZScoreConfig { outliers, ..ZScoreConfig::default() };
            let values = [&[-1.0e308, f64::MAX][..], &[0.0; 10], &[5.0; 12]].concat();
            let found = judge_all(&config, &values);
            assert!(found[10..20].iter().any(|found| found.judgement.is_anomalous()), "{outliers:?}");
            assert_eq!(found[23].judgement, Judgement::Normal, "{outliers:?}");
        }
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            6 => -100.0..100.0,
            1 => prop::num::f64::ANY,
            1 => Just(f64::NAN),
            1 => Just(f64::MAX),
            1 => Just(5.0),
        ]
    }

    proptest! {
        /// A076, A079, D032: whatever comes, the alert is three in a row; what is not finite is anomalous and never
        /// stored; the state is bounded; the same values give the same answers.
        #[test]
        fn a076_a079_whatever_comes(values in prop::collection::vec(any_value(), 0..600)) {
            let config = ZScoreConfig { window: 30, ..ZScoreConfig::default() };
            let mut detector = ZScore::<f64>::default();
            for value in &values {
                let found = detector.check(&config, *value);
                prop_assert_eq!(found.alert, found.consecutive >= 3);
                prop_assert!(value.is_finite() || found.judgement == Judgement::NonFinite);
                prop_assert!(detector.window.values().all(f64::is_finite));
                prop_assert!(detector.window.len() <= 30 && detector.held.len() < 10);
            }
            prop_assert_eq!(judge_all(&config, &values), judge_all(&config, &values));
        }
    }
}
