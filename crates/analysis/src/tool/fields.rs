//! The strings and numbers of a tool's arguments, each with its place and meaning.

use super::infer;
use crate::secret::is_secret_name;
use serde_json::{Map, Value};
use stayhand_core::facts::{FieldKind, Invalid};
use stayhand_core::tool::{Declaration, Tool};

/// The deepest nesting of arguments.
const MAX_DEPTH: usize = 64;

/// The most values that are looked at.
const MAX_VALUES: usize = 10_000;

/// One string among the arguments.
#[derive(Debug, Clone)]
pub(super) struct Leaf<'a> {
    /// JSON pointer.
    pub(super) pointer: String,
    /// What it means.
    pub(super) kind: FieldKind,
    /// How its meaning is known.
    pub(super) source: Source,
    /// The words of a list, where the meaning is a program with its arguments; else one text.
    pub(super) words: Vec<&'a str>,
}

impl<'a> Leaf<'a> {
    /// The text, or the first of several words.
    pub(super) fn text(&self) -> &'a str {
        self.words.first().copied().unwrap_or_default()
    }
}

/// How the meaning of a field is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The tool is known by itself, or the policy declares the field.
    Stated,
    /// Inferred from the name or the shape of the value.
    Inferred,
}

/// All strings of the arguments, and what is wrong with the arguments.
#[derive(Debug, Default)]
pub(super) struct Leaves<'a> {
    pub(super) all: Vec<Leaf<'a>>,
    pub(super) invalid: Vec<Invalid>,
    /// The SQL dialect that a `dialect` argument names.
    pub(super) dialect: Option<&'a str>,
    /// The method that a `method` argument names.
    pub(super) method: Option<&'a str>,
    /// Amounts that are numbers and no texts, by JSON pointer, as digits.
    pub(super) amounts: Vec<(String, String)>,
    /// JSON pointers of numbers and flags that are declared to be secret.
    pub(super) secret_numbers: Vec<String>,
    /// The top-level fields that are there, by their canonical names.
    present: Vec<&'a str>,
    values: usize,
    exhausted: bool,
}

/// What the walk carries down.
struct Walk<'w> {
    known: Option<&'static Tool>,
    renames: &'static [(&'static str, &'static str)],
    declaration: Option<&'w Declaration>,
}

impl<'a> Leaves<'a> {
    /// Collects the strings of `arguments`.
    pub(super) fn of(
        arguments: &'a Map<String, Value>,
        known: Option<&'static Tool>,
        renames: &'static [(&'static str, &'static str)],
        declaration: Option<&Declaration>,
    ) -> Self {
        let mut leaves = Self::default();
        let walk = Walk { known, renames, declaration };
        for (key, value) in arguments {
            let name = walk.canonical(key);
            if !value.is_null() {
                leaves.present.push(name);
            }
            match (name, value) {
                ("dialect", Value::String(text)) => leaves.dialect = Some(text),
                ("method", Value::String(text)) => leaves.method = Some(text),
                _ => {}
            }
            leaves.enter_field(&walk, String::new(), name, key, value, None, MAX_DEPTH);
        }
        leaves
    }

