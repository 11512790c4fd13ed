//! From words to what a program receives.

use super::excess;
use super::fields::{Fields, has_glob};
use super::given::{self, Given};
use super::operations::{MAX_TELLING, Walker};
use super::plan::{Form, Part, Statement, Word};
use crate::program::{Arg, Certainty};

/// Why a home is not known.
pub(super) const HOME_CHANGED: &str = "the home folder is another one now";

impl<'p> Walker<'p, '_> {
    /// The words that `words` expand to.
    pub(super) fn expand_all(&mut self, words: &'p [Word]) -> Vec<Arg> {
        let mut args = Vec::with_capacity(words.len());
        for word in words {
            self.expand_into(word, &mut args);
        }
        args
    }

    fn expand_into(&mut self, word: &'p Word, args: &mut Vec<Arg>) {
        if let [Part::Text { text, quoted }] = word.parts.as_slice()
            && (*quoted || !text.contains(['{', '~', '*', '?', '[']))
        {
            return args.push(Arg::exact(text.as_str()));
        }
        let fields = self.fields(word);
        let (home, tilde) = (self.situation.home, fields.tilde);
        let from = args.len();
        for field in fields.finish() {
            field.into_args(home, tilde, args);
        }
        // Without quotes an empty word is none.
        if let [Part::Variable { quoted: false, .. } | Part::Output { quoted: false, .. }] =
            word.parts.as_slice()
        {
            args.iter_mut().skip(from).for_each(|arg| arg.maybe_empty = false);
        }
    }

    /// The single word that `word` expands to where no splitting happens (assignments, targets).
    pub(super) fn expand_one(&mut self, word: &'p Word) -> Arg {
        let fields = self.fields(word);
        let (home, tilde) = (self.situation.home, fields.tilde);
        let mut args: Vec<Arg> =
            fields.finish().into_iter().map(|field| field.into_arg(home, tilde, true)).collect();
        match args.len() {
            0 => Arg::exact(""),
            1 => args.pop().unwrap_or_default(),
            // Text with blanks from an unquoted variable stays one word in an assignment.
            _ => {
                let certainty = args.iter().map(|arg| arg.certainty).max().unwrap_or_default();
                let text = args.iter().map(|arg| arg.text.as_str()).collect::<Vec<_>>().join(" ");
                let text = if certainty == Certainty::Unknown { String::new() } else { text };
                Arg { text, certainty, ..Arg::default() }
            }
        }
    }

    fn fields(&mut self, word: &'p Word) -> Fields {
        let mut fields = Fields::new(starts_with_tilde(word));
        let later = |part: &Part| matches!(part, Part::Text { text, quoted: false } if text.contains('~'));
        if (fields.tilde || word.parts.iter().any(later)) && self.scope.changed.has(Given::of("HOME")) {
            self.unread(HOME_CHANGED);
        }
        for part in &word.parts {
            self.expand_part(part, &mut fields);
        }
        fields
    }

    fn expand_part(&mut self, part: &'p Part, fields: &mut Fields) {
        match part {
            Part::Text { text, quoted } => fields.text(text, *quoted),
            Part::Variable { name, form, quoted } => {
                let values = self.variable(name, form);
                self.told |= values.is_none()
                    && (self.telling.len() >= MAX_TELLING || self.telling.iter().any(|known| known == name));
                match values {
                    // `"$@"` keeps its words apart, each as it is.
                    Some(values) if *quoted && name == "@" => fields.words(&values),
                    values => self.add_values(values, *quoted, fields),
                }
            }
            Part::Output { body, quoted } => {
                let mut values = self.output_of(body);
                if !self.prints_for_certain(body) {
                    values.iter_mut().flatten().for_each(|value| value.maybe_empty = true);
                }
                self.add_values(values, *quoted, fields);
            }
            Part::Process(body) => {
                self.substituted(body);
                fields.text("/dev/fd/63", true);
            }
            Part::Number(words) => {
                for word in words {
                    self.expand_one(word);
                }
                fields.name();
            }
            Part::Unread(why) => {
                self.unread(why);
                fields.unknown(true);
            }
        }
    }

    fn add_values(&self, values: Option<Vec<Arg>>, quoted: bool, fields: &mut Fields) {
        let Some(values) = values else { return fields.unknown(!quoted) };
        let mut first = true;
        for value in &values {
            if !std::mem::take(&mut first) {
                if quoted {
                    return fields.unknown(false);
                }
                fields.split();
            }
            fields.hollow = value.maybe_empty;
            match value.certainty {
                Certainty::Unknown => {
                    fields.text(&value.text, true);
                    fields.unknown(!quoted);
                }
                Certainty::Pattern => fields.pattern(&value.text),
                Certainty::Exact if quoted => fields.text(&value.text, true),
                Certainty::Exact if self.scope.splits_unknown => fields.unknown(true),
                Certainty::Exact => fields.unquoted_value(&value.text),
            }
            fields.hollow = false;
        }
    }

    /// Whether a substitution prints something whenever it comes to that: it is one command that is known to do so.
    fn prints_for_certain(&self, body: &[Statement]) -> bool {
        let [statement] = body else { return false };
        excess::speaking_program(statement).is_some_and(|name| !self.may_be_function(name))
    }

    /// The value of a variable after `form` is applied.
    fn variable(&mut self, name: &str, form: &'p Form) -> Option<Vec<Arg>> {
        let value = self.plain_variable(name).filter(|value| {
            let length = value.iter().map(|arg| arg.text.len()).sum::<usize>() + value.len();
            self.situation.budget.take_bytes(length)
        });
        match form {
            Form::Plain => value,
            Form::Required(words, is_some) => {
                for word in words {
                    self.expand_one(word);
                }
                let mut value = value;
                value.iter_mut().flatten().for_each(|arg| arg.maybe_empty &= !is_some);
                value
            }
            Form::Length => Some(vec![Arg::pattern("*")]),
            Form::Default(word, if_empty) => {
                let default = self.expand_one(word);
                match value {
                    _ if !if_empty => value.filter(|_| self.scope.variable(name).is_some()),
                    Some(value) if value.iter().any(|arg| arg.maybe_empty) => None,
                    Some(value) if value.iter().any(|arg| !arg.text.is_empty()) => Some(value),
                    _ if self.scope.variable(name).is_some() => Some(vec![default]),
                    // Set or not: either value may be meant.
                    _ => None,
                }
            }
            Form::Alternative(word) => {
                self.expand_one(word);
                None
            }
            Form::TrimEnd(word, longest) => {
                let pattern = self.expand_one(word);
                trimmed(value, |value| trim_end(value, &pattern, *longest))
            }
            Form::TrimStart(word, longest) => {
                let pattern = self.expand_one(word);
                trimmed(value, |value| trim_start(value, &pattern, *longest))
            }
            Form::Derived(words, inserted) => {
                for word in words {
                    self.expand_one(word);
                }
                let mut is_name = true;
                for word in inserted {
                    let text = self.expand_one(word);
                    // Dots alone could make `..`.
                    let dotted = text.text.contains('.') && !text.text.contains(char::is_alphanumeric);
                    is_name &= text.is_exact() && !dotted && makes_a_name(&text.text);
                }
                let value = single(value)?;
                (is_name && !value.is_unknown() && makes_a_name(&value.text)).then(|| vec![Arg::name()])
            }
        }
    }

    fn plain_variable(&self, name: &str) -> Option<Vec<Arg>> {
        if let Some(value) = self.scope.variable(name) {
            return Some(value.to_vec());
        }
        if self.scope.changed.has(Given::of(name)) {
            return None;
        }
        match name {
            "@" | "*" => self.scope.positional.as_deref().map(<[Arg]>::to_vec),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let index = digits.parse::<usize>().ok()?.checked_sub(1)?;
                // One that is not given is no word, an empty one or what stands behind `:-`, by how it is written.
                Some(vec![self.scope.positional.as_ref()?.get(index)?.clone()])
            }
            name => Some(vec![given::value(name, &self.scope.folders, &self.situation)?]),
        }
    }
}

