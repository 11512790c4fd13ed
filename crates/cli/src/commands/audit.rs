//! `stayhand audit`: the record, verified.

use crate::args::{Audit, Global};
use crate::{Exit, home, show};
use anstream::println;
use stayhand_store::{Proof, PublicKey};
use std::path::Path;

pub(super) fn run(global: &Global, audit: &Audit) -> anyhow::Result<Exit> {
    match audit {
        Audit::Verify { proof: Some(file), key, .. } => verify_proof(global, file, key.as_deref()),
        Audit::Verify { kept, key, .. } => verify(global, kept.as_deref(), key.as_deref()),
        Audit::Prove { seq } => {
            let proof = super::reader(global)?.prove(*seq)?;
            show::json(&proof)?;
            Ok(Exit::Permitted)
        }
        Audit::Checkpoint => {
            print!("{}", super::reader(global)?.checkpoint()?);
            Ok(Exit::Permitted)
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| home::usage(format!("cannot read {}: {error}", path.display())))
}

fn key(path: Option<&Path>) -> anyhow::Result<Option<PublicKey>> {
    let Some(path) = path else { return Ok(None) };
    let key =
        read(path)?.trim().parse().map_err(|error| home::usage(format!("{}: {error}", path.display())))?;
    Ok(Some(key))
}

fn verify(global: &Global, kept: Option<&Path>, trusted: Option<&Path>) -> anyhow::Result<Exit> {
    let kept_text = kept.map(read).transpose()?;
    let reader = super::reader(global)?;
    match reader.verify(kept_text.as_deref(), key(trusted)?.as_ref()) {
        Ok(report) => {
            if global.json {
                show::json(&serde_json::json!({
                    "verified": true, "records": report.records, "checkpoints": report.checkpoints,
                    "root": stayhand_core::digest::Digest(report.root).to_string(), "key": report.key.to_string(),
                }))?;
            } else {
                println!(
                    "{} {} records, {} checkpoints",
                    show::styled(show::GREEN, "verified"),
                    report.records,
                    report.checkpoints
                );
                println!("  root {}", stayhand_core::digest::Digest(report.root).to_string());
                println!("  key  {}", report.key);
                if kept.is_none() {
                    let hint = "a truncated or rolled-back log shows only against a checkpoint kept elsewhere (--kept)";
                    println!("  {}", show::styled(show::DIM, hint));
                }
            }
            Ok(Exit::Permitted)
        }
        Err(error) => {
            if global.json {
                show::json(&serde_json::json!({ "verified": false, "error": error.to_string() }))?;
            } else {
                println!("{} {error}", show::styled(show::RED, "NOT VERIFIED"));
            }
            Ok(Exit::Refused)
        }
    }
}

fn verify_proof(global: &Global, file: &Path, trusted: Option<&Path>) -> anyhow::Result<Exit> {
    let proof: Proof = serde_json::from_str(&read(file)?)
        .map_err(|error| home::usage(format!("{} is not a proof: {error}", file.display())))?;
    let key = match key(trusted)? {
        Some(key) => key,
        None => super::reader(global)?.public_key().clone(),
    };
    match proof.verify(&key) {
        Ok(checkpoint) => {
            println!(
                "{} record {} is in the log of {} records",
                show::styled(show::GREEN, "verified"),
                proof.seq,
                checkpoint.size
            );
            Ok(Exit::Permitted)
        }
        Err(error) => {
            println!("{} {error}", show::styled(show::RED, "NOT VERIFIED"));
            Ok(Exit::Refused)
        }
    }
}
