//! The quick reading of ordinary queries.
//!
//! Most SQL that agents run is one `SELECT` of names, numbers and plain strings. Such a text is a
//! read by its vocabulary alone, whatever the grammar of the server: no word that writes, no second
//! statement, no comment, no quoting on which servers disagree, no function but those that only
//! compute. Whatever holds anything else is left to the parser.

mod words;

use super::fragment::{Inside, Kind, Token, tokens};
use super::{classify, functions};
use stayhand_core::facts::{SqlClass, Statement};
use words::{AFTER_FROM, BEFORE_BRACKET, ENDING, KEYWORDS, OPERANDS, OTHERS, WANTING};

/// The most tokens of a query that is read quickly, and the deepest nesting.
const MAX_TOKENS: usize = 400;
const MAX_DEPTH: usize = 16;

/// The statement, if `text` is an ordinary query.
pub(super) fn query(text: &str) -> Option<Statement> {
    if text.contains('{') {
        return query(&without_braces(text)?);
    }
    let trimmed = text.trim_ascii().trim_end_matches(';').trim_ascii_end();
    if !starts_with_select(trimmed)
        || !trimmed.bytes().all(is_plain)
        || trimmed.contains("--")
        || trimmed.contains("/*")
    {
        return None;
    }
    if !trimmed.bytes().filter(|byte| *byte == b'\'').count().is_multiple_of(2) {
        return None;
    }
    let tokens = tokens(trimmed, Inside::Nothing, MAX_TOKENS);
    if tokens.len() >= MAX_TOKENS {
        return None;
    }
    let mut reader =
        Reader { depth: vec![Level { is_query: true, ..Level::default() }], ..Reader::default() };
    let mut before: Option<&Token<'_>> = None;
    for (index, token) in tokens.iter().enumerate() {
        reader.read(before, token, tokens.get(index + 1))?;
        reader.keyword_before = reader.keyword.take();
        reader.alias_before = std::mem::take(&mut reader.alias);
        before = Some(token);
    }
    // A server has to find a list and balanced brackets; what is cut short is for the parser.
    let ends = !before.is_some_and(|last| {
        matches!(last.kind, Kind::Operator | Kind::Comma)
            || reader.keyword_before.is_some_and(|word| !ENDING.contains(&word))
    });
    (reader.depth.len() == 1 && reader.cases == 0 && ends && tokens.len() > 1).then(|| reader.finish())
}

/// Lists in braces, as templates of queries have them, in the place of which columns stand.
fn without_braces(text: &str) -> Option<String> {
    let filled = text.replace("{}", "1");
    let pairs = filled.matches('{').count();
    let flat = filled.split('{').skip(1).all(|part| part.matches('}').count() == 1);
    (flat && filled.matches('}').count() == pairs).then(|| filled.replace(['{', '}'], " "))
}

fn starts_with_select(text: &str) -> bool {
    text.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"))
        && text.as_bytes().get(6).is_some_and(u8::is_ascii_whitespace)
}

/// What servers read alike: no quotes but single ones, no escapes, variables or markers.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b'\'' | b'(' | b')' | b',' | b'.' | b'_')
        || matches!(byte, b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%')
}

/// Where in its list of tables a query stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum From {
    #[default]
    Before,
    /// A table comes next.
    Table,
    /// After a table, where another name is its alias.
    Named,
    /// In a join condition.
    Condition,
    After,
}

/// One level of brackets.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    is_query: bool,
    /// Whether the name of a function stands before it.
    is_call: bool,
    from: From,
}

#[derive(Debug, Default)]
struct Reader {
    depth: Vec<Level>,
    tables: Vec<String>,
    columns: Vec<String>,
    aliases: Vec<String>,
    /// The token before, and the one that is read, where they are keywords.
    keyword_before: Option<&'static str>,
    keyword: Option<&'static str>,
    /// Whether the last `NOT` stands behind a value: `a NOT IN`.
    behind_value: bool,
    /// How many `CASE` are open.
    cases: u32,
    /// Whether the token before, and the one that is read, name the result before them.
    alias_before: bool,
    alias: bool,
}

impl Reader {
    /// Takes one more token, or gives up.
    fn read(
        &mut self,
        before: Option<&Token<'_>>,
        token: &Token<'_>,
        next: Option<&Token<'_>>,
    ) -> Option<()> {
        match token.kind {
            Kind::Number => self.value(before),
            Kind::Text => {
                // A string where a name belongs is a file to some servers.
                let closed = next.is_none_or(|next| next.kind != Kind::Text) && !self.expects_table();
                let names = before.is_some_and(|before| {
                    before.is("as") || before.kind == Kind::Word && self.keyword_before.is_none()
                });
                (closed && !names && !token.text.contains('\n')).then_some(())
            }
            Kind::Operator => self.operator(before, token, next),
            Kind::Open => self.open(before, next),
            Kind::Close => self.close(before),
            Kind::Comma => self.comma(before),
            Kind::Word => self.word(before, token, next),
            _ => None,
        }
    }

