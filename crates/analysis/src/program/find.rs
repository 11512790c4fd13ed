//! `find`: where it looks, what it narrows the search to, and what it does with what it finds.

use super::paths::{FolderUse, add_path, note};
use super::{Arg, Report, Situation, run, short, static_words, wrapped};
use stayhand_core::facts::{Access, Aspect, Operation, Program};

/// What `find` would do with `words`.
pub(super) fn interpret(program: Program, words: &[Arg], situation: &Situation<'_>) -> Report {
    let operation = Operation { program: Some(program), args: static_words(words), ..Operation::default() };
    let mut search =
        Search { operation, situation, nested: Vec::new(), narrow: Narrow::default(), roots: Vec::new() };
    let mut words = words.iter().peekable();
    while let Some(word) = words.next_if(|word| is_root(word)) {
        if !matches!(word.text.as_str(), "-H" | "-L" | "-P") {
            search.roots.push(word.clone());
        }
    }
    if search.roots.is_empty() {
        search.roots.push(Arg::exact("."));
    }
    let expression: Vec<&Arg> = words.collect();
    search.read_tests(&expression);
    search.list();
    search.read_actions(&expression);
    let output = search.found();
    let mut operations = vec![search.operation];
    operations.append(&mut search.nested);
    Report { operations, output }
}

/// Whether a word in the expression is neither a test nor an action.
fn is_stray(word: &Arg) -> bool {
    !word.is_unknown() && !word.text.starts_with('-') && !PLAIN.contains(&word.text.as_str())
}

fn is_root(word: &Arg) -> bool {
    matches!(word.text.as_str(), "-H" | "-L" | "-P")
        || word.is_unknown()
        || !(word.text.starts_with(['-', '(', ')', ',']) || word.text == "!")
}

/// What the tests say about the names that are found.
#[derive(Default)]
struct Narrow {
    /// Some test leaves things out.
    any: bool,
    /// The only name pattern, where the expression is a plain conjunction.
    name: Option<String>,
    /// Names are combined in ways that the pattern does not describe.
    mixed: bool,
    /// `-maxdepth 1` or less.
    shallow: bool,
    /// Folders are not among what is found.
    files: bool,
}

struct Search<'a> {
    operation: Operation,
    situation: &'a Situation<'a>,
    nested: Vec<Operation>,
    narrow: Narrow,
    roots: Vec<Arg>,
}

