//! Regular expressions over argument texts: linear in time, bounded in size, letter case ignored.

use regex::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// The most a compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// One expression. Expressions of the shipped packs are compiled when they are first needed
/// (tests compile them all); others when the file is loaded.
#[derive(Debug)]
pub(crate) struct TextPattern {
    text: Box<str>,
    regex: OnceLock<Option<Regex>>,
}

impl TextPattern {
    pub(crate) fn new(text: &str, lazy: bool) -> Result<Self, String> {
        let pattern = Self { text: text.into(), regex: OnceLock::new() };
        if !lazy {
            let regex = compile(text)?;
            let _ = pattern.regex.set(Some(regex));
        }
        Ok(pattern)
    }

    /// Whether the expression occurs in `text`. One that does not compile matches everything,
    /// which is the strict answer for a pattern that forbids.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.get_or_init(|| compile(&self.text).ok()).as_ref().is_none_or(|regex| regex.is_match(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The text itself, if it is plain ASCII without any special character.
    pub(crate) fn literal(&self) -> Option<&str> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _-/=:,;@%<>\"'&~`!".contains(&byte);
        (!self.text.is_empty() && self.text.bytes().all(plain)).then_some(&self.text)
    }
}

fn compile(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| format!("`{text}` is not a regular expression: {}", last_line(&error.to_string())))
}

/// The engine's message ends with the sentence that says what is wrong.
fn last_line(text: &str) -> &str {
    text.lines().next_back().unwrap_or(text).trim_start_matches("error: ")
}
