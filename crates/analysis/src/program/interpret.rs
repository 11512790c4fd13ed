//! Applying what a table says to the words of a command.

use super::options::{self, Sorted};
use super::paths::{FolderUse, add_path, folders_after, note};
use super::spec::{Effect, Meaning, Operands, Spec, Takes};
use super::table::Entry;
use super::{Arg, Report, Situation, find, remote, short, static_words, wrapped};
use stayhand_core::facts::{Access, Aspect, Operation, Program, Trait, Traits};

/// What `program` would do with `words`.
pub(super) fn interpret(program: Program, root: &Entry, words: &[Arg], situation: &Situation<'_>) -> Report {
    let spec = root.spec();
    if spec.operands.iter().any(|(_, operands)| operands.rest == Some(Meaning::Find)) {
        return find::interpret(program, words, situation);
    }
    let dashed = tar_dashed(spec, words);
    let words = dashed.as_deref().unwrap_or(words);
    let (sorted, entry) = options::sort(&program.name, root, words);
    let mut interpreter = Interpreter::new(program, entry, sorted, words, situation);
    interpreter.apply_values();
    interpreter.apply_operands();
    interpreter.apply_stdin();
    interpreter.finish()
}

pub(super) struct Interpreter<'a> {
    pub(super) operation: Operation,
    pub(super) situation: &'a Situation<'a>,
    pub(super) folders: Vec<String>,
    pub(super) nested: Vec<Operation>,
    pub(super) method: Option<String>,
    pub(super) placeholder: Option<String>,
    /// The words after a command line: its `$0`, `$1`, ….
    pub(super) positional: Vec<Arg>,
    /// The module that runs in the program's place.
    pub(super) module: Option<Arg>,
    /// The paths that were given, for programs that print them.
    pub(super) path_args: Vec<Arg>,
    /// Some word holds a slash or is not known.
    pub(super) may_print_slash: bool,
    pub(super) spec: &'a Spec,
    pub(super) sorted: Sorted<'a>,
    pub(super) variant: Option<&'static str>,
    pub(super) recursive: bool,
    pub(super) rewrites: bool,
    pub(super) reads_operand: bool,
    /// The names that the program prints.
    pub(super) output: Vec<Arg>,
    pub(super) urls: Vec<Arg>,
}

impl<'a> Interpreter<'a> {
    fn new(
        mut program: Program,
        entry: &'a Entry,
        sorted: Sorted<'a>,
        words: &[Arg],
        situation: &'a Situation<'a>,
    ) -> Self {
        let spec = entry.spec();
        program.subcommand = (!sorted.path.is_empty()).then(|| sorted.path.join(" "));
        let mut operation = Operation {
            program: Some(program),
            args: static_words(words),
            does: spec.does,
            opaque: sorted.opaque.clone(),
            ..Operation::default()
        };
        if sorted.may_hide_options && !entry.has_subs() && spec.is_bounded() {
            if is_potent(spec) {
                operation.does.insert(Trait::Indefinite);
            }
        } else if sorted.may_hide_options && (entry.has_subs() || is_potent(spec)) {
            note(&mut operation, Aspect::Arguments, "a word that is not known may be an option");
        }
        let mut interpreter = Self {
            operation,
            situation,
            folders: situation.folders.to_vec(),
            nested: Vec::new(),
            method: None,
            placeholder: None,
            positional: Vec::new(),
            module: None,
            path_args: Vec::new(),
            may_print_slash: words.iter().any(|word| word.is_unknown() || word.text.contains('/')),
            spec,
            sorted,
            variant: None,
            recursive: false,
            rewrites: false,
            reads_operand: false,
            output: Vec::new(),
            urls: Vec::new(),
        };
        interpreter.apply_effects();
        interpreter
    }