impl Search<'_> {
    fn path(&mut self, access: Access, arg: &Arg, recursive: bool) {
        let place = FolderUse { situation: self.situation, folders: self.situation.folders };
        add_path(&mut self.operation, access, arg, recursive, &place);
    }

    fn list(&mut self) {
        for root in self.roots.clone() {
            self.path(Access::List, &root, true);
        }
    }

    /// The first pass: what is found. A name among the tests makes `find` give up, or is a further place to look at.
    fn read_tests(&mut self, expression: &[&Arg]) {
        let mut words = expression.iter();
        while let Some(word) = words.next() {
            match word.text.as_str() {
                _ if is_stray(word) => self.roots.push((*word).clone()),
                "-exec" | "-execdir" | "-ok" | "-okdir" => {
                    words.by_ref().find(|word| matches!(word.text.as_str(), ";" | "+"));
                }
                "-name" => self.name(words.next()),
                "-f" => self.roots.extend(words.next().map(|root| (*root).clone())),
                "-maxdepth" => {
                    let depth = words.next().and_then(|word| word.known());
                    self.narrow.shallow |= matches!(depth, Some("0" | "1"));
                }
                "-type" => {
                    let kinds = words.next().and_then(|word| word.known());
                    self.narrow.files |= kinds.is_some_and(|kinds| !kinds.contains('d'));
                }
                "-o" | "-or" | "!" | "-not" | "(" | ")" | "," => self.narrow.mixed = true,
                // All files, or all but the folder itself, are still everything.
                "-mindepth" => {
                    words.next();
                }
                text if TESTS_WITH_VALUE.contains(&text) => {
                    self.narrow.any = true;
                    words.next();
                }
                text if text.starts_with("-newer") || ACTIONS_WITH_VALUE.contains(&text) => {
                    self.narrow.any |= text.starts_with("-newer");
                    words.next();
                    if text == "-fprintf" {
                        words.next();
                    }
                }
                text if TESTS.contains(&text) => self.narrow.any = true,
                _ => {}
            }
        }
    }

    fn name(&mut self, pattern: Option<&&Arg>) {
        self.narrow.mixed |= self.narrow.name.is_some();
        self.narrow.name =
            pattern.filter(|pattern| !pattern.is_unknown()).map(|pattern| pattern.text.clone());
        self.narrow.any |= self.narrow.name.as_deref().is_some_and(|name| name != "*");
    }

    /// The names that are found, as patterns below the roots.
    fn found(&self) -> Vec<Arg> {
        let mut found = Vec::new();
        for root in &self.roots {
            if root.is_unknown() {
                found.push(Arg::unknown());
                continue;
            }
            if !self.narrow.any {
                found.push(root.clone());
            }
            let name = self.narrow.name.as_deref().filter(|_| !self.narrow.mixed);
            let steps = match (self.narrow.shallow, name) {
                (true, Some(name)) => name.to_owned(),
                (true, None) if !self.narrow.any => "*".to_owned(),
                (false, Some(name)) => format!("**/{name}"),
                (_, None) => "**".to_owned(),
            };
            found.push(Arg {
                tilde: root.tilde,
                ..Arg::pattern(format!("{}/{steps}", root.text.trim_end_matches('/')))
            });
        }
        found
    }

    /// The second pass: what is done with it.
    fn read_actions(&mut self, expression: &[&Arg]) {
        let mut words = expression.iter();
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "-delete" => self.delete(),
                "-exec" | "-execdir" | "-ok" | "-okdir" => {
                    let command: Vec<Arg> = words
                        .by_ref()
                        .take_while(|word| !matches!(word.text.as_str(), ";" | "+"))
                        .map(|word| (*word).clone())
                        .collect();
                    self.execute(&command);
                }
                "-fprint" | "-fprint0" | "-fls" => {
                    if let Some(file) = words.next() {
                        self.path(Access::Write, file, false);
                    }
                }
                "-fprintf" => {
                    if let Some(file) = words.next() {
                        self.path(Access::Write, file, false);
                    }
                    words.next();
                }
                "-files0-from" => {
                    words.next();
                    note(&mut self.operation, Aspect::Paths, "the folders to search are not known");
                }
                "-name" | "-type" | "-maxdepth" | "-printf" | "-f" => {
                    words.next();
                }
                text if TESTS_WITH_VALUE.contains(&text) => {
                    words.next();
                }
                text if TESTS.contains(&text) || PLAIN.contains(&text) => {}
                text if text.starts_with("-newer") => {
                    words.next();
                }
                _ if word.is_unknown() => {
                    note(&mut self.operation, Aspect::Arguments, "a part of the search is not known");
                }
                _ if is_stray(word) => {}
                text => {
                    let why = format!("`find` option `{}` is not known", short(text));
                    note(&mut self.operation, Aspect::Arguments, why);
                }
            }
        }
    }

    /// `-delete` removes the names that are found; without a test that is everything.
    fn delete(&mut self) {
        let everything = !self.narrow.any;
        for found in self.found() {
            self.path(Access::Delete, &found, everything && found.is_exact());
        }
    }

    fn execute(&mut self, command: &[Arg]) {
        let situation = Situation { depth: self.situation.depth + 1, ..*self.situation };
        for found in self.found() {
            let words: Vec<Arg> = command.iter().map(|word| wrapped::replace(word, "{}", &found)).collect();
            for operation in run(&words, &situation).operations {
                if !self.nested.contains(&operation) {
                    self.nested.push(operation);
                }
            }
        }
    }
}

/// Tests, and options that change what is found, that take a value.
static TESTS_WITH_VALUE: &[&str] = &[
    "-amin",
    "-anewer",
    "-atime",
    "-cmin",
    "-cnewer",
    "-context",
    "-ctime",
    "-fstype",
    "-gid",
    "-group",
    "-ilname",
    "-iname",
    "-inum",
    "-ipath",
    "-iregex",
    "-iwholename",
    "-links",
    "-lname",
    "-mindepth",
    "-mmin",
    "-mtime",
    "-newer",
    "-newermt",
    "-newerct",
    "-newerat",
    "-newermm",
    "-path",
    "-perm",
    "-regex",
    "-regextype",
    "-samefile",
    "-size",
    "-uid",
    "-used",
    "-user",
    "-wholename",
    "-xtype",
];

/// Actions with a value that names no test; `-fprintf` has two.
const ACTIONS_WITH_VALUE: &[&str] = &["-printf", "-fprint", "-fprint0", "-fls", "-fprintf", "-files0-from"];

/// Tests without a value.
const TESTS: &[&str] = &["-empty", "-executable", "-false", "-nogroup", "-nouser", "-readable", "-writable"];

/// Actions and options that change nothing.
static PLAIN: &[&str] = &[
    "!",
    "(",
    ")",
    ",",
    "-a",
    "-and",
    "-d",
    "-daystart",
    "-depth",
    "-follow",
    "-ignore_readdir_race",
    "-ls",
    "-mount",
    "-noleaf",
    "-nowarn",
    "-not",
    "-o",
    "-or",
    "-print",
    "-print0",
    "-prune",
    "-quit",
    "-true",
    "-warn",
    "-xdev",
    "-E",
    "--help",
    "-help",
    "--version",
    "-version",
    "-noignore_readdir_race",
    "-x",
    "-s",
];
