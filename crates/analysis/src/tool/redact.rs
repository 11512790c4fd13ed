//! Takes secrets out of everything that is kept: facts and the stored form of the request.

use super::fields::Leaves;
use crate::secret::{self, placeholder};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use serde_json::Value;
use stayhand_core::facts::{Facts, FieldKind, Operation};
use stayhand_core::request::Request;
use std::borrow::Cow;

/// Secrets shorter than this are not searched for elsewhere: they would hit ordinary words.
const MIN_ELSEWHERE: usize = 6;

/// The secrets of one request.
pub(super) struct Secrets {
    /// Finds the secret texts wherever they occur again; `None` where there are none.
    known: Option<AhoCorasick>,
    /// What stands in place of each of them.
    placeholders: Vec<String>,
    /// JSON pointers of fields that are secret as a whole.
    fields: Vec<String>,
}

impl Secrets {
    /// The secrets among the arguments.
    pub(super) fn of(leaves: &Leaves<'_>) -> Self {
        let mut known = Vec::new();
        let mut fields = leaves.secret_numbers.clone();
        for leaf in &leaves.all {
            if leaf.kind == FieldKind::Secret {
                fields.push(leaf.pointer.clone());
                known.push((leaf.text().to_owned(), placeholder("field")));
            }
            for word in &leaf.words {
                let found = secret::find(word).into_iter();
                known.extend(found.filter_map(|found| {
                    Some((word.get(found.start..found.end)?.to_owned(), placeholder(found.kind)))
                }));
            }
        }
        known.retain(|(text, _)| text.len() >= MIN_ELSEWHERE);
        let (texts, placeholders): (Vec<String>, Vec<String>) = known.into_iter().unzip();
        let automaton =
            || AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest).build(&texts).ok();
        Self { known: if texts.is_empty() { None } else { automaton() }, placeholders, fields }
    }

    /// `facts` without the secrets.
    pub(super) fn redact_facts(&self, mut facts: Facts) -> Facts {
        for text in &mut facts.texts {
            let is_path = matches!(text.kind, FieldKind::Path | FieldKind::WritePath | FieldKind::DeletePath);
            if is_path { self.redact_path(&mut text.text) } else { self.redact(&mut text.text) }
        }
        facts.operations.iter_mut().for_each(|operation| self.redact_operation(operation));
        facts
    }

    fn redact_operation(&self, operation: &mut Operation) {
        operation.args.iter_mut().for_each(|arg| self.redact(arg));
        operation.opaque.iter_mut().for_each(|opaque| self.redact(&mut opaque.why));
        for path in &mut operation.paths {
            self.redact_path(&mut path.lexical);
            if let Some(resolved) = &mut path.resolved {
                self.redact_path(resolved);
            }
        }
        for statement in &mut operation.statements {
            statement.tables.iter_mut().for_each(|table| self.redact(table));
        }
        if let Some(path) = operation.program.as_mut().and_then(|program| program.path.as_mut()) {
            self.redact_path(path);
        }
    }

    /// `request` as it may be stored.
    pub(super) fn redact_request(&self, request: &Request) -> Request {
        let mut stored = request.clone();
        let mut resource = Value::Object(std::mem::take(&mut stored.resource.0));
        for pointer in &self.fields {
            if let Some(value) = resource.pointer_mut(pointer) {
                *value = Value::String(placeholder("field"));
            }
        }
        stored.resource.0 = self.redact_object(resource);
        stored.context.declared =
            self.redact_object(Value::Object(std::mem::take(&mut stored.context.declared)));
        stored
    }

    fn redact_object(&self, mut value: Value) -> serde_json::Map<String, Value> {
        secret::redact_value(&mut value);
        self.redact_known(&mut value, 64);
        match value {
            Value::Object(map) => map,
            _ => serde_json::Map::new(),
        }
    }

    /// Replaces secrets that are already known wherever they occur again.
    fn redact_known(&self, value: &mut Value, depth: usize) {
        if self.known.is_none() || depth == 0 {
            return;
        }
        match value {
            Value::String(text) => self.replace_known(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_known(item, depth - 1)),
            Value::Object(map) => map.values_mut().for_each(|item| self.redact_known(item, depth - 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn redact(&self, text: &mut String) {
        self.replace_known(text);
        if let Cow::Owned(redacted) = secret::redact(text) {
            *text = redacted;
        }
    }

    /// As [`Self::redact`], keeping the components of a path apart.
    fn redact_path(&self, path: &mut String) {
        if self.known.as_ref().is_some_and(|known| known.is_match(path.as_str())) {
            let mut components: Vec<String> = path.split('/').map(str::to_owned).collect();
            components.iter_mut().for_each(|component| self.replace_known(component));
            *path = components.join("/");
        }
        if let Cow::Owned(redacted) = secret::redact_path(path) {
            *path = redacted;
        }
    }

    fn replace_known(&self, text: &mut String) {
        if let Some(known) = &self.known
            && known.is_match(text.as_str())
        {
            *text = known.replace_all(text, &self.placeholders);
        }
    }
}
