//! Commands that the shell runs itself, because they change its own state.

use super::expand::HOME_CHANGED;
use super::given::Given;
use super::operations::{RUNS_AS_NUMBER, Walker, apply_setting, runs_as_number};
use super::plan::Assignment;
use crate::program::{Arg, FolderUse, Input, Report, Situation, add_path, folders_after, note, run};
use stayhand_core::facts::{Access, AddressClass, Aspect, Operation, Program, Trait};

impl<'p> Walker<'p, '_> {
    /// Runs a simple command: a function, something the shell does itself, or a program.
    pub(super) fn dispatch(&mut self, words: &[Arg], declared: &'p [Assignment], extra: Operation) -> Input {
        let Some((first, rest)) = words.split_first() else { return Input::default() };
        let name = first.known().unwrap_or_default();
        if let Some(function) = self.scope.function(name) {
            self.look_at_name(name, rest);
            if extra != Operation::default() {
                self.push(extra.clone());
            }
            let before = self.scope.clone();
            let output = self.call(function, rest.to_vec());
            if function.certain {
                return output;
            }
            self.scope.join(&before);
        }
        self.past_functions(words, declared, extra)
    }

    /// The name of a command may not be what it seems.
    fn look_at_name(&mut self, name: &str, rest: &[Arg]) {
        if RESERVED.contains(&name) || name.contains('=') {
            self.unread("a word of the shell's grammar stands where a program should");
        }
        if self.scope.has_alias(name) {
            self.unread("the name may be an alias");
        }
        if READS_NAMES.contains(&name) && rest.iter().any(|word| runs_as_number(&word.text)) {
            self.unread("a word that runs a command where a name is read");
        }
    }

    /// Runs what the shell does itself, or a program, whatever functions there are: so do `command`, `builtin` and `exec`.
    fn past_functions(&mut self, words: &[Arg], declared: &'p [Assignment], extra: Operation) -> Input {
        let Some((first, rest)) = words.split_first() else { return Input::default() };
        let name = first.known().unwrap_or_default();
        self.look_at_name(name, rest);
        if matches!(name, "return" | "break" | "continue") {
            self.escape();
        }
        match name {
            "command" | "builtin" | "exec" if starts_a_name(rest) => {
                return self.past_functions(rest, declared, extra);
            }
            "time" | "coproc" if starts_a_name(rest) => return self.dispatch(rest, declared, extra),
            "coproc" => self.unread("which program runs is not known"),
            "command" | "builtin" | "time" | "exec" if rest.first().is_some_and(|word| !word.is_exact()) => {
                self.unread("which program runs is not known");
            }
            "exec" if rest.is_empty() => self.done(name, rest, extra),
            "cd" | "chdir" => self.change_folder(rest, name, extra),
            "pushd" | "popd" => {
                self.scope.settle_folder();
                self.scope.forget_folders();
                self.done(name, rest, extra);
            }
            "eval" => self.eval(rest, extra),
            "trap" => self.trap(rest, extra),
            "source" | "." => self.source(name, rest, extra),
            "alias" => self.alias(rest, extra),
            "export" | "declare" | "typeset" | "readonly" | "local" => {
                self.declare(name, rest, declared, extra)
            }
            "unset" | "unsetenv" => self.unset(name, rest, extra),
            "read" | "mapfile" | "readarray" | "getopts" | "let" | "printf" => {
                self.forget_named(name, rest);
                let mut extra = extra;
                sets_named(name, rest, &mut extra);
                return self.program(words, extra);
            }
            "shift" => {
                self.scope.positional = None;
                self.done(name, rest, extra);
            }
            "set" => self.set(rest, extra),
            _ => return self.program(words, extra),
        }
        Input::default()
    }

    /// Runs a program that the tables know, or not.
    fn program(&mut self, words: &[Arg], extra: Operation) -> Input {
        self.situation.budget.change(self.scope.changed);
        let situation = Situation { folders: &self.scope.folders, input: &self.input, ..self.situation };
        let Report { mut operations, output } = run(words, &situation);
        if let Some(first) = operations.first_mut() {
            merge(first, extra);
        }
        if self.told {
            operations.iter_mut().filter(|operation| reaches_out(operation)).for_each(|operation| {
                operation.does.insert(Trait::Disclose);
            });
        }
        self.look_into_written(&mut operations);
        let result = Input {
            given: true,
            unseen: false,
            text: self.printed(words),
            names: output,
            local: operations.iter().any(carries_data),
            fetched: operations
                .iter()
                .any(|operation| !operation.hosts.is_empty() || operation.does.contains(Trait::Network)),
        };
        for operation in operations {
            self.push(operation);
        }
        result
    }

    /// What `echo`, `printf`, `pwd` and a bare `cat` print, where that is certain.
    fn printed(&self, words: &[Arg]) -> Option<String> {
        let (name, rest) = words.split_first()?;
        let plain = |arg: &Arg| arg.known().is_some_and(|text| !text.contains('\\'));
        match name.known()? {
            "pwd" if rest.is_empty() => match &*self.scope.folders {
                [folder] => Some(folder.clone()),
                _ => None,
            },
            "cat" if rest.is_empty() => self.input.text.clone(),
            "echo" => {
                let words = rest.strip_prefix(&[Arg::exact("-n")]).unwrap_or(rest);
                let texts: Vec<&str> = words.iter().map(|arg| arg.text.as_str()).collect();
                let certain =
                    words.iter().all(plain) && !texts.first().is_some_and(|text| text.starts_with('-'));
                certain.then(|| texts.join(" ") + "\n")
            }
            "printf" => match rest {
                [only] if plain(only) && !only.text.contains('%') && !only.text.starts_with('-') => {
                    Some(only.text.clone())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Records a built-in that has no further effect.
    fn done(&mut self, name: &str, words: &[Arg], extra: Operation) {
        let mut operation = operation(name, words);
        merge(&mut operation, extra);
        self.push(operation);
    }

    fn change_folder(&mut self, words: &[Arg], name: &str, extra: Operation) {
        let mut operation = operation(name, words);
        merge(&mut operation, extra);
        if words.is_empty() && self.scope.changed.has(Given::of("HOME")) {
            note(&mut operation, Aspect::Arguments, HOME_CHANGED);
        }
        self.scope.settle_folder();
        let target =
            words.iter().find(|word| !matches!(word.text.as_str(), "-P" | "-L" | "-e" | "-@" | "--"));
        let home = Arg::exact(self.situation.home);
        let target = target.unwrap_or(&home);
        if target.known() == Some("-") {
            self.scope.forget_folders();
        } else {
            let place = FolderUse { situation: &self.situation, folders: &self.scope.folders };
            add_path(&mut operation, Access::List, target, false, &place);
            self.scope.folders = folders_after(&self.scope.folders, target, &self.situation).into();
        }
        self.push(operation);
    }

    fn eval(&mut self, words: &[Arg], extra: Operation) {
        let mut operation = operation("eval", words);
        merge(&mut operation, extra);
        operation.does.insert(Trait::ExecuteCode);
        if words.iter().all(Arg::is_exact) {
            self.push(operation);
            let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
            self.evaluate_text(&text);
        } else {
            note(&mut operation, Aspect::Effects, "the text that `eval` runs is not known");
            self.push(operation);
            self.scope.forget_all();
            self.scope.forget_folders();
        }
    }

    fn trap(&mut self, words: &[Arg], extra: Operation) {
        let words = words.strip_prefix(&[Arg::exact("--")]).unwrap_or(words);
        let mut operation = operation("trap", words);
        merge(&mut operation, extra);
        let action = words.first();
        if action.is_some_and(|action| !action.is_exact()) {
            note(&mut operation, Aspect::Effects, "the text that `trap` runs is not known");
        }
        self.push(operation);
        if let Some(text) = action.and_then(Arg::known)
            && words.len() > 1
            && !matches!(text, "-" | "")
        {
            let before = self.scope.clone();
            self.evaluate_text(text);
            let is_at_end = words.iter().skip(1).all(|word| matches!(word.known(), Some("EXIT" | "0")));
            if !is_at_end && self.scope.differs(&before) {
                self.unread("`trap` changes what later commands mean");
            }
            self.scope = before;
        }
    }

    fn source(&mut self, name: &str, words: &[Arg], extra: Operation) {
        let mut operation = operation(name, words);
        merge(&mut operation, extra);
        operation.does.insert(Trait::ExecuteCode);
        match words.first() {
            Some(file) if file.text.starts_with("/dev/") || file.text.starts_with("/proc/") => {
                note(&mut operation, Aspect::Effects, "the shell runs text that is not known");
            }
            Some(file) => {
                let place = FolderUse { situation: &self.situation, folders: &self.scope.folders };
                add_path(&mut operation, Access::Execute, file, false, &place);
            }
            None => note(&mut operation, Aspect::Arguments, "there is no file to run"),
        }
        let text = self.text_of_written(&operation);
        self.push(operation);
        if let Some(text) = text {
            return self.evaluate_text(&text);
        }
        self.scope.forget_all();
    }

    /// An alias may stand for its name later: what it stands for is judged at once.
    fn alias(&mut self, words: &[Arg], extra: Operation) {
        let mut operation = operation("alias", words);
        merge(&mut operation, extra);
        if words.iter().any(Arg::is_unknown) {
            note(&mut operation, Aspect::Effects, "the alias is not known");
        }
        self.push(operation);
        for word in words {
            let Some((name, text)) = word.text.split_once('=') else { continue };
            if self.scope.aliases() >= MAX_ALIASES {
                return self.unread("there are too many aliases");
            }
            if !self.scope.has_alias(name) {
                self.apart_text(text);
                self.scope.add_aliases([name.to_owned()]);
            }
        }
    }

    fn apart_text(&mut self, text: &str) {
        let before = self.scope.clone();
        self.evaluate_text(text);
        self.scope = before;
    }

    fn declare(&mut self, name: &str, words: &[Arg], declared: &'p [Assignment], extra: Operation) {
        let mut is_as_written = true;
        let mut operation = operation(name, words);
        merge(&mut operation, extra);
        let mut exported = name == "export";
        let names = words.iter().any(|word| !word.text.starts_with('-'));
        if !names && declared.is_empty() && matches!(name, "export" | "declare" | "typeset" | "readonly") {
            operation.does.insert(Trait::Reveal);
        }
        for word in words {
            match word.known() {
                Some(flags) if flags.starts_with(['-', '+']) => {
                    exported |= flags.contains('x');
                    if flags.contains(['n', 'u', 'l', 'i']) && !(name == "export" && flags == "-n") {
                        is_as_written = false;
                        if flags.contains('n') {
                            note(
                                &mut operation,
                                Aspect::Effects,
                                "a variable becomes another name for a second one",
                            );
                        }
                    }
                }
                Some(text) => {
                    if let Some((name, value)) = text.split_once('=') {
                        apply_setting(name, Some(&Arg::exact(value)), &mut operation);
                        self.scope.forget(name);
                    }
                }
                None => note(&mut operation, Aspect::Arguments, "which variable is set is not known"),
            }
        }
        for assignment in declared {
            let value = self.expand_assigned(assignment);
            if value.as_ref().is_some_and(|value| runs_as_number(&value.text)) {
                note(&mut operation, Aspect::Effects, RUNS_AS_NUMBER);
            }
            if assignment.name == "IFS" {
                self.scope.splits_unknown = true;
            } else if exported || assignment.name != "HOME" {
                apply_setting(&assignment.name, value.as_ref(), &mut operation);
            }
            self.remember(assignment, value.filter(|_| is_as_written));
        }
        self.make_own(name, words, declared, is_as_written);
        self.push(operation);
    }

    /// What a declaration does to the names it gives: they may be the function's own, and their values converted.
    fn make_own(&mut self, name: &str, words: &[Arg], declared: &[Assignment], is_as_written: bool) {
        let (flags, bare): (Vec<&str>, Vec<&str>) =
            words.iter().filter_map(Arg::known).partition(|word| word.starts_with(['-', '+']));
        let is_local = name == "local" || self.is_in_function() && matches!(name, "declare" | "typeset");
        let is_own = is_local && !flags.iter().any(|flags| flags.contains('g'));
        let bare: Vec<&str> = bare.iter().map(|word| word.split('=').next().unwrap_or_default()).collect();
        let given: Vec<&str> = declared.iter().map(|assignment| assignment.name.as_str()).collect();
        for variable in bare.iter().chain(&given) {
            if !is_as_written {
                self.scope.convert(variable);
            } else if name == "readonly" || flags.iter().any(|flags| flags.contains('r')) {
                self.scope.make_read_only(variable);
            }
            if is_own {
                self.locals.push((*variable).to_owned());
            }
        }
        // Its own ones begin with nothing. Where there is no function, it fails.
        let unset = if name == "local" && !self.is_in_function() {
            [bare, given].concat()
        } else if is_own {
            bare
        } else {
            Vec::new()
        };
        unset.iter().for_each(|variable| self.scope.forget(variable));
    }

    fn unset(&mut self, name: &str, words: &[Arg], extra: Operation) {
        let mut operation = operation(name, words);
        merge(&mut operation, extra);
        for word in words {
            match word.known() {
                Some(variable) => {
                    self.scope.forget(variable);
                    if variable.starts_with("HIST") {
                        operation.does.insert(Trait::Environment);
                    }
                }
                None => self.scope.forget_all(),
            }
        }
        self.push(operation);
    }

    fn set(&mut self, words: &[Arg], mut extra: Operation) {
        if words.is_empty() {
            extra.does.insert(Trait::Reveal);
        }
        let mut options = words.iter().filter_map(Arg::known).take_while(|word| *word != "--");
        if options.any(|word| word == "keyword" || word.starts_with('-') && word.contains('k')) {
            self.unread("from here on words with a `=` may be settings and no arguments");
        }
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match word.known() {
                Some("-o") => {
                    self.scope.exits_on_error |= rest.next().and_then(Arg::known) == Some("errexit")
                }
                Some(flags) if flags.starts_with('-') && flags.len() > 1 && !flags.starts_with("--") => {
                    self.scope.exits_on_error |= flags.contains('e') && !flags.contains('o');
                }
                Some(flags) if flags.starts_with('+') => {
                    self.scope.exits_on_error &= !flags.contains(['e', 'o']);
                }
                _ => {
                    self.scope.positional = None;
                    break;
                }
            }
        }
        self.done("set", words, extra);
    }

    /// Variables that a built-in fills in.
    fn forget_named(&mut self, name: &str, words: &[Arg]) {
        let names: Vec<&str> = words.iter().filter_map(Arg::known).collect();
        match name {
            "printf" => {
                if let Some(at) = names.iter().position(|word| *word == "-v")
                    && let Some(variable) = names.get(at + 1)
                {
                    self.scope.forget(variable);
                }
            }
            "let" => {
                let is_sign = |char: char| !char.is_ascii_alphanumeric() && char != '_';
                for name in names.iter().flat_map(|word| word.split(is_sign)) {
                    self.scope.forget(name);
                }
            }
            _ => {
                let given = if name == "read" { self.input.names.clone() } else { Vec::new() };
                for word in &names {
                    self.scope.forget(word);
                }
                if let ([given], Some(last)) = (given.as_slice(), names.last()) {
                    // There may be no line to read.
                    self.scope.set(last, vec![Arg { maybe_empty: true, ..given.clone() }]);
                }
            }
        }
        if words.iter().any(Arg::is_unknown) && name != "printf" {
            self.scope.forget_all();
        }
    }
}

/// Most aliases that are kept in mind.
const MAX_ALIASES: usize = 256;

/// Words that cannot be read as the name of a program unless they are quoted.
const RESERVED: [&str; 18] = [
    "!", "{", "}", "[[", "]]", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then",
    "until", "while",
];

/// What takes names of variables, with subscripts that are evaluated.
const READS_NAMES: [&str; 15] = [
    "[",
    "declare",
    "export",
    "getopts",
    "let",
    "local",
    "mapfile",
    "printf",
    "read",
    "readarray",
    "readonly",
    "test",
    "typeset",
    "unset",
    "wait",
];

/// Variables that a built-in fills in may be ones that programs heed.
fn sets_named(name: &str, words: &[Arg], operation: &mut Operation) {
    let mut known = words.iter().filter_map(Arg::known);
    if name == "printf" {
        if let Some(variable) = known.by_ref().skip_while(|word| *word != "-v").nth(1) {
            apply_setting(variable, None, operation);
        }
    } else if name != "let" {
        known
            .filter(|word| !matches!(*word, "IFS" | "MAIL"))
            .for_each(|word| apply_setting(word, None, operation));
    }
}

/// Whether the words begin with a name that is known and no option.
fn starts_a_name(words: &[Arg]) -> bool {
    words.first().and_then(Arg::known).is_some_and(|text| !text.starts_with('-'))
}

/// Whether the words of a program reach another machine.
fn reaches_out(operation: &Operation) -> bool {
    const ASKERS: [&str; 9] =
        ["delv", "dig", "dog", "drill", "host", "kdig", "nslookup", "resolvectl", "whois"];
    operation.hosts.iter().any(|host| host.class != AddressClass::Loopback)
        || operation.program.as_ref().is_some_and(|program| ASKERS.contains(&program.name.as_str()))
}

/// Whether what an operation prints may be data of this machine.
fn carries_data(operation: &Operation) -> bool {
    const TELLERS: [&str; 8] = ["env", "printenv", "history", "ps", "set", "sqlite3", "psql", "mysql"];
    !operation.paths.is_empty()
        || !operation.statements.is_empty()
        || operation.program.as_ref().is_some_and(|program| TELLERS.contains(&program.name.as_str()))
}

fn operation(name: &str, words: &[Arg]) -> Operation {
    let program = Program { name: name.to_owned(), subcommand: None, path: None, trusted: true };
    let args = words.iter().filter(|word| !word.is_unknown()).map(|word| word.text.clone()).collect();
    Operation { program: Some(program), args, ..Operation::default() }
}

/// Adds what redirections and assignments do to the command's own operation.
fn merge(operation: &mut Operation, extra: Operation) {
    operation.paths.extend(extra.paths);
    operation.hosts.extend(extra.hosts);
    operation.does = operation.does.union(extra.does);
    for opaque in extra.opaque {
        note(operation, opaque.aspect, opaque.why);
    }
}
