//! `stayhand replay` and `stayhand compare`: the recorded actions, decided again.

use crate::args::{Compare, Global, Replay};
use crate::{Exit, home, show};
use anstream::println;
use stayhand_core::decision::{Decision, Effect, Layer};
use stayhand_core::policy::{LayerText, Policy, packs};
use stayhand_runtime::policy_files::{self, PolicyFiles};
use stayhand_runtime::replay::{Replay as Found, replay as replay_log};
use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn replay(global: &Global, args: &Replay) -> anyhow::Result<Exit> {
    let policy = super::load(&super::files_in(&args.policies, None)?)?;
    let reader = super::reader(global)?;
    let found = replay_log(&reader, &policy, args.session.as_deref(), |_, _, _| {})?;
    if global.json {
        show::json(&serde_json::json!({ "policy": policy.id(), "replay": found }))?;
    } else {
        report(&policy, &found);
    }
    let proven = found.divergences.is_empty();
    Ok(if proven { Exit::Permitted } else { Exit::Refused })
}

fn report(policy: &Policy, found: &Found) {
    for divergence in &found.divergences {
        println!(
            "{:>7}  {} → {}  {} {}",
            divergence.seq,
            effect(&divergence.was),
            effect(&divergence.now),
            divergence.tool,
            show::line(&divergence.input, 80)
        );
        let why = divergence.now.headline().map(|found| found.message()).unwrap_or_default();
        println!("         {}", show::styled(show::DIM, show::line(&why, 120)));
    }
    let other = match found.under_other_policy {
        0 => String::new(),
        count => format!(", {count} of them made under another policy"),
    };
    println!("{} decisions replayed under {}{other}", found.decisions, policy.id().short());
    match found.divergences.len() {
        0 => println!("{}", show::styled(show::GREEN, "every decision came out the same")),
        count => println!("{}", show::styled(show::YELLOW, format!("{count} came out differently"))),
    }
}

fn effect(decision: &Decision) -> String {
    show::styled(show::style(decision.effect), format!("{:<7}", decision.effect.name()))
}

pub(super) fn compare(global: &Global, args: &Compare) -> anyhow::Result<Exit> {
    if args.policies.len() < 2 {
        return Err(home::usage("name at least two policies, as in --policy a=FILE --policy b=pack:strict"));
    }
    let reader = super::reader(global)?;
    let mut results = Vec::new();
    let mut effects: BTreeMap<u64, (String, Vec<Effect>)> = BTreeMap::new();
    for named in &args.policies {
        let (name, policy) = named_policy(named)?;
        let found = replay_log(&reader, &policy, args.session.as_deref(), |seq, decided, now| {
            let request = &decided.request;
            let line =
                || format!("{} {}", request.action.0, serde_json::Value::Object(request.resource.0.clone()));
            effects.entry(seq).or_insert_with(|| (line(), Vec::new())).1.push(now.effect);
        })?;
        results.push((name, found));
    }
    effects.retain(|_, (_, answers)| answers.windows(2).any(|pair| pair.first() != pair.last()));
    if global.json {
        let policies: BTreeMap<_, _> = results
            .iter()
            .map(|(name, found)| {
                (name, serde_json::json!({ "tally": found.tally, "block_rate": found.tally.block_rate() }))
            })
            .collect();
        show::json(&serde_json::json!({ "policies": policies, "differences": effects }))?;
        return Ok(Exit::Permitted);
    }
    print_comparison(&results, &effects);
    Ok(Exit::Permitted)
}

fn print_comparison(results: &[(String, Found)], effects: &BTreeMap<u64, (String, Vec<Effect>)>) {
    println!("{:<20} {:>8} {:>8} {:>8} {:>9}", "policy", "allowed", "held", "blocked", "blocked");
    for (name, found) in results {
        let tally = &found.tally;
        println!(
            "{:<20} {:>8} {:>8} {:>8} {:>8.1}%",
            show::line(name, 20),
            tally.allowed,
            tally.needs_approval,
            tally.blocked,
            tally.block_rate()
        );
    }
    println!("\n{} of the actions are decided differently", effects.len());
    for (seq, (what, answers)) in effects {
        let answers: Vec<String> = answers
            .iter()
            .map(|effect| show::styled(show::style(*effect), format!("{:<7}", effect.name())))
            .collect();
        println!("{seq:>7}  {}  {}", answers.join(" "), show::line(what, 90));
    }
}

/// `NAME=FILE` or `NAME=pack:PACK`.
fn named_policy(text: &str) -> anyhow::Result<(String, Policy)> {
    let Some((name, source)) = text.split_once('=') else {
        return Err(home::usage(format!("`{text}` is not NAME=FILE")));
    };
    let policy = match source.strip_prefix("pack:") {
        Some(pack) => {
            let text =
                packs::text(pack).ok_or_else(|| home::usage(format!("there is no pack called `{pack}`")))?;
            let layer = LayerText { layer: Layer::User, name: source.to_owned(), text: text.to_owned() };
            policy_files::compile(&[layer]).map_err(super::policy_error)?
        }
        None => super::load(&PolicyFiles::default().named(Layer::User, Path::new(source)))?,
    };
    Ok((name.to_owned(), policy))
}
