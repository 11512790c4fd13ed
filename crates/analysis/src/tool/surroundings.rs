//! What a tool call gives a command beside its words: variables and standard input.

use crate::program::{Arg, Setting, setting};
use serde_json::{Map, Value};
use stayhand_core::facts::{Aspect, Opaque, Operation, Trait};
use stayhand_core::tool::Tool;
use std::collections::BTreeSet;

/// What a tool call may call the variables of its command.
const VARIABLES: [&str; 5] = ["env", "environment", "env_vars", "environment_variables", "envs"];

/// What it may call the text on standard input.
const INPUTS: [&str; 2] = ["stdin", "standard_input"];

/// What these arguments do to the commands of a call.
#[derive(Debug, Default)]
pub(super) struct Given {
    runs_code: bool,
    /// What could not be understood, and why.
    why: BTreeSet<String>,
    dangerous: bool,
}

impl Given {
    /// Reads the arguments of a tool that runs programs; other tools have none of these.
    pub(super) fn of(arguments: &Map<String, Value>, known: Option<&'static Tool>) -> Self {
        let mut given = Self::default();
        if !known.is_some_and(|tool| matches!(tool.name, "bash" | "exec" | "python")) {
            return given;
        }
        for name in VARIABLES {
            if let Some(value) = arguments.get(name) {
                given.variables(value);
            }
        }
        for name in INPUTS {
            if arguments.get(name).is_some_and(|value| !is_nothing(value)) {
                given.note("what standard input holds is not looked at");
            }
        }
        given
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
            nothing if is_nothing(nothing) => {}
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
            if self.dangerous {
                operation.does.insert(Trait::Environment);
            }
            let opaque = self.why.iter().map(|why| Opaque { aspect: Aspect::Effects, why: why.clone() });
            operation.opaque.extend(opaque);
        }
    }
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
