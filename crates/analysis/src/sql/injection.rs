//! Injected SQL in a value that is meant to be data.
//!
//! The value is read three times: as it stands, and as it reads inside single and double quotes.
//! What counts is structure that only breaks out of a value: a second query, a second statement, a
//! condition that says nothing about the data, a comment that swallows the rest. Sentences with
//! `or`, `select` and apostrophes have none of it.

mod grammar;
mod words;

use super::fragment::{Inside, Kind, Token, tokens};
use std::borrow::Cow;
use words::{LOGICAL, OBJECTS, REVEALING, is_delaying, is_function};

/// The most pieces that are looked at in each reading.
const MAX_TOKENS: usize = 20_000;

/// Why `value` would change a statement it is put into, or `None` where it is only data.
///
/// A check of its own, for values that a tool declares to be data: a name, a search term, an id.
pub fn injection(value: &str) -> Option<&'static str> {
    if !has_evidence(value) {
        return None;
    }
    let value = plain(value);
    if value.contains("/*!") {
        return Some("holds a comment that MySQL runs");
    }
    [Inside::Nothing, Inside::Single, Inside::Double]
        .into_iter()
        .filter(|inside| match inside {
            Inside::Nothing => true,
            Inside::Single => value.contains('\''),
            Inside::Double => value.contains('"'),
        })
        .find_map(|inside| Reading::of(&value, inside).verdict())
}

/// Whether any sign is there without which nothing can break out: quick, for ordinary values.
fn has_evidence(value: &str) -> bool {
    value.bytes().any(|byte| b"'\"=<>();#@&|*-,%".contains(&byte) || byte.is_ascii_digit())
}

