//! What is usual for one agent: its values, pace, tools and outcomes.

use super::chart::Cusum;
use super::ending::Ending;
use super::moments::Fading;
use super::observation::Observation;
use super::seen::Seen;
use super::sequence::Sequence;
use super::watch::{AnomalyConfig, Metric};
use super::zscore::{Judgement, ZScore, ZScoreConfig};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Something unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusual {
    /// Of what.
    pub metric: Metric,
    /// Why, for people.
    pub reason: String,
    /// How many in a row, this one included.
    pub consecutive: u32,
}

impl Unusual {
    /// Whether so many in a row are an alert (A076).
    pub const fn alerts(&self, config: &AnomalyConfig) -> bool {
        self.consecutive >= config.alert_after
    }

    /// The reason, with the alert behind it (A074).
    pub fn sentence(&self, config: &AnomalyConfig) -> String {
        let Self { reason, consecutive, .. } = self;
        if self.alerts(config) {
            format!("{reason} (ALERT: {consecutive} consecutive anomalies)")
        } else {
            reason.clone()
        }
    }
}

/// The models of one agent: at most two kilobytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentModel {
    values: ZScore<f32>,
    drift: Cusum,
    pace: ZScore<f32>,
    last: Option<Timestamp>,
    seen: Seen,
    starts: u32,
    sequence: Sequence,
    duration: Fading,
    cost: Fading,
    tokens: Fading,
    errors: Fading,
    recent_errors: f32,
    consecutive: [u8; Metric::COUNT],
}

/// Endings that are remembered before they fade.
const MEMORY: u32 = 200;

/// Endings before which none is judged.
const WARM_UP: u32 = 20;

/// The smallest deviation of logarithms of durations, costs and tokens that is taken for real: a fifth up or down.
const LOG_FLOOR: f64 = 0.2;

/// The smallest deviation of the logarithm of the time between actions, in seconds and one more, that is taken for real.
const PACE_FLOOR: f64 = 0.25;

/// The weight of the newest outcome in the recent share of failures.
const ERROR_WEIGHT: f64 = 0.1;

impl AgentModel {
    /// What is unusual about an action that is asked for. Changes nothing.
    pub fn judge(&self, config: &AnomalyConfig, seen: &Observation<'_>) -> Vec<Unusual> {
        let mut found = Vec::new();
        for (metric, limit) in &config.watch {
            if let Some(reason) = self.reason(config, *metric, *limit, seen) {
                let before = self.consecutive.get(*metric as usize).copied().unwrap_or_default();
                let consecutive = u32::from(before) + u32::from(!seen.again);
                found.push(Unusual { metric: *metric, reason, consecutive });
            }
        }
        found
    }

    /// Why the action is unusual in this respect.
    fn reason(
        &self,
        config: &AnomalyConfig,
        metric: Metric,
        limit: f64,
        seen: &Observation<'_>,
    ) -> Option<String> {
        match metric {
            Metric::Value => {
                let config = values(config, limit);
                self.values.judge(&config, seen.value?).reason(&config)
            }
            Metric::Drift => {
                let evidence = self.drift.clone().update(seen.value.filter(|value| value.is_finite())?);
                (evidence > 1.0).then(|| "values have slowly changed".to_owned())
            }
            Metric::Frequency => self.too_fast(limit, seen),
            Metric::Novelty if f64::from(self.starts) >= limit => {
                let new = seen.things.iter().find(|thing| !self.seen.contains(thing.number()));
                new.map(|thing| format!("{thing} is new for this agent"))
            }
            Metric::Sequence => {
                let far = self.sequence.judge(seen.tool()?);
                (far > limit)
                    .then(|| format!("the order of tools is unusual: {far:.2} > threshold {limit:?}"))
            }
            Metric::Novelty | Metric::Duration | Metric::Errors | Metric::Cost | Metric::Tokens => None,
        }
    }

