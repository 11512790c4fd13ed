//! What shows a lot, and is cut down to one thing by the next stage of its pipe: `env | grep ^PATH`.

use super::excess::first_word;
use super::plan::{Statement, Word};
use stayhand_core::facts::{Operation, Trait};

/// Whether a stage of a pipe lets through only lines with one plain word, which names no secret.
pub(super) fn to_one_thing(stage: &Statement) -> bool {
    let Statement::Command(command) = stage else { return false };
    let greps = matches!(first_word(command), Some("grep" | "egrep" | "fgrep"));
    let words: Option<Vec<&str>> = command.words.iter().skip(1).map(Word::plain).collect();
    let Some(words) = words.filter(|_| greps && command.redirects.is_empty()) else { return false };
    let (options, operands): (Vec<&str>, Vec<&str>) =
        words.into_iter().partition(|word| word.starts_with('-'));
    // No `-v`, no `-f`, and none that shows the lines around.
    let harmless = |option: &str| {
        option.len() > 1 && option.bytes().skip(1).all(|letter| b"EFGPcilnoqswxh".contains(&letter))
    };
    options.iter().all(|option| harmless(option)) && matches!(operands.as_slice(), [only] if is_plain(only))
}

/// What is left of showing all variables, where only one thing of it is let through.
pub(super) fn show_less(shown: &mut Operation) {
    const ALL_VARIABLES: [&str; 6] = ["declare", "env", "export", "printenv", "set", "typeset"];
    if shown.program.as_ref().is_some_and(|program| ALL_VARIABLES.contains(&program.name.as_str())) {
        shown.does = shown.does.iter().filter(|item| *item != Trait::Reveal).collect();
    }
}

/// A word of letters, perhaps at the beginning of a line or before `=`.
fn is_plain(pattern: &str) -> bool {
    const SECRETS: [&str; 10] =
        ["key", "token", "secret", "pass", "pwd", "auth", "cred", "api", "priv", "session"];
    let word = pattern.trim_start_matches('^').trim_end_matches(['$', '=']);
    let lower = word.to_ascii_lowercase();
    word.len() > 2
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !SECRETS.iter().any(|secret| lower.contains(secret))
}
