//! SQL: what each statement of a text does.
//!
//! The text is parsed in the dialect of the database it is meant for. What does not parse is
//! opaque, what is not on a list of safe forms is [`SqlClass::Unknown`], and an empty text is
//! nothing anybody may rely on. Without a stated dialect the worst of the readings counts
//! wherever databases disagree on where a comment or a string ends.

mod budget;
mod classify;
mod fragment;
mod functions;
mod injection;
mod plain;
mod truth;

pub use injection::injection;

use sqlparser::dialect::{self, Dialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};
use stayhand_core::facts::{Aspect, Opaque, SqlClass, Statement};

/// The longest text that is parsed, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The most statements of one text.
const MAX_STATEMENTS: usize = 2000;

/// The longest text that is tried in other dialects, in bytes.
const MAX_RETRIED_BYTES: usize = 8 * 1024;

/// The statements of `text`, in order, in the dialect named `dialect` (generic where none is).
///
/// # Errors
/// Opaque in [`Aspect::Statements`] for unknown dialects, texts that are too large or too deeply
/// nested, texts that do not parse, and texts that hold no statement.
pub fn statements(text: &str, dialect: Option<&str>) -> Result<Vec<Statement>, Opaque> {
    if text.len() > MAX_BYTES {
        return Err(opaque("the SQL is longer than 64 KiB"));
    }
    let stated = dialect.map(dialect_named).transpose()?;
    if let Some(query) = plain::query(text) {
        return Ok(vec![query]);
    }
    let mut reading = match &stated {
        Some(dialect) => read(text, dialect.as_ref())?,
        None => read_without_dialect(text)?,
    };
    if reading.is_empty() {
        return Err(opaque("the SQL holds no statement"));
    }
    if has_live_comment(text) {
        distrust(&mut reading, "executable comment");
    }
    Ok(reading)
}

fn dialect_named(name: &str) -> Result<Box<dyn Dialect>, Opaque> {
    let lower = name.to_ascii_lowercase();
    let known = match lower.as_str() {
        "pg" | "pgsql" | "cockroachdb" => "postgres",
        "mariadb" => "mysql",
        "sqlite3" => "sqlite",
        "sqlserver" | "tsql" => "mssql",
        other => other,
    };
    dialect::dialect_from_str(known).ok_or_else(|| opaque("the SQL dialect is not known"))
}

fn read(text: &str, dialect: &dyn Dialect) -> Result<Vec<Statement>, Opaque> {
    let tokens = tokens_of(text, dialect)?;
    statements_of(tokens, dialect)
}

/// Reads in the generic dialect and, where its view of comments and strings is not the only one,
/// in MySQL's as well; the stricter reading counts.
fn read_without_dialect(text: &str) -> Result<Vec<Statement>, Opaque> {
    let generic = dialect::GenericDialect {};
    let Ok((reading, doubt)) = read_in_doubt(text, &generic) else {
        return read_in_any(text);
    };
    if !doubt.comments && !doubt.quotes {
        return Ok(reading);
    }
    match read(text, &dialect::MySqlDialect {}) {
        Ok(other) if worst(&other) > worst(&reading) => Ok(other),
        Err(_) if doubt.quotes => Err(opaque("databases disagree on where a string of the SQL ends")),
        _ => Ok(reading),
    }
}

fn read_in_doubt(text: &str, dialect: &dyn Dialect) -> Result<(Vec<Statement>, Doubt), Opaque> {
    let tokens = tokens_of(text, dialect)?;
    let doubt = Doubt::about(text, &tokens);
    Ok((statements_of(tokens, dialect)?, doubt))
}

