//! awk programs: what they open and start besides computing.

use super::{Act, Deeds};
use crate::program::Arg;
use stayhand_core::facts::{Access, Aspect, Trait};

/// Most tokens that are looked at.
const MAX_TOKENS: usize = 20_000;

/// The functions that awk and gawk have, apart from `system`.
static FUNCTIONS: [&str; 41] = [
    "and", "asort", "asorti", "atan2", "close", "compl", "cos", "exp", "fflush", "gensub", "gsub", "index",
    "int", "isarray", "length", "log", "lshift", "match", "mktime", "or", "patsplit", "print", "printf",
    "rand", "rshift", "sin", "split", "sprintf", "sqrt", "srand", "strftime", "strtonum", "sub", "substr",
    "systime", "tolower", "toupper", "typeof", "xor", "return", "getline",
];

/// Words that a bracket may follow without being called.
const KEYWORDS: [&str; 14] = [
    "if", "while", "for", "in", "else", "do", "switch", "case", "BEGIN", "END", "function", "func", "delete",
    "exit",
];

/// Adds what an awk program does besides computing.
pub(crate) fn awk(program: &str, deeds: &mut Deeds) {
    let Some(tokens) = tokens(program) else {
        return deeds.opaque("the awk program is not understood");
    };
    Reader { tokens: &tokens, deeds }.read();
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'p> {
    Text(String),
    Regex,
    Number,
    Word(&'p str),
    /// An operator or bracket, as far as its first character tells it from others.
    Mark(char),
    /// `>>`
    Append,
    /// `||`, `&&`, `==`, `>=` and what else is two characters and computes.
    Computes,
    /// `|&`
    Both,
    End,
}

/// The tokens of a program; `None` if it cannot be read.
fn tokens(program: &str) -> Option<Vec<Token<'_>>> {
    let mut found = Vec::new();
    let mut rest = program;
    while let Some(first) = rest.chars().next() {
        if found.len() > MAX_TOKENS {
            return None;
        }
        let after = rest.get(first.len_utf8()..)?;
        rest = match first {
            '\n' | ';' | '}' => {
                found.push(Token::End);
                after
            }
            ' ' | '\t' | '\r' => after,
            '\\' if after.starts_with('\n') => after.get(1..)?,
            '#' => after.find('\n').and_then(|end| after.get(end..)).unwrap_or_default(),
            '"' => {
                let (text, after) = text(after)?;
                found.push(Token::Text(text));
                after
            }
            '/' if !found.last().is_some_and(is_value) => {
                found.push(Token::Regex);
                regex(after)?
            }
            '0'..='9' => {
                found.push(Token::Number);
                after.trim_start_matches(|next: char| next.is_ascii_alphanumeric() || next == '.')
            }
            first if first.is_ascii_alphabetic() || first == '_' => {
                let end = rest.find(|next: char| !next.is_ascii_alphanumeric() && next != '_');
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                found.push(Token::Word(word));
                after
            }
            mark => operator(mark, after, &mut found)?,
        };
    }
    found.push(Token::End);
    Some(found)
}

fn operator<'p>(mark: char, after: &'p str, found: &mut Vec<Token<'p>>) -> Option<&'p str> {
    let second = after.chars().next().unwrap_or(' ');
    let token = match (mark, second) {
        ('>', '>') => Token::Append,
        ('|', '&') => Token::Both,
        ('|', '|') | ('&', '&') | ('=' | '!' | '<' | '>', '=') | ('+', '+') | ('-', '-') => Token::Computes,
        ('+' | '-' | '*' | '/' | '%' | '^', '=') => Token::Computes,
        _ => {
            found.push(Token::Mark(mark));
            return Some(after);
        }
    };
    found.push(token);
    after.get(1..)
}

