//! Limits on the shape of SQL, so that nothing that walks or drops its tree can run out of stack.

use super::opaque;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};
use stayhand_core::facts::Opaque;

/// The most tokens that are parsed.
const MAX_TOKENS: usize = 40_000;

/// The most operators that may apply to each other's results.
const MAX_CHAIN: usize = 1500;

/// The most brackets inside each other.
const MAX_DEPTH: usize = 200;

/// Checks that no chain of operators (`a+a+a…`, `x::t::t…`) nests too deeply. A comma begins a
/// new expression at its own bracket level; set operations nest across commas.
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<(), Opaque> {
    if tokens.len() > MAX_TOKENS {
        return Err(opaque("the SQL has too many parts"));
    }
    let mut chains = vec![0_usize];
    let (mut total, mut set_operations) = (0_usize, 0_usize);
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => chains.push(0),
            Token::RParen | Token::RBracket | Token::RBrace if chains.len() > 1 => {
                total -= chains.pop().unwrap_or_default();
            }
            Token::Comma => total -= chains.last_mut().map(std::mem::take).unwrap_or_default(),
            Token::SemiColon => {
                chains.clear();
                chains.push(0);
                (total, set_operations) = (0, 0);
            }
            Token::Word(word) if is_set_operation(word.keyword) => set_operations += 1,
            other if is_operator(other) => {
                total += 1;
                if let Some(chain) = chains.last_mut() {
                    *chain += 1;
                }
            }
            _ => {}
        }
        if total + set_operations > MAX_CHAIN || chains.len() > MAX_DEPTH {
            return Err(opaque("the SQL is nested too deeply"));
        }
    }
    Ok(())
}

fn is_set_operation(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS)
}

/// Whether a token may wrap the expression before or after it. Names and literals never do.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            !matches!(word.keyword, Keyword::NoKeyword | Keyword::NULL | Keyword::TRUE | Keyword::FALSE)
        }
        Token::EOF
        | Token::Number(..)
        | Token::Whitespace(_)
        | Token::RParen
        | Token::RBracket
        | Token::RBrace => false,
        Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) | Token::NationalStringLiteral(_) => {
            false
        }
        _ => true,
    }
}
