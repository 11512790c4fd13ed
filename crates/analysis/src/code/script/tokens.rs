//! Splitting code of several languages into tokens, with their texts, comments and patterns.

use super::super::Language;

/// Most tokens of a piece of code.
const MAX_TOKENS: usize = 10_000;
/// Deepest code inside texts inside code.
const MAX_DEPTH: u8 = 4;

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A text, known.
    Text(String),
    /// A text that is put together when the code runs. Code within it follows, between brackets.
    Joined,
    /// A command line for a shell; `None` = not known.
    Command(Option<String>),
    /// A pattern.
    Pattern,
    /// A number.
    Number,
    /// A name, with the names that follow it after dots: `console.log`.
    Word(String),
    /// A variable, where a sign marks them: `$x`.
    Variable(String),
    /// `.name`, `->name`, `::name` after something else than a name.
    Member(String),
    /// A bracket or an operator.
    Mark(char),
    /// `=>`, which names what comes before it.
    Arrow,
    /// The end of a statement.
    End,
}

/// The tokens of `text`; `None` where it cannot be split for certain.
pub(super) fn tokens(language: Language, text: &str) -> Option<Vec<Token>> {
    let mut lexer = Lexer { language, rest: text, found: Vec::new(), depth: 0 };
    lexer.run()?;
    lexer.found.push(Token::End);
    Some(lexer.found)
}

struct Lexer<'t> {
    language: Language,
    rest: &'t str,
    found: Vec<Token>,
    depth: u8,
}

impl<'t> Lexer<'t> {
    fn run(&mut self) -> Option<()> {
        while let Some(first) = self.rest.chars().next() {
            if self.found.len() > MAX_TOKENS {
                return None;
            }
            if !self.blank(first)? && !self.quoted(first)? && !self.named(first)? {
                self.operator(first)?;
            }
        }
        Some(())
    }

