//! Working out what expressions come to.

use super::API;
use super::bindings::{Binding, Bindings};
use super::values::{MAX_TEXT, Value, capped, joined};
use crate::code::Given;
use crate::program::Arg;
use ruff_python_ast::{
    BoolOp, Expr, ExprAttribute, ExprBinOp, ExprCall, ExprFString, ExprSubscript, FStringPart,
    InterpolatedStringElement, Number, Operator, UnaryOp,
};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};

/// Most expressions that are worked out in one piece of code.
const MAX_STEPS: u32 = 40_000;
/// Most names that are followed through names.
const MAX_NAMES: usize = 12;

/// Works out expressions, as far as that is possible without running anything.
pub(super) struct Folder<'a, 'g> {
    pub(super) bindings: &'g Bindings<'a>,
    pub(super) given: &'g Given<'g>,
    steps: Cell<u32>,
    /// The names that are being worked out.
    names: RefCell<Vec<&'a str>>,
    /// The names that were worked out.
    known: RefCell<FxHashMap<&'a str, Vec<Value<'a>>>>,
}

impl<'a, 'g> Folder<'a, 'g> {
    pub(super) fn new(bindings: &'g Bindings<'a>, given: &'g Given<'g>) -> Self {
        Self {
            bindings,
            given,
            steps: Cell::new(MAX_STEPS),
            names: RefCell::default(),
            known: RefCell::default(),
        }
    }

    /// What `expr` may come to; never empty.
    pub(super) fn values(&self, expr: &'a Expr) -> Vec<Value<'a>> {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        if left == 0 {
            return vec![Value::Unknown];
        }
        let values = match expr {
            Expr::StringLiteral(text) => vec![Value::text(text.value.to_str())],
            Expr::BytesLiteral(bytes) => vec![bytes_value(bytes.value.bytes().collect())],
            Expr::FString(text) => self.f_string(text),
            Expr::NumberLiteral(number) => vec![Value::Number(match &number.value {
                Number::Int(int) => int.as_i64(),
                _ => None,
            })],
            Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) | Expr::EllipsisLiteral(_) | Expr::Compare(_) => {
                vec![Value::Plain]
            }
            Expr::Name(name) => self.name(name.id.as_str()),
            Expr::Attribute(attribute) => self.attribute(attribute),
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Call(call) => self.result(call),
            Expr::BinOp(operation) => self.operation(operation),
            Expr::UnaryOp(operation) => self.negated(operation.op, &operation.operand),
            Expr::BoolOp(operation) if operation.op == BoolOp::Or || operation.op == BoolOp::And => {
                operation.values.iter().flat_map(|value| self.values(value)).collect()
            }
            Expr::If(choice) => {
                [&choice.body, &choice.orelse].into_iter().flat_map(|arm| self.values(arm)).collect()
            }
            Expr::Named(named) => self.values(&named.value),
            Expr::Await(awaited) => self.values(&awaited.value),
            Expr::List(list) => self.list(&list.elts),
            Expr::Tuple(tuple) => self.list(&tuple.elts),
            Expr::Set(set) => {
                vec![Value::Each(capped(set.elts.iter().flat_map(|element| self.values(element)).collect()))]
            }
            Expr::ListComp(made) => vec![Value::Each(self.values(&made.elt))],
            Expr::SetComp(made) => vec![Value::Each(self.values(&made.elt))],
            Expr::Generator(made) => vec![Value::Each(self.values(&made.elt))],
            Expr::Dict(dict) => {
                self.holder(dict.items.iter().flat_map(|item| item.key.iter().chain([&item.value])))
            }
            Expr::DictComp(made) => self.holder(made.key.as_deref().into_iter().chain([&*made.value])),
            Expr::Lambda(lambda) => vec![Value::Lambda(&lambda.body)],
            Expr::Slice(_) => vec![Value::Plain],
            _ => vec![Value::Unknown],
        };
        let values = capped(values);
        if values.is_empty() { vec![Value::Unknown] } else { values }
    }

