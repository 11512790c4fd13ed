//! The tables in `programs/`: text that people can read and extend, parsed when first needed.
//!
//! # Format
//!
//! A section describes one program or sub-command. `|` separates alternatives; `#` starts a comment.
//!
//! ```text
//! [cp]                              program, or [git push] for a sub-command
//! does: publish network             effects and properties, whatever the arguments; `none` takes back
//!                                   what earlier sections say
//! operands: read... write           what the operands mean; `...` repeats, later ones are the last
//! operands@into: read...            the same when an option chose the variant `@into`
//! flag: -n --no-clobber             options without a value
//! flag recursive: -r -R             … and their effects
//! value write @into: -t             options with a value: its meaning, then effects
//! maybe text: --color               options whose value is only ever attached (`--color=auto`)
//! stdin: code                       standard input: data, shell, code, sql, sent, names
//! output: paths                     standard output: name, names, paths, tree-paths, input, temporary
//! bare: reveal                      effects where there is no operand
//! single: dry                       effects where there is one operand
//! default: list                     what is done with the current folder if no operand names a path
//! stop                              options end at the first operand
//! once                              only the first word may be an option
//! free                              words with a dash that are no known option are plain words
//! like: @name                       also has the lines of the shared section [@name]
//! ```
//!
//! A program may have several sections; where they disagree, the last line wins.
//! A spelling `-#` stands for any number (`head -20`). Effects are the names of traits, and
//! `recursive`, `opaque`, `dry`, `skip`, `rewrites`, `saves`, `saves-not`, `lists-paths`,
//! `sends-input`, `unpacks`, `unpacks-not`, `stop`, `@variant`. An option that is not listed is not known: safe forms are enumerated.

use super::spec::{Effect, Meaning, Operands, Opt, Output, Spec, Stdin, Takes};
use rustc_hash::FxHashMap;
use stayhand_core::facts::{Trait, Traits};
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};

/// All tables, one after the other. One file of `programs/` holds one family of programs.
static TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/programs.txt"));

// `INDEX`: for each name of a section where in `TEXT` the name, the rest of the heading and the lines begin and
// end; sorted by name. Numbers and no texts, because every pointer in a table is work when the program starts.
include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// Where a section lies: its heading and its lines.
type Section = (&'static str, &'static str);

/// A program or sub-command: its lines, and what they say once that is needed.
#[derive(Debug, Default)]
pub(super) struct Entry {
    lines: Vec<&'static str>,
    subs: Vec<(&'static str, Entry)>,
    spec: OnceLock<Spec>,
}

impl Entry {
    /// What the lines say.
    pub(super) fn spec(&self) -> &Spec {
        self.spec.get_or_init(|| {
            let mut spec = Spec::default();
            for lines in &self.lines {
                read_lines(&mut spec, lines);
            }
            keep_last_mentions(&mut spec);
            spec
        })
    }

    /// The sub-command `name`; a table may also name all that begin alike (`describe-*`).
    pub(super) fn sub(&self, name: &str) -> Option<&Entry> {
        let exact = self.subs.iter().find(|(sub, _)| *sub == name);
        let alike = || {
            let stems = self.subs.iter().filter_map(|(sub, entry)| Some((sub.strip_suffix('*')?, entry)));
            stems.filter(|(stem, _)| name.starts_with(stem)).max_by_key(|(stem, _)| stem.len())
        };
        exact.map(|(_, entry)| entry).or_else(|| alike().map(|(_, entry)| entry))
    }

    pub(super) fn has_subs(&self) -> bool {
        !self.subs.is_empty()
    }

