//! The script of a play: JSON lines, an action each.

use crate::home::usage;
use serde::Deserialize;
use serde_json::{Map, Value};
use stayhand_core::decision::Effect;
use stayhand_runtime::policy_files::read_file;
use stayhand_runtime::wire::WireAction;
use std::path::Path;

/// The actions of a script.
pub(super) struct Script {
    pub(super) lines: Vec<Line>,
}

/// One action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    tool: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    agent: Option<String>,
    /// Relative to the workspace.
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    context: Map<String, Value>,
    /// The effect the author expects; another one makes the play fail.
    #[serde(default)]
    pub(super) expect: Option<Effect>,
    /// For readers of the script.
    #[serde(default, rename = "note")]
    _note: Option<String>,
}

impl Script {
    /// Reads a script. `{{server}}` stands for the address of the play's own local server,
    /// `{{workspace}}` for the workspace.
    pub(super) fn read(file: &Path, server: &str, workspace: &Path) -> anyhow::Result<Self> {
        let text =
            read_file(file).map_err(|error| usage(error.to_string().replace("policy file", "script")))?;
        let folder = workspace.to_str().ok_or_else(|| usage("the workspace's path is not UTF-8"))?;
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let filled = line.replace("{{server}}", server).replace("{{workspace}}", folder);
            let mut parsed: Line = serde_json::from_str(&filled)
                .map_err(|error| usage(format!("{}:{}: {error}", file.display(), number + 1)))?;
            parsed.cwd = Some(match &parsed.cwd {
                Some(relative) => format!("{folder}/{relative}"),
                None => folder.to_owned(),
            });
            lines.push(parsed);
        }
        if lines.is_empty() {
            return Err(usage(format!("{} holds no action", file.display())));
        }
        Ok(Self { lines })
    }
}

impl Line {
    /// The action as it would arrive on the wire.
    pub(super) fn action(self) -> WireAction {
        WireAction {
            id: None,
            tool: self.tool,
            input: self.input,
            agent: self.agent,
            session: None,
            cwd: self.cwd,
            context: self.context,
        }
    }
}