/// Whether the word begins with an unquoted `~` and nothing quoted touches the name after it.
fn starts_with_tilde(word: &Word) -> bool {
    match word.parts.as_slice() {
        [Part::Text { text, quoted: false }] => text.starts_with(['~', '{']),
        [Part::Text { text, quoted: false }, ..] => text.starts_with('~') && text.contains('/'),
        _ => false,
    }
}

/// Whether no part of a text is a path of more than one name, leads up, or is more than one word.
fn makes_a_name(text: &str) -> bool {
    !text.contains(|c: char| c == '/' || c.is_whitespace()) && text.matches('.').count() < 2
}

fn single(value: Option<Vec<Arg>>) -> Option<Arg> {
    let mut value = value?;
    if value.len() == 1 { value.pop() } else { None }
}

/// What is left of a single value, which may be empty where the value may be.
fn trimmed(value: Option<Vec<Arg>>, trim: impl FnOnce(Arg) -> Arg) -> Option<Vec<Arg>> {
    let value = single(value)?;
    let maybe_empty = value.maybe_empty;
    let rest = trim(value);
    Some(vec![Arg { maybe_empty: maybe_empty || rest.maybe_empty, ..rest }])
}

/// `${x%suffix}`: the folder stays the same unless the suffix may hold a slash.
fn trim_end(value: Arg, pattern: &Arg, longest: bool) -> Arg {
    if value.is_exact() && pattern.is_exact() && !has_glob(&pattern.text) {
        let text = value.text.strip_suffix(pattern.text.as_str()).unwrap_or(&value.text);
        return Arg::exact(text);
    }
    let folder = match value.text.rsplit_once('/') {
        Some((folder, _)) => folder,
        None if value.is_unknown() => return Arg { many: false, ..Arg::unknown() },
        // What ends in `.txt` begins with something: a pattern does not match hidden names.
        None if pattern.is_exact() && pattern.text.starts_with('.') && !has_glob(&pattern.text) => {
            return Arg { maybe_empty: value.maybe_empty, ..Arg::pattern("*") };
        }
        None if !makes_a_name(&value.text) => return Arg { many: false, ..Arg::unknown() },
        None => return Arg::name(),
    };
    if value.is_unknown() || pattern.is_unknown() {
        return Arg { many: false, ..Arg::unknown() };
    }
    match pattern.text.as_str() {
        "/*" if !longest => Arg { text: folder.to_owned(), many: false, ..value },
        suffix if longest || suffix.contains(['/', '*']) => Arg { many: false, ..Arg::unknown() },
        _ => Arg { tilde: value.tilde, ..Arg::pattern(format!("{folder}/*")) },
    }
}

/// `${x#prefix}` and `${x##*/}`.
fn trim_start(value: Arg, pattern: &Arg, longest: bool) -> Arg {
    if longest && pattern.text == "*/" {
        return match value.text.rsplit_once('/') {
            Some((_, name)) if value.is_exact() => Arg::exact(name),
            None if value.is_exact() => value,
            Some((_, name)) if !name.is_empty() && !value.is_unknown() && !value.maybe_empty => {
                Arg::pattern("*")
            }
            _ => Arg::name(),
        };
    }
    if value.is_exact() && pattern.is_exact() && !has_glob(&pattern.text) {
        let text = value.text.strip_prefix(pattern.text.as_str()).unwrap_or(&value.text);
        return Arg::exact(text);
    }
    if !value.is_unknown() && makes_a_name(&value.text) {
        return Arg::name();
    }
    Arg { many: false, ..Arg::unknown() }
}
