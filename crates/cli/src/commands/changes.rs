//! `stayhand changes` and `undo`: what runs have changed and their sandboxes have kept aside.

use crate::args::{Changes, Global, OfRun, Undo};
use crate::{Exit, home, show};
use anstream::{eprintln, println};
use serde_json::json;
use similar::TextDiff;
use stayhand_runtime::review::{Dangers, Kept, Reviews};
use stayhand_sandbox::review::{Change, Kind, What};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) fn run(global: &Global, changes: &Changes) -> anyhow::Result<Exit> {
    match changes {
        Changes::List => list(global),
        Changes::Show { of, diff, paths } => show_changes(global, of, *diff, paths),
        Changes::Commit { of, flagged, paths } => commit(global, of, *flagged, paths),
        Changes::Discard { of } => discard(global, of),
    }
}

fn reviews(global: &Global) -> anyhow::Result<Reviews> {
    Ok(Reviews::of(&home::state(global.home.as_deref())?))
}

fn find(global: &Global, run: Option<&str>) -> anyhow::Result<Kept> {
    let found = reviews(global)?.find(run).map_err(|error| match error.kind() {
        std::io::ErrorKind::ResourceBusy => home::usage(error.to_string()),
        _ => error.into(),
    })?;
    found.ok_or_else(|| {
        home::usage(match run {
            Some(run) => {
                format!("no run `{run}` keeps anything; `stayhand changes list` names those that do")
            }
            None => "no run keeps changes; `stayhand run --review -- COMMAND` does".to_owned(),
        })
    })
}

/// Chosen by paths of the workspace, from the current folder on.
fn chosen(kept: &Kept, paths: &[PathBuf]) -> anyhow::Result<Vec<Change>> {
    let mut all = kept.changes()?;
    let mut wanted = Vec::new();
    for path in paths {
        let whole = std::path::absolute(path)?;
        let path = whole.strip_prefix(&kept.workspace).unwrap_or(path).to_owned();
        if !all.iter().any(|change| change.path.starts_with(&path)) {
            return Err(home::usage(format!("the run has changed nothing at {}", path.display())));
        }
        wanted.push(path);
    }
    all.retain(|change| wanted.is_empty() || wanted.iter().any(|path| change.path.starts_with(path)));
    Ok(all)
}

fn list(global: &Global) -> anyhow::Result<Exit> {
    let (all, unreadable) = reviews(global)?.all()?;
    for error in &unreadable {
        eprintln!("{} {error}", show::styled(show::YELLOW, "warning:"));
    }
    for kept in &all {
        let changes = match kept.changes() {
            Ok(changes) => Some(changes.len()),
            Err(error) => {
                eprintln!("{} {}: {error}", show::styled(show::YELLOW, "warning:"), kept.run);
                None
            }
        };
        if global.json {
            show::json(&json!({
                "run": kept.run, "workspace": kept.workspace, "changes": changes, "can_undo": kept.can_undo(),
            }))?;
            continue;
        }
        let undo = if kept.can_undo() { ", can be undone" } else { "" };
        let count = changes.map_or_else(|| "unreadable".to_owned(), |count| count.to_string());
        println!("{}  {count} changes kept aside{undo}  {}", kept.run, kept.workspace.display());
    }
    if all.is_empty() && !global.json {
        println!("no run keeps anything");
    }
    Ok(Exit::Permitted)
}

fn show_changes(global: &Global, of: &OfRun, diff: bool, paths: &[PathBuf]) -> anyhow::Result<Exit> {
    let kept = find(global, of.run.as_deref())?;
    let (changes, dangers) = (chosen(&kept, paths)?, Dangers::of(&kept));
    for change in &changes {
        if global.json {
            let mut line = serde_json::to_value(change)?;
            if let Some(fields) = line.as_object_mut() {
                fields.insert("flagged".to_owned(), json!(dangers.why(change)));
            }
            show::json(&line)?;
            continue;
        }
        println!("{}", line(&dangers, change));
        if diff {
            difference(&kept, change)?;
        }
    }
    if !global.json {
        println!("{} changes of {} in {}", changes.len(), kept.run, kept.workspace.display());
    }
    Ok(Exit::Permitted)
}

/// A path on one line, whatever is in its name.
fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::File { bytes, mode } => format!("file, {bytes} bytes, mode {mode:o}"),
        Kind::Folder { mode } => format!("folder, mode {mode:o}"),
        Kind::Link { to } => format!("link to {}", shown(to)),
        Kind::Special => "socket, pipe or device".to_owned(),
    }
}

fn line(dangers: &Dangers<'_>, change: &Change) -> String {
    let (mark, style, what) = match &change.what {
        What::Created { is } => ('+', show::GREEN, kind(is)),
        What::Changed { is, content: true, .. } => ('~', show::YELLOW, kind(is)),
        What::Changed { was, is, .. } => ('~', show::YELLOW, format!("{}; was: {}", kind(is), kind(was))),
        What::Replaced { was, is } => ('!', show::YELLOW, format!("{}; was: {}", kind(is), kind(was))),
        What::Deleted { was } => ('-', show::RED, kind(was)),
        What::Unreadable { why } => ('?', show::RED, why.clone()),
    };
    let flag =
        dangers.why(change).map(|why| format!("  {}", show::styled(show::RED, format!("flagged: {why}"))));
    let path = shown(&change.path);
    let marked = show::styled(style, format!("{mark} {path}"));
    format!("{marked}  {}{}", show::styled(show::DIM, what), flag.unwrap_or_default())
}

