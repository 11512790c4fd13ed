//! Code in arguments: what it would do becomes part of the operation, or operations of its own.

use super::declared::Programs;
use super::interpret::Interpreter;
use super::paths::{FolderUse, add_path, folders_after, note};
use super::{Arg, Budget, Input, MAX_DEPTH, Setting, Situation, run, setting};
use crate::code::{self, Act, Deeds, Given, Language};
use crate::{Surroundings, host, shell, sql, url};
use stayhand_core::facts::{Aspect, HostUse, Opaque, Operation, Trait};

/// The operations of code that a tool runs; the first is the tool's own.
pub(crate) fn operations_of_python(
    text: &str,
    at: &Surroundings<'_>,
    programs: &Programs,
    input: &Input,
) -> Vec<Operation> {
    let folders = [at.cwd.to_owned()];
    let budget = Budget::default();
    let situation = Situation::outermost(at, &folders, input, &budget, programs);
    let deeds = code::deeds(Language::Python, text, &Given { words: &[], home: at.home });
    let mut own = Operation::default();
    own.does.insert(Trait::ExecuteCode);
    let nested = Adder::new(&mut own, &situation, folders.to_vec()).add(deeds);
    std::iter::once(own).chain(nested).collect()
}

impl Interpreter<'_> {
    /// `-c CODE`: what it does, where the language is one that is looked into.
    pub(super) fn code(&mut self, arg: &Arg, words: &[Arg]) {
        self.operation.does.insert(Trait::ExecuteCode);
        self.mark_operand_read();
        let name = self.operation.program.as_ref().map(|program| program.name.clone()).unwrap_or_default();
        let Some(language) = Language::of_program(&name) else {
            return self.note_effects(&format!("what code does in `{}` is not known", super::short(&name)));
        };
        let Some(text) = arg.known() else {
            return self.note_effects("the inline code is not known");
        };
        let mut deeds = code::deeds(language, text, &Given { words, home: self.situation.home });
        if language == Language::Perl {
            deeds.acts.extend(words.iter().filter_map(opened_as_command));
        }
        self.add_deeds(deeds);
    }

    /// What a small program in an argument does.
    pub(super) fn small_program(&mut self, arg: &Arg, what: &str, look: fn(&str, &mut Deeds)) {
        let Some(text) = arg.known() else {
            return self.note_effects(&format!("the {what} is not known"));
        };
        let mut deeds = Deeds::default();
        look(text, &mut deeds);
        self.add_deeds(deeds);
    }

    pub(super) fn add_deeds(&mut self, deeds: Deeds) {
        let folders = self.folders.clone();
        let mut nested = Adder::new(&mut self.operation, self.situation, folders).add(deeds);
        self.nested.append(&mut nested);
    }
}

/// Perl's `<>` runs what ends in a bar: `perl -ne print 'date|'`.
fn opened_as_command(word: &Arg) -> Option<Act> {
    let text = word.known()?.trim();
    let command = text.strip_suffix('|').or_else(|| text.strip_prefix('|'))?;
    Some(Act::Shell(Arg::exact(command.trim())))
}

/// Adds deeds to an operation.
struct Adder<'o, 's> {
    operation: &'o mut Operation,
    situation: &'s Situation<'s>,
    /// The folders that the code may be in.
    folders: Vec<String>,
    nested: Vec<Operation>,
}

impl<'o, 's> Adder<'o, 's> {
    fn new(operation: &'o mut Operation, situation: &'s Situation<'s>, folders: Vec<String>) -> Self {
        Self { operation, situation, folders, nested: Vec::new() }
    }

    /// The operations of the programs that are started.
    fn add(mut self, deeds: Deeds) -> Vec<Operation> {
        for (aspect, why) in deeds.unknown {
            note(self.operation, aspect, why);
        }
        let local =
            deeds.acts.iter().any(|act| matches!(act, Act::Path(stayhand_core::facts::Access::Read, ..)));
        // Where it goes is known before what it does there: nothing is said about the order.
        let (folders, acts): (Vec<Act>, Vec<Act>) =
            deeds.acts.into_iter().partition(|act| matches!(act, Act::Folder(_)));
        for act in folders {
            if let Act::Folder(folder) = act {
                self.change_folder(&folder);
            }
        }
        for act in acts {
            self.act(act, local);
        }
        self.nested
    }

    fn change_folder(&mut self, folder: &Arg) {
        let after = folders_after(&self.folders, folder, self.situation);
        if after.is_empty() {
            return self.folders.clear();
        }
        for folder in after {
            if !self.folders.contains(&folder) {
                self.folders.push(folder);
            }
        }
    }

    fn act(&mut self, act: Act, local: bool) {
        match act {
            Act::Path(access, arg, recursive) => {
                let place = FolderUse { situation: self.situation, folders: &self.folders };
                add_path(self.operation, access, &arg, recursive, &place);
            }
            Act::Url(text, method) => {
                if local && !matches!(method, Some("GET" | "HEAD" | "OPTIONS")) {
                    self.operation.does.insert(Trait::Disclose);
                }
                let used = url::host_use(&text, method);
                self.contact(used);
            }
            Act::Host(text) => {
                let used = host::host_use(&text);
                self.contact(used);
            }
            Act::Shell(line) => self.shell(&line),
            Act::Start { words, input } => self.start(&words, input),
            Act::Variable(name, value) => match setting(&name, Some(&value)) {
                Setting::Harmless => {}
                Setting::Code => self.operation.does.insert(Trait::ExecuteCode),
                Setting::Dangerous => {
                    self.operation.does.insert(Trait::Environment);
                    note(self.operation, Aspect::Effects, "a variable changes what programs do");
                }
            },
            Act::Folder(folder) => self.change_folder(&folder),
            Act::Sql(text, dialect) => match sql::statements(&text, dialect) {
                Ok(found) => self.operation.statements.extend(found),
                Err(opaque) => note(self.operation, opaque.aspect, opaque.why),
            },
            Act::Does(item) => self.operation.does.insert(item),
        }
    }

    fn contact(&mut self, used: Result<HostUse, Opaque>) {
        match used {
            Ok(used) if !self.operation.hosts.contains(&used) => self.operation.hosts.push(used),
            Ok(_) => {}
            Err(opaque) => note(self.operation, opaque.aspect, opaque.why),
        }
    }

    fn shell(&mut self, line: &Arg) {
        self.operation.does.insert(Trait::ExecuteCode);
        let Some(text) = line.known() else {
            return note(self.operation, Aspect::Effects, "the command line for a shell is not known");
        };
        if self.situation.depth >= MAX_DEPTH {
            return note(self.operation, Aspect::Effects, "commands are nested too deeply");
        }
        let input = self.input(None);
        let situation = Situation {
            folders: &self.folders,
            depth: self.situation.depth + 1,
            input: &input,
            ..*self.situation
        };
        // The languages ask `sh`.
        self.nested.append(&mut shell::nested(text, "sh", &situation, &[]));
    }

    fn start(&mut self, words: &[Arg], given: Option<Option<String>>) {
        let input = self.input(given);
        let situation = Situation {
            folders: &self.folders,
            depth: self.situation.depth + 1,
            input: &input,
            ..*self.situation
        };
        self.nested.append(&mut run(words, &situation).operations);
    }

    /// Standard input of what the code starts: its own, unless it gives something.
    fn input(&self, given: Option<Option<String>>) -> Input {
        match given {
            Some(text) => Input { given: true, local: text.is_none(), text, ..Input::default() },
            None => Input { text: None, names: Vec::new(), ..self.situation.input.clone() },
        }
    }
}