/// Whether what follows a token can only be a division.
fn is_value(token: &Token<'_>) -> bool {
    match token {
        Token::Text(_) | Token::Number | Token::Regex | Token::Mark(')' | ']' | '$') => true,
        Token::Word(word) => !KEYWORDS.contains(word) && !matches!(*word, "print" | "printf" | "return"),
        _ => false,
    }
}

/// A text after its opening quote, and what follows it.
fn text(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some((text, chars.as_str())),
            '\n' => return None,
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                '\n' => {}
                quoted @ ('"' | '\\' | '/') => text.push(quoted),
                // An octal or hexadecimal character, or one that awks disagree about.
                _ => text.push('\u{fffd}'),
            },
            plain => text.push(plain),
        }
    }
}

fn regex(rest: &str) -> Option<&str> {
    let mut chars = rest.chars();
    let mut bracket = false;
    loop {
        match chars.next()? {
            '\\' => {
                chars.next()?;
            }
            '[' => bracket = true,
            ']' => bracket = false,
            '/' if !bracket => return Some(chars.as_str()),
            '\n' => return None,
            _ => {}
        }
    }
}

struct Reader<'t, 'p> {
    tokens: &'t [Token<'p>],
    deeds: &'t mut Deeds,
}

impl<'t, 'p> Reader<'t, 'p> {
    fn read(&mut self) {
        let mut printing = false;
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate() {
            match token {
                Token::End => (printing, depth) = (false, 0),
                Token::Mark('{') => (printing, depth) = (false, 0),
                Token::Mark('(' | '[') => depth += 1,
                Token::Mark(')' | ']') => depth = depth.saturating_sub(1),
                Token::Mark('@') => self.deeds.opaque("the awk program loads code or calls by name"),
                Token::Word("print" | "printf") => printing = true,
                Token::Word("getline") => self.getline(index),
                Token::Word("system") => self.system(index),
                Token::Word(name) => self.word(name, index),
                Token::Mark('>') | Token::Append if printing && depth == 0 => self.write(index),
                Token::Mark('|') | Token::Both => self.pipe(index, printing),
                _ => {}
            }
        }
    }

    fn at(&self, index: usize) -> Option<&'t Token<'p>> {
        self.tokens.get(index)
    }

    /// The literal text that begins at `from`, with where it ends: texts side by side are one.
    fn literal(&self, mut from: usize) -> Option<(String, usize)> {
        let bracketed = self.at(from) == Some(&Token::Mark('('));
        from += usize::from(bracketed);
        let mut whole = String::new();
        let start = from;
        loop {
            match self.at(from) {
                Some(Token::Text(text)) if !text.contains('\u{fffd}') => whole.push_str(text),
                _ => break,
            }
            from += 1;
        }
        if bracketed {
            (self.at(from)? == &Token::Mark(')')).then_some(())?;
            from += 1;
        }
        let ends = matches!(
            self.at(from),
            None | Some(Token::End | Token::Mark('|' | ')' | ',') | Token::Both | Token::Computes)
        );
        (from > start && ends).then_some((whole, from))
    }

    /// Functions that are neither awk's nor the program's own are not known.
    fn word(&mut self, name: &str, index: usize) {
        if self.at(index + 1) != Some(&Token::Mark('('))
            || FUNCTIONS.contains(&name)
            || KEYWORDS.contains(&name)
        {
            return;
        }
        let defined = self.tokens.windows(2).any(|pair| {
            matches!(pair, [Token::Word("function" | "func"), Token::Word(defined)] if *defined == name)
        });
        // A variable before a bracket is joined to it.
        let assigned = self
            .tokens
            .windows(2)
            .any(|pair| matches!(pair, [Token::Word(known), Token::Mark('=')] if *known == name));
        if !defined && !assigned && name.chars().any(|char| char.is_ascii_lowercase()) {
            self.deeds.opaque(format!("the awk function `{name}` is not known"));
        }
    }

