//! Secrets in text: found by what they look like, replaced by their kind.
//!
//! One pass looks for keywords; only where one stands is the rule of that keyword tried, and only
//! values that look chosen by chance count. Ordinary sentences about passwords are no secrets.

mod issued;
mod rules;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use issued::ISSUED;
use regex::Regex;
use rules::{RULES, Rule};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The deepest nesting of a value that is searched; anything deeper is replaced whole.
const MAX_DEPTH: usize = 64;

/// One secret found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The kind, as in `aws-access-key-id`.
    pub kind: &'static str,
    /// Where it starts, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

/// The secrets in `text`, in order and without overlap.
pub fn find(text: &str) -> Vec<Found> {
    if !may_hold(text) {
        return Vec::new();
    }
    let Some(scanner) = SCANNER.as_ref() else {
        return vec![Found { kind: "unscanned", start: 0, end: text.len() }];
    };
    let mut found: Vec<Found> = Vec::new();
    let mut searched_to = 0;
    for hit in scanner.keywords.find_iter(text) {
        if hit.start() < searched_to {
            continue;
        }
        let rules = scanner.rules_of.get(hit.pattern().as_usize()).map_or(&[][..], Vec::as_slice);
        let secret = rules.iter().find_map(|rule| rule.secret_at(text, hit.start()));
        if let Some(secret) = secret.filter(|secret| secret.start >= searched_to) {
            searched_to = secret.end;
            found.push(secret);
        }
    }
    found
}

/// `text` with each secret replaced by `[redacted:KIND]`.
pub fn redact(text: &str) -> Cow<'_, str> {
    let found = find(text);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::with_capacity(text.len());
    let mut end = 0;
    for secret in found {
        redacted.push_str(text.get(end..secret.start).unwrap_or_default());
        redacted.push_str(&placeholder(secret.kind));
        end = secret.end;
    }
    redacted.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(redacted)
}

/// `path` with secrets replaced within each component, so that the components stay the same ones.
pub fn redact_path(path: &str) -> Cow<'_, str> {
    if find(path).is_empty() {
        return Cow::Borrowed(path);
    }
    let components: Vec<Cow<'_, str>> = path.split('/').map(redact).collect();
    Cow::Owned(components.join("/"))
}

/// What stands in place of a secret of `kind`.
pub fn placeholder(kind: &str) -> String {
    format!("[redacted:{kind}]")
}

/// Replaces the secrets in every string of `value`, and whole values of fields that are named
/// like secrets (`password`, `api_key`, `authorization`, …).
pub fn redact_value(value: &mut Value) {
    redact_below(value, MAX_DEPTH);
}

fn redact_below(value: &mut Value, depth: usize) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(redacted) = redact(text) {
                *text = redacted;
            }
        }
        Value::Array(_) | Value::Object(_) if depth == 0 => {
            *value = Value::String(placeholder("nested-too-deeply"))
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact_below(item, depth - 1)),
        Value::Object(map) => redact_map(map, depth - 1),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redact_map(map: &mut Map<String, Value>, depth: usize) {
    for (key, value) in map.iter_mut() {
        if is_secret_name(key) && holds_secret(value) {
            *value = Value::String(placeholder("field"));
        } else {
            redact_below(value, depth);
        }
    }
    if map.keys().any(|key| !find(key).is_empty()) {
        *map =
            std::mem::take(map).into_iter().map(|(key, value)| (redact(&key).into_owned(), value)).collect();
    }
}

/// Whether the value of a field that is named like a secret is one. Flags and gaps are not.
pub(crate) fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) => !text.is_empty() && !text.starts_with("[redacted:"),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
    }
}

/// Whether a field of this name holds a secret by custom.
pub fn is_secret_name(name: &str) -> bool {
    const EXACT: [&str; 12] = [
        "authorization",
        "bearer",
        "cookie",
        "credential",
        "credentials",
        "otp",
        "passwd",
        "privatekey",
        "proxyauthorization",
        "pwd",
        "setcookie",
        "xapikey",
    ];
    const ENDINGS: [&str; 9] = [
        "accesskey",
        "apikey",
        "passphrase",
        "password",
        "passwd",
        "privatekey",
        "secret",
        "secretkey",
        "token",
    ];
    const POSITIONS: [&str; 6] = ["continuation", "csrf", "cursor", "next", "page", "sync"];
    let squeezed: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(64).collect();
    EXACT.contains(&squeezed.as_str())
        || (ENDINGS.iter().any(|ending| squeezed.ends_with(ending))
            && !POSITIONS.iter().any(|position| squeezed.contains(position)))
}

