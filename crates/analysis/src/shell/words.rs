//! Words: from nodes to parts, with our own dequoting.

use super::expansions::dynamic;
use super::parse;
use super::plan::{Part, Word};
use super::syntax::{At, Kind, Syntax};

/// Collects words; nodes that touch in the text are one word.
#[derive(Default)]
pub(super) struct Joiner {
    words: Vec<Word>,
    end: Option<usize>,
    /// Blanks are text, as in the word of `${x:-a b}`.
    blanks: bool,
}

impl Joiner {
    /// For words in which blanks are text.
    pub(super) fn with_blanks() -> Self {
        Self { blanks: true, ..Self::default() }
    }

    /// Adds a node, joining it to the word before if nothing lies between.
    pub(super) fn push(&mut self, syntax: &Syntax<'_>, at: At) {
        let mut parts = Vec::new();
        parts_of(syntax, at, &mut parts);
        if !self.blanks && syntax.kind(at) == Kind::Word && holds_blank(syntax.text(at).trim_start()) {
            parts.push(Part::Unread("a word is not understood".to_owned()));
        }
        let touches = self.end.is_some_and(|end| adjoins(syntax, end, at));
        match self.words.last_mut() {
            Some(last) if touches => {
                drop_translation_mark(&mut last.parts, &parts);
                last.parts.append(&mut parts);
            }
            _ => self.words.push(Word { parts }),
        }
        self.end = Some(syntax.range(at).end);
    }

    pub(super) fn push_children(&mut self, syntax: &Syntax<'_>, at: At) {
        for child in syntax.children(at) {
            if syntax.kind(child) != Kind::Token || !matches!(syntax.text(child).trim(), "(" | ")") {
                self.push(syntax, child);
            }
        }
    }

    /// Adds a word that is not understood.
    pub(super) fn push_unread(&mut self, why: &str) {
        self.words.push(unread(why));
        self.end = None;
    }

    /// Marks the words so far as not understood.
    pub(super) fn spoil(&mut self, why: &str) {
        match self.words.first_mut() {
            Some(first) => first.parts.push(Part::Unread(why.to_owned())),
            None => self.words.push(unread(why)),
        }
    }

    /// Moves the words to the end of `words`.
    pub(super) fn absorb(&mut self, words: &mut Vec<Word>) {
        for word in &mut self.words {
            seal(&mut word.parts);
        }
        words.append(&mut self.words);
        self.end = None;
    }
}

/// Whether nothing lies between `end` and a node: not even a joined line parts two words. Tokens may
/// begin with the blanks before them.
pub(super) fn adjoins(syntax: &Syntax<'_>, end: usize, at: At) -> bool {
    let text = syntax.text(at);
    let start = syntax.range(at).start + (text.len() - text.trim_start().len());
    let gap = syntax.slice(end..start);
    gap.is_empty() && end <= start || !gap.is_empty() && gap.replace("\\\n", "").is_empty()
}

/// Whether an unquoted word holds a blank that is not quoted.
fn holds_blank(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            char if char.is_whitespace() => return true,
            _ => {}
        }
    }
    false
}

/// `$"text"` is read as a bare `$` and a string: the `$` only asks for a translation.
fn drop_translation_mark(before: &mut Vec<Part>, after: &[Part]) {
    let string_follows = matches!(after.first(), Some(Part::Text { quoted: true, .. }));
    if string_follows && matches!(before.last(), Some(Part::Text { text, quoted: false }) if text == "$") {
        before.pop();
    }
}

/// Marks a word whose plain characters, put together, would still be expanded: the grammar took
/// an expansion apart.
fn seal(parts: &mut Vec<Part>) {
    let mut plain = String::new();
    let mut expands = false;
    let empty = |part: &Part| matches!(part, Part::Text { text, quoted: true } if text.is_empty());
    let brace = |part: &Part| matches!(part, Part::Text { text, quoted: false } if text.contains('{'));
    if parts.len() > 1 && parts.iter().any(empty) && parts.iter().any(brace) {
        // Quotes around nothing keep braces from being expanded.
        expands = true;
    }
    for part in parts.iter() {
        match part {
            Part::Text { text, quoted: false } => plain.push_str(text),
            _ => {
                expands |= holds_expansion(&plain);
                plain.clear();
            }
        }
    }
    if expands || holds_expansion(&plain) {
        parts.push(Part::Unread("a word is not understood".to_owned()));
    }
}

