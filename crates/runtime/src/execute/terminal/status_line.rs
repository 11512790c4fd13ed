//! A line at the foot of the person's screen that is not the program's: it gets a screen that is one line shorter, and of what it
//! says whatever would reach further is put right.

use std::mem;

/// The least lines of a screen that gives one away.
const LEAST_ROWS: u16 = 6;

/// More of one sequence is never put right: what is so long is none of those that would have to be.
const LONGEST: usize = 64;

/// The line, and what the program has made of the screen above.
pub(super) struct StatusLine {
    rows: u16,
    columns: u16,
    shown: String,
    /// Whether the program may have written over it.
    is_stale: bool,
    /// The lines that the program lets move, if not all of its own.
    moving: Option<(u16, u16)>,
    /// Whether the program has put a position of its cursor by: there is one place for that, and it may come back to it.
    is_in_use: bool,
    /// Whether the last letter has come in part.
    is_mid_letter: bool,
    reading: Reading,
}

/// Where in a sequence the program's output has come to.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    Text,
    /// After an escape.
    Escape,
    /// Within a control sequence: what was said of it and not passed on.
    Control(Vec<u8>),
    /// Within one that is too long.
    LongControl,
    /// Within a text for the terminal, such as a title; and after an escape in it.
    ForTerminal,
    EscapeForTerminal,
}

impl StatusLine {
    /// One on a screen of this size, and what the terminal has to be told for it. `None`: the screen is too small.
    pub(super) fn begin(rows: u16, columns: u16) -> Option<(Self, String)> {
        let line = Self {
            rows,
            columns,
            shown: String::new(),
            is_stale: true,
            moving: None,
            is_in_use: false,
            is_mid_letter: false,
            reading: Reading::Text,
        };
        let lay = line.lay();
        (rows >= LEAST_ROWS).then_some((line, lay))
    }

    /// How many lines are the program's.
    pub(super) const fn left(&self) -> u16 {
        self.rows.saturating_sub(1)
    }

    /// Makes room for it at the foot, wherever the cursor is.
    fn lay(&self) -> String {
        format!("\n{}\x1b[1A", self.bound())
    }

    /// Keeps everything else from moving it.
    fn bound(&self) -> String {
        let (top, bottom) = self.moving.unwrap_or((1, self.left()));
        format!("\x1b7\x1b[{top};{bottom}r\x1b8")
    }

    /// Takes it away: before something is asked, and at the end.
    pub(super) fn lift(&self) -> String {
        format!("\x1b7\x1b[?6l\x1b[r\x1b[{};1H\x1b[2K\x1b8", self.rows)
    }

    /// Brings it back after a question.
    pub(super) fn back(&mut self) -> String {
        self.is_stale = true;
        self.lay()
    }

    /// The window has another size now.
    pub(super) fn resized(&mut self, rows: u16, columns: u16) -> String {
        // On a smaller screen it is gone, or is a line of what was said.
        let away = if rows > self.rows { self.lift() } else { "\x1b7\x1b[r\x1b8".to_owned() };
        (self.rows, self.columns, self.is_stale, self.moving) = (rows.max(2), columns, true, None);
        away + &self.lay()
    }

    /// What shows this, where it has changed or was written over. Nothing is written into the middle of a letter or a sequence, nor
    /// where the program's own place for a position would be lost.
    pub(super) fn show(&mut self, text: &str) -> Option<String> {
        let is_due = self.is_stale || self.shown != text;
        if !is_due || self.is_in_use || self.is_mid_letter || self.reading != Reading::Text {
            return None;
        }
        text.clone_into(&mut self.shown);
        self.is_stale = false;
        let width = usize::from(self.columns);
        let fitting: String = text.chars().take(width).collect();
        Some(format!("\x1b7\x1b[?6l\x1b[{};1H\x1b(B\x1b[0;7m{fitting:<width$}\x1b[0m\x1b8", self.rows))
    }

    /// What the program has said, put right.
    pub(super) fn pass(&mut self, said: &[u8]) -> Vec<u8> {
        self.is_stale |= !said.is_empty();
        self.is_mid_letter = is_mid_letter(said);
        let mut passed = Vec::with_capacity(said.len() + LONGEST);
        for &byte in said {
            self.read(byte, &mut passed);
        }
        passed
    }

    /// The terminal is as it was at first.
    fn reset(&mut self) -> String {
        (self.moving, self.is_in_use) = (None, false);
        self.bound()
    }

