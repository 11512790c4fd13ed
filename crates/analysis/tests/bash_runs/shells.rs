//! The two sides: what the real shell says, and what we say.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use stayhand_analysis::{Surroundings, shell};
use stayhand_core::facts::{Operation, Program};
use std::process::{Command, Stdio};

/// Where nothing can be made.
pub(crate) const HOME: &str = "/proc/home";

/// How many texts are tried; more where `PROPTEST_CASES` asks for them.
pub(crate) fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(asked.unwrap_or(10_000)) }
}

/// What `rm` is: it says its words.
const SAYS_WORDS: &str = "rm() { command printf '%s\\0' \"$@\" >&9; }";
/// It says what they name in the folder where it stands.
pub(crate) const SAYS_PATHS: &str = "rm() { local word; for word do
    case $word in -* | '') continue;; /*) ;; *) word=$(command pwd -P)/$word;; esac
    command printf '%s\\0' \"$word\" >&9
done; }";

/// The words that the shell comes to call `rm` with, in an empty folder that is `/w` in them; `None`, and a word about it, where
/// there is no such shell.
pub(crate) fn removed(shell: &str, text: &str) -> Option<Vec<String>> {
    told(SAYS_WORDS, &[], shell, text)
}

pub(crate) fn told(rm: &str, folders: &[&str], shell: &str, text: &str) -> Option<Vec<String>> {
    let words = run(rm, folders, shell, text);
    if words.is_none() {
        eprintln!("NOT RUN: there is no {shell} or no folder for it");
    }
    words
}

fn run(rm: &str, folders: &[&str], shell: &str, text: &str) -> Option<Vec<String>> {
    let above = tempfile::Builder::new().prefix("t").tempdir().ok()?;
    let folder = above.path().join("w");
    std::fs::create_dir(&folder).ok()?;
    folders.iter().try_for_each(|within| std::fs::create_dir(folder.join(within)).ok())?;
    let home = folders.last().map_or_else(|| HOME.into(), |last| folder.join(last));
    let script = format!("{rm}; exec 9>../said\n{text}");
    // A text that waits for something is ended.
    let mut child = Command::new("/usr/bin/timeout");
    child.args(["--signal=KILL", "5", shell, "-c", &script]);
    child.current_dir(folder).env_clear().env("PATH", "/nonexistent").env("HOME", home);
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let said = String::from_utf8_lossy(&std::fs::read(above.path().join("said")).ok()?).into_owned();
    let above = above.path().to_string_lossy().into_owned();
    Some(said.split_terminator('\0').map(|word| word.replace(&above, "")).collect())
}

/// What a text does as we understand it; `None` where we say that we do not.
pub(crate) fn understood(text: &str, home: &str) -> Option<Vec<Operation>> {
    let operations = shell::operations(text, &Surroundings { cwd: "/w", workspace: "/w", home });
    operations.iter().all(|op| op.opaque.is_empty()).then_some(operations)
}

/// The words of what is removed as we understand the text; `None` where we say that we do not.
pub(crate) fn seen(text: &str) -> Option<Vec<String>> {
    let operations = understood(text, HOME)?;
    let is_rm = |program: &Program| program.name == "rm";
    let removals = operations.into_iter().filter(|op| op.program.as_ref().is_some_and(is_rm));
    Some(removals.flat_map(|op| op.args).collect())
}

/// What is removed and not seen.
pub(crate) fn missed(shell: &str, seen_as: &str, text: &str) -> Vec<String> {
    let Some(seen) = seen(seen_as) else { return Vec::new() };
    let removed = removed(shell, text).unwrap_or_default();
    // A number may be that of the process. The dollar of `$'…'` is one of the word for `dash`, which makes it another name.
    let is_told =
        |word: &String| word.contains("etc") && !word.contains(|c: char| c.is_ascii_digit() || c == '$');
    // What stands for any name may be none.
    let is_it =
        |arg: &String, word: &String| arg == word || arg.replace("[0-9]", "").replace('*', "") == *word;
    removed.into_iter().filter(is_told).filter(|word| !seen.iter().any(|arg| is_it(arg, word))).collect()
}

/// Whether what we say of a word covers what it is.
pub(crate) fn covers(arg: &str, word: &str) -> bool {
    let Some((before, rest)) = arg.split_once("[0-9]").or_else(|| arg.split_once('*')) else {
        return arg == word;
    };
    let Some(word) = word.strip_prefix(before) else { return false };
    let deep = rest.starts_with('*');
    let ends = (0..=word.len()).filter(|end| word.is_char_boundary(*end));
    ends.filter(|end| word.get(..*end).is_some_and(|name| name != ".." && (deep || !name.contains('/'))))
        .any(|end| covers(rest.trim_start_matches('*'), word.get(end..).unwrap_or_default()))
}

/// One to five statements in a row, and what stands between them and what follows.
pub(crate) fn in_a_row(statements: &'static [&'static str]) -> impl Strategy<Value = String> {
    let signs: &[&str] = &["; ", "; ", "; ", "\n", " && ", " || "];
    vec((select(statements), select(signs)), 1..6)
        .prop_map(|row| row.into_iter().flat_map(|(statement, sign)| [statement, sign]).collect())
}