    /// Whether the top-level field `name` is there and not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.present.contains(&name)
    }

    /// Whether some argument has the meaning `kind`.
    pub(super) fn hold(&self, kind: FieldKind) -> bool {
        self.all.iter().any(|leaf| leaf.kind == kind)
    }

    /// Whether some of the arguments were not looked at.
    pub(super) fn is_incomplete(&self) -> bool {
        self.exhausted
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a walk over borrowed data")]
    fn enter_field(
        &mut self,
        walk: &Walk<'_>,
        parent: String,
        name: &'a str,
        key: &'a str,
        value: &'a Value,
        inherited: Option<(FieldKind, Source)>,
        depth: usize,
    ) {
        let pointer = push(parent, name);
        let stated = walk.stated(&pointer).map(|kind| (kind, Source::Stated)).or(inherited);
        self.enter_key(walk, &pointer, key);
        self.enter(walk, pointer, name, value, stated, depth);
    }

    fn enter(
        &mut self,
        walk: &Walk<'_>,
        pointer: String,
        name: &'a str,
        value: &'a Value,
        stated: Option<(FieldKind, Source)>,
        depth: usize,
    ) {
        self.values += 1;
        if self.values > MAX_VALUES || depth == 0 {
            return self.exhaust(pointer);
        }
        match value {
            Value::Null => {}
            Value::String(text) => self.add_text(walk, pointer, name, text, stated),
            Value::Bool(_) | Value::Number(_) => self.check_scalar(pointer, value, stated),
            Value::Array(items) => self.enter_list(walk, pointer, name, items, stated, depth),
            Value::Object(map) => {
                if let Some((kind, Source::Stated)) = stated
                    && !holds_structure(kind)
                {
                    return self.invalid(pointer, "must be text");
                }
                for (key, value) in map {
                    self.enter_field(walk, pointer.clone(), key, key, value, stated, depth - 1);
                }
            }
        }
    }

    fn enter_list(
        &mut self,
        walk: &Walk<'_>,
        pointer: String,
        name: &'a str,
        items: &'a [Value],
        stated: Option<(FieldKind, Source)>,
        depth: usize,
    ) {
        let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
        let is_argv = match stated {
            Some((FieldKind::Argv, _)) => true,
            Some(_) => false,
            None => walk.infers() && infer::names_argv(name) && words.is_some(),
        };
        if is_argv {
            return match words.filter(|words| !words.is_empty()) {
                Some(words) => {
                    self.values += words.len();
                    let source = stated.map_or(Source::Inferred, |(_, source)| source);
                    self.all.push(Leaf { pointer, kind: FieldKind::Argv, source, words });
                }
                None => self.invalid(pointer, "must be a list of words"),
            };
        }
        if walk.is_builtin(&pointer)
            && let Some((kind, Source::Stated)) = stated
            && !holds_structure(kind)
        {
            self.invalid(pointer.clone(), "must be text");
        }
        for (index, item) in items.iter().enumerate() {
            self.enter(walk, format!("{pointer}/{index}"), name, item, stated, depth - 1);
            if self.exhausted {
                return;
            }
        }
    }

    fn add_text(
        &mut self,
        walk: &Walk<'_>,
        pointer: String,
        name: &str,
        text: &'a str,
        stated: Option<(FieldKind, Source)>,
    ) {
        let (kind, source) = match stated {
            Some((FieldKind::Argv, _)) => return self.invalid(pointer, "must be a list of words"),
            Some((FieldKind::Amount, source)) => {
                if !text.trim().parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0) {
                    self.invalid(pointer.clone(), "must be a number that is not negative");
                }
                (FieldKind::Amount, source)
            }
            // What is sent along may be named like a secret: the header `x-api-key`.
            Some((FieldKind::Outgoing, source)) if is_secret_name(name) => (FieldKind::Secret, source),
            Some(stated) => stated,
            None if walk.infers() => (infer::kind_of(name, text, walk.main_kind()), Source::Inferred),
            None => (FieldKind::Text, Source::Inferred),
        };
        self.all.push(Leaf { pointer, kind, source, words: vec![text] });
    }

    /// A key that is itself an address or leads to a sensitive place.
    fn enter_key(&mut self, walk: &Walk<'_>, pointer: &str, key: &'a str) {
        if walk.infers()
            && let Some(kind) = infer::kind_of_key(key)
        {
            self.all.push(Leaf {
                pointer: pointer.to_owned(),
                kind,
                source: Source::Inferred,
                words: vec![key],
            });
        }
    }

    fn check_scalar(&mut self, pointer: String, value: &Value, stated: Option<(FieldKind, Source)>) {
        match stated {
            Some((FieldKind::Amount, _)) if !is_amount(value) => {
                self.invalid(pointer, "must be a number that is not negative");
            }
            Some((FieldKind::Amount, _)) => self.amounts.push((pointer, value.to_string())),
            Some((FieldKind::Secret, _)) => self.secret_numbers.push(pointer),
            Some((kind, Source::Stated)) if !holds_structure(kind) => self.invalid(pointer, "must be text"),
            _ => {}
        }
    }

    fn exhaust(&mut self, pointer: String) {
        if !self.exhausted {
            self.exhausted = true;
            self.invalid(pointer, "too many values or too deeply nested");
        }
    }

    fn invalid(&mut self, field: String, why: &str) {
        self.invalid.push(Invalid { field, why: why.to_owned() });
    }
}

fn is_amount(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.is_finite() && number >= 0.0)
}

/// Whether a field of this kind may hold numbers, lists and maps.
fn holds_structure(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Text | FieldKind::Outgoing | FieldKind::Recipient | FieldKind::Secret | FieldKind::Amount
    )
}

/// Appends `key` to a JSON pointer (RFC 6901).
fn push(mut pointer: String, key: &str) -> String {
    pointer.push('/');
    if key.contains(['~', '/']) {
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    } else {
        pointer.push_str(key);
    }
    pointer
}

impl Walk<'_> {
    /// The name that the tool itself gives a top-level field.
    fn canonical<'a>(&self, key: &'a str) -> &'a str {
        self.renames.iter().find(|(from, _)| *from == key).map_or(key, |(_, to)| to)
    }

    fn infers(&self) -> bool {
        self.declaration.is_none_or(|declaration| declaration.infer)
    }

    /// The meaning that the tool itself or the policy gives the field at `pointer`.
    fn stated(&self, pointer: &str) -> Option<FieldKind> {
        self.builtin(pointer).or_else(|| {
            let fields = &self.declaration?.fields;
            fields.get(pointer).copied().or_else(|| {
                fields
                    .iter()
                    .find(|(pattern, _)| pattern.contains('*') && matches(pattern, pointer))
                    .map(|(_, kind)| *kind)
            })
        })
    }

    fn builtin(&self, pointer: &str) -> Option<FieldKind> {
        let name = pointer.strip_prefix('/')?;
        let (_, kind, _) = self.known?.fields.iter().find(|(field, ..)| *field == name)?;
        Some(*kind)
    }

    fn is_builtin(&self, pointer: &str) -> bool {
        self.builtin(pointer).is_some()
    }

    /// What the tool does to its own path, if it has one.
    fn main_kind(&self) -> Option<FieldKind> {
        let fields = self.known?.fields;
        fields
            .iter()
            .map(|(_, kind, _)| *kind)
            .find(|kind| matches!(kind, FieldKind::Path | FieldKind::WritePath | FieldKind::DeletePath))
    }
}

/// Whether `pattern`, in which the segment `*` stands for any other, names `pointer`.
fn matches(pattern: &str, pointer: &str) -> bool {
    let mut segments = pointer.split('/');
    pattern.split('/').all(|want| segments.next().is_some_and(|segment| want == "*" || want == segment))
        && segments.next().is_none()
}
