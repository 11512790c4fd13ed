//! The JSON Schema of a tool's arguments, as far as it is needed to tell sense from nonsense.
//!
//! Understood: `type`, `required`, `properties`, `additionalProperties` (yes or no), `items`, `enum`, `const`, `minimum`,
//! `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `pattern`, `minLength`, `maxLength`, `minItems`, `maxItems`. Words that
//! only describe (`title`, `description`, `default`, `examples`, `format`, `$schema`, `$id`, `$comment`) are read over. Any other
//! word is an error: what is not checked must not look as if it were. Other than in the standard, the outermost
//! object takes no further arguments unless `additionalProperties: true` says so.

use regex::Regex;
use serde_json::{Map, Value};
use std::fmt;

/// The deepest schema.
const MAX_DEPTH: usize = 16;

/// The most problems that are looked for in one value.
const MAX_PROBLEMS: usize = 16;

/// A compiled schema.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// The permitted types, and how they are written; any where empty.
    types: Vec<(Type, String)>,
    required: Vec<String>,
    properties: Vec<(String, Self)>,
    /// Whether further entries are taken.
    open: bool,
    items: Option<Box<Self>>,
    one_of: Option<Vec<Value>>,
    minimum: Option<(f64, bool)>,
    maximum: Option<(f64, bool)>,
    pattern: Option<Regex>,
    length: (u64, u64),
    count: (u64, u64),
}

/// A type of JSON, or one of Python's narrower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    /// Any number without a fraction.
    Integer,
    /// A number that is written without a fraction.
    Int,
    Number,
    String,
    Array,
    Object,
}

impl Type {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" | "None" => Self::Null,
            "boolean" | "bool" => Self::Boolean,
            "integer" => Self::Integer,
            "int" => Self::Int,
            "number" | "float" => Self::Number,
            "string" | "str" => Self::String,
            "array" | "list" => Self::Array,
            "object" | "dict" => Self::Object,
            _ => return None,
        })
    }

    /// Whether a value is of this type. True and false are no numbers.
    fn fits(self, value: &Value) -> bool {
        let whole = || value.as_f64().is_some_and(|number| number.fract() == 0.0);
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64() || whole(),
            Self::Int => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// An argument is not there.
    Missing(String),
    /// An argument has another type than this.
    Type(String, String),
    /// An argument that the tool does not have.
    Unexpected(String),
    /// A value that is out of range, too long, or none of the possible ones.
    Value(String, String),
}

impl fmt::Display for Misfit {
    /// The sentences of A263.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "Missing required parameter: {name}"),
            Self::Type(name, expected) => write!(f, "Invalid type for {name}: expected {expected}"),
            Self::Unexpected(name) => write!(f, "Unexpected parameter: {name}"),
            Self::Value(name, why) => write!(f, "Invalid value for {name}: {why}"),
        }
    }
}

impl Schema {
    /// Compiles the schema of a tool's arguments.
    pub fn compile(written: &Value) -> Result<Self, String> {
        let Value::Object(words) = written else { return Err("a schema is a mapping".to_owned()) };
        let schema = Self::read(words, 0)?;
        let open = words.get("additionalProperties") == Some(&Value::Bool(true));
        Ok(Self { open, ..schema })
    }