    /// Slower than usual is no anomaly.
    fn too_fast(&self, limit: f64, seen: &Observation<'_>) -> Option<String> {
        let (config, gap) = (pace(limit), self.gap(seen)?);
        let judged = self.pace.judge(&config, gap);
        judged.reason(&config).filter(|_| self.pace.is_below(gap))
    }

    /// The logarithm of one more than the seconds since the action before.
    fn gap(&self, seen: &Observation<'_>) -> Option<f64> {
        let last = self.last.filter(|_| !seen.again)?;
        Some(libm::log1p(seen.at.since(last) as f64 / 1e6))
    }

    /// Takes in an action that was asked for. What runs is learned from, what was refused is not (N-03, D035); both count
    /// towards an alert, and only what runs as usual ends a row. An alert has its consequence, and begins a new row.
    pub fn attempted(&mut self, config: &AnomalyConfig, seen: &Observation<'_>, runs: bool) {
        let found = self.judge(config, seen);
        for metric in config.watch.keys().filter(|metric| metric.is_of_attempts()) {
            let unusual = found.iter().find(|unusual| unusual.metric == *metric);
            self.count(*metric, unusual, runs, config);
        }
        if runs {
            self.learn(config, seen);
        }
        self.last = Some(self.last.unwrap_or_default().max(seen.at));
    }

    fn count(&mut self, metric: Metric, unusual: Option<&Unusual>, runs: bool, config: &AnomalyConfig) {
        let Some(count) = self.consecutive.get_mut(metric as usize) else { return };
        match unusual {
            Some(unusual) if unusual.alerts(config) => *count = 0,
            Some(unusual) => *count = u8::try_from(unusual.consecutive).unwrap_or(u8::MAX),
            None if runs => *count = 0,
            None => {}
        }
    }

    fn learn(&mut self, config: &AnomalyConfig, seen: &Observation<'_>) {
        if let Some(value) = seen.value {
            let limit = config.watch.get(&Metric::Value).copied().unwrap_or(3.0);
            let values = values(config, limit);
            let judged = self.values.judge(&values, value);
            self.values.learn(&values, value, judged);
            if judged != Judgement::NonFinite {
                self.drift.update(value);
            }
        }
        if let Some(gap) = self.gap(seen) {
            let pace = pace(config.watch.get(&Metric::Frequency).copied().unwrap_or(2.5));
            let judged = self.pace.judge(&pace, gap);
            self.pace.learn(&pace, gap, judged);
        }
        seen.things.iter().for_each(|thing| self.seen.insert(thing.number()));
        if let Some(tool) = seen.tool() {
            self.sequence.learn(tool);
        }
        self.starts = self.starts.saturating_add(1);
    }

    /// Takes in how an action ended. What is unusual about it, in the order of the policy.
    pub fn ended(&mut self, config: &AnomalyConfig, ending: &Ending) -> Vec<Unusual> {
        let mut found = Vec::new();
        for (metric, limit) in &config.watch {
            if let Some(reason) = self.reason_of_ending(*metric, *limit, ending) {
                let before = self.consecutive.get(*metric as usize).copied().unwrap_or_default();
                found.push(Unusual { metric: *metric, reason, consecutive: u32::from(before) + 1 });
            }
        }
        for metric in config.watch.keys().filter(|metric| !metric.is_of_attempts()) {
            let unusual = found.iter().find(|unusual| unusual.metric == *metric);
            self.count(*metric, unusual, true, config);
        }
        self.learn_ending(ending);
        found
    }

    fn reason_of_ending(&self, metric: Metric, limit: f64, ending: &Ending) -> Option<String> {
        let far = match metric {
            Metric::Duration => far_above(&self.duration, ending.duration()),
            Metric::Cost => far_above(&self.cost, ending.cost()?),
            Metric::Tokens => far_above(&self.tokens, ending.tokens()?),
            Metric::Errors if ending.failed => self.failing(),
            _ => return None,
        };
        (far > limit).then(|| format!("{}: Z-score {far:.2} > threshold {limit:?}", metric.name()))
    }

