//! Files that a command line writes and then runs: what is in them is part of the line.

use super::operations::Walker;
use crate::program::{Situation, note};
use crate::shell;
use stayhand_core::facts::{Access, Aspect, Operation, Trait};
use std::rc::Rc;

/// Most files that are kept in mind.
const MAX_FILES: usize = 64;

/// What was written into a file.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    /// The text, where it is known.
    pub(super) text: Option<Rc<str>>,
    /// It came from another machine.
    pub(super) fetched: bool,
}

/// A file that was written.
#[derive(Debug, Clone)]
struct File {
    path: String,
    contents: Contents,
    /// More than one command wrote it: what is in it now is not known.
    again: bool,
}

/// The files that were written so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Written(Vec<File>);

impl Written {
    /// Remembers what `operation` writes.
    pub(super) fn learn(&mut self, operation: &Operation) {
        const KEEP_CONTENTS: [&str; 5] = ["chmod", "chown", "chgrp", "touch", "setfacl"];
        if operation.program.as_ref().is_some_and(|program| KEEP_CONTENTS.contains(&program.name.as_str())) {
            return;
        }
        let fetched = !operation.hosts.is_empty() || operation.does.contains(Trait::Network);
        for used in operation.paths.iter().filter(|used| used.access == Access::Write) {
            let room = self.0.len() < MAX_FILES;
            match self.0.iter_mut().find(|file| file.path == used.lexical) {
                Some(file) => {
                    file.again = true;
                    file.contents = Contents { text: None, fetched: fetched | file.contents.fetched };
                }
                None if room => {
                    let contents = Contents { text: None, fetched };
                    self.0.push(File { path: used.lexical.clone(), contents, again: false });
                }
                None => {}
            }
        }
    }

    /// What the command printed whose redirections `operation` holds, after [`Self::learn`].
    pub(super) fn learn_contents(&mut self, operation: &Operation, contents: &Contents) {
        for used in operation.paths.iter().filter(|used| used.access == Access::Write) {
            if let Some(file) = self.0.iter_mut().find(|file| file.path == used.lexical) {
                file.contents.fetched |= contents.fetched;
                file.contents.text = contents.text.clone().filter(|_| !file.again);
            }
        }
    }

    fn contents(&self, operation: &Operation) -> Option<&Contents> {
        let runs = |access| access == Access::Execute;
        let mut run = operation.paths.iter().filter(|used| runs(used.access));
        run.find_map(|used| self.0.iter().find(|file| file.path == used.lexical).map(|file| &file.contents))
    }
}

impl Walker<'_, '_> {
    /// Adds to `operations` what the files do that they run and that the line has written before.
    pub(super) fn look_into_written(&self, operations: &mut Vec<Operation>) {
        let mut inner = Vec::new();
        for operation in operations.iter_mut() {
            let Some(contents) = self.written.contents(operation) else { continue };
            if contents.fetched {
                note(operation, Aspect::Effects, "it runs what was just downloaded");
            }
            match contents.text.as_deref().filter(|text| is_for_shell(operation, text)) {
                Some(text) if self.situation.depth < crate::program::MAX_DEPTH => {
                    let situation = Situation {
                        depth: self.situation.depth + 1,
                        folders: &self.scope.folders,
                        ..self.situation
                    };
                    inner.extend(shell::nested(text, shell_of(operation, text), &situation, &[]));
                }
                _ => operation.does.insert(Trait::Indefinite),
            }
        }
        operations.append(&mut inner);
    }

    /// The text of a file that the line has written, where it is known.
    pub(super) fn text_of_written(&self, operation: &Operation) -> Option<Rc<str>> {
        self.written.contents(operation).and_then(|contents| contents.text.clone())
    }
}

/// The shell that reads the file.
fn shell_of<'a>(operation: &'a Operation, text: &str) -> &'a str {
    match &operation.program {
        Some(program) if program.path.is_none() => &program.name,
        _ if text.lines().next().is_some_and(|first| first.ends_with("bash")) => "bash",
        _ => "sh",
    }
}

/// Whether a shell reads the file: it is the program, or the file says so or says nothing.
fn is_for_shell(operation: &Operation, text: &str) -> bool {
    const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "ksh"];
    let Some(program) = &operation.program else { return false };
    if SHELLS.contains(&program.name.as_str()) {
        return true;
    }
    let first = text.lines().next().unwrap_or_default();
    program.path.is_some() && (!first.starts_with("#!") || SHELLS.iter().any(|shell| first.contains(shell)))
}