    fn apply_effects(&mut self) {
        let effects: Vec<Effect> = self.spec.effects.iter().chain(&self.sorted.effects).copied().collect();
        for effect in &effects {
            match effect {
                Effect::Does(item) => self.operation.does.insert(*item),
                Effect::Recursive => self.recursive = true,
                Effect::Rewrites => self.rewrites = true,
                Effect::Variant(name) => self.variant = Some(name),
                Effect::Opaque => self.note_effects("an option runs programs or is not tracked"),
                Effect::SendsInput => self.send_input(),
                Effect::Skip
                | Effect::Dry
                | Effect::Saves
                | Effect::SavesNot
                | Effect::ListsPaths
                | Effect::Stop
                | Effect::Unpacks
                | Effect::UnpacksNot => {}
            }
        }
    }

    pub(super) fn has(&self, effect: Effect) -> bool {
        self.spec.effects.contains(&effect) || self.sorted.effects.contains(&effect)
    }

    pub(super) fn note_effects(&mut self, why: &str) {
        note(&mut self.operation, Aspect::Effects, why);
    }

    pub(super) fn send_input(&mut self) {
        if self.situation.input.local {
            self.operation.does.insert(Trait::Disclose);
        }
    }

    fn apply_values(&mut self) {
        let values = std::mem::take(&mut self.sorted.values);
        for (meaning, value) in values.iter().filter(|(meaning, _)| *meaning == Meaning::Cwd) {
            self.apply(*meaning, value);
        }
        for (meaning, value) in values.iter().filter(|(meaning, _)| *meaning != Meaning::Cwd) {
            self.apply(*meaning, value);
        }
        if self.has(Effect::Unpacks) && !self.has(Effect::UnpacksNot) {
            let place = FolderUse { situation: self.situation, folders: &self.folders };
            add_path(&mut self.operation, Access::Write, &Arg::exact("."), true, &place);
        }
    }

    fn operands_spec(&self) -> Operands {
        let wanted = match self.variant {
            None if self.sorted.before_dashes.is_some()
                && self.spec.operands.iter().any(|(name, _)| *name == "--") =>
            {
                "--"
            }
            other => other.unwrap_or_default(),
        };
        let found = self.spec.operands.iter().find(|(name, _)| *name == wanted);
        let found = found.or_else(|| self.spec.operands.iter().find(|(name, _)| name.is_empty()));
        found.map(|(_, operands)| operands.clone()).unwrap_or_default()
    }

    fn apply_operands(&mut self) {
        let spec = self.operands_spec();
        let operands = std::mem::take(&mut self.sorted.operands);
        let skip = usize::from(self.has(Effect::Skip) && !spec.first.is_empty());
        let first = spec.first.get(skip..).unwrap_or_default();
        let last_from = operands.len().saturating_sub(spec.last.len()).max(first.len().min(operands.len()));
        for (index, operand) in operands.iter().enumerate() {
            let meaning = if let Some(meaning) = first.get(index) {
                *meaning
            } else if let Some(meaning) = index.checked_sub(last_from).and_then(|at| spec.last.get(at)) {
                *meaning
            } else if let Some(meaning) = spec.rest {
                meaning
            } else {
                let operand = if operand.is_exact() { short(&operand.text) } else { "…".to_owned() };
                note(
                    &mut self.operation,
                    Aspect::Arguments,
                    format!("the word `{operand}` is not expected here"),
                );
                continue;
            };
            if meaning == Meaning::Command {
                self.positional = operands.iter().skip(index + 1).map(|arg| (*arg).clone()).collect();
            }
            if takes_all(meaning) {
                let rest = operands.get(index..).unwrap_or_default();
                wrapped::start(self, meaning, rest);
                return self.list_output(&operands);
            }
            self.apply(meaning, operand);
        }
        let uncertain = operands.iter().any(|operand| operand.many && operand.is_unknown());
        if !uncertain || spec.first.is_empty() && spec.last.is_empty() || !is_potent(self.spec) {
        } else if self.spec.is_bounded() {
            self.operation.does.insert(Trait::Indefinite);
        } else {
            note(&mut self.operation, Aspect::Arguments, "it is not known how many words there are");
        }
        if let Some(meaning) = self.spec.default
            && self.path_args.is_empty()
            && !self.operation.hides(Aspect::Paths)
            && (!self.situation.input.given || self.situation.input.unseen)
        {
            self.apply(meaning, &Arg::exact("."));
        }
        self.start_module(&operands);
        self.list_output(&operands);
    }

