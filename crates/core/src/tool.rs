//! The tools Stayhand knows by itself, their arguments, and the names clients give them.

use crate::facts::FieldKind;
use std::collections::BTreeMap;

/// What the arguments of a tool mean, as a policy declares it: JSON pointer to meaning. In a
/// pointer, the segment `*` stands for any key or index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The declared fields.
    pub fields: BTreeMap<String, FieldKind>,
    /// Whether meaning is still inferred for fields that are not declared. A layer that may only
    /// tighten cannot switch this off.
    pub infer: bool,
    /// Whether the tool shows private data. Any layer can switch this on.
    pub private: bool,
}

/// A tool with a fixed meaning.
#[derive(Debug)]
pub struct Tool {
    /// The canonical name.
    pub name: &'static str,
    /// The arguments that carry meaning: name, meaning, whether it must be there.
    pub fields: &'static [(&'static str, FieldKind, bool)],
}

/// Every tool Stayhand knows by itself.
pub static TOOLS: &[Tool] = &[
    Tool { name: "bash", fields: &[("command", FieldKind::Command, true)] },
    Tool { name: "exec", fields: &[("argv", FieldKind::Argv, true)] },
    Tool { name: "read_file", fields: &[("path", FieldKind::Path, true)] },
    Tool {
        name: "write_file",
        fields: &[("path", FieldKind::WritePath, true), ("content", FieldKind::Text, false)],
    },
    Tool { name: "edit_file", fields: &[("path", FieldKind::WritePath, true)] },
    Tool { name: "delete_file", fields: &[("path", FieldKind::DeletePath, true)] },
    Tool { name: "list_dir", fields: &[("path", FieldKind::Path, true)] },
    Tool {
        name: "fetch",
        fields: &[
            ("url", FieldKind::Url, true),
            ("headers", FieldKind::Outgoing, false),
            ("body", FieldKind::Outgoing, false),
        ],
    },
    // A connection from inside of a sandbox: `host:port`, or the URL of one request.
    Tool { name: "connect", fields: &[("url", FieldKind::Url, false)] },
    Tool { name: "sql", fields: &[("query", FieldKind::Sql, true)] },
    Tool { name: "python", fields: &[("code", FieldKind::Code, true)] },
];

/// A name that a client gives a tool, the canonical name, and the arguments to rename.
type Alias = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The names that Claude Code, Codex and Gemini give these tools, with the arguments to rename.
static ALIASES: &[Alias] = &[
    ("Bash", "bash", &[]),
    ("shell", "bash", &[]),
    ("exec_command", "bash", &[("cmd", "command")]),
    ("local_shell", "exec", &[("command", "argv")]),
    ("run_shell_command", "bash", &[]),
    ("Read", "read_file", &[("file_path", "path")]),
    ("NotebookRead", "read_file", &[("notebook_path", "path")]),
    ("Write", "write_file", &[("file_path", "path")]),
    ("Edit", "edit_file", &[("file_path", "path")]),
    ("MultiEdit", "edit_file", &[("file_path", "path")]),
    ("NotebookEdit", "edit_file", &[("notebook_path", "path")]),
    ("replace", "edit_file", &[("file_path", "path")]),
    ("LS", "list_dir", &[]),
    ("list_directory", "list_dir", &[]),
    ("Glob", "list_dir", &[]),
    ("Grep", "read_file", &[]),
    ("WebFetch", "fetch", &[]),
    ("web_fetch", "fetch", &[]),
];

/// The tool of this canonical name, if Stayhand knows it by itself.
pub fn known(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// Every name of a known tool: canonical ones and those that clients give.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|tool| tool.name).chain(ALIASES.iter().map(|(alias, ..)| *alias))
}

/// The canonical name of `name`, and the arguments to rename (`from`, `to`). Unknown names stay
/// as they are.
pub fn canonical(name: &str) -> (&str, &'static [(&'static str, &'static str)]) {
    ALIASES
        .iter()
        .find(|(alias, ..)| *alias == name)
        .map_or((name, &[]), |(_, canonical, renames)| (canonical, renames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_names_a_known_tool() {
        for (alias, canonical, _) in ALIASES {
            assert!(known(canonical).is_some(), "{alias} stands for nothing");
            assert!(known(alias).is_none(), "{alias} is a canonical name");
        }
    }
}
