//! Splitting code of several languages into tokens, with their texts, comments and patterns.

use super::super::Language;

/// Most tokens of a piece of code.
const MAX_TOKENS: usize = 10_000;
/// Deepest code inside texts inside code.
pub(super) const MAX_DEPTH: u8 = 4;

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

/// Reads tokens from the front of a text.
pub(super) struct Lexer<'t> {
    pub(super) language: Language,
    pub(super) rest: &'t str,
    pub(super) found: Vec<Token>,
    pub(super) depth: u8,
}

impl<'t> Lexer<'t> {
    pub(super) fn run(&mut self) -> Option<()> {
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

    pub(super) fn is(&self, languages: &[Language]) -> bool {
        languages.contains(&self.language)
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    pub(super) fn skip_line(&mut self) -> Option<()> {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.skip(end)
    }

    pub(super) fn skip_past(&mut self, end: &str) -> Option<()> {
        let at = self.rest.find(end)?;
        self.skip(at + end.len())
    }

    /// Blanks and comments.
    pub(super) fn blank(&mut self, first: char) -> Option<bool> {
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
    pub(super) fn after_value(&self) -> Option<bool> {
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

    /// Names, numbers and variables.
    pub(super) fn named(&mut self, first: char) -> Option<bool> {
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
                // `CORE'system` is the old spelling of `CORE::system`.
                if self.language == Perl && self.rest.starts_with('\'') {
                    return None;
                }
                self.word(name)?;
            }
            _ => return Some(false),
        }
        Some(true)
    }

    pub(super) fn begins_variable(&self, sign: char, next: char) -> bool {
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

    pub(super) fn variable(&mut self, sign: char) -> Option<bool> {
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

    pub(super) fn name(&mut self) -> Option<&'t str> {
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
    pub(super) fn word(&mut self, first: &str) -> Option<()> {
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
    pub(super) fn connector(&self) -> Option<&'t str> {
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

    pub(super) fn operator(&mut self, first: char) -> Option<()> {
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
        // Ruby's `?"` is a character.
        let character = |rest: &str| rest.starts_with(['"', '\'', '`', '/']);
        if first == '?' && self.language == Language::Ruby && character(self.rest.get(1..)?) {
            return None;
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

pub(super) fn is_name_start(char: char) -> bool {
    char.is_ascii_alphabetic() || char == '_' || !char.is_ascii() && char.is_alphabetic()
}
