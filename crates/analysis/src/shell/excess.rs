//! Commands that use up the machine, and commands that only serve to hide what they do.

use super::plan::{Command, Part, Statement, Word};
use crate::program::Arg;
use stayhand_core::facts::{Access, Operation};

/// Whether a command writes without end: it copies an endless device, or repeats itself, into a file.
pub(super) fn writes_without_end(words: &[Arg], redirected: &Operation) -> bool {
    let Some((name, rest)) = words.split_first() else { return false };
    let into_file = redirected.paths.iter().any(|used| used.access == Access::Write);
    let endless = |word: &Arg| matches!(word.text.as_str(), "/dev/zero" | "/dev/urandom" | "/dev/random");
    match name.text.as_str() {
        "yes" => into_file,
        "cat" | "tee" | "pv" => into_file && rest.iter().any(endless),
        "cp" => rest.first().is_some_and(endless),
        "dd" => {
            let has = |start: &str| rest.iter().any(|word| word.text.starts_with(start));
            let reads = rest.iter().filter_map(|word| word.text.strip_prefix("if="));
            let mut reads = reads.map(Arg::exact);
            let writes_file = rest.iter().any(|word| {
                word.text
                    .strip_prefix("of=")
                    .is_some_and(|file| !file.is_empty() && !file.starts_with("/dev/"))
            });
            reads.any(|file| endless(&file)) && writes_file && !has("count=")
        }
        _ => false,
    }
}

/// Whether a loop never ends by itself: its condition always holds and nothing in its body leaves or waits.
pub(super) fn never_ends(test: &[Statement], arms: &[Vec<Statement>]) -> bool {
    let always = |statement: &Statement| matches!(statement, Statement::Command(command) if matches!(first_word(command), Some("true" | ":")));
    matches!(test, [only] if always(only)) && !arms.iter().flatten().any(leaves_or_waits)
}

/// Whether a loop's body starts processes without waiting for them.
pub(super) fn forks(arms: &[Vec<Statement>]) -> bool {
    arms.iter().flatten().any(|statement| matches!(statement, Statement::Subshell(_)))
}

fn leaves_or_waits(statement: &Statement) -> bool {
    match statement {
        Statement::Command(command) => {
            matches!(
                first_word(command),
                Some(
                    "break"
                        | "return"
                        | "exit"
                        | "sleep"
                        | "wait"
                        | "read"
                        | "kill"
                        | "inotifywait"
                        | "usleep"
                )
            )
        }
        Statement::AndOr { first, rest } => {
            leaves_or_waits(first) || rest.iter().any(|(_, next)| leaves_or_waits(next))
        }
        Statement::Group(body) | Statement::Negated(body) | Statement::Pipeline(body) => {
            body.iter().any(leaves_or_waits)
        }
        Statement::Choice { test, arms, .. } => test.iter().chain(arms.iter().flatten()).any(leaves_or_waits),
        Statement::Redirected { body, .. } => leaves_or_waits(body),
        _ => false,
    }
}

/// The first word of a command, where it is plain text.
pub(super) fn first_word(command: &Command) -> Option<&str> {
    command.words.first()?.plain()
}

/// The program that a statement calls, where it prints nothing for certain, unless a function has its name.
pub(super) fn silent_program(statement: &Statement) -> Option<&str> {
    const SILENT: [&str; 12] =
        [":", "[", "cd", "export", "false", "mkdir", "set", "sleep", "test", "touch", "true", "umask"];
    let Statement::Command(command) = statement else { return None };
    let words = command.words.iter().map(Word::plain).collect::<Option<Vec<&str>>>()?;
    // `cd -` names the folder, and an option may ask to hear more.
    let (name, rest) = words.split_first()?;
    let speaks = |word: &&str| word.starts_with('-') && *word != "-p";
    let is_silent = match *name {
        "test" | "[" => true,
        "umask" | "export" | "set" => !rest.is_empty() && !rest.iter().any(speaks),
        name => SILENT.contains(&name) && !rest.iter().any(speaks),
    };
    is_silent.then_some(*name)
}

/// The program that a statement calls, where it prints more than the end of a line for certain, unless a function has its name.
pub(super) fn speaking_program(statement: &Statement) -> Option<&str> {
    let Statement::Command(command) = statement else { return None };
    let name = first_word(command)?;
    let mut rest = command.words.iter().skip(1).map(Word::plain);
    let speaks = match name {
        // What these print is their words, which are known as they are.
        "echo" | "printf" | "pwd" | "whoami" | "hostname" | "nproc" | "uname" | "id" => true,
        "mktemp" => rest.all(|word| matches!(word, Some("-d" | "-u" | "-q" | "-p" | "-t"))),
        "date" => rest.flatten().any(|word| {
            word.starts_with('+')
                && ["%Y", "%F", "%s", "%d", "%H", "%T", "%j"].iter().any(|field| word.contains(field))
        }),
        _ => false,
    };
    (speaks && command.redirects.is_empty()).then_some(name)
}

/// Whether words come from variables: what such an `eval` runs, its text does not show.
pub(super) fn takes_variables(command: &Command) -> bool {
    command.words.iter().flat_map(|word| &word.parts).any(|part| matches!(part, Part::Variable { .. }))
}

/// Whether a pipe encodes its data and decodes it at once: that only hides a plain read.
pub(super) fn goes_round(stages: &[Statement]) -> bool {
    const CODECS: [&str; 17] = [
        "base64",
        "base32",
        "base58",
        "basenc",
        "basez",
        "ascii85",
        "xxd",
        "rev",
        "gzip",
        "bzip2",
        "xz",
        "zstd",
        "lz4",
        "openssl",
        "uuencode",
        "b64encode",
        "tac",
    ];
    let decodes = |command: &Command| {
        command.words.iter().skip(1).any(|word| {
            matches!(word.parts.as_slice(), [Part::Text { text, .. }]
                if matches!(text.as_str(), "-d" | "-D" | "--decode" | "--decompress" | "-r" | "-dc" | "-cd"))
        })
    };
    stages.windows(2).any(|pair| {
        let [Statement::Command(first), Statement::Command(second)] = pair else { return false };
        let (Some(one), Some(other)) = (first_word(first), first_word(second)) else { return false };
        let undone = matches!(
            (one, other),
            ("uuencode", "uudecode") | ("b64encode", "b64decode") | ("gzip", "gunzip")
        );
        CODECS.contains(&one)
            && (undone
                || one == other && (decodes(second) && !decodes(first) || matches!(one, "rev" | "tac")))
    })
}