/// A word of which nothing is known.
pub(super) fn unread(why: &str) -> Word {
    Word { parts: vec![Part::Unread(why.to_owned())] }
}

/// The word that a node stands for.
pub(super) fn word(syntax: &Syntax<'_>, at: At) -> Word {
    let mut parts = Vec::new();
    parts_of(syntax, at, &mut parts);
    seal(&mut parts);
    Word { parts }
}

fn parts_of(syntax: &Syntax<'_>, at: At, parts: &mut Vec<Part>) {
    match syntax.kind(at) {
        Kind::Word | Kind::Number if syntax.children(at).next().is_none() => bare(syntax.text(at), parts),
        Kind::Regex | Kind::ExtGlob if holds_expansion(syntax.text(at)) => {
            parts.push(Part::Unread("a pattern with an expansion is not understood".to_owned()));
        }
        Kind::Token | Kind::TestOperator | Kind::Regex | Kind::ExtGlob | Kind::VariableName => {
            bare(syntax.text(at).trim_start(), parts);
        }
        Kind::Concatenation => concatenation(syntax, at, parts),
        Kind::RawString => {
            let text = syntax.text(at).trim_start();
            let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            parts.push(Part::Text { text: inner.unwrap_or_default().to_owned(), quoted: true });
        }
        Kind::AnsiString => parts.push(ansi(syntax.text(at).trim_start())),
        Kind::String => string(syntax, at, parts),
        Kind::TranslatedString if !syntax.text(at).trim_start().starts_with("$\"") => {
            parts.push(Part::Unread("a word is not understood".to_owned()));
        }
        Kind::TranslatedString => {
            for child in syntax.children(at).filter(|child| syntax.kind(*child) == Kind::String) {
                string(syntax, child, parts);
            }
        }
        Kind::BraceRange => brace_range(syntax.text(at), parts),
        Kind::ProcessSubstitution => {
            parts.push(Part::Process(parse::statements(syntax, syntax.children(at))))
        }
        _ => parts.push(dynamic(syntax, at, false)),
    }
}

fn concatenation(syntax: &Syntax<'_>, at: At, parts: &mut Vec<Part>) {
    let mut end = None;
    for child in syntax.children(at) {
        let range = syntax.range(child);
        if end.is_some_and(|end| !adjoins(syntax, end, child)) {
            parts.push(Part::Unread("a word is not understood".to_owned()));
        }
        let mut more = Vec::new();
        parts_of(syntax, child, &mut more);
        drop_translation_mark(parts, &more);
        parts.append(&mut more);
        end = Some(range.end);
    }
}

/// An unquoted run of characters: a backslash quotes the next one.
fn bare(text: &str, parts: &mut Vec<Part>) {
    if !text.contains('\\') {
        parts.push(Part::Text { text: text.to_owned(), quoted: false });
        return;
    }
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match chars.next() {
            Some('\n') => {}
            Some(quoted) => {
                if !plain.is_empty() {
                    parts.push(Part::Text { text: std::mem::take(&mut plain), quoted: false });
                }
                parts.push(Part::Text { text: quoted.to_string(), quoted: true });
            }
            None => plain.push('\\'),
        }
    }
    if !plain.is_empty() {
        parts.push(Part::Text { text: plain, quoted: false });
    }
}

/// A double-quoted string: everything between the expansions is text, blanks included.
fn string(syntax: &Syntax<'_>, at: At, parts: &mut Vec<Part>) {
    let whole = syntax.range(at);
    let open = syntax.slice(whole.clone()).find('"').map_or(whole.start, |offset| whole.start + offset);
    let inner = open + 1..whole.end.saturating_sub(1);
    interpolated(syntax, at, inner, Escapes::String, parts);
    if parts.is_empty() {
        parts.push(Part::Text { text: String::new(), quoted: true });
    }
}

/// The text of a heredoc.
pub(super) fn heredoc(syntax: &Syntax<'_>, at: At, literal: bool) -> Word {
    if literal {
        return Word::quoted(syntax.text(at));
    }
    let mut parts = Vec::new();
    interpolated(syntax, at, syntax.range(at), Escapes::Heredoc, &mut parts);
    Word { parts }
}

