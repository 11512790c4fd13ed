//! What the shell knows while it runs: variables, functions, the working folder.
//!
//! A state is copied at every `&&`, pipe and subshell, so its parts are shared until they change, and
//! each is bounded: copying a state costs the same whatever came before.

use super::given::{self, Given};
use super::plan::Statement;
use crate::program::Arg;
use std::rc::Rc;

/// Most working folders that are kept in mind at once.
const MAX_FOLDERS: usize = 4;
/// Most variables whose value is kept in mind; the values of further ones are not known.
const MAX_VARIABLES: usize = 256;
/// Most functions that are kept in mind.
const MAX_FUNCTIONS: usize = 256;

/// A variable and its value, one word or several.
type Variable = (Rc<str>, Rc<[Arg]>);

/// The shell's state, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'p> {
    /// Variables with a known value.
    variables: Rc<Vec<Variable>>,
    /// The variables that may no longer have the value they were given.
    pub(super) changed: Given,
    /// The folders that relative paths may start from; none = not known.
    pub(super) folders: Rc<[String]>,
    /// Functions, and whether each is certain to be defined.
    functions: Rc<Vec<Function<'p>>>,
    /// Names that an alias may stand for.
    aliases: Rc<Vec<String>>,
    /// Variables that do not become what they are given: the shell converts it (`declare -i`, `-l`, `-u`) or refuses
    /// (`readonly`).
    converted: Rc<Vec<String>>,
    /// Those of them that are read-only, whose assignment ends the line.
    read_only: Rc<Vec<String>>,
    /// `$1`, `$2`, …, where they are known.
    pub(super) positional: Option<Rc<[Arg]>>,
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
        Self { folders: folders.into(), ..Self::default() }
    }

    /// The value of a variable, where it is known.
    pub(super) fn variable(&self, name: &str) -> Option<&[Arg]> {
        self.variables.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }

    pub(super) fn set(&mut self, name: &str, value: Vec<Arg>) {
        if given::makes_its_own(name) || has(&self.converted, name) {
            return self.forget(name);
        }
        self.changed = self.changed.with(Given::of(name));
        let at = self.variables.iter().position(|(known, _)| **known == *name);
        if at.is_none() && self.variables.len() >= MAX_VARIABLES {
            return;
        }
        let variables = Rc::make_mut(&mut self.variables);
        match at.and_then(|at| variables.get_mut(at)) {
            Some((_, known)) => *known = value.into(),
            None => variables.push((name.into(), value.into())),
        }
    }

    pub(super) fn forget(&mut self, name: &str) {
        // An element of an array may be all that there is of it.
        let name = name.split_once('[').map_or(name, |(array, _)| array);
        self.changed = self.changed.with(Given::of(name));
        if self.variable(name).is_some() {
            Rc::make_mut(&mut self.variables).retain(|(known, _)| **known != *name);
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.variables = Rc::default();
        self.changed = Given::ALL;
        self.positional = None;
    }

    /// Gives a variable back what it had in `before`.
    pub(super) fn restore(&mut self, name: &str, before: &Self) {
        match before.variable(name) {
            Some(value) => self.set(name, value.to_vec()),
            None => self.forget(name),
        }
    }

    /// The shell says anew where it is and was.
    pub(super) fn settle_folder(&mut self) {
        self.forget("OLDPWD");
        self.forget("PWD");
        self.changed = self.changed.without(Given::of("PWD"));
    }

    pub(super) fn forget_folders(&mut self) {
        self.folders = Rc::default();
    }

    pub(super) fn function(&self, name: &str) -> Option<Function<'p>> {
        self.functions.iter().rev().find(|function| function.name == name).copied()
    }

    /// Defines a function. False = there are too many to keep in mind.
    pub(super) fn define(&mut self, function: Function<'p>) -> bool {
        let functions = Rc::make_mut(&mut self.functions);
        functions.retain(|known| known.name != function.name || !function.certain);
        let room = functions.len() < MAX_FUNCTIONS;
        if room {
            functions.push(function);
        }
        room
    }

    pub(super) fn has_alias(&self, name: &str) -> bool {
        self.aliases.iter().any(|known| known == name)
    }

    /// How many names an alias may stand for.
    pub(super) fn aliases(&self) -> usize {
        self.aliases.len()
    }

    pub(super) fn add_aliases(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            if !self.has_alias(&name) {
                Rc::make_mut(&mut self.aliases).push(name);
            }
        }
    }

    /// Forgets a variable whose values are converted from now on.
    pub(super) fn convert(&mut self, name: &str) {
        self.forget(name);
        self.fix(name);
    }

    /// Makes a variable one that refuses other values.
    pub(super) fn make_read_only(&mut self, name: &str) {
        self.fix(name);
        add(&mut self.read_only, name);
    }

    pub(super) fn is_read_only(&self, name: &str) -> bool {
        has(&self.read_only, name)
    }

    fn fix(&mut self, name: &str) {
        add(&mut self.converted, name);
    }

    /// What is known where either `self` or `other` may be the state.
    pub(super) fn join(&mut self, other: &Scope<'p>) {
        self.join_variables(other);
        self.join_folders(other);
        self.join_functions(other);
        if !Rc::ptr_eq(&self.aliases, &other.aliases) {
            self.add_aliases(other.aliases.iter().cloned());
        }
        if !Rc::ptr_eq(&self.converted, &other.converted) {
            other.converted.iter().for_each(|name| self.convert(name));
        }
        if !Rc::ptr_eq(&self.read_only, &other.read_only) {
            other.read_only.iter().for_each(|name| self.make_read_only(name));
        }
        if self.positional != other.positional {
            self.positional = None;
        }
        self.changed = self.changed.with(other.changed);
        self.splits_unknown |= other.splits_unknown;
        self.exits_on_error &= other.exits_on_error;
    }

    fn join_variables(&mut self, other: &Scope<'p>) {
        if self.variables.is_empty() || Rc::ptr_eq(&self.variables, &other.variables) {
            return;
        }
        let mut at = 0;
        Rc::make_mut(&mut self.variables).retain(|(name, value)| {
            // Variables mostly stand in the same order.
            let alike = other.variables.get(at).filter(|(known, _)| known == name);
            at += 1;
            let found = alike.map(|(_, value)| value);
            let found = found
                .or_else(|| other.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value));
            found.is_some_and(|found| Rc::ptr_eq(found, value) || found == value)
        });
    }

    fn join_folders(&mut self, other: &Scope<'p>) {
        if Rc::ptr_eq(&self.folders, &other.folders) {
            return;
        }
        if self.folders.is_empty() || other.folders.is_empty() {
            return self.forget_folders();
        }
        let more = other.folders.iter().filter(|folder| !self.folders.contains(folder));
        let both: Vec<String> = self.folders.iter().chain(more).cloned().collect();
        self.folders = if both.len() > MAX_FOLDERS { Rc::default() } else { both.into() };
    }

    fn join_functions(&mut self, other: &Scope<'p>) {
        if Rc::ptr_eq(&self.functions, &other.functions) {
            return;
        }
        for function in other.functions.iter() {
            let same =
                self.function(function.name).is_some_and(|known| std::ptr::eq(known.body, function.body));
            if !same {
                self.define(Function { certain: false, ..*function });
            }
        }
        for function in Rc::make_mut(&mut self.functions) {
            function.certain &= other.function(function.name).is_some_and(|known| known.certain);
        }
    }

    /// Whether the parts that a loop can change differ.
    pub(super) fn differs(&self, other: &Scope<'p>) -> bool {
        self.folders != other.folders
            || !Rc::ptr_eq(&self.variables, &other.variables) && self.variables != other.variables
            || self.changed != other.changed
            || self.aliases.len() != other.aliases.len()
            || self.converted.len() != other.converted.len()
            || self.read_only.len() != other.read_only.len()
            || self.functions.len() != other.functions.len()
            || self.splits_unknown != other.splits_unknown
    }
}

