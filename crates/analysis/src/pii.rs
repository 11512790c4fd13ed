//! Personal data in text: e-mail addresses, telephone numbers, payment cards, bank accounts,
//! social security numbers and network addresses.
//!
//! One pass looks for the bytes that all of them hold (digits, `@`, `:`); only there a shape is
//! tried, and only what its own check accepts counts: Luhn's digit for cards, modulo 97 for IBANs,
//! the ranges that issuers assign. A telephone number has no check digit, so its grouping or the
//! words around it have to say what it is.

mod account;
mod address;
mod cue;
mod digits;
mod email;
mod phone;

use digits::Groups;
use std::borrow::Cow;

/// One piece of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: Kind,
    /// Where it starts, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

/// Kinds of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A telephone number, with its extension.
    Phone,
    /// The number of a payment card.
    Card,
    /// An international bank account number.
    Iban,
    /// A social security number of the United States.
    Ssn,
    /// An IPv4 or IPv6 address.
    Ip,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Email, Self::Phone, Self::Card, Self::Iban, Self::Ssn, Self::Ip];

    /// The name, as in `[redacted:email]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Ssn => "ssn",
            Self::Ip => "ip",
        }
    }
}

/// The personal data in `text`, in order and without overlap.
pub fn find(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans: Vec<Span> = Vec::new();
    let mut searched_to = 0;
    let mut at = 0;
    while let Some(anchor) = next_anchor(bytes, at) {
        let (span, next) = match bytes.get(anchor) {
            Some(b'@') => (email::around(text, anchor, searched_to), anchor + 1),
            Some(b':') => address::v6_around(text, anchor, searched_to),
            _ => of_number(text, anchor, searched_to),
        };
        at = next.max(anchor + 1);
        if let Some(span) = span {
            at = at.max(span.end);
            searched_to = span.end;
            spans.push(span);
        }
    }
    spans
}

/// `text` with each piece of personal data replaced by `[redacted:KIND]`.
pub fn redact(text: &str) -> Cow<'_, str> {
    let spans = find(text);
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::with_capacity(text.len());
    let mut end = 0;
    for span in spans {
        redacted.push_str(text.get(end..span.start).unwrap_or_default());
        redacted.push_str(&crate::secret::placeholder(span.kind.name()));
        end = span.end;
    }
    redacted.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(redacted)
}

/// The next byte at or after `from` that personal data cannot do without.
fn next_anchor(bytes: &[u8], from: usize) -> Option<usize> {
    let is_anchor = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'@' | b':');
    Some(from + bytes.get(from..)?.iter().position(is_anchor)?)
}

/// What the number whose first digit is at `start` is, and where to go on searching.
fn of_number(text: &str, start: usize, searched_to: usize) -> (Option<Span>, usize) {
    let bytes = text.as_bytes();
    let before = digits::before(bytes, start);
    if before.is_some_and(|byte| byte.is_ascii_alphabetic()) {
        return (account::iban_around(text, start, searched_to), digits::end_of_digits(bytes, start));
    }
    let groups = Groups::at(bytes, start);
    if groups.are_few() || before.is_some_and(|byte| byte == b'_' || byte >= 0x80) {
        return (None, groups.first_end());
    }
    let found = address::v4(bytes, &groups)
        .or_else(|| account::card(text, &groups))
        .or_else(|| account::ssn(text, &groups))
        .or_else(|| phone::number(text, &groups));
    (found, groups.first_end())
}

#[cfg(test)]
mod tests;
