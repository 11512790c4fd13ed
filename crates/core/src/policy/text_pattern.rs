//! Regular expressions over argument texts: linear in time, bounded in size, letter case ignored.

use regex::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// The most a compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// One expression. Plain texts and the expressions of the shipped packs are compiled when they are
/// first needed (tests compile them all); others when the file is loaded.
#[derive(Debug)]
pub(crate) struct TextPattern {
    text: Box<str>,
    plain: bool,
    regex: OnceLock<Option<Regex>>,
}

impl TextPattern {
    pub(crate) fn new(text: &str, lazy: bool) -> Result<Self, String> {
        let pattern = Self { text: text.into(), plain: Self::is_plain(text), regex: OnceLock::new() };
        if !lazy && !pattern.plain {
            let _ = pattern.regex.set(Some(compile(text, false)?));
        }
        Ok(pattern)
    }

    /// Whether the expression occurs in `text`. One that does not compile matches everything,
    /// which is the strict answer for a pattern that forbids.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let regex = self.regex.get_or_init(|| compile(&self.text, self.plain).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a text is ASCII without any special character, so that it stands for itself.
    pub(crate) fn is_plain(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _-/=:,;@%<>\"'&~`!".contains(&byte);
        !text.is_empty() && text.bytes().all(plain)
    }

    /// The text itself, if it is plain. The letter case of ASCII alone is ignored then.
    pub(crate) fn literal(&self) -> Option<&str> {
        self.plain.then_some(&self.text)
    }
}

fn compile(text: &str, plain: bool) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .case_insensitive(true)
        .unicode(!plain)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| format!("`{text}` is not a regular expression: {}", last_line(&error.to_string())))
}

/// The engine's message ends with the sentence that says what is wrong.
fn last_line(text: &str) -> &str {
    text.lines().next_back().unwrap_or(text).trim_start_matches("error: ")
}
