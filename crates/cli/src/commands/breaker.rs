//! `stayhand breaker`: circuit breakers, and what people order of them.

use super::orders;
use crate::args::{Breaker, Circuit, Global, PolicyArgs};
use crate::{Exit, show};
use anstream::println;
use serde::Serialize;
use stayhand_core::control::breaker::circuit::Phase;
use stayhand_core::control::breaker::{BreakerMoved, BreakerOrder};
use stayhand_core::time::Timestamp;

/// One circuit of a breaker.
#[derive(Debug, Serialize)]
struct Line {
    breaker: String,
    key: String,
    state: Phase,
    failures: u32,
    last_failure: Option<String>,
    /// Seconds until an open circuit is tried.
    retry_in_s: Option<u64>,
}

pub(super) fn run(global: &Global, words: &Breaker) -> anyhow::Result<Exit> {
    match words {
        Breaker::List(policy) => list(global, policy),
        Breaker::Reset(circuit) => order(global, circuit, BreakerOrder::Reset),
        Breaker::Isolate(circuit) => order(global, circuit, BreakerOrder::Isolate),
    }
}

fn order(global: &Global, circuit: &Circuit, order: BreakerOrder) -> anyhow::Result<Exit> {
    let engine = super::engine_for_orders(global)?;
    let moved = BreakerMoved {
        breaker: circuit.breaker.clone(),
        key: circuit.key.clone(),
        order,
        by: orders::by(&circuit.signed),
        reason: circuit.signed.reason.clone(),
    };
    if let Err(error) = engine.move_breaker(moved.clone()) {
        return orders::not_followed(error);
    }
    if global.json {
        show::json(&moved)?;
    } else {
        let state = if order == BreakerOrder::Reset { "closed" } else { "isolated until it is reset" };
        println!("{}/{} is {state}, by {}", moved.breaker, moved.key, moved.by);
    }
    Ok(Exit::Permitted)
}

fn list(global: &Global, policy: &PolicyArgs) -> anyhow::Result<Exit> {
    let engine = super::engine(global, super::files_in(&policy.policies, None)?)?;
    let in_force = engine.policy();
    let names: Vec<&str> = in_force.controls().breakers.iter().map(|breaker| breaker.name.as_str()).collect();
    let (lines, moves) = engine.refreshed(|state, now| {
        let of = |name: &str| {
            let mut lines: Vec<Line> = state
                .breakers()
                .of(name)
                .map(|(key, found)| line(name, key.to_string(), found, now))
                .collect();
            lines.sort_by(|one, other| one.key.cmp(&other.key));
            lines
        };
        let moves = state.breakers().moves().map(|moved| format!("{} {}", moved.at, moved.line));
        (names.iter().flat_map(|name| of(name)).collect::<Vec<Line>>(), moves.collect::<Vec<String>>())
    })?;
    if global.json {
        show::json(&serde_json::json!({ "breakers": names, "circuits": lines, "history": moves }))?;
        return Ok(Exit::Permitted);
    }
    if names.is_empty() {
        println!("the policy has no breakers; docs/POLICY.md says how to write some");
    } else if lines.is_empty() {
        println!("nothing has gone through {} yet", names.join(", "));
    }
    for line in lines {
        let style = if line.state == Phase::Closed { show::GREEN } else { show::RED };
        let state = show::styled(style, format!("{:<9}", line.state.name()));
        let retry =
            line.retry_in_s.map(|seconds| format!(", tried again in {seconds} s")).unwrap_or_default();
        let circuit = format!("{}/{}", line.breaker, line.key);
        println!("{state} {:<40} {} failures in a row{retry}", show::line(&circuit, 60), line.failures);
    }
    Ok(Exit::Permitted)
}

fn line(
    breaker: &str,
    key: String,
    found: &stayhand_core::control::breaker::circuit::Circuit,
    now: Timestamp,
) -> Line {
    let open = found.phase() == Phase::Open;
    Line {
        breaker: breaker.to_owned(),
        key,
        state: found.phase(),
        failures: found.failures(),
        last_failure: found.last_failure().map(|at| at.to_string()),
        retry_in_s: open.then(|| found.retry_at().since(now).div_ceil(1_000_000)),
    }
}
