//! `stayhand approvals`: people answer what waits for them.

use crate::args::{Answer, Approvals, Global};
use crate::{Exit, home, show};
use anstream::println;
use stayhand_core::decision::ApprovalId;
use stayhand_core::event::Event;
use stayhand_core::state::{Approval, ApprovalStatus};
use stayhand_core::time::Timestamp;
use stayhand_runtime::Engine;

pub(super) fn run(global: &Global, approvals: &Approvals) -> anyhow::Result<Exit> {
    let engine = super::engine(global, super::files_in(&[], None)?)?;
    match approvals {
        Approvals::List { all } => list(global, &engine, *all),
        Approvals::Show { id } => show_one(global, &engine, parse(id)?),
        Approvals::Approve(answer) => resolve(&engine, answer, true),
        Approvals::Reject(answer) => resolve(&engine, answer, false),
    }
}

fn parse(id: &str) -> anyhow::Result<ApprovalId> {
    id.parse().map_err(home::usage)
}

fn list(global: &Global, engine: &Engine, all: bool) -> anyhow::Result<Exit> {
    let (found, now): (Vec<Approval>, Timestamp) =
        engine.refreshed(|state, now| (state.approvals().cloned().collect(), now))?;
    let waiting =
        |approval: &&Approval| approval.status == ApprovalStatus::Pending && now <= approval.expires;
    let shown: Vec<&Approval> = found.iter().filter(|approval| all || waiting(approval)).collect();
    if global.json {
        let list: Vec<_> = shown.iter().map(|approval| summary(approval, now)).collect();
        show::json(&list)?;
    } else if shown.is_empty() {
        println!("nothing waits for an answer");
    }
    for approval in shown.iter().filter(|_| !global.json) {
        let why = approval.decision.headline().map(|found| found.message()).unwrap_or_default();
        println!(
            "{:<6} {:<10} {:<12} until {}  {}",
            approval.id.to_string(),
            status(approval, now),
            show::line(&approval.agent, 12),
            approval.expires,
            show::line(&why, 100)
        );
    }
    Ok(Exit::Permitted)
}

const fn status(approval: &Approval, now: Timestamp) -> &'static str {
    match approval.status {
        ApprovalStatus::Pending if now.0 > approval.expires.0 => "expired",
        ApprovalStatus::Pending => "pending",
        ApprovalStatus::Granted { .. } => "granted",
        ApprovalStatus::Rejected { .. } => "rejected",
        ApprovalStatus::Used { .. } => "used",
    }
}

fn summary(approval: &Approval, now: Timestamp) -> serde_json::Value {
    serde_json::json!({
        "id": approval.id.to_string(),
        "status": status(approval, now),
        "agent": approval.agent,
        "asked": approval.asked.to_string(),
        "expires": approval.expires.to_string(),
        "decision": approval.decision,
        "request_digest": approval.request_digest,
        "approvers": approval.decision.approvers,
        "yes": approval.yes,
    })
}

/// Shows exactly what would run: the request as it is stored, and its facts.
fn show_one(global: &Global, engine: &Engine, id: ApprovalId) -> anyhow::Result<Exit> {
    let found = engine.refreshed(|state, now| {
        state.approval(id).map(|approval| (summary(approval, now), status(approval, now)))
    })?;
    let Some((found, status)) = found else { return Err(home::usage(format!("there is no approval {id}"))) };
    let record = engine.reader()?.record(id.0)?.parse()?;
    let Event::Decided(decided) = record.event else {
        return Err(home::usage(format!("there is no approval {id}")));
    };
    if global.json {
        show::json(
            &serde_json::json!({ "approval": found, "request": decided.request, "facts": decided.facts }),
        )?;
        return Ok(Exit::Permitted);
    }
    println!("{id} {status}");
    show::json(&decided.request)?;
    show::decision(&decided.request.action.0, &decided.decision);
    show::facts(&decided.facts);
    Ok(Exit::Permitted)
}

fn resolve(engine: &Engine, answer: &Answer, grant: bool) -> anyhow::Result<Exit> {
    let id = parse(&answer.id)?;
    let by = answer.by.clone().unwrap_or_else(home::person);
    match engine.resolve(id, &by, grant, &answer.comment) {
        Ok(()) => {
            let waits = engine.refreshed(|state, _| {
                state.approval(id).is_some_and(|approval| approval.status == ApprovalStatus::Pending)
            })?;
            let answered = if grant { "approved" } else { "rejected" };
            println!(
                "{id} {answered} by {by}{}",
                if waits { "; somebody else must say yes, too" } else { "" }
            );
            Ok(Exit::Permitted)
        }
        Err(stayhand_runtime::ResolveError::Answer(error)) => {
            anstream::eprintln!("{} {id} was not answered: {error}", show::styled(show::RED, "error:"));
            Ok(Exit::Refused)
        }
        Err(stayhand_runtime::ResolveError::Engine(error)) => Err(error.into()),
    }
}