/// Reads what the generic dialect does not know: the strictest reading of the dialects that do.
fn read_in_any(text: &str) -> Result<Vec<Statement>, Opaque> {
    if text.len() > MAX_RETRIED_BYTES {
        return Err(opaque("the SQL does not parse"));
    }
    let others: [&dyn Dialect; 6] = [
        &dialect::MySqlDialect {},
        &dialect::PostgreSqlDialect {},
        &dialect::SQLiteDialect {},
        &dialect::MsSqlDialect {},
        &dialect::BigQueryDialect {},
        &dialect::SnowflakeDialect {},
    ];
    let readings = others.into_iter().filter_map(|dialect| read(text, dialect).ok());
    readings.max_by_key(|reading| worst(reading)).ok_or_else(|| opaque("the SQL does not parse"))
}

fn worst(statements: &[Statement]) -> Option<SqlClass> {
    statements.iter().map(|statement| statement.class).max()
}

/// Where databases disagree about a text.
struct Doubt {
    /// `#` and `--x` are comments for some only.
    comments: bool,
    /// `\'` ends a string for some only.
    quotes: bool,
}

impl Doubt {
    fn about(text: &str, tokens: &[TokenWithSpan]) -> Self {
        let comments = text.contains('#')
            || tokens.iter().any(|token| {
                matches!(&token.token, Token::Whitespace(Whitespace::SingleLineComment { comment, .. })
                    if !comment.starts_with(|c: char| c.is_whitespace() || c == '-') && !comment.is_empty())
            });
        Self { comments, quotes: text.contains(r"\'") || text.contains("\\\"") }
    }
}

fn tokens_of(text: &str, dialect: &dyn Dialect) -> Result<Vec<TokenWithSpan>, Opaque> {
    let tokens = Tokenizer::new(dialect, text)
        .tokenize_with_location()
        .map_err(|_| opaque("the SQL does not parse"))?;
    budget::check(&tokens)?;
    let ends = tokens.iter().filter(|token| token.token == Token::SemiColon).count();
    if ends > MAX_STATEMENTS { Err(opaque("the SQL has too many statements")) } else { Ok(tokens) }
}

fn statements_of(mut tokens: Vec<TokenWithSpan>, dialect: &dyn Dialect) -> Result<Vec<Statement>, Opaque> {
    let ambiguous = tokens.iter().any(|token| is_nested_comment(&token.token));
    quote_pragma_values(&mut tokens);
    let parsed = Parser::new(dialect)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|_| opaque("the SQL does not parse"))?;
    let mut statements: Vec<Statement> = parsed.iter().map(classify::statement).collect();
    if ambiguous {
        distrust(&mut statements, "nested comment");
    }
    Ok(statements)
}

/// A comment that ends earlier for servers whose comments do not nest.
fn is_nested_comment(token: &Token) -> bool {
    matches!(token, Token::Whitespace(Whitespace::MultiLineComment(comment)) if comment.contains("/*"))
}

/// What MySQL and MariaDB run and every other server skips.
fn has_live_comment(text: &str) -> bool {
    text.contains("/*!") || text.contains("/*M!")
}

fn distrust(statements: &mut [Statement], why: &str) {
    for statement in statements {
        statement.class = SqlClass::Unknown;
        why.clone_into(&mut statement.verb);
    }
}

/// `PRAGMA table_info(users)`: the parser takes only literals as values, SQLite takes names.
fn quote_pragma_values(tokens: &mut [TokenWithSpan]) {
    let mut in_pragma = false;
    let mut expects_value = false;
    for token in tokens {
        match &token.token {
            Token::Word(word) if word.keyword == Keyword::PRAGMA => in_pragma = true,
            Token::Word(word) if in_pragma && expects_value => {
                token.token = Token::SingleQuotedString(word.value.clone());
                expects_value = false;
            }
            Token::LParen | Token::Eq => expects_value = in_pragma,
            Token::SemiColon => in_pragma = false,
            Token::Whitespace(_) => {}
            _ => expects_value = false,
        }
    }
}

fn opaque(why: &str) -> Opaque {
    Opaque { aspect: Aspect::Statements, why: why.to_owned() }
}

#[cfg(test)]
mod tests;