    /// The one text that an expression comes to.
    pub(super) fn text(&self, expr: &'a Expr) -> Option<String> {
        match self.values(expr).as_slice() {
            [Value::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn name(&self, name: &'a str) -> Vec<Value<'a>> {
        if let Some(values) = self.known.borrow().get(name) {
            return values.clone();
        }
        let values = self.name_anew(name);
        // What is found on the way through other names may have been cut short.
        if self.names.borrow().is_empty() {
            self.known.borrow_mut().insert(name, values.clone());
        }
        values
    }

    fn name_anew(&self, name: &'a str) -> Vec<Value<'a>> {
        let bindings = self.bindings.get(name);
        let mut values: Vec<Value<'a>> = Vec::new();
        if name == "__builtins__" || API.exact(name).is_some() {
            values.push(Value::Name(name.to_owned()));
        }
        if self.names.borrow().contains(&name) || self.names.borrow().len() >= MAX_NAMES {
            return vec![Value::Unknown];
        }
        self.names.borrow_mut().push(name);
        for binding in bindings {
            values.extend(self.bound(binding));
        }
        for module in &self.bindings.stars {
            let path = format!("{module}.{name}");
            if API.exact(&path).is_some() || bindings.is_empty() && API.find(&path).is_some() {
                values.push(Value::Name(path));
            }
        }
        self.names.borrow_mut().pop();
        if bindings.iter().any(|binding| matches!(binding, Binding::Added(_))) {
            let plain = values.iter().all(Value::is_plain);
            values.push(if plain { Value::Plain } else { Value::Unknown });
        }
        if values.is_empty() {
            values.push(if is_own_variable(name) { Value::Plain } else { Value::Unknown });
        }
        capped(values)
    }

    fn bound(&self, binding: &Binding<'a>) -> Vec<Value<'a>> {
        match binding {
            Binding::Value(expr, depth) => {
                let mut values = self.values(expr);
                for _ in 0..*depth {
                    values = capped(values.into_iter().flat_map(Value::elements).collect());
                }
                values
            }
            Binding::At(expr, index) => {
                self.values(expr).into_iter().flat_map(|value| at(value, Some(*index))).collect()
            }
            Binding::Import(path) => vec![Value::Name(path.clone())],
            Binding::Own => vec![Value::Own],
            Binding::Plain => vec![Value::Plain],
            Binding::Anything => vec![Value::Unknown],
            Binding::Added(expr) => self.values(expr),
        }
    }

    fn list(&self, elements: &'a [Expr]) -> Vec<Value<'a>> {
        if elements.iter().any(|element| matches!(element, Expr::Starred(_))) {
            let all = elements.iter().flat_map(|element| match element {
                Expr::Starred(starred) => {
                    self.values(&starred.value).into_iter().flat_map(Value::elements).collect()
                }
                other => self.values(other),
            });
            return vec![Value::Each(capped(all.collect()))];
        }
        vec![Value::List(elements.iter().map(|element| self.values(element)).collect())]
    }

    /// Something that holds the values: data, if they all are.
    fn holder(&self, held: impl Iterator<Item = &'a Expr>) -> Vec<Value<'a>> {
        let plain = held.into_iter().all(|expr| self.values(expr).iter().all(Value::is_plain));
        vec![if plain { Value::Plain } else { Value::Unknown }]
    }

    fn negated(&self, op: UnaryOp, operand: &'a Expr) -> Vec<Value<'a>> {
        match (op, self.values(operand).as_slice()) {
            (UnaryOp::USub, [Value::Number(Some(number))]) => vec![Value::Number(number.checked_neg())],
            _ => vec![Value::Number(None)],
        }
    }

    fn f_string(&self, text: &'a ExprFString) -> Vec<Value<'a>> {
        let mut whole = Value::text("");
        for part in &text.value {
            match part {
                FStringPart::Literal(literal) => match joined(&whole, &Value::text(&*literal.value)) {
                    Some(next) => whole = next,
                    None => return vec![Value::Plain],
                },
                FStringPart::FString(inner) => {
                    for element in &inner.elements {
                        match self.element(element).and_then(|piece| joined(&whole, &piece)) {
                            Some(next) => whole = next,
                            None => return vec![Value::Plain],
                        }
                    }
                }
            }
        }
        vec![whole]
    }

    fn element(&self, element: &'a InterpolatedStringElement) -> Option<Value<'a>> {
        match element {
            InterpolatedStringElement::Literal(literal) => Some(Value::text(&*literal.value)),
            InterpolatedStringElement::Interpolation(inner) => {
                let mut values = self.values(&inner.expression);
                let value = values.pop().filter(|_| values.is_empty())?;
                let formatted = inner.format_spec.is_some() || inner.debug_text.is_some();
                match value {
                    Value::Number(_) if formatted => Some(Value::Number(None)),
                    value if !formatted => Some(value),
                    _ => None,
                }
            }
        }
    }

    fn operation(&self, operation: &'a ExprBinOp) -> Vec<Value<'a>> {
        let (left, right) = (self.values(&operation.left), self.values(&operation.right));
        let mut values = Vec::new();
        for left in &left {
            for right in &right {
                values.push(combined(operation.op, left, right));
            }
        }
        values
    }

    pub(super) fn attribute(&self, attribute: &'a ExprAttribute) -> Vec<Value<'a>> {
        let name = attribute.attr.as_str();
        let of = self.values(&attribute.value);
        of.into_iter().map(|value| member(value, name)).collect()
    }

    fn subscript(&self, subscript: &'a ExprSubscript) -> Vec<Value<'a>> {
        let key = self.values(&subscript.slice);
        let index = match key.as_slice() {
            [Value::Number(Some(index))] => usize::try_from(*index).ok(),
            _ => None,
        };
        let of = self.values(&subscript.value);
        of.into_iter().flat_map(|value| self.item(value, index, &subscript.slice)).collect()
    }

    fn item(&self, value: Value<'a>, index: Option<usize>, slice: &'a Expr) -> Vec<Value<'a>> {
        match value {
            Value::Name(name) if name == "sys.argv" => vec![self.word(index)],
            Value::Name(name) if name == "os.environ" => vec![self.variable(self.text(slice).as_deref())],
            Value::Name(name) if name == "sys.modules" || name == "__builtins__" => match self.text(slice) {
                Some(module) => vec![Value::Name(module)],
                None => vec![Value::Unknown],
            },
            Value::Text(text) if is_reversal(slice) => vec![Value::Text(text.chars().rev().collect())],
            Value::List(elements) if matches!(slice, Expr::Slice(_)) => {
                vec![Value::Each(elements.into_iter().flatten().collect())]
            }
            Value::Each(elements) if matches!(slice, Expr::Slice(_)) => vec![Value::Each(elements)],
            value => at(value, index),
        }
    }

    /// A word that the code is given.
    fn word(&self, index: Option<usize>) -> Value<'a> {
        let word = index.and_then(|index| self.given.words.get(index.checked_sub(1)?));
        match word {
            Some(Arg { text, certainty: crate::program::Certainty::Exact, .. }) => Value::text(text),
            Some(Arg { text, certainty: crate::program::Certainty::Pattern, .. }) => {
                Value::Glob(text.clone())
            }
            _ => Value::Plain,
        }
    }

    pub(super) fn variable(&self, name: Option<&str>) -> Value<'a> {
        if name == Some("HOME") { Value::text(self.given.home) } else { Value::Plain }
    }

    /// What a call gives.
    fn result(&self, call: &'a ExprCall) -> Vec<Value<'a>> {
        let callees = self.values(&call.func);
        callees.into_iter().flat_map(|callee| self.result_of(&callee, call)).collect()
    }
}

/// Names that Python itself gives a meaning.
fn is_own_variable(name: &str) -> bool {
    matches!(name, "__name__" | "__file__" | "__doc__" | "__debug__" | "NotImplemented" | "Ellipsis")
}

/// `[::-1]`
fn is_reversal(slice: &Expr) -> bool {
    let Expr::Slice(slice) = slice else { return false };
    let minus_one = |step: &Expr| {
        matches!(step, Expr::UnaryOp(operation) if operation.op == UnaryOp::USub
            && matches!(&*operation.operand, Expr::NumberLiteral(number)
                if matches!(&number.value, Number::Int(int) if int.as_i64() == Some(1))))
    };
    slice.lower.is_none() && slice.upper.is_none() && slice.step.as_deref().is_some_and(minus_one)
}

/// The element of a value at a place, or any of them.
fn at(value: Value<'_>, index: Option<usize>) -> Vec<Value<'_>> {
    match value {
        Value::List(mut elements) => match index {
            Some(index) if index < elements.len() => elements.swap_remove(index),
            _ => elements.into_iter().flatten().collect(),
        },
        Value::Object("frame") => vec![Value::Object("frame")],
        value => value.elements(),
    }
}

/// Bytes are texts where they can be read as such.
pub(super) fn bytes_value<'a>(bytes: Vec<u8>) -> Value<'a> {
    if bytes.len() > MAX_TEXT {
        return Value::Plain;
    }
    String::from_utf8(bytes).map_or(Value::Plain, Value::Text)
}

fn combined<'a>(op: Operator, left: &Value<'a>, right: &Value<'a>) -> Value<'a> {
    match (op, left, right) {
        (Operator::Add, Value::List(first), Value::List(second)) => {
            Value::List(first.iter().chain(second).cloned().collect())
        }
        (Operator::Add, Value::Number(_), Value::Number(_)) => Value::Number(None),
        (Operator::Add, ..) if !matches!((left, right), (Value::Number(_), _) | (_, Value::Number(_))) => {
            joined(left, right).unwrap_or_else(|| computed(left, right))
        }
        (Operator::Div, Value::Path(..), _) | (Operator::Div, _, Value::Path(..)) => {
            below(left, right).unwrap_or(Value::Object("path"))
        }
        (Operator::Mod, Value::Text(format), right) => formatted(format, right),
        (Operator::Mult, Value::List(elements), _) => {
            Value::Each(elements.iter().flatten().cloned().collect())
        }
        (_, Value::Number(_), Value::Number(_)) => Value::Number(None),
        (_, Value::Object("frame"), _) | (_, _, Value::Object("frame")) => Value::Object("frame"),
        _ => computed(left, right),
    }
}

fn computed<'a>(left: &Value<'a>, right: &Value<'a>) -> Value<'a> {
    if left.is_plain() && right.is_plain() { Value::Plain } else { Value::Unknown }
}

/// `folder / name`
pub(super) fn below<'a>(folder: &Value<'a>, name: &Value<'a>) -> Option<Value<'a>> {
    let ((folder, first), (name, second)) = (folder.as_piece()?, name.as_piece()?);
    let text = match (folder.as_str(), name.as_str()) {
        (_, name) if name.starts_with('/') => name.to_owned(),
        ("" | ".", name) => name.to_owned(),
        (folder, name) => format!("{}/{name}", folder.trim_end_matches('/')),
    };
    (text.len() <= MAX_TEXT).then_some(Value::Path(text, first || second))
}

/// `'…%s…' % value`, where only plain texts are put in.
fn formatted<'a>(format: &str, value: &Value<'a>) -> Value<'a> {
    let values = match value {
        Value::List(elements) => elements.clone(),
        other => vec![vec![other.clone()]],
    };
    let mut values = values.into_iter();
    let mut whole = Value::text("");
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        let (piece, skip) = match after.get(1..2) {
            Some("%") => (Value::text("%"), 2),
            Some("s" | "d") => match values.next().as_deref() {
                Some([only]) => (only.clone(), 2),
                _ => return Value::Plain,
            },
            _ => return Value::Plain,
        };
        let next = joined(&whole, &Value::text(before)).and_then(|text| joined(&text, &piece));
        let Some(next) = next else { return Value::Plain };
        whole = next;
        rest = after.get(skip..).unwrap_or_default();
    }
    joined(&whole, &Value::text(rest)).unwrap_or(Value::Plain)
}

/// An attribute of a value.
pub(super) fn member<'a>(value: Value<'a>, name: &str) -> Value<'a> {
    match value {
        Value::Name(module) if matches!(module.as_str(), "builtins" | "__builtins__" | "__builtin__") => {
            Value::Name(name.to_owned())
        }
        Value::Name(module) => Value::Name(format!("{module}.{name}")),
        Value::Path(text, glob) => path_member(text, glob, name),
        Value::Object(kind) => Value::Method(kind, name.to_owned()),
        value => Value::Attribute(Box::new(value), name.to_owned()),
    }
}

fn path_member<'a>(text: String, glob: bool, name: &str) -> Value<'a> {
    match name {
        "parent" => {
            let parent = text.trim_end_matches('/').rsplit_once('/').map_or(".", |(parent, _)| parent);
            Value::Path(if parent.is_empty() { "/" } else { parent }.to_owned(), glob)
        }
        "name" | "stem" if !glob => {
            let last = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
            Value::text(if name == "stem" { stem } else { last })
        }
        "name" | "stem" => Value::Glob("*".to_owned()),
        "suffix" | "parts" | "suffixes" | "anchor" | "drive" => Value::Plain,
        method => Value::Attribute(Box::new(Value::Path(text, glob)), method.to_owned()),
    }
}