    /// The sub-commands at `path`, one for each combination of alternatives; made if need be.
    pub(super) fn add(&mut self, path: &'static str, lines: &'static str) {
        if path.is_empty() {
            return self.lines.push(lines);
        }
        let (names, rest) = path.split_once(' ').unwrap_or((path, ""));
        for name in names.split('|') {
            let at = self.subs.iter().position(|(sub, _)| *sub == name);
            let at = at.unwrap_or_else(|| {
                self.subs.push((name, Self::default()));
                self.subs.len() - 1
            });
            if let Some((_, entry)) = self.subs.get_mut(at) {
                entry.add(rest, lines);
            }
        }
    }
}

/// The programs that have been asked for. They stay for the life of the process; there are no more than
/// the tables name.
static ASKED_FOR: LazyLock<RwLock<FxHashMap<&'static str, &'static Entry>>> = LazyLock::new(RwLock::default);

/// The sections for `name`, with the name as the tables write it.
fn sections_of(name: &str) -> impl Iterator<Item = (&'static str, Section)> {
    let first = INDEX.partition_point(|row| named(row).0 < name);
    INDEX.iter().skip(first).map(named).take_while(move |(known, _)| *known == name)
}

/// A row of the index: the name, and the section.
fn named(row: &[u32; 6]) -> (&'static str, Section) {
    let [name, name_end, path, path_end, lines, lines_end] = row.map(|at| at as usize);
    let piece = |from, to| TEXT.get(from..to).unwrap_or_default();
    (piece(name, name_end), (piece(path, path_end), piece(lines, lines_end)))
}

/// A copy of what the tables know about the program `name`, to be added to.
pub(super) fn entry_of(name: &str) -> Entry {
    let mut root = Entry::default();
    for (_, (path, lines)) in sections_of(name) {
        root.add(path, lines);
    }
    root
}

/// What is known about the program `name`.
pub(super) fn program(name: &str) -> Option<&'static Entry> {
    if name.starts_with('@') {
        return None;
    }
    let known = ASKED_FOR.read().unwrap_or_else(PoisonError::into_inner).get(name).copied();
    if known.is_some() {
        return known;
    }
    let (name, _) = sections_of(name).next()?;
    let root = entry_of(name);
    let mut asked_for = ASKED_FOR.write().unwrap_or_else(PoisonError::into_inner);
    Some(*asked_for.entry(name).or_insert_with(|| Box::leak(Box::new(root))))
}

fn read_lines(spec: &mut Spec, lines: &'static str) {
    for line in lines.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A line that is not understood is left out; a test sees to it that there is none.
        read_line(spec, line).unwrap_or_default();
    }
}

pub(super) fn read_line(spec: &mut Spec, line: &'static str) -> Option<()> {
    match line {
        "stop" => {
            spec.stop = true;
            return Some(());
        }
        "once" => {
            spec.once = true;
            return Some(());
        }
        "free" => {
            spec.free = true;
            return Some(());
        }
        _ => {}
    }
    let (key, rest) = line.split_once(':')?;
    let mut key = key.split_whitespace();
    match key.next()? {
        "does" => {
            for word in rest.split_whitespace() {
                if word == "none" {
                    spec.does = Traits::NONE;
                    spec.effects.clear();
                    continue;
                }
                match effect(word)? {
                    Effect::Does(item) => spec.does.insert(item),
                    other => spec.effects.push(other),
                }
            }
        }
        "bare" => spec.bare = effects(rest)?,
        "single" => spec.single = effects(rest)?,
        "stdin" => spec.stdin = stdin(rest.trim())?,
        "output" => spec.output = output(rest.trim())?,
        "default" => spec.default = Some(meaning(rest.trim())?),
        "like" => include(spec, rest.trim()),
        "flag" => option(spec, Takes::Nothing, key, rest)?,
        "value" => option(spec, Takes::Value(meaning(key.next()?)?), key, rest)?,
        "maybe" => option(spec, Takes::Attached(meaning(key.next()?)?), key, rest)?,
        operands => {
            let variant = operands.strip_prefix("operands")?.trim_start_matches('@');
            spec.operands.retain(|(known, _)| *known != variant);
            spec.operands.push((variant, positions(rest)?));
        }
    }
    Some(())
}

/// What is wrong with a line, in plain words, and what to write; `None` where it is understood.
pub(super) fn fault(line: &'static str) -> Option<(String, &'static str)> {
    let (keys, rest) = line.split_once(':').unwrap_or((line, ""));
    let mut keys = keys.split_whitespace();
    let key = keys.next().unwrap_or_default();
    let named = key == "like" && sections_of(rest.trim()).next().is_none();
    if !named && read_line(&mut Spec::default(), line).is_some() {
        return None;
    }
    let first_wrong = |words: &mut dyn Iterator<Item = &'static str>, help| {
        let word = words.next().unwrap_or_default();
        (format!("`{word}` is not known in `{key}`"), help)
    };
    let no_effect = |word: &&'static str| *word != "none" && effect(word).is_none();
    let no_meaning = |word: &&'static str| *word != "none" && meaning(word.trim_end_matches("...")).is_none();
    Some(match key {
        "does" | "bare" | "single" => first_wrong(&mut rest.split_whitespace().filter(no_effect), EFFECTS),
        "flag" => first_wrong(&mut keys.filter(no_effect), EFFECTS),
        "value" | "maybe" => {
            let wrong = keys.next().filter(|word| meaning(word).is_none());
            match wrong {
                Some(word) => first_wrong(&mut std::iter::once(word), MEANINGS),
                None => first_wrong(&mut keys.filter(no_effect), EFFECTS),
            }
        }
        "like" => (format!("no table describes `{}`", rest.trim()), "name a program that Stayhand knows"),
        "stdin" => first_wrong(&mut rest.split_whitespace(), "write data, shell, code, sql, sent or names"),
        "output" => first_wrong(
            &mut rest.split_whitespace(),
            "write name, names, paths, tree-paths, input or temporary",
        ),
        "default" => first_wrong(&mut rest.split_whitespace().filter(no_meaning), MEANINGS),
        key if key.starts_with("operands") => {
            first_wrong(&mut rest.split_whitespace().filter(no_meaning), MEANINGS)
        }
        _ => (format!("`{key}` is no key of a program"), KEYS),
    })
}

