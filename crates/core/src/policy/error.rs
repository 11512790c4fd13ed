//! What is wrong with a policy file: the line, a caret, and what to do.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::sync::Arc;
use thiserror::Error;

/// A text with its name, shared by all diagnostics about it.
pub type Source = Arc<NamedSource<String>>;

/// One problem in a policy file.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where: byte offset and length.
    pub span: Option<(usize, usize)>,
    /// The file.
    pub file: Source,
    /// A warning does not stop the file from being loaded.
    pub warning: bool,
}

impl Problem {
    pub(crate) fn error(source: &Source, span: Option<(usize, usize)>, message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, span, file: Arc::clone(source), warning: false }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) const fn as_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// The line (from 1) the problem lies on, where it is known.
    pub fn line(&self) -> Option<usize> {
        let (offset, _) = self.span?;
        Some(self.file.inner().get(..offset)?.matches('\n').count() + 1)
    }
}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.warning { miette::Severity::Warning } else { miette::Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.is_some().then_some(&*self.file as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".to_owned()), span))))
    }
}

/// A policy that cannot be loaded. The policy in force stays as it is.
#[derive(Debug, Error, Diagnostic)]
#[error("the policy was not loaded: {} problem{}", .problems.len(), if .problems.len() == 1 { "" } else { "s" })]
pub struct PolicyError {
    /// What is wrong, in the order of the file.
    #[related]
    pub problems: Vec<Problem>,
}

impl From<Problem> for PolicyError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}
