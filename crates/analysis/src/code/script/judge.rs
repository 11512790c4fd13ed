//! Judging tokens: which names are called, and with what.

use super::super::api::{Api, Clue, Spec};
use super::super::{Act, Deeds, Given, Language};
use super::tokens::Token;
use crate::program::Arg;

/// Names that lead from a value to the inside of JavaScript.
const DEEP: [&str; 9] = [
    "constructor",
    "__proto__",
    "prototype",
    "mainModule",
    "binding",
    "_load",
    "caller",
    "callee",
    "__defineGetter__",
];

/// Looks at tokens, name by name.
pub(super) struct Judge<'t, 'g> {
    pub(super) language: Language,
    /// The language as people write it.
    pub(super) title: &'static str,
    pub(super) api: Api,
    pub(super) tokens: &'t [Token],
    pub(super) given: &'g Given<'g>,
    pub(super) deeds: &'g mut Deeds,
    /// Names that stand for a module or what it holds.
    pub(super) aliases: Vec<(&'t str, String)>,
    /// Names that the code defines: variables, and functions.
    pub(super) variables: Vec<&'t str>,
    pub(super) functions: Vec<&'t str>,
    /// Where names are declared, as opposed to used.
    pub(super) declarations: Vec<std::ops::Range<usize>>,
}

impl<'t, 'g> Judge<'t, 'g> {
    pub(super) fn new(
        language: Language,
        title: &'static str,
        api: Api,
        tokens: &'t [Token],
        given: &'g Given<'g>,
        deeds: &'g mut Deeds,
    ) -> Self {
        Self {
            language,
            title,
            api,
            tokens,
            given,
            deeds,
            aliases: Vec::new(),
            variables: Vec::new(),
            functions: Vec::new(),
            declarations: Vec::new(),
        }
    }

    pub(super) fn judge(mut self) {
        self.find_definitions();
        for (index, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Word(name) => self.word(name, index),
                Token::Member(name) => self.member(name, index),
                Token::Command(Some(text)) => self.deeds.act(Act::Shell(Arg::exact(text.clone()))),
                Token::Command(None) => self.opaque("runs a command line that is not known"),
                Token::Variable(name) => self.variable(name, index),
                Token::Mark('(') => self.called_value(index),
                Token::Mark('&') if self.language == Language::Perl => {
                    self.opaque("calls a function by its name")
                }
                _ => {}
            }
        }
    }

    pub(super) fn opaque(&mut self, what: &str) {
        self.deeds.opaque(format!("{} code {what}", self.title));
    }

