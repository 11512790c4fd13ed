//! From the line of a function to what a call does.

use super::calls::Walker;
use super::values::Value;
use super::{API, look_within};
use crate::code::Act;
use crate::code::api::{Clue, Spec};
use crate::program::{Arg, Certainty};
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

    fn argument(&mut self, name: &str, clue: (usize, &'static str, &'static str), call: &'a ExprCall) {
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
    fn given(&self, call: &'a ExprCall, position: usize, keyword: &str) -> Option<&'a Expr> {
        call.arguments.find_argument_value(keyword, position)
    }

    fn keyword(&self, call: &'a ExprCall, name: &str) -> Option<&'a Expr> {
        call.arguments.find_keyword(name).map(|keyword| &keyword.value)
    }

    fn effect(&mut self, effect: &str, call: &'a ExprCall) {
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

    fn meaning(&mut self, meaning: &'static str, expr: &'a Expr, call: &'a ExprCall) {
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
    fn touch(&mut self, meaning: &str, values: &[Value<'a>], call: &'a ExprCall) {
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

    fn path(&mut self, access: Access, value: &Value<'a>, recursive: bool, glob: bool) {
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
    fn open(&mut self, values: &[Value<'a>], call: &'a ExprCall) {
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

    fn shell(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(text) => self.deeds.act(Act::Shell(Arg::exact(text.clone()))),
                _ => self.deeds.opaque("Python code runs a command line that is not known"),
            }
        }
    }

    /// `subprocess.run(…)`: words, or a command line where it asks for a shell.
    fn start(&mut self, values: &[Value<'a>], call: &'a ExprCall) {
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

    fn words<'v>(&mut self, words: impl Iterator<Item = &'v [Value<'a>]>, call: &'a ExprCall)
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
    fn surroundings(&mut self, call: &'a ExprCall) {
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

    fn variable(&mut self, name: Option<String>, value: &'a Expr) {
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

    fn set_named_variable(&mut self, names: &[Value<'a>], call: &'a ExprCall) {
        let name = match names {
            [Value::Text(name)] => Some(name.clone()),
            _ => None,
        };
        if let Some(value) = call.arguments.args.get(1) {
            self.variable(name, value);
        }
    }

    /// `os.execl(file, arg0, arg1, …)`, `create_subprocess_exec(program, arg1, …)`
    fn start_listed(&mut self, call: &'a ExprCall, meaning: &str) {
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
    fn start_vector(&mut self, program: &[Value<'a>], call: &'a ExprCall) {
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

    /// `exec(text)`, `eval(text)`
    fn code(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(text) => look_within(text, self.folder.given, self.nested + 1, self.deeds),
                Value::Own | Value::Lambda(_) => {}
                _ => self.deeds.opaque("Python code runs text that is not known as code"),
            }
        }
    }

    fn hosts(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(host) => self.deeds.act(Act::Host(host.clone())),
                _ => self.deeds.note(Aspect::Hosts, "Python code contacts a host that is not known"),
            }
        }
    }

    /// `(host, port)`
    fn address(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::List(parts) => {
                    match (parts.first().map(Vec::as_slice), parts.get(1).map(Vec::as_slice)) {
                        (Some([Value::Text(host)]), Some([Value::Number(Some(port))])) => {
                            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                            self.deeds.act(Act::Host(format!("{host}:{port}")));
                        }
                        (Some(hosts), _) => {
                            let hosts = hosts.to_vec();
                            self.hosts(&hosts);
                        }
                        _ => self.deeds.note(Aspect::Hosts, "Python code contacts a host that is not known"),
                    }
                }
                _ => self.deeds.note(Aspect::Hosts, "Python code contacts a host that is not known"),
            }
        }
    }

    fn url(&mut self, meaning: &str, values: &[Value<'a>], call: &'a ExprCall) {
        let sends = ["data", "json", "files", "content"]
            .into_iter()
            .any(|name| self.keyword(call, name).is_some_and(|data| !matches!(data, Expr::NoneLiteral(_))))
            || meaning == "url" && call.arguments.args.len() > 1 && self.takes_data(call);
        let stated = self
            .keyword(call, "method")
            .or_else(|| call.arguments.args.first())
            .and_then(|expr| self.folder.text(expr));
        let method = match meaning {
            "url-get" | "url" if !sends => {
                self.keyword(call, "method").map_or("GET", |_| known_method(stated.as_deref()))
            }
            "url-head" => "HEAD",
            "url-options" => "OPTIONS",
            "url-put" => "PUT",
            "url-patch" => "PATCH",
            "url-delete" => "DELETE",
            "url-any" if !sends => known_method(stated.as_deref()),
            _ => "POST",
        };
        for value in values {
            match value {
                Value::Text(url) => {
                    self.deeds.act(Act::Url(url.clone(), Some(method)));
                    if sends {
                        self.deeds.does(Trait::Disclose);
                    }
                }
                // A request object: its own line said where it goes.
                Value::Plain if meaning == "url" => self.request_object(call),
                _ => self.deeds.note(Aspect::Hosts, "Python code requests a URL that is not known"),
            }
        }
    }

    /// Whether a second argument of a request is its body, and not a file name to save to.
    fn takes_data(&self, call: &'a ExprCall) -> bool {
        self.folder.values(&call.func).iter().any(|callee| {
            matches!(callee, Value::Name(name) if !name.ends_with("urlretrieve") && !name.starts_with("wget."))
        })
    }

    /// `urlopen(Request(…))`, where the request is made in this code from what is known.
    fn request_object(&mut self, call: &'a ExprCall) {
        let made = match call.arguments.args.first() {
            Some(Expr::Call(inner)) => self.is_request(inner),
            Some(Expr::Name(name)) => {
                let bindings = self.folder.bindings.get(name.id.as_str());
                !bindings.is_empty()
                    && bindings.iter().all(|binding| {
                        matches!(binding, super::bindings::Binding::Value(Expr::Call(inner), 0) if self.is_request(inner))
                    })
            }
            _ => false,
        };
        if !made {
            self.deeds.note(Aspect::Hosts, "Python code requests a URL that is not known");
        }
    }

    fn is_request(&self, call: &'a ExprCall) -> bool {
        self.folder.values(&call.func).iter().all(|callee| {
            matches!(callee, Value::Name(name) if name.ends_with(".Request") && API.exact(name).is_some())
        })
    }

    fn sql(&mut self, meaning: &str, values: &[Value<'a>]) {
        let dialect = match meaning {
            "sql-sqlite" => Some("sqlite"),
            "sql-postgres" => Some("postgres"),
            "sql-mysql" => Some("mysql"),
            _ => None,
        };
        for value in values {
            match value {
                Value::Text(text) => self.deeds.act(Act::Sql(text.clone(), dialect)),
                _ => self.deeds.note(Aspect::Statements, "Python code runs SQL that is not known"),
            }
        }
    }

    fn database(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Text(text) if text.contains("://") => {
                    self.deeds.act(Act::Host(host_of(text).to_owned()))
                }
                Value::Text(text) => {
                    match text.split_whitespace().find_map(|word| word.strip_prefix("host=")) {
                        Some(host) => self.deeds.act(Act::Host(host.to_owned())),
                        None => {}
                    }
                }
                _ => self.deeds.note(Aspect::Hosts, "Python code contacts a database that is not known"),
            }
        }
    }

    /// Bits that give a program its owner's identity.
    fn mode(&mut self, values: &[Value<'a>]) {
        for value in values {
            match value {
                Value::Number(Some(bits)) if bits & 0o6000 != 0 => self.deeds.does(Trait::Privilege),
                Value::Number(Some(_)) => {}
                _ => self.deeds.note(Aspect::Arguments, "the permission bits are not known"),
            }
        }
    }

    /// `yaml.load` runs what the text says, except with a safe loader.
    fn yaml(&mut self, call: &'a ExprCall) {
        let loader = self.keyword(call, "Loader").or_else(|| call.arguments.args.get(1));
        let loader = loader.map(|loader| self.folder.values(loader)).unwrap_or_default();
        let safe = |value: &Value<'a>| matches!(value, Value::Name(name) if name.ends_with("SafeLoader") || name.ends_with(".BaseLoader"));
        if loader.is_empty() || !loader.iter().all(safe) {
            self.deeds.opaque("a YAML loader may run what the text says");
        }
    }

    /// Objects are loaded from a file; loading them runs what the file says.
    fn load(&mut self, values: &[Value<'a>]) {
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
fn is_spread(call: &ExprCall) -> bool {
    call.arguments.args.iter().any(|argument| matches!(argument, Expr::Starred(_)))
        || call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none())
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "ftp://"].iter().any(|scheme| text.starts_with(scheme))
}

/// The host and port of a database's address.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

/// A method that is known, or the one that is watched most closely.
fn known_method(stated: Option<&str>) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
    let stated = stated.unwrap_or_default();
    METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(stated)).unwrap_or("POST")
}
