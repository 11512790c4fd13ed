//! Programs that no table describes: what their words alone say.
//!
//! Such a program is code that somebody installed. It may touch more than its words name, which only
//! confinement bounds ([`Trait::Indefinite`]). What its words do name is judged as usual; what sounds
//! like a consequence that confinement does not bound stays opaque.

use super::paths::{FolderUse, add_path, note};
use super::{Arg, MAX_DEPTH, Report, Situation, run, short, static_words};
use crate::url;
use stayhand_core::facts::{Access, Aspect, Operation, Program, Trait};

/// How many words are tried as the beginning of another command.
const MOST_COMMANDS: usize = 6;

/// What running `program` with `words` would do, as far as they say.
pub(super) fn infer(program: Program, words: &[Arg], situation: &Situation<'_>) -> Report {
    let name = program.name.clone();
    let mut operation =
        Operation { program: Some(program), args: static_words(words), ..Operation::default() };
    if !is_plausible_name(&name) {
        note(&mut operation, Aspect::Effects, format!("the program `{}` is not known", short(&name)));
        return Report::of(operation);
    }
    operation.does.insert(Trait::ExecuteCode);
    operation.does.insert(Trait::Indefinite);
    if situation.input.fetched {
        note(&mut operation, Aspect::Effects, format!("`{}` is given what is downloaded", short(&name)));
    }
    let only_tells = matches!(words, [word] if TELLING.contains(&word.text.as_str()));
    if let Some(verb) = consequence(&name, words).filter(|_| !only_tells) {
        note(&mut operation, Aspect::Effects, format!("`{}` may {}", short(&name), short(verb)));
    }
    for word in words {
        name_of_thing(&mut operation, word, situation);
    }
    let mut operations = vec![operation];
    operations.extend(inner_commands(words, situation));
    Report { operations, output: Vec::new() }
}

/// Whether a program may be called so. Programs of another system are nothing to be bounded here.
fn is_plausible_name(name: &str) -> bool {
    const FOREIGN: [&str; 8] = ["exe", "cmd", "bat", "ps1", "com", "vbs", "msi", "scr"];
    if name.rsplit_once('.').is_some_and(|(_, end)| FOREIGN.iter().any(|kind| end.eq_ignore_ascii_case(kind)))
    {
        return false;
    }
    let mut bytes = name.bytes();
    let number = name.bytes().all(|byte| byte.is_ascii_digit());
    !number
        && bytes.next().is_some_and(|first| first.is_ascii_alphanumeric() || matches!(first, b'_' | b'.'))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+'))
}

/// The first word that sounds like something confinement does not bound.
pub(super) fn consequence<'w>(name: &'w str, words: &'w [Arg]) -> Option<&'w str> {
    let of_name = name.split(['-', '_', '.', '+']).find(|part| sounds_like_consequence(part));
    let of_words = || {
        let mut commands = words.iter().filter(|word| !word.text.starts_with('-')).take(3);
        commands.find_map(|word| {
            let mut parts = word.text.split(['-', '_', ':']);
            parts.find(|part| sounds_like_consequence(part))
        })
    };
    let of_options = || {
        words.iter().find_map(|word| {
            let option = word.text.strip_prefix('-')?.trim_start_matches('-');
            let option = option.split('=').next().unwrap_or_default();
            let is_verb = option.split('-').any(sounds_like_consequence) || OPTIONS.contains(&option);
            is_verb.then_some(option)
        })
    };
    of_name.or_else(of_words).or_else(of_options).or_else(|| words.iter().find_map(command_text))
}

