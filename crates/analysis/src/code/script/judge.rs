//! Judging tokens: which names are called, and with what.

use super::super::api::{Api, Clue, Spec};
use super::super::{Act, Deeds, Given, Language};
use super::tokens::Token;
use crate::program::Arg;
use stayhand_core::facts::{Access, Aspect, Trait};

/// Most words that a list gives to a program.
const MAX_WORDS: usize = 64;

pub(super) struct Judge<'t, 'g> {
    language: Language,
    /// The language as people write it.
    title: &'static str,
    api: Api,
    tokens: &'t [Token],
    given: &'g Given<'g>,
    deeds: &'g mut Deeds,
    /// Names that stand for a module or what it holds.
    aliases: Vec<(&'t str, String)>,
    /// Names that the code defines: variables, and functions.
    variables: Vec<&'t str>,
    functions: Vec<&'t str>,
    /// Where names are declared, as opposed to used.
    declarations: Vec<std::ops::Range<usize>>,
}

/// One argument of a call, as far as it is known.
enum Argument {
    Text(String),
    /// Several texts: a list.
    Texts(Vec<String>),
    Number,
    /// A word the code is given, by its place.
    Word(usize),
    Unknown,
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

    fn opaque(&mut self, what: &str) {
        self.deeds.opaque(format!("{} code {what}", self.title));
    }

    fn at(&self, index: usize) -> Option<&'t Token> {
        self.tokens.get(index)
    }

