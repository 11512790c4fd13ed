//! Every detector behind one face: a value in, a score out.

use super::chart::{Cusum, EwmaChart, Steps};
use super::drift::Drift;
use super::hampel::Hampel;
use super::series::Series;
use super::tail::Tail;
use super::zscore::{Judgement, ZScore, ZScoreConfig};

/// The largest score: of values that are no numbers, and of any change where nothing had ever changed.
pub const CEILING: f64 = 1e6;

/// A detector with its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Detector {
    /// The default for series: level and trend.
    Series(Series),
    /// The rolling z-score.
    ZScore(ZScoreConfig, ZScore),
    /// The chart of the exponentially weighted average.
    Ewma(EwmaChart),
    /// The cumulative sum.
    Cusum(Cusum),
    /// Median and median absolute deviation.
    Hampel(Hampel),
    /// The adaptive window.
    Drift(Drift),
    /// Tail bounds by a t-digest.
    Tail(Tail),
    /// First differences.
    Steps(Steps),
    /// So many of several.
    Vote(u32, Vec<Detector>),
}

impl Detector {
    /// The names of those that [`Detector::named`] knows.
    pub const NAMES: &[&str] =
        &["series", "z-score", "winsorised", "ewma", "cusum", "hampel", "drift", "tail", "steps", "vote"];

    /// A new detector with its defaults. `vote` wants two of z-score, Hampel, tail and steps.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "series" => Self::Series(Series::default()),
            "z-score" => Self::ZScore(ZScoreConfig::default(), ZScore::default()),
            "winsorised" => {
                let outliers = super::zscore::Outliers::Winsorise;
                Self::ZScore(ZScoreConfig { outliers, ..ZScoreConfig::default() }, ZScore::default())
            }
            "ewma" => Self::Ewma(EwmaChart::default()),
            "cusum" => Self::Cusum(Cusum::default()),
            "hampel" => Self::Hampel(Hampel::default()),
            "drift" => Self::Drift(Drift::default()),
            "tail" => Self::Tail(Tail::default()),
            "steps" => Self::Steps(Steps::default()),
            "vote" => Self::Vote(
                2,
                vec![
                    Self::ZScore(ZScoreConfig::default(), ZScore::default()),
                    Self::Hampel(Hampel::default()),
                    Self::Tail(Tail::default()),
                    Self::Steps(Steps::default()),
                ],
            ),
            _ => return None,
        })
    }

    /// Takes a value and says how anomalous it is, in limits: above 1 it is anomalous. Between 0 and
    /// [`CEILING`]. A value that is no finite number is anomalous, and nothing is learned from it.
    pub fn update(&mut self, value: f64) -> f64 {
        let score = match self {
            Self::ZScore(config, detector) => z_score(config, detector, value),
            Self::Vote(needed, members) => vote(*needed, members, value),
            Self::Series(series) if !value.is_finite() => series.without_a_number(),
            _ if !value.is_finite() => CEILING,
            Self::Series(series) => series.update(value),
            Self::Ewma(chart) => chart.update(value),
            Self::Cusum(cusum) => cusum.update(value),
            Self::Hampel(hampel) => hampel.update(value),
            Self::Drift(drift) => drift.update(value),
            Self::Tail(tail) => tail.update(value),
            Self::Steps(steps) => steps.update(value),
        };
        // `min` and `max` would take a score that is no number for the other side.
        if score.is_nan() { CEILING } else { score.clamp(0.0, CEILING) }
    }
}

fn z_score(config: &ZScoreConfig, detector: &mut ZScore, value: f64) -> f64 {
    let score = detector.distance(config, value) / config.threshold;
    match detector.check(config, value).judgement {
        Judgement::NonFinite | Judgement::OutOfBounds => CEILING,
        Judgement::Normal => score.min(1.0),
        Judgement::Far(_) => score,
    }
}

