//! Words in the making: their characters, and whether each was quoted.

use super::braces::expand_braces;
use crate::program::{Arg, Certainty};

/// One character of a field.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) char: char,
    pub(super) quoted: bool,
    /// Belongs to a value that may be empty.
    pub(super) hollow: bool,
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
    /// What is added now may be empty.
    pub(super) hollow: bool,
    done: Vec<Field>,
    current: Field,
}

impl Fields {
    pub(super) fn new(tilde: bool) -> Self {
        Self { tilde, ..Self::default() }
    }

    pub(super) fn text(&mut self, text: &str, quoted: bool) {
        let hollow = self.hollow;
        self.current.marks.extend(text.chars().map(|char| Mark { char, quoted, hollow }));
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
        let hollow = self.hollow;
        self.current.marks.extend(piece.chars().map(|char| Mark { char, quoted: true, hollow }));
        self.current.present |= !piece.is_empty();
    }

    pub(super) fn words(&mut self, values: &[Arg]) {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.split();
            }
            self.hollow = value.maybe_empty;
            match value.certainty {
                Certainty::Pattern => self.pattern(&value.text),
                _ => self.text(&value.text, true),
            }
            self.hollow = false;
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
        args.extend(fields.into_iter().map(|field| field.into_arg(home, tilde, false)));
    }

    /// Puts a `*` in the place of what may be empty, beside which there is something else.
    fn blur(&mut self) {
        let mut marks: Vec<Mark> = Vec::with_capacity(self.marks.len());
        for (at, mark) in self.marks.iter().enumerate() {
            let goes_on = at > 0 && self.marks.get(at - 1).is_some_and(|before| before.hollow);
            if mark.hollow && mark.char == '/' || self.unknown.is_some_and(|known| at >= known) {
                self.unknown = Some(marks.len());
                break;
            }
            match mark.hollow {
                true if goes_on => {}
                true => marks.push(Mark { char: '*', ..*mark }),
                false => marks.push(*mark),
            }
        }
        self.pattern = true;
        self.marks = marks;
    }

    /// The word; `is_value` = it is what a variable is set to.
    pub(super) fn into_arg(mut self, home: &str, expand_tilde: bool, is_value: bool) -> Arg {
        if let Some(first) = self.marks.iter().position(|mark| mark.hollow)
            && is_another_path(&self.marks, first)
        {
            self.unknown = Some(self.unknown.map_or(first, |known| known.min(first)));
        }
        let maybe_empty = !self.marks.is_empty() && self.marks.iter().all(|mark| mark.hollow);
        if !maybe_empty && self.marks.iter().any(|mark| mark.hollow) {
            self.blur();
        }
        let marks = self.marks.get(..self.unknown.unwrap_or(self.marks.len())).unwrap_or_default();
        let glob = marks.iter().any(|mark| !mark.quoted && matches!(mark.char, '*' | '?' | '['));
        let mut tilde = false;
        let mut text = String::with_capacity(marks.len());
        for (at, mark) in marks.iter().enumerate() {
            match mark.char {
                '~' if at > 0 && !mark.quoted && stands_for_home(marks, at, is_value) => text.push_str(home),
                char => text.push(char),
            }
        }
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
        Arg { text, certainty, many: self.many, tilde, maybe_empty }
    }
}

/// Whether the `~` at `at` stands for the home though it does not begin the word: behind `NAME=`, and behind a colon in what
/// such a name is set to. (Only bash does so in words that are not assignments.) `is_value` = the name stands before the word.
fn stands_for_home(marks: &[Mark], at: usize, is_value: bool) -> bool {
    let ends = marks.get(at + 1).is_none_or(|next| matches!(next.char, '/' | ':'));
    let sign = at.checked_sub(1).and_then(|before| marks.get(before));
    let is_plain = |mark: &&Mark| !mark.quoted && (mark.char.is_ascii_alphanumeric() || mark.char == '_');
    let name = marks.iter().take_while(is_plain).count();
    let is_set = name > 0 && marks.get(name).is_some_and(|sign| !sign.quoted && sign.char == '=');
    ends && sign.is_some_and(|sign| {
        !sign.quoted
            && (sign.char == '=' && is_set && name + 1 == at || sign.char == ':' && (is_set || is_value))
    })
}

/// Whether a word leads elsewhere, or is an option, where what may be empty in it is. `first` is where that begins.
fn is_another_path(marks: &[Mark], first: usize) -> bool {
    let solid = || marks.iter().filter(|mark| !mark.hollow).map(|mark| mark.char);
    if first == 0 && matches!(solid().next(), Some('/' | '-')) {
        return true;
    }
    let mut vanished = false;
    marks.split(|mark| mark.char == '/' && !mark.hollow).any(|name| {
        let rest: String = name.iter().filter(|mark| !mark.hollow).map(|mark| mark.char).collect();
        let is_hollow = name.iter().any(|mark| mark.hollow);
        let leads_up = rest == ".." && (is_hollow || vanished);
        vanished |= is_hollow && rest.is_empty();
        leads_up || is_hollow && rest == "."
    })
}

/// Whether text holds characters that stand for other names.
pub(super) fn has_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}