    fn system(&mut self, index: usize) {
        let inner = self.tokens.get(index + 1..).unwrap_or_default();
        let mut command = String::new();
        let mut inner = inner.iter();
        let opened = inner.next() == Some(&Token::Mark('('));
        let end = inner.find(|token| match token {
            Token::Text(text) => {
                command.push_str(text);
                false
            }
            _ => true,
        });
        match end {
            Some(Token::Mark(')')) if opened && !command.contains('\u{fffd}') => self.shell(command),
            _ => self.deeds.opaque("the awk program runs a command line that is not known"),
        }
    }

    fn shell(&mut self, command: String) {
        self.deeds.act(Act::Shell(Arg::exact(command)));
    }

    /// `getline < file`, with a variable in between perhaps.
    fn getline(&mut self, index: usize) {
        let mut from = index + 1;
        while matches!(self.at(from), Some(Token::Word(_) | Token::Number | Token::Mark('$' | '[' | ']'))) {
            from += 1;
        }
        if self.at(from) != Some(&Token::Mark('<')) {
            return;
        }
        // `while ((getline line < file) > 0)`: a bracket or an operator ends the name.
        let literal = match (self.at(from + 1), self.at(from + 2)) {
            (Some(Token::Text(text)), next)
                if !matches!(next, Some(Token::Text(_) | Token::Word(_) | Token::Mark('$'))) =>
            {
                Some(text.clone())
            }
            _ => self.literal(from + 1).map(|(text, _)| text),
        };
        self.file(Access::Read, literal);
    }

    fn write(&mut self, index: usize) {
        // Awks disagree about what several texts after `>` mean.
        let several = matches!(self.at(index + 2), Some(Token::Text(_)));
        let literal = self.literal(index + 1).filter(|_| !several).map(|(text, _)| text);
        self.file(Access::Write, literal);
    }

    fn file(&mut self, access: Access, name: Option<String>) {
        let Some(name) = name.filter(|name| !name.contains('\u{fffd}')) else {
            return self.deeds.note(Aspect::Paths, "the awk program opens a file that is not known");
        };
        if name == "-" {
            return;
        }
        match name.strip_prefix("/inet") {
            Some(address) => self.connect(address),
            None => self.deeds.act(Act::Path(access, Arg::exact(name), false)),
        }
    }

    /// `/inet/tcp/0/host/port`
    fn connect(&mut self, address: &str) {
        let parts: Vec<&str> = address.split('/').collect();
        match parts.as_slice() {
            [_, _, "0", host, port] => {
                self.deeds.act(Act::Host(format!("{host}:{port}")));
                self.deeds.does(Trait::Disclose);
            }
            [_, _, _, "0", "0"] => self.deeds.does(Trait::Listen),
            _ => self.deeds.note(Aspect::Hosts, "the awk program connects to a host that is not known"),
        }
    }

    /// `print … | command`, `command | getline`
    fn pipe(&mut self, index: usize, printing: bool) {
        if self.at(index + 1) == Some(&Token::Word("getline")) {
            return self.run(self.before(index));
        }
        if printing || self.at(index) == Some(&Token::Both) {
            let command = self.literal(index + 1).map(|(text, _)| text);
            return self.run(command);
        }
        self.deeds.opaque("the awk program is not understood");
    }

    /// The literal text that ends before `index`.
    fn before(&self, index: usize) -> Option<String> {
        let Some(Token::Text(text)) = self.at(index.checked_sub(1)?) else { return None };
        let alone = match index.checked_sub(2).and_then(|before| self.at(before)) {
            Some(Token::Word(word)) => KEYWORDS.contains(word),
            Some(Token::Text(_) | Token::Number | Token::Mark(')' | ']' | '$')) => false,
            _ => true,
        };
        alone.then(|| text.clone())
    }

    fn run(&mut self, command: Option<String>) {
        match command {
            Some(name) if name.starts_with("/inet") => self.file(Access::Write, Some(name)),
            Some(command) if !command.contains('\u{fffd}') => self.shell(command),
            _ => self.deeds.opaque("the awk program runs a command line that is not known"),
        }
    }
}
