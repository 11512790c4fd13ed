//! sed scripts, command by command.

use super::{Act, Deeds};
use crate::program::Arg;
use stayhand_core::facts::Access;

/// Adds what a sed script does besides editing its stream.
pub(crate) fn sed(script: &str, deeds: &mut Deeds) {
    let mut reader = SedReader { rest: script };
    while reader.skip_separators() {
        if reader.command(deeds).is_none() {
            return deeds.opaque("the sed script is not understood");
        }
    }
}

struct SedReader<'s> {
    rest: &'s str,
}

impl<'s> SedReader<'s> {
    fn skip_separators(&mut self) -> bool {
        self.rest = self
            .rest
            .trim_start_matches(|char: char| char.is_whitespace() || matches!(char, ';' | '{' | '}' | '!'));
        !self.rest.is_empty()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    fn command(&mut self, found: &mut Deeds) -> Option<()> {
        self.address()?;
        self.rest = self.rest.trim_start();
        if self.rest.starts_with(['{', '!']) {
            return Some(());
        }
        match self.next()? {
            's' => self.substitution(found),
            'y' => {
                let delimiter = self.next()?;
                self.part(delimiter)?;
                self.part(delimiter)
            }
            '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' | 'F' => Some(()),
            'l' | 'q' | 'Q' | 'L' => {
                self.rest = self.rest.trim_start().trim_start_matches(|char: char| char.is_ascii_digit());
                Some(())
            }
            'a' | 'i' | 'c' => {
                self.text();
                Some(())
            }
            'b' | 't' | 'T' | ':' => {
                let end = self.rest.find([';', '\n', '}']).unwrap_or(self.rest.len());
                self.rest = self.rest.get(end..)?;
                Some(())
            }
            '#' => {
                self.line();
                Some(())
            }
            'r' | 'R' => {
                self.file(Access::Read, found);
                Some(())
            }
            'w' | 'W' => {
                self.file(Access::Write, found);
                Some(())
            }
            'e' => {
                self.execute(found);
                Some(())
            }
            _ => None,
        }
    }

    /// Addresses: numbers, `$`, `/regex/`, `\cregexc`, with `,`, `~` and `+` between.
    fn address(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            let mut chars = self.rest.chars();
            match chars.next() {
                Some('/') => {
                    self.next();
                    self.pattern('/')?;
                    self.rest = self.rest.trim_start_matches(['I', 'M']);
                }
                Some('\\') => {
                    self.next();
                    let delimiter = self.next()?;
                    self.pattern(delimiter)?;
                }
                Some('0'..='9' | '$' | ',' | '~' | '+') => {
                    self.next();
                }
                _ => return Some(()),
            }
        }
    }

    /// Skips to the end of a delimited pattern, in which brackets may hold the delimiter.
    fn pattern(&mut self, delimiter: char) -> Option<()> {
        loop {
            match self.next()? {
                '\\' => {
                    self.next()?;
                }
                '[' => self.bracket(),
                char if char == delimiter => return Some(()),
                _ => {}
            }
        }
    }

    /// Skips the rest of `[…]`, if it is closed.
    fn bracket(&mut self) {
        let open = self.rest.strip_prefix('^').unwrap_or(self.rest);
        let open = open.strip_prefix(']').unwrap_or(open);
        if let Some((_, rest)) = open.split_once(']') {
            self.rest = rest;
        }
    }

    /// Skips to the end of a delimited part.
    fn part(&mut self, delimiter: char) -> Option<()> {
        loop {
            match self.next()? {
                '\\' => {
                    self.next()?;
                }
                char if char == delimiter => return Some(()),
                _ => {}
            }
        }
    }

    fn substitution(&mut self, found: &mut Deeds) -> Option<()> {
        let delimiter = self.next()?;
        let pattern = self.rest;
        self.pattern(delimiter)?;
        let replacement = self.rest;
        let pattern = pattern.get(..pattern.len() - replacement.len())?;
        self.part(delimiter)?;
        let replacement = replacement.get(..replacement.len() - self.rest.len())?;
        loop {
            let mut chars = self.rest.chars();
            match chars.next() {
                Some('g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9') => {
                    self.next();
                }
                Some('w') => {
                    self.next();
                    self.file(Access::Write, found);
                    return Some(());
                }
                Some('e') => {
                    self.next();
                    run_replacement(pattern, replacement, found);
                }
                Some(';' | '}' | '\n' | ' ' | '\t' | '#') | None => return Some(()),
                Some(_) => return None,
            }
        }
    }

    /// The file that the rest of the line names.
    fn file(&mut self, access: Access, found: &mut Deeds) {
        let name = self.line().trim();
        found.act(Act::Path(access, Arg::exact(name), false));
    }

    /// `e command`, or `e` alone, which runs the line that was read.
    fn execute(&mut self, found: &mut Deeds) {
        match self.line().trim() {
            "" | "}" => found.opaque("the sed script runs the lines it reads"),
            command => found.act(Act::Shell(Arg::exact(command))),
        }
    }

    /// The rest of the line.
    fn line(&mut self) -> &'s str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        line
    }

    /// The text of `a`, `i` and `c`: to the end of a line that is not continued.
    fn text(&mut self) {
        loop {
            let line = self.line();
            if !line.ends_with('\\') || self.rest.is_empty() {
                return;
            }
        }
    }
}

/// `s/pattern/replacement/e` runs the line after replacing: the replacement alone, if the pattern takes
/// the whole line.
fn run_replacement(pattern: &str, replacement: &str, found: &mut Deeds) {
    let mut chars = pattern.chars();
    chars.next_back();
    let whole = matches!(chars.as_str(), ".*" | "^.*$" | "^.*" | ".*$");
    let mut chars = replacement.chars();
    chars.next_back();
    let command = chars.as_str();
    if whole && !command.contains(['&', '\\']) {
        found.act(Act::Shell(Arg::exact(command)));
    } else {
        found.opaque("the sed script runs the lines it makes");
    }
}
