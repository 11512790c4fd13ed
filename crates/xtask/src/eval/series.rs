//! Series of measurements with labelled windows, scored as the Numenta Anomaly Benchmark does.
//!
//! Source: A. Lavin, S. Ahmad, "Evaluating real-time anomaly detection algorithms – the Numenta Anomaly Benchmark" (2015). An alarm
//! inside a labelled window counts up to 1, the earlier the more, and only the first one; an alarm outside costs, the farther behind a window
//! the more; a window without an alarm costs 1 or more. 0 is the score of no alarms at all, 100 that of a perfect detector.
//! One difference: our alarms come with a fixed limit, there is no threshold that is chosen with the labels.

use super::ask::Asker;
use super::report::Report;
use super::sources;
use anyhow::Context as _;
use serde_json::Value;
use std::path::Path;

/// What false alarms and missed windows cost.
struct Profile {
    name: &'static str,
    false_alarm: f64,
    missed: f64,
}

const PROFILES: [Profile; 3] = [
    Profile { name: "standard", false_alarm: 0.11, missed: 1.0 },
    Profile { name: "few false alarms", false_alarm: 0.22, missed: 1.0 },
    Profile { name: "few missed", false_alarm: 0.11, missed: 2.0 },
];

/// A labelled series.
struct Series {
    values: Vec<f64>,
    /// First and last index of each window, in order.
    windows: Vec<(usize, usize)>,
    /// So many values at the beginning do not count.
    probation: usize,
}

/// How a detector came out.
struct Outcome {
    /// The normalised score of each profile.
    scores: Vec<f64>,
    found: usize,
    windows: usize,
    false_alarms: usize,
}

/// Our default, other detectors that can be named, and a plain z-score.
pub(super) fn series(folder: &Path, asker: &Asker, report: &mut Report) -> anyhow::Result<()> {
    report.area(
        "Series",
        "Each series is scored by `stayhand anomaly score` with one configuration for all of them; a detector raises an alarm above its fixed limit. \
         Scores are those of the Numenta Anomaly Benchmark: 0 without any alarm, 100 for a perfect detector, below 0 where false alarms \
         outweigh. The plain z-score compares with all values before, at the usual limit of 3, and at the limit out of 2, 2.5, … 10 that is \
         best on these very series. The constants of `series` were chosen on these series too, \
         once for all of them, so its figure flatters as well.",
    );
    report.columns(&[
        "source",
        "detector",
        "standard",
        "few false alarms",
        "few missed",
        "windows found",
        "false alarms",
        "goal",
    ]);
    for source in sources(folder, "anomaly")? {
        let all: Vec<Series> =
            source.samples.iter().map(|sample| Series::read(&sample.0)).collect::<anyhow::Result<_>>()?;
        for detector in ["series", "z-score", "ewma", "cusum", "hampel", "drift", "tail", "steps", "vote"] {
            let mut alarms = Vec::new();
            for series in &all {
                let (found, took) = asker.score(&series.values, detector)?;
                if detector == "series" {
                    report.took("series", found.len(), took);
                }
                alarms.push(found);
            }
            let (name, goal) =
                if detector == "series" { ("series (default)", "standard ≥ 40") } else { (detector, "") };
            row(&source.name, name, &outcome(&all, &alarms), goal, report);
        }
        let distances: Vec<Vec<f64>> = all.iter().map(|series| plain_distances(&series.values)).collect();
        let at = |limit: f64| -> Outcome {
            let alarms: Vec<Vec<bool>> =
                distances.iter().map(|found| found.iter().map(|z| *z > limit).collect()).collect();
            outcome(&all, &alarms)
        };
        row(&source.name, "plain z-score, limit 3", &at(3.0), "", report);
        let limits = (4..=20).map(|half| f64::from(half) / 2.0);
        let best = limits.map(at).max_by(|a, b| a.standard().total_cmp(&b.standard()));
        row(&source.name, "plain z-score, best limit", &best.context("no limits")?, "", report);
    }
    Ok(())
}

fn row(source: &str, detector: &str, outcome: &Outcome, goal: &str, report: &mut Report) {
    let scores: Vec<String> = outcome.scores.iter().map(|score| format!("{score:.1}")).collect();
    let found = format!("{} of {}", outcome.found, outcome.windows);
    let false_alarms = outcome.false_alarms.to_string();
    let mut cells = vec![source, detector];
    cells.extend(scores.iter().map(String::as_str));
    cells.extend([found.as_str(), &false_alarms, goal]);
    report.row(&cells);
}

impl Outcome {
    fn standard(&self) -> f64 {
        self.scores.first().copied().unwrap_or(f64::NEG_INFINITY)
    }
}

