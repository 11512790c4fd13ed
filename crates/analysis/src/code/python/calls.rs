//! Walking the tree: every call is judged, and every function that is handed on.

use super::API;
use super::bindings::Bindings;
use super::fold::Folder;
use super::values::Value;
use crate::code::{Deeds, Given};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprAttribute, ExprCall, Stmt, StmtAssign};

/// Methods of Python's own data types: harmless on anything that is not an object which acts.
const DATA_METHODS: &str = " add append appendleft as_posix astimezone bit_length capitalize casefold center clear \
    copy count date decode difference discard encode end endswith expandtabs extend find findall finditer \
    format format_map fullmatch get group groupdict groups hexdigest digest index insert intersection isalnum isalpha \
    isascii isdecimal isdigit isidentifier isinstance islower isnumeric isoformat isspace issubset issuperset istitle \
    isupper items join keys ljust lower lstrip match most_common partition pop popitem popleft read readline \
    readlines remove removeprefix removesuffix replace reverse rfind rindex rjust rpartition rsplit rstrip search \
    setdefault sort span split splitlines start startswith strftime strip sub subn swapcase symmetric_difference \
    timestamp title total_seconds translate union update upper values write writelines writerow writerows \
    writeheader zfill as_tuple close flush put put_nowait get_nowait task_done year month day hour tolist mean sum \
    std min max round reshape send throw ";

/// Those of them that are functions of modules as well.
const ALSO_FUNCTIONS: [&str; 7] = ["remove", "replace", "copy", "get", "put", "read", "send"];

/// Attributes with underscores around them that tell something and reach nowhere.
const PLAIN_DUNDERS: [&str; 14] = [
    "__name__",
    "__doc__",
    "__version__",
    "__file__",
    "__init__",
    "__len__",
    "__str__",
    "__repr__",
    "__path__",
    "__module__",
    "__annotations__",
    "__add__",
    "__enter__",
    "__exit__",
];

/// Functions that look at whatever they are given, and call none of it.
const INSPECTORS: [&str; 14] = [
    "dir",
    "help",
    "print",
    "type",
    "repr",
    "str",
    "getattr",
    "hasattr",
    "id",
    "isinstance",
    "issubclass",
    "callable",
    "vars",
    "len",
];

/// Judges the calls of a piece of code.
pub(super) struct Walker<'a, 'g> {
    pub(super) folder: Folder<'a, 'g>,
    pub(super) deeds: &'g mut Deeds,
    pub(super) nested: u8,
    /// The kinds of objects that are made.
    made: Vec<&'static str>,
    /// Something is made that may be a module.
    gives_anything: bool,
    /// Methods of objects of which the kind is not known.
    methods: Vec<&'a str>,
}

impl<'a, 'g> Walker<'a, 'g> {
    pub(super) fn new(
        bindings: &'g Bindings<'a>,
        given: &'g Given<'g>,
        nested: u8,
        deeds: &'g mut Deeds,
    ) -> Self {
        Self {
            folder: Folder::new(bindings, given),
            deeds,
            nested,
            made: Vec::new(),
            gives_anything: false,
            methods: Vec::new(),
        }
    }

    pub(super) fn walk(mut self, body: &'a [Stmt]) {
        self.visit_body(body);
        for method in std::mem::take(&mut self.methods) {
            let acts = |kind: &&'static str| API.method(kind, method).is_some_and(|spec| !spec.is_harmless());
            if self.made.iter().any(acts) || self.gives_anything && ALSO_FUNCTIONS.contains(&method) {
                self.deeds.opaque(format!("it is not known what `.{method}()` is called on"));
            }
        }
    }

    fn call(&mut self, call: &'a ExprCall) {
        for callee in self.folder.values(&call.func) {
            if let Value::Name(name) = &callee
                && API.find(name).is_some_and(|spec| spec.result() == "any")
            {
                self.gives_anything = true;
            }
            for value in self.folder.result_of(&callee, call) {
                self.keep_kind(&value);
            }
            self.judge(&callee, call);
        }
    }

    /// Whether a name stands for a function that only looks at what it is given, and for no other.
    fn inspects(&self, name: &str) -> bool {
        let bindings = self.folder.bindings;
        INSPECTORS.contains(&name) && bindings.get(name).is_empty() && bindings.stars.is_empty()
    }

    fn keep_kind(&mut self, value: &Value<'a>) {
        let kind = match value {
            Value::Path(..) => "path",
            Value::Object(kind) => *kind,
            Value::Each(elements) => return elements.iter().for_each(|element| self.keep_kind(element)),
            _ => return,
        };
        if !self.made.contains(&kind) {
            self.made.push(kind);
        }
    }

    fn judge(&mut self, callee: &Value<'a>, call: &'a ExprCall) {
        match callee {
            Value::Name(name) => match API.find(name) {
                _ if name == "__import__" || name == "importlib.import_module" => self.import(call),
                _ if name == "getattr" && self.gets_known_attribute(call) => {}
                Some(spec) => self.apply(name, spec, None, call),
                None => self.deeds.opaque(format!("the Python function `{name}` is not known")),
            },
            Value::Method(kind, name) => match API.method(kind, name) {
                Some(spec) => self.apply(name, spec, None, call),
                None => self.unknown_method(name),
            },
            Value::Attribute(value, name) => self.method(value, name, call),
            Value::Own | Value::Lambda(_) => {}
            _ => self.deeds.opaque("it calls a Python function that is not known"),
        }
    }

    /// The name of the module matters only if it cannot be followed.
    fn import(&mut self, call: &'a ExprCall) {
        if call.arguments.args.first().and_then(|name| self.folder.text(name)).is_none() {
            self.deeds.opaque("it loads a Python module that is not known");
        }
    }

