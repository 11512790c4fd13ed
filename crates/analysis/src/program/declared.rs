//! What a policy says about programs, beside the tables.

use super::note;
use super::spec::Effect;
use super::table::{self, Entry};
use rustc_hash::{FxHashMap, FxHashSet};
use stayhand_core::facts::{Aspect, Operation};
use stayhand_core::program::{Misread, ProgramSection};
use std::sync::{Arc, Mutex, PoisonError};

/// Most text about programs that one process keeps, in bytes. A policy that says more is not loaded.
const MAX_BYTES: usize = 4 << 20;
/// How many policies' programs are kept at hand.
const MAX_KEPT: usize = 4;

/// The programs that the policy in force describes.
#[derive(Debug, Clone, Default)]
pub struct Programs(Option<Arc<Declared>>);

#[derive(Debug, Default)]
struct Declared {
    sections: Vec<ProgramSection>,
    /// Programs that a trusted file describes, together with what the tables say.
    known: FxHashMap<&'static str, Entry>,
    /// Effects that other files add, by program and sub-command.
    added: FxHashMap<&'static str, Vec<(&'static str, Vec<Effect>)>>,
}

/// What has been read before, so that a process that is asked again does no work.
static KEPT: Mutex<Vec<Arc<Declared>>> = Mutex::new(Vec::new());

impl Programs {
    /// The programs of these sections; what cannot be read is left out, which [`check`] prevents.
    pub fn of(sections: &[ProgramSection]) -> Self {
        if sections.is_empty() {
            return Self(None);
        }
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(declared) = kept.iter().find(|declared| declared.sections == sections) {
            return Self(Some(Arc::clone(declared)));
        }
        let declared = Arc::new(Declared::of(sections));
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push(Arc::clone(&declared));
        Self(Some(declared))
    }

    /// What is known about the program `name`.
    pub(super) fn known(&self, name: &str) -> Option<&Entry> {
        self.0.as_ref().and_then(|declared| declared.known.get(name)).or_else(|| table::program(name))
    }

    /// Adds the effects that files add which cannot make a program harmless.
    pub(super) fn add_effects(&self, operation: &mut Operation) {
        let Some(declared) = &self.0 else { return };
        let Some(program) = &operation.program else { return };
        let Some(added) = declared.added.get(program.name.as_str()) else { return };
        let path = program.subcommand.as_deref().into_iter().flat_map(|path| path.split(' '));
        let words: Vec<String> =
            path.chain(operation.args.iter().map(String::as_str)).map(str::to_owned).collect();
        for effect in added.iter().filter(|(path, _)| begins(&words, path)).flat_map(|(_, effects)| effects) {
            match effect {
                Effect::Does(item) => operation.does.insert(*item),
                _ => note(operation, Aspect::Effects, "a policy file says that it is not tracked"),
            }
        }
    }
}

/// Whether the words begin with a sub-command, of which each part may have alternatives.
fn begins(words: &[String], path: &str) -> bool {
    let mut parts = path.split(' ').filter(|part| !part.is_empty()).zip(0..);
    parts.all(|(part, at)| words.get(at).is_some_and(|word| part.split('|').any(|name| name == word)))
}

impl Declared {
    fn of(sections: &[ProgramSection]) -> Self {
        let mut declared = Self { sections: sections.to_vec(), ..Self::default() };
        for section in sections {
            let (Some(heading), Some(lines)) = (kept(&section.heading), kept(&section.lines.join("\n")))
            else {
                continue;
            };
            let (names, path) = heading.split_once(' ').unwrap_or((heading, ""));
            for name in names.split('|') {
                if section.trusted {
                    let entry = declared.known.entry(name).or_insert_with(|| table::entry_of(name));
                    entry.add(path, lines);
                } else {
                    declared.added.entry(name).or_default().push((path, effects(lines)));
                }
            }
        }
        declared
    }
}

/// The effects that the `does:` lines name; `none` counts nothing here.
fn effects(lines: &'static str) -> Vec<Effect> {
    let words = lines.lines().filter_map(|line| line.strip_prefix("does:"));
    words.flat_map(str::split_whitespace).filter_map(table::effect).collect()
}

/// Whether a section can be read.
pub fn check(section: &ProgramSection) -> Result<(), Misread> {
    let wrong = |line, message: String, help: &str| Err(Misread { line, message, help: help.to_owned() });
    let plain = |part: &str| !part.is_empty() && !part.starts_with('@') && !part.contains(['/', '[', ']']);
    if !section.heading.split([' ', '|']).all(plain) {
        let message = format!("`{}` names no program", section.heading);
        return wrong(None, message, "write the base name, as in `deployctl` or `deployctl push`");
    }
    for (index, line) in section.lines.iter().enumerate() {
        let Some(text) = kept(line) else {
            return wrong(Some(index), "there is too much text about programs".to_owned(), "shorten it");
        };
        if let Some((message, help)) = table::fault(text) {
            return wrong(Some(index), message, help);
        }
    }
    Ok(())
}

/// Texts that are kept for the life of the process, as those of the tables are; each once.
static TEXTS: Mutex<Option<(FxHashSet<&'static str>, usize)>> = Mutex::new(None);

fn kept(text: &str) -> Option<&'static str> {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let (known, bytes) = texts.get_or_insert_default();
    if let Some(text) = known.get(text) {
        return Some(*text);
    }
    *bytes = bytes.checked_add(text.len()).filter(|bytes| *bytes <= MAX_BYTES)?;
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    known.insert(text);
    Some(text)
}