    /// How far the recent share of failures, this one included, is above the usual one: the control limit of an
    /// exponentially weighted share. A share below one in twenty is taken for one in twenty.
    fn failing(&self) -> f64 {
        if self.errors.count() < WARM_UP {
            return 0.0;
        }
        let usual = self.errors.mean().clamp(0.05, 0.95);
        let recent = f64::from(self.recent_errors);
        let recent = recent + ERROR_WEIGHT * (1.0 - recent);
        let deviation = (usual * (1.0 - usual) * ERROR_WEIGHT / (2.0 - ERROR_WEIGHT)).sqrt();
        (recent - usual) / deviation
    }

    fn learn_ending(&mut self, ending: &Ending) {
        learn_cut(&mut self.duration, Some(ending.duration()));
        learn_cut(&mut self.cost, ending.cost());
        learn_cut(&mut self.tokens, ending.tokens());
        let failed = f64::from(u8::from(ending.failed));
        self.errors.push(failed, MEMORY);
        let recent = f64::from(self.recent_errors);
        self.recent_errors = (recent + ERROR_WEIGHT * (failed - recent)) as f32;
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> usize {
        let apart = 2 * size_of::<ZScore<f32>>();
        size_of::<Self>() + self.values.bytes() + self.pace.bytes() - apart
    }

    /// When an action was last asked for.
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

/// How far a logarithm is above the usual ones, in standard deviations. A negative amount has none, and is too far.
fn far_above(usual: &Fading, logarithm: f64) -> f64 {
    if !logarithm.is_finite() {
        return f64::INFINITY;
    }
    if usual.count() < WARM_UP {
        return 0.0;
    }
    (logarithm - usual.mean()) / usual.deviation().max(LOG_FLOOR)
}

/// Learns a logarithm: what is far away moves what is usual no more than what is at the edge of it.
fn learn_cut(usual: &mut Fading, logarithm: Option<f64>) {
    let Some(logarithm) = logarithm.filter(|logarithm| logarithm.is_finite()) else { return };
    let reach = if usual.count() < WARM_UP { f64::INFINITY } else { 3.0 * usual.deviation().max(LOG_FLOOR) };
    usual.push(logarithm.clamp(usual.mean() - reach, usual.mean() + reach), MEMORY);
}

fn values(config: &AnomalyConfig, threshold: f64) -> ZScoreConfig {
    ZScoreConfig { threshold, bounds: config.value_bounds, ..ZScoreConfig::default() }
}

fn pace(threshold: f64) -> ZScoreConfig {
    ZScoreConfig { threshold, absolute_floor: PACE_FLOOR, ..ZScoreConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::super::observation::Thing;
    use super::*;
    use std::collections::BTreeMap;

    /// An action that moves so many dollars, so many milliseconds after the beginning.
    fn action(at_ms: u64, value: f64) -> Observation<'static> {
        let at = Timestamp(1_000_000_000 + at_ms * 1000);
        Observation { at, value: Some(value), things: vec![Thing::Tool("order")], again: false }
    }

    /// Forty actions, a minute and a bit apart, of about a hundred dollars.
    fn trained(config: &AnomalyConfig) -> AgentModel {
        let mut model = AgentModel::default();
        for n in 0..40 {
            let seen = action(n * 60_000 + n % 5 * 900, 100.0 + (n % 7) as f64);
            assert_eq!(model.judge(config, &seen), [], "{n}");
            model.attempted(config, &seen, true);
        }
        model
    }

    fn metrics(found: &[Unusual]) -> Vec<(Metric, u32)> {
        found.iter().map(|unusual| (unusual.metric, unusual.consecutive)).collect()
    }

    fn watching(metric: Metric, limit: f64) -> AnomalyConfig {
        AnomalyConfig { watch: BTreeMap::from([(metric, limit)]), ..AnomalyConfig::default() }
    }

    /// A078, D035: both template detectors are fed; a burst of ordinary values trips the one of frequency alone.
    #[test]
    fn a078_a_burst_of_normal_values_trips_frequency() {
        let config = AnomalyConfig::default();
        let model = trained(&config);
        let minutes_later = 40 * 60_000;
        assert_eq!(metrics(&model.judge(&config, &action(minutes_later, 103.0))), []);
        let at_once = 39 * 60_000 + 4_500;
        assert_eq!(metrics(&model.judge(&config, &action(at_once, 103.0))), [(Metric::Frequency, 1)]);
        assert_eq!(metrics(&model.judge(&config, &action(minutes_later, 900.0))), [(Metric::Value, 1)]);
        let next_week = 10_000 * 60_000;
        assert_eq!(metrics(&model.judge(&config, &action(next_week, 103.0))), [], "slow is not anomalous");
    }

    /// A099, A076, N-03: anomalous attempts count although none runs, the third is an alert with A074's words, and the
    /// alert begins a new row. What is asked again is not counted again.
    #[test]
    fn a099_the_third_in_a_row_is_an_alert() {
        let config = watching(Metric::Value, 3.0);
        let mut model = trained(&config);
        for (n, alerts) in [(1, false), (2, false), (3, true), (1, false)] {
            let seen = action(50 * 60_000, 900.0);
            let found = model.judge(&config, &seen);
            assert_eq!((found[0].consecutive, found[0].alerts(&config)), (n, alerts));
            let sentence = found[0].sentence(&config);
            assert_eq!(sentence.ends_with("(ALERT: 3 consecutive anomalies)"), alerts, "{sentence}");
            model.attempted(&config, &seen, false);
            let again = Observation { again: true, ..seen };
            model.attempted(&config, &again, false);
        }
    }

    /// A075: what runs as usual ends a row; what is refused does not.
    #[test]
    fn a075_only_what_runs_ends_a_row() {
        let config = watching(Metric::Value, 3.0);
        for (runs, then) in [(true, 1), (false, 2)] {
            let mut model = trained(&config);
            model.attempted(&config, &action(50 * 60_000, 900.0), false);
            model.attempted(&config, &action(51 * 60_000, 103.0), runs);
            assert_eq!(model.judge(&config, &action(52 * 60_000, 900.0))[0].consecutive, then, "{runs}");
        }
    }

    /// N-03, D035: the order of training. Refused actions leave what is usual as it was, so a level that was refused a hundred times is still
    /// unusual; ten permitted ones make it the new level (N-01).
    #[test]
    fn n_03_refused_actions_do_not_train() {
        let config = watching(Metric::Value, 3.0);
        let unusual = |model: &AgentModel| !model.judge(&config, &action(500 * 60_000, 900.0)).is_empty();
        let mut model = trained(&config);
        let before = model.values.clone();
        for n in 0..100 {
            model.attempted(&config, &action((50 + n) * 60_000, 900.0), false);
        }
        assert_eq!(model.values, before);
        assert!(unusual(&model));
        for n in 0..10 {
            assert!(unusual(&model), "{n}");
            model.attempted(&config, &action((200 + n) * 60_000, 900.0), true);
        }
        assert!(!unusual(&model));
    }

    /// N-02, K142, D033: a ramp of a fortieth of a deviation at a time, which the z-score follows, is a drift; the same values
    /// without the ramp are none.
    #[test]
    fn n_02_slow_ramps_are_drift() {
        let config = AnomalyConfig {
            watch: BTreeMap::from([(Metric::Value, 3.0), (Metric::Drift, 1.0)]),
            ..AnomalyConfig::default()
        };
        let first = |step: f64| {
            let mut model = AgentModel::default();
            (0..400_u64).find_map(|n| {
                let ramp = n.saturating_sub(100) as f64 * step;
                let seen = action(n * 60_000, 100.0 + (n * 5 % 7) as f64 + ramp);
                let found = model.judge(&config, &seen);
                model.attempted(&config, &seen, true);
                found.first().map(|unusual| (unusual.metric, n))
            })
        };
        assert_eq!(first(0.0), None);
        let (metric, at) = first(0.05).unwrap();
        assert!(metric == Metric::Drift && at < 250, "{metric:?} {at}");
    }

    /// A079: a value that is no number is anomalous, and the model goes on.
    #[test]
    fn a079_no_number_is_unusual_and_never_learned() {
        let config = AnomalyConfig::default();
        let mut model = trained(&config);
        for value in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
            let seen = action(60 * 60_000, value);
            assert_eq!(model.judge(&config, &seen)[0].reason, "non-finite value");
            model.attempted(&config, &seen, true);
        }
        assert_eq!(model.judge(&config, &action(61 * 60_000, 103.0)), []);
    }

    /// Something new is reported once the agent is known, and once.
    #[test]
    fn what_is_new_for_this_agent() {
        let config = watching(Metric::Novelty, 20.0);
        let with = |host| {
            let mut seen = action(60 * 60_000, 100.0);
            seen.things.push(Thing::Host(host));
            seen
        };
        let mut young = AgentModel::default();
        young.attempted(&config, &with("a.example"), true);
        assert_eq!(young.judge(&config, &with("b.example")), []);
        let mut model = trained(&config);
        model.attempted(&config, &with("a.example"), true);
        assert_eq!(model.judge(&config, &with("a.example")), []);
        let found = model.judge(&config, &with("b.example"));
        assert_eq!(found[0].reason, "the host b.example is new for this agent");
    }

    /// Endings: a run that is far longer, dearer or larger than usual, and failures that pile up. The usual ones beside them.
    #[test]
    fn endings_are_judged() {
        let config = AnomalyConfig {
            watch: [Metric::Duration, Metric::Cost, Metric::Tokens, Metric::Errors]
                .map(|metric| (metric, 4.0))
                .into(),
            ..AnomalyConfig::default()
        };
        let usual = |n: u32| Ending {
            seconds: 2.0 + f64::from(n % 3),
            failed: n.is_multiple_of(20),
            cost: Some(0.01 + f64::from(n % 4) * 0.001),
            tokens: Some(1000.0 + f64::from(n % 5) * 50.0),
        };
        let mut model = AgentModel::default();
        for n in 0..100 {
            assert_eq!(model.ended(&config, &usual(n)), [], "{n}");
        }
        for (ending, metric) in [
            (Ending { seconds: 120.0, ..usual(1) }, Metric::Duration),
            (Ending { cost: Some(1.0), ..usual(1) }, Metric::Cost),
            (Ending { cost: Some(-1.0), ..usual(1) }, Metric::Cost),
            (Ending { tokens: Some(50_000.0), ..usual(1) }, Metric::Tokens),
        ] {
            assert_eq!(metrics(&model.clone().ended(&config, &ending)), [(metric, 1)]);
        }
        let failing = Ending { failed: true, ..usual(1) };
        let counts: Vec<u32> = (0..12)
            .filter_map(|_| model.ended(&config, &failing).first().map(|unusual| unusual.consecutive))
            .collect();
        assert!(counts.starts_with(&[1, 2, 3, 1]), "{counts:?}");
    }

    /// The goal: two kilobytes for an agent, whatever it does and however long; and the same actions give the same model.
    #[test]
    fn an_agent_takes_two_kilobytes() {
        let config = AnomalyConfig::default();
        let run = || {
            let mut model = AgentModel::default();
            for n in 0..5_000_u64 {
                let hosts: Vec<String> =
                    (0..3).map(|part| format!("h{}.example", n * 7 % 900 + part)).collect();
                let mut seen =
                    action(n * n % 977 * 1000 + n * 60_000, if n % 90 < 8 { 5e4 } else { (n % 11) as f64 });
                seen.things.extend(hosts.iter().map(|host| Thing::Host(host)));
                model.attempted(&config, &seen, n % 6 != 0);
                model.ended(
                    &config,
                    &Ending { seconds: n as f64, failed: n % 9 == 0, cost: Some(0.1), tokens: None },
                );
                assert!(model.bytes() <= 2048, "{} at {n}", model.bytes());
            }
            model
        };
        assert_eq!(run(), run());
    }
}
