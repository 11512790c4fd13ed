//! What programs do with their arguments.
//!
//! The knowledge is data: the tables in `programs/` (`table.rs` describes their format). The code here
//! only knows how to read options and what the meanings of words are.

mod argument;
pub(crate) mod declared;
mod environment;
mod find;
mod inline;
mod interpret;
mod options;
mod paths;
mod remote;
mod scripts;
mod spec;
mod streams;
mod table;
mod unlisted;
mod wrapped;

#[cfg(test)]
mod tests;

use crate::Surroundings;
use crate::shell::Given;
use crate::shell::outline::{self, Trace};
pub(crate) use argument::{Arg, Certainty};
use declared::Programs;
pub(crate) use environment::{Setting, setting};
pub(crate) use inline::operations_of_python;
pub(crate) use paths::{FolderUse, add_path, folders_after, note};
use stayhand_core::facts::{Access, Aspect, Operation, Program, Trait};
use std::cell::Cell;

/// Deepest nesting of command lines inside command lines, and of wrappers around wrappers.
pub(crate) const MAX_DEPTH: u8 = 8;
/// The number of a process that the shell itself started (`$!`), as a pattern.
pub(crate) const OWN_PROCESS: &str = "[0-9]*";
/// Most operations that one command line may come to.
const MAX_OPERATIONS: u32 = 2_000;
/// Most statements of a shell that are walked, those in loops as often as they are.
const MAX_STATEMENTS: u32 = 30_000;
/// Most text that variables expand to, in all.
const MAX_EXPANDED_BYTES: usize = 4 << 20;

/// The operations of a program started with `argv` and this standard input, without a shell; never empty.
pub(crate) fn operations_of_argv(
    argv: &[String],
    at: &Surroundings<'_>,
    programs: &Programs,
    input: &Input,
) -> Vec<Operation> {
    let words: Vec<Arg> = argv.iter().map(Arg::exact).collect();
    let folders = [at.cwd.to_owned()];
    let budget = Budget::default();
    let situation = Situation::outermost(at, &folders, input, &budget, programs);
    run(&words, &situation).operations
}

/// Where and with what a program runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) home: &'a str,
    pub(crate) workspace: &'a str,
    /// The folders that relative paths may start from; none = not known.
    pub(crate) folders: &'a [String],
    pub(crate) input: &'a Input,
    pub(crate) depth: u8,
    pub(crate) budget: &'a Budget,
    pub(crate) programs: &'a Programs,
}

impl<'a> Situation<'a> {
    /// That of what nothing else runs.
    pub(crate) const fn outermost(
        at: &Surroundings<'a>,
        folders: &'a [String],
        input: &'a Input,
        budget: &'a Budget,
        programs: &'a Programs,
    ) -> Self {
        Self { home: at.home, workspace: at.workspace, folders, input, depth: 0, budget, programs }
    }
}

/// What is known about standard input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Input {
    /// The text, where it is static.
    pub(crate) text: Option<String>,
    /// The paths that it names, where that is known.
    pub(crate) names: Vec<Arg>,
    /// It comes from a pipe, a file or a heredoc.
    pub(crate) given: bool,
    /// It is said to be there, and may be empty.
    pub(crate) unseen: bool,
    /// It carries data of this machine.
    pub(crate) local: bool,
    /// It carries what was downloaded.
    pub(crate) fetched: bool,
}

impl Input {
    /// There is one, of which nothing is known.
    pub(crate) fn unseen() -> Self {
        Self { given: true, unseen: true, local: true, ..Self::default() }
    }
}

/// How much more is looked at.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Where the walk is recorded, if somebody wants to see it.
    pub(crate) trace: Option<Trace>,
    operations: Cell<u32>,
    statements: Cell<u32>,
    bytes: Cell<usize>,
    /// The variables that a shell within may find changed.
    pub(crate) changed: Cell<Given>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            trace: None,
            operations: Cell::new(MAX_OPERATIONS),
            statements: Cell::new(MAX_STATEMENTS),
            bytes: Cell::new(MAX_EXPANDED_BYTES),
            changed: Cell::default(),
        }
    }
}

