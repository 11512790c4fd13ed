//! Measures `agent-governance` on the rules of `benches/decide.rs`. It has no paths, no search in
//! texts and no numbers, so that a rule becomes: the action, and equal values of the context.
//!
//! Run: `cargo run --release --manifest-path crates/core/benches/peers/Cargo.toml`

use agent_governance::PolicyEngine;
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

const TOOLS: u64 = 100;
const AGENTS: u64 = 50;

const fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const fn about(number: u64) -> (u64, u64) {
    (mixed(number) % TOOLS, mixed(number + 1_000_000) % AGENTS)
}

fn rules(count: u64) -> String {
    let mut text = String::from("version: '1'\nagent: bench\npolicies:\n");
    for n in 0..count {
        let (tool, agent) = about(n);
        text += &match mixed(n + 2_000_000) % 10 {
            0..5 => format!("- {{name: r{n}, type: capability, allowed_actions: [tool_{tool}], conditions: {{agent: agent_{agent}, folder: /data/{agent}}}}}\n"),
            5..8 => format!("- {{name: r{n}, type: capability, denied_actions: [tool_{tool}], conditions: {{word: forbidden-{n}-word}}}}\n"),
            _ => format!("- {{name: r{n}, type: approval, actions: [tool_{tool}], min_approvals: 1, conditions: {{cost: {}}}}}\n", 100 + mixed(n) % 900),
        };
    }
    text
}

fn main() {
    let requests: Vec<_> = (0..512u64)
        .map(|n| {
            let (tool, agent) = about(n);
            let folder = if n.is_multiple_of(4) { "/data/other".to_owned() } else { format!("/data/{agent}") };
            let context: HashMap<String, serde_yaml::Value> = [
                ("agent".to_owned(), format!("agent_{agent}").into()),
                ("folder".to_owned(), folder.into()),
                ("word".to_owned(), format!("part-{n}").into()),
                ("cost".to_owned(), (n % 100).into()),
            ]
            .into();
            (format!("tool_{tool}"), context)
        })
        .collect();
    for count in [10, 100, 1000, 10_000] {
        let engine = PolicyEngine::new();
        engine.load_from_yaml(&rules(count)).unwrap();
        let mut samples: Vec<u128> = (0..200)
            .map(|_| {
                let began = Instant::now();
                for (action, context) in &requests {
                    black_box(engine.evaluate(black_box(action), Some(context)));
                }
                began.elapsed().as_nanos() / requests.len() as u128
            })
            .collect();
        samples.sort_unstable();
        println!("{count:>6} rules: p50 {} ns", samples[samples.len() / 2]);
    }
}
