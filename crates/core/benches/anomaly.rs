//! How long a detector takes for a value, and the same in a loop of Python as people write it.

#![expect(clippy::disallowed_methods, reason = "the peer is another program")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use stayhand_core::control::anomaly::detector::Detector;
use stayhand_core::control::anomaly::zscore::{ZScore, ZScoreConfig};
use std::hint::black_box;
use std::process::Command;

/// Values that look random, between 0 and 1.
fn values() -> Vec<f64> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..10_000).map(next).collect()
}

/// A rolling z-score, by the length of its window.
fn by_window(c: &mut Criterion) {
    let values = values();
    let mut group = c.benchmark_group("z-score, window");
    group.throughput(Throughput::Elements(values.len() as u64));
    for window in [20, 100, 1_000, 10_000] {
        let config = ZScoreConfig { window, ..ZScoreConfig::default() };
        let mut detector = ZScore::<f64>::default();
        group.bench_function(BenchmarkId::from_parameter(window), |b| {
            b.iter(|| {
                values.iter().filter(|value| detector.check(&config, black_box(**value)).alert).count()
            });
        });
    }
    group.finish();
}

/// Each detector with its defaults.
fn by_detector(c: &mut Criterion) {
    let values = values();
    let mut group = c.benchmark_group("detector");
    group.throughput(Throughput::Elements(values.len() as u64));
    for name in Detector::NAMES {
        let Some(mut detector) = Detector::named(name) else { continue };
        group.bench_function(*name, |b| {
            b.iter(|| values.iter().map(|value| detector.update(black_box(*value))).sum::<f64>());
        });
    }
    group.finish();
}

criterion_group!(benches, by_window, by_detector);

fn main() {
    benches();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/zscore.py");
    match Command::new("python3").arg(script).status() {
        Ok(status) if status.success() => {}
        other => eprintln!("NOT RUN: the peer in Python: {other:?}"),
    }
}
