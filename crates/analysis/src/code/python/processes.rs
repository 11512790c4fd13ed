//! Programs that Python code starts, and what it hands to them.

use super::calls::Walker;
use super::effects::is_spread;
use super::values::Value;
use crate::code::Act;
use crate::program::Arg;
use ruff_python_ast::{Expr, ExprCall};
use stayhand_core::facts::Aspect;

impl<'a> Walker<'a, '_> {
    pub(super) fn shell(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(text) => self.deeds.act(Act::Shell(Arg::exact(text.clone()))),
                _ => self.deeds.opaque("Python code runs a command line that is not known"),
            }
        }
    }

    /// `subprocess.run(…)`: words, or a command line where it asks for a shell.
    pub(super) fn start(&mut self, values: &[Value<'a>], call: &'a ExprCall) {
        self.surroundings(call);
        let shell = self.keyword(call, "shell");
        let shell = shell.is_some_and(|flag| !matches!(flag, Expr::BooleanLiteral(flag) if !flag.value));
        if is_spread(call)
            || self.keyword(call, "executable").is_some()
            || self.keyword(call, "preexec_fn").is_some()
        {
            self.deeds.opaque("how Python code starts a program is not known");
        }
        for value in values {
            match value {
                Value::Text(_) if shell => self.shell(std::slice::from_ref(value)),
                Value::List(words) if shell => self.shell(words.first().map_or(&[], Vec::as_slice)),
                Value::List(words) => self.words(words.iter().map(Vec::as_slice), call),
                Value::Text(_) | Value::Path(..) => {
                    self.words([std::slice::from_ref(value)].into_iter(), call)
                }
                Value::Each(_) => self.deeds.opaque("Python code starts a program that is not known"),
                _ => self.deeds.opaque("Python code starts a program that is not known"),
            }
        }
    }

    pub(super) fn words<'v>(&mut self, words: impl Iterator<Item = &'v [Value<'a>]>, call: &'a ExprCall)
    where
        'a: 'v,
    {
        let known = |values: &[Value<'a>]| match values {
            [value] => value.as_arg(),
            _ => None,
        };
        let words: Vec<Arg> = words
            .map(|values| known(values).unwrap_or_else(|| Arg { many: false, ..Arg::unknown() }))
            .collect();
        let input = self.keyword(call, "input").map(|input| self.folder.text(input));
        let piped = self.keyword(call, "stdin").filter(|stdin| !matches!(stdin, Expr::NoneLiteral(_)));
        let piped = piped.is_some_and(|stdin| {
            !matches!(self.folder.values(stdin).as_slice(), [Value::Name(name)] if name == "subprocess.DEVNULL")
        });
        self.deeds.act(Act::Start { words, input: input.or(piped.then_some(None)) });
    }

    /// The environment and the folder of a program.
    pub(super) fn surroundings(&mut self, call: &'a ExprCall) {
        if let Some(folder) = self.keyword(call, "cwd") {
            match self.folder.values(folder).as_slice() {
                [value] if value.as_arg().is_some() => {
                    self.deeds.acts.extend(value.as_arg().map(Act::Folder))
                }
                [Value::Plain] if matches!(folder, Expr::NoneLiteral(_)) => {}
                _ => self.deeds.note(Aspect::Paths, "the working folder is not known"),
            }
        }
        match self.keyword(call, "env") {
            Some(Expr::Dict(dict)) => {
                for item in &dict.items {
                    match &item.key {
                        Some(key) => {
                            let name = self.folder.text(key);
                            self.variable(name, &item.value);
                        }
                        None => {
                            let all = self.folder.values(&item.value);
                            if !matches!(all.as_slice(), [Value::Name(name)] if name == "os.environ") {
                                self.deeds.opaque("the environment of a program is not known");
                            }
                        }
                    }
                }
            }
            Some(other) => {
                let values = self.folder.values(other);
                if !matches!(values.as_slice(), [Value::Name(name)] if name == "os.environ") {
                    self.deeds.opaque("the environment of a program is not known");
                }
            }
            None => {}
        }
    }

    pub(super) fn variable(&mut self, name: Option<String>, value: &'a Expr) {
        let Some(name) = name else {
            return self.deeds.opaque("a variable of the environment is not known");
        };
        let values = self.folder.values(value);
        let known = match values.as_slice() {
            [value] => value.as_arg(),
            _ => None,
        };
        self.deeds.act(Act::Variable(name, known.unwrap_or_else(Arg::unknown)));
    }

    /// `os.environ['NAME'] = value`
    pub(super) fn set_variable(&mut self, target: &'a Expr, key: &'a Expr, value: &'a Expr) {
        let targets = self.folder.values(target);
        if targets.iter().any(|target| matches!(target, Value::Name(name) if name == "os.environ")) {
            let name = self.folder.text(key);
            self.variable(name, value);
        }
    }

    pub(super) fn set_named_variable(&mut self, names: &[Value<'a>], call: &'a ExprCall) {
        let name = match names {
            [Value::Text(name)] => Some(name.clone()),
            _ => None,
        };
        if let Some(value) = call.arguments.args.get(1) {
            self.variable(name, value);
        }
    }

    /// `os.execl(file, arg0, arg1, …)`, `create_subprocess_exec(program, arg1, …)`
    pub(super) fn start_listed(&mut self, call: &'a ExprCall, meaning: &str) {
        if is_spread(call) {
            return self.deeds.opaque("Python code starts a program that is not known");
        }
        let values: Vec<Vec<Value<'a>>> =
            call.arguments.args.iter().map(|word| self.folder.values(word)).collect();
        let name = match &*call.func {
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            Expr::Name(name) => name.id.as_str(),
            _ => "",
        };
        // A mode comes first for `spawn…`, an environment last for `…e`.
        let from = usize::from(name.starts_with("spawn"));
        let until = values.len().saturating_sub(usize::from(name.ends_with("le") || name.ends_with("lpe")));
        let shown = values.get(from..until).unwrap_or_default();
        let zeroth = if meaning == "execl" { Some(1) } else { None };
        let words = shown.iter().enumerate().filter(|(index, _)| Some(*index) != zeroth);
        let words: Vec<&[Value<'a>]> = words.map(|(_, values)| values.as_slice()).collect();
        self.words(words.into_iter(), call);
    }

    /// `os.execv(file, [arg0, arg1, …])`
    pub(super) fn start_vector(&mut self, program: &[Value<'a>], call: &'a ExprCall) {
        let list = call.arguments.args.iter().map(|list| self.folder.values(list)).find_map(|values| {
            match values.as_slice() {
                [Value::List(words)] => Some(words.clone()),
                _ => None,
            }
        });
        match list {
            Some(words) => {
                let rest = words.iter().skip(1).map(Vec::as_slice);
                self.words(std::iter::once(program).chain(rest), call);
            }
            None => self.deeds.opaque("Python code starts a program that is not known"),
        }
    }
}
