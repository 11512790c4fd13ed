//! What a field means when nobody has said so: by its name, and by the shape of its value.
//!
//! Sources are taken to be read and targets to be written, whatever the tool: a tool nobody has
//! described is decided on by its own name, and these facts only make the decision stricter.

use crate::{host, path, secret, sql, url};
use stayhand_core::facts::{AddressClass, FieldKind, Place};
use std::net::IpAddr;

/// What a name suggests.
#[derive(Clone, Copy)]
enum Hint {
    /// Always of this kind.
    Is(FieldKind),
    /// Of this kind if the value looks like a path.
    PathIfShaped(FieldKind),
    /// A URL or an address, if the value looks like one; a single word or a route is none.
    Address,
    /// A host, whatever the value.
    Host,
    /// A command line, if it is more than a shell's name.
    Command,
    /// SQL if it reads like SQL.
    SqlIfShaped,
    /// Code if it looks like code.
    CodeIfShaped,
    /// Words for people: never searched for meaning.
    Prose,
}

/// Names, lower case, `_` between words, sorted.
static NAMES: &[(&str, Hint)] = &[
    ("account", Hint::Is(FieldKind::Recipient)),
    ("account_number", Hint::Is(FieldKind::Recipient)),
    ("address", Hint::Address),
    ("answer", Hint::Prose),
    ("api_base", Hint::Address),
    ("api_url", Hint::Address),
    ("assignee", Hint::Is(FieldKind::Recipient)),
    ("attendee", Hint::Is(FieldKind::Recipient)),
    ("base_url", Hint::Address),
    ("bash", Hint::Command),
    ("bcc", Hint::Is(FieldKind::Recipient)),
    ("beneficiary", Hint::Is(FieldKind::Recipient)),
    ("body", Hint::Prose),
    ("callback", Hint::Address),
    ("callback_url", Hint::Address),
    ("caption", Hint::Prose),
    ("cc", Hint::Is(FieldKind::Recipient)),
    ("cmd", Hint::Command),
    ("cmdline", Hint::Command),
    ("code", Hint::CodeIfShaped),
    ("collaborator", Hint::Is(FieldKind::Recipient)),
    ("collaborator_email", Hint::Is(FieldKind::Recipient)),
    ("command", Hint::Command),
    ("command_line", Hint::Command),
    ("comment", Hint::Prose),
    ("content", Hint::Prose),
    ("cwd", Hint::Is(FieldKind::Path)),
    ("description", Hint::Prose),
    ("dest", Hint::Is(FieldKind::WritePath)),
    ("destination", Hint::PathIfShaped(FieldKind::WritePath)),
    ("dir", Hint::Is(FieldKind::Path)),
    ("directory", Hint::Is(FieldKind::Path)),
    ("domain", Hint::Address),
    ("dst", Hint::Is(FieldKind::WritePath)),
    ("endpoint", Hint::Address),
    ("file", Hint::Is(FieldKind::Path)),
    ("file_name", Hint::Is(FieldKind::Path)),
    ("file_path", Hint::Is(FieldKind::Path)),
    ("filename", Hint::Is(FieldKind::Path)),
    ("filepath", Hint::Is(FieldKind::Path)),
    ("folder", Hint::PathIfShaped(FieldKind::Path)),
    ("from", Hint::PathIfShaped(FieldKind::Path)),
    ("host", Hint::Host),
    ("host_name", Hint::Host),
    ("hostname", Hint::Host),
    ("href", Hint::Address),
    ("iban", Hint::Is(FieldKind::Recipient)),
    ("input", Hint::PathIfShaped(FieldKind::Path)),
    ("input_file", Hint::Is(FieldKind::Path)),
    ("input_path", Hint::Is(FieldKind::Path)),
    ("instructions", Hint::Prose),
    ("invitee", Hint::Is(FieldKind::Recipient)),
    ("ip", Hint::Host),
    ("ip_address", Hint::Host),
    ("link", Hint::Address),
    ("location", Hint::PathIfShaped(FieldKind::Path)),
    ("message", Hint::Prose),
    ("new_path", Hint::Is(FieldKind::WritePath)),
    ("new_string", Hint::Prose),
    ("note", Hint::Prose),
    ("notebook_path", Hint::Is(FieldKind::Path)),
    ("old_path", Hint::Is(FieldKind::Path)),
    ("old_string", Hint::Prose),
    ("origin", Hint::Address),
    ("out", Hint::PathIfShaped(FieldKind::WritePath)),
    ("output", Hint::PathIfShaped(FieldKind::WritePath)),
    ("output_file", Hint::Is(FieldKind::WritePath)),
    ("output_path", Hint::Is(FieldKind::WritePath)),
    ("participant", Hint::Is(FieldKind::Recipient)),
    ("path", Hint::Is(FieldKind::Path)),
    ("pathname", Hint::Is(FieldKind::Path)),
    ("pattern", Hint::Prose),
    ("payee", Hint::Is(FieldKind::Recipient)),
    ("prompt", Hint::Prose),
    ("proxy", Hint::Address),
    ("python", Hint::CodeIfShaped),
    ("python_code", Hint::Is(FieldKind::Code)),
    ("query", Hint::SqlIfShaped),
    ("question", Hint::Prose),
    ("reason", Hint::Prose),
    ("recipient", Hint::Is(FieldKind::Recipient)),
    ("recipients", Hint::Is(FieldKind::Recipient)),
    ("remote", Hint::Address),
    ("root", Hint::PathIfShaped(FieldKind::Path)),
    ("route", Hint::Address),
    ("save_path", Hint::Is(FieldKind::WritePath)),
    ("save_to", Hint::PathIfShaped(FieldKind::WritePath)),
    ("script", Hint::Command),
    ("server", Hint::Address),
    ("shell", Hint::Command),
    ("shell_command", Hint::Command),
    ("site", Hint::Address),
    ("source", Hint::PathIfShaped(FieldKind::Path)),
    ("source_code", Hint::CodeIfShaped),
    ("source_path", Hint::Is(FieldKind::Path)),
    ("sql", Hint::Is(FieldKind::Sql)),
    ("sql_query", Hint::Is(FieldKind::Sql)),
    ("src", Hint::Is(FieldKind::Path)),
    ("statement", Hint::SqlIfShaped),
    ("subject", Hint::Prose),
    ("summary", Hint::Prose),
    ("target", Hint::PathIfShaped(FieldKind::WritePath)),
    ("target_file", Hint::Is(FieldKind::WritePath)),
    ("target_path", Hint::Is(FieldKind::WritePath)),
    ("text", Hint::Prose),
    ("title", Hint::Prose),
    ("to", Hint::PathIfShaped(FieldKind::WritePath)),
    ("to_address", Hint::Is(FieldKind::Recipient)),
    ("to_email", Hint::Is(FieldKind::Recipient)),
    ("uri", Hint::Address),
    ("url", Hint::Address),
    ("user_email", Hint::Is(FieldKind::Recipient)),
    ("wallet", Hint::Is(FieldKind::Recipient)),
    ("webhook", Hint::Address),
    ("webhook_url", Hint::Address),
    ("workdir", Hint::Is(FieldKind::Path)),
    ("working_dir", Hint::Is(FieldKind::Path)),
    ("working_directory", Hint::Is(FieldKind::Path)),
];

