//! Links that a command makes and later parts of it go through: `ln -s /etc x; echo > x/passwd`.

use crate::program::{Arg, FolderUse, Situation, add_path};
use crate::{Surroundings, path};
use stayhand_core::facts::{Access, Operation};

/// Most links that are kept in mind.
const MAX_LINKS: usize = 64;

/// The links that were made so far: where each lies, and where it leads.
#[derive(Debug, Clone, Default)]
pub(super) struct Links(Vec<(String, String)>);

impl Links {
    /// Adds to `operation` what it does to the far ends of links.
    pub(super) fn follow(&self, operation: &mut Operation, situation: &Situation<'_>) {
        if self.0.is_empty() {
            return;
        }
        for used in operation.paths.clone() {
            for (link, target) in &self.0 {
                let Some(rest) = used.lexical.strip_prefix(link.as_str()) else { continue };
                let is_link_itself = rest.is_empty() && used.access == Access::Delete;
                if is_link_itself || !(rest.is_empty() || rest.starts_with('/')) {
                    continue;
                }
                let end = format!("{}{rest}", target.trim_end_matches('/'));
                let end = if used.glob { Arg::pattern(end) } else { Arg::exact(end) };
                let place = FolderUse { situation, folders: situation.folders };
                add_path(operation, used.access, &end, used.recursive, &place);
            }
        }
    }

    /// Remembers the links that `operation` makes.
    pub(super) fn learn(&mut self, operation: &Operation, folders: &[String], situation: &Situation<'_>) {
        if operation.program.as_ref().is_none_or(|program| program.name != "ln") {
            return;
        }
        let words: Vec<&str> =
            operation.args.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
        let (targets, at) = match words.as_slice() {
            [] => return,
            [only] => (vec![*only], "."),
            // Which word is the folder is not worth knowing: every one may be.
            [first, .., last] if operation.args.iter().any(|word| word.starts_with("-t")) => {
                (words.clone(), if words.len() == 2 { *first } else { *last })
            }
            [targets @ .., last] => (targets.to_vec(), *last),
        };
        for folder in folders {
            for target in &targets {
                self.add(target, at, &Surroundings { cwd: folder, ..surroundings(situation) });
            }
        }
    }

    /// A link at `at` to `target`, or in the folder `at`.
    fn add(&mut self, target: &str, at: &str, place: &Surroundings<'_>) {
        let Ok(at) = path::lexical(at, place) else { return };
        let name = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let within = format!("{}/{name}", at.trim_end_matches('/'));
        for link in [at, within] {
            let folder = link.rsplit_once('/').map_or("/", |(folder, _)| folder);
            let folder = if folder.is_empty() { "/" } else { folder };
            let Ok(end) = path::lexical(target, &Surroundings { cwd: folder, ..*place }) else { continue };
            let end = self.far_end(end);
            if self.0.len() < MAX_LINKS && end != link && !self.0.contains(&(link.clone(), end.clone())) {
                self.0.push((link, end));
            }
        }
    }

    /// Where `path` leads, if it goes through a link that is known.
    fn far_end(&self, path: String) -> String {
        let through = self.0.iter().find_map(|(link, target)| {
            let rest =
                path.strip_prefix(link.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            Some(format!("{}{rest}", target.trim_end_matches('/')))
        });
        through.unwrap_or(path)
    }
}

fn surroundings<'s>(situation: &Situation<'s>) -> Surroundings<'s> {
    Surroundings { cwd: "/", workspace: situation.workspace, home: situation.home }
}