    /// `-m MODULE`: a module that has a section of its own is judged by it.
    fn module(&mut self, arg: &Arg) {
        self.operation.does.insert(Trait::ExecuteCode);
        self.reads_operand = true;
        self.module = Some(arg.clone());
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.situation.programs.known(name).is_some()
    }

    fn start_module(&mut self, operands: &[&Arg]) {
        let Some(module) =
            self.module.take().filter(|module| module.known().is_some_and(|name| self.knows(name)))
        else {
            return;
        };
        let words: Vec<&Arg> = std::iter::once(&module).chain(operands.iter().copied()).collect();
        wrapped::start(self, Meaning::Argv, &words);
    }

    /// What one word does.
    pub(super) fn apply(&mut self, meaning: Meaning, arg: &Arg) {
        match meaning {
            Meaning::Text | Meaning::Pair => {}
            Meaning::Read | Meaning::Edit | Meaning::Write if is_web_address(&arg.text) => {
                if meaning != Meaning::Read {
                    self.operation.does.insert(Trait::Disclose);
                }
                self.add_url(arg);
            }
            Meaning::Script if is_web_address(&arg.text) => {
                self.add_url(arg);
                self.note_effects("it runs code that is downloaded");
            }
            Meaning::Read if self.rewrites => self.path(Access::Write, arg),
            Meaning::Read => self.path(Access::Read, arg),
            Meaning::List => self.path(Access::List, arg),
            Meaning::Write => self.path(Access::Write, arg),
            Meaning::Edit => {
                self.path(Access::Read, arg);
                self.path(Access::Write, arg);
            }
            Meaning::Delete => self.path(Access::Delete, arg),
            Meaning::Move => {
                self.path(Access::Read, arg);
                self.path(Access::Delete, arg);
            }
            Meaning::Script if arg.known() == Some("-") && self.situation.input.text.is_some() => {}
            Meaning::Script => {
                self.reads_operand = true;
                self.operation.does.insert(Trait::ExecuteCode);
                if arg.known() == Some("-") || arg.text.starts_with("/dev/") || arg.text.starts_with("/proc/")
                {
                    return self.note_effects("it runs text that is not known");
                }
                self.path(Access::Execute, arg);
            }
            Meaning::Load => {
                self.operation.does.insert(Trait::ExecuteCode);
                self.path(Access::Execute, arg);
            }
            Meaning::Module => self.module(arg),
            Meaning::Setting => {
                if arg.is_unknown() || arg.text.contains('=') {
                    self.operation.does.insert(Trait::Privilege);
                }
                if arg.text.contains("..") {
                    self.operation.does.insert(Trait::Disguise);
                }
            }
            Meaning::Cwd => self.change_folder(arg),
            Meaning::Placeholder => self.placeholder = arg.known().map(str::to_owned),
            Meaning::Device => {
                self.path(Access::Write, arg);
                self.operation.does.insert(Trait::DestroyDevice);
            }
            Meaning::Opaque => self.note_effects("an argument runs programs or is not tracked"),
            Meaning::Mode => self.mode(arg),
            Meaning::Sed => self.sed(arg),
            Meaning::Awk => self.awk(arg),
            Meaning::Dd => self.dd(arg),
            Meaning::Sql => self.sql(arg),
            Meaning::Code => {
                let words: Vec<Arg> = self.sorted.operands.iter().map(|word| (*word).clone()).collect();
                self.code(arg, &words);
            }
            Meaning::Command => wrapped::command_line(self, arg),
            Meaning::TarLetters => {
                note(&mut self.operation, Aspect::Arguments, "the first argument of `tar` is not known");
            }
            Meaning::Archive if self.variant == Some("create") => self.path(Access::Write, arg),
            Meaning::Archive => self.path(Access::Read, arg),
            Meaning::Mount => self.note_effects("a part of this machine is given away"),
            Meaning::Argv
            | Meaning::ArgvInput
            | Meaning::RemoteArgv
            | Meaning::Environment
            | Meaning::Find
            | Meaning::ShellWords
            | Meaning::Package
            | Meaning::Request => {
                wrapped::start(self, meaning, &[arg]);
            }
            Meaning::Task => wrapped::task(self, arg),
            Meaning::MakeWord => wrapped::make_word(self, arg),
            _ => remote::apply(self, meaning, arg),
        }
    }

