//! The arguments of calls, as far as they are known.

use super::super::Language;
use super::judge::Judge;
use super::tokens::Token;

/// Most words that a list gives to a program.
const MAX_WORDS: usize = 64;

/// One argument of a call.
pub(super) enum Argument {
    /// A text.
    Text(String),
    /// Several texts: a list.
    Texts(Vec<String>),
    /// A number.
    Number,
    /// A word the code is given, by its place.
    Word(usize),
    /// Anything.
    Unknown,
}

impl<'t, 'g> Judge<'t, 'g> {
    /// The arguments of the call at `index`.
    pub(super) fn arguments(&self, index: usize) -> Vec<Argument> {
        let bracketed = self.at(index + 1) == Some(&Token::Mark('('));
        let start = if bracketed { index + 2 } else { index + 1 };
        let mut end = start;
        let mut depth = 0_usize;
        let mut pieces = Vec::new();
        let mut from = start;
        while let Some(token) = self.at(end) {
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') if depth == 0 => break,
                Token::Mark(')' | ']' | '}') => depth -= 1,
                Token::End if depth == 0 && !(bracketed && self.language != Language::Perl) => break,
                Token::Word(word) if depth == 0 && !bracketed && ends_statement(word) => break,
                Token::Mark(',') if depth == 0 => {
                    pieces.push((from, end));
                    from = end + 1;
                }
                _ => {}
            }
            end += 1;
        }
        if end > from {
            pieces.push((from, end));
        }
        pieces
            .into_iter()
            .map(|(from, end)| self.value(self.tokens.get(from..end).unwrap_or_default()))
            .collect()
    }

    pub(super) fn value(&self, tokens: &'t [Token]) -> Argument {
        let tokens = match tokens {
            [Token::End, rest @ ..] => rest,
            all => all,
        };
        match tokens {
            [Token::Text(text)] => Argument::Text(text.clone()),
            [Token::Mark('('), Token::Text(text), Token::Mark(')')] => Argument::Text(text.clone()),
            [Token::Number] => Argument::Number,
            [Token::Mark('['), inner @ .., Token::Mark(']')] => {
                let words: Option<Vec<String>> = inner
                    .iter()
                    .filter(|token| **token != Token::Mark(','))
                    .map(|token| match token {
                        Token::Text(text) => Some(text.clone()),
                        _ => None,
                    })
                    .take(MAX_WORDS + 1)
                    .collect();
                words.filter(|words| words.len() <= MAX_WORDS).map_or(Argument::Unknown, Argument::Texts)
            }
            [Token::Word(name), Token::Mark('['), Token::Number, Token::Mark(']')] if name == "ARGV" => {
                Argument::Word(0)
            }
            _ => self.joined(tokens),
        }
    }

    /// Texts with `+`, `.` or `..` between them.
    pub(super) fn joined(&self, tokens: &[Token]) -> Argument {
        let mut whole = String::new();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                Token::Text(text) if index % 2 == 0 => whole.push_str(text),
                Token::Mark('+') if index % 2 == 1 && self.language != Language::Perl => {}
                Token::Mark('.') if index % 2 == 1 => {}
                _ => return Argument::Unknown,
            }
        }
        if tokens.len() % 2 == 1 { Argument::Text(whole) } else { Argument::Unknown }
    }
}

/// Words that end the arguments of a call without brackets.
fn ends_statement(word: &str) -> bool {
    matches!(
        word,
        "if" | "unless" | "while" | "until" | "for" | "foreach" | "or" | "and" | "do" | "then" | "end"
    )
}
