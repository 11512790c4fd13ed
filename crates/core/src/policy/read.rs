//! Reads a policy file: YAML within limits, with errors that point at the place and say what to do.

use super::error::{Problem, Source, Span};
use super::source::PolicySource;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter, Spanned};

/// The largest policy file, in bytes.
const MAX_FILE_BYTES: usize = 4 << 20;

/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 64;

/// Reads a file. An empty one, or one of comments alone, is a policy that says nothing.
pub(crate) fn read(source: &Source) -> Result<PolicySource, Problem> {
    let text = source.inner();
    if text.len() > MAX_FILE_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20);
        return Err(Problem::error(source, None, message));
    }
    if text.trim().is_empty() {
        return Ok(PolicySource::default());
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH, max_nodes: 500_000, max_aliases: 1_000, max_documents: 1,
        },
    };
    let read: Result<Option<PolicySource>, _> = serde_saphyr::from_str_with_options(text, options);
    read.map(Option::unwrap_or_default).map_err(|error| problem(source, &error))
}

/// The place of a written value.
pub(crate) fn place<T>(source: &Source, value: &Spanned<T>) -> Option<Span> {
    span(source.inner(), value.defined)
}

fn problem(source: &Source, error: &Error) -> Problem {
    let at = error.location().and_then(|location| span(source.inner(), location));
    let (message, help) = explain(error);
    Problem::error(source, at, message)
        .help(help.unwrap_or_else(|| "`stayhand policy schema` prints the keys that exist".to_owned()))
}

/// The byte offset and length of the first word at a location.
fn span(text: &str, at: Location) -> Option<Span> {
    let stated = at.span().byte_offset().and_then(|offset| usize::try_from(offset).ok());
    let offset = stated.or_else(|| offset_of(text, at.line(), at.column()))?;
    let line = text.get(offset..)?.split(['\n', '\r']).next().unwrap_or_default();
    let word = match line.find([':', ' ', ',', ']', '}', '{', '[']) {
        Some(0) | None if line.starts_with(['{', '[']) => 1,
        Some(end) => end,
        None => line.len(),
    };
    Some((offset, word.max(line.chars().next().map_or(0, char::len_utf8))))
}

/// The byte offset of a line and a column, both counted from 1.
fn offset_of(text: &str, line: u64, column: u64) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?.split(['\n', '\r']).next().unwrap_or_default();
    Some(start + rest.chars().take(column).map(char::len_utf8).sum::<usize>())
}

/// What is wrong, in plain words, and what to do about it where that is known.
fn explain(error: &Error) -> (String, Option<String>) {
    let help = |text: &str| Some(text.to_owned());
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => explain(error),
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("there is no key `{field}` here"), Some(choices(field, expected)))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("`{variant}` is not known here"), Some(choices(variant, expected)))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().map(|key| format!(" `{key}`")).unwrap_or_default();
            (format!("the key{key} is written twice"), help("keep one of them"))
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("expected {expected}, not {unexpected}"), None)
        }
        Error::NullIntoString { .. } => {
            ("expected a text, not nothing".to_owned(), help("put `~` in quotes for the home folder"))
        }
        Error::Unexpected { expected, .. } => (format!("expected {}", plain(expected)), None),
        Error::InvalidScalar { ty, .. } => (format!("expected {}", plain(ty)), None),
        Error::InvalidBooleanStrict { .. } => ("expected `true` or `false`".to_owned(), None),
        Error::MultipleDocuments { .. } | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            ("a policy file holds one document".to_owned(), help("remove the `---` and what follows it"))
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            (format!("nested more than {MAX_DEPTH} levels deep"), None)
        }
        Error::Budget {
            breach: BudgetBreach::Aliases { .. } | BudgetBreach::AliasAnchorRatio { .. },
            ..
        }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            ("the file uses too many aliases".to_owned(), help("write the values out"))
        }
        Error::Budget { .. } => ("the file holds too many values".to_owned(), None),
        Error::ExternalMessage { msg, .. } => (printable(msg), None),
        other => (printable(&DefaultMessageFormatter.format_message(other)), None),
    }
}

/// What the parser calls a kind of value, in words for authors.
fn plain(kind: &str) -> &str {
    match kind {
        "sequence start" => "a list",
        "mapping start" => "keys with values",
        "string scalar" => "a text",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" => "a whole number, zero or more",
        "f64" => "a number",
        other => other,
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// The name that was probably meant, or all names there are.
fn choices(given: &str, known: &[&str]) -> String {
    let near =
        known.iter().min_by_key(|name| distance(given, name)).filter(|name| distance(given, name) <= 2);
    match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Levenshtein's distance, for names of up to 32 bytes; longer ones are far from everything.
pub(super) fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 32;
    if a.len().max(b.len()) > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = std::mem::replace(row.first_mut().unwrap_or(&mut 0), i + 1);
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let here = (corner + usize::from(x != y)).min(*cell + 1).min(left + 1);
            corner = std::mem::replace(cell, here);
            left = here;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [("when", "when", 0), ("whem", "when", 1), ("", "ab", 2), ("deny", "dney", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn spans_count_characters_and_survive_the_end() {
        assert_eq!(choices("rulse", &["name", "rules"]), "did you mean `rules`?");
        assert_eq!(choices("zzzzzz", &["name", "rules"]), "known here: name, rules");
    }
}
