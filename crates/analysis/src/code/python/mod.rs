//! Python: a real parser, and what the calls in its tree do.
//!
//! Names are followed without regard to order or scope: a name may be whatever is assigned to it
//! anywhere. That is more than can happen, never less.

mod arguments;
mod bindings;
mod calls;
mod effects;
mod fold;
mod network;
mod processes;
mod values;

use super::api::Api;
use super::{Deeds, Given};
use bindings::Bindings;
use calls::Walker;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_parser::{Mode, lexer, parse_module};
use std::ops::Range;

/// What Python's functions do.
static API: Api = Api::new(include_str!("api.txt"));

/// Most tokens of one logical line within each other: bounds the depth of the tree.
const MAX_DEPTH: usize = 400;
/// Most open blocks, as in CPython.
const MAX_BLOCKS: usize = 99;
/// Most tokens in all.
const MAX_TOKENS: usize = 20_000;
/// Deepest code inside code: `exec("exec('…')")`.
const MAX_NESTED: u8 = 3;

/// Adds what `text` would do.
pub(super) fn look(text: &str, given: &Given<'_>, deeds: &mut Deeds) {
    look_within(text, given, 0, deeds);
}

fn look_within(text: &str, given: &Given<'_>, nested: u8, deeds: &mut Deeds) {
    if nested > MAX_NESTED {
        return deeds.opaque("Python code is nested too deeply");
    }
    if text.contains(['\0', '\x0c']) {
        return deeds.opaque("the Python code holds control characters");
    }
    if !is_shallow(text) {
        return deeds.opaque("the Python code is nested too deeply or too long");
    }
    let Ok(parsed) = parse_module(text) else {
        return deeds.opaque("the Python code cannot be read");
    };
    // Python folds look-alike letters of names into one, and readers differ about what a letter is.
    let is_foreign = |token: &Token| {
        token.kind() == TokenKind::Name
            && text.get(Range::<usize>::from(token.as_tuple().1)).is_none_or(|name| !name.is_ascii())
    };
    if parsed.tokens().iter().any(is_foreign) {
        return deeds.opaque("a name in the Python code is not plain letters");
    }
    let body = parsed.suite();
    let bindings = Bindings::of(body);
    if nested > 0 && bindings.any() {
        // What it defines may be used by the code around it.
        deeds.opaque("code that is run as text defines names");
    }
    Walker::new(&bindings, given, nested, deeds).walk(body);
}

/// Whether the tree cannot become so deep that walking or dropping it exhausts the stack.
fn is_shallow(text: &str) -> bool {
    let mut lexer = lexer::lex(text, Mode::Module);
    let mut tokens = 0_usize;
    let mut nesting = Nesting::default();
    loop {
        tokens += 1;
        match lexer.next_token() {
            TokenKind::EndOfFile => return true,
            kind => nesting.take(kind),
        }
        if nesting.depth > MAX_DEPTH || nesting.blocks > MAX_BLOCKS || tokens > MAX_TOKENS {
            return false;
        }
    }
}

/// How deep the tree may be at a token, at the most.
#[derive(Default)]
struct Nesting {
    depth: usize,
    blocks: usize,
    /// The depth at each open bracket.
    open: Vec<usize>,
}

impl Nesting {
    fn take(&mut self, kind: TokenKind) {
        match kind {
            TokenKind::Newline => {
                self.depth = 0;
                self.open.clear();
            }
            TokenKind::Indent => self.blocks += 1,
            TokenKind::Dedent => self.blocks = self.blocks.saturating_sub(1),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                self.depth += 1;
                self.open.push(self.depth);
            }
            // What was called or looked up may be called again.
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                self.depth = self.open.pop().unwrap_or(self.depth) + 1;
            }
            TokenKind::Comma => self.depth = self.open.last().copied().unwrap_or(self.depth),
            // The commas of its parameters do not end it.
            TokenKind::Lambda => {
                self.depth += 1;
                if let Some(base) = self.open.last_mut() {
                    *base += 1;
                }
            }
            kind if may_nest(kind) => self.depth += 1,
            _ => {}
        }
    }
}

/// Everything but what stands in a row without nesting: names, numbers, texts, commas, what closes.
fn may_nest(kind: TokenKind) -> bool {
    !matches!(
        kind,
        TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::FStringEnd
            | TokenKind::Colon
            | TokenKind::Semi
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::True
            | TokenKind::False
            | TokenKind::None
    )
}

#[cfg(test)]
pub(super) fn table() -> Api {
    API
}
