//! Spellings that the grammar stumbles over, said in others that the shell reads alike: `\ ` is `' '`, `$$` is
//! `"$$"`, `for x do` is `for x in "$@"; do`.
//!
//! Only what stands outside of quotes is touched, and only in texts whose quotes are simple: without heredocs,
//! comments, backticks and quotes inside of `$( … )` inside of quotes. Other texts are left alone.

/// The text in the other spelling; `None` where nothing would change, or where quotes are not simple.
pub(super) fn respelled(source: &str) -> Option<String> {
    if source.contains("<<") || source.contains(['#', '`']) || source.contains("$'") {
        return None;
    }
    let mut text = String::with_capacity(source.len() + 16);
    let mut rest = source;
    let mut changed = false;
    while let Some(first) = rest.chars().next() {
        let (taken, written) = match first {
            '\'' => (quoted(rest, '\'')?, None),
            '"' => (quoted(rest, '"')?, None),
            '\\' => escape(rest),
            '$' if rest.starts_with("$$") => (2, Some("\"$$\"".to_owned())),
            'f' if begins_word(&text) => for_each(rest),
            other => (other.len_utf8(), None),
        };
        let (before, after) = rest.split_at_checked(taken)?;
        changed |= written.is_some();
        text.push_str(written.as_deref().unwrap_or(before));
        rest = after;
    }
    changed.then_some(text)
}

/// The length of the quoted text that `text` begins with.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if std::mem::take(&mut escaped) => {}
            '\\' => escaped = quote == '"',
            char if char == quote => {
                let nested = quote == '"' && text.get(..at)?.contains("$(");
                return (!nested).then_some(at + 1);
            }
            _ => {}
        }
    }
    None
}

/// A backslash and what it quotes; blanks in the other spelling.
fn escape(text: &str) -> (usize, Option<String>) {
    match text.chars().nth(1) {
        Some(blank @ (' ' | '\t')) => (2, Some(format!("'{blank}'"))),
        Some(next) => (1 + next.len_utf8(), None),
        None => (1, None),
    }
}

fn begins_word(before: &str) -> bool {
    before.trim_end_matches([' ', '\t']).is_empty() || before.ends_with([' ', '\t', ';', '\n', '&', '|', '('])
}

/// `for NAME do`, where the words of the shell or function are meant.
fn for_each(text: &str) -> (usize, Option<String>) {
    let found = text.strip_prefix("for ").map(str::trim_start).and_then(|rest| {
        let end = rest.find([' ', '\t'])?;
        let (name, rest) = rest.split_at_checked(end)?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let rest = rest.trim_start().strip_prefix("do")?;
        (is_name && rest.starts_with([' ', '\t', '\n']))
            .then(|| (text.len() - rest.len(), format!("for {name} in \"$@\"; do")))
    });
    found.map_or((1, None), |(taken, written)| (taken, Some(written)))
}

#[cfg(test)]
mod tests {
    use super::respelled;

    #[test]
    fn says_the_same_in_another_spelling() {
        for (text, wanted) in [
            ("tr \\  x", Some("tr ' ' x")),
            ("mv a a.$$", Some("mv a a.\"$$\"")),
            ("for i do rm \"$i\"; done", Some("for i in \"$@\"; do rm \"$i\"; done")),
            ("ls a; for i do rm x; done", Some("ls a; for i in \"$@\"; do rm x; done")),
            // What is quoted already, or where quotes are not simple, stays.
            ("echo 'a\\ b'", None),
            ("echo \"a\\ b\"", None),
            ("echo \"$(ls 'a\\ b')\" \\ x", None),
            ("cat <<E\n\\ \nE", None),
            ("echo a # \\ b", None),
            ("echo 'a", None),
            ("echo for i in a", None),
            ("ls a", None),
        ] {
            assert_eq!(respelled(text).as_deref(), wanted, "{text}");
        }
    }
}