    fn level(&self) -> Level {
        self.depth.last().copied().unwrap_or_default()
    }

    fn set(&mut self, from: From) -> Option<()> {
        self.depth.last_mut()?.from = from;
        Some(())
    }

    fn expects_table(&self) -> bool {
        self.level().from == From::Table
    }

    fn value(&self, before: Option<&Token<'_>>) -> Option<()> {
        let follows_value =
            before.is_some_and(|before| matches!(before.kind, Kind::Number | Kind::Text | Kind::Close));
        (!self.expects_table() && !follows_value).then_some(())
    }

    fn operator(
        &mut self,
        before: Option<&Token<'_>>,
        token: &Token<'_>,
        next: Option<&Token<'_>>,
    ) -> Option<()> {
        let starts_list = before
            .is_some_and(|before| before.is("select") || before.is("distinct") || before.kind == Kind::Comma);
        let counts = self.level().is_call
            && before.is_some_and(|before| before.kind == Kind::Open)
            && next.is_some_and(|next| next.kind == Kind::Close);
        if token.text == "*" && (starts_list || counts) {
            if starts_list {
                self.columns.push("*".to_owned());
            }
            return Some(());
        }
        let left = before.is_some_and(|before| {
            matches!(before.kind, Kind::Number | Kind::Text | Kind::Close) || before.kind == Kind::Word
        });
        let sign = matches!(token.text, "-" | "+");
        let ordinary =
            matches!(token.text, "=" | "<" | ">" | "<=" | ">=" | "<>" | "+" | "-" | "*" | "/" | "%");
        let right = next.is_some_and(|next| match next.kind {
            Kind::Number | Kind::Text | Kind::Open => true,
            Kind::Word => !next.is_one_of(KEYWORDS) || next.is_one_of(OPERANDS),
            _ => false,
        });
        (ordinary && right && (left || sign) && !self.expects_table()).then_some(())
    }

    fn open(&mut self, before: Option<&Token<'_>>, next: Option<&Token<'_>>) -> Option<()> {
        let is_query = next.is_some_and(|next| next.is("select"));
        let called = before.is_some_and(|before| before.kind == Kind::Word);
        let placed = called
            || before.is_some_and(|before| matches!(before.kind, Kind::Operator | Kind::Comma | Kind::Open));
        let empty = next.is_some_and(|next| next.kind == Kind::Close);
        let by_name = before.is_some_and(|before| {
            before.kind == Kind::Word
                && (self.keyword_before.is_none()
                    || self.keyword_before.is_some_and(|word| matches!(word, "left" | "right")))
        });
        let opens = self.keyword_before.is_none_or(|word| BEFORE_BRACKET.contains(&word));
        if (empty && !by_name)
            || !placed
            || !opens
            || (self.expects_table() && !is_query)
            || self.depth.len() >= MAX_DEPTH
        {
            return None;
        }
        if self.expects_table() {
            self.set(From::Named)?;
        }
        self.depth.push(Level { is_query, is_call: by_name, from: From::Before });
        Some(())
    }

    fn close(&mut self, before: Option<&Token<'_>>) -> Option<()> {
        let complete = before.is_some_and(|before| {
            !(before.kind == Kind::Comma || (before.kind == Kind::Operator && before.text != "*"))
        });
        (self.depth.len() > 1 && complete && !self.expects_table()).then_some(())?;
        self.depth.pop();
        Some(())
    }

    fn comma(&mut self, before: Option<&Token<'_>>) -> Option<()> {
        if !before.is_some_and(|before| {
            matches!(before.kind, Kind::Word | Kind::Number | Kind::Text | Kind::Close) || before.text == "*"
        }) {
            return None;
        }
        match self.level().from {
            From::Named | From::Condition if self.level().is_query => self.set(From::Table),
            From::Table => None,
            _ => Some(()),
        }
    }

    fn word(
        &mut self,
        before: Option<&Token<'_>>,
        token: &Token<'_>,
        next: Option<&Token<'_>>,
    ) -> Option<()> {
        let mut buffer = [0_u8; 64];
        let lower = lowered(token.text, &mut buffer)?;
        if OTHERS.binary_search(&lower).is_ok() || token.text.ends_with('.') {
            return None;
        }
        self.keyword = KEYWORDS.binary_search(&lower).ok().and_then(|index| KEYWORDS.get(index)).copied();
        if self.keyword.is_some() {
            return self.keyword(before, lower, next);
        }
        if next.is_some_and(|next| next.kind == Kind::Open) {
            let computes = functions::class_of(lower) == SqlClass::Read && !self.expects_table();
            let placed = !before
                .is_some_and(|before| matches!(before.kind, Kind::Word) && self.keyword_before.is_none());
            return (computes && placed).then_some(());
        }
        self.name(before, lower)
    }