const KEYS: &str =
    "the keys are does, operands, flag, value, maybe, stdin, output, bare, single, default, like and options";
const EFFECTS: &str = "the effects are execute, network, install, listen, signal, force, privilege, environment, persist, \
     disclose, publish, discard, infrastructure, destroy-device, power, reveal, exhaust, recursive, opaque, dry, …; see docs/POLICY.md";
const MEANINGS: &str = "the meanings are text, read, write, edit, delete, list, move, script, host, url, command, argv, code, \
     sql, upload, opaque, …; see docs/POLICY.md";

fn effects(words: &'static str) -> Option<Vec<Effect>> {
    words.split_whitespace().map(effect).collect()
}

/// Adds the lines of a shared section.
fn include(spec: &mut Spec, name: &str) {
    for (_, (_, lines)) in sections_of(name) {
        read_lines(spec, lines);
    }
}

/// The last mention of a spelling wins, so that a section can refine what it includes. That a value may
/// be attached takes nothing from an earlier line that says that one with the same meaning follows.
fn keep_last_mentions(spec: &mut Spec) {
    let meanings = &spec.meanings;
    let takes = |index: u16| meanings.get(usize::from(index)).map(|option| option.value);
    spec.options.reverse();
    spec.options.sort_by_key(|(spelling, _)| *spelling);
    spec.options.dedup_by(|earlier, last| {
        if earlier.0 != last.0 {
            return false;
        }
        if let (Some(Takes::Attached(attached)), Some(Takes::Value(follows))) =
            (takes(last.1), takes(earlier.1))
            && attached == follows
            && attached != Meaning::Text
        {
            last.1 = earlier.1;
        }
        true
    });
}

fn option(
    spec: &mut Spec,
    value: Takes,
    effects: impl Iterator<Item = &'static str>,
    spellings: &'static str,
) -> Option<()> {
    let effects = effects.map(effect).collect::<Option<Vec<Effect>>>()?;
    let index = spec.meanings.len() as u16;
    spec.meanings.push(Opt { value, effects });
    spec.options.extend(spellings.split_whitespace().map(|spelling| (spelling, index)));
    Some(())
}

fn positions(text: &'static str) -> Option<Operands> {
    let mut operands = Operands::default();
    for word in text.split_whitespace() {
        if word == "none" {
            continue;
        }
        match word.strip_suffix("...") {
            Some(repeated) => operands.rest = Some(meaning(repeated)?),
            None if operands.rest.is_some() => operands.last.push(meaning(word)?),
            None => operands.first.push(meaning(word)?),
        }
    }
    Some(operands)
}

fn stdin(word: &str) -> Option<Stdin> {
    Some(match word {
        "data" => Stdin::Data,
        "shell" => Stdin::Shell,
        "code" => Stdin::Code,
        "sql" => Stdin::Sql,
        "sent" => Stdin::Sent,
        "names" => Stdin::Names,
        _ => return None,
    })
}

fn output(word: &str) -> Option<Output> {
    Some(match word {
        "unknown" => Output::Unknown,
        "name" => Output::Name,
        "base" => Output::Base,
        "words" => Output::Words,
        "names" => Output::Names,
        "paths" => Output::Paths,
        "input" => Output::Input,
        "temporary" => Output::Temporary,
        "tree-paths" => Output::TreePaths,
        _ => return None,
    })
}

pub(super) fn effect(word: &'static str) -> Option<Effect> {
    if let Some(variant) = word.strip_prefix('@') {
        return Some(Effect::Variant(variant));
    }
    Some(match word {
        "recursive" => Effect::Recursive,
        "opaque" => Effect::Opaque,
        "skip" => Effect::Skip,
        "rewrites" => Effect::Rewrites,
        "dry" => Effect::Dry,
        "saves" => Effect::Saves,
        "saves-not" => Effect::SavesNot,
        "lists-paths" => Effect::ListsPaths,
        "sends-input" => Effect::SendsInput,
        "stop" => Effect::Stop,
        "unpacks" => Effect::Unpacks,
        "unpacks-not" => Effect::UnpacksNot,
        name => Effect::Does(trait_named(name)?),
    })
}

