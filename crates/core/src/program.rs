//! What policy files say about programs: lines in the form of the tables that come with Stayhand.

/// What one file says about a program or sub-command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramSection {
    /// The program, and its sub-command after a blank; `|` separates alternatives (`kubectl|oc rollout status`).
    pub heading: String,
    /// The lines, as in `operands: read... write`.
    pub lines: Vec<String>,
    /// Whether the file may make an unknown program known. Otherwise it only adds effects.
    pub trusted: bool,
}

/// A section that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misread {
    /// Which of its lines; `None` = the heading.
    pub line: Option<usize>,
    /// What is wrong; what it is about stands first in backquotes.
    pub message: String,
    /// What to do.
    pub help: String,
}
