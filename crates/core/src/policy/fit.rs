//! Which conditions can speak of which tools: a rule about what `write_file` reads says nothing.

use super::claude;
use super::source::ConditionSource;

/// A key of a condition that only some tools can ever fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Reads,
    Writes,
    Deletes,
    Lists,
    Executes,
    /// A program and its words.
    Command,
    /// A kind of SQL, its verb or its tables.
    Statement,
}

impl Key {
    /// Whether a rule that allows wants something of the kind to be there. Paths and statements must
    /// only match as far as there are any.
    pub(super) fn must_be_there(self) -> bool {
        self == Self::Command
    }

    /// What is wrong with a rule whose tools never show it, and what helps.
    pub(super) const fn mismatch(self) -> (&'static str, &'static str) {
        match self {
            Self::Reads => ("asks what is read, and none of its tools reads", HELP_PATHS),
            Self::Writes => ("asks what is written, and none of its tools writes", HELP_PATHS),
            Self::Deletes => ("asks what is deleted, and none of its tools deletes", HELP_PATHS),
            Self::Lists => ("asks what is listed, and none of its tools lists a folder", HELP_PATHS),
            Self::Executes => ("asks what is run, and its tools run no program", HELP_COMMAND),
            Self::Command => ("asks for a command, and its tools run no program", HELP_COMMAND),
            Self::Statement => ("asks for SQL, and its tools take none", "name `sql`, `bash` or `exec`"),
        }
    }
}

const HELP_PATHS: &str = "use `paths:`, which is any access, or name another tool";
const HELP_COMMAND: &str = "name `bash` or `exec`, or use `paths:`";

/// The keys of this kind that a condition uses, each as it is written.
pub(super) fn keys_of(when: &ConditionSource) -> impl Iterator<Item = (&'static str, Key)> {
    let used = [
        ("reads", Key::Reads, when.reads.is_empty()),
        ("writes", Key::Writes, when.writes.is_empty()),
        ("deletes", Key::Deletes, when.deletes.is_empty()),
        ("lists", Key::Lists, when.lists.is_empty()),
        ("executes", Key::Executes, when.executes.is_empty()),
        ("program", Key::Command, when.program.is_empty()),
        ("subcommand", Key::Command, when.subcommand.is_empty()),
        ("args", Key::Command, when.args.is_empty()),
        ("args_prefix", Key::Command, when.args_prefix.is_empty()),
        ("sql", Key::Statement, when.sql.is_empty()),
        ("sql_verb", Key::Statement, when.sql_verb.is_empty()),
        ("tables", Key::Statement, when.tables.is_empty()),
    ];
    used.into_iter().filter(|(.., unused)| !unused).map(|(name, key, _)| (name, key))
}

/// Whether an action of one of the tools that `entry` stands for can ever show `key`. Of tools that
/// Stayhand does not know by itself, everything is possible.
pub(super) fn may_show(entry: &str, key: Key) -> bool {
    let tools = claude::parse(entry, true).map(|selector| selector.tools).unwrap_or_default();
    tools.is_empty() || tools.iter().any(|tool| shows(tool).is_none_or(|shown| shown.contains(&key)))
}

/// What an action of a known tool can show; none = everything. Arguments beside the usual ones are
/// looked at too: a database in a file, a file to save to.
fn shows(tool: &str) -> Option<&'static [Key]> {
    Some(match tool {
        "read_file" => &[Key::Reads],
        "list_dir" => &[Key::Lists],
        "write_file" | "edit_file" => &[Key::Writes],
        "delete_file" => &[Key::Deletes],
        "connect" => &[],
        "fetch" => &[Key::Reads, Key::Writes],
        "sql" => &[Key::Reads, Key::Writes, Key::Statement],
        _ => return None,
    })
}