    fn keyword(&mut self, before: Option<&Token<'_>>, lower: &str, next: Option<&Token<'_>>) -> Option<()> {
        let level = self.level();
        let joining = ["and", "between", "escape", "ilike", "in", "is", "like", "or"];
        let after_sign = before.is_some_and(|before| {
            before.kind == Kind::Comma || (before.kind == Kind::Operator && before.text != "*")
        });
        let after_value = before.is_some_and(|before| {
            matches!(before.kind, Kind::Number | Kind::Text | Kind::Close)
                || (before.kind == Kind::Word
                    && (self.keyword_before.is_none()
                        || self.keyword_before.is_some_and(|word| {
                            word == "not" && self.behind_value || ENDING.contains(&word)
                        })))
        });
        if lower == "in" && next.is_none_or(|next| next.kind != Kind::Open) {
            return None;
        }
        let begins_list = before.is_some_and(|before| before.kind == Kind::Open)
            && !["all", "distinct", "select"].contains(&lower);
        let wants_operand = after_sign
            || begins_list
            || self.keyword_before.is_some_and(|word| {
                WANTING.contains(&word)
                    && !(word == "select" && ["all", "distinct"].contains(&lower))
                    && !(word == "not" && ["between", "ilike", "in", "like"].contains(&lower))
            });
        if (wants_operand && !OPERANDS.contains(&lower)) || (joining.contains(&lower) && !after_value) {
            return None;
        }
        match lower {
            "case" => self.cases += 1,
            "not" => self.behind_value = after_value,
            "when" | "then" | "else" if self.cases == 0 => return None,
            "end" => self.cases = self.cases.checked_sub(1)?,
            _ => {}
        }
        match lower {
            "select"
                if before.is_none()
                    || before.is_some_and(|before| {
                        before.kind == Kind::Open
                            || before.is_one_of(&["union", "all", "except", "intersect"])
                    }) =>
            {
                self.set(From::Before)
            }
            "select" => None,
            // `EXTRACT(YEAR FROM x)` names no table; `IS DISTINCT FROM` compares.
            "from" if before.is_some_and(|before| before.is("distinct")) => None,
            "from" if level.is_query => {
                (level.from == From::Before).then_some(()).and_then(|()| self.set(From::Table))
            }
            "from"
                if !before.is_some_and(|before| {
                    before.kind == Kind::Text || before.kind == Kind::Word && self.keyword_before.is_none()
                }) =>
            {
                None
            }
            "from" => {
                // What stands before is a part of a date or text.
                self.columns.pop();
                Some(())
            }
            "join" if level.is_query && matches!(level.from, From::Named | From::Condition) => {
                self.set(From::Table)
            }
            "join" => None,
            "left" | "right" if next.is_some_and(|next| next.kind == Kind::Open) => Some(()),
            "on" | "using" if level.from == From::Named => self.set(From::Condition),
            "on" | "using" => None,
            _ if AFTER_FROM.contains(&lower) && level.is_query && !self.expects_table() => {
                self.set(From::After)
            }
            _ if self.expects_table() => None,
            _ => Some(()),
        }
    }

    fn name(&mut self, before: Option<&Token<'_>>, lower: &str) -> Option<()> {
        let follows = |kinds: &[Kind]| before.is_some_and(|before| kinds.contains(&before.kind));
        let aliased = before.is_some_and(|before| before.is("as"));
        if self.expects_table() {
            let table = !classify::ends_like_file(lower) && !lower.starts_with('.');
            self.tables.push(lower.to_owned());
            return table.then_some(()).and_then(|()| self.set(From::Named));
        }
        let after_value = follows(&[Kind::Close, Kind::Number, Kind::Text])
            || before.is_some_and(|before| before.kind == Kind::Word && self.keyword_before.is_none());
        if aliased || after_value || before.is_some_and(|before| before.is("end")) {
            if self.alias_before {
                return None;
            }
            self.alias = true;
            // A type after AS in CAST reads like an alias; neither is a column.
            self.aliases.push(lower.to_owned());
            return (!lower.contains('.')).then_some(());
        }
        let column = lower.rsplit('.').next().unwrap_or(lower);
        if classify::SEQUENCE_COLUMNS.contains(&column) {
            return None;
        }
        self.columns.push(column.to_owned());
        Some(())
    }

    fn finish(self) -> Statement {
        let Self { mut tables, mut columns, aliases, .. } = self;
        columns.retain(|column| !aliases.contains(column));
        classify::sort(&mut tables);
        classify::sort(&mut columns);
        Statement { class: SqlClass::Read, tables, columns, verb: "SELECT".to_owned() }
    }
}

/// `text` in lower case, in `buffer`. A longer name is for the parser.
fn lowered<'b>(text: &str, buffer: &'b mut [u8; 64]) -> Option<&'b str> {
    let slot = buffer.get_mut(..text.len())?;
    slot.copy_from_slice(text.as_bytes());
    slot.make_ascii_lowercase();
    std::str::from_utf8(slot).ok()
}

#[cfg(test)]
mod tests;