impl Budget {
    /// Notes variables that are passed on changed.
    pub(crate) fn change(&self, variables: Given) {
        self.changed.set(self.changed.get().with(variables));
    }

    /// Takes an operation; false when none is left.
    pub(crate) fn take(&self) -> bool {
        take_one(&self.operations)
    }

    /// Takes a statement of a shell, which loops and functions take again and again.
    pub(crate) fn take_statement(&self) -> bool {
        take_one(&self.statements)
    }

    /// Takes the text of a variable; false when it is too much.
    pub(crate) fn take_bytes(&self, count: usize) -> bool {
        let left = self.bytes.get();
        self.bytes.set(left.saturating_sub(count));
        left >= count
    }
}

fn take_one(left: &Cell<u32>) -> bool {
    let before = left.get();
    left.set(before.saturating_sub(1));
    before > 0
}

/// What a program would do, and what it would print.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The program's own operation and those of the programs it starts; never empty.
    pub(crate) operations: Vec<Operation>,
    /// The names it prints, where that is known.
    pub(crate) output: Vec<Arg>,
}

impl Report {
    pub(crate) fn of(operation: Operation) -> Self {
        Self { operations: vec![operation], output: Vec::new() }
    }
}

/// What running `words` would do.
pub(crate) fn run(words: &[Arg], situation: &Situation<'_>) -> Report {
    let _open = outline::program(situation.budget.trace.as_ref());
    let Some((name, words)) = words.split_first() else {
        return Report::of(Operation::opaque(Aspect::Program, "there is no program to run"));
    };
    if situation.depth > MAX_DEPTH {
        return Report::of(Operation::opaque(Aspect::Program, "commands are nested too deeply"));
    }
    let Some(text) = name.known().filter(|text| !text.is_empty()) else {
        return Report::of(Operation::opaque(Aspect::Program, "which program runs is not known"));
    };
    if text.contains('/') { run_path(text, words, situation) } else { run_name(text, words, situation) }
}

fn run_name(name: &str, words: &[Arg], situation: &Situation<'_>) -> Report {
    let program = Program { name: name.to_owned(), subcommand: None, path: None, trusted: true };
    let mut report = match situation.programs.known(name) {
        Some(spec) => interpret::interpret(program, spec, words, situation),
        None => unlisted::infer(program, words, situation),
    };
    if let Some(operation) = report.operations.first_mut() {
        situation.programs.add_effects(operation);
    }
    report
}

/// A program given by its path: one of the system's own, or code that lies somewhere.
fn run_path(path: &str, words: &[Arg], situation: &Situation<'_>) -> Report {
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let trusted = is_system_program(path);
    let program = Program { name: name.clone(), subcommand: None, path: Some(path.to_owned()), trusted };
    let mut report = match situation.programs.known(&name) {
        Some(spec) => interpret::interpret(program, spec, words, situation),
        None if trusted => unlisted::infer(program, words, situation),
        None => Report::of(bare(program, words)),
    };
    let Some(operation) = report.operations.first_mut() else { return report };
    situation.programs.add_effects(operation);
    if !trusted {
        operation.does.insert(Trait::ExecuteCode);
        let place = FolderUse { situation, folders: situation.folders };
        add_path(operation, Access::Execute, &Arg::exact(path), false, &place);
    }
    report
}

fn bare(program: Program, words: &[Arg]) -> Operation {
    Operation { program: Some(program), args: static_words(words), ..Operation::default() }
}

/// The words that are known.
fn static_words(words: &[Arg]) -> Vec<String> {
    words.iter().filter(|word| !word.is_unknown()).map(|word| word.text.clone()).collect()
}

/// Whether `path` lies directly in a folder that only the system's owner can change.
fn is_system_program(path: &str) -> bool {
    const FOLDERS: [&str; 6] =
        ["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin", "/usr/local/sbin"];
    path.rsplit_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder))
}

/// `text`, cut to a length that fits a message.
fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut cut: String = text.chars().take(LONGEST).filter(|char| !char.is_control()).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
