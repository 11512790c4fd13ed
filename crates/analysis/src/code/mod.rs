//! Code inside arguments: `python -c`, `awk '…'`, `perl -e`, and what a `python` tool is given.
//!
//! A text goes in, [`Deeds`] come out: the files it names, the programs it starts, the hosts it
//! contacts. Nothing is ever run. Safe forms are enumerated: what is not known to be harmless is listed
//! in [`Deeds::unknown`] with a reason, so that an empty list of acts is never mistaken for harmlessness.

mod api;
mod awk;
mod client;
mod python;
mod script;
mod sed;

#[cfg(test)]
mod tests;

use crate::program::Arg;
pub(crate) use awk::awk;
pub(crate) use client::client;
pub(crate) use sed::sed;
use stayhand_core::facts::{Access, Aspect, Trait};

/// The longest text that is looked into.
const MAX_CODE_BYTES: usize = 64 << 10;

/// Languages whose code is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Python 2 is read as Python 3; where that fails, nothing is known.
    Python,
    /// Node.js.
    JavaScript,
    /// Perl 5.
    Perl,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Lua.
    Lua,
}

impl Language {
    /// The language that an interpreter runs.
    pub(crate) fn of_program(name: &str) -> Option<Self> {
        let stem = name.trim_end_matches(|last: char| last.is_ascii_digit() || last == '.');
        match stem {
            "python" | "pypy" | "ipython" | "micropython" => Some(Self::Python),
            "node" | "nodejs" | "iojs" => Some(Self::JavaScript),
            "perl" => Some(Self::Perl),
            "ruby" | "jruby" => Some(Self::Ruby),
            "php" => Some(Self::Php),
            "lua" | "luajit" => Some(Self::Lua),
            _ => None,
        }
    }
}

/// What the code is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    /// The words after the code: `sys.argv[1]` is the first.
    pub(crate) words: &'a [Arg],
    /// The home folder of the user.
    pub(crate) home: &'a str,
}

/// What code would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deeds {
    /// What it would do for certain, or in some branch.
    pub(crate) acts: Vec<Act>,
    /// What could not be determined, and why.
    pub(crate) unknown: Vec<(Aspect, String)>,
}

/// One thing that code would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Touches a path, perhaps with everything below it.
    Path(Access, Arg, bool),
    /// Requests a URL.
    Url(String, Option<&'static str>),
    /// Contacts a host, perhaps with a port.
    Host(String),
    /// Runs a command line in a shell.
    Shell(Arg),
    /// Starts a program, with what it is given as standard input.
    Start {
        /// The program and its arguments.
        words: Vec<Arg>,
        /// Whether standard input comes from the code, and the text where that is known.
        input: Option<Option<String>>,
    },
    /// Sets a variable for the programs it starts.
    Variable(String, Arg),
    /// Changes the working folder.
    Folder(Arg),
    /// Runs SQL of a dialect.
    Sql(String, Option<&'static str>),
    /// Has another effect.
    Does(Trait),
}

impl Deeds {
    /// Adds an act, once.
    fn act(&mut self, act: Act) {
        if !self.acts.contains(&act) {
            self.acts.push(act);
        }
    }

    fn does(&mut self, item: Trait) {
        self.act(Act::Does(item));
    }

    /// Adds a reason why something is not known, once.
    fn note(&mut self, aspect: Aspect, why: impl Into<String>) {
        let reason = (aspect, why.into());
        if !self.unknown.contains(&reason) {
            self.unknown.push(reason);
        }
    }

    fn opaque(&mut self, why: impl Into<String>) {
        self.note(Aspect::Effects, why);
    }
}

/// What `text` would do when `language` runs it.
pub(crate) fn deeds(language: Language, text: &str, given: &Given<'_>) -> Deeds {
    let mut deeds = Deeds::default();
    if text.len() > MAX_CODE_BYTES {
        deeds.opaque("the code is too long to look into");
        return deeds;
    }
    match language {
        Language::Python => python::look(text, given, &mut deeds),
        _ => script::look(language, text, given, &mut deeds),
    }
    deeds
}