/// Whether a name is among `names`. Where there are too many to keep in mind, each is.
fn has(names: &[String], name: &str) -> bool {
    names.len() >= MAX_VARIABLES || names.iter().any(|known| known == name)
}

fn add(names: &mut Rc<Vec<String>>, name: &str) {
    if !has(names, name) {
        Rc::make_mut(names).push(name.to_owned());
    }
}

/// The parts of a state that do not point into the text it came from.
#[derive(Debug)]
pub(super) struct State {
    variables: Rc<Vec<Variable>>,
    changed: Given,
    folders: Rc<[String]>,
    aliases: Rc<Vec<String>>,
    converted: Rc<Vec<String>>,
    read_only: Rc<Vec<String>>,
    splits_unknown: bool,
    exits_on_error: bool,
}

impl Scope<'_> {
    pub(super) fn without_functions(self) -> State {
        State {
            variables: self.variables,
            changed: self.changed,
            folders: self.folders,
            aliases: self.aliases,
            converted: self.converted,
            read_only: self.read_only,
            splits_unknown: self.splits_unknown,
            exits_on_error: self.exits_on_error,
        }
    }

    pub(super) fn take_state(&mut self, state: State) {
        self.variables = state.variables;
        self.changed = state.changed;
        self.folders = state.folders;
        self.aliases = state.aliases;
        self.converted = state.converted;
        self.read_only = state.read_only;
        self.splits_unknown = state.splits_unknown;
        self.exits_on_error = state.exits_on_error;
    }
}
