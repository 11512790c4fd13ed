//! Sorting the words of a command into options, their values and operands.

use super::spec::{Effect, Meaning, Spec, Takes};
use super::table::Entry;
use super::{Arg, short, unlisted};
use stayhand_core::facts::{Aspect, Opaque, Trait, Traits};

/// The words of a command, sorted.
#[derive(Debug, Default)]
pub(super) struct Sorted<'w> {
    /// The values of options, with what they mean.
    pub(super) values: Vec<(Meaning, Arg)>,
    /// The operands, in order.
    pub(super) operands: Vec<&'w Arg>,
    /// How many operands came before `--`, if there was one.
    pub(super) before_dashes: Option<usize>,
    /// What the options do.
    pub(super) effects: Vec<Effect>,
    /// The sub-command, with its spec.
    pub(super) path: Vec<&'w str>,
    /// What could not be determined.
    pub(super) opaque: Vec<Opaque>,
    /// A word that is not known may be an option.
    pub(super) may_hide_options: bool,
}

/// Sorts `words` under `root`, and gives the entry of the sub-command they name.
pub(super) fn sort<'w, 'e>(program: &str, root: &'e Entry, words: &'w [Arg]) -> (Sorted<'w>, &'e Entry) {
    let mut sorter = Sorter { program, chain: vec![root], sorted: Sorted::default(), words: words.iter() };
    sorter.sort();
    let entry = sorter.chain.last().copied().unwrap_or(root);
    (sorter.sorted, entry)
}

struct Sorter<'p, 'w, 'e> {
    program: &'p str,
    /// The program's entry and those of its sub-commands, outermost first.
    chain: Vec<&'e Entry>,
    sorted: Sorted<'w>,
    words: std::slice::Iter<'w, Arg>,
}

