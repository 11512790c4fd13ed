//! What is known about one program or sub-command.

use stayhand_core::facts::{Trait, Traits};

/// The knowledge about one program or sub-command.
#[derive(Debug, Default)]
pub(super) struct Spec {
    /// Effects whatever the arguments.
    pub(super) does: Traits,
    /// Further properties whatever the arguments.
    pub(super) effects: Vec<Effect>,
    /// What the operands mean, by variant; the first has no name.
    pub(super) operands: Vec<(&'static str, Operands)>,
    /// What is done with the current folder when no operand names a path.
    pub(super) default: Option<Meaning>,
    /// What is done with standard input when no operand names a file.
    pub(super) stdin: Stdin,
    /// What is known about standard output.
    pub(super) output: Output,
    /// The options, sorted by spelling.
    pub(super) options: Vec<(&'static str, u16)>,
    /// What the options mean.
    pub(super) meanings: Vec<Opt>,
    /// Effects where there is no operand.
    pub(super) bare: Vec<Effect>,
    /// Effects where there is one operand.
    pub(super) single: Vec<Effect>,
    /// Words that begin with a dash but are no known option are words like all others.
    pub(super) free: bool,
    /// Of options, only the first word counts; later words with a dash are operands (`kill -9 -1`).
    pub(super) once: bool,
    /// Options end at the first operand.
    pub(super) stop: bool,
}

impl Spec {
    /// Whether confinement bounds all that the program may do, also with options that are not known.
    pub(super) fn is_bounded(&self) -> bool {
        let bounded = |effects: &[Effect]| {
            effects.iter().all(|effect| match effect {
                Effect::Does(item) => BOUNDED.contains(*item),
                Effect::SendsInput => false,
                _ => true,
            })
        };
        let operands = self
            .operands
            .iter()
            .flat_map(|(_, operands)| operands.first.iter().chain(&operands.rest).chain(&operands.last));
        let values = self.meanings.iter().filter_map(|option| match option.value {
            Takes::Nothing => None,
            Takes::Value(meaning) | Takes::Attached(meaning) => Some(meaning),
        });
        BOUNDED.contains_all(self.does)
            && bounded(&self.effects)
            && matches!(self.stdin, Stdin::Data | Stdin::Names)
            && self.meanings.iter().all(|option| bounded(&option.effects))
            && operands.copied().all(Meaning::is_bounded)
            && values.into_iter().all(|meaning| meaning == Meaning::Opaque || meaning.is_bounded())
    }
}

/// The effects that confinement bounds.
const BOUNDED: Traits = Traits::NONE
    .with(Trait::ExecuteCode)
    .with(Trait::Listen)
    .with(Trait::Network)
    .with(Trait::Force)
    .with(Trait::Disguise)
    .with(Trait::Indefinite);

impl Meaning {
    /// Whether confinement bounds what is done with such a word, and no other word depends on it.
    const fn is_bounded(self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::Read
                | Self::List
                | Self::Write
                | Self::Edit
                | Self::Cwd
                | Self::Host
                | Self::Url
                | Self::Archive
                | Self::Pair
                | Self::TarLetters
                | Self::Placeholder
                | Self::Mode
                | Self::Source
                | Self::Load
        )
    }
}

/// What the operands mean, by position.
#[derive(Debug, Clone, Default)]
pub(super) struct Operands {
    /// The first ones.
    pub(super) first: Vec<Meaning>,
    /// All between.
    pub(super) rest: Option<Meaning>,
    /// The last ones.
    pub(super) last: Vec<Meaning>,
}

/// What an option means.
#[derive(Debug, Clone)]
pub(super) struct Opt {
    /// Whether a value follows, and what it means.
    pub(super) value: Takes,
    /// What the option does by itself.
    pub(super) effects: Vec<Effect>,
}

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Never.
    Nothing,
    /// Always.
    Value(Meaning),
    /// Only in the same word.
    Attached(Meaning),
}

/// Properties that options and programs have besides their operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Adds a trait.
    Does(Trait),
    /// Paths are meant with everything below them.
    Recursive,
    /// The option runs programs or changes the meaning of the rest in ways that are not tracked.
    Opaque,
    /// The operands have the meaning of this variant.
    Variant(&'static str),
    /// The option gives what would otherwise be the first operand.
    Skip,
    /// Operands that would be read are rewritten.
    Rewrites,
    /// Nothing is changed: help, versions, dry runs that are known to be dry.
    Dry,
    /// Downloads are saved under their own name in the current folder.
    Saves,
    /// Downloads are not saved under their own name.
    SavesNot,
    /// The output is a list of paths.
    ListsPaths,
    /// Sends standard input to another machine.
    SendsInput,
    /// The words after it belong to something else.
    Stop,
    /// Writes what an archive holds below the current folder.
    Unpacks,
    /// Writes it elsewhere, or nowhere.
    UnpacksNot,
}