impl Series {
    fn read(sample: &Value) -> anyhow::Result<Self> {
        let values = sample["input"]["values"].as_array().context("a series has values")?;
        let windows = sample["windows"].as_array().context("a series has windows")?;
        let index = |value: &Value| value.as_u64().map(|index| index as usize);
        Ok(Self {
            values: values.iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect(),
            windows: windows
                .iter()
                .map(|window| Some((index(&window[0])?, index(&window[1])?)))
                .collect::<Option<_>>()
                .context("a window has two ends")?,
            probation: index(&sample["probation"]).context("a series has a probation")?,
        })
    }

    /// What the alarms are worth, how many windows they found, how many were false.
    fn judge(&self, alarms: &[bool], profile: &Profile) -> (f64, usize, usize) {
        let mut value = 0.0;
        let mut false_alarms = 0;
        let mut found = vec![false; self.windows.len()];
        for at in (self.probation..alarms.len()).filter(|at| alarms[*at]) {
            if let Some(hit) = self.windows.iter().position(|(from, to)| (*from..=*to).contains(&at)) {
                let (from, to) = self.windows[hit];
                if !std::mem::replace(&mut found[hit], true) {
                    let position = -((to - at + 1) as f64) / (to - from + 1) as f64;
                    value += scaled_sigmoid(position) / scaled_sigmoid(-1.0);
                }
            } else {
                false_alarms += 1;
                let before = self.windows.iter().rev().find(|(_, to)| *to < at);
                let worth = before
                    .map_or(-1.0, |(from, to)| scaled_sigmoid((at - to) as f64 / (to - from).max(1) as f64));
                value += profile.false_alarm * worth;
            }
        }
        let hits = found.iter().filter(|found| **found).count();
        value -= profile.missed * (found.len() - hits) as f64;
        (value, hits, false_alarms)
    }
}

/// From 1 well before the end of a window to −1 well behind it.
fn scaled_sigmoid(position: f64) -> f64 {
    if position > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

fn outcome(all: &[Series], alarms: &[Vec<bool>]) -> Outcome {
    let windows: usize = all.iter().map(|series| series.windows.len()).sum();
    let mut outcome = Outcome { scores: Vec::new(), found: 0, windows, false_alarms: 0 };
    for profile in &PROFILES {
        let judged: Vec<_> =
            all.iter().zip(alarms).map(|(series, alarms)| series.judge(alarms, profile)).collect();
        let value: f64 = judged.iter().map(|judged| judged.0).sum();
        let (none, perfect) = (-profile.missed * windows as f64, windows as f64);
        outcome.scores.push(100.0 * (value - none) / (perfect - none));
        if profile.name == "standard" {
            outcome.found = judged.iter().map(|judged| judged.1).sum();
            outcome.false_alarms = judged.iter().map(|judged| judged.2).sum();
        }
    }
    outcome
}

/// The distance of each value from all before it, in standard deviations.
fn plain_distances(values: &[f64]) -> Vec<f64> {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0_f64);
    let mut distances = Vec::with_capacity(values.len());
    for value in values {
        let deviation = if count > 1.0 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        distances.push(if deviation > 0.0 && count >= 10.0 { (value - mean).abs() / deviation } else { 0.0 });
        count += 1.0;
        let away = value - mean;
        mean += away / count;
        squares += away * (value - mean);
    }
    distances
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(alarms: &[usize]) -> f64 {
        let series = Series { values: vec![0.0; 100], windows: vec![(40, 49), (80, 89)], probation: 15 };
        let raised: Vec<bool> = (0..100).map(|at| alarms.contains(&at)).collect();
        outcome(&[series], &[raised]).standard()
    }

    /// The ends of the scale, and what lies between: early beats late, late beats never, false alarms cost.
    #[test]
    fn scores_are_those_of_the_paper() {
        assert_eq!(score(&[]), 0.0);
        assert_eq!(score(&[40, 80]), 100.0);
        assert_eq!(score(&[40, 41, 45, 80]), 100.0, "only the first alarm of a window counts");
        assert_eq!(score(&[3, 40, 80]), 100.0, "probation does not count");
        let ladder = [score(&[40, 80]), score(&[48, 80]), score(&[80]), score(&[20, 80]), score(&[20])];
        assert!(ladder.is_sorted_by(|a, b| a > b), "{ladder:?}");
        // An alarm before any window costs 0.11 of one window, or 0.11 / 4 of the scale.
        assert!((score(&[20]) + 100.0 * 0.11 / 4.0).abs() < 1e-9);
    }
}
