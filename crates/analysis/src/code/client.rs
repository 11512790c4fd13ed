//! What database clients read: SQL, and commands of their own.

use super::{Act, Deeds};
use crate::program::Arg;
use stayhand_core::facts::{Access, Aspect, Trait};

/// A program that sends SQL to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Sqlite,
    Postgres,
    Mysql,
    Other,
}

/// Adds what a database client does with `text`.
pub(crate) fn client(program: &str, text: &str, deeds: &mut Deeds) {
    let (client, dialect) = match program {
        "sqlite3" | "sqlite" => (Client::Sqlite, Some("sqlite")),
        "psql" | "pgcli" => (Client::Postgres, Some("postgres")),
        "mysql" | "mariadb" | "mycli" => (Client::Mysql, Some("mysql")),
        _ => (Client::Other, None),
    };
    if !may_hold_commands(client, text) {
        return statements(text, dialect, deeds);
    }
    let mut sql = String::new();
    for line in text.lines() {
        match command(client, line) {
            Some(command) => client_command(client, command.trim(), deeds),
            None => {
                sql.push_str(line);
                sql.push('\n');
            }
        }
    }
    if client == Client::Postgres && has_bare_backslash(&sql) {
        deeds.note(Aspect::Statements, "the SQL holds commands of the database client");
    }
    if !sql.trim().is_empty() {
        statements(&sql, dialect, deeds);
    }
}

fn statements(text: &str, dialect: Option<&'static str>, deeds: &mut Deeds) {
    deeds.act(Act::Sql(text.to_owned(), dialect));
}

fn may_hold_commands(client: Client, text: &str) -> bool {
    match client {
        Client::Sqlite => text.lines().any(|line| line.trim_start().starts_with('.')),
        Client::Postgres => text.contains('\\'),
        Client::Mysql => text.lines().any(|line| command(client, line).is_some()),
        Client::Other => text.trim_start().starts_with(['.', '\\']),
    }
}

/// The command on a line, if it is one of the client's own.
fn command(client: Client, line: &str) -> Option<&str> {
    let line = line.trim_start();
    match client {
        Client::Sqlite => line.strip_prefix('.'),
        Client::Postgres => line.strip_prefix('\\'),
        Client::Other => line.strip_prefix(['.', '\\']),
        Client::Mysql => line.strip_prefix('\\').or_else(|| {
            const WORDS: [&str; 9] =
                ["system", "source", "tee", "notee", "pager", "nopager", "edit", "connect", "delimiter"];
            let word = line.split([' ', '\t', ';']).next().unwrap_or_default();
            WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)).then_some(line)
        }),
    }
}