fn sounds_like_consequence(word: &str) -> bool {
    const LONGEST: usize = 9;
    (2..=LONGEST).contains(&word.len()) && VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// A word that reads like a command line or a piece of code.
fn command_text(word: &Arg) -> Option<&str> {
    let text = word.text.as_str();
    let code = text.contains([';', '`', '|']) || text.contains("$(") || text.contains("${");
    (code && !text.contains("://")).then_some("run what it is given")
}

/// A path or an address.
pub(super) fn name_of_thing(operation: &mut Operation, word: &Arg, situation: &Situation<'_>) {
    if word.is_unknown() && word.text.is_empty() {
        return;
    }
    let (skip, text) = thing_in(&word.text);
    if text.contains("://") {
        return address(operation, text);
    }
    let looks_like_path = text.starts_with(['/', '~', '.']) || text.contains('/') || has_extension(text);
    if looks_like_path {
        used_path(operation, &Arg { tilde: word.tilde && skip == 0, ..word.after(skip) }, situation);
    }
}

/// The part of a word that may name something: what follows `=`, or an option's letters.
fn thing_in(text: &str) -> (usize, &str) {
    let skip = match text.find('=') {
        Some(at) if !text.get(..at).is_some_and(|name| name.contains(['/', ':', '?'])) => at + 1,
        _ if text.starts_with('-') => text.find(['/', '~']).unwrap_or(text.len()),
        _ => 0,
    };
    (skip, text.get(skip..).unwrap_or_default())
}

fn has_extension(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(stem, end)| {
        !stem.is_empty()
            && !stem.ends_with(' ')
            && (1..=8).contains(&end.len())
            && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !end.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn address(operation: &mut Operation, text: &str) {
    operation.does.insert(Trait::Network);
    match url::host_use(text, None) {
        Ok(host) if operation.hosts.contains(&host) => {}
        Ok(host) => operation.hosts.push(host),
        Err(opaque) if text.starts_with("http") => note(operation, opaque.aspect, opaque.why),
        // Of another scheme: some host, or none.
        Err(_) => {}
    }
}

/// A path may be read, and written where that is the program's usual business. Elsewhere it is not known.
fn used_path(operation: &mut Operation, arg: &Arg, situation: &Situation<'_>) {
    let place = FolderUse { situation, folders: situation.folders };
    let mark = operation.paths.len();
    add_path(operation, Access::Read, arg, false, &place);
    let within = |path: &str, folder: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let own = operation.paths.iter().skip(mark).all(|used| {
        let folders = [situation.workspace, "/tmp", "/var/tmp"];
        used.place.is_none() && folders.iter().any(|folder| within(&used.lexical, folder))
    });
    if own && !arg.is_unknown() {
        add_path(operation, Access::Write, arg, false, &place);
    } else if let Some(used) = operation.paths.get(mark) {
        let why = format!("whether it changes `{}` is not known", short(&used.lexical));
        note(operation, Aspect::Effects, why);
    }
}

/// The words of a program that no table describes may be another command.
fn inner_commands(words: &[Arg], situation: &Situation<'_>) -> Vec<Operation> {
    if situation.depth >= MAX_DEPTH {
        return vec![Operation::opaque(Aspect::Program, "commands are nested too deeply")];
    }
    let known = |word: &Arg| {
        let name = word.known().map(|text| text.rsplit('/').next().unwrap_or_default());
        name.is_some_and(|name| !is_everyday_word(name) && situation.programs.known(name).is_some())
    };
    let starts = words.iter().enumerate().filter(|(_, word)| known(word)).map(|(at, _)| at);
    let mut found = Vec::new();
    let inner = Situation { depth: situation.depth + 1, ..*situation };
    for start in starts.take(MOST_COMMANDS) {
        for mut operation in run(words.get(start..).unwrap_or_default(), &inner).operations {
            // It is not certain that the word is a command: what a command would not understand is none.
            operation.opaque.retain(|opaque| !matches!(opaque.aspect, Aspect::Arguments | Aspect::Paths));
            found.push(operation);
        }
    }
    found
}

/// Names of programs that are ordinary sub-commands and values as well, and do nothing to worry about or
/// need no more than a word (`test`, `list`).
fn is_everyday_word(name: &str) -> bool {
    EVERYDAY.contains(&name)
}

static EVERYDAY: &[&str] = &[
    ".", ":", "[", "access", "add", "all", "as", "at", "build", "cat", "check", "command", "compare",
    "config", "convert", "count", "cut", "date", "diff", "display", "doctor", "edit", "exit", "export",
    "expand", "factor", "false", "fast", "file", "find", "fix", "fmt", "fold", "format", "from", "get", "go",
    "graph", "group", "groups", "head", "help", "history", "host", "hostname", "id", "identify", "import",
    "info", "init", "install", "ip", "jobs", "join", "key", "keys", "last", "less", "let", "link", "links",
    "list", "local", "locate", "log", "logs", "look", "ls", "m4", "mail", "make", "man", "merge", "mode",
    "monitor", "more", "mount", "name", "new", "nl", "open", "pack", "paste", "patch", "path", "ping",
    "play", "pr", "print", "port", "profile", "ps", "r", "read", "repo", "report", "return", "rev", "route",
    "script", "search", "secret", "security", "seq", "serve", "service", "session", "set", "shift", "show",
    "sort", "source", "split", "start", "stat", "stats", "status", "strings", "sum", "sync", "tag", "tail",
    "task", "tee", "test", "time", "top", "touch", "tr", "tree", "true", "type", "uniq", "update", "upgrade",
    "user", "users", "version", "view", "vm", "wait", "watch", "wc", "web", "what", "which", "who", "yes",
];

/// Words that ask for help alone.
const TELLING: &[&str] = &["--help", "-help", "-h", "help", "--version", "-V", "version", "--usage"];

/// Words that sound like a consequence that confinement does not bound.
static VERBS: &[&str] = &[
    "apply",
    "deploy",
    "delete",
    "destroy",
    "drop",
    "erase",
    "exec",
    "execute",
    "grant",
    "kill",
    "nuke",
    "overwrite",
    "provision",
    "publish",
    "purge",
    "push",
    "reboot",
    "release",
    "reset",
    "revoke",
    "rm",
    "send",
    "shell",
    "shred",
    "shutdown",
    "terminate",
    "truncate",
    "uninstall",
    "unlink",
    "upload",
    "wipe",
    "poweroff",
    "eval",
    "zap",
    "prune",
    "cleanup",
    "transfer",
    "su",
    "sudo",
];

/// Options that override questions or run what they are given.
const OPTIONS: &[&str] =
    &["rf", "fr", "cmd", "command", "run", "preprocessor", "hook", "eval", "os-cmd", "shell"];