    /// The schema that wants exactly these arguments, each of a type by its name (`int`, `string`, …).
    pub fn of_types<'a>(expected: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut schema = Self::anything();
        schema.open = false;
        for (name, kind) in expected {
            let property = Self { types: vec![named_type(kind)?], ..Self::anything() };
            schema.required.push(name.to_owned());
            schema.properties.push((name.to_owned(), property));
        }
        Ok(schema)
    }

    fn anything() -> Self {
        Self { open: true, length: (0, u64::MAX), count: (0, u64::MAX), ..Self::default() }
    }

    fn read(words: &Map<String, Value>, depth: usize) -> Result<Self, String> {
        if depth > MAX_DEPTH {
            return Err(format!("a schema is at most {MAX_DEPTH} levels deep"));
        }
        let mut schema = Self::anything();
        for (word, value) in words {
            schema.take(word, value, depth)?;
        }
        Ok(schema)
    }

    fn take(&mut self, word: &str, value: &Value, depth: usize) -> Result<(), String> {
        let wrong = |what: &str| format!("`{word}` of a schema must be {what}");
        let bound = || value.as_f64().filter(|number| number.is_finite()).ok_or_else(|| wrong("a number"));
        let size = || value.as_u64().ok_or_else(|| wrong("a whole number, zero or more"));
        let below = |value: &Value| match value {
            Value::Object(words) => Self::read(words, depth + 1),
            _ => Err(wrong("made of schemas")),
        };
        match word {
            "type" => self.types = types(value)?,
            "required" => self.required = texts(value).ok_or_else(|| wrong("a list of names"))?,
            "properties" => {
                let entries = value.as_object().ok_or_else(|| wrong("a mapping"))?;
                let read = |(name, value): (&String, &Value)| Ok((name.clone(), below(value)?));
                self.properties = entries.iter().map(read).collect::<Result<_, String>>()?;
            }
            "additionalProperties" => self.open = value.as_bool().ok_or_else(|| wrong("true or false"))?,
            "items" => self.items = Some(Box::new(below(value)?)),
            "enum" => self.one_of = Some(value.as_array().ok_or_else(|| wrong("a list"))?.clone()),
            "const" => self.one_of = Some(vec![value.clone()]),
            "minimum" => self.minimum = Some((bound()?, true)),
            "exclusiveMinimum" => self.minimum = Some((bound()?, false)),
            "maximum" => self.maximum = Some((bound()?, true)),
            "exclusiveMaximum" => self.maximum = Some((bound()?, false)),
            "pattern" => {
                let text = value.as_str().ok_or_else(|| wrong("a text"))?;
                self.pattern = Some(Regex::new(text).map_err(|_| wrong("a regular expression"))?);
            }
            "minLength" => self.length.0 = size()?,
            "maxLength" => self.length.1 = size()?,
            "minItems" => self.count.0 = size()?,
            "maxItems" => self.count.1 = size()?,
            "title" | "description" | "default" | "examples" | "format" | "$schema" | "$id" | "$comment" => {}
            _ => return Err(format!("`{word}` is no word of a schema that this program understands")),
        }
        Ok(())
    }

    /// What does not fit, if anything: the first in the order of A263.
    pub fn misfit(&self, arguments: &Map<String, Value>, known: &[&str]) -> Option<Misfit> {
        let mut found = Vec::new();
        self.check_entries(arguments, "", known, &mut found);
        // The first of the kind that is reported first; equal kinds stay in the order of the schema.
        found.into_iter().min_by_key(rank)
    }

    fn check(&self, value: &Value, name: &str, found: &mut Vec<Misfit>) {
        if found.len() >= MAX_PROBLEMS {
            return;
        }
        if !self.types.is_empty() && !self.types.iter().any(|(kind, _)| kind.fits(value)) {
            let written: Vec<&str> = self.types.iter().map(|(_, written)| written.as_str()).collect();
            return found.push(Misfit::Type(name.to_owned(), written.join(" or ")));
        }
        if let Some(why) = self.why_not(value) {
            return found.push(Misfit::Value(name.to_owned(), why));
        }
        match value {
            Value::Object(entries) => self.check_entries(entries, &format!("{name}."), &[], found),
            Value::Array(items) => {
                let Some(schema) = &self.items else { return };
                for (place, item) in items.iter().enumerate() {
                    schema.check(item, &format!("{name}[{place}]"), found);
                }
            }
            _ => {}
        }
    }

    fn check_entries(&self, entries: &Map<String, Value>, at: &str, known: &[&str], found: &mut Vec<Misfit>) {
        let missing = self.required.iter().filter(|name| !entries.contains_key(*name));
        found.extend(missing.map(|name| Misfit::Missing(format!("{at}{name}"))));
        for (name, schema) in &self.properties {
            if let Some(value) = entries.get(name) {
                schema.check(value, &format!("{at}{name}"), found);
            }
        }
        let listed = |name: &str| known.contains(&name) || self.properties.iter().any(|(has, _)| has == name);
        if let Some(extra) = entries.keys().find(|name| !self.open && !listed(name)) {
            found.push(Misfit::Unexpected(format!("{at}{extra}")));
        }
    }

    /// Why a value of the right type is none of the possible ones.
    fn why_not(&self, value: &Value) -> Option<String> {
        if let Some(choices) = &self.one_of
            && !choices.iter().any(|choice| same(choice, value))
        {
            return Some("it is none of the possible values".to_owned());
        }
        match value {
            Value::Number(number) => self.out_of_range(number.as_f64()?),
            Value::String(text) => {
                let length = text.chars().count() as u64;
                if length < self.length.0 || length > self.length.1 {
                    return Some(format!("it has {length} characters"));
                }
                let pattern = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text))?;
                Some(format!("it does not match `{pattern}`"))
            }
            Value::Array(items) => {
                let count = items.len() as u64;
                (count < self.count.0 || count > self.count.1).then(|| format!("it has {count} items"))
            }
            _ => None,
        }
    }

    fn out_of_range(&self, number: f64) -> Option<String> {
        let below = |(bound, included): (f64, bool)| number < bound || (number == bound && !included);
        let above = |(bound, included): (f64, bool)| number > bound || (number == bound && !included);
        if let Some((bound, _)) = self.minimum.filter(|bound| below(*bound)) {
            return Some(format!("it is below {bound}"));
        }
        self.maximum.filter(|bound| above(*bound)).map(|(bound, _)| format!("it is above {bound}"))
    }
}

const fn rank(found: &Misfit) -> u8 {
    match found {
        Misfit::Missing(_) => 0,
        Misfit::Type(..) => 1,
        Misfit::Unexpected(_) => 2,
        Misfit::Value(..) => 3,
    }
}

/// Whether two values are equal; `1` and `1.0` are.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && one.as_f64() == other.as_f64())
}

fn types(written: &Value) -> Result<Vec<(Type, String)>, String> {
    let names = written.as_str().map(|name| vec![name.to_owned()]).or_else(|| texts(written));
    let names = names.ok_or("`type` of a schema must be a name or a list of names")?;
    names.iter().map(|name| named_type(name)).collect()
}

fn named_type(name: &str) -> Result<(Type, String), String> {
    let kind = Type::named(name).ok_or_else(|| format!("`{name}` is no type of JSON"))?;
    Ok((kind, name.to_owned()))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