fn trait_named(name: &str) -> Option<Trait> {
    Some(match name {
        "execute" => Trait::ExecuteCode,
        "privilege" => Trait::Privilege,
        "environment" => Trait::Environment,
        "persist" => Trait::Persist,
        "listen" => Trait::Listen,
        "disclose" => Trait::Disclose,
        "destroy-device" => Trait::DestroyDevice,
        "power" => Trait::Power,
        "signal" => Trait::Signal,
        "install" => Trait::Install,
        "publish" => Trait::Publish,
        "discard" => Trait::DiscardWork,
        "infrastructure" => Trait::Infrastructure,
        "network" => Trait::Network,
        "force" => Trait::Force,
        "control-stayhand" => Trait::ControlStayhand,
        "indefinite" => Trait::Indefinite,
        "reveal" => Trait::Reveal,
        "exhaust" => Trait::Exhaust,
        "disguise" => Trait::Disguise,
        _ => return None,
    })
}

fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "text" => Meaning::Text,
        "read" => Meaning::Read,
        "list" => Meaning::List,
        "write" => Meaning::Write,
        "edit" => Meaning::Edit,
        "delete" => Meaning::Delete,
        "move" => Meaning::Move,
        "script" => Meaning::Script,
        "load" => Meaning::Load,
        "module" => Meaning::Module,
        "cwd" => Meaning::Cwd,
        "host" => Meaning::Host,
        "url" => Meaning::Url,
        "url-send" => Meaning::UrlSend,
        "method" => Meaning::Method,
        "data" => Meaning::Data,
        "at-file" => Meaning::AtFile,
        "upload" => Meaning::Upload,
        "remote" => Meaning::Remote,
        "refspec" => Meaning::Refspec,
        "git-setting" => Meaning::GitSetting,
        "git-key" => Meaning::GitKey,
        "checkout" => Meaning::Checkout,
        "discard-path" => Meaning::DiscardPath,
        "remote-read" => Meaning::RemoteRead,
        "remote-write" => Meaning::RemoteWrite,
        "remote-mirror" => Meaning::RemoteMirror,
        "command" => Meaning::Command,
        "argv" => Meaning::Argv,
        "argv-input" => Meaning::ArgvInput,
        "remote-argv" => Meaning::RemoteArgv,
        "environment" => Meaning::Environment,
        "code" => Meaning::Code,
        "sql" => Meaning::Sql,
        "sed" => Meaning::Sed,
        "awk" => Meaning::Awk,
        "mode" => Meaning::Mode,
        "dd" => Meaning::Dd,
        "device" => Meaning::Device,
        "opaque" => Meaning::Opaque,
        "find" => Meaning::Find,
        "tar-letters" => Meaning::TarLetters,
        "mount" => Meaning::Mount,
        "archive" => Meaning::Archive,
        "database" => Meaning::Database,
        "placeholder" => Meaning::Placeholder,
        "setting" => Meaning::Setting,
        "shell-words" => Meaning::ShellWords,
        "package" => Meaning::Package,
        "task" => Meaning::Task,
        "pair" => Meaning::Pair,
        "make-word" => Meaning::MakeWord,
        "request" => Meaning::Request,
        "process" => Meaning::Process,
        "source" => Meaning::Source,
        "bind" => Meaning::Bind,
        "rename" => Meaning::Rename,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_every_table_is_understood() {
        let mut wrong = Vec::new();
        for (heading, (_, lines)) in INDEX.iter().map(named) {
            for line in lines.lines().map(|line| line.split(" #").next().unwrap_or_default().trim()) {
                let included =
                    line.strip_prefix("like: ").is_none_or(|name| sections_of(name).next().is_some());
                let comment = line.is_empty() || line.starts_with('#');
                if !included || !comment && read_line(&mut Spec::default(), line).is_none() {
                    wrong.push(format!("[{heading}] {line}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn many_programs_are_known() {
        let names: std::collections::HashSet<_> = INDEX.iter().map(|row| named(row).0).collect();
        let known = names.iter().filter(|name| !name.starts_with('@')).count();
        assert!(known >= 250, "only {known} programs are known");
    }

    #[test]
    fn sections_are_found_by_each_of_their_names() {
        assert!(INDEX.iter().map(|row| named(row).0).is_sorted());
        for name in ["cp", "git", "sudo", "@none", "zz-nothing"] {
            let listed = INDEX.iter().map(named).filter(|(known, _)| *known == name).count();
            assert_eq!(sections_of(name).count(), listed, "{name}");
        }
        let (_, (path, lines)) = sections_of("cp").next().unwrap();
        assert!(path.is_empty() && lines.contains("operands:"), "{path} {lines}");
        assert!(sections_of("git").any(|(_, (path, _))| path.split('|').any(|name| name == "push")));
    }
}