impl<'w, 'e> Sorter<'_, 'w, 'e> {
    fn sort(&mut self) {
        let mut options_end = false;
        let mut first = true;
        while let Some(word) = self.words.next() {
            options_end |= self.sorted.effects.contains(&Effect::Stop);
            let once = self.chain.last().is_some_and(|entry| entry.spec().once);
            options_end |= !std::mem::take(&mut first) && once;
            if !options_end && self.plus(word) {
                continue;
            }
            if options_end || !word.text.starts_with('-') || word.text == "-" && word.is_exact() {
                self.sorted.may_hide_options |= !options_end && word.is_unknown() && word.text.is_empty();
                options_end |= self.operand(word);
            } else if word.text == "--" && word.is_exact() {
                options_end = true;
                self.sorted.before_dashes = Some(self.sorted.operands.len());
            } else if word.text.starts_with("--") {
                self.long(word);
            } else {
                self.short(word);
            }
        }
        if self.only_shows() {
            self.sorted.effects.push(Effect::Dry);
        }
        let entry = self.chain.last().copied();
        let Some(spec) = entry.map(Entry::spec) else { return };
        match self.sorted.operands.len() {
            0 => self.sorted.effects.extend_from_slice(&spec.bare),
            1 => self.sorted.effects.extend_from_slice(&spec.single),
            _ => {}
        }
    }

    /// Whether a client with consequences is asked for help, or by a sub-command that no table describes
    /// to show something.
    fn only_shows(&self) -> bool {
        let changes = |entry: &&Entry| entry.spec().does.intersects(SHOWABLE);
        if !self.chain.iter().any(changes) {
            return false;
        }
        let mut operands = self.sorted.operands.iter().map_while(|word| word.known()).take(3);
        let helps = operands.clone().last() == Some("help") && self.sorted.operands.len() < 4;
        let shows = self.sorted.path.is_empty()
            && operands.find(|word| only_reads(word) || changes_something(word)).is_some_and(only_reads);
        helps || shows
    }

    /// `+COMMAND` of editors and pagers: a line, a search, the end, or a command of their own.
    fn plus(&mut self, word: &'w Arg) -> bool {
        let Some(command) = word.text.strip_prefix('+') else { return false };
        let Some((_, effects)) = self.lookup("+") else { return false };
        let moves = command.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(command, "F" | "G" | "g")
            || command.strip_prefix('/').is_some_and(|pattern| !pattern.contains(['|', '\n', '\r']));
        if !moves || !word.is_exact() {
            self.take(Takes::Nothing, effects, None);
        }
        true
    }

    /// Takes an operand, which may name a sub-command. True = options end here.
    fn operand(&mut self, word: &'w Arg) -> bool {
        let Some(entry) = self.chain.last().copied() else { return true };
        let spec = entry.spec();
        if !entry.has_subs() || !self.sorted.operands.is_empty() {
            self.sorted.operands.push(word);
            return spec.stop;
        }
        if let Some(sub) = word.known().and_then(|name| entry.sub(name)) {
            self.sorted.path.push(&word.text);
            self.chain.push(sub);
            return false;
        }
        let (extension, reads) =
            word.known().map_or((false, false), |name| (self.is_extension(name), only_reads(name)));
        if spec.operands.is_empty() && (extension || reads) {
            if extension {
                self.sorted.effects.push(Effect::Does(Trait::ExecuteCode));
            }
            self.sorted.effects.push(Effect::Does(Trait::Indefinite));
            self.sorted.values.extend(self.words.by_ref().map(|word| (Meaning::Thing, word.clone())));
            return true;
        }
        if spec.operands.is_empty() {
            let sub = if word.is_exact() { short(&word.text) } else { "…".to_owned() };
            self.opaque(Aspect::Effects, format!("`{} {sub}` is not known", self.shown()));
        }
        self.sorted.operands.push(word);
        spec.stop
    }

    /// Whether a sub-command that no table describes is a program of its own (`git-cliff`), none whose name
    /// or words sound like consequences.
    fn is_extension(&self, name: &str) -> bool {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        self.program == "git" && plain && unlisted::consequence(name, self.words.as_slice()).is_none()
    }

    /// The program and sub-command, for messages.
    fn shown(&self) -> String {
        let mut shown = self.program.to_owned();
        for part in &self.sorted.path {
            shown.push(' ');
            shown.push_str(part);
        }
        shown
    }

    fn opaque(&mut self, aspect: Aspect, why: String) {
        self.sorted.opaque.push(Opaque { aspect, why });
    }

    fn unknown_option(&mut self, word: &'w Arg, option: &str) {
        if self.chain.last().is_some_and(|entry| entry.spec().free) {
            return self.sorted.operands.push(word);
        }
        if option == "-h" && self.words.as_slice().is_empty() {
            return self.sorted.effects.push(Effect::Dry);
        }
        let last = self.chain.last();
        let bounded = self.chain.iter().all(|entry| entry.spec().is_bounded())
            && last.is_some_and(|entry| !entry.has_subs());
        if bounded && unlisted::consequence("", std::slice::from_ref(word)).is_none() {
            self.sorted.effects.push(Effect::Does(Trait::Indefinite));
            return self.sorted.values.push((Meaning::Thing, word.clone()));
        }
        self.opaque(Aspect::Arguments, format!("`{}` option `{}` is not known", self.shown(), short(option)));
    }

    /// Looks an option up in the sub-command's spec, then in those above.
    fn lookup(&self, spelling: &str) -> Option<(Takes, &'e [Effect])> {
        self.chain.iter().rev().find_map(|entry| {
            let spec = entry.spec();
            let at = spec.options.binary_search_by(|(known, _)| (*known).cmp(spelling)).ok()?;
            option_at(spec, at)
        })
    }

    /// Long options may be cut short as long as only one fits.
    fn lookup_prefix(&self, spelling: &str) -> Option<(Takes, &'e [Effect])> {
        self.chain.iter().rev().find_map(|entry| {
            let spec = entry.spec();
            let at = spec.options.partition_point(|(known, _)| *known < spelling);
            let (first, meaning) = spec.options.get(at)?;
            let next = spec.options.get(at + 1);
            let unique = next.is_none_or(|(other, same)| !other.starts_with(spelling) || same == meaning);
            (first.starts_with(spelling) && unique).then(|| option_at(spec, at))?
        })
    }

    fn long(&mut self, word: &'w Arg) {
        let name = word.text.split('=').next().unwrap_or_default();
        let attached = (name.len() < word.text.len()).then(|| word.after(name.len() + 1));
        if attached.is_none() && !word.is_exact() {
            let why = format!("an option of `{}` is not known", self.shown());
            return self.opaque(Aspect::Arguments, why);
        }
        match self.lookup(name).or_else(|| self.lookup_prefix(name)) {
            Some((takes, effects)) => self.take(takes, effects, attached),
            None if matches!(name, "--help" | "--version") => self.sorted.effects.push(Effect::Dry),
            None => self.unknown_option(word, name),
        }
    }

    /// A word with one dash: a long option in the style of `find`, or a bundle of letters.
    fn short(&mut self, word: &'w Arg) {
        let name = word.text.split('=').next().unwrap_or_default();
        if let Some((takes, effects)) = self.lookup(name).filter(|_| name.len() > 2 || word.text.len() == 2) {
            let attached = (name.len() < word.text.len()).then(|| word.after(name.len() + 1));
            if word.is_exact() || attached.is_some() {
                return self.take(takes, effects, attached);
            }
        }
        if let Some(digits) = word.text.strip_prefix('-')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && let Some((_, effects)) = self.lookup("-#")
        {
            return self.take(Takes::Nothing, effects, None);
        }
        self.bundle(word);
    }

    fn bundle(&mut self, word: &'w Arg) {
        for (at, letter) in word.text.char_indices().skip(1) {
            let mut buffer = [b'-', 0, 0, 0, 0];
            let Some(spelling) = spell(letter, &mut buffer) else {
                return self.unknown_option(word, &word.text);
            };
            let digit = || self.lookup("-#").filter(|_| letter.is_ascii_digit());
            let Some((takes, effects)) = self.lookup(spelling).or_else(digit) else {
                return self.unknown_option(word, if word.text.len() > 3 { &word.text } else { spelling });
            };
            let rest = at + letter.len_utf8();
            let more = rest < word.text.len() || !word.is_exact();
            match takes {
                Takes::Nothing => self.take(takes, effects, None),
                Takes::Value(_) | Takes::Attached(_) => {
                    let attached = more.then(|| word.after(rest));
                    return self.take(takes, effects, attached);
                }
            }
        }
        if !word.is_exact() {
            let why = format!("an option of `{}` is not known", self.shown());
            self.opaque(Aspect::Arguments, why);
        }
    }

    fn take(&mut self, takes: Takes, effects: &[Effect], attached: Option<Arg>) {
        self.sorted.effects.extend_from_slice(effects);
        match (takes, attached) {
            (Takes::Nothing | Takes::Attached(_), None) => {}
            (Takes::Nothing, Some(_)) => {}
            (Takes::Attached(meaning) | Takes::Value(meaning), Some(value)) => {
                self.sorted.values.push((meaning, value));
            }
            (Takes::Value(meaning), None) => {
                if let Some(value) = self.words.next() {
                    self.sorted.values.push((meaning, value.clone()));
                }
                if meaning == Meaning::Pair && self.words.next().is_some_and(|value| value.many) {
                    let why = format!("it is not known how many words `{}` has", self.shown());
                    self.opaque(Aspect::Arguments, why);
                }
            }
        }
    }
}

