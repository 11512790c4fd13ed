//! How long a decision takes once the facts are known, and whether it grows with the policy.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use stayhand_core::decide::{Ask, decide};
use stayhand_core::decision::Layer;
use stayhand_core::digest::Digest;
use stayhand_core::facts::{Access, Facts, FieldKind, Operation, PathUse, Program, Text, Trait, Traits};
use stayhand_core::policy::{LayerText, Policy};
use stayhand_core::request::{Action, Context, Principal, Request, Resource};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;
use std::hint::black_box;

fn request(tool: &str, agent: &str) -> Request {
    Request {
        principal: Principal { agent: agent.into(), session: "s".into(), on_behalf_of: None },
        action: Action(tool.into()),
        resource: Resource::default(),
        context: Context {
            cwd: "/home/ada/project".into(),
            workspace: "/home/ada/project".into(),
            home: "/home/ada".into(),
            ..Context::default()
        },
    }
}

fn read_file() -> (Request, Facts) {
    let path = "/home/ada/project/crates/core/src/lib.rs";
    let read = Operation { paths: vec![PathUse::new(Access::Read, path)], ..Operation::default() };
    let text = Text { field: "/path".into(), kind: FieldKind::Path, text: path.into() };
    let facts = Facts { operations: vec![read], texts: vec![text], ..Facts::default() };
    (request("read_file", "a"), facts)
}

fn command() -> (Request, Facts) {
    let program =
        Program { name: "cargo".into(), subcommand: Some("test".into()), path: None, trusted: true };
    let run = Operation {
        program: Some(program),
        args: vec!["test".into(), "-p".into(), "stayhand-core".into()],
        does: Traits::NONE.with(Trait::ExecuteCode),
        ..Operation::default()
    };
    let text = "cargo test -p stayhand-core".into();
    let text = Text { field: "/command".into(), kind: FieldKind::Command, text };
    (request("bash", "a"), Facts { operations: vec![run], texts: vec![text], ..Facts::default() })
}

/// One decision under the default pack.
fn one(c: &mut Criterion) {
    let policy = Policy::compile(&[], stayhand_core::policy::NoAnalysis).unwrap();
    let state = State::default();
    let mut group = c.benchmark_group("coding-agent");
    for (name, (request, facts)) in [("read_file", read_file()), ("bash", command())] {
        let ask = Ask { request: &request, digest: Digest([0; 32]), facts: &facts };
        group.bench_function(name, |b| b.iter(|| decide(&policy, &state, black_box(&ask), Timestamp(0))));
    }
    group.finish();
}

const TOOLS: u64 = 100;
const AGENTS: u64 = 50;

/// A number that looks random (the finaliser of splitmix64).
const fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Rule or request `number` is about this tool and agent.
const fn about(number: u64) -> (u64, u64) {
    (mixed(number) % TOOLS, mixed(number + 1_000_000) % AGENTS)
}

/// `count` rules: half "an agent may call a tool on paths under a folder", three in ten "a tool may
/// not be called with a text in it", a fifth "a tool waits for a person above a cost".
fn rules(count: u64) -> String {
    let mut text = String::from("rules:\n");
    for n in 0..count {
        let (tool, agent) = about(n);
        text += &match mixed(n + 2_000_000) % 10 {
            0..5 => format!(
                "- {{name: r{n}, allow: tool_{tool}, agent: agent_{agent}, when: {{paths: /data/{agent}/**}}}}\n"
            ),
            5..8 => format!("- {{name: r{n}, deny: tool_{tool}, when: {{matches: forbidden-{n}-word}}}}\n"),
            _ => format!(
                "- {{name: r{n}, approve: tool_{tool}, when: {{cost_over_cents: {}}}}}\n",
                100 + mixed(n) % 900
            ),
        };
    }
    text
}

/// 512 requests, the same for every number of rules, about what the first `rules` rules are about.
/// One in eight is dear, one in four leaves its agent's folder.
fn requests(rules: u64) -> Vec<(Request, Facts)> {
    let requests = (0..512u64).map(|n| {
        let (tool, agent) = about(n % rules);
        let mut request = request(&format!("tool_{tool}"), &format!("agent_{agent}"));
        let cents = if n.is_multiple_of(8) { 150 } else { n % 100 };
        request.context.cost_nanousd = Some(cents * 10_000_000);
        let folder = if n.is_multiple_of(4) { "other" } else { &format!("{agent}") };
        let path = PathUse::new(Access::Read, format!("/data/{folder}/part/file.txt"));
        let said = format!("convert --input part-{n} --quality 90 --output result.bin");
        let text = Text { field: "/command".into(), kind: FieldKind::Command, text: said };
        let operation = Operation { paths: vec![path], ..Operation::default() };
        (request, Facts { operations: vec![operation], texts: vec![text], ..Facts::default() })
    });
    requests.collect()
}

/// 10 to 10 000 rules. `known`: requests that the first ten rules speak of, so that only the number
/// of other rules grows. `all`: requests about every tool and agent; of ten rules, most are about
/// something else, and the memory that a decision looks at grows with the policy.
fn flatness(c: &mut Criterion) {
    let state = State::default();
    for (name, requests) in [("known", requests(10)), ("all", requests(512))] {
        let mut group = c.benchmark_group(name);
        for count in [10, 100, 1000, 10_000] {
            let file = LayerText { layer: Layer::User, name: "bench.yaml".into(), text: rules(count) };
            let policy = Policy::compile(&[file], stayhand_core::policy::NoAnalysis).unwrap();
            let mut turn = requests.iter().cycle();
            group.bench_function(BenchmarkId::from_parameter(count), |b| {
                b.iter(|| {
                    let (request, facts) = turn.next().unwrap();
                    let ask = Ask { request, digest: Digest([0; 32]), facts };
                    decide(&policy, &state, black_box(&ask), Timestamp(0))
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(60)
        .warm_up_time(std::time::Duration::from_secs(1))
        .measurement_time(std::time::Duration::from_secs(3));
    targets = one, flatness
}
criterion_main!(benches);
