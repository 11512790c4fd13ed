//! `stayhand anomaly`: measures how anomalous the values of a series are. Nothing is decided and nothing is kept.

use crate::args::{Anomaly, Global, Score};
use crate::{Exit, home, show};
use anstream::println;
use csv::StringRecord;
use serde::Serialize;
use stayhand_core::control::anomaly::detector::Detector;
use std::path::Path;

/// The most rows that are read.
const MAX_ROWS: usize = 10_000_000;

/// The most anomalies that are listed for people.
const LISTED: usize = 50;

/// A scored series, as printed.
#[derive(Debug, Serialize)]
struct Report<'a> {
    column: &'a str,
    detector: &'a str,
    rows: usize,
    anomalies: usize,
    values: Vec<Row>,
}

/// One value, scored.
#[derive(Debug, Serialize)]
struct Row {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    /// Null where it is no finite number.
    value: f64,
    /// Between 0 and 1; above one half it is an anomaly.
    score: f64,
    anomaly: bool,
}

pub(super) fn run(global: &Global, anomaly: &Anomaly) -> anyhow::Result<Exit> {
    let Anomaly::Score(score) = anomaly;
    let (column, values) = read(score)?;
    let anomalies = values.iter().filter(|row| row.anomaly).count();
    let report = Report { column: &column, detector: &score.detector, rows: values.len(), anomalies, values };
    if global.json {
        show::json(&report)?;
    } else {
        print(&report);
    }
    Ok(Exit::Permitted)
}

/// Which fields hold the time and the value.
#[derive(Debug)]
struct Columns {
    name: String,
    value: usize,
    time: Option<usize>,
}

/// Scores the series row by row.
fn read(score: &Score) -> anyhow::Result<(String, Vec<Row>)> {
    let mut detector = Detector::named(&score.detector)
        .ok_or_else(|| home::usage(format!("there is no detector `{}`", score.detector)))?;
    let file = &score.file;
    let mut records = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_path(file)
        .map_err(|error| unreadable(file, &error))?;
    let mut columns: Option<Columns> = None;
    let mut rows = Vec::new();
    for record in records.records() {
        let record = record.map_err(|error| unreadable(file, &error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let found = match &columns {
            Some(found) => found,
            None => {
                let (found, is_header) = Columns::of(&record, score)?;
                let found = columns.insert(found);
                if is_header {
                    continue;
                }
                found
            }
        };
        if rows.len() == MAX_ROWS {
            return Err(at(file, line, &format!("more than {MAX_ROWS} rows")));
        }
        rows.push(found.row(&record, file, line, &mut detector)?);
    }
    match columns {
        Some(columns) if !rows.is_empty() => Ok((columns.name, rows)),
        _ => Err(home::usage(format!("{} holds no values", file.display()))),
    }
}

impl Columns {
    /// Finds the columns in the first record, and whether that is a line of names.
    fn of(first: &StringRecord, score: &Score) -> anyhow::Result<(Self, bool)> {
        let position = |name: &str| first.iter().position(|field| field == name);
        let is_header = !first.iter().any(is_number);
        let value = match &score.column {
            Some(name) => position(name).filter(|_| is_header),
            None if is_header => {
                position("value").or_else(|| first.len().checked_sub(1).filter(|last| *last < 2))
            }
            None => (0..first.len()).rev().find(|at| first.get(*at).is_some_and(is_number)),
        };
        let Some(value) = value else {
            let names: Vec<&str> = first.iter().collect();
            let wanted = score.column.as_deref().unwrap_or("value");
            let problem =
                format!("no column is named `{wanted}`; --column chooses one of: {}", names.join(", "));
            return Err(at(&score.file, 1, &show::line(&problem, 300)));
        };
        let name = first.get(value).filter(|_| is_header).unwrap_or("value").to_owned();
        // The time stands in the first column that is not the value's.
        let time = (0..first.len()).find(|at| *at != value);
        Ok((Self { name, value, time }, is_header))
    }

    fn row(
        &self,
        record: &StringRecord,
        file: &Path,
        line: u64,
        detector: &mut Detector,
    ) -> anyhow::Result<Row> {
        let field = record.get(self.value).unwrap_or_default();
        let value: f64 = field.parse().map_err(|_| {
            at(file, line, &format!("`{}` is no number (column `{}`)", show::line(field, 60), self.name))
        })?;
        let limits = detector.update(value);
        let timestamp = self.time.and_then(|at| record.get(at)).map(str::to_owned);
        Ok(Row { line, timestamp, value, score: limits / (1.0 + limits), anomaly: limits > 1.0 })
    }
}

fn is_number(field: &str) -> bool {
    field.parse::<f64>().is_ok()
}

fn at(file: &Path, line: u64, problem: &str) -> anyhow::Error {
    home::usage(format!("{}:{line}: {problem}", file.display()))
}

fn unreadable(file: &Path, error: &csv::Error) -> anyhow::Error {
    match error.position() {
        Some(position) => at(file, position.line(), &error.to_string()),
        None => home::usage(format!("cannot read {}: {error}", file.display())),
    }
}

/// For people: what was found, and when.
fn print(report: &Report<'_>) {
    let style = if report.anomalies == 0 { show::GREEN } else { show::YELLOW };
    let count = show::styled(style, format!("{} anomalies", report.anomalies));
    let about = format!("{} values of `{}`, detector {}", report.rows, report.column, report.detector);
    println!("{count}  {}", show::styled(show::DIM, show::line(&about, 160)));
    for row in report.values.iter().filter(|row| row.anomaly).take(LISTED) {
        let time =
            row.timestamp.as_deref().map(|time| format!("{}  ", show::line(time, 40))).unwrap_or_default();
        let place = show::styled(show::DIM, format!("score {:.3}, line {}", row.score, row.line));
        println!("  {time}{}  {place}", row.value);
    }
    if report.anomalies > LISTED {
        println!("  and {} more; --json lists all", report.anomalies - LISTED);
    }
}