    /// `getattr(object, 'name')` is followed like `object.name`.
    fn gets_known_attribute(&self, call: &'a ExprCall) -> bool {
        let name = call.arguments.args.get(1).and_then(|name| self.folder.text(name));
        name.is_some_and(|name| !is_deep(&name))
    }

    fn method(&mut self, value: &Value<'a>, name: &str, call: &'a ExprCall) {
        match value {
            Value::Path(..) => match API.method("path", name) {
                Some(spec) => self.apply(name, spec, Some(value), call),
                None if is_data_method(name)
                    || matches!(name, "joinpath" | "with_name" | "with_suffix" | "with_stem") => {}
                None => self.unknown_method(name),
            },
            value if value.is_plain() => {}
            _ if is_data_method(name) => {
                if let Expr::Attribute(attribute) = &*call.func {
                    self.methods.push(attribute.attr.as_str());
                }
            }
            _ if self.folder.bindings.defines(name) && !self.folder.bindings.attributes.contains(&name) => {}
            _ => self.unknown_method(name),
        }
    }

    fn unknown_method(&mut self, name: &str) {
        self.deeds.opaque(format!("it is not known what the Python method `{name}` does"));
    }

    /// A name or attribute that is used without being called: functions that act must not be handed on.
    fn reference(&mut self, expr: &'a Expr) {
        for value in self.folder.values(expr) {
            let Value::Name(name) = &value else { continue };
            match API.find(name) {
                Some(spec) if spec.is_harmless() => {}
                Some(_) => self.deeds.opaque(format!("the Python function `{name}` is handed on")),
                None if name.starts_with("__") => {}
                None => self.deeds.opaque(format!("what is done with Python's `{name}` is not known")),
            }
        }
    }

    fn attribute(&mut self, attribute: &'a ExprAttribute) {
        if is_deep(attribute.attr.as_str()) {
            self.deeds.opaque(format!("it reaches into Python itself by `{}`", attribute.attr.as_str()));
        }
        match &*attribute.value {
            Expr::Name(_) => {}
            Expr::Attribute(inner) => self.attribute(inner),
            other => self.visit_expr(other),
        }
    }

    /// Looks at the parts of a callee or of a value that gets another name, but not at itself.
    fn followed(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(_) => {}
            Expr::Attribute(attribute) => self.attribute(attribute),
            other => self.visit_expr(other),
        }
    }

    fn assign(&mut self, assign: &'a StmtAssign) {
        if assign.targets.iter().all(|target| matches!(target, Expr::Name(_))) {
            return self.followed(&assign.value);
        }
        for target in &assign.targets {
            match target {
                Expr::Attribute(attribute) => self.assign_attribute(attribute, &assign.value),
                Expr::Subscript(subscript) => {
                    self.set_variable(&subscript.value, &subscript.slice, &assign.value);
                    self.visit_expr(target);
                }
                _ => {}
            }
        }
        self.visit_expr(&assign.value);
    }

    /// `module.name = value` replaces what others use.
    fn assign_attribute(&mut self, target: &'a ExprAttribute, value: &'a Expr) {
        self.attribute(target);
        let harmless = |value: &Value<'a>| value.is_plain() || matches!(value, Value::Object("file"));
        let own = |value: &Value<'a>| matches!(value, Value::Own) || value.is_plain();
        let owned = self.folder.values(&target.value).iter().all(own);
        let is_self =
            matches!(&*target.value, Expr::Name(name) if matches!(name.id.as_str(), "self" | "cls"));
        if !owned && !is_self && !self.folder.values(value).iter().all(harmless) {
            self.deeds.opaque("it replaces a part of a Python module or object");
        }
    }
}

impl<'a> Visitor<'a> for Walker<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Assign(assign) => return self.assign(assign),
            Stmt::IpyEscapeCommand(_) => self.deeds.opaque("the code is not plain Python"),
            Stmt::ClassDef(class) if class.arguments.as_ref().is_some_and(|of| !of.keywords.is_empty()) => {
                self.deeds.opaque("a Python class is made in an unusual way");
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Call(call) => {
                self.followed(&call.func);
                let inspects = matches!(&*call.func, Expr::Name(name) if self.inspects(name.id.as_str()));
                let values = call.arguments.args.iter();
                for argument in values.chain(call.arguments.keywords.iter().map(|keyword| &keyword.value)) {
                    if inspects { self.followed(argument) } else { self.visit_expr(argument) }
                }
                self.call(call);
            }
            Expr::Name(name) if name.ctx.is_load() => self.reference(expr),
            Expr::Attribute(attribute) => {
                if attribute.ctx.is_load() {
                    self.reference(expr);
                }
                self.attribute(attribute);
            }
            Expr::Name(_) => {}
            _ => visitor::walk_expr(self, expr),
        }
    }
}

fn is_data_method(name: &str) -> bool {
    let Some(at) = DATA_METHODS.find(name) else { return false };
    // Surrounded by blanks here, or at a later place.
    let whole = |at: usize| {
        let bytes = DATA_METHODS.as_bytes();
        at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b' ')
            && bytes.get(at + name.len()) == Some(&b' ')
    };
    whole(at) || DATA_METHODS.match_indices(name).any(|(at, _)| whole(at))
}

/// Whether an attribute leads from an object to the interpreter's inside.
fn is_deep(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__") && !PLAIN_DUNDERS.contains(&name)
        || matches!(
            name,
            "f_globals"
                | "f_locals"
                | "f_builtins"
                | "f_back"
                | "tb_frame"
                | "gi_frame"
                | "cr_frame"
                | "gi_code"
                | "func_globals"
                | "func_code"
                | "im_func"
        )
}
