//! Where the grammar may read a text otherwise than the shell does.

use super::{Kind, Syntax};
use std::ops::Range;

/// The most digits of a descriptor.
const MAX_DESCRIPTOR: usize = 9;

impl Syntax<'_> {
    /// Doubts the text where the shell may read a node otherwise; `open` are the nodes around it.
    pub(super) fn doubt_misread(&mut self, kind: Kind, range: Range<usize>, leaf: bool, open: &[usize]) {
        let text = self.slice(range.clone());
        if kind == Kind::Comment && self.follows_joined_line(range.start) {
            self.doubt("a comment is not understood");
        }
        if leaf && self.holds_line_end(kind, text, open) {
            self.doubt("a command goes on after the end of its line");
        }
        // The parser takes the longest text that could be one such string, and the shell the shortest.
        if kind == Kind::AnsiString && !ends_at_first_quote(text) {
            self.doubt("a quoted text ends before it seems to");
        }
        if leaf && self.misquotes(kind, text, open) {
            self.doubt("a quote may not be where it seems to");
        }
        if matches!(kind, Kind::Regex | Kind::ExtGlob) && self.overreaches(text, open) {
            self.doubt("a pattern goes on where the shell ends it");
        }
        // A number that is too large for a descriptor is a word for the shell.
        if kind == Kind::Descriptor && text.len() > MAX_DESCRIPTOR {
            self.doubt("a redirection is not understood");
        }
    }

    /// Whether what looks like a comment follows a joined line, and is part of a word in truth.
    fn follows_joined_line(&self, at: usize) -> bool {
        let before = self.slice(0..at);
        before
            .strip_suffix('\n')
            .is_some_and(|line| (line.len() - line.trim_end_matches('\\').len()) % 2 == 1)
    }

    /// Whether a leaf that should be part of one line holds the end of a line. The grammar lets
    /// some words and operators begin with blanks, and with it swallow the end of a command.
    fn holds_line_end(&self, kind: Kind, text: &str, open: &[usize]) -> bool {
        if !text.contains('\n') || text.trim().is_empty() {
            return false;
        }
        let opens_string =
            text.trim() == "\"" && open.last().is_some_and(|last| last + 1 == self.nodes.len());
        if opens_string || matches!(kind, Kind::RawString | Kind::AnsiString) {
            let before = text.len() - text.trim_start().len();
            return text.get(..before).is_some_and(|blank| blank.contains('\n'));
        }
        let quoting = |index: &usize| {
            self.nodes.get(*index).is_some_and(|node| matches!(node.kind, Kind::String | Kind::HeredocBody))
        };
        let quoted = matches!(kind, Kind::StringContent | Kind::HeredocContent | Kind::HeredocBody)
            || open.iter().rev().take(2).any(quoting);
        !quoted && breaks_line(text)
    }

    /// Whether a leaf holds a quote that the shell may pair with another one than the grammar does. The grammar reads
    /// patterns and what stands within `${…}` by rules of its own; the shell takes a single quote there for itself or for
    /// an opening one, by the operator and by whether double quotes are around.
    fn misquotes(&self, kind: Kind, text: &str, open: &[usize]) -> bool {
        // Most leaves hold none.
        if !text.contains(['\'', '"', '`']) {
            return false;
        }
        match kind {
            Kind::Comment | Kind::StringContent => false,
            Kind::HeredocStart | Kind::HeredocBody | Kind::HeredocContent | Kind::HeredocEnd => false,
            Kind::Token if matches!(text.trim(), "\"" | "$\"" | "`") => false,
            Kind::RawString | Kind::AnsiString => self.expands_within_quotes(open),
            Kind::Regex | Kind::ExtGlob => match quotes(text) {
                Quotes::None => false,
                Quotes::Paired => self.expands_within_quotes(open),
                Quotes::Open => true,
            },
            _ => quotes(text) != Quotes::None,
        }
    }

    /// Whether a pattern goes on behind a character that ends a word. The grammar reads one up to the next `]]`, even where no
    /// `[[` is open. Within `${…}` only the first brace ends it.
    fn overreaches(&self, text: &str, open: &[usize]) -> bool {
        let parent = open.last().and_then(|index| self.nodes.get(*index));
        let within = parent.is_some_and(|parent| parent.kind == Kind::Expansion);
        if within {
            return text.replace("\\}", "").contains('}');
        }
        let quoted = quotes(text) == Quotes::Paired;
        quoted || text.trim().replace("\\ ", "").contains([' ', '\t', '\n', ';', '&', '<', '>'])
    }

    /// Whether the innermost open nodes are a `${…}` within double quotes or in a heredoc.
    fn expands_within_quotes(&self, open: &[usize]) -> bool {
        let kinds = open.iter().rev().filter_map(|index| self.nodes.get(*index)).map(|node| node.kind);
        let own = kinds.take_while(|kind| !matches!(kind, Kind::Substitution | Kind::ProcessSubstitution));
        own.skip_while(|kind| *kind != Kind::Expansion)
            .any(|kind| matches!(kind, Kind::String | Kind::TranslatedString | Kind::HeredocBody))
    }

    /// Whether a token is an operator that has to stand on the line of the command before it. The grammar takes a joined
    /// line before it for the undoing of that line's end.
    pub(super) fn continues_command(&self, range: Range<usize>, open: &[usize]) -> bool {
        let parent = open.last().and_then(|index| self.nodes.get(*index));
        // Within these lines end where they like.
        let is_free =
            parent.is_some_and(|parent| matches!(parent.kind, Kind::Binary | Kind::Test | Kind::CStyleFor));
        !is_free && matches!(self.slice(range).trim(), "&&" | "||" | "|" | "|&" | ";" | "&")
    }

    /// Whether the innermost open node is the text of a heredoc, which is not covered by nodes.
    pub(super) fn inside_heredoc(&self, open: &[usize]) -> bool {
        open.last()
            .and_then(|index| self.nodes.get(*index))
            .is_some_and(|node| node.kind == Kind::HeredocBody)
    }
}

/// How quotes that are not escaped stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    /// Each is closed.
    Paired,
    /// One is not closed, or opens a command.
    Open,
}

/// How the quotes of `text` stand, read as the shell reads a word.
fn quotes(text: &str) -> Quotes {
    let mut found = Quotes::None;
    let mut within = None;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, within) {
            (b'`', _) => return Quotes::Open,
            (b'\\', None | Some(b'"')) => drop(bytes.next()),
            (b'\'' | b'"', None) => within = Some(byte),
            (_, Some(quote)) if byte == quote => (within, found) = (None, Quotes::Paired),
            _ => {}
        }
    }
    if within.is_some() { Quotes::Open } else { found }
}

/// Whether the first quote of `$'…'` that is not escaped is its last character.
fn ends_at_first_quote(text: &str) -> bool {
    let Some(inner) = text.trim_start().strip_prefix("$'") else { return false };
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'\'' => return bytes.next().is_none(),
            _ => {}
        }
    }
    false
}

/// Whether a line ends in this gap without being joined to the next.
pub(in crate::shell) fn breaks_line(gap: &str) -> bool {
    gap.contains('\n') && gap.replace("\\\n", "").contains('\n')
}

/// Whether `gap`, which no node covers, means nothing: blanks and joined lines.
pub(super) fn is_blank(gap: &str) -> bool {
    let mut bytes = gap.bytes();
    while let Some(byte) = bytes.next() {
        let blank = match byte {
            b' ' | b'\t' | b'\n' => true,
            b'\\' => bytes.next() == Some(b'\n'),
            _ => false,
        };
        if !blank {
            return false;
        }
    }
    true
}
