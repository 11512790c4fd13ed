//! The small grammar of fragments: lists, conditions, clauses.

use super::Reading;
use super::words::{LOGICAL, is_function};
use crate::sql::fragment::{Inside, Kind, Token};

impl<'a> Reading<'a> {
    pub(super) fn at(&self, index: usize) -> Option<&Token<'a>> {
        self.tokens.get(index)
    }

    pub(super) fn kind(&self, index: usize) -> Option<Kind> {
        self.at(index).map(|token| token.kind)
    }

    pub(super) fn is(&self, index: usize, word: &str) -> bool {
        self.at(index).is_some_and(|token| token.is(word))
    }

    pub(super) fn is_one_of(&self, index: usize, words: &[&str]) -> bool {
        self.at(index).is_some_and(|token| token.is_one_of(words))
    }

    pub(super) fn is_sign(&self, index: usize, signs: &[&str]) -> bool {
        self.at(index).is_some_and(|token| token.kind == Kind::Operator && signs.contains(&token.text))
    }

    /// The first index at or after `index` that is no bracket.
    pub(super) fn past_brackets(&self, mut index: usize) -> usize {
        while matches!(self.kind(index), Some(Kind::Open | Kind::Close)) {
            index += 1;
        }
        index
    }

    /// Whether what follows `SELECT` is a list of columns rather than a sentence.
    pub(super) fn is_select_list(&self, start: usize) -> bool {
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
    pub(super) fn selects_from(&self, start: usize) -> bool {
        let list = self.tokens.iter().skip(start).take(64);
        let columns = list
            .take_while(|token| !token.is("from"))
            .take_while(|token| !matches!(token.kind, Kind::Semicolon))
            .count();
        columns == 64 || (self.is(start + columns, "from") && self.reads_table(start + columns + 1))
    }

    /// Whether a table and then the end or another clause follow.
    pub(super) fn reads_table(&self, index: usize) -> bool {
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

    pub(super) fn ends_at_separator(&self) -> bool {
        self.cut_off || self.tokens.last().is_some_and(|last| last.kind == Kind::Semicolon)
    }

    /// `OR x = …`, `AND f(…)`, `|| (SELECT …`.
    pub(super) fn joins_condition(&self, index: usize) -> bool {
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

    pub(super) fn is_logical(&self, index: usize) -> bool {
        self.is_one_of(index, LOGICAL) || self.is_sign(index, &["||", "&&", "|", "&"])
    }

    pub(super) fn is_comparison(&self, index: usize) -> bool {
        self.is_sign(index, &["=", "<", ">", "<=", ">=", "<>", "!=", "<=>", "==", "!<"])
            || self.is_one_of(index, &["like", "rlike", "regexp", "between", "sounds", "glob", "ilike"])
            || (self.is(index, "in") && self.kind(index + 1) == Some(Kind::Open))
            || (self.is(index, "is") && self.is_one_of(index + 1, &["null", "not", "true", "false"]))
            || (self.is(index, "not")
                && self.is_one_of(index + 1, &["like", "in", "between", "rlike", "regexp"]))
    }

    /// Past sums of numbers, to what they are compared with.
    pub(super) fn past_arithmetic(&self, mut index: usize) -> usize {
        while matches!(self.kind(index), Some(Kind::Open | Kind::Close | Kind::Number))
            || self.is_sign(index, &["+", "-", "*", "/", "%", "^"])
        {
            index += 1;
        }
        index
    }

    pub(super) fn is_numbered(&self) -> bool {
        self.inside == Inside::Nothing && self.kind(self.past_signs(0)) == Some(Kind::Number)
    }

    /// Past brackets, signs and `NOT`.
    pub(super) fn past_signs(&self, mut index: usize) -> usize {
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
    pub(super) fn is_clause(&self, index: usize) -> bool {
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
    pub(super) fn splices(&self, index: usize) -> bool {
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

    pub(super) fn is_value(&self, index: usize) -> bool {
        self.is_one_of(index, &["null", "select", "default"])
            || (self.kind(index) == Some(Kind::Open) && self.is(index + 1, "select"))
            || (matches!(self.kind(index), Some(Kind::Number | Kind::Text))
                && (self.cut_off || self.kind(index + 1) == Some(Kind::Close)))
            || (self.kind(index + 1) == Some(Kind::Open)
                && self.at(index).is_some_and(|token| is_function(token.text)))
    }
}