/// `value` with percent escapes decoded and quotes in one form.
fn plain(value: &str) -> Cow<'_, str> {
    let escaped = value
        .as_bytes()
        .windows(3)
        .any(|three| matches!(three, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    let decoded = if escaped { Cow::Owned(decoded(value)) } else { Cow::Borrowed(value) };
    if decoded.contains(['\u{2018}', '\u{2019}', '\u{2032}', '\u{ff07}', '\u{2b9}', '\u{2bc}', '\u{2033}']) {
        let single =
            decoded.replace(['\u{2018}', '\u{2019}', '\u{2032}', '\u{ff07}', '\u{2b9}', '\u{2bc}'], "'");
        return Cow::Owned(single.replace('\u{2033}', "\""));
    }
    decoded
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = match rest {
            [b'%', a, b, ..] => char::from(*a).to_digit(16).zip(char::from(*b).to_digit(16)),
            _ => None,
        };
        if let Some(byte) = escape.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            bytes.push(byte);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One reading of a value.
struct Reading<'a> {
    /// The tokens without comments and without brackets around single values.
    tokens: Vec<Token<'a>>,
    inside: Inside,
    /// The value ends in a comment that holds nothing.
    cut_off: bool,
    /// There was a comment.
    commented: bool,
}

impl<'a> Reading<'a> {
    fn of(value: &'a str, inside: Inside) -> Self {
        let mut all = tokens(value, inside, MAX_TOKENS);
        let is_comment = |token: &Token<'_>| token.kind == Kind::Comment;
        let cut_off = all.last().is_some_and(|last| {
            is_comment(last)
                && !last
                    .text
                    .trim_start_matches(['-', '#', '/', '*', '+', ' ', '\t'])
                    .contains(|c: char| c.is_alphanumeric())
        });
        let commented = all.iter().any(is_comment);
        all.retain(|token| !is_comment(token));
        Self { tokens: all, inside, cut_off, commented }
    }

    fn verdict(&self) -> Option<&'static str> {
        if self.inside != Inside::Nothing && self.tokens.len() < 2 && !self.commented {
            return None;
        }
        self.breaks_out().or_else(|| self.begins_as_fragment()).or_else(|| {
            (0..self.tokens.len()).find_map(|index| {
                self.second_query(index)
                    .or_else(|| self.second_statement(index))
                    .or_else(|| self.empty_condition(index))
                    .or_else(|| self.acting_function(index))
            })
        })
    }

    /// `UNION [ALL] SELECT …`.
    fn second_query(&self, index: usize) -> Option<&'static str> {
        if !self.is_one_of(index, &["union", "except", "intersect"]) {
            return None;
        }
        let next = self.past_brackets(index + 1);
        let next =
            if self.is_one_of(next, &["all", "distinct"]) { self.past_brackets(next + 1) } else { next };
        let fused = self.kind(next + 1) == Some(Kind::Open)
            && self.at(next).is_some_and(|token| {
                token
                    .text
                    .get(..6)
                    .is_some_and(|head| token.text.len() > 6 && head.eq_ignore_ascii_case("select"))
            });
        (fused || (self.is(next, "select") && self.is_select_list(next + 1))).then_some("adds a second query")
    }

    /// `; DROP TABLE x`.
    fn second_statement(&self, index: usize) -> Option<&'static str> {
        let bracketed = index > 0 && self.past_brackets(0) == index && self.kind(0) == Some(Kind::Open);
        let starts = index == 0
            || bracketed
            || self.kind(index - 1) == Some(Kind::Semicolon)
            || self.follows_break(index);
        if !starts {
            return None;
        }
        let after_separator = index > 0 && !bracketed;
        let begins = self.at(index)?;
        let found = match begins.kind {
            Kind::Word if begins.is("select") => {
                self.is_select_list(index + 1) && (after_separator || self.is_whole_query(index))
            }
            Kind::Word if begins.is("insert") => {
                self.is(index + 1, "into")
                    && (after_separator || self.tokens.iter().skip(index).any(|token| token.is("values")))
            }
            Kind::Word if begins.is("delete") => {
                self.is(index + 1, "from") && (after_separator || self.is(index + 3, "where"))
            }
            Kind::Word if begins.is("update") => self.is(index + 2, "set") && self.is_sign(index + 4, &["="]),
            Kind::Word if begins.is_one_of(&["drop", "create", "alter", "truncate"]) => {
                self.is_one_of(index + 1, OBJECTS) && (after_separator || self.ends_at_separator())
            }
            Kind::Word if begins.is_one_of(&["exec", "execute"]) => self.at(index + 1).is_some_and(|token| {
                let lower = token.text.to_ascii_lowercase();
                token.kind == Kind::Open
                    || token.kind == Kind::Variable
                    || ["xp_", "sp_", "master.", "immediate"].iter().any(|start| lower.starts_with(start))
            }),
            Kind::Word if begins.is("declare") => self.kind(index + 1) == Some(Kind::Variable),
            Kind::Word if begins.is("waitfor") => self.is_one_of(index + 1, &["delay", "time"]),
            Kind::Word if begins.is("shutdown") => after_separator,
            Kind::Word if begins.is("grant") => {
                self.tokens.iter().skip(index).take(12).any(|token| token.is("to")) && after_separator
            }
            Kind::Word if begins.is("copy") => {
                self.tokens.iter().skip(index).take(40).any(|token| token.is("program"))
            }
            _ => false,
        };
        found.then_some("holds a statement of its own")
    }

    /// A whole query, rather than a sentence that begins with the word.
    fn is_whole_query(&self, index: usize) -> bool {
        let rest = || self.tokens.iter().skip(index);
        let from = rest().position(|token| token.is("from"));
        let calls = self.kind(index + 2) == Some(Kind::Open) || self.kind(index + 1) == Some(Kind::Variable);
        let short = self.ends_at_separator() && self.tokens.len() <= index + 4;
        let commented = self.cut_off && self.kind(0) == Some(Kind::Open);
        from.is_some_and(|from| self.reads_table(index + from + 1) || self.is_sign(index + 1, &["*"]))
            || calls
            || short
            || commented
    }

    /// Whether `index` stands right after the quote that the value closes, brackets aside.
    fn follows_break(&self, index: usize) -> bool {
        self.inside != Inside::Nothing && index >= 1 && self.past_brackets(1) == index
    }

    /// A value that leaves its quotes and goes on as SQL.
    fn breaks_out(&self) -> Option<&'static str> {
        if self.inside == Inside::Nothing {
            return None;
        }
        let next = self.past_brackets(1);
        let ended = next >= self.tokens.len();
        if ended {
            return (self.cut_off || (self.commented && next > 1))
                .then_some("closes the quotes and comments the rest out");
        }
        let goes_on = self.joins_condition(next)
            || self.is_clause(next)
            || self.splices(next)
            || (self.kind(next) == Some(Kind::Semicolon)
                && (next + 1 >= self.tokens.len())
                && self.commented);
        let lists = self.kind(next) == Some(Kind::Comma) && self.is_value(next + 1);
        (goes_on || lists).then_some("leaves its quotes and goes on as SQL")
    }

    /// A value for a place without quotes: it begins as SQL goes on after a number.
    fn begins_as_fragment(&self) -> Option<&'static str> {
        if self.inside != Inside::Nothing {
            return None;
        }
        let start = self.past_brackets(0);
        let numbered = self.is_numbered();
        let next = if numbered { self.past_brackets(self.past_signs(0) + 1) } else { start };
        let apart = self.is_one_of(next, LOGICAL) || self.is_sign(next, &["||", "&&"]);
        let conditional = numbered && apart && self.joins_condition(next);
        let bare = self.is_one_of(0, LOGICAL) && self.is_bare_condition();
        let closes = self.kind(0) == Some(Kind::Close)
            && (self.joins_condition(start) || (start >= self.tokens.len() && self.cut_off));
        let spliced = !numbered && self.is_sign(0, &["+", "||", "&&", "|", "&", "^"]) && self.splices(0);
        let commented = numbered && self.cut_off && self.past_arithmetic(0) >= self.tokens.len();
        let called = self.past_signs(next + 1);
        let computed = numbered
            && self.is_sign(next, &["+", "-", "*", "/", "^", "||"])
            && self.at(called).is_some_and(|token| token.kind == Kind::Word && is_function(token.text))
            && self.kind(called + 1) == Some(Kind::Open);
        (conditional || bare || closes || self.is_clause(next) || spliced || commented || computed)
            .then_some("goes on as SQL where a value should end")
    }

    /// `OR 1`, `AND true`, `OR x=y #`: the whole value is one more condition.
    fn is_bare_condition(&self) -> bool {
        let first = self.past_signs(1);
        let next = self.past_brackets(first + 1);
        let constant = self
            .at(first)
            .is_some_and(|token| token.kind == Kind::Number || token.is_one_of(&["true", "false", "null"]));
        (constant && next >= self.tokens.len()) || (self.cut_off && self.is_comparison(next))
    }

    /// `OR 1=1`, `AND 'a'='a`, `HAVING 1=1`: says nothing about the data. Also `AND 1=(SELECT …`.
    fn empty_condition(&self, index: usize) -> Option<&'static str> {
        if !self.is_logical(index) {
            return None;
        }
        let left = self.past_signs(index + 1);
        let sign = self.past_brackets(left + 1);
        if !self.is_comparison(sign) {
            return self.empty_test(left, sign);
        }
        let right = self.past_signs(sign + 1);
        let (one, other) = (self.at(left)?, self.at(right)?);
        let constant = |token: &Token<'_>| {
            matches!(token.kind, Kind::Number | Kind::Text) || token.is_one_of(&["null", "true", "false"])
        };
        let same = one.text.eq_ignore_ascii_case(other.text)
            && one.kind == other.kind
            && matches!(one.kind, Kind::Word | Kind::Variable);
        let asks = one.kind == Kind::Number
            && (other.kind == Kind::Word || other.kind == Kind::Variable)
            && self.is_sign(sign, &["=", "<", ">", "<>", "!=", "<=", ">="]);
        ((constant(one) && constant(other)) || same || asks)
            .then_some("holds a condition that says nothing about the data")
    }

    /// `OR EXISTS(SELECT …)`, `AND (SELECT …)`, `OR ascii(substring(…))>64`.
    fn empty_test(&self, left: usize, sign: usize) -> Option<&'static str> {
        let queries = self.is(left, "select") && self.is_select_list(left + 1);
        let exists = self.is(left, "exists")
            && self.tokens.iter().skip(left + 1).take(3).any(|token| token.is("select"));
        let calls = self.kind(left + 1) == Some(Kind::Open)
            && self.at(left).is_some_and(|token| is_function(token.text) || token.is_one_of(&["if"]));
        let ends = matches!(self.kind(left), Some(Kind::Number | Kind::Text))
            && sign >= self.tokens.len()
            && self.cut_off;
        (queries || exists || calls || ends).then_some("holds a condition of its own")
    }

    /// `sleep(5)`, `waitfor delay '…'`, `@@version`, `information_schema.tables` where SQL goes on.
    fn acting_function(&self, index: usize) -> Option<&'static str> {
        let token = self.at(index)?;
        if token.kind == Kind::Variable {
            let setting = token
                .text
                .strip_prefix("@@")
                .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
            return (setting && !token.text.ends_with('@')).then_some("reads a setting of the server");
        }
        if token.kind != Kind::Word {
            return None;
        }
        let opens = self.kind(index + 1) == Some(Kind::Open);
        let lower = || token.text.to_ascii_lowercase();
        if token.is("waitfor")
            && self.is_one_of(index + 1, &["delay", "time"])
            && self.kind(index + 2) == Some(Kind::Text)
        {
            return Some("makes the server wait");
        }
        if opens && is_delaying(&lower()) {
            return Some("makes the server work or wait");
        }
        let reveals = || {
            let lower = lower();
            REVEALING.iter().any(|name| lower.starts_with(name))
                && (self.tokens.iter().any(|token| token.is("from") || token.is("select")) || opens)
        };
        (token.text.contains(['_', '.']) && reveals())
            .then_some("reaches for the server's own tables or programs")
    }
}

#[cfg(test)]
mod tests;
