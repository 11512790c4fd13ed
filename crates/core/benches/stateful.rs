//! How long a permitted action takes from its decision to its settlement, where every stateful control has something
//! to remember, and whether that grows with the number of agents.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use serde_json::json;
use stayhand_core::control::named::MOST_NAMES;
use stayhand_core::decide::{Ask, decide};
use stayhand_core::decision::{Effect, Layer, Level};
use stayhand_core::digest::Digest;
use stayhand_core::event::{Decided, EVENT_VERSION, Event, Outcome, Record, Settled};
use stayhand_core::facts::{Access, AddressClass, Facts, FieldKind, HostUse, Operation, PathUse, Text};
use stayhand_core::policy::{LayerText, NoAnalysis, Policy};
use stayhand_core::reason::Reason;
use stayhand_core::request::{Action, Context, Principal, Request, Resource};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;
use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

/// Actions before anything is measured: a hundred of each agent fill the windows of its models, and of few agents
/// more, so that all meters are long.
const WARM_UP: u64 = 200_000;
const EACH: u64 = 100;
const MEASURED: usize = 200_000;

/// An agent acts every ten seconds, however many there are.
const PACE_US: u64 = 10_000_000;

const GOAL: [Duration; 2] = [Duration::from_micros(2), Duration::from_micros(20)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [first, sections @ ..] = words.as_slice()
        && first == "many"
    {
        let sections: Vec<&str> = sections.iter().map(String::as_str).collect();
        return many(if sections.is_empty() { &SECTIONS } else { &sections });
    }
    println!("One reading of the clock takes {} ns; three are in every sum.", clock_ns());
    println!(
        "| agents | controls | decide | apply | settle | sum: p50 | p99 | p99.9 | resident bytes an agent |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    // The smallest first: memory that was given back would hide what the next one takes.
    for agents in [10, 1000, 10_000] {
        let [p50, p99] = measure(agents, "all", &SECTIONS);
        let met = |is: Duration, goal: Duration| if is <= goal { "met" } else { "MISSED" };
        println!("  goal p50 ≤ 2 µs: {}; p99 ≤ 20 µs: {}", met(p50, GOAL[0]), met(p99, GOAL[1]));
    }
    measure(1000, "none", &[]);
    for section in SECTIONS {
        measure(1000, section, &[section]);
    }
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/stateful.py");
    match Command::new(python).arg(script).status() {
        Ok(status) if status.success() => {}
        other => eprintln!("NOT RUN: the peers in Python: {other:?}"),
    }
}

/// Measures so many agents under these sections of the policy, and prints a line.
fn measure(agents: u64, name: &str, sections: &[&str]) -> [Duration; 2] {
    let before = resident();
    let mut world = World::new(agents, sections);
    (0..WARM_UP.max(agents * EACH)).for_each(|_| {
        world.act();
    });
    // Later runs use memory again that earlier ones gave back, and of few agents what all share outweighs theirs.
    let is_told = sections.len() == SECTIONS.len() && agents >= 1000;
    let bytes =
        if is_told { (resident().saturating_sub(before) / agents).to_string() } else { "–".to_owned() };
    let taken: Vec<[Duration; 3]> = (0..MEASURED).map(|_| world.act()).collect();
    let of = |part: usize| taken.iter().filter_map(|all| all.get(part).copied()).collect();
    let [decided, applied, settled] = [0, 1, 2].map(|part| percentile(of(part), 500).as_nanos());
    let sums: Vec<Duration> = taken.iter().map(|all| all.iter().sum()).collect();
    let [p50, p99, p999] = [500, 990, 999].map(|part| percentile(sums.clone(), part));
    println!(
        "| {agents} | {name} | {decided} ns | {applied} ns | {settled} ns | {} ns | {} ns | {} ns | {bytes} |",
        p50.as_nanos(),
        p99.as_nanos(),
        p999.as_nanos()
    );
    [p50, p99]
}

/// As many agents as are told apart, each of which acts once: what an agent that does little takes, and that one more is
/// refused and not taken for another.
fn many(sections: &[&str]) {
    println!("| agents that act once | decide + apply + settle: p50 | p99 | resident bytes an agent |");
    println!("|---|---|---|---|");
    let before = resident();
    let mut world = World::new(MOST_NAMES as u64, sections);
    for part in 1..=10 {
        let each = MOST_NAMES / 10;
        let sums: Vec<Duration> = (0..each).map(|_| world.act().iter().sum()).collect();
        let [p50, p99] = [500, 990].map(|part| percentile(sums.clone(), part).as_nanos());
        let agents = (each * part) as u64;
        println!("| {agents} | {p50} ns | {p99} ns | {} |", resident().saturating_sub(before) / agents);
    }
    let effects = [MOST_NAMES as u64, 0].map(|agent| {
        let (request, facts) = asked(agent, 0);
        let ask = Ask { request: &request, digest: Digest::of(b""), facts: &facts };
        decide(&world.policy, &world.state, &ask, world.at).decision
    });
    let [new, old] = effects;
    assert_eq!(
        (new.effect, new.findings.first().map(|found| found.reason)),
        (Effect::Deny, Some(Reason::StateFull))
    );
    assert_eq!(old.effect, Effect::Allow, "{old:#?}");
}

/// A state that agents act on in turn.
struct World {
    policy: Policy,
    state: State,
    agents: u64,
    seq: u64,
    at: Timestamp,
    turn: u64,
}

impl World {
    fn new(agents: u64, sections: &[&str]) -> Self {
        let file = LayerText { layer: Layer::User, name: "bench.yaml".into(), text: policy(sections) };
        let policy = Policy::compile(&[file], NoAnalysis).unwrap();
        let mut state = State::default();
        state.learn(policy.id(), policy.controls());
        Self { policy, state, agents, seq: 0, at: Timestamp(1_800_000_000_000_000), turn: 0 }
    }

    /// One action of the next agent. The times of its decision, of applying that, and of its settlement; what the
    /// runtime would do between them is not in them.
    fn act(&mut self) -> [Duration; 3] {
        // A fixed order that is no neighbourhood in memory; 7919 is prime to the numbers of agents.
        let agent = self.turn * 7919 % self.agents;
        let (request, facts) = asked(agent, self.turn);
        let digest = Digest::of(&self.turn.to_le_bytes());
        self.at = Timestamp(self.at.0 + PACE_US / self.agents);
        let ask = Ask { request: &request, digest, facts: &facts };

        let start = Instant::now();
        let answer = black_box(decide(&self.policy, &self.state, black_box(&ask), self.at));
        let decided = start.elapsed();

        assert_eq!(answer.decision.effect, Effect::Allow, "{:#?}", answer.decision);
        let decision = self.seq;
        let record = self.record(Event::Decided(Box::new(Decided {
            request,
            request_digest: digest,
            facts,
            policy: self.policy.id(),
            decision: answer.decision,
            expires: answer.expires,
            engine: 1,
            dry: false,
        })));
        let start = Instant::now();
        self.state.apply(black_box(&record));
        let applied = start.elapsed();

        self.at = Timestamp(self.at.0 + 1);
        let record = self.record(Event::Settled(Settled {
            decision,
            outcome: Outcome::Done,
            duration_us: 1000 + mixed(self.turn) % 100,
            cost_nanousd: Some(900_000),
            usage: None,
            traffic: None,
            confined: Level::None,
            boundary: None,
            output: Some(digest),
            tainted: Vec::new(),
        }));
        let start = Instant::now();
        self.state.apply(black_box(&record));
        let settled = start.elapsed();
        self.turn += 1;
        [decided, applied, settled]
    }

    fn record(&mut self, event: Event) -> Record {
        let seq = self.seq;
        self.seq += 1;
        Record { v: EVENT_VERSION, seq, at: self.at, event }
    }
}

/// An order of ten to twelve dollars by a call to one of four hosts, with a file that is read.
fn asked(agent: u64, turn: u64) -> (Request, Facts) {
    let random = mixed(turn);
    let value = 1000 + random % 200;
    let dollars = format!("{}.{:02}", value / 100, value % 100);
    let tool = pick(random >> 8, ["order", "quote", "report", "cancel"]);
    let folder = pick(random >> 16, ["inbox", "orders", "archive", "plans"]);
    let path = format!("/home/ada/project/{folder}/file.txt");
    let host = pick(random >> 24, ["api", "db", "mail", "files"]);
    let input = json!({ "value": dollars, "path": path, "url": format!("https://{host}.example.com/") });
    let principal = Principal {
        agent: format!("agent-{agent}"),
        session: format!("session-{agent}"),
        on_behalf_of: Some("ada".into()),
    };
    let mut context = Context {
        cwd: "/home/ada/project".into(),
        workspace: "/home/ada/project".into(),
        home: "/home/ada".into(),
        cost_nanousd: Some(1_000_000),
        ..Context::default()
    };
    context.declared.insert("task".into(), json!(format!("task-{}", agent % 500)));
    let request = Request {
        principal,
        action: Action(tool.into()),
        resource: Resource(input.as_object().unwrap().clone()),
        context,
    };
    let contacted = HostUse {
        scheme: "https".into(),
        host: format!("{host}.example.com"),
        port: Some(443),
        class: AddressClass::Name,
        addresses: Vec::new(),
        method: Some("POST".into()),
    };
    let operation = Operation {
        paths: vec![PathUse::new(Access::Read, path.as_str())],
        hosts: vec![contacted],
        ..Operation::default()
    };
    let text = |field: &str, kind, text: &str| Text { field: field.into(), kind, text: text.into() };
    let texts = vec![text("/value", FieldKind::Amount, &dollars), text("/path", FieldKind::Path, &path)];
    (request, Facts { operations: vec![operation], texts, ..Facts::default() })
}

/// One of four.
const fn pick(number: u64, [a, b, c, d]: [&'static str; 4]) -> &'static str {
    match number % 4 {
        0 => a,
        1 => b,
        2 => c,
        _ => d,
    }
}

/// The stateful controls; tiers are not among them.
const SECTIONS: [&str; 5] = ["limits", "breakers", "anomaly", "failures", "budgets"];

/// A policy with these sections, and one rule.
fn policy(sections: &[&str]) -> String {
    let mut text = String::from(
        "rules:
  - {allow: [order, quote, report, cancel], when: {paths: ./**, hosts: '*.example.com'}}
",
    );
    for section in sections {
        match *section {
            "limits" => text += LIMITS,
            "breakers" => text += BREAKERS,
            "anomaly" => text += ANOMALY,
            "failures" => text += FAILURES,
            _ => text += &budgets(),
        }
    }
    text
}

const LIMITS: &str = "limits:
  - {of: actions, window_s: 3600, max: 100000000}
  - {of: attempts, window_s: 3600, max: 100000000, per: session}
  - {of: api_calls, window_s: 60, max: 100000000}
  - {of: value_per_action, max: 10000}
  - {of: value, window_s: 86400, max: 1000000000}
  - {name: together, of: value, window_s: 3600, max: 1000000000, per: all}
  - {of: concurrent, max: 10}
  - {of: time, per: session, max: 1000000000}
";

const BREAKERS: &str = "breakers:
  - {name: tools, per: tool}
  - {name: hosts, per: host, preset: api, failure_rate: {percent: 50}}
  - {name: each, per: agent}
  - {name: system, per: all, agents: 3, failure_threshold: 10}
";

/// The bounds are wide, so that every action is permitted.
const ANOMALY: &str = "anomaly:
  watch: {value: 100, frequency: 100, novelty: 1000000, sequence: 100, duration: 100, errors: 100, cost: 100}
";

const FAILURES: &str = "failures:
  - {on: repeat, times: 3, do: approve}
  - {on: alternation, do: approve}
  - {on: cycle, do: approve}
  - {on: no_progress, do: approve}
  - {on: retries, do: deny}
  - {on: strategies, do: approve}
  - {on: spend, usd: 10, do: pause}
  - {on: violations, do: isolate}
";

/// A hundred budgets, of which some thirty are about any one action.
fn budgets() -> String {
    let mut text = String::from("budgets:\n");
    for team in 0..70 {
        let members: Vec<String> = (0..10).map(|n| format!("agent-{}", team * 10 + n)).collect();
        let members = members.join(", ");
        let _ = writeln!(text, "  - {{name: t{team}, agents: [{members}], period: daily, limit: 1000000}}");
    }
    let periods = ["hourly", "daily", "weekly", "monthly", "rolling, window_s: 3600", "total"];
    for (per, count) in [("agent", 12), ("session", 6), ("all", 6), ("task", 4), ("principal", 1)] {
        for (n, period) in periods.iter().cycle().take(count).enumerate() {
            let _ = writeln!(
                text,
                "  - {{name: {per}{n}, per: {per}, period: {period}, limit: {}}}",
                1_000_000 + n
            );
        }
    }
    text + "  - {name: single, per: request, limit: 10}\n"
}

/// A number that looks random (the finaliser of splitmix64).
const fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The duration that so many of a thousand do not exceed.
fn percentile(mut taken: Vec<Duration>, part: usize) -> Duration {
    taken.sort_unstable();
    taken.get(taken.len() * part / 1000).copied().unwrap_or_default()
}

fn clock_ns() -> u128 {
    let start = Instant::now();
    (0..1_000_000).for_each(|_| {
        black_box(Instant::now());
    });
    start.elapsed().as_nanos() / 1_000_000
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