/// What a word means to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing that matters here.
    Text,
    /// A path whose content is read.
    Read,
    /// A path whose names or metadata are shown.
    List,
    /// A path that is written or created.
    Write,
    /// A path that is read and rewritten.
    Edit,
    /// A path that is removed or emptied.
    Delete,
    /// A path that is removed after its content went elsewhere.
    Move,
    /// A path whose content runs.
    Script,
    /// Code that is loaded or started on the program's part, in a file or folder.
    Load,
    /// A path, or a module's name, whose content runs.
    Module,
    /// A folder that relative paths start from.
    Cwd,
    /// A host, perhaps with a port and a user.
    Host,
    /// A URL.
    Url,
    /// A URL that data is sent to.
    UrlSend,
    /// A request method.
    Method,
    /// Data to send; `@file` reads a file.
    Data,
    /// A text that is sent; `@file`, `name@file` sends a file.
    AtFile,
    /// A path whose content is sent.
    Upload,
    /// A git remote: a name, a URL or a path.
    Remote,
    /// A git refspec to push.
    Refspec,
    /// A git setting, `key=value` or `key`.
    GitSetting,
    /// A git setting to change: key and value are separate words.
    GitKey,
    /// What git should check out: a branch, or files whose changes are lost.
    Checkout,
    /// A path whose changes are lost.
    DiscardPath,
    /// `host:path` or a path, read.
    RemoteRead,
    /// `host:path` or a path, written.
    RemoteWrite,
    /// `host:path` or a path, written, and emptied of what is not in the source.
    RemoteMirror,
    /// A command line for a shell.
    Command,
    /// A program and its arguments, up to the end.
    Argv,
    /// The same, with further words that are read from standard input.
    ArgvInput,
    /// The same, run on another machine.
    RemoteArgv,
    /// `NAME=VALUE` words, and then a program.
    Environment,
    /// Source code.
    Code,
    /// SQL.
    Sql,
    /// A sed script.
    Sed,
    /// An awk program.
    Awk,
    /// Permission bits.
    Mode,
    /// `if=…`, `of=…` and their kin.
    Dd,
    /// A device that is overwritten.
    Device,
    /// Something that runs programs or is not tracked.
    Opaque,
    /// The rest belongs to `find`.
    Find,
    /// The first word is a bundle of letters: tar's old style.
    TarLetters,
    /// A container's mount or the like: gives away part of this machine.
    Mount,
    /// An archive: written when the variant is `@create`, read otherwise.
    Archive,
    /// A database: its name, or a URL with its host.
    Database,
    /// A setting of the kernel: `name`, or `name=value` to change it.
    Setting,
    /// Words that are joined to a command line for a shell.
    ShellWords,
    /// A package's program and its arguments: judged where the program is known, code otherwise.
    Package,
    /// A command line for a shell, or the name of a task (`npm:build`).
    Task,
    /// A target of `make`, or a variable that its recipes use.
    MakeWord,
    /// A name, and after it a value that is no option (`jq --arg NAME VALUE`).
    Pair,
    /// A method, a URL and the items of a request, as `http` has it.
    Request,
    /// What stands for the words from standard input (`xargs -I {}`).
    Placeholder,
    /// The number of a process, or the job, to signal.
    Process,
    /// A source file, or source text that begins with a backslash.
    Source,
    /// An address to listen at, for all machines or this one.
    Bind,
    /// What changes names: a plain text, or a substitution in the manner of sed.
    Rename,
    /// A word whose meaning is not known: what it looks like is what it may be.
    Thing,
}

/// What is done with standard input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stdin {
    /// It is data.
    #[default]
    Data,
    /// It runs as a shell script.
    Shell,
    /// It runs as code.
    Code,
    /// It runs as SQL.
    Sql,
    /// It is sent to another machine.
    Sent,
    /// It names the files to read.
    Names,
}

/// What is known about standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Output {
    /// Nothing.
    #[default]
    Unknown,
    /// One name or number, without a slash unless an argument has one.
    Name,
    /// The last component of a path.
    Base,
    /// The operands.
    Words,
    /// Paths: the operands, and names below them.
    Paths,
    /// Names in the current folder.
    Names,
    /// Paths anywhere below the current folder.
    TreePaths,
    /// Lines of the input, if there is no operand to read.
    Input,
    /// A new name in the folder for temporary files.
    Temporary,
}