/// Whether a sub-command that no table describes says that it only shows something.
fn only_reads(name: &str) -> bool {
    const VERBS: [&str; 20] = [
        "help",
        "version",
        "list",
        "ls",
        "show",
        "status",
        "info",
        "search",
        "describe",
        "view",
        "history",
        "find",
        "validate",
        "check",
        "completion",
        "whoami",
        "get",
        "inspect",
        "verify",
        "metadata",
    ];
    name.split(['-', ':']).any(|part| VERBS.contains(&part)) && unlisted::consequence(name, &[]).is_none()
}

/// Effects of clients, most of whose sub-commands only show something.
const SHOWABLE: Traits = Traits::NONE.with(Trait::Infrastructure).with(Trait::Install).with(Trait::Publish);

/// Whether a sub-command says that it changes something.
fn changes_something(name: &str) -> bool {
    const VERBS: [&str; 24] = [
        "create", "update", "set", "add", "edit", "start", "stop", "restart", "enable", "disable", "install",
        "upgrade", "run", "import", "attach", "detach", "scale", "new", "remove", "put", "modify",
        "register", "assign", "move",
    ];
    name.split(['-', ':']).any(|part| VERBS.contains(&part)) || unlisted::consequence(name, &[]).is_some()
}

fn option_at(spec: &Spec, at: usize) -> Option<(Takes, &[Effect])> {
    let (_, index) = spec.options.get(at)?;
    let option = spec.meanings.get(usize::from(*index))?;
    Some((option.value, option.effects.as_slice()))
}

fn spell(letter: char, buffer: &mut [u8; 5]) -> Option<&str> {
    let length = letter.encode_utf8(buffer.get_mut(1..)?).len();
    std::str::from_utf8(buffer.get(..=length)?).ok()
}
