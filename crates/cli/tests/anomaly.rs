//! `stayhand anomaly score`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{PERMITTED, USAGE, World};
use std::fmt::Write as _;

/// Fifty values around ten, with 500 in line 42.
fn series() -> String {
    let mut text = "timestamp,other,value\n".to_owned();
    for n in 0..50 {
        let value = if n == 40 { 500 } else { 10 + n % 3 };
        writeln!(text, "2026-11-20 00:{n:02}:00,7,{value}").unwrap();
    }
    text
}

#[test]
fn the_one_outlier_is_found() {
    let world = World::new();
    world.write("load.csv", series());
    let report = world.run(&["--json", "anomaly", "score", "load.csv"]).expect(PERMITTED).json();
    assert_eq!(
        (&report["rows"], &report["anomalies"], &report["column"]),
        (&50.into(), &1.into(), &"value".into())
    );
    let values = report["values"].as_array().unwrap();
    for row in values {
        let (score, anomaly) = (row["score"].as_f64().unwrap(), row["anomaly"].as_bool().unwrap());
        assert!((0.0..=1.0).contains(&score) && anomaly == (score > 0.5), "{row}");
        assert_eq!(anomaly, row["line"] == 42, "{row}");
    }
    assert_eq!(values[40]["timestamp"], "2026-11-20 00:40:00");
    let run = world.run(&["anomaly", "score", "load.csv"]);
    run.expect(PERMITTED).says("1 anomalies").says("line 42").says("2026-11-20 00:40:00  500");
    // The nearest harmless series: another column of the same file.
    let run = world.run(&["anomaly", "score", "load.csv", "--column", "other"]);
    run.expect(PERMITTED).says("0 anomalies");
}

/// The z-score is the one of A073: all but the outlier are usual.
#[test]
fn another_detector_may_be_named() {
    let world = World::new();
    world.write("load.csv", series());
    for detector in ["z-score", "winsorised", "hampel", "vote"] {
        let args = ["--json", "anomaly", "score", "load.csv", "--detector", detector];
        assert_eq!(world.run(&args).expect(PERMITTED).json()["anomalies"], 1, "{detector}");
    }
    world.run(&["anomaly", "score", "load.csv", "--detector", "guess"]).expect(USAGE).says("z-score");
}

/// Values without a line of names; what is no finite number is an anomaly and harms no other row.
#[test]
fn a_bare_column_with_gaps() {
    let world = World::new();
    world.write("bare.csv", format!("{}NaN\n1\ninf\n2\n", "1\n2\n".repeat(20)));
    let report = world
        .run(&["--json", "anomaly", "score", "bare.csv", "--detector", "z-score"])
        .expect(PERMITTED)
        .json();
    let anomalous: Vec<u64> = report["values"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["anomaly"] == true)
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    assert_eq!(anomalous, [41, 43]);
}

#[test]
fn errors_name_file_and_line() {
    let world = World::new();
    for (content, says) in [
        ("timestamp,value\n1,2\n2,three\n", "bad.csv:3: `three` is no number"),
        ("timestamp,value\n1,2\n2\n", "bad.csv:3"),
        ("timestamp,value\n1,\n", "bad.csv:2: `` is no number"),
        ("a,b,c\n1,2,3\n", "bad.csv:1: no column is named `value`; --column chooses one of: a, b, c"),
        ("", "holds no values"),
        ("timestamp,value\n", "holds no values"),
    ] {
        world.write("bad.csv", content);
        world.run(&["anomaly", "score", "bad.csv"]).expect(USAGE).says(says);
    }
    world.run(&["anomaly", "score", "absent.csv"]).expect(USAGE).says("absent.csv");
    world.write("bad.csv", b"value\n1\n\xff\n");
    world.run(&["anomaly", "score", "bad.csv"]).expect(USAGE).says("bad.csv:3");
}
