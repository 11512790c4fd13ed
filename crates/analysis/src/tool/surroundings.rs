//! What a tool call gives a command beside its words: a folder, variables, standard input.

use crate::program::{Arg, Setting, setting};
use crate::{Surroundings, path};
use serde_json::Value;
use stayhand_core::facts::{Aspect, Opaque, Operation, Trait};
use stayhand_core::request::Request;
use stayhand_core::tool;
use std::collections::BTreeSet;

/// What a tool call may call the folder its command starts in.
const FOLDERS: [&str; 6] = ["cwd", "workdir", "working_directory", "working_dir", "directory", "dir"];

/// What a tool call may call the variables of its command.
const VARIABLES: [&str; 5] = ["env", "environment", "env_vars", "environment_variables", "envs"];

/// What it may call the text on standard input; `true`: there is one, and nobody has seen what it holds.
const INPUTS: [&str; 2] = ["stdin", "standard_input"];

/// What a tool call may call the wish to run outside of the client's own sandbox, or as somebody else.
const ESCALATIONS: [&str; 10] = [
    "dangerouslyDisableSandbox",
    "with_escalated_permissions",
    "sandbox_permissions",
    "disable_sandbox",
    "no_sandbox",
    "unsandboxed",
    "escalate",
    "elevated",
    "privileged",
    "run_as",
];

/// The arguments of `names` that are there and say something, with their names.
fn given<'r>(
    request: &'r Request,
    names: &'static [&str],
) -> impl Iterator<Item = (&'static str, &'r Value)> {
    let (tool, _) = tool::canonical(&request.action.0);
    let runs = matches!(tool, "bash" | "exec" | "python");
    let there = move |name: &&'static str| Some((*name, request.resource.0.get(*name)?));
    names.iter().filter(move |_| runs).filter_map(there).filter(|(_, value)| !is_nothing(value))
}

/// The absolute folder that a call of a tool that runs programs says its command starts in: what
/// relative paths are read against, and where an executor has to start it.
pub fn working_folder(request: &Request) -> Option<String> {
    let context = &request.context;
    let at = Surroundings { cwd: &context.cwd, workspace: &context.workspace, home: &context.home };
    let mut folders =
        given(request, &FOLDERS).map(|(_, value)| path::lexical(value.as_str()?.trim(), &at).ok());
    folders.next()?.filter(|first| folders.all(|other| other.as_ref() == Some(first)))
}

/// Whether a call says that its command has a standard input, and not what that holds.
pub fn has_input(request: &Request) -> bool {
    given(request, &INPUTS).any(|(_, value)| *value == Value::Bool(true))
}

/// The texts that a call wants on standard input.
fn texts(request: &Request) -> impl Iterator<Item = (&'static str, &Value)> {
    given(request, &INPUTS).filter(|(_, value)| !value.is_boolean())
}

/// The first argument that gives a command something beside its words, its folder and an input that nobody has seen. An
/// executor that does not pass it on must not run the command.
pub fn unserved(request: &Request) -> Option<&'static str> {
    given(request, &VARIABLES).chain(texts(request)).map(|(name, _)| name).next()
}

/// What these arguments do to the commands of a call.
#[derive(Debug, Default)]
pub(super) struct Given {
    runs_code: bool,
    escalates: bool,
    /// What could not be understood, and why.
    why: BTreeSet<String>,
    dangerous: bool,
}

impl Given {
    /// Reads the arguments of a tool that runs programs; other tools have none of these.
    pub(super) fn of(request: &Request) -> Self {
        let mut found = Self::default();
        given(request, &VARIABLES).for_each(|(_, value)| found.variables(value));
        if texts(request).next().is_some() {
            found.note("what standard input holds is not looked at");
        }
        found.escalates = given(request, &ESCALATIONS).any(|(_, value)| asks_for_more(value));
        if given(request, &FOLDERS).next().is_some() && working_folder(request).is_none() {
            found.note("the folder to start in is not understood");
        }
        found
    }

    /// A map of names to values, or a list of `NAME=value`.
    fn variables(&mut self, value: &Value) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| self.variable(name, value)),
            Value::Array(items) => {
                for item in items {
                    match item.as_str().and_then(|text| text.split_once('=')) {
                        Some((name, value)) => self.variable(name, &Value::from(value)),
                        None => self.note("the variables are written in an unknown way"),
                    }
                }
            }
            _ => self.note("the variables are written in an unknown way"),
        }
    }

    fn variable(&mut self, name: &str, value: &Value) {
        let value = value.as_str().map(Arg::exact);
        match setting(name, value.as_ref()) {
            Setting::Harmless => {}
            Setting::Code => self.runs_code = true,
            Setting::Dangerous => {
                self.dangerous = true;
                self.note("a variable given with the command changes what programs do");
            }
        }
    }

    fn note(&mut self, why: &str) {
        self.why.insert(why.to_owned());
    }

    /// Adds what is known, and what is not, to each operation.
    pub(super) fn apply(&self, operations: &mut [Operation]) {
        for operation in operations {
            if self.runs_code {
                operation.does.insert(Trait::ExecuteCode);
            }
            if self.escalates {
                operation.does.insert(Trait::Privilege);
            }
            if self.dangerous {
                operation.does.insert(Trait::Environment);
            }
            let opaque = self.why.iter().map(|why| Opaque { aspect: Aspect::Effects, why: why.clone() });
            operation.opaque.extend(opaque);
        }
    }
}

/// Whether the value of a switch turns it on; a value that nobody knows does.
fn asks_for_more(value: &Value) -> bool {
    let usual = ["false", "default", "use_default", "none"];
    !matches!(value, Value::Bool(false)) && !value.as_str().is_some_and(|text| usual.contains(&text))
}

/// Whether a value is there without saying anything.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