    fn is(&self, languages: &[Language]) -> bool {
        languages.contains(&self.language)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn skip_line(&mut self) -> Option<()> {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.skip(end)
    }

    fn skip_past(&mut self, end: &str) -> Option<()> {
        let at = self.rest.find(end)?;
        self.skip(at + end.len())
    }

    /// Blanks and comments.
    fn blank(&mut self, first: char) -> Option<bool> {
        use Language::{JavaScript, Lua, Perl, Php, Ruby};
        match first {
            '\n' => {
                if self.is(&[Ruby, JavaScript]) {
                    self.found.push(Token::End);
                }
                if self.is(&[Perl, Ruby]) && self.rest.starts_with("\n=") {
                    return None;
                }
                self.skip(1)?;
            }
            ' ' | '\t' | '\r' => self.skip(1)?,
            '#' if self.is(&[Perl, Ruby, Php]) => self.skip_line()?,
            '/' if self.is(&[JavaScript, Php]) && self.rest.starts_with("//") => self.skip_line()?,
            '/' if self.is(&[JavaScript, Php]) && self.rest.starts_with("/*") => {
                self.skip(2)?;
                self.skip_past("*/")?;
            }
            '-' if self.is(&[Lua]) && self.rest.starts_with("--") => {
                self.skip(2)?;
                match self.rest.strip_prefix('[').and_then(|inner| inner.split_once('[')) {
                    Some((level, _)) if level.bytes().all(|byte| byte == b'=') => {
                        let end = format!("]{level}]");
                        self.skip_past(&end)?;
                    }
                    _ => self.skip_line()?,
                }
            }
            _ => return Some(false),
        }
        Some(true)
    }

    /// Whether what came before is a value, so that `/` divides; `None` = that depends.
    fn after_value(&self) -> Option<bool> {
        const WORDS: [&str; 34] = [
            "if", "unless", "and", "or", "not", "return", "while", "until", "split", "grep", "map", "print",
            "puts", "p", "push", "join", "when", "case", "typeof", "in", "of", "else", "elsif", "say",
            "then", "do", "foreach", "x", "lt", "gt", "eq", "ne", "match", "scan",
        ];
        match self.found.last() {
            Some(Token::Word(word)) if WORDS.contains(&word.as_str()) => Some(false),
            Some(Token::Word(_)) => (self.language == Language::JavaScript).then_some(true),
            Some(Token::Mark(')' | ']')) => Some(true),
            Some(Token::Mark('}')) => (self.language != Language::JavaScript).then_some(true),
            Some(Token::Member(_)) => (self.language == Language::JavaScript).then_some(true),
            Some(
                Token::Text(_)
                | Token::Joined
                | Token::Number
                | Token::Variable(_)
                | Token::Pattern
                | Token::Command(_),
            ) => Some(true),
            _ => Some(false),
        }
    }

    /// Texts, patterns and command lines.
    fn quoted(&mut self, first: char) -> Option<bool> {
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
    fn delimited(&mut self, open: char, close: char) -> Option<&'t str> {
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
    fn template(&mut self) -> Option<&'t str> {
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
    fn pattern(&mut self) -> Option<&'t str> {
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

    fn flags(&mut self) -> &'t str {
        let end = self.rest.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let (flags, rest) = self.rest.split_at(end);
        self.rest = rest;
        flags
    }

    /// A pattern that may hold code.
    fn patterned(&mut self, raw: &str) -> Option<()> {
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
    fn text(&mut self, raw: &str, escapes: bool, joins: bool) -> Option<()> {
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

    fn holds_code(&self, raw: &str) -> bool {
        match self.language {
            Language::JavaScript => raw.contains("${"),
            Language::Ruby => raw.contains('#'),
            Language::Perl => raw.contains(['$', '@']),
            Language::Php => raw.contains('$'),
            Language::Python | Language::Lua => false,
        }
    }

    /// A text with variables or code in it.
    fn joined(&mut self, raw: &str) -> Option<()> {
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
    fn pieces(&mut self, raw: &str, open: &str) -> Option<()> {
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

    fn command(&mut self, raw: &str) -> Option<()> {
        let known = (!self.holds_code(raw)).then(|| unescaped(raw, true)).flatten();
        self.found.push(Token::Command(known));
        Some(())
    }

    /// Ruby's `%w(…)`, `%q(…)`, `%x(…)`.
    fn percent(&mut self) -> Option<bool> {
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

    /// Names, numbers and variables.
    fn named(&mut self, first: char) -> Option<bool> {
        use Language::{JavaScript, Perl, Php, Ruby};
        let second = self.rest.chars().nth(1).unwrap_or(' ');
        match first {
            '0'..='9' => {
                let end = self.rest.find(|next: char| !(next.is_ascii_alphanumeric() || matches!(next, '_')));
                let end = end.unwrap_or(self.rest.len());
                let fraction = self.rest.get(end..).and_then(|rest| rest.strip_prefix('.'));
                let digits = fraction.map_or(0, |rest| {
                    let length = rest.find(|next: char| !next.is_ascii_digit()).unwrap_or(rest.len());
                    if length > 0 { length + 1 } else { 0 }
                });
                self.found.push(Token::Number);
                self.skip(end + digits)?;
            }
            '$' | '@' | '%' | '&' if self.is(&[Perl, Php, Ruby]) && self.begins_variable(first, second) => {
                return self.variable(first);
            }
            _ if is_name_start(first) || first == '$' && self.language == JavaScript => {
                let name = self.name()?;
                if self.language == Perl && self.perl_quote(name)? {
                    return Some(true);
                }
                self.word(name)?;
            }
            _ => return Some(false),
        }
        Some(true)
    }

    fn begins_variable(&self, sign: char, next: char) -> bool {
        let name = is_name_start(next);
        match sign {
            '$' => true,
            '@' => name || next == '@' && self.language == Language::Ruby || self.language == Language::Perl,
            '%' => {
                self.language == Language::Perl
                    && (name || next == '$' || next == '{')
                    && self.after_value() != Some(true)
            }
            // `&name` calls by name.
            _ => false,
        }
    }

    fn variable(&mut self, sign: char) -> Option<bool> {
        self.skip(1)?;
        self.rest = self.rest.trim_start_matches(['$', '@', '#', '^']);
        if self.rest.starts_with('{') {
            // `${ code }`, `@{ code }`: the code follows as code.
            self.found.push(Token::Variable(sign.to_string()));
            return Some(true);
        }
        let name = match self.rest.chars().next() {
            Some(first) if is_name_start(first) || first.is_ascii_digit() => self.name()?,
            Some(other) => {
                let length = other.len_utf8();
                let (name, rest) = self.rest.split_at(length);
                self.rest = rest;
                name
            }
            None => "",
        };
        self.found.push(Token::Variable(name.to_owned()));
        Some(true)
    }

    fn name(&mut self) -> Option<&'t str> {
        let end = self.rest.find(|next: char| !(is_name_start(next) || next.is_ascii_digit() || next == '$'));
        let mut end = end.unwrap_or(self.rest.len());
        // Ruby's `empty?` and `sort!`, but not `x ?a : b` and `x != y`.
        let after = self.rest.get(end..)?;
        if self.language == Language::Ruby
            && after.starts_with(['?', '!'])
            && !after.get(1..)?.starts_with(['=', '~'])
        {
            end += 1;
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    /// A name with what follows it after dots.
    fn word(&mut self, first: &str) -> Option<()> {
        let mut word = first.to_owned();
        while let Some(rest) = self.connector() {
            let before = std::mem::replace(&mut self.rest, rest);
            match self.rest.chars().next() {
                Some(next) if is_name_start(next) => {
                    word.push('.');
                    word.push_str(self.name()?);
                }
                _ => {
                    self.rest = before;
                    break;
                }
            }
        }
        self.found.push(Token::Word(word));
        Some(())
    }

    /// What follows a dot, an arrow or `::`.
    fn connector(&self) -> Option<&'t str> {
        let rest = self.rest;
        match self.language {
            Language::JavaScript => rest
                .strip_prefix("?.")
                .or_else(|| rest.strip_prefix('.').filter(|rest| !rest.starts_with('.'))),
            Language::Ruby => rest
                .strip_prefix("::")
                .or_else(|| rest.strip_prefix("&."))
                .or_else(|| rest.strip_prefix('.').filter(|rest| !rest.starts_with('.'))),
            Language::Lua => rest
                .strip_prefix(':')
                .filter(|rest| !rest.starts_with(':'))
                .or_else(|| rest.strip_prefix('.').filter(|rest| !rest.starts_with('.'))),
            Language::Perl | Language::Php => rest.strip_prefix("::").or_else(|| rest.strip_prefix("->")),
            Language::Python => None,
        }
    }

    /// Perl's `q(…)`, `qq{…}`, `qw/…/`, `qx'…'`, `m!…!`, `s{…}{…}e`, `tr/a/b/`.
    fn perl_quote(&mut self, name: &str) -> Option<bool> {
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

    fn second_part(&mut self, open: char) -> Option<&'t str> {
        if closing(open) == open {
            return self.delimited(open, open);
        }
        self.rest = self.rest.trim_start();
        let open = self.rest.chars().next()?;
        self.skip(open.len_utf8())?;
        self.delimited(open, closing(open))
    }

    fn perl_quoted(&mut self, name: &str, open: char, first: &str, second: Option<&str>) -> Option<()> {
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
    fn substitution(&mut self, pattern: &str, replacement: &str) -> Option<()> {
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

    fn operator(&mut self, first: char) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix("=>") {
            self.found.push(Token::Arrow);
            self.rest = rest;
            return Some(());
        }
        let after_something =
            !matches!(self.found.last(), None | Some(Token::End | Token::Mark('(' | '[' | '{' | ',' | '=')));
        if after_something
            && let Some(rest) = self.connector()
            && rest.starts_with(is_name_start)
        {
            self.rest = rest;
            let name = self.name()?;
            self.found.push(Token::Member(name.to_owned()));
            return Some(());
        }
        if first == ':' && self.language == Language::Ruby && self.rest.get(1..)?.starts_with(is_name_start) {
            self.skip(1)?;
            let name = self.name()?;
            self.found.push(Token::Text(name.to_owned()));
            return Some(());
        }
        if self.rest.starts_with("<=>") {
            self.found.push(Token::Mark('~'));
            return self.skip(3);
        }
        let comparison =
            ["==", "!=", "<=", ">=", "=~", "!~", "&&", "||"].iter().find(|two| self.rest.starts_with(**two));
        if comparison.is_some() {
            self.found.push(Token::Mark('~'));
            return self.skip(2);
        }
        self.found.push(if first == ';' { Token::End } else { Token::Mark(first) });
        self.skip(first.len_utf8())
    }
}

fn is_name_start(char: char) -> bool {
    char.is_ascii_alphabetic() || char == '_' || !char.is_ascii() && char.is_alphabetic()
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