    pub(super) fn at(&self, index: usize) -> Option<&'t Token> {
        self.tokens.get(index)
    }

    pub(super) fn before(&self, index: usize, back: usize) -> Option<&'t Token> {
        self.at(index.checked_sub(back)?)
    }

    pub(super) fn word(&mut self, name: &str, index: usize) {
        let next = self.at(index + 1);
        let colon = next == Some(&Token::Mark(':')) && self.language != Language::Lua;
        let begins = matches!(self.before(index, 1), None | Some(Token::Mark('{' | ',' | '(') | Token::End));
        if next == Some(&Token::Arrow)
            || colon && begins
            || self.is_declared_here(index)
            || self.is_key(index)
        {
            return;
        }
        if name == "require" && self.language == Language::JavaScript {
            return self.require(index);
        }
        let path = self.resolved(name);
        if let Some(deep) = path.split('.').find(|part| DEEP.contains(part)) {
            return self.opaque(&format!("reaches into the language by `{deep}`"));
        }
        let called = next == Some(&Token::Mark('('));
        if let Some(spec) = self.api.find(&path) {
            return self.known(&path, spec, index);
        }
        // File handles of Perl.
        if self.language == Language::Perl && !called && is_handle(name) {
            return;
        }
        let (first, members) = path.split_once('.').unwrap_or((&path, ""));
        if self.variables.contains(&first) || self.functions.contains(&first) || self.is_plain_base(first) {
            let last = members.rsplit('.').next().unwrap_or_default();
            if members.is_empty() && called && !self.functions.contains(&first) {
                return self.opaque(&format!("calls `{first}`, which is not known"));
            }
            return members.split('.').filter(|member| !member.is_empty()).for_each(|member| {
                self.property(member, member == last, index);
            });
        }
        self.opaque(&format!("uses `{}`, which is not known", short(&path)));
    }

    /// Ruby and Lua know nothing but objects: what a name gives is data if the name is known to.
    pub(super) fn is_plain_base(&self, first: &str) -> bool {
        let data = self.api.exact(first).is_some_and(|spec| spec.is_harmless() && spec.result() != "module");
        data && self.language == Language::Ruby
    }

    pub(super) fn is_declared_here(&self, index: usize) -> bool {
        if self.declarations.iter().any(|names| names.contains(&index)) {
            return true;
        }
        let defines = |word: &str| matches!(word, "function" | "def" | "sub" | "class" | "module");
        matches!(self.before(index, 1), Some(Token::Word(word)) if defines(word))
    }

    /// `{name}` of a Perl hash.
    pub(super) fn is_key(&self, index: usize) -> bool {
        self.language == Language::Perl
            && self.before(index, 1) == Some(&Token::Mark('{'))
            && self.at(index + 1) == Some(&Token::Mark('}'))
            && matches!(self.before(index, 2), Some(Token::Variable(_) | Token::Mark('}' | ']')))
    }

    pub(super) fn resolved(&self, name: &str) -> String {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        match self.aliases.iter().find(|(alias, _)| *alias == first) {
            Some((_, path)) if rest.is_empty() => path.clone(),
            Some((_, path)) => format!("{path}.{rest}"),
            None => name.to_owned(),
        }
    }

    /// `require('fs').unlinkSync('x')`
    pub(super) fn require(&mut self, index: usize) {
        let Some(path) = self.module_at(index) else {
            return self.opaque("loads a module that is not known");
        };
        let mut last = index + 3;
        while matches!(self.at(last + 1), Some(Token::Member(_))) {
            last += 1;
        }
        if last == index + 3
            && self.aliases.iter().any(|(_, known)| known.split('.').next() == path.split('.').next())
        {
            return;
        }
        match self.api.find(&path) {
            Some(spec) => self.known(&path, spec, last),
            None if last == index + 3 && self.before(index, 1) == Some(&Token::Mark('=')) => {}
            None => self.opaque(&format!("uses `{}`, which is not known", short(&path))),
        }
    }

    /// A name that the table knows: called, or handed on.
    pub(super) fn known(&mut self, path: &str, spec: Spec, index: usize) {
        if spec.is_harmless() {
            return;
        }
        let called = self.is_called(index);
        if !called {
            return self.opaque(&format!("hands on `{}`", short(path)));
        }
        let arguments = self.arguments(index);
        for clue in spec.clues() {
            match clue {
                Clue::Does("opaque") => {
                    self.opaque(&format!("uses `{}`, which is not followed", short(path)))
                }
                Clue::Does(effect) => self.effect(effect),
                Clue::Receiver(_) => {}
                Clue::Argument { position, keyword: "rest", meaning } => {
                    self.rest(meaning, arguments.get(position..).unwrap_or_default());
                }
                Clue::Argument { position, meaning, .. } => {
                    if let Some(argument) = arguments.get(position) {
                        self.argument(meaning, argument, &arguments);
                    }
                }
            }
        }
    }

    pub(super) fn is_called(&self, index: usize) -> bool {
        match self.at(index + 1) {
            Some(Token::Mark('(')) => true,
            Some(Token::Text(_) | Token::Joined) => self.language != Language::JavaScript,
            _ => matches!(self.language, Language::Perl | Language::Ruby | Language::Php),
        }
    }

    /// A name after a value: `.toString()`, `.length`.
    pub(super) fn member(&mut self, name: &str, index: usize) {
        // What follows `require(…)` was looked at there.
        let mut first = index;
        while matches!(self.before(first, 1), Some(Token::Member(_))) {
            first -= 1;
        }
        let requires = matches!(
            (self.before(first, 4), self.before(first, 3), self.before(first, 1)),
            (Some(Token::Word(word)), Some(Token::Mark('(')), Some(Token::Mark(')'))) if word == "require"
        );
        if !requires {
            self.property(name, true, index);
        }
    }

    pub(super) fn property(&mut self, name: &str, last: bool, index: usize) {
        if DEEP.contains(&name) {
            return self.opaque(&format!("reaches into the language by `{name}`"));
        }
        let called = last && self.at(index + 1) == Some(&Token::Mark('('));
        // Ruby calls without brackets.
        if !(called || self.language == Language::Ruby || self.language == Language::Perl) {
            return;
        }
        match self.api.exact(&format!("#{name}")) {
            Some(spec) if spec.is_harmless() => {}
            _ if self.functions.contains(&name) => {}
            _ => self.opaque(&format!("calls the method `{}`, which is not known", short(name))),
        }
    }

    /// `$x(…)`, `f()()`, `x[y](…)`: what is called is not known.
    pub(super) fn called_value(&mut self, index: usize) {
        let called = match self.before(index, 1) {
            Some(Token::Mark(']')) => true,
            Some(Token::Mark(')')) => !self.follows_own_function(index - 1),
            Some(Token::Variable(_)) => self.language == Language::Php,
            // `x?.(…)`, `$x->(…)`
            Some(Token::Mark('.')) => self.language == Language::JavaScript,
            Some(Token::Mark('>')) => self.before(index, 2) == Some(&Token::Mark('-')),
            _ => false,
        };
        if called && self.language != Language::Ruby {
            self.opaque("calls something that is not known");
        }
    }

    /// `(() => …)()`, `(function () { … })()`, and the brackets of `if (…) (…)`.
    pub(super) fn follows_own_function(&self, close: usize) -> bool {
        let mut depth = 0_usize;
        for index in (0..=close).rev() {
            match self.at(index) {
                Some(Token::Mark(')')) => depth += 1,
                Some(Token::Mark('(')) => {
                    depth -= 1;
                    if depth == 0 {
                        return self.is_function(index + 1) || !self.follows_callable(index);
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Whether a bracket belongs to a call, as opposed to a condition.
    pub(super) fn follows_callable(&self, open: usize) -> bool {
        match self.before(open, 1) {
            Some(Token::Word(word)) => !matches!(
                word.as_str(),
                "if" | "while" | "for" | "foreach" | "unless" | "until" | "elsif" | "switch"
            ),
            _ => true,
        }
    }

    /// Variables that mean something to the language.
    pub(super) fn variable(&mut self, name: &str, index: usize) {
        if self.language == Language::Php && name == "GLOBALS" {
            return self.opaque("reaches into the language by `$GLOBALS`");
        }
        // `$f->(…)`, `$x->$y`
        if self.language != Language::Ruby
            && matches!(
                (self.at(index + 1), self.at(index + 2)),
                (Some(Token::Mark('-')), Some(Token::Mark('>')))
            )
            && matches!(self.at(index + 3), Some(Token::Mark('(') | Token::Variable(_)))
        {
            self.opaque("calls something that is not known");
        }
    }
}

fn is_handle(name: &str) -> bool {
    name.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
}

/// `text`, cut to a length that fits a message.
fn short(text: &str) -> String {
    let cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