/// Every format. For a keyword that several share, the first that matches counts: a format of an
/// issuer before what only its surroundings mark.
fn all_rules() -> impl Iterator<Item = &'static Rule> {
    ISSUED.iter().chain(RULES)
}

/// Whether a keyword occurs in `text`. Building the automaton takes longer than a short process should:
/// the first short texts are searched keyword by keyword.
fn may_hold(text: &str) -> bool {
    const SHORT: usize = 256;
    const FIRST: usize = 32;
    static SEARCHED: AtomicUsize = AtomicUsize::new(0);
    if text.len() > SHORT || SEARCHED.fetch_add(1, Ordering::Relaxed) >= FIRST {
        return true;
    }
    let mut letters = [false; 256];
    text.bytes().for_each(|byte| mark(&mut letters, byte));
    all_rules().flat_map(|rule| rule.keywords).any(|keyword| holds(text, &letters, keyword))
}

fn mark(letters: &mut [bool; 256], byte: u8) {
    if let Some(letter) = letters.get_mut(usize::from(byte.to_ascii_lowercase())) {
        *letter = true;
    }
}

/// Whether `keyword` occurs in `text` in any case. Most keywords have a letter that the text has not.
fn holds(text: &str, letters: &[bool; 256], keyword: &str) -> bool {
    let occurs = |byte: u8| letters.get(usize::from(byte.to_ascii_lowercase())) == Some(&true);
    keyword.bytes().all(occurs)
        && text.as_bytes().windows(keyword.len()).any(|part| part.eq_ignore_ascii_case(keyword.as_bytes()))
}

/// The keywords of all rules, and the compiled rules by keyword.
struct Scanner {
    keywords: AhoCorasick,
    rules_of: Vec<Vec<&'static Compiled>>,
}

/// A rule with its expression, compiled when it is first needed.
struct Compiled {
    rule: &'static Rule,
    expression: LazyLock<Option<Regex>, Box<dyn FnOnce() -> Option<Regex> + Send + Sync>>,
}

static COMPILED: LazyLock<Vec<Compiled>> = LazyLock::new(|| all_rules().map(Compiled::new).collect());

/// `None` would mean that the table of keywords is unusable; then nothing passes as clean.
static SCANNER: LazyLock<Option<Scanner>> = LazyLock::new(|| {
    let mut keywords: Vec<&'static str> = all_rules().flat_map(|rule| rule.keywords).copied().collect();
    keywords.sort_unstable();
    keywords.dedup();
    let rules_of = keywords
        .iter()
        .map(|keyword| COMPILED.iter().filter(|compiled| compiled.rule.keywords.contains(keyword)).collect())
        .collect();
    let automaton = AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .kind(Some(aho_corasick::AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostLongest)
        .build(&keywords);
    automaton.ok().map(|keywords| Scanner { keywords, rules_of })
});

impl Compiled {
    fn new(rule: &'static Rule) -> Self {
        Self {
            rule,
            expression: LazyLock::new(Box::new(|| Regex::new(&format!("^(?:{})", rule.expression)).ok())),
        }
    }

    /// The secret that the keyword at `start` introduces.
    fn secret_at(&self, text: &str, start: usize) -> Option<Found> {
        if !self.rule.after.allows(text.get(..start)?.chars().next_back()) {
            return None;
        }
        let window_end = floor_boundary(text, start + self.rule.window);
        let captures = self.expression.as_ref()?.captures(text.get(start..window_end)?)?;
        let secret = captures.get(1).or_else(|| captures.get(0))?;
        if !(self.rule.accepts)(secret.as_str()) {
            return None;
        }
        let cut_off = start + secret.end() == window_end;
        let end = if cut_off { end_of_word(text, window_end) } else { start + secret.end() };
        Some(Found { kind: self.rule.kind, start: start + secret.start(), end })
    }
}

/// The last character boundary at or before `index`.
fn floor_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// Where the word that goes on at `index` ends, for secrets longer than the window.
fn end_of_word(text: &str, index: usize) -> usize {
    let rest = text.as_bytes().get(index..).unwrap_or_default();
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~+/=-".contains(byte);
    index + rest.iter().take_while(|byte| in_word(byte)).count()
}

#[cfg(test)]
mod tests;
