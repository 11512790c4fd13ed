//! Texts, patterns and command lines, with the code inside them.

use super::super::Language;
use super::tokens::{Lexer, MAX_DEPTH, Token};

impl<'t> Lexer<'t> {
    /// Texts, patterns and command lines.
    pub(super) fn quoted(&mut self, first: char) -> Option<bool> {
        use Language::{JavaScript, Lua, Perl, Php, Ruby};
        match first {
            '\'' => {
                self.skip(1)?;
                let raw = self.delimited('\'', '\'')?;
                self.text(raw, self.is(&[JavaScript, Lua]), false)?;
            }
            '"' => {
                self.skip(1)?;
                let raw = self.delimited('"', '"')?;
                self.text(raw, true, !self.is(&[JavaScript, Lua]))?;
            }
            '`' => {
                self.skip(1)?;
                let raw =
                    if self.language == JavaScript { self.template()? } else { self.delimited('`', '`')? };
                match self.language {
                    JavaScript => self.text(raw, true, true)?,
                    Perl | Ruby | Php => self.command(raw)?,
                    _ => return None,
                }
            }
            '[' if self.language == Lua && matches!(self.rest.as_bytes().get(1), Some(b'[' | b'=')) => {
                let (level, _) = self.rest.get(1..)?.split_once('[')?;
                if !level.bytes().all(|byte| byte == b'=') {
                    return Some(false);
                }
                let end = format!("]{level}]");
                self.skip(level.len() + 2)?;
                let at = self.rest.find(&end)?;
                self.found.push(Token::Text(self.rest.get(..at)?.to_owned()));
                self.skip(at + end.len())?;
            }
            '/' if self.is(&[JavaScript, Perl, Ruby]) && !self.after_value()? => {
                self.skip(1)?;
                let raw = self.pattern()?;
                self.patterned(raw)?;
                self.flags();
            }
            '%' if self.language == Ruby && !self.after_value().unwrap_or(false) => return self.percent(),
            '<' if self.is(&[Perl, Ruby, Php])
                && self.rest.starts_with("<<")
                && !self.after_value().unwrap_or(false) =>
            {
                return None;
            }
            '<' if self.language == Perl && !self.after_value().unwrap_or(false) => {
                // `<STDIN>`, `<$file>`, `<>`
                let (inner, _) = self.rest.get(1..)?.split_once('>')?;
                if !inner.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '$')) {
                    return None;
                }
                let length = inner.len() + 2;
                self.found.push(Token::Variable("<>".to_owned()));
                self.skip(length)?;
            }
            _ => return Some(false),
        }
        Some(true)
    }

    /// The raw text up to `close`; what is escaped stays as it is.
    pub(super) fn delimited(&mut self, open: char, close: char) -> Option<&'t str> {
        let mut nested = 0_usize;
        let mut chars = self.rest.char_indices();
        loop {
            let (at, char) = chars.next()?;
            if char == '\\' {
                chars.next()?;
            } else if char == close && nested == 0 {
                let raw = self.rest.get(..at)?;
                self.skip(at + close.len_utf8())?;
                return Some(raw);
            } else if char == close {
                nested -= 1;
            } else if char == open {
                nested += 1;
            }
        }
    }

    /// A template, in which code may hold further ones.
    pub(super) fn template(&mut self) -> Option<&'t str> {
        let mut chars = self.rest.char_indices();
        let mut braces = 0_usize;
        loop {
            let (at, char) = chars.next()?;
            match char {
                '\\' => {
                    chars.next()?;
                }
                '`' if braces == 0 => {
                    let raw = self.rest.get(..at)?;
                    self.skip(at + 1)?;
                    return Some(raw);
                }
                // A template within a template: too much.
                '`' => return None,
                '{' if braces > 0 || self.rest.get(..at)?.ends_with('$') => braces += 1,
                '}' => braces = braces.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// The rest of `/pattern/`, in which brackets may hold the slash.
    pub(super) fn pattern(&mut self) -> Option<&'t str> {
        let mut bracket = false;
        let mut chars = self.rest.char_indices();
        loop {
            let (at, char) = chars.next()?;
            match char {
                '\\' => {
                    chars.next()?;
                }
                '\n' => return None,
                '[' if self.language == Language::JavaScript => bracket = true,
                ']' => bracket = false,
                '/' if !bracket => {
                    let raw = self.rest.get(..at)?;
                    self.skip(at + 1)?;
                    return Some(raw);
                }
                _ => {}
            }
        }
    }

    pub(super) fn flags(&mut self) -> &'t str {
        let end = self.rest.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let (flags, rest) = self.rest.split_at(end);
        self.rest = rest;
        flags
    }

    /// A pattern that may hold code.
    pub(super) fn patterned(&mut self, raw: &str) -> Option<()> {
        match self.language {
            Language::Ruby if raw.contains("#{") => return None,
            // `(?{ code })`, `@{[ code ]}`
            Language::Perl if ["(?{", "(??{", "@{", "${"].iter().any(|mark| raw.contains(mark)) => {
                return None;
            }
            _ => {}
        }
        self.found.push(Token::Pattern);
        Some(())
    }

    /// A text; `escapes`: backslashes mean characters, `joins`: variables are put in.
    pub(super) fn text(&mut self, raw: &str, escapes: bool, joins: bool) -> Option<()> {
        if joins && self.holds_code(raw) {
            return self.joined(raw);
        }
        let token = match unescaped(raw, escapes) {
            Some(text) => Token::Text(text),
            None => Token::Joined,
        };
        self.found.push(token);
        Some(())
    }

    pub(super) fn holds_code(&self, raw: &str) -> bool {
        match self.language {
            Language::JavaScript => raw.contains("${"),
            Language::Ruby => raw.contains('#'),
            Language::Perl => raw.contains(['$', '@']),
            Language::Php => raw.contains('$'),
            Language::Python | Language::Lua => false,
        }
    }

    /// A text with variables or code in it.
    pub(super) fn joined(&mut self, raw: &str) -> Option<()> {
        self.found.push(Token::Joined);
        match self.language {
            Language::JavaScript => self.pieces(raw, "${"),
            Language::Ruby => self.pieces(raw, "#{"),
            // `$name` and `$name[0]` only read; `@{[ … ]}` and `{$x->f()}` run code.
            Language::Perl if raw.contains("@{") || raw.contains("${") || raw.contains("->") => None,
            Language::Php if raw.contains("{$") || raw.contains("${") => None,
            _ => Some(()),
        }
    }

    /// The code between `open` and `}`.
    pub(super) fn pieces(&mut self, raw: &str, open: &str) -> Option<()> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        let mut rest = raw;
        while let Some((_, after)) = rest.split_once(open) {
            let mut inner =
                Lexer { language: self.language, rest: after, found: Vec::new(), depth: self.depth + 1 };
            let code = inner.delimited('{', '}')?;
            rest = inner.rest;
            inner.rest = code;
            inner.run()?;
            self.found.push(Token::Mark('('));
            self.found.append(&mut inner.found);
            self.found.push(Token::Mark(')'));
        }
        Some(())
    }

    pub(super) fn command(&mut self, raw: &str) -> Option<()> {
        let known = (!self.holds_code(raw)).then(|| unescaped(raw, true)).flatten();
        self.found.push(Token::Command(known));
        Some(())
    }

    /// Ruby's `%w(…)`, `%q(…)`, `%x(…)`.
    pub(super) fn percent(&mut self) -> Option<bool> {
        let kind = self.rest.chars().nth(1)?;
        let open = if kind.is_ascii_alphabetic() { self.rest.chars().nth(2)? } else { kind };
        if !matches!(open, '(' | '[' | '{' | '<' | '|' | '!') {
            return if kind.is_ascii_alphabetic() { None } else { Some(false) };
        }
        self.skip(if kind.is_ascii_alphabetic() { 3 } else { 2 })?;
        let raw = self.delimited(open, closing(open))?;
        match kind {
            'w' | 'i' | 'q' => self.text(raw, false, false)?,
            'x' => self.command(raw)?,
            'r' => {
                self.patterned(raw)?;
                self.flags();
            }
            _ => self.text(raw, true, true)?,
        }
        Some(true)
    }

    /// Perl's `q(…)`, `qq{…}`, `qw/…/`, `qx'…'`, `m!…!`, `s{…}{…}e`, `tr/a/b/`.
    pub(super) fn perl_quote(&mut self, name: &str) -> Option<bool> {
        let parts = match name {
            "q" | "qq" | "qw" | "qx" | "m" | "qr" => 1,
            "s" | "tr" | "y" => 2,
            _ => return Some(false),
        };
        let rest = self.rest.trim_start();
        let open = rest.chars().next()?;
        // `y => 1`, `{s}`: a key after all.
        if rest.starts_with("=>") || matches!(open, '}' | ',' | ';' | ')') {
            return Some(false);
        }
        if open.is_alphanumeric() || open == '#' && rest.len() < self.rest.len() {
            return None;
        }
        self.rest = rest.get(open.len_utf8()..)?;
        let first = self.delimited(open, closing(open))?;
        let second = if parts == 2 { Some(self.second_part(open)?) } else { None };
        self.perl_quoted(name, open, first, second)?;
        Some(true)
    }

    pub(super) fn second_part(&mut self, open: char) -> Option<&'t str> {
        if closing(open) == open {
            return self.delimited(open, open);
        }
        self.rest = self.rest.trim_start();
        let open = self.rest.chars().next()?;
        self.skip(open.len_utf8())?;
        self.delimited(open, closing(open))
    }

    pub(super) fn perl_quoted(
        &mut self,
        name: &str,
        open: char,
        first: &str,
        second: Option<&str>,
    ) -> Option<()> {
        match name {
            "q" | "qw" => self.text(first, false, false),
            "qq" => self.text(first, true, true),
            "qx" if open == '\'' => {
                self.found.push(Token::Command(Some(first.to_owned())));
                Some(())
            }
            "qx" => self.command(first),
            "m" | "qr" => {
                self.flags();
                self.patterned(first)
            }
            "tr" | "y" => {
                self.flags();
                self.found.push(Token::Pattern);
                Some(())
            }
            _ => self.substitution(first, second.unwrap_or_default()),
        }
    }

    /// `s/pattern/replacement/`: with `e` the replacement is code.
    pub(super) fn substitution(&mut self, pattern: &str, replacement: &str) -> Option<()> {
        let flags = self.flags();
        self.patterned(pattern)?;
        if flags.matches('e').count() > 1 {
            return None;
        }
        if flags.contains('e') {
            if self.depth >= MAX_DEPTH {
                return None;
            }
            let mut inner = Lexer {
                language: self.language,
                rest: replacement,
                found: Vec::new(),
                depth: self.depth + 1,
            };
            inner.run()?;
            self.found.push(Token::End);
            self.found.append(&mut inner.found);
            self.found.push(Token::End);
            self.found.push(Token::Pattern);
            return Some(());
        }
        // A replacement is a text in which variables are put.
        let code = ["@{", "${", "->"].iter().any(|mark| replacement.contains(mark));
        (!code).then_some(())
    }
}

const fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        other => other,
    }
}

/// The text that the raw one stands for; `None` where that is not certain.
fn unescaped(raw: &str, escapes: bool) -> Option<String> {
    if !raw.contains('\\') {
        return Some(raw.to_owned());
    }
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        match (escapes, chars.next()?) {
            (_, quoted @ ('\\' | '\'')) => text.push(quoted),
            (false, other) => text.extend(['\\', other]),
            (true, 'n') => text.push('\n'),
            (true, 't') => text.push('\t'),
            (true, 'r') => text.push('\r'),
            (true, 'x') => {
                let digits: String = chars.by_ref().take(2).collect();
                text.push(char::from(u8::from_str_radix(&digits, 16).ok().filter(u8::is_ascii)?));
            }
            (true, other) if other.is_ascii_punctuation() => text.push(other),
            (true, _) => return None,
        }
    }
    Some(text)
}
