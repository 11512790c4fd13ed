//! Permission strings as Claude Code writes them: `Bash(git push:*)`, `Read(./src/**)`,
//! `WebFetch(domain:example.com)`, `mcp__server`.

use crate::facts::Access;
use crate::tool;

/// A selector: the tools it names and what it demands of the operation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Selector {
    /// Tool names or patterns; `*` = every tool.
    pub(crate) tools: Vec<String>,
    /// The command demanded.
    pub(crate) command: Option<CommandText>,
    /// The accesses and the path pattern demanded.
    pub(crate) path: Option<(Vec<Access>, String)>,
    /// The host demanded.
    pub(crate) host: Option<String>,
}

/// A command as a permission string spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandText {
    /// These words and nothing else: `Bash(git status)`.
    Exact(Vec<String>),
    /// These words first: `Bash(git push:*)`.
    Prefix(Vec<String>),
    /// Wildcards over the whole line: `Bash(git * main)`.
    Like(String),
}

impl CommandText {
    /// Whether a command of the program `name` can be meant, whatever its arguments.
    pub(crate) fn may_begin(&self, name: &str) -> bool {
        match self {
            Self::Exact(words) | Self::Prefix(words) => words.first().is_none_or(|first| first == name),
            Self::Like(pattern) => {
                let literal = pattern.split([' ', '*', '?']).next().unwrap_or_default();
                let whole = pattern.get(literal.len()..).is_some_and(|rest| rest.starts_with(' '));
                if whole { name == literal } else { name.starts_with(literal) }
            }
        }
    }
}

/// Reads one entry of a rule's tool list. `tightens`: a rule that refuses file access by path
/// holds for every tool that touches the path, shells included; a rule that allows does not.
pub(crate) fn parse(text: &str, tightens: bool) -> Result<Selector, String> {
    let Some((name, rest)) = text.split_once('(') else {
        return Ok(Selector { tools: tool_names(text), ..Selector::default() });
    };
    let spec = rest
        .strip_suffix(')')
        .ok_or_else(|| format!("`{text}` has an opening parenthesis and no closing one"))?;
    let any = || if tightens { vec!["*".to_owned()] } else { tool_names(name) };
    let path = |accesses: &[Access]| Some((accesses.to_vec(), claude_path(spec)));
    Ok(match name {
        _ if spec.is_empty() || spec == "*" => Selector { tools: tool_names(name), ..Selector::default() },
        "Bash" | "bash" | "exec" => Selector {
            tools: vec!["bash".to_owned(), "exec".to_owned()],
            command: Some(command(spec)),
            ..Selector::default()
        },
        "Read" | "NotebookRead" | "Grep" | "read_file" => {
            Selector { tools: any(), path: path(&[Access::Read]), ..Selector::default() }
        }
        "Glob" | "LS" | "list_dir" => {
            Selector { tools: any(), path: path(&[Access::List]), ..Selector::default() }
        }
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "write_file" | "edit_file" => {
            Selector { tools: any(), path: path(&[Access::Write, Access::Delete]), ..Selector::default() }
        }
        "WebFetch" | "fetch" => Selector {
            tools: vec!["fetch".to_owned()],
            host: Some(spec.strip_prefix("domain:").unwrap_or(spec).to_owned()),
            ..Selector::default()
        },
        _ => {
            return Err(format!(
                "`{text}`: this tool takes no specifier; write its conditions under `when:`"
            ));
        }
    })
}

/// The canonical tool names an entry stands for.
fn tool_names(name: &str) -> Vec<String> {
    let names: &[&str] = match name {
        "Read" => &["read_file", "list_dir"],
        "Edit" | "Write" => &["write_file", "edit_file"],
        "Bash" => &["bash", "exec"],
        // A server without a tool stands for all its tools.
        _ if name.starts_with("mcp__") && name.matches("__").count() == 1 => {
            return vec![format!("{name}__*")];
        }
        _ => return vec![tool::canonical(name).0.to_owned()],
    };
    names.iter().map(|&name| name.to_owned()).collect()
}

fn command(spec: &str) -> CommandText {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    match spec.strip_suffix(":*") {
        Some(prefix) if !prefix.contains('*') => CommandText::Prefix(words(prefix)),
        Some(prefix) => CommandText::Like(format!("{prefix}*")),
        None if spec.contains('*') => CommandText::Like(spec.to_owned()),
        None => CommandText::Exact(words(spec)),
    }
}

/// `//x` is absolute and `/x` lies in the project, as Claude Code reads them.
fn claude_path(spec: &str) -> String {
    match (spec.strip_prefix("//"), spec.strip_prefix('/')) {
        (Some(absolute), _) => format!("/{absolute}"),
        (None, Some(project)) => format!("./{project}"),
        (None, None) if spec.starts_with(['.', '~']) || !spec.contains('/') || spec.starts_with("**") => {
            spec.to_owned()
        }
        (None, None) => format!("./{spec}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_strings() {
        let push = parse("Bash(git push:*)", true).unwrap();
        assert_eq!(push.command, Some(CommandText::Prefix(vec!["git".into(), "push".into()])));
        let read = parse("Read(./src/**)", false).unwrap();
        assert_eq!(read.tools, ["read_file", "list_dir"]);
        assert_eq!(read.path, Some((vec![Access::Read], "./src/**".into())));
        // A refusal by path holds for shells as well (bypasses 44 and 182).
        assert_eq!(parse("Read(.env)", true).unwrap().tools, ["*"]);
        assert_eq!(parse("mcp__github", true).unwrap().tools, ["mcp__github__*"]);
        assert_eq!(parse("Write(//etc/**)", true).unwrap().path.unwrap().1, "/etc/**");
        assert!(parse("Bash(git", true).is_err());
        assert!(parse("deploy(x)", true).is_err());
    }
}