/// The score that `needed` of the members reach: above 1 exactly where so many of them are.
fn vote(needed: u32, members: &mut [Detector], value: f64) -> f64 {
    let mut scores: Vec<f64> = members.iter_mut().map(|member| member.update(value)).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.get(needed.saturating_sub(1) as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Values that look normally distributed, mean 0 and deviation 1 (sums of twelve uniform ones).
    fn noise(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / (1_u64 << 31) as f64
        };
        (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    fn alarms(name: &str, values: &[f64]) -> Vec<usize> {
        let mut detector = Detector::named(name).unwrap();
        let found = values.iter().enumerate().filter(|(_, value)| detector.update(**value) > 1.0);
        found.map(|(at, _)| at).collect()
    }

    /// On twenty thousand values without a change, each is wrong in fewer than one of a hundred.
    #[test]
    fn false_alarms_are_rare() {
        for name in Detector::NAMES {
            let found = alarms(name, &noise(20_000, 7)).len();
            assert!(found < 200, "{name}: {found}");
        }
        let cusum: usize = (0..10).map(|seed| alarms("cusum", &noise(5_000, seed)).len()).sum();
        assert!(cusum <= 5, "{cusum}");
    }

    /// Each finds what it is for, within so many values; the nearest harmless stream is above.
    #[test]
    fn each_finds_its_change() {
        let outlier: fn(usize) -> f64 = |_| 15.0;
        let level: fn(usize) -> f64 = |_| 2.0;
        let ramp: fn(usize) -> f64 = |n| n as f64 * 0.02;
        for (name, change, within) in [
            ("series", outlier, 1),
            ("z-score", outlier, 1),
            ("winsorised", outlier, 1),
            ("hampel", outlier, 1),
            ("tail", outlier, 1),
            ("steps", outlier, 1),
            ("vote", outlier, 1),
            ("ewma", level, 10),
            ("cusum", level, 30),
            ("drift", level, 200),
            // N-02: a ramp of a fiftieth of the deviation each time, which a window of a hundred follows.
            ("cusum", ramp, 200),
            ("drift", ramp, 400),
        ] {
            let mut values = noise(1_600, 11);
            values.iter_mut().skip(1_000).enumerate().for_each(|(n, value)| *value += change(n));
            let found = alarms(name, &values).into_iter().find(|at| *at >= 1_000);
            assert!(found.is_some_and(|at| at < 1_000 + within), "{name}: {found:?}");
        }
    }

    /// The drift window forgets what is older than the change.
    #[test]
    fn drift_drops_the_past() {
        let mut drift = Drift::default();
        noise(4_000, 3).into_iter().for_each(|value| _ = drift.update(value));
        assert!(drift.len() > 3_000.0);
        noise(400, 5).into_iter().for_each(|value| _ = drift.update(value + 4.0));
        assert!(drift.len() < 500.0, "{}", drift.len());
    }

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![6 => -100.0..100.0, 1 => prop::num::f64::ANY, 1 => Just(f64::NAN), 2 => Just(5.0)]
    }

    proptest! {
        /// Whatever comes: scores are numbers, what is not finite is anomalous, the same values give the same scores.
        #[test]
        fn whatever_comes(values in prop::collection::vec(any_value(), 0..300)) {
            for name in Detector::NAMES {
                let (mut one, mut other) = (Detector::named(name).unwrap(), Detector::named(name).unwrap());
                let mut quiet = 0;
                for value in &values {
                    let score = one.update(*value);
                    prop_assert!((0.0..=CEILING).contains(&score), "{name}");
                    prop_assert_eq!(score, other.update(*value));
                    // The series' alarm stands for the values after it too.
                    quiet = if score > 1.0 { 120 } else { quiet - 1 };
                    prop_assert!(value.is_finite() || score > 1.0 || (*name == "series" && quiet >= 0), "{name}");
                }
            }
        }
    }

    /// No state grows with time: after a hundred thousand values it is written in as many bytes as after ten
    /// thousand, but for digits and doubling buckets.
    #[test]
    fn no_state_grows_with_time() {
        for name in Detector::NAMES {
            let mut detector = Detector::named(name).unwrap();
            let mut bytes = [0, 0];
            for (at, value) in noise(100_000, 1).into_iter().enumerate() {
                detector.update(value);
                if at == 9_999 {
                    bytes[0] = format!("{detector:?}").len();
                }
            }
            bytes[1] = format!("{detector:?}").len();
            assert!(bytes[1] < bytes[0] + bytes[0] / 3 + 2_000, "{name}: {bytes:?}");
        }
    }
}
