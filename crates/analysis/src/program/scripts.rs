//! Small languages inside arguments: sed scripts, awk programs, permission bits.

/// Whether an awk program only computes: it starts no program, opens no file and no connection.
pub(super) fn awk_is_plain(program: &str) -> bool {
    let mut bytes = program.bytes().peekable();
    // The byte before, and the last one that is no blank.
    let mut before = b' ';
    let mut previous = b' ';
    // Inside `print …`, `>` redirects; elsewhere it compares.
    let mut printing = false;
    // `getline <` reads a file.
    let mut reading = false;
    let mut depth = 0u32;
    if ["system", "@load", "@include", "ENVIRON", "close("].iter().any(|word| program.contains(word)) {
        return false;
    }
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes, b'"'),
            b'/' if !(previous.is_ascii_alphanumeric() || matches!(previous, b')' | b']' | b'_')) => {
                skip_string(&mut bytes, b'/');
            }
            b'#' => while bytes.next_if(|byte| *byte != b'\n').is_some() {},
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'g' if is_getline(&bytes, before) => reading = true,
            b'<' if reading => return false,
            b'p' if !before.is_ascii_alphanumeric() && before != b'_' => printing = true,
            b';' | b'\n' | b'}' => {
                printing = false;
                reading = false;
                depth = 0;
            }
            b'>' if printing && depth == 0 => return false,
            b'|' if bytes.next_if_eq(&b'|').is_none() => return false,
            _ => {}
        }
        before = byte;
        if !byte.is_ascii_whitespace() {
            previous = byte;
        }
    }
    true
}

fn is_getline(rest: &std::iter::Peekable<std::str::Bytes<'_>>, before: u8) -> bool {
    !before.is_ascii_alphanumeric() && rest.clone().take(6).eq("etline".bytes())
}

fn skip_string(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>, end: u8) {
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if byte == end || byte == b'\n' {
            return;
        }
    }
}

/// What a sed script does besides editing its stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sed {
    /// It runs programs, or is not understood.
    pub(super) opaque: bool,
    /// The files it reads.
    pub(super) reads: Vec<String>,
    /// The files it writes.
    pub(super) writes: Vec<String>,
}

/// Reads a sed script command by command.
pub(super) fn sed(script: &str) -> Sed {
    let mut found = Sed::default();
    let mut reader = SedReader { rest: script };
    while reader.skip_separators() {
        if reader.command(&mut found).is_none() {
            found.opaque = true;
            return found;
        }
    }
    found
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

    fn command(&mut self, found: &mut Sed) -> Option<()> {
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
                found.reads.push(self.line().trim().to_owned());
                Some(())
            }
            'w' | 'W' => {
                found.writes.push(self.line().trim().to_owned());
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

    fn substitution(&mut self, found: &mut Sed) -> Option<()> {
        let delimiter = self.next()?;
        self.pattern(delimiter)?;
        self.part(delimiter)?;
        loop {
            let mut chars = self.rest.chars();
            match chars.next() {
                Some('g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9') => {
                    self.next();
                }
                Some('w') => {
                    self.next();
                    found.writes.push(self.line().trim().to_owned());
                    return Some(());
                }
                Some('e') => return None,
                Some(';' | '}' | '\n' | ' ' | '\t' | '#') | None => return Some(()),
                Some(_) => return None,
            }
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

/// Whether permission bits grant a program its owner's identity.
pub(super) fn mode_grants_identity(mode: &str) -> bool {
    if mode.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = mode.trim_start_matches('0');
        return digits.len() >= 4 && !digits.starts_with('1');
    }
    mode.split(',').any(|clause| clause.split_once(['+', '=']).is_some_and(|(_, bits)| bits.contains('s')))
}
