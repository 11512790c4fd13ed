//! Which names the code gives a meaning, anywhere.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Arguments, Comprehension, ExceptHandler, Expr, Parameters, Pattern, Stmt, StmtFunctionDef,
};
use rustc_hash::FxHashMap;

/// One thing that a name may stand for.
#[derive(Debug, Clone)]
pub(super) enum Binding<'a> {
    /// The value of an expression, or what iterating over it so many times gives.
    Value(&'a Expr, u8),
    /// The element of a list or tuple at this place.
    At(&'a Expr, usize),
    /// A module or what it holds.
    Import(String),
    /// A function or class of this code.
    Own,
    /// Anything: an argument that nothing in this code gives.
    Anything,
    /// What it is already, with something added.
    Added(&'a Expr),
    /// Data.
    Plain,
}

/// All names, with everything they may stand for.
#[derive(Debug, Default)]
pub(super) struct Bindings<'a> {
    names: FxHashMap<&'a str, Vec<Binding<'a>>>,
    /// Modules of which everything is imported.
    pub(super) stars: Vec<&'a str>,
    /// Attributes that are assigned to something.
    pub(super) attributes: Vec<&'a str>,
}

impl<'a> Bindings<'a> {
    pub(super) fn of(body: &'a [Stmt]) -> Self {
        let mut collector = Collector::default();
        collector.visit_body(body);
        collector.bind_calls();
        collector.found
    }

    /// What `name` may stand for.
    pub(super) fn get(&self, name: &str) -> &[Binding<'a>] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether `name` is a function or class of this code.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.get(name).iter().any(|binding| matches!(binding, Binding::Own))
    }

    pub(super) fn any(&self) -> bool {
        !self.names.is_empty() || !self.stars.is_empty()
    }

    fn add(&mut self, name: &'a str, binding: Binding<'a>) {
        self.names.entry(name).or_default().push(binding);
    }
}

#[derive(Default)]
struct Collector<'a> {
    found: Bindings<'a>,
    calls: Vec<&'a ruff_python_ast::ExprCall>,
    /// The functions of this code; `None` where several have one name.
    functions: FxHashMap<&'a str, Option<&'a Parameters>>,
    /// How often a name is used.
    uses: FxHashMap<&'a str, usize>,
    /// Whether the statements belong to a class.
    in_class: bool,
}