    fn read(&mut self, byte: u8, passed: &mut Vec<u8>) {
        let reading = mem::replace(&mut self.reading, Reading::Text);
        self.reading = match (reading, byte) {
            (Reading::Control(mut held), 0x20..=0x3f) => {
                held.push(byte);
                if held.len() < LONGEST {
                    Reading::Control(held)
                } else {
                    passed.extend(held);
                    self.reading = Reading::LongControl;
                    return;
                }
            }
            (Reading::LongControl, 0x20..=0x3f) => Reading::LongControl,
            (Reading::Control(held), 0x40..=0x7e) => {
                self.control(&held, byte, passed);
                return;
            }
            // Anything else breaks it off.
            (Reading::Control(held), _) => {
                passed.extend(held);
                passed.push(byte);
                self.reading = if byte == ESCAPE { Reading::Escape } else { Reading::Text };
                return;
            }
            (Reading::Escape, b'[') => Reading::Control(vec![]),
            (Reading::Escape, b']' | b'P' | b'X' | b'^' | b'_') => Reading::ForTerminal,
            (Reading::Escape, b'7') => {
                self.is_in_use = true;
                Reading::Text
            }
            (Reading::Escape, b'c') => {
                passed.push(byte);
                passed.extend(self.reset().into_bytes());
                return;
            }
            (Reading::ForTerminal, ESCAPE) => Reading::EscapeForTerminal,
            (Reading::EscapeForTerminal, b'\\') | (Reading::ForTerminal, BELL | CANCEL) => Reading::Text,
            (Reading::ForTerminal, _) => Reading::ForTerminal,
            // Anything else breaks the text off, and is a sequence of its own.
            (Reading::EscapeForTerminal, _) => {
                self.reading = Reading::Escape;
                return self.read(byte, passed);
            }
            (_, ESCAPE) => Reading::Escape,
            _ => Reading::Text,
        };
        if !matches!(&self.reading, Reading::Control(held) if !held.is_empty()) {
            passed.push(byte);
        }
    }

    /// Passes a control sequence on, of which the first two bytes have been.
    fn control(&mut self, held: &[u8], last: u8, passed: &mut Vec<u8>) {
        let numbers = numbers(held);
        let foot = self.left();
        let at_most = |row: Option<&u16>| row.map_or(1, |row| (*row).clamp(1, foot));
        match (numbers.as_deref(), last) {
            // The lines that move.
            (Some(given), b'r') => {
                let bottom = given.get(1).filter(|row| **row > 0).map_or(foot, |row| (*row).min(foot));
                let top = at_most(given.first());
                self.moving = Some((top, bottom)).filter(|moving| *moving != (1, foot));
                passed.extend(format!("{top};{bottom}r").into_bytes());
            }
            // Where the cursor goes.
            (Some([row, rest @ ..]), b'H' | b'f') if *row > foot => {
                let column = rest.first().map_or(1, |column| (*column).max(1));
                passed.extend(format!("{foot};{column}{}", char::from(last)).into_bytes());
            }
            (Some([row, ..]), b'd') if *row > foot => passed.extend(format!("{foot}d").into_bytes()),
            (_, last) => {
                passed.extend(held);
                passed.push(last);
                match (held, last) {
                    (b"", b's') | (b"?1048", b'h') => self.is_in_use = true,
                    (b"!", b'p') => passed.extend(self.reset().into_bytes()),
                    // The other screen may have lines that move of its own.
                    (_, b'h' | b'l') if changes_screen(held) => passed.extend(self.bound().into_bytes()),
                    _ => {}
                }
            }
        }
    }
}

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
const CANCEL: u8 = 0x18;

/// The numbers of a control sequence that has nothing but numbers; one left out is 0.
fn numbers(held: &[u8]) -> Option<Vec<u16>> {
    let is_plain = held.iter().all(|byte| byte.is_ascii_digit() || *byte == b';');
    let number = |digits: &[u8]| {
        let digit = |sum: u16, digit: &u8| sum.saturating_mul(10).saturating_add((digit - b'0').into());
        digits.iter().fold(0, digit)
    };
    is_plain.then(|| held.split(|byte| *byte == b';').map(number).collect())
}

/// Whether this ends in the middle of a letter.
fn is_mid_letter(said: &[u8]) -> bool {
    let tail = said.iter().rev().take(4);
    let behind = tail.clone().take_while(|byte| **byte & 0xc0 == 0x80).count();
    let wants = match tail.clone().nth(behind) {
        Some(0xc0..=0xdf) => 1,
        Some(0xe0..=0xef) => 2,
        Some(0xf0..=0xf7) => 3,
        _ => 0,
    };
    behind < wants
}

/// Whether a mode that is set or reset so is one that shows another screen.
fn changes_screen(held: &[u8]) -> bool {
    let modes = held.strip_prefix(b"?").unwrap_or_default();
    modes.split(|byte| *byte == b';').any(|mode| matches!(mode, b"47" | b"1047" | b"1049"))
}

#[cfg(test)]
mod tests;
