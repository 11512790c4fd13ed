//! How long command lines take: ordinary ones, and the worst at the byte cap.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stayhand_analysis::{Surroundings, shell};
use std::hint::black_box;

const AT: Surroundings<'_> = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };
/// The longest text that is read.
const CAP: usize = 64 * 1024;

fn ordinary(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shell/ordinary");
    let commands = [
        ("ls", "ls -la"),
        ("git", "git commit -m 'Fix the parser'"),
        ("test", "cargo test --workspace -- --nocapture"),
        ("pipe", "grep -rn parse src | sort | uniq -c | head -20"),
        ("list", "cd crates/core && cargo build --release 2>&1 | tail -5"),
        ("unlisted", "some-tool --input data/x.csv --output out/y.json"),
    ];
    for (name, command) in commands {
        group.bench_function(name, |bencher| bencher.iter(|| shell::operations(black_box(command), &AT)));
    }
    group.finish();
}

fn worst(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("shell/worst");
    group.sample_size(10).throughput(Throughput::Bytes(CAP as u64));
    for (name, piece) in PIECES {
        let text = piece.repeat(CAP / piece.len());
        group.bench_function(*name, |bencher| bencher.iter(|| shell::operations(black_box(&text), &AT)));
    }
    group.finish();
}

/// What is repeated up to the cap.
const PIECES: &[(&str, &str)] = &[
    ("cd", "cd x && "),
    ("assign", "a=1;"),
    ("sequence", "ls;"),
    ("pipes", "ls|"),
    ("functions", "f(){ ls;};"),
    ("substitutions", "echo $(ls) "),
    ("words", "a "),
    ("paths", "cat /a/b/../c "),
    ("braces", "{a,b}"),
    ("quotes", "'a'\"b\""),
    ("redirects", "ls > a;"),
    ("groups", "{ ls; };"),
    ("loops", "for i in a b;do ls;done;"),
    ("conditions", "if ls;then ls;fi;"),
    ("dollars", "$"),
];

criterion_group!(benches, ordinary, worst);
criterion_main!(benches);
