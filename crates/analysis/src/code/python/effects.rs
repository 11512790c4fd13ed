//! From the line of a function to what a call does.

use super::calls::Walker;
use super::look_within;
use super::values::Value;
use crate::code::Act;
use crate::code::api::{Clue, Spec};
use crate::program::Certainty;
use ruff_python_ast::{Expr, ExprCall};
use stayhand_core::facts::{Access, Aspect, Trait};

impl<'a> Walker<'a, '_> {
    /// Adds what calling the function `name` does.
    pub(super) fn apply(&mut self, name: &str, spec: Spec, receiver: Option<&Value<'a>>, call: &'a ExprCall) {
        for clue in spec.clues() {
            match clue {
                Clue::Does("opaque") => {
                    self.deeds.opaque(format!("what the Python function `{name}` does is not followed"))
                }
                Clue::Does(effect) => self.effect(effect, call),
                Clue::Receiver(meaning) => {
                    let target = receiver.cloned().unwrap_or(Value::Unknown);
                    self.touch(meaning, &[target], call);
                }
                Clue::Argument { position, keyword, meaning } => {
                    self.argument(name, (position, keyword, meaning), call);
                }
            }
        }
    }

    pub(super) fn argument(
        &mut self,
        name: &str,
        clue: (usize, &'static str, &'static str),
        call: &'a ExprCall,
    ) {
        let (position, keyword, meaning) = clue;
        match self.given(call, position, keyword) {
            Some(expr) => self.meaning(meaning, expr, call),
            None if is_spread(call) => {
                self.deeds.opaque(format!("the arguments of the Python function `{name}` are not known"));
            }
            None if matches!(meaning, "writetree" | "list" | "listtree") => {
                self.touch(meaning, &[Value::text(".")], call);
            }
            None => {}
        }
    }

    /// The argument at a place, or of a name.
    pub(super) fn given(&self, call: &'a ExprCall, position: usize, keyword: &str) -> Option<&'a Expr> {
        call.arguments.find_argument_value(keyword, position)
    }

    pub(super) fn keyword(&self, call: &'a ExprCall, name: &str) -> Option<&'a Expr> {
        call.arguments.find_keyword(name).map(|keyword| &keyword.value)
    }

    pub(super) fn effect(&mut self, effect: &str, call: &'a ExprCall) {
        let item = match effect {
            "execute" => Trait::ExecuteCode,
            "privilege" => Trait::Privilege,
            "signal" => Trait::Signal,
            "listen" => Trait::Listen,
            "disclose" => Trait::Disclose,
            "network" => Trait::Network,
            "install" => Trait::Install,
            "power" => Trait::Power,
            // A request over a connection sends something where there is a body or a method that changes.
            "disclose-if" => {
                let method = call.arguments.args.first().and_then(|method| self.folder.text(method));
                let asks = method.is_some_and(|method| matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS"));
                if asks && call.arguments.len() < 3 {
                    return;
                }
                Trait::Disclose
            }
            _ => return self.deeds.opaque("what a Python function does is not followed"),
        };
        self.deeds.does(item);
    }

    pub(super) fn meaning(&mut self, meaning: &'static str, expr: &'a Expr, call: &'a ExprCall) {
        let values = self.folder.values(expr);
        match meaning {
            "mode" | "inplace" | "openflags" | "method" => {}
            "opaque" => self.deeds.opaque("a Python function is given something that is not followed"),
            "shell" => self.shell(&values),
            "argv" => self.start(&values, call),
            "args" | "execl" => self.start_listed(call, meaning),
            "execv" => self.start_vector(&values, call),
            "code" => self.code(&values),
            "host" => self.hosts(&values),
            "address" => self.address(&values),
            "setenv" => self.set_named_variable(&values, call),
            "chmod" => self.mode(&values),
            "chdir" => match values.as_slice() {
                [value] if value.as_arg().is_some() => {
                    self.deeds.acts.extend(value.as_arg().map(Act::Folder));
                }
                _ => self.deeds.note(Aspect::Paths, "the working folder is not known"),
            },
            "yaml" => self.yaml(call),
            "load" => self.load(&values),
            "data" => {}
            "dburl" => self.database(&values),
            _ if meaning.starts_with("url") => self.url(meaning, &values, call),
            _ if meaning.starts_with("sql") => self.sql(meaning, &values),
            _ => self.touch(meaning, &values, call),
        }
    }

    /// Adds the use of a path.
    pub(super) fn touch(&mut self, meaning: &str, values: &[Value<'a>], call: &'a ExprCall) {
        let uses: &[(Access, bool)] = match meaning {
            "read" => &[(Access::Read, false)],
            "readtree" => &[(Access::Read, true)],
            "write" => &[(Access::Write, false)],
            "writetree" => &[(Access::Write, true)],
            "edit" => &[(Access::Read, false), (Access::Write, false)],
            "delete" => &[(Access::Delete, false)],
            "deltree" => &[(Access::Delete, true)],
            "move" => &[(Access::Read, false), (Access::Delete, false)],
            "list" | "glob" => &[(Access::List, false)],
            "listtree" => &[(Access::List, true)],
            "link" => &[(Access::Read, false)],
            "exec" => {
                self.deeds.does(Trait::ExecuteCode);
                &[(Access::Execute, false)]
            }
            "open" => return self.open(values, call),
            _ => return self.deeds.opaque("what a Python function does is not followed"),
        };
        let flagged = meaning == "read" && self.keyword(call, "inplace").is_some();
        for value in values {
            for (access, recursive) in uses {
                self.path(*access, value, *recursive, meaning == "glob");
            }
            if flagged {
                self.path(Access::Write, value, false, false);
            }
        }
    }

    pub(super) fn path(&mut self, access: Access, value: &Value<'a>, recursive: bool, glob: bool) {
        match value {
            Value::Text(text) if text.is_empty() => {}
            // A descriptor, a file that is open, a text that is looked through.
            Value::Number(_) | Value::Object("file" | "response" | "process" | "tmp" | "socket") => {}
            Value::List(elements) => {
                for element in elements.iter().flatten() {
                    self.path(access, element, recursive, glob);
                }
            }
            Value::Each(elements) => {
                elements.iter().for_each(|element| self.path(access, element, recursive, glob))
            }
            Value::Text(text) if access == Access::Read && is_url(text) => {
                self.deeds.act(Act::Url(text.clone(), Some("GET")))
            }
            value => match value.as_arg() {
                Some(mut arg) => {
                    if glob {
                        arg.certainty = Certainty::Pattern;
                    }
                    self.deeds.act(Act::Path(access, arg, recursive));
                }
                // What is read can be bounded by confinement; what is changed cannot.
                None if matches!(access, Access::Read | Access::List) => self.deeds.does(Trait::Indefinite),
                None => self.deeds.note(Aspect::Paths, "Python code uses a path that is not known"),
            },
        }
    }

    /// `open` and its kin: the mode decides.
    pub(super) fn open(&mut self, values: &[Value<'a>], call: &'a ExprCall) {
        let method = matches!(&*call.func, Expr::Attribute(attribute) if attribute.attr.as_str() == "open"
            && self.folder.values(&attribute.value).iter().any(|value| matches!(value, Value::Path(..))));
        let mode = self.given(call, usize::from(!method), "mode");
        let flags = self.keyword(call, "flags").or_else(|| call.arguments.args.get(1));
        let (reads, writes) = match mode {
            None => (true, false),
            Some(expr) => match self.folder.values(expr).as_slice() {
                [Value::Text(mode)] => {
                    let writes = mode.contains(['w', 'a', 'x', '+']);
                    (!writes || mode.contains(['+', 'r']), writes)
                }
                [Value::Name(flag)] if flag == "os.O_RDONLY" && flags.is_some() => (true, false),
                _ => (true, true),
            },
        };
        for value in values {
            if reads {
                self.path(Access::Read, value, false, false);
            }
            if writes {
                self.path(Access::Write, value, false, false);
            }
        }
    }

    /// `exec(text)`, `eval(text)`
    pub(super) fn code(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(text) => look_within(text, self.folder.given, self.nested + 1, self.deeds),
                Value::Own | Value::Lambda(_) => {}
                _ => self.deeds.opaque("Python code runs text that is not known as code"),
            }
        }
    }

    /// Bits that give a program its owner's identity.
    pub(super) fn mode(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Number(Some(bits)) if bits & 0o6000 != 0 => self.deeds.does(Trait::Privilege),
                Value::Number(Some(_)) => {}
                _ => self.deeds.note(Aspect::Arguments, "the permission bits are not known"),
            }
        }
    }

    /// `yaml.load` runs what the text says, except with a safe loader.
    pub(super) fn yaml(&mut self, call: &'a ExprCall) {
        let loader = self.keyword(call, "Loader").or_else(|| call.arguments.args.get(1));
        let loader = loader.map(|loader| self.folder.values(loader)).unwrap_or_default();
        let safe = |value: &Value<'a>| matches!(value, Value::Name(name) if name.ends_with("SafeLoader") || name.ends_with(".BaseLoader"));
        if loader.is_empty() || !loader.iter().all(safe) {
            self.deeds.opaque("a YAML loader may run what the text says");
        }
    }

    /// Objects are loaded from a file; loading them runs what the file says.
    pub(super) fn load(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Object("file") => {}
                Value::Text(_) | Value::Path(..) => self.path(Access::Execute, value, false, false),
                _ => self.deeds.opaque("Python objects are loaded from data that is not known"),
            }
        }
    }
}

/// Whether a call is given lists or dictionaries of arguments.
pub(super) fn is_spread(call: &ExprCall) -> bool {
    call.arguments.args.iter().any(|argument| matches!(argument, Expr::Starred(_)))
        || call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none())
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "ftp://"].iter().any(|scheme| text.starts_with(scheme))
}
