//! What a run has changed in its workspace, for people.

use anstream::eprintln;
use stayhand_runtime::changes::Changes;
use std::path::PathBuf;

/// The most files that are named.
const SHOWN: usize = 20;

pub(super) fn show(changes: &Changes, head: &str) {
    let (created, changed, deleted) = (changes.created.len(), changes.changed.len(), changes.deleted.len());
    eprintln!(
        "{head} {created} created, {changed} changed, {deleted} deleted; {} of Git's own",
        changes.of_git
    );
    let marked = |mark: char, paths: &[PathBuf]| {
        let line = |path: &PathBuf| format!("{mark} {}", path.display().to_string().escape_debug());
        paths.iter().map(line).collect::<Vec<_>>()
    };
    let all = [marked('+', &changes.created), marked('~', &changes.changed), marked('-', &changes.deleted)]
        .concat();
    for line in all.iter().take(SHOWN) {
        eprintln!("           {line}");
    }
    if all.len() > SHOWN {
        eprintln!("           and {} more", all.len() - SHOWN);
    }
}
