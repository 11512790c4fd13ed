//! One-liners in JavaScript, Perl, Ruby, PHP and Lua.
//!
//! These languages are not parsed, only split into tokens. Every name has to be one that the language's
//! table knows, or one that the code itself defines; anything else is not known. What is known to act is
//! taken for what it is, so that it can be refused and not only held.

mod acts;
mod arguments;
mod definitions;
mod judge;
mod quotes;
mod tokens;

use super::api::Api;
use super::{Deeds, Given, Language};
use judge::Judge;

static JAVASCRIPT: Api = Api::new(include_str!("javascript.txt"));
static PERL: Api = Api::new(include_str!("perl.txt"));
static RUBY: Api = Api::new(include_str!("ruby.txt"));
static PHP: Api = Api::new(include_str!("php.txt"));
static LUA: Api = Api::new(include_str!("lua.txt"));

/// Adds what `text` would do.
pub(super) fn look(language: Language, text: &str, given: &Given<'_>, deeds: &mut Deeds) {
    let (api, name) = match language {
        Language::JavaScript => (JAVASCRIPT, "JavaScript"),
        Language::Perl => (PERL, "Perl"),
        Language::Ruby => (RUBY, "Ruby"),
        Language::Php => (PHP, "PHP"),
        Language::Lua | Language::Python => (LUA, "Lua"),
    };
    match tokens::tokens(language, text) {
        Some(tokens) => Judge::new(language, name, api, &tokens, given, deeds).judge(),
        None => deeds.opaque(format!("the {name} code cannot be read for certain")),
    }
}

#[cfg(test)]
pub(super) fn tables() -> [Api; 5] {
    [JAVASCRIPT, PERL, RUBY, PHP, LUA]
}
