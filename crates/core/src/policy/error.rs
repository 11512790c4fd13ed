//! What is wrong with a policy file: the line, a caret, and what to do.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use std::sync::Arc;
use thiserror::Error;

/// A text with its name, shared by all diagnostics about it.
pub type Source = Arc<NamedSource<String>>;

/// A byte offset and a length.
pub(crate) type Span = (usize, usize);

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

    /// A problem with the part of the file that begins at `part` and ends before byte `end`. What
    /// the message quotes first is what it is about, so that is where the caret goes if it stands
    /// there as written.
    pub(crate) fn about(source: &Source, part: Option<Span>, end: Option<usize>, message: String) -> Self {
        let from = part.map_or(0, |(offset, _)| offset);
        let text = source.inner().get(from..end.unwrap_or(source.inner().len())).unwrap_or_default();
        let quoted = message.split('`').nth(1).filter(|quoted| !quoted.is_empty());
        let found = quoted.and_then(|quoted| whole(text, quoted)).map(|(at, length)| (from + at, length));
        Self::error(source, found.or(part), message)
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) const fn into_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// The line (from 1) the problem lies on, where it is known.
    pub fn line(&self) -> Option<usize> {
        let (offset, _) = self.span?;
        Some(self.file.inner().get(..offset)?.matches('\n').count() + 1)
    }
}

/// Where `word` first stands in `text` as a value of its own.
fn whole(text: &str, word: &str) -> Option<Span> {
    let apart = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "\"'[]{},:".contains(c));
    let alone = |at: &usize| {
        apart(text.get(..*at).and_then(|before| before.chars().next_back()))
            && apart(text.get(at + word.len()..).and_then(|behind| behind.chars().next()))
    };
    let at = text.match_indices(word).map(|(at, _)| at).find(alone)?;
    Some((at, word.len()))
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