/// A backslash outside of quoted text starts a command wherever it stands.
fn has_bare_backslash(sql: &str) -> bool {
    let mut quote = None;
    for char in sql.chars() {
        match (quote, char) {
            (None, '\\') => return true,
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    false
}

fn client_command(client: Client, command: &str, deeds: &mut Deeds) {
    let name_end = command.find(|next: char| next.is_whitespace()).unwrap_or(command.len());
    let (name, rest) = command.split_at(name_end);
    // `\!ls` needs no blank.
    let (name, rest) =
        if name.starts_with('!') { ("!", command.get(1..).unwrap_or_default()) } else { (name, rest) };
    let rest = rest.trim().trim_end_matches(';').trim();
    if client == Client::Postgres && rest.contains('`') {
        return deeds.opaque("a command of the database client runs programs");
    }
    let name = name.trim_end_matches(';').trim_end_matches('+').to_ascii_lowercase();
    match meaning(client, &name) {
        Some(Meaning::Nothing) => {}
        Some(Meaning::Shell) => deeds.act(Act::Shell(Arg::exact(rest))),
        Some(Meaning::Uses(access)) => target(access, rest, client, deeds),
        Some(Meaning::Statements) => {
            target(Access::Read, rest, client, deeds);
            deeds.note(Aspect::Statements, "the SQL comes from a file");
        }
        Some(Meaning::Extension) => {
            deeds.does(Trait::ExecuteCode);
            target(Access::Execute, rest, client, deeds);
        }
        Some(Meaning::Copy) => copy(rest, deeds),
        None => deeds.note(Aspect::Statements, "a command of the database client is not known"),
    }
}

/// What a client's command means.
#[derive(Clone, Copy)]
enum Meaning {
    /// It shows something or changes how things are shown.
    Nothing,
    /// The rest is a command line for a shell.
    Shell,
    /// The first word is a file, or a command after `|`.
    Uses(Access),
    /// The first word is a file of SQL.
    Statements,
    /// The first word is a library.
    Extension,
    /// `\copy table from 'file'`
    Copy,
}

fn meaning(client: Client, name: &str) -> Option<Meaning> {
    use Meaning::{Copy, Extension, Nothing, Shell, Statements, Uses};
    Some(match (client, name) {
        (Client::Sqlite, "shell" | "system")
        | (Client::Postgres, "!")
        | (Client::Mysql, "!" | "system" | "p" | "pager") => Shell,
        (
            Client::Sqlite,
            "tables" | "schema" | "databases" | "headers" | "header" | "mode" | "indexes" | "indices"
            | "quit" | "exit" | "help" | "show" | "dump" | "fullschema" | "separator" | "nullvalue" | "width"
            | "timer" | "changes" | "print" | "echo" | "explain" | "eqp" | "bail" | "stats" | "version"
            | "timeout" | "dbinfo" | "lint" | "limit" | "prompt" | "parameter" | "sha3sum" | "nonce"
            | "dbconfig",
        )
        | (
            Client::Postgres,
            "d" | "dt" | "l" | "q" | "du" | "dn" | "di" | "dv" | "df" | "dx" | "dp" | "ds" | "dg" | "dl"
            | "dm" | "da" | "db" | "dd" | "de" | "det" | "sf" | "sv" | "conninfo" | "timing" | "x" | "pset"
            | "a" | "t" | "h" | "?" | "echo" | "encoding" | "set" | "unset" | "qecho" | "warn" | "z" | "if"
            | "else" | "elif" | "endif" | "p" | "r" | "errverbose" | "list",
        )
        | (
            Client::Mysql,
            "s" | "q" | "h" | "c" | "g" | "n" | "notee" | "nopager" | "u" | "w" | "delimiter" | "d",
        ) => Nothing,
        (Client::Sqlite, "import" | "restore") => Uses(Access::Read),
        (Client::Sqlite, "output" | "once" | "save" | "backup" | "clone" | "log" | "trace" | "open")
        | (Client::Postgres, "o" | "out" | "w" | "write" | "s")
        | (Client::Mysql, "t" | "tee") => Uses(Access::Write),
        (Client::Sqlite, "read")
        | (Client::Postgres, "i" | "ir" | "include" | "include_relative")
        | (Client::Mysql, "." | "source") => Statements,
        (Client::Sqlite, "load") => Extension,
        (Client::Postgres, "copy") => Copy,
        _ => return None,
    })
}

/// The file that a command names first, or the program it starts instead.
fn target(access: Access, rest: &str, client: Client, deeds: &mut Deeds) {
    let options = |word: &&str| client == Client::Sqlite && word.starts_with("--");
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    let name = match quote {
        Some(quote) => rest.get(1..).and_then(|inner| inner.split(quote).next()),
        None => rest.split_whitespace().find(|word| !options(word)),
    };
    match name {
        // Without a name the output goes to the screen again.
        None | Some("" | "stdout" | "off") => {}
        Some(name) if name.starts_with('|') => {
            let command = if quote.is_some() { name } else { rest };
            deeds.act(Act::Shell(Arg::exact(command.trim_start_matches('|').trim())));
        }
        Some(name) => deeds.act(Act::Path(access, Arg::exact(name), false)),
    }
}

/// `\copy table from|to 'file' | program 'command' | stdin | stdout`
fn copy(rest: &str, deeds: &mut Deeds) {
    let lower = rest.to_ascii_lowercase();
    let found = [(" from ", Access::Read), (" to ", Access::Write)]
        .into_iter()
        .find_map(|(word, access)| lower.rfind(word).map(|at| (at + word.len(), access)));
    let Some((at, access)) = found else {
        return deeds.note(Aspect::Statements, "a command of the database client is not known");
    };
    let target = rest.get(at..).unwrap_or_default().trim();
    let quoted = |text: &str| {
        text.trim().strip_prefix('\'').and_then(|rest| rest.split('\'').next()).map(str::to_owned)
    };
    let first = target.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if access == Access::Read {
        deeds.act(Act::Sql("INSERT INTO copied VALUES (1)".to_owned(), Some("postgres")));
    }
    match (first.as_str(), quoted(target)) {
        ("program", _) => match quoted(target.get(first.len()..).unwrap_or_default()) {
            Some(command) => deeds.act(Act::Shell(Arg::exact(command))),
            None => deeds.opaque("a command of the database client runs a program that is not known"),
        },
        ("stdin" | "stdout" | "pstdin" | "pstdout", _) => {}
        (_, Some(name)) => deeds.act(Act::Path(access, Arg::exact(name), false)),
        (name, None) => deeds.act(Act::Path(access, Arg::exact(name), false)),
    }
}
