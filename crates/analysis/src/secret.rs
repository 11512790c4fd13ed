//! Secrets in text.
use std::borrow::Cow;

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

/// The secrets in `text`.
pub fn find(_text: &str) -> Vec<Found> {
    Vec::new()
}

/// `text` with each secret replaced by `[redacted:KIND]`.
pub fn redact(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// `path` with secrets replaced in each component.
pub fn redact_path(path: &str) -> Cow<'_, str> {
    Cow::Borrowed(path)
}

/// Replaces the secrets in every string of `value`.
pub fn redact_value(_value: &mut serde_json::Value) {}
