//! The names that code gives a meaning.

use super::super::Language;
use super::judge::Judge;
use super::tokens::Token;

impl<'t, 'g> Judge<'t, 'g> {
    /// The names that the code gives a meaning.
    pub(super) fn find_definitions(&mut self) {
        for index in 0..self.tokens.len() {
            match self.at(index) {
                Some(Token::Word(word)) => match word.as_str() {
                    "const" | "let" | "var" | "local" | "my" | "our" | "for" | "each" | "foreach"
                    | "async" => {
                        self.declared(index + 1);
                    }
                    "function" | "def" | "sub" | "class" | "module" | "fn" => self.defined(index + 1),
                    "catch" => self.declared(index + 2),
                    _ if self.is_assigned(index) => self.variables.push(word),
                    _ if self.at(index + 1) == Some(&Token::Arrow) => self.variables.push(word),
                    _ => {}
                },
                // `|x, y|` and `(x, y) =>`
                Some(Token::Mark('|')) if self.language == Language::Ruby => self.declared(index + 1),
                Some(Token::Arrow) if self.language == Language::JavaScript => self.parameters_before(index),
                _ => {}
            }
        }
    }

    /// `name = value` at the beginning of a statement.
    pub(super) fn is_assigned(&self, index: usize) -> bool {
        matches!(self.language, Language::Ruby | Language::Lua)
            && matches!(self.at(index + 1), Some(Token::Mark('=' | ',')))
            && self.starts_statement(index)
    }

    pub(super) fn starts_statement(&self, index: usize) -> bool {
        matches!(self.before(index, 1), None | Some(Token::End | Token::Mark(',' | '{' | '|' | '(')))
            || matches!(self.before(index, 1), Some(Token::Word(word)) if matches!(word.as_str(), "do" | "then" | "else" | "begin"))
    }

    /// Names in a row: `a, b`, `{a, b}`, `[a, b]`, up to what they are set to.
    pub(super) fn declared(&mut self, from: usize) {
        let mut index = from;
        let mut names = Vec::new();
        while let Some(token) = self.at(index) {
            match token {
                Token::Word(name)
                    if matches!(name.as_str(), "const" | "let" | "var" | "function" | "of" | "in") =>
                {
                    if name == "function" {
                        self.defined(index + 1);
                    }
                    if matches!(name.as_str(), "of" | "in" | "function") {
                        break;
                    }
                }
                Token::Word(name) => names.push(name.as_str()),
                Token::Mark('{' | '[' | ',' | '(' | '}' | ']' | ':') => {}
                _ => break,
            }
            index += 1;
        }
        if self.at(index) == Some(&Token::Mark('=')) && self.language == Language::JavaScript {
            if let Some(module) = self.module_at(index + 1) {
                self.declarations.push(from..index);
                // `{a, b} = require('m')` takes members, a single name is the module.
                let members = matches!(self.at(from), Some(Token::Mark('{')));
                for name in names {
                    let path = if members { format!("{module}.{name}") } else { module.clone() };
                    self.aliases.push((name, path));
                }
                return;
            }
            // A function that gets a name.
            if self.is_function(index + 1) {
                self.functions.append(&mut names.clone());
            }
        }
        self.variables.append(&mut names);
    }

    pub(super) fn is_function(&self, from: usize) -> bool {
        match self.at(from) {
            Some(Token::Word(word)) if matches!(word.as_str(), "function" | "async") => true,
            Some(Token::Word(_)) => self.at(from + 1) == Some(&Token::Arrow),
            Some(Token::Mark('(')) => {
                self.closing(from).is_some_and(|end| self.at(end + 1) == Some(&Token::Arrow))
            }
            _ => false,
        }
    }

    /// A function's name and its parameters.
    pub(super) fn defined(&mut self, from: usize) {
        let mut index = from;
        if let Some(Token::Word(name)) = self.at(index) {
            self.functions.push(name);
            index += 1;
        }
        if self.at(index) == Some(&Token::Mark('(')) {
            let end = self.closing(index).unwrap_or(index);
            for token in self.tokens.get(index..end).unwrap_or_default() {
                if let Token::Word(name) = token {
                    self.variables.push(name);
                }
            }
        }
    }

    pub(super) fn parameters_before(&mut self, arrow: usize) {
        if self.before(arrow, 1) != Some(&Token::Mark(')')) {
            return;
        }
        let mut index = arrow - 1;
        while let Some(token) = self.before(index, 1) {
            index -= 1;
            match token {
                Token::Mark('(') => return,
                Token::Word(name) => self.variables.push(name),
                _ => {}
            }
        }
    }

    /// `require('module')`, with the names that follow it.
    pub(super) fn module_at(&self, index: usize) -> Option<String> {
        let (
            Some(Token::Word(word)),
            Some(Token::Mark('(')),
            Some(Token::Text(module)),
            Some(Token::Mark(')')),
        ) = (self.at(index), self.at(index + 1), self.at(index + 2), self.at(index + 3))
        else {
            return None;
        };
        if word != "require" {
            return None;
        }
        let mut path = module.strip_prefix("node:").unwrap_or(module).replace('/', ".");
        let mut next = index + 4;
        while let Some(Token::Member(name)) = self.at(next) {
            path.push('.');
            path.push_str(name);
            next += 1;
        }
        Some(path)
    }

    /// The index of the bracket that closes the one at `open`.
    pub(super) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(open) {
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(index);
                    }
                }
                _ => {}
            }
        }
        None
    }
}