    fn before(&self, index: usize, back: usize) -> Option<&'t Token> {
        self.at(index.checked_sub(back)?)
    }

    /// The names that the code gives a meaning.
    fn find_definitions(&mut self) {
        for index in 0..self.tokens.len() {
            match self.at(index) {
                Some(Token::Word(word)) => match word.as_str() {
                    "const" | "let" | "var" | "local" | "my" | "our" | "for" | "each" | "foreach"
                    | "async" => {
                        self.declared(index + 1);
                    }
                    "function" | "def" | "sub" | "class" | "module" | "fn" => self.defined(index + 1),
                    _ if self.language == Language::Ruby || self.language == Language::Lua => {
                        if matches!(self.at(index + 1), Some(Token::Mark('=' | ',')))
                            && self.starts_statement(index)
                        {
                            self.variables.push(word);
                        }
                    }
                    "catch" => self.declared(index + 2),
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

    fn starts_statement(&self, index: usize) -> bool {
        matches!(self.before(index, 1), None | Some(Token::End | Token::Mark(',' | '{' | '|' | '(')))
            || matches!(self.before(index, 1), Some(Token::Word(word)) if matches!(word.as_str(), "do" | "then" | "else" | "begin"))
    }

    /// Names in a row: `a, b`, `{a, b}`, `[a, b]`, up to what they are set to.
    fn declared(&mut self, from: usize) {
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

    fn is_function(&self, from: usize) -> bool {
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
    fn defined(&mut self, from: usize) {
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

    fn parameters_before(&mut self, arrow: usize) {
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
    fn module_at(&self, index: usize) -> Option<String> {
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
    fn closing(&self, open: usize) -> Option<usize> {
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

    fn word(&mut self, name: &str, index: usize) {
        let next = self.at(index + 1);
        let colon = next == Some(&Token::Mark(':')) && self.language != Language::Lua;
        let question = matches!(self.before(index, 1), Some(Token::Mark('?')));
        if next == Some(&Token::Arrow)
            || colon && !question
            || self.is_declared_here(index)
            || self.is_key(index)
        {
            return;
        }
        if name == "require" && self.language == Language::JavaScript {
            return self.require(index);
        }
        let path = self.resolved(name);
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
    fn is_plain_base(&self, first: &str) -> bool {
        let data = self.api.exact(first).is_some_and(|spec| spec.is_harmless() && spec.result() != "module");
        data && self.language == Language::Ruby
    }

    fn is_declared_here(&self, index: usize) -> bool {
        if self.declarations.iter().any(|names| names.contains(&index)) {
            return true;
        }
        let defines = |word: &str| matches!(word, "function" | "def" | "sub" | "class" | "module");
        matches!(self.before(index, 1), Some(Token::Word(word)) if defines(word))
    }

    /// `{name}` of a Perl hash.
    fn is_key(&self, index: usize) -> bool {
        self.language == Language::Perl
            && self.before(index, 1) == Some(&Token::Mark('{'))
            && self.at(index + 1) == Some(&Token::Mark('}'))
            && matches!(self.before(index, 2), Some(Token::Variable(_) | Token::Mark('}' | ']')))
    }

    fn resolved(&self, name: &str) -> String {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        match self.aliases.iter().find(|(alias, _)| *alias == first) {
            Some((_, path)) if rest.is_empty() => path.clone(),
            Some((_, path)) => format!("{path}.{rest}"),
            None => name.to_owned(),
        }
    }

    /// `require('fs').unlinkSync('x')`
    fn require(&mut self, index: usize) {
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
    fn known(&mut self, path: &str, spec: Spec, index: usize) {
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

    fn is_called(&self, index: usize) -> bool {
        match self.at(index + 1) {
            Some(Token::Mark('(')) => true,
            Some(Token::Text(_) | Token::Joined) => self.language != Language::JavaScript,
            _ => matches!(self.language, Language::Perl | Language::Ruby | Language::Php),
        }
    }

    /// A name after a value: `.toString()`, `.length`.
    fn member(&mut self, name: &str, index: usize) {
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

    fn property(&mut self, name: &str, last: bool, index: usize) {
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
    fn called_value(&mut self, index: usize) {
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
    fn follows_own_function(&self, close: usize) -> bool {
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
    fn follows_callable(&self, open: usize) -> bool {
        match self.before(open, 1) {
            Some(Token::Word(word)) => !matches!(
                word.as_str(),
                "if" | "while" | "for" | "foreach" | "unless" | "until" | "elsif" | "switch"
            ),
            _ => true,
        }
    }

    /// Variables that mean something to the language.
    fn variable(&mut self, name: &str, index: usize) {
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

    /// The arguments of the call at `index`.
    fn arguments(&self, index: usize) -> Vec<Argument> {
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

    fn value(&self, tokens: &'t [Token]) -> Argument {
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
    fn joined(&self, tokens: &[Token]) -> Argument {
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

    fn effect(&mut self, effect: &str) {
        let item = match effect {
            "execute" => Trait::ExecuteCode,
            "privilege" => Trait::Privilege,
            "signal" => Trait::Signal,
            "listen" => Trait::Listen,
            "disclose" => Trait::Disclose,
            "network" => Trait::Network,
            _ => return self.opaque("does something that is not followed"),
        };
        self.deeds.does(item);
    }

    /// All arguments from one on.
    fn rest(&mut self, meaning: &str, arguments: &[Argument]) {
        match (meaning, arguments) {
            // One word is a command line, several are a program and its arguments.
            ("command", [Argument::Text(line)]) => self.deeds.act(Act::Shell(Arg::exact(line.clone()))),
            ("command", [Argument::Texts(words)]) => self.start(words.clone()),
            ("command", arguments) => {
                let words: Option<Vec<String>> = arguments
                    .iter()
                    .map(|argument| match argument {
                        Argument::Text(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect();
                match words.filter(|words| !words.is_empty()) {
                    Some(words) => self.start(words),
                    None => self.opaque("runs a program that is not known"),
                }
            }
            (meaning, arguments) => {
                arguments.iter().for_each(|argument| self.argument(meaning, argument, arguments))
            }
        }
    }

    fn start(&mut self, words: Vec<String>) {
        self.deeds.act(Act::Start { words: words.into_iter().map(Arg::exact).collect(), input: None });
    }

    fn argument(&mut self, meaning: &str, argument: &Argument, all: &[Argument]) {
        let texts = match argument {
            Argument::Text(text) => std::slice::from_ref(text),
            Argument::Texts(texts) => texts.as_slice(),
            Argument::Word(place) => match self.given.words.get(*place).and_then(Arg::known) {
                Some(text) => &[text.to_owned()],
                None => return self.unknown(meaning),
            },
            Argument::Number => return,
            Argument::Unknown => return self.unknown(meaning),
        };
        for text in texts {
            self.known_argument(meaning, text, all);
        }
    }

    fn unknown(&mut self, meaning: &str) {
        let title = self.title;
        match meaning {
            "shell" | "spawn" | "command" | "perlopen" => {
                self.opaque("runs a command line that is not known")
            }
            "code" => self.opaque("runs text that is not known as code"),
            "url" | "host" | "send" => {
                self.deeds.note(Aspect::Hosts, format!("{title} code contacts a host that is not known"))
            }
            _ => self.deeds.note(Aspect::Paths, format!("{title} code uses a path that is not known")),
        }
    }

    fn known_argument(&mut self, meaning: &str, text: &str, all: &[Argument]) {
        let path = |access, recursive| Act::Path(access, Arg::exact(text), recursive);
        let act = match meaning {
            "read" | "edit" | "write" | "open"
                if text.trim_start().starts_with('|') || text.trim_end().ends_with('|') =>
            {
                Act::Shell(Arg::exact(text.trim_matches(['|', ' '])))
            }
            "read" => path(Access::Read, false),
            "write" => path(Access::Write, false),
            "edit" => {
                self.deeds.act(path(Access::Read, false));
                path(Access::Write, false)
            }
            "delete" => path(Access::Delete, false),
            "deltree" => path(Access::Delete, true),
            "move" => {
                self.deeds.act(path(Access::Read, false));
                path(Access::Delete, false)
            }
            "list" => path(Access::List, false),
            "exec" => {
                self.deeds.does(Trait::ExecuteCode);
                path(Access::Execute, false)
            }
            "folder" => Act::Folder(Arg::exact(text)),
            "open" => return self.open(text, all),
            "perlopen" => return self.perl_open(text, all),
            "shell" => Act::Shell(Arg::exact(text)),
            "spawn" => return self.spawn(text, all),
            "url" => Act::Url(text.to_owned(), Some("GET")),
            "send" => Act::Url(text.to_owned(), Some("POST")),
            "host" => Act::Host(text.to_owned()),
            "code" => return self.opaque("runs text as code"),
            // What is installed is known to run; a file is named.
            "require" if !text.starts_with(['.', '/']) => return,
            "require" => path(Access::Execute, false),
            _ => return self.opaque("does something that is not followed"),
        };
        self.deeds.act(act);
    }

    /// `open(name, mode)` of Ruby, PHP and Lua.
    fn open(&mut self, name: &str, all: &[Argument]) {
        let writes = match all.get(1) {
            Some(Argument::Text(mode)) => mode.contains(['w', 'a', '+', 'x', 'c']),
            Some(Argument::Unknown) => true,
            _ => false,
        };
        if name.starts_with("http://") || name.starts_with("https://") {
            return self.deeds.act(Act::Url(name.to_owned(), Some("GET")));
        }
        // PHP's other wrappers reach programs and machines.
        if name.starts_with("php://std")
            || name.starts_with("php://output")
            || name.starts_with("php://memory")
        {
            return;
        }
        if name.contains("://") {
            return self.opaque("opens something that is not known");
        }
        self.deeds.act(Act::Path(if writes { Access::Write } else { Access::Read }, Arg::exact(name), false));
    }

    /// `open(handle, mode, path)` and `open(handle, '>path')` of Perl.
    fn perl_open(&mut self, mode: &str, all: &[Argument]) {
        let mode = mode.trim();
        let name = match all.get(2) {
            None => mode.trim_start_matches(['<', '>', '+', ' ']),
            Some(Argument::Text(name)) => name,
            Some(_) => return self.unknown("open"),
        };
        if mode.starts_with("|-") || mode.starts_with("-|") {
            let words: Option<Vec<String>> = all
                .iter()
                .skip(2)
                .map(|word| match word {
                    Argument::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect();
            return match words {
                Some(words) if words.len() == 1 => {
                    words.into_iter().for_each(|line| self.deeds.act(Act::Shell(Arg::exact(line))))
                }
                Some(words) => self.start(words),
                None => self.unknown("shell"),
            };
        }
        if all.len() == 2 && (mode.starts_with('|') || mode.ends_with('|')) {
            return self.deeds.act(Act::Shell(Arg::exact(mode.trim_matches(['|', ' ']))));
        }
        let access = if mode.contains('>') { Access::Write } else { Access::Read };
        if name != "-" && !mode.contains('&') {
            self.deeds.act(Act::Path(access, Arg::exact(name), false));
        }
    }

    /// `spawn(program, [arguments])`
    fn spawn(&mut self, program: &str, all: &[Argument]) {
        let mut words = vec![program.to_owned()];
        match all.get(1) {
            Some(Argument::Texts(more)) => words.extend(more.iter().cloned()),
            Some(Argument::Unknown) if all.len() > 2 => {
                return self.opaque("starts a program with arguments that are not known");
            }
            _ => {}
        }
        self.start(words);
    }
}

/// Words that end the arguments of a call without brackets.
fn ends_statement(word: &str) -> bool {
    matches!(
        word,
        "if" | "unless" | "while" | "until" | "for" | "foreach" | "or" | "and" | "do" | "then" | "end"
    )
}

fn is_handle(name: &str) -> bool {
    name.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
}

/// `text`, cut to a length that fits a message.
fn short(text: &str) -> String {
    let cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
