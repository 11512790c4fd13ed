//! How long SQL, URLs, paths, secrets and personal data take to read: ordinary input, and the
//! worst known shapes at the size limits.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stayhand_analysis::{Surroundings, injection, path, pii, secret, shell, sql, url};
use stayhand_core::facts::Access;
use std::hint::black_box;

/// What agents mostly read: code and documents.
const SAMPLES: [&str; 5] = [
    include_str!("../src/path.rs"),
    include_str!("../src/host.rs"),
    include_str!("../src/sql.rs"),
    include_str!("../../../docs/ARCHITECTURE.md"),
    include_str!("../../../Cargo.toml"),
];

fn clean_text() -> String {
    SAMPLES.concat().repeat(16)
}

fn scans(criterion: &mut Criterion) {
    let text = clean_text();
    assert!(secret::find(&text).is_empty(), "the sample holds a secret");
    let mut group = criterion.benchmark_group("scan");
    group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap()));
    group.sample_size(20);
    group.bench_function("secret", |bencher| bencher.iter(|| secret::find(black_box(&text))));
    group.bench_function("pii", |bencher| bencher.iter(|| pii::find(black_box(&text))));
    let tools = ["send_money", "read_file", "post_message"];
    assert!(!injection::scan(&text, &tools).tainted, "the sample gives orders");
    group.bench_function("injection", |bencher| bencher.iter(|| injection::scan(black_box(&text), &tools)));
    group.finish();
}

fn ordinary(criterion: &mut Criterion) {
    let at = Surroundings { cwd: "/home/ada/project", workspace: "/home/ada/project", home: "/home/ada" };
    let mut group = criterion.benchmark_group("ordinary");
    for (name, text) in [
        ("path", "crates/core/src/lib.rs"),
        ("path_absolute", "/home/ada/project/crates/core/src/../src/lib.rs"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| path::path_use(Access::Read, black_box(text), &at).unwrap());
        });
    }
    for (name, text) in
        [("url", "https://docs.example.com/guide/start?x=1"), ("url_address", "http://93.184.215.14:8080/")]
    {
        group.bench_function(name, |bencher| bencher.iter(|| url::host_use(black_box(text), None).unwrap()));
    }
    for (name, text) in [
        ("sql_select", "SELECT id, name FROM users WHERE city = 'Paris' ORDER BY name LIMIT 10"),
        (
            "sql_join",
            "SELECT c.name, COUNT(o.id) AS n FROM customers c JOIN orders o ON o.customer_id = c.id \
             WHERE o.placed > '2024-01-01' GROUP BY c.name HAVING COUNT(o.id) > 3 ORDER BY n DESC",
        ),
        ("sql_update", "UPDATE users SET name = 'Ada' WHERE id = 7"),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| sql::statements(black_box(text), Some("postgres")).unwrap());
        });
    }
    group.finish();
}

/// A statement of `bytes` bytes that repeats `part`.
fn filled(head: &str, part: &str, tail: &str, bytes: usize) -> String {
    let room = bytes.saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", part.repeat(room / part.len()))
}

fn at_the_limits(criterion: &mut Criterion) {
    const SQL: usize = 64 * 1024;
    const SHELL: usize = 64 * 1024;
    let mut group = criterion.benchmark_group("limit");
    group.sample_size(10);
    for (name, text) in [
        ("sql_values", filled("INSERT INTO t VALUES (1)", ", (1)", "", SQL)),
        ("sql_sum", filled("SELECT 1", "+1", "", SQL)),
        ("sql_or", filled("DELETE FROM t WHERE a=1", " OR a=1", "", SQL)),
        ("sql_many", filled("", "SELECT 1;", "", SQL)),
        ("sql_brackets", filled("SELECT ", "(", "1", SQL)),
        ("sql_unknown", filled("FROB ", "x ", "", SQL)),
        ("sql_quotes", filled("SELECT ", r"'\'", "", SQL)),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| sql::statements(black_box(&text), None).is_ok());
        });
    }
    let at = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };
    for (name, line) in [
        ("python_calls", "f(1)\n"),
        ("python_deletes", "os.remove('a')\n"),
        ("python_sum", "1+"),
        ("python_brackets", "("),
    ] {
        let command = filled("python3 -c \"import os\n", line, "1\"", SHELL);
        group.bench_function(name, |bencher| bencher.iter(|| shell::operations(black_box(&command), &at)));
    }
    let digits = "4111 ".repeat(200_000);
    group.bench_function("pii_digits_1_mb", |bencher| bencher.iter(|| pii::find(black_box(&digits))));
    let keywords = "password: token=".repeat(60_000);
    group.bench_function("secret_keywords_1_mb", |bencher| {
        bencher.iter(|| secret::find(black_box(&keywords)));
    });
    group.finish();
}

criterion_group!(benches, scans, ordinary, at_the_limits);
criterion_main!(benches);