/// Whether a list of words under `name` is a program with its arguments.
pub(super) fn names_argv(name: &str) -> bool {
    matches!(name, "argv" | "cmd" | "command")
}

/// What the text under `name` means. `main` is what a known tool does to its own path: other
/// paths of such a tool are taken to suffer the same.
pub(super) fn kind_of(name: &str, text: &str, main: Option<FieldKind>) -> FieldKind {
    if secret::is_secret_name(name) {
        return FieldKind::Secret;
    }
    let kind = match hint_of(name) {
        Some(hint) => by_hint(hint, name, text),
        None => by_shape(text),
    };
    match main {
        Some(main) if kind == FieldKind::Path => main,
        _ => kind,
    }
}

/// What a key means where the key itself is an address or leads somewhere sensitive.
pub(super) fn kind_of_key(key: &str) -> Option<FieldKind> {
    if !key.contains(['/', ':', '\\']) {
        return None;
    }
    match by_shape(key) {
        FieldKind::Path if key.starts_with(['~', '.']) || leads_somewhere_sensitive(key) => {
            Some(FieldKind::Path)
        }
        FieldKind::Url => Some(FieldKind::Url),
        _ => None,
    }
}

fn leads_somewhere_sensitive(key: &str) -> bool {
    let nowhere = crate::Surroundings { cwd: "/", workspace: "", home: "/" };
    let place = path::lexical(key, &nowhere).ok().and_then(|path| path::place_of(&path, &nowhere));
    place.is_some_and(|place| place != Place::OtherUser)
}

