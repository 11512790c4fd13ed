//! What becomes of standard input, and what is known about standard output.

use super::interpret::Interpreter;
use super::paths::note;
use super::spec::{Effect, Meaning, Operands, Output, Stdin};
use super::{Arg, Certainty, wrapped};
use stayhand_core::facts::{Access, Aspect, Trait};

impl Interpreter<'_> {
    /// What becomes of standard input.
    pub(super) fn apply_stdin(&mut self) {
        let input = self.situation.input;
        let only_tells = self.variant == Some("none");
        if self.spec.stdin == Stdin::Sent && !only_tells {
            self.send_input();
            if input.given {
                self.operation.hosts.iter_mut().for_each(|host| host.method = Some("SEND".to_owned()));
            }
            let remote = |operands: &Operands| operands.first.contains(&Meaning::RemoteArgv);
            if input.given && self.spec.operands.iter().any(|(_, operands)| remote(operands)) {
                self.note_effects("a shell on another machine may run what it is given");
            }
        }
        if !self.nested.is_empty() || only_tells || self.has(Effect::Dry) {
            return;
        }
        // A database is read; what is done to it, standard input says where no argument does.
        let from_input = match self.spec.stdin {
            Stdin::Sql => self.operation.statements.is_empty() && !self.operation.hides(Aspect::Statements),
            _ => !self.reads_operand,
        };
        if !from_input {
            return;
        }
        match self.spec.stdin {
            Stdin::Data | Stdin::Sent => {}
            Stdin::Names => self.read_named(),
            Stdin::Sql => match input.text.clone() {
                Some(text) => self.sql(&Arg::exact(text)),
                None if input.given => {
                    note(&mut self.operation, Aspect::Statements, "the SQL comes from elsewhere")
                }
                None => {}
            },
            Stdin::Shell => match input.text.clone() {
                Some(text) => wrapped::command_line(self, &Arg::exact(text)),
                None => self.runs_input("a shell"),
            },
            Stdin::Code => match input.text.clone() {
                Some(text) => self.code(&Arg::exact(text), &[]),
                None => self.runs_input("an interpreter"),
            },
        }
    }

    /// Reads the files that standard input names.
    pub(super) fn read_named(&mut self) {
        let input = self.situation.input;
        let lines = input.text.iter().flat_map(|text| text.lines()).map(Arg::exact);
        let names: Vec<Arg> = if input.names.is_empty() { lines.collect() } else { input.names.clone() };
        if names.is_empty() {
            self.operation.does.insert(Trait::Indefinite);
        }
        for name in &names {
            self.path(Access::Read, name);
        }
    }

    pub(super) fn runs_input(&mut self, what: &str) {
        let input = self.situation.input;
        self.operation.does.insert(Trait::ExecuteCode);
        let why = if input.fetched {
            format!("{what} runs text that is downloaded")
        } else {
            format!("{what} runs text from standard input that is not known")
        };
        note(&mut self.operation, Aspect::Effects, why);
    }

    /// The names that the program prints.
    pub(super) fn list_output(&mut self, operands: &[&Arg]) {
        if !self.output.is_empty() {
            return;
        }
        let output = if self.has(Effect::ListsPaths) { Output::Paths } else { self.spec.output };
        self.output = match output {
            Output::Unknown => Vec::new(),
            Output::TreePaths => vec![Arg::pattern("**")],
            Output::Name if self.may_print_slash => Vec::new(),
            Output::Name | Output::Base => vec![Arg::pattern("*")],
            Output::Words if operands.iter().any(|operand| operand.is_unknown()) => Vec::new(),
            Output::Words => operands.iter().map(|operand| (*operand).clone()).collect(),
            Output::Temporary => vec![Arg::pattern("/tmp/*")],
            Output::Input if self.reads_operand => Vec::new(),
            Output::Input => self.situation.input.names.clone(),
            Output::Names => {
                let given = self.path_args.iter().filter(|arg| arg.certainty != Certainty::Exact);
                given.cloned().chain([Arg::pattern("*")]).collect()
            }
            Output::Paths if self.path_args.is_empty() => vec![Arg::pattern("**")],
            Output::Paths => self.path_args.iter().flat_map(below).collect(),
        };
    }
}

/// A path and what lies below it.
fn below(arg: &Arg) -> [Arg; 2] {
    let mut deeper = arg.clone();
    if !arg.is_unknown() {
        deeper.text = format!("{}/**", arg.text.trim_end_matches('/'));
        deeper.certainty = Certainty::Pattern;
    }
    [arg.clone(), deeper]
}
