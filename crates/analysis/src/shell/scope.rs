//! What the shell knows while it runs: variables, functions, the working folder.

use super::plan::Statement;
use crate::program::Arg;

/// Most working folders that are kept in mind at once.
const MAX_FOLDERS: usize = 4;

/// The shell's state, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'p> {
    /// Variables with a known value; a later entry hides an earlier one.
    variables: Vec<(String, Vec<Arg>)>,
    /// The folders that relative paths may start from; none = not known.
    pub(super) folders: Vec<String>,
    /// Functions, and whether each is certain to be defined.
    pub(super) functions: Vec<Function<'p>>,
    /// Names that an alias may stand for.
    pub(super) aliases: Vec<String>,
    /// `$1`, `$2`, …, where they are known.
    pub(super) positional: Option<Vec<Arg>>,
    /// `IFS` was changed: words split in unknown ways.
    pub(super) splits_unknown: bool,
    /// A command that fails ends the shell (`set -e`).
    pub(super) exits_on_error: bool,
}

/// A function that was defined.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function<'p> {
    pub(super) name: &'p str,
    pub(super) body: &'p [Statement],
    pub(super) certain: bool,
}

impl<'p> Scope<'p> {
    pub(super) fn new(folders: &[String]) -> Self {
        Self { folders: folders.to_vec(), ..Self::default() }
    }

    /// The value of a variable, where it is known.
    pub(super) fn variable(&self, name: &str) -> Option<&[Arg]> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    pub(super) fn set(&mut self, name: &str, value: Vec<Arg>) {
        self.forget(name);
        self.variables.push((name.to_owned(), value));
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    pub(super) fn forget_all(&mut self) {
        self.variables.clear();
        self.positional = None;
    }

    pub(super) fn function(&self, name: &str) -> Option<Function<'p>> {
        self.functions.iter().rev().find(|function| function.name == name).copied()
    }

    /// What is known where either `self` or `other` may be the state.
    pub(super) fn join(&mut self, other: &Scope<'p>) {
        self.variables.retain(|(name, value)| other.variable(name) == Some(value.as_slice()));
        if self.folders.is_empty() || other.folders.is_empty() {
            self.folders.clear();
        } else {
            for folder in &other.folders {
                if !self.folders.contains(folder) {
                    self.folders.push(folder.clone());
                }
            }
        }
        if self.folders.len() > MAX_FOLDERS {
            self.folders.clear();
        }
        for function in &other.functions {
            let same =
                self.function(function.name).is_some_and(|known| std::ptr::eq(known.body, function.body));
            if !same {
                self.functions.push(Function { certain: false, ..*function });
            }
        }
        for function in &mut self.functions {
            function.certain &= other.function(function.name).is_some();
        }
        for alias in &other.aliases {
            if !self.aliases.contains(alias) {
                self.aliases.push(alias.clone());
            }
        }
        if self.positional != other.positional {
            self.positional = None;
        }
        self.splits_unknown |= other.splits_unknown;
        self.exits_on_error &= other.exits_on_error;
    }

    /// Whether the parts that a loop can change differ.
    pub(super) fn differs(&self, other: &Scope<'p>) -> bool {
        self.folders != other.folders
            || self.variables != other.variables
            || self.aliases != other.aliases
            || self.functions.len() != other.functions.len()
            || self.splits_unknown != other.splits_unknown
    }
}

/// The parts of a state that do not point into the text it came from.
#[derive(Debug)]
pub(super) struct State {
    variables: Vec<(String, Vec<Arg>)>,
    folders: Vec<String>,
    aliases: Vec<String>,
    splits_unknown: bool,
    exits_on_error: bool,
}

impl Scope<'_> {
    pub(super) fn without_functions(self) -> State {
        State {
            variables: self.variables,
            folders: self.folders,
            aliases: self.aliases,
            splits_unknown: self.splits_unknown,
            exits_on_error: self.exits_on_error,
        }
    }

    pub(super) fn take_state(&mut self, state: State) {
        self.variables = state.variables;
        self.folders = state.folders;
        self.aliases = state.aliases;
        self.splits_unknown = state.splits_unknown;
        self.exits_on_error = state.exits_on_error;
    }
}