fn hint_of(name: &str) -> Option<Hint> {
    let snake = snake_case(name);
    let singular = snake.strip_suffix('s').unwrap_or(&snake);
    let exact = [snake.as_str(), singular].into_iter().find_map(|name| {
        let index = NAMES.binary_search_by_key(&name, |(known, _)| known).ok()?;
        NAMES.get(index).map(|(_, hint)| *hint)
    });
    exact.or_else(|| hint_of_compound(singular))
}

/// `save_dir`, `target_host`: the last word says what it is, the others what is done to it.
fn hint_of_compound(name: &str) -> Option<Hint> {
    const WRITTEN: [&str; 9] =
        ["dest", "destination", "dst", "download", "new", "out", "output", "save", "target"];
    let (before, last) = name.rsplit_once('_')?;
    match last {
        "path" | "file" | "dir" | "folder" | "directory" | "filename" => {
            let written = before.split('_').any(|word| WRITTEN.contains(&word));
            Some(Hint::Is(if written { FieldKind::WritePath } else { FieldKind::Path }))
        }
        "url" | "uri" | "endpoint" | "link" => Some(Hint::Address),
        "host" | "hostname" => Some(Hint::Host),
        "command" | "cmd" => Some(Hint::Command),
        "sql" | "query" => Some(Hint::SqlIfShaped),
        _ => None,
    }
}

/// `baseURL` and `base-url` as `base_url`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for c in name.chars().take(64) {
        if c.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(if c == '-' || c == ' ' { '_' } else { c.to_ascii_lowercase() });
    }
    snake
}

fn by_hint(hint: Hint, name: &str, text: &str) -> FieldKind {
    match hint {
        Hint::Is(FieldKind::Path | FieldKind::WritePath)
            if url::looks_like_url(text) && !is_file_url(text) =>
        {
            FieldKind::Url
        }
        Hint::Is(kind) => kind,
        Hint::PathIfShaped(kind) => match by_shape(text) {
            FieldKind::Path => kind,
            FieldKind::Text if looks_like_relative_path(text) => kind,
            FieldKind::Text if name == "to" && text.contains('@') => FieldKind::Recipient,
            other => other,
        },
        Hint::Address => by_address(text),
        Hint::Host if url::looks_like_url(text) => FieldKind::Url,
        Hint::Host => FieldKind::Host,
        Hint::Command if text.starts_with('/') && text.ends_with("sh") && !text.contains(' ') => {
            FieldKind::Path
        }
        Hint::Command => FieldKind::Command,
        Hint::SqlIfShaped => {
            if reads_like_sql(text) {
                FieldKind::Sql
            } else {
                FieldKind::Text
            }
        }
        Hint::CodeIfShaped => {
            if text.contains(['(', '\n', ';', '=']) {
                FieldKind::Code
            } else {
                FieldKind::Text
            }
        }
        Hint::Prose => FieldKind::Text,
    }
}