/// Which characters a backslash quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    String,
    Heredoc,
}

fn interpolated(
    syntax: &Syntax<'_>,
    at: At,
    inner: std::ops::Range<usize>,
    escapes: Escapes,
    parts: &mut Vec<Part>,
) {
    let mut from = inner.start;
    for child in syntax.children(at) {
        let dynamic_child = matches!(
            syntax.kind(child),
            Kind::SimpleExpansion | Kind::Expansion | Kind::Substitution | Kind::ArithmeticExpansion
        );
        if !dynamic_child {
            if matches!(syntax.kind(child), Kind::Error | Kind::Unknown) {
                parts.push(Part::Unread("a string is not understood".to_owned()));
            }
            continue;
        }
        let range = syntax.range(child);
        let text = syntax.text(child);
        let start = range.start + (text.len() - text.trim_start().len());
        quoted_text(syntax.slice(from..start), escapes, parts);
        parts.push(dynamic(syntax, child, true));
        from = range.end;
    }
    quoted_text(syntax.slice(from..inner.end), escapes, parts);
}

/// Text between double quotes or in a heredoc.
fn quoted_text(text: &str, escapes: Escapes, parts: &mut Vec<Part>) {
    if text.is_empty() {
        return;
    }
    if holds_expansion(text) || text.contains("\\\n") && holds_expansion(&text.replace("\\\n", "")) {
        parts.push(Part::Unread("an expansion is not understood here".to_owned()));
    }
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('\n') => {}
                Some(next @ ('$' | '`' | '\\')) => result.push(next),
                Some('"') if escapes == Escapes::String => result.push('"'),
                Some(next) => result.extend(['\\', next]),
                None => result.push('\\'),
            },
            other => result.push(other),
        }
    }
    parts.push(Part::Text { text: result, quoted: true });
}

/// Whether text that the grammar takes for plain characters would still be expanded.
pub(super) fn holds_expansion(text: &str) -> bool {
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'`' => return true,
            b'$' => match bytes.peek() {
                Some(b'(' | b'{' | b'[' | b'_' | b'@' | b'*' | b'#' | b'?' | b'!' | b'$' | b'-') => {
                    return true;
                }
                Some(next) if next.is_ascii_alphanumeric() => return true,
                _ => {}
            },
            _ => {}
        }
    }
    false
}

/// `$'…'` with the escapes every shell agrees on.
fn ansi(text: &str) -> Part {
    let inner = text.strip_prefix("$'").and_then(|text| text.strip_suffix('\'')).unwrap_or_default();
    if matches!(inner, "\\0" | "\\000" | "\\x00") {
        // Words cannot hold NUL: nothing is left of it.
        return Part::Text { text: String::new(), quoted: true };
    }
    match unescape(inner) {
        Some(text) => Part::Text { text, quoted: true },
        None => Part::Unread("an escape in `$'…'` is not known".to_owned()),
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '\\' {
            result.push(char);
            continue;
        }
        let code = match chars.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            same @ ('\\' | '\'' | '"' | '?') => same,
            'x' => digits(&mut chars, 16, 2, None)?,
            'u' => digits(&mut chars, 16, 4, None)?,
            'U' => digits(&mut chars, 16, 8, None)?,
            octal @ '0'..='7' => digits(&mut chars, 8, 2, octal.to_digit(8))?,
            _ => return None,
        };
        if code == '\0' {
            return None;
        }
        result.push(code);
    }
    Some(result)
}

/// The character whose code the next digits give. Bytes above 127 are not characters by themselves.
fn digits(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    radix: u32,
    most: usize,
    first: Option<u32>,
) -> Option<char> {
    let mut value = first;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|char| char.to_digit(radix)) else { break };
        value = Some(value.unwrap_or(0).checked_mul(radix)?.checked_add(digit)?);
        chars.next();
    }
    let value = value?;
    if most <= 2 && value > 127 {
        return None;
    }
    char::from_u32(value)
}

/// `{1..3}`: kept as text for the expansion of braces.
fn brace_range(text: &str, parts: &mut Vec<Part>) {
    parts.push(Part::Text { text: text.trim_start().to_owned(), quoted: false });
}
