//! What an action would do.

pub mod host;
pub mod path;
pub mod program;
pub mod secret;
pub mod shell;
pub mod sql;
pub mod text;
mod tool;
pub mod url;

use stayhand_core::facts::Facts;
use stayhand_core::request::Request;
use stayhand_core::tool::Declaration;

/// The folders a text is read against. All are absolute.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The folder relative paths start from.
    pub cwd: &'a str,
    /// The folder the agent is meant to work in.
    pub workspace: &'a str,
    /// The home folder of the user the action runs as.
    pub home: &'a str,
}

/// What is known about a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// What the action would do.
    pub facts: Facts,
    /// The request with every secret replaced: the form that may be stored.
    pub redacted: Request,
}

/// Works out what `request` would do. Pure: reads no file, clock or environment; links and names
/// are resolved later.
pub fn analyse(request: &Request, declaration: Option<&Declaration>) -> Analysis {
    tool::analyse(request, declaration)
}