impl<'a> Collector<'a> {
    /// Binds what is assigned to `target`: `value`, after iterating `depth` times.
    fn target(&mut self, target: &'a Expr, value: &'a Expr, depth: u8) {
        match target {
            Expr::Name(name) => self.found.add(name.id.as_str(), Binding::Value(value, depth)),
            Expr::Starred(starred) => self.target(&starred.value, value, depth),
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, value, depth),
            Expr::List(list) => self.unpack(&list.elts, value, depth),
            Expr::Attribute(attribute) => self.found.attributes.push(attribute.attr.as_str()),
            _ => {}
        }
    }

    fn unpack(&mut self, targets: &'a [Expr], value: &'a Expr, depth: u8) {
        let literal = match value {
            Expr::Tuple(tuple) => Some(&tuple.elts),
            Expr::List(list) => Some(&list.elts),
            _ => None,
        };
        let starred = |expr: &Expr| matches!(expr, Expr::Starred(_));
        let literal = literal.filter(|elements| {
            depth == 0
                && elements.len() == targets.len()
                && !elements.iter().any(starred)
                && !targets.iter().any(starred)
        });
        if let Some(elements) = literal {
            targets.iter().zip(elements).for_each(|(target, element)| self.target(target, element, 0));
            return;
        }
        for (index, target) in targets.iter().enumerate() {
            match target {
                Expr::Name(name) if depth == 0 && !targets.iter().any(starred) => {
                    self.found.add(name.id.as_str(), Binding::At(value, index));
                }
                target => self.target(target, value, depth.saturating_add(1)),
            }
        }
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        let name = function.name.as_str();
        self.found.add(name, Binding::Own);
        let seen = (!self.in_class && function.decorator_list.is_empty()).then_some(&*function.parameters);
        let several = self.functions.contains_key(name);
        self.functions.insert(name, seen.filter(|_| !several));
        if seen.is_none() || several {
            self.give_anything(&function.parameters);
        }
    }

    fn give_anything(&mut self, parameters: &'a Parameters) {
        for parameter in parameters.iter() {
            self.found.add(parameter.name().as_str(), Binding::Anything);
        }
    }

    /// Parameters are what calls give them. A function that is handed on may be given anything.
    fn bind_calls(&mut self) {
        for call in std::mem::take(&mut self.calls) {
            let Expr::Name(name) = &*call.func else { continue };
            let Some(Some(parameters)) = self.functions.get(name.id.as_str()).copied() else { continue };
            if self.bind_call(parameters, &call.arguments)
                && let Some(uses) = self.uses.get_mut(name.id.as_str())
            {
                *uses = uses.saturating_sub(1);
            }
        }
        let functions: Vec<_> = self.functions.iter().map(|(name, of)| (*name, *of)).collect();
        for (name, parameters) in functions {
            let Some(parameters) = parameters else { continue };
            let called_only = self.uses.get(name) == Some(&0);
            for parameter in parameters.iter() {
                let name = parameter.name().as_str();
                if !called_only || parameter.is_variadic() {
                    self.found.add(name, Binding::Anything);
                }
            }
        }
    }

    /// Whether it is known which parameter gets which argument.
    fn bind_call(&mut self, parameters: &'a Parameters, arguments: &'a Arguments) -> bool {
        let mut ordered = parameters.posonlyargs.iter().chain(&parameters.args);
        for argument in &arguments.args {
            if matches!(argument, Expr::Starred(_)) {
                return false;
            }
            if let Some(parameter) = ordered.next() {
                self.found.add(parameter.parameter.name.as_str(), Binding::Value(argument, 0));
            }
        }
        for keyword in &arguments.keywords {
            let Some(known) = &keyword.arg else { return false };
            let mut all = parameters.iter_non_variadic_params();
            if let Some(parameter) = all.find(|parameter| parameter.parameter.name.as_str() == known.as_str())
            {
                self.found.add(parameter.parameter.name.as_str(), Binding::Value(&keyword.value, 0));
            }
        }
        true
    }

    fn import(&mut self, module: &str, alias: &'a ruff_python_ast::Alias) {
        let name = alias.name.as_str();
        let path = if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
        match &alias.asname {
            Some(other) => self.found.add(other.as_str(), Binding::Import(path)),
            None if module.is_empty() => {
                let first = name.split('.').next().unwrap_or_default();
                self.found.add(first, Binding::Import(first.to_owned()));
            }
            None => self.found.add(name, Binding::Import(path)),
        }
    }
}

impl<'a> Visitor<'a> for Collector<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => {
                self.found.add(class.name.as_str(), Binding::Own);
                let outer = std::mem::replace(&mut self.in_class, true);
                visitor::walk_stmt(self, stmt);
                self.in_class = outer;
                return;
            }
            Stmt::Assign(assign) => {
                assign.targets.iter().for_each(|target| self.target(target, &assign.value, 0));
            }
            Stmt::AugAssign(assign) => {
                if let Expr::Name(name) = &*assign.target {
                    self.found.add(name.id.as_str(), Binding::Added(&assign.value));
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.target(&assign.target, value, 0);
                }
            }
            Stmt::For(each) => self.target(&each.target, &each.iter, 1),
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        self.target(target, &item.context_expr, 0);
                    }
                }
            }
            Stmt::Import(import) => import.names.iter().for_each(|alias| self.import("", alias)),
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", ruff_python_ast::Identifier::as_str);
                for alias in &import.names {
                    if alias.name.as_str() == "*" {
                        self.found.stars.push(module);
                    } else {
                        self.import(if module.is_empty() { "." } else { module }, alias);
                    }
                }
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Named(named) => self.target(&named.target, &named.value, 0),
            Expr::Call(call) => self.calls.push(call),
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.give_anything(parameters);
                }
            }
            Expr::Name(name) if name.ctx.is_load() => *self.uses.entry(name.id.as_str()).or_default() += 1,
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        self.target(&comprehension.target, &comprehension.iter, 1);
        visitor::walk_comprehension(self, comprehension);
    }

    fn visit_parameters(&mut self, parameters: &'a Parameters) {
        for parameter in parameters.iter_non_variadic_params() {
            if let Some(default) = &parameter.default {
                self.found.add(parameter.parameter.name.as_str(), Binding::Value(default, 0));
            }
        }
        visitor::walk_parameters(self, parameters);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(caught) = handler;
        if let Some(name) = &caught.name {
            self.found.add(name.as_str(), Binding::Plain);
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(matched) => matched.name.as_ref(),
            Pattern::MatchStar(matched) => matched.name.as_ref(),
            Pattern::MatchMapping(matched) => matched.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.found.add(name.as_str(), Binding::Anything);
        }
        visitor::walk_pattern(self, pattern);
    }
}
