//! `stayhand status`: switches, locks, and what runs.

use crate::args::Global;
use crate::{Exit, show};
use anstream::println;
use stayhand_core::control::switch::Position;
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

pub(super) fn run(global: &Global) -> anyhow::Result<Exit> {
    let engine = super::engine_for_orders(global)?;
    engine.refreshed(|state, now| if global.json { as_json(state, now) } else { as_text(state, now) })??;
    Ok(Exit::Permitted)
}

fn as_json(state: &State, now: Timestamp) -> anyhow::Result<()> {
    let switches: Vec<_> = state
        .switches()
        .moved()
        .map(|(scope, switch)| serde_json::json!({ "scope": scope.to_string(), "switch": switch }))
        .collect();
    let history: Vec<_> = state
        .switches()
        .history()
        .map(|(at, moved)| serde_json::json!({ "at": at.to_string(), "moved": moved }))
        .collect();
    let locks: Vec<_> = state.locks().on(now).collect();
    let open: Vec<_> = state.open().iter().map(|(seq, open)| open_as_json(*seq, open)).collect();
    show::json(&serde_json::json!({ "switches": switches, "locks": locks, "open": open, "history": history }))
}

fn open_as_json(seq: u64, open: &stayhand_core::state::Open) -> serde_json::Value {
    serde_json::json!({
        "decision": seq, "agent": open.principal.agent, "session": open.principal.session, "tool": open.tool,
        "started": open.started.to_string(), "in_doubt": open.in_doubt,
    })
}

fn as_text(state: &State, now: Timestamp) -> anyhow::Result<()> {
    if state.switches().moved().next().is_none() {
        println!("{} everything is active", show::styled(show::GREEN, "✓"));
    }
    for (scope, switch) in state.switches().moved() {
        let style = if switch.position == Position::Killed { show::RED } else { show::YELLOW };
        let position = show::styled(style, format!("{:<7}", switch.position.name()));
        println!(
            "{position} {scope}  since {} by {}: {}",
            switch.at,
            switch.by,
            show::line(&switch.reason, 100)
        );
    }
    for lock in state.locks().on(now) {
        let end = lock.set.expires.map(|end| format!(" until {end}")).unwrap_or_default();
        let reason = show::line(&lock.set.reason, 100);
        let word = show::styled(show::YELLOW, "locked ");
        println!("{word} {}  since {}{end} by {}: {reason}", lock.set.scope, lock.at, lock.set.by);
    }
    for (seq, open) in state.open() {
        let state = if open.in_doubt { "in doubt" } else { "running" };
        println!("{state:<8} {seq} {} of {} since {}", open.tool, open.principal.agent, open.started);
    }
    Ok(())
}
