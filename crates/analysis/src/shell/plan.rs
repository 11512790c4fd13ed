//! What a command line says, in our own words: independent of the parser that read it.
//!
//! A [`ShellPlan`] holds everything that a shell would run, in order, with words still unexpanded.
//! What the parser could not read for certain is a [`Statement::Unread`], never left out.

/// A whole command line or script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellPlan {
    /// The statements, in order.
    pub body: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Assignments, a program with its words, redirections: any of them may be absent.
    Command(Command),
    /// Commands whose output feeds the next one.
    Pipeline(Vec<Statement>),
    /// Commands joined by `&&` and `||`.
    AndOr {
        /// The command that always runs.
        first: Box<Statement>,
        /// The ones that run depending on those before.
        rest: Vec<(Connector, Statement)>,
    },
    /// `{ …; }`: runs in the same shell.
    Group(Vec<Statement>),
    /// `! …`: runs in the same shell, and no failure in it ends that.
    Negated(Vec<Statement>),
    /// `( … )` and `… &`: runs in a copy of the shell.
    Subshell(Vec<Statement>),
    /// `if`, `case`, `while`, `until`: conditions, then at most one arm (again and again, if it `repeats`).
    Choice {
        /// What runs to choose the arm.
        test: Vec<Statement>,
        /// The alternatives.
        arms: Vec<Vec<Statement>>,
        /// Whether test and arm run any number of times.
        repeats: bool,
    },
    /// `for NAME in WORDS`, `select NAME in WORDS`.
    For {
        /// The variable.
        variable: String,
        /// The words, or none where the positional parameters are meant.
        values: Option<Vec<Word>>,
        /// The body.
        body: Vec<Statement>,
    },
    /// A function definition: nothing runs yet.
    Function {
        /// The name.
        name: String,
        /// The body.
        body: Vec<Statement>,
    },
    /// A compound statement with redirections.
    Redirected {
        /// The statement.
        body: Box<Statement>,
        /// Its redirections.
        redirects: Vec<Redirect>,
    },
    /// Words that are expanded and compared (`case` subjects, `[[ … ]]`, arithmetic); variables
    /// that arithmetic assigns.
    Evaluate {
        /// The words.
        words: Vec<Word>,
        /// The variables whose value is no longer known.
        assigned: Vec<String>,
    },
    /// Text that could not be read for certain, and why.
    Unread(String),
}

/// What joins two commands of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connector {
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// The assignments before the program.
    pub assignments: Vec<Assignment>,
    /// The program and its words; empty where only variables are set or files opened.
    pub words: Vec<Word>,
    /// The assignments among the arguments of `export`, `declare` and their kin.
    pub declared: Vec<Assignment>,
    /// The redirections.
    pub redirects: Vec<Redirect>,
}

/// `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The value; several words for an array.
    pub value: Vec<Word>,
    /// A plain `=` to a whole variable. Otherwise (`+=`, elements, arrays) the value is not tracked.
    pub whole: bool,
}

/// One redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Which way data flows.
    pub kind: RedirectKind,
    /// The file, or the text of a heredoc or here-string.
    pub target: Word,
    /// Whether the redirection concerns standard input or standard output, rather than another descriptor.
    pub standard: bool,
}

/// Kinds of redirection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `<`
    Read,
    /// `>`, `>>`, `>|`, `&>`
    Write,
    /// `<>`
    ReadWrite,
    /// `>&`, `<&`: a file name, a descriptor number or `-`.
    Duplicate,
    /// A heredoc or here-string.
    Text,
}

/// A word before expansion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The adjoining parts.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Characters that stand for themselves, dequoted.
    Text {
        /// The characters.
        text: String,
        /// Whether they were quoted, so that `*`, `~`, `{` mean themselves.
        quoted: bool,
    },
    /// The value of a variable.
    Variable {
        /// Its name; digits, `@`, `#`, `?`, … for the special ones.
        name: String,
        /// What is done to the value.
        form: Form,
        /// Whether the result is kept as one word.
        quoted: bool,
    },
    /// `$( … )` and backticks.
    Output {
        /// What runs.
        body: Vec<Statement>,
        /// Whether the result is kept as one word.
        quoted: bool,
    },
    /// `<( … )` and `>( … )`.
    Process(Vec<Statement>),
    /// An arithmetic result: digits, perhaps with a sign.
    Number(Vec<Word>),
    /// Something that is not read for certain, and why.
    Unread(String),
}

/// The expansion forms that are known to be safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// `$x`, `${x}`
    Plain,
    /// `${#x}`
    Length,
    /// `${x:-word}`, `${x-word}`; true = also for an empty value
    Default(Word, bool),
    /// `${x:?message}`, `${x?message}`: the value, or the end; true = it is not empty
    Required(Vec<Word>, bool),
    /// `${x:+word}`, `${x+word}`
    Alternative(Word),
    /// `${x%pattern}`, `${x%%pattern}`; true = the longest match
    TrimEnd(Word, bool),
    /// `${x#pattern}`, `${x##pattern}`; true = the longest match
    TrimStart(Word, bool),
    /// `${x:1:2}`, `${x/a/b}`, `${x^^}`, elements of arrays: a text made from the value. The words
    /// are the ones that are expanded on the way, and the ones that come into the text.
    Derived(Vec<Word>, Vec<Word>),
}

impl Word {
    /// A word of characters that stand for themselves.
    pub fn quoted(text: impl Into<String>) -> Self {
        Self { parts: vec![Part::Text { text: text.into(), quoted: true }] }
    }

    /// The characters of a word that is nothing but characters which stand for themselves.
    pub fn plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text { text, .. }] => Some(text),
            _ => None,
        }
    }
}