/// What a text is by its shape alone: only a whole value counts, never a part of a sentence.
fn by_shape(text: &str) -> FieldKind {
    let text = text.trim();
    if text.is_empty() || text.len() > 4096 || text.contains('\n') {
        return FieldKind::Text;
    }
    if is_file_url(text) {
        return FieldKind::Path;
    }
    if url::looks_like_url(text) && !text.contains(' ') {
        return FieldKind::Url;
    }
    if looks_like_path(text) {
        return FieldKind::Path;
    }
    match text.parse::<IpAddr>() {
        Ok(ip) if host::class_of(ip) != AddressClass::Public => FieldKind::Host,
        _ => FieldKind::Text,
    }
}

fn is_file_url(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

/// `/abs`, `~`, `~/x`, `../x`, `./x`, `..\x`, `C:\x`, `\\server\share`, `$HOME/x`.
fn looks_like_path(text: &str) -> bool {
    const BEGINNINGS: [&str; 9] = ["~/", "../", "./", r"..\", r".\", r"\\", "$HOME", "${HOME}", "%2e%2e"];
    let absolute = text.starts_with('/') && text.len() > 1 && !text.starts_with("/ ") && !text.contains(" /");
    let drive = matches!(text.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
    absolute || drive || matches!(text, "~" | "..") || BEGINNINGS.iter().any(|start| text.starts_with(start))
}

/// `a/b`, `notes.txt`: no sentence, no address, with a separator or an ending.
fn looks_like_relative_path(text: &str) -> bool {
    let one_word = !text.contains([' ', '@', ':', ',', '\n']);
    let has_ending = text.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=8).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    one_word && (text.contains('/') || has_ending || text.starts_with('.'))
}

fn by_address(text: &str) -> FieldKind {
    let trimmed = text.trim();
    if is_file_url(trimmed) {
        return FieldKind::Path;
    }
    if url::looks_like_url(trimmed) || trimmed.starts_with("//") {
        return FieldKind::Url;
    }
    let host_like = trimmed.contains(['.', ':']) || trimmed.eq_ignore_ascii_case("localhost");
    let route = trimmed.starts_with('/');
    if host_like && !route && !trimmed.contains(' ') { FieldKind::Url } else { FieldKind::Text }
}

/// Whether `text` is SQL rather than a question in words that begins alike.
fn reads_like_sql(text: &str) -> bool {
    const BEGINNINGS: [&str; 29] = [
        "alter", "analyze", "attach", "begin", "call", "copy", "create", "delete", "describe", "drop",
        "exec", "execute", "explain", "grant", "insert", "load", "merge", "pragma", "rename", "replace",
        "revoke", "select", "set", "show", "truncate", "update", "vacuum", "values", "with",
    ];
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ';'));
    if start.starts_with("/*") || start.starts_with("--") {
        return true;
    }
    let first: String = start
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .take(16)
        .collect();
    BEGINNINGS.binary_search(&first.as_str()).is_ok()
        && (sql::statements(text, None).is_ok() || has_sql_structure(text))
}

/// Two words that follow each other in SQL and hardly anywhere else.
fn has_sql_structure(text: &str) -> bool {
    const PAIRS: [(&str, &[&str]); 9] = [
        ("alter", &["table", "user", "role", "database"]),
        ("create", &["table", "user", "role", "database", "index", "view", "function"]),
        ("delete", &["from"]),
        ("drop", &["table", "database", "schema", "view", "user", "index"]),
        ("insert", &["into"]),
        ("merge", &["into"]),
        ("replace", &["into"]),
        ("truncate", &["table"]),
        ("union", &["select", "all"]),
    ];
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let paired = words.windows(2).any(|pair| {
        let [first, second] = pair else { return false };
        PAIRS.iter().any(|(word, after)| word == first && after.contains(second))
    });
    paired
        || (words.first() == Some(&"select")
            && words.contains(&"from")
            && lower.contains(['*', ',', '=', ';']))
        || (words.first() == Some(&"update") && words.contains(&"set") && lower.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted_by_key(|(name, _)| *name));
    }
}
