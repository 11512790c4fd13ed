//! What an expression may come to.

use crate::program::{Arg, Certainty};
use ruff_python_ast::Expr;

/// Most values that one expression is followed through.
pub(super) const MAX_VALUES: usize = 16;
/// The longest text that is put together.
pub(super) const MAX_TEXT: usize = 16 << 10;

/// One thing that an expression may come to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    /// A text or bytes, known.
    Text(String),
    /// A text that matches a pattern of file names.
    Glob(String),
    /// A path object: its text, and whether that is a pattern.
    Path(String, bool),
    /// A number, where it is known.
    Number(Option<i64>),
    /// Data of Python's own types: nothing that could act.
    Plain,
    /// A module, function or class by its dotted name.
    Name(String),
    /// A method of an object of a kind.
    Method(&'static str, String),
    /// A method of a value.
    Attribute(Box<Value<'a>>, String),
    /// An object of a kind that the table knows.
    Object(&'static str),
    /// A list or tuple with these elements.
    List(Vec<Vec<Value<'a>>>),
    /// Any number of these.
    Each(Vec<Value<'a>>),
    /// Something that this code defines.
    Own,
    /// A call to it runs this expression.
    Lambda(&'a Expr),
    /// Anything.
    Unknown,
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Whether nothing can be done with it but compute.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Text(_) | Self::Glob(_) | Self::Number(_) | Self::Plain => true,
            Self::List(elements) => elements.iter().flatten().all(Self::is_plain),
            Self::Each(elements) => elements.iter().all(Self::is_plain),
            _ => false,
        }
    }

    /// The word that a program or a path would get.
    pub(super) fn as_arg(&self) -> Option<Arg> {
        match self {
            Self::Text(text) => Some(Arg::exact(text.clone())),
            Self::Path(text, false) => Some(Arg::exact(text.clone())),
            Self::Glob(text) | Self::Path(text, true) => Some(Arg::pattern(text.clone())),
            Self::Number(Some(number)) => Some(Arg::exact(number.to_string())),
            _ => None,
        }
    }

    /// What it is as a piece of a text: the text, and whether that is a pattern.
    pub(super) fn as_piece(&self) -> Option<(String, bool)> {
        match self {
            Self::Number(None) => Some(("*".to_owned(), true)),
            other => other.as_arg().map(|arg| (arg.text, arg.certainty == Certainty::Pattern)),
        }
    }

    /// What iterating over it gives.
    pub(super) fn elements(self) -> Vec<Self> {
        match self {
            Self::List(elements) => capped(elements.into_iter().flatten().collect()),
            Self::Each(elements) => elements,
            Self::Text(_) | Self::Glob(_) | Self::Plain | Self::Number(_) => vec![Self::Plain],
            Self::Object("file" | "names") => vec![Self::Plain],
            Self::Object("sqlite" | "postgres" | "mysql" | "response") => vec![Self::Plain],
            _ => vec![Self::Unknown],
        }
    }
}

/// At most so many values; beyond, anything.
pub(super) fn capped(mut values: Vec<Value<'_>>) -> Vec<Value<'_>> {
    if values.len() > 1 {
        let mut distinct: Vec<Value<'_>> = Vec::with_capacity(values.len().min(MAX_VALUES));
        for value in values.drain(..).take(MAX_VALUES * 4) {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        values = distinct;
    }
    if values.len() > MAX_VALUES {
        let plain = values.iter().all(Value::is_plain);
        return vec![if plain { Value::Plain } else { Value::Unknown }];
    }
    values
}

/// Two pieces of text, put together; `None` if that is not known or too long.
pub(super) fn joined<'a>(left: &Value<'a>, right: &Value<'a>) -> Option<Value<'a>> {
    let ((mut text, left_glob), (more, right_glob)) = (left.as_piece()?, right.as_piece()?);
    if text.len() + more.len() > MAX_TEXT {
        return None;
    }
    text.push_str(&more);
    if !left_glob && !right_glob {
        return Some(Value::Text(text));
    }
    // A literal star beside a pattern would change its meaning.
    let starred = |glob: bool, value: &Value<'_>| {
        !glob && value.as_piece().is_some_and(|(text, _)| text.contains(['*', '?', '[']))
    };
    (!starred(left_glob, left) && !starred(right_glob, right)).then_some(Value::Glob(text))
}
