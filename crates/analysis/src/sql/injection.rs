//! Injected SQL in a value that is meant to be data.
//!
//! The value is read three times: as it stands, and as it reads inside single and double quotes.
//! What counts is structure that only breaks out of a value: a second query, a second statement, a
//! condition that says nothing about the data, a comment that swallows the rest. Sentences with
//! `or`, `select` and apostrophes have none of it.

use super::fragment::{Inside, Kind, Token, tokens};
use std::borrow::Cow;

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

    fn at(&self, index: usize) -> Option<&Token<'a>> {
        self.tokens.get(index)
    }

    fn kind(&self, index: usize) -> Option<Kind> {
        self.at(index).map(|token| token.kind)
    }

    fn is(&self, index: usize, word: &str) -> bool {
        self.at(index).is_some_and(|token| token.is(word))
    }

    fn is_one_of(&self, index: usize, words: &[&str]) -> bool {
        self.at(index).is_some_and(|token| token.is_one_of(words))
    }

    fn is_sign(&self, index: usize, signs: &[&str]) -> bool {
        self.at(index).is_some_and(|token| token.kind == Kind::Operator && signs.contains(&token.text))
    }

    /// The first index at or after `index` that is no bracket.
    fn past_brackets(&self, mut index: usize) -> usize {
        while matches!(self.kind(index), Some(Kind::Open | Kind::Close)) {
            index += 1;
        }
        index
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

    /// Whether what follows `SELECT` is a list of columns rather than a sentence.
    fn is_select_list(&self, start: usize) -> bool {
        let mut start = self.past_brackets(start);
        while self.is_one_of(start, &["all", "distinct", "distinctrow", "top", "binary"]) {
            start = self.past_brackets(start + 1);
        }
        match self.kind(start) {
            Some(Kind::Number | Kind::Text | Kind::Variable) => true,
            Some(Kind::Operator) => self.is_sign(start, &["*", "-", "+", "!", "~"]),
            Some(Kind::Word) => {
                self.is_one_of(start, &["null", "case", "cast", "select"])
                    || matches!(self.kind(start + 1), Some(Kind::Open) | None)
                    || (self.kind(start + 1) == Some(Kind::Comma) && self.selects_from(start + 2))
                    || (self.is(start + 1, "from") && self.reads_table(start + 2))
                    || self.at(start).is_some_and(|token| token.text.starts_with(['`', '[']))
            }
            Some(Kind::LiveComment) => true,
            None => self.cut_off || self.inside != Inside::Nothing || self.is_numbered(),
            _ => false,
        }
    }

    /// Whether `FROM` and a table follow within one list of columns.
    fn selects_from(&self, start: usize) -> bool {
        let list = self.tokens.iter().skip(start).take(64);
        let columns = list
            .take_while(|token| !token.is("from"))
            .take_while(|token| !matches!(token.kind, Kind::Semicolon))
            .count();
        columns == 64 || (self.is(start + columns, "from") && self.reads_table(start + columns + 1))
    }

    /// Whether a table and then the end or another clause follow.
    fn reads_table(&self, index: usize) -> bool {
        let named = matches!(self.kind(index), Some(Kind::Word | Kind::Text | Kind::Open));
        let written = self.at(index).is_some_and(|token| {
            token.text.contains(|c: char| matches!(c, '_' | '.' | '`' | '[') || c.is_ascii_digit())
        });
        let ended = match self.kind(index + 1) {
            None => self.cut_off || written,
            Some(Kind::Semicolon | Kind::Comma | Kind::Close) => true,
            Some(_) => self.is_one_of(
                index + 1,
                &["where", "limit", "union", "group", "order", "having", "procedure", "join", "rownum"],
            ),
        };
        named && (ended || self.kind(index) == Some(Kind::Open))
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

    fn ends_at_separator(&self) -> bool {
        self.cut_off || self.tokens.last().is_some_and(|last| last.kind == Kind::Semicolon)
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

    /// `OR x = …`, `AND f(…)`, `|| (SELECT …`.
    fn joins_condition(&self, index: usize) -> bool {
        if !self.is_logical(index) {
            return false;
        }
        let first = self.past_signs(index + 1);
        let Some(token) = self.at(first) else { return self.cut_off };
        match token.kind {
            Kind::Number | Kind::Variable => {
                let next = self.past_arithmetic(first + 1);
                let joined = next >= self.tokens.len() || self.is_logical(next);
                // `2 or 3` is data as well; after a quote, or before a comment, it is not.
                let placed = self.inside != Inside::Nothing || self.cut_off;
                (joined && placed) || self.is_comparison(next) || self.is_clause(next)
            }
            Kind::Text => {
                let next = self.past_brackets(first + 1);
                (next >= self.tokens.len() && self.cut_off)
                    || self.is_comparison(next)
                    || (self.kind(next) == Some(Kind::Operator) && self.kind(next + 1) == Some(Kind::Text))
            }
            Kind::Word if token.is_one_of(&["true", "false", "null"]) => true,
            Kind::Word if token.is_one_of(&["exists", "select", "case", "if", "rlike", "regexp", "like"]) => {
                matches!(self.kind(first + 1), Some(Kind::Open | Kind::Text | Kind::Word | Kind::Number))
            }
            Kind::Word => {
                let next = self.past_brackets(first + 1);
                let named = !self.is_sign(index, &["|", "&", "||", "&&"]);
                (named && self.is_comparison(next))
                    || (self.kind(first + 1) == Some(Kind::Open) && is_function(token.text))
            }
            _ => false,
        }
    }

    fn is_logical(&self, index: usize) -> bool {
        self.is_one_of(index, LOGICAL) || self.is_sign(index, &["||", "&&", "|", "&"])
    }

    fn is_comparison(&self, index: usize) -> bool {
        self.is_sign(index, &["=", "<", ">", "<=", ">=", "<>", "!=", "<=>", "==", "!<"])
            || self.is_one_of(index, &["like", "rlike", "regexp", "between", "sounds", "glob", "ilike"])
            || (self.is(index, "in") && self.kind(index + 1) == Some(Kind::Open))
            || (self.is(index, "is") && self.is_one_of(index + 1, &["null", "not", "true", "false"]))
            || (self.is(index, "not")
                && self.is_one_of(index + 1, &["like", "in", "between", "rlike", "regexp"]))
    }

    /// Past sums of numbers, to what they are compared with.
    fn past_arithmetic(&self, mut index: usize) -> usize {
        while matches!(self.kind(index), Some(Kind::Open | Kind::Close | Kind::Number))
            || self.is_sign(index, &["+", "-", "*", "/", "%", "^"])
        {
            index += 1;
        }
        index
    }

    fn is_numbered(&self) -> bool {
        self.inside == Inside::Nothing && self.kind(self.past_signs(0)) == Some(Kind::Number)
    }

    /// Past brackets, signs and `NOT`.
    fn past_signs(&self, mut index: usize) -> usize {
        loop {
            let skipped = self.past_brackets(index);
            if self.is_one_of(skipped, &["not", "binary", "all"])
                || self.is_sign(skipped, &["!", "~", "-", "+"])
            {
                index = skipped + 1;
            } else {
                return skipped;
            }
        }
    }

    /// `ORDER BY 3`, `GROUP BY x HAVING …`, `LIMIT 1,2`, `INTO OUTFILE`, `PROCEDURE ANALYSE`.
    fn is_clause(&self, index: usize) -> bool {
        let by = self.is(index + 1, "by");
        let position = || {
            let first = self.past_brackets(index + 2);
            let next = first + 1;
            matches!(self.kind(first), Some(Kind::Number))
                && (next >= self.tokens.len()
                    || matches!(self.kind(next), Some(Kind::Comma | Kind::Semicolon | Kind::Close)))
        };
        let computed = || {
            self.kind(index + 3) == Some(Kind::Open)
                && self.at(index + 2).is_some_and(|token| is_function(token.text))
        };
        let grouped = || self.tokens.iter().skip(index + 2).take(6).any(|token| token.is("having"));
        (by && self.is_one_of(index, &["order", "group"]) && (position() || computed() || grouped()))
            || (self.is(index, "limit")
                && self.kind(index + 1) == Some(Kind::Number)
                && (self.kind(index + 2) == Some(Kind::Comma) || self.is(index + 2, "into")))
            || (self.is(index, "into") && self.is_one_of(index + 1, &["outfile", "dumpfile"]))
            || (self.is(index, "procedure") && self.is(index + 1, "analyse"))
            || (self.is(index, "rlike") && self.kind(index + 1) == Some(Kind::Open))
    }

    /// `' + f(…)`, `' || (SELECT …) || '`, `'+'`, `'='`.
    fn splices(&self, index: usize) -> bool {
        if self.kind(index) != Some(Kind::Operator) {
            return false;
        }
        let first = self.past_signs(index + 1);
        let last = self.tokens.last().is_some_and(|token| token.kind == Kind::Text);
        let token = self.at(first);
        match token.map(|token| token.kind) {
            Some(Kind::Text) => {
                let (one, other) =
                    (self.at(0).map_or("", |token| token.text), token.map_or("", |token| token.text));
                (one.is_empty() && self.tokens.last().is_some_and(|last| last.text.is_empty()))
                    || (self.is_comparison(index) && one == other)
            }
            Some(Kind::Word) => {
                token.is_some_and(|token| token.is_one_of(&["select", "case", "null"]))
                    || (self.kind(first + 1) == Some(Kind::Open)
                        && (token.is_some_and(|token| is_function(token.text))
                            || (last && self.is_sign(index, &["||"]))))
            }
            Some(Kind::Number | Kind::Variable) => {
                first + 1 >= self.tokens.len() && self.cut_off
                    || self.is_comparison(first + 1)
                    || self.is_logical(first + 1)
            }
            _ => false,
        }
    }

    fn is_value(&self, index: usize) -> bool {
        self.is_one_of(index, &["null", "select", "default"])
            || (self.kind(index) == Some(Kind::Open) && self.is(index + 1, "select"))
            || (matches!(self.kind(index), Some(Kind::Number | Kind::Text))
                && (self.cut_off || self.kind(index + 1) == Some(Kind::Close)))
            || (self.kind(index + 1) == Some(Kind::Open)
                && self.at(index).is_some_and(|token| is_function(token.text)))
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

/// Words that join one more condition.
const LOGICAL: &[&str] = &["or", "and", "xor", "having", "where", "div", "mod"];

/// What `DROP`, `CREATE`, `ALTER` and `TRUNCATE` name.
const OBJECTS: &[&str] = &[
    "table",
    "database",
    "view",
    "schema",
    "user",
    "login",
    "role",
    "function",
    "procedure",
    "index",
    "trigger",
];

/// Names that belong to a server and not to its data.
const REVEALING: &[&str] = &[
    "information_schema.",
    "mysql.user",
    "master..",
    "master.dbo.",
    "pg_catalog.",
    "sys.all_tables",
    "sys.database",
    "utl_inaddr.",
    "utl_http.",
    "utl_file.",
    "dbms_pipe.",
    "dbms_lock.",
    "dbms_java",
    "dbms_ldap.",
    "dbms_xmlgen.",
    "xp_cmdshell",
    "xp_dirtree",
    "xp_regread",
    "xp_fileexist",
    "sp_oacreate",
    "sp_configure",
    "load_file",
    "sys_eval",
    "sys_exec",
    "ctxsys.drithsx",
];

fn is_delaying(name: &str) -> bool {
    matches!(
        name,
        "benchmark"
            | "pg_sleep"
            | "extractvalue"
            | "updatexml"
            | "load_file"
            | "xmltype"
            | "randomblob"
            | "sleep"
    )
}

/// Functions of databases that attacks call to learn or to wait.
fn is_function(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "ascii",
        "benchmark",
        "bin",
        "cast",
        "char",
        "chr",
        "concat",
        "concat_ws",
        "conv",
        "convert",
        "count",
        "current_user",
        "database",
        "db_name",
        "elt",
        "exists",
        "extractvalue",
        "floor",
        "group_concat",
        "hex",
        "if",
        "ifnull",
        "iif",
        "instr",
        "left",
        "length",
        "load_file",
        "lower",
        "make_set",
        "mid",
        "now",
        "nullif",
        "ord",
        "pg_sleep",
        "quote",
        "rand",
        "randomblob",
        "rpad",
        "schema",
        "sleep",
        "sqlite_version",
        "substr",
        "substring",
        "sys_context",
        "system_user",
        "unhex",
        "updatexml",
        "upper",
        "user",
        "user_name",
        "version",
        "xmltype",
    ];
    let lower = name.to_ascii_lowercase();
    NAMES.binary_search(&lower.as_str()).is_ok() || REVEALING.iter().any(|start| lower.starts_with(start))
}

#[cfg(test)]
mod tests;