    pub(super) fn path(&mut self, access: Access, arg: &Arg) {
        if arg.known() == Some("-") {
            return;
        }
        if matches!(access, Access::Read | Access::List) {
            self.reads_operand = true;
            self.path_args.push(arg.clone());
        }
        let place = FolderUse { situation: self.situation, folders: &self.folders };
        add_path(&mut self.operation, access, arg, self.recursive, &place);
    }

    fn change_folder(&mut self, arg: &Arg) {
        self.folders = folders_after(&self.folders, arg, self.situation);
    }

    /// Standard input is not what runs.
    pub(super) const fn mark_operand_read(&mut self) {
        self.reads_operand = true;
    }

    pub(super) fn add_url(&mut self, arg: &Arg) {
        self.urls.push(arg.clone());
    }

    fn finish(mut self) -> Report {
        remote::finish(&mut self);
        if self.has(Effect::Dry) {
            let network = self.operation.does.contains(Trait::Network);
            self.operation.does = if network { Traits::NONE.with(Trait::Network) } else { Traits::NONE };
            self.operation.paths.retain(|path| !matches!(path.access, Access::Write | Access::Delete));
        }
        let mut operations = vec![self.operation];
        operations.append(&mut self.nested);
        Report { operations, output: self.output }
    }

    pub(super) fn take_urls(&mut self) -> Vec<Arg> {
        std::mem::take(&mut self.urls)
    }

    pub(super) fn saves(&self) -> bool {
        self.has(Effect::Saves) && !self.has(Effect::SavesNot)
    }
}

/// tar's old style (`tar xzf file`) with the dash it leaves out; the letter that takes a value last.
fn tar_dashed(spec: &Spec, words: &[Arg]) -> Option<Vec<Arg>> {
    let marked =
        spec.operands.iter().any(|(_, operands)| operands.first.first() == Some(&Meaning::TarLetters));
    let (first, rest) = words.split_first().filter(|_| marked)?;
    let letters = first.known().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphabetic()))?;
    let (values, flags): (String, String) =
        letters.chars().partition(|letter| matches!(letter, 'f' | 'C' | 'T' | 'X' | 'b'));
    (values.len() < 2).then(|| {
        let mut dashed = vec![Arg::exact(format!("-{flags}{values}"))];
        dashed.extend_from_slice(rest);
        dashed
    })
}

/// Programs that take files often take what lies elsewhere as well.
fn is_web_address(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| {
        matches!(scheme.as_str(), "http" | "https" | "ftp" | "ftps" | "rtmp" | "tcp" | "udp")
    })
}

/// Whether a word takes everything after it.
fn takes_all(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Argv
            | Meaning::ArgvInput
            | Meaning::RemoteArgv
            | Meaning::Environment
            | Meaning::Find
            | Meaning::ShellWords
            | Meaning::Package
            | Meaning::Request
    )
}

/// Whether options of this program could do harm: then a word that may be an option matters.
fn is_potent(spec: &Spec) -> bool {
    let harmless = |meaning: Meaning| {
        matches!(
            meaning,
            Meaning::Text | Meaning::Pair | Meaning::Read | Meaning::List | Meaning::Placeholder
        )
    };
    spec.meanings.iter().any(|option| {
        let value = match option.value {
            Takes::Nothing => true,
            Takes::Value(meaning) | Takes::Attached(meaning) => harmless(meaning),
        };
        let effects = option.effects.iter().all(|effect| {
            matches!(
                effect,
                Effect::Skip | Effect::Dry | Effect::Recursive | Effect::ListsPaths | Effect::Variant(_)
            )
        });
        !value || !effects
    })
}
