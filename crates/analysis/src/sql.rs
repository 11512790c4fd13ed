//! SQL: what each statement of a text does.
//!
//! The text is parsed in the dialect of the database it is meant for. What does not parse is
//! opaque, what is not on a list of safe forms is [`SqlClass::Unknown`], and an empty text is
//! nothing anybody may rely on. Without a stated dialect the worst of the readings counts
//! wherever databases disagree on where a comment or a string ends.

mod budget;
mod classify;
mod functions;
mod truth;

use sqlparser::dialect::{self, Dialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};
use stayhand_core::facts::{Aspect, Opaque, SqlClass, Statement};

/// The longest text that is parsed, in bytes.
const MAX_BYTES: usize = 64 * 1024;

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
    let reading = match &stated {
        Some(dialect) => read(text, dialect.as_ref())?,
        None => read_without_dialect(text)?,
    };
    if reading.is_empty() {
        return Err(opaque("the SQL holds no statement"));
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
    let tokens = tokens_of(text, &generic)?;
    let doubt = Doubt::about(text, &tokens);
    let reading = statements_of(tokens, &generic)?;
    if !doubt.comments && !doubt.quotes {
        return Ok(reading);
    }
    match read(text, &dialect::MySqlDialect {}) {
        Ok(other) if worst(&other) > worst(&reading) => Ok(other),
        Err(_) if doubt.quotes => Err(opaque("databases disagree on where a string of the SQL ends")),
        _ => Ok(reading),
    }
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
    Ok(tokens)
}

fn statements_of(tokens: Vec<TokenWithSpan>, dialect: &dyn Dialect) -> Result<Vec<Statement>, Opaque> {
    let live_comment = tokens.iter().any(|token| is_live_comment(&token.token));
    let parsed = Parser::new(dialect)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|_| opaque("the SQL does not parse"))?;
    let mut statements: Vec<Statement> = parsed.iter().map(classify::statement).collect();
    if live_comment {
        for statement in &mut statements {
            statement.class = SqlClass::Unknown;
            "executable comment".clone_into(&mut statement.verb);
        }
    }
    Ok(statements)
}

/// A comment that some server runs (`/*!50000 …*/`, `/*M! …*/`), or one that ends elsewhere for
/// servers whose comments do not nest.
fn is_live_comment(token: &Token) -> bool {
    let Token::Whitespace(Whitespace::MultiLineComment(comment)) = token else { return false };
    comment.starts_with('!') || comment.starts_with("M!") || comment.contains("/*")
}

fn opaque(why: &str) -> Opaque {
    Opaque { aspect: Aspect::Statements, why: why.to_owned() }
}
