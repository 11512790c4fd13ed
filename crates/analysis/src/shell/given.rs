//! The variables that a shell finds or makes when it starts, as far as anything is known about their values.

use crate::program::{Arg, OWN_PROCESS, Situation};

/// Variables with some name as their value. Another shell than bash does not know most of them, and any may be taken away.
const NAMES: [&str; 15] = [
    "USER",
    "LOGNAME",
    "UID",
    "EUID",
    "HOSTNAME",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "PPID",
    "HOSTTYPE",
    "OSTYPE",
    "EPOCHSECONDS",
    "BASH_VERSION",
    "SHLVL",
    "BASHPID",
];
const OTHERS: [&str; 3] = ["HOME", "PWD", "IFS"];

/// A set of these variables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Given(u32);

impl Given {
    /// Every one.
    pub(crate) const ALL: Self = Self(u32::MAX);

    /// The variable `name`, where it is one of them.
    pub(crate) fn of(name: &str) -> Self {
        let at = NAMES.iter().chain(&OTHERS).position(|known| *known == name);
        Self(at.map_or(0, |at| 1 << at))
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Whether the shell gives a variable values of its own, whatever it is set to.
pub(super) fn makes_its_own(name: &str) -> bool {
    matches!(name, "RANDOM" | "SECONDS" | "LINENO" | "EPOCHSECONDS" | "BASHPID" | "UID" | "EUID" | "PPID")
}

/// What a special parameter or such a variable stands for while nobody has changed it.
pub(super) fn value(name: &str, folders: &[String], situation: &Situation<'_>) -> Option<Arg> {
    match (name, folders) {
        ("HOME", _) => Some(Arg::exact(situation.home)),
        ("PWD", [folder]) => Some(Arg::exact(folder.as_str())),
        ("IFS", _) => Some(Arg::exact(" \t\n")),
        ("$", _) => Some(Arg::pattern(OWN_PROCESS)),
        ("!" | "BASHPID", _) => Some(Arg { maybe_empty: true, ..Arg::pattern(OWN_PROCESS) }),
        ("?" | "#", _) => Some(Arg::pattern("*")),
        (name, _) => NAMES.contains(&name).then(Arg::name),
    }
}