/// The longest file of which lines are shown, in bytes.
const MOST_SHOWN: u64 = 1 << 20;

/// How long two texts are compared before the answer is a rough one.
const PATIENCE: Duration = Duration::from_secs(1);

/// The lines that differ, of files that are texts.
fn difference(kept: &Kept, change: &Change) -> anyhow::Result<()> {
    if matches!(change.what, What::Changed { content: false, .. } | What::Unreadable { .. }) {
        return Ok(());
    }
    let [Some(before), Some(after)] = kept.texts(&change.path, MOST_SHOWN)? else {
        println!("  (not a text, or longer than {MOST_SHOWN} bytes)");
        return Ok(());
    };
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(&before, &after);
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        for line in hunk.to_string().lines() {
            let line = format!("  {}", show::line(line, usize::MAX));
            println!(
                "{}",
                match line.as_bytes().get(2) {
                    Some(b'+') => show::styled(show::GREEN, line),
                    Some(b'-') => show::styled(show::RED, line),
                    Some(b'@') => show::styled(show::DIM, line),
                    _ => line,
                }
            );
        }
    }
    Ok(())
}

fn commit(global: &Global, of: &OfRun, flagged: bool, paths: &[PathBuf]) -> anyhow::Result<Exit> {
    let kept = find(global, of.run.as_deref())?;
    let dangers = Dangers::of(&kept);
    let (dangerous, changes): (Vec<_>, Vec<_>) =
        chosen(&kept, paths)?.into_iter().partition(|change| !flagged && dangers.why(change).is_some());
    let engine = super::engine_for_orders(global)?;
    let done = engine.commit_changes(&kept, &changes, &home::person())?;
    let failed: Vec<_> = done.iter().filter_map(|one| Some((&one.path, one.error.as_ref()?))).collect();
    if global.json {
        let left: Vec<_> = dangerous.iter().map(|change| shown(&change.path)).collect();
        show::json(&json!({"run": kept.run, "committed": done, "flagged": left}))?;
    } else {
        println!("{} changes are in {}", done.len() - failed.len(), kept.workspace.display());
        for (path, why) in &failed {
            eprintln!("{} {}: {why}", show::styled(show::RED, "left out:"), shown(path));
        }
        for change in &dangerous {
            println!("{}", line(&dangers, change));
        }
        if !dangerous.is_empty() {
            println!(
                "{} flagged ones are not; look at them, and commit them with --flagged",
                dangerous.len()
            );
        }
        println!("to take it back: stayhand undo {}", kept.run);
    }
    Ok(if failed.is_empty() && dangerous.is_empty() { Exit::Permitted } else { Exit::Held })
}

fn discard(global: &Global, of: &OfRun) -> anyhow::Result<Exit> {
    let kept = find(global, of.run.as_deref())?;
    let count = super::engine_for_orders(global)?.discard_changes(&kept, &home::person())?;
    if global.json {
        show::json(&json!({"run": kept.run, "discarded": count}))?;
    } else {
        println!("{count} changes of {} are gone", kept.run);
    }
    Ok(Exit::Permitted)
}

pub(super) fn undo(global: &Global, undo: &Undo) -> anyhow::Result<Exit> {
    let kept = find(global, Some(&undo.run))?;
    if !kept.can_undo() {
        return Err(home::usage(format!("nothing of `{}` was committed", undo.run)));
    }
    let done = super::engine_for_orders(global)?.undo_changes(&kept, &home::person())?;
    let failed: Vec<_> = done.iter().filter_map(|one| Some((&one.path, one.error.as_ref()?))).collect();
    if global.json {
        show::json(&json!({"run": kept.run, "undone": done}))?;
    } else {
        println!("{} paths are as they were before", done.len() - failed.len());
        for (path, why) in &failed {
            eprintln!("{} {}: {why}", show::styled(show::RED, "left as it is:"), shown(path));
        }
    }
    Ok(if failed.is_empty() { Exit::Permitted } else { Exit::Held })
}

/// The most changes that are named at the end of a run.
const NAMED: usize = 20;

/// Says at the end of a run what it keeps aside. Where that is nothing, nothing is kept.
pub(super) fn after(global: &Global, kept: &Kept) -> anyhow::Result<()> {
    let changes = kept.changes()?;
    if changes.is_empty() {
        kept.forget_changes()?;
        if !global.json {
            eprintln!("{} nothing", show::styled(show::DIM, "aside     "));
        }
        return Ok(());
    }
    if global.json {
        return Ok(());
    }
    let dangers = Dangers::of(kept);
    let flagged = changes.iter().filter(|change| dangers.why(change).is_some()).count();
    eprintln!(
        "{} {} changes, {flagged} of them flagged",
        show::styled(show::DIM, "aside     "),
        changes.len()
    );
    for change in changes.iter().take(NAMED) {
        eprintln!("           {}", line(&dangers, change));
    }
    if changes.len() > NAMED {
        eprintln!("           and {} more", changes.len() - NAMED);
    }
    eprintln!("           stayhand changes show --diff | commit [PATH…] | discard");
    Ok(())
}
