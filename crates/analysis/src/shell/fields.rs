//! Words in the making: their characters, and whether each was quoted.

use super::braces::expand_braces;
use crate::program::{Arg, Certainty};

/// One character of a field.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) char: char,
    pub(super) quoted: bool,
}

/// A word in the making.
#[derive(Default, Clone)]
pub(super) struct Field {
    pub(super) marks: Vec<Mark>,
    /// The text holds `*` that stands for what is not known.
    pattern: bool,
    /// Where what is known ends.
    pub(super) unknown: Option<usize>,
    pub(super) many: bool,
    /// Something was there, even if it is empty.
    present: bool,
}

/// The words that one word turns into.
#[derive(Default)]
pub(super) struct Fields {
    /// A `~` at the start stands for a home.
    pub(super) tilde: bool,
    done: Vec<Field>,
    current: Field,
}

impl Fields {
    pub(super) fn new(tilde: bool) -> Self {
        Self { tilde, ..Self::default() }
    }

    pub(super) fn text(&mut self, text: &str, quoted: bool) {
        self.current.marks.extend(text.chars().map(|char| Mark { char, quoted }));
        self.current.present |= quoted || !text.is_empty();
    }

    /// A name or number that is not known but holds no slash.
    pub(super) fn name(&mut self) {
        self.pattern("*");
    }

    pub(super) fn pattern(&mut self, text: &str) {
        self.text(text, true);
        self.current.pattern = true;
    }

    pub(super) fn unknown(&mut self, many: bool) {
        let known = self.current.marks.len();
        self.current.unknown.get_or_insert(known);
        self.current.many |= many;
        self.current.present = true;
    }

    /// The value of an unquoted variable: split at blanks, then matched against names.
    pub(super) fn unquoted_value(&mut self, value: &str) {
        let mut pieces = value.split([' ', '\t', '\n']);
        if let Some(first) = pieces.next() {
            self.unquoted_piece(first);
        }
        for piece in pieces {
            self.split();
            self.unquoted_piece(piece);
        }
    }

    /// Values are matched against names, but their braces and tildes mean themselves.
    pub(super) fn unquoted_piece(&mut self, piece: &str) {
        self.current.pattern |= has_glob(piece);
        self.current.marks.extend(piece.chars().map(|char| Mark { char, quoted: true }));
        self.current.present |= !piece.is_empty();
    }

    pub(super) fn words(&mut self, values: &[Arg]) {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.split();
            }
            match value.certainty {
                Certainty::Pattern => self.pattern(&value.text),
                _ => self.text(&value.text, true),
            }
            if value.is_unknown() {
                self.unknown(value.many);
            }
        }
    }

    pub(super) fn split(&mut self) {
        if self.current.present {
            self.done.push(std::mem::take(&mut self.current));
        }
    }

    pub(super) fn finish(mut self) -> Vec<Field> {
        self.split();
        self.done
    }
}

impl Field {
    /// The same word with other characters.
    pub(super) fn like(&self, marks: Vec<Mark>, unknown: Option<usize>) -> Self {
        Self { marks, unknown, ..self.clone() }
    }

    /// A word of which nothing is known any more.
    pub(super) fn lost(self) -> Self {
        Self { unknown: Some(0), many: true, ..self }
    }

    pub(super) fn into_args(self, home: &str, tilde: bool, args: &mut Vec<Arg>) {
        let fields = expand_braces(self);
        args.extend(fields.into_iter().map(|field| field.into_arg(home, tilde)));
    }

    pub(super) fn into_arg(self, home: &str, expand_tilde: bool) -> Arg {
        let marks = self.marks.get(..self.unknown.unwrap_or(self.marks.len())).unwrap_or_default();
        let glob = marks.iter().any(|mark| !mark.quoted && matches!(mark.char, '*' | '?' | '['));
        let mut text: String = marks.iter().map(|mark| mark.char).collect();
        let mut tilde = false;
        if expand_tilde && text.starts_with('~') {
            match text.get(1..) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => text = format!("{home}{rest}"),
                _ => tilde = true,
            }
        }
        let certainty = if self.unknown.is_some() {
            Certainty::Unknown
        } else if glob || self.pattern {
            Certainty::Pattern
        } else {
            Certainty::Exact
        };
        Arg { text, certainty, many: self.many, tilde }
    }
}

/// Whether text holds characters that stand for other names.
pub(super) fn has_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}
