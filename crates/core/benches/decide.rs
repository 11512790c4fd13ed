//! How long a decision takes once the facts are known, and whether it grows with the policy.

#![expect(clippy::unwrap_used, missing_docs, reason = "a benchmark fails by panicking")]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::json;
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
    let facts = Facts { operations: vec![read], texts: vec![text], invalid: vec![] };
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
    (request("bash", "a"), Facts { operations: vec![run], texts: vec![text], invalid: vec![] })
}

/// One decision under the default pack.
fn one(c: &mut Criterion) {
    let policy = Policy::compile(&[], |_, _| Facts::default()).unwrap();
    let state = State::default();
    let mut group = c.benchmark_group("coding-agent");
    for (name, (request, facts)) in [("read_file", read_file()), ("bash", command())] {
        let ask = Ask { request: &request, digest: Digest([0; 32]), facts: &facts };
        group.bench_function(name, |b| b.iter(|| decide(&policy, &state, black_box(&ask), Timestamp(0))));
    }
    group.finish();
}

const TOOLS: usize = 100;
const AGENTS: usize = 50;

/// `count` rules: half "an agent may call a tool on paths under a folder", three in ten "a tool may
/// not be called with a text in it", a fifth "a tool waits for a person above a cost".
fn rules(count: usize) -> String {
    let mut text = String::from("rules:\n");
    for number in 0..count {
        let (tool, agent) = (number % TOOLS, number / TOOLS % AGENTS);
        text += &match number % 10 {
            0..5 => format!(
                "- {{name: r{number}, allow: tool_{tool}, agent: agent_{agent}, when: {{paths: /data/{number}/**}}}}\n"
            ),
            5..8 => format!(
                "- {{name: r{number}, deny: tool_{tool}, when: {{matches: forbidden-{number}-word}}}}\n"
            ),
            _ => format!(
                "- {{name: r{number}, approve: tool_{tool}, when: {{cost_over_cents: {}}}}}\n",
                100 + number % 900
            ),
        };
    }
    text
}

/// 512 requests. The same for every number of rules.
fn requests() -> Vec<(Request, Facts)> {
    let requests = (0..512).map(|number: usize| {
        // Steps that share no factor with the numbers of tools and agents.
        let (tool, agent) = (number * 7 % TOOLS, number * 11 % AGENTS);
        let mut request = request(&format!("tool_{tool}"), &format!("agent_{agent}"));
        request.context.cost_nanousd = Some((number as u64 % 120) * 10_000_000);
        request.resource = Resource(serde_json::Map::from_iter([("n".to_owned(), json!(number))]));
        let path = PathUse::new(Access::Read, format!("/data/{}/part/file.txt", number * 13 % 1000));
        let said = format!("convert --input part-{number} --quality 90 --output result.bin");
        let text = Text { field: "/command".into(), kind: FieldKind::Command, text: said };
        let operation = Operation { paths: vec![path], ..Operation::default() };
        (request, Facts { operations: vec![operation], texts: vec![text], invalid: vec![] })
    });
    requests.collect()
}

/// 10 to 10 000 rules.
fn flatness(c: &mut Criterion) {
    let requests = requests();
    let state = State::default();
    let mut group = c.benchmark_group("rules");
    for count in [10, 100, 1000, 10_000] {
        let file = LayerText { layer: Layer::User, name: "bench.yaml".into(), text: rules(count) };
        let policy = Policy::compile(&[file], |_, _| Facts::default()).unwrap();
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

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(60)
        .warm_up_time(std::time::Duration::from_secs(1))
        .measurement_time(std::time::Duration::from_secs(3));
    targets = one, flatness
}
criterion_main!(benches);
