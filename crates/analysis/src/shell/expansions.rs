//! Expansions: only the forms that are known to be safe are read.

use super::plan::{Form, Part, Statement, Word};
use super::syntax::{At, Kind, Syntax};
use super::words::{Joiner, holds_expansion, unread, word};
use super::{parse, redirects};

/// An expansion.
pub(super) fn dynamic(syntax: &Syntax<'_>, at: At, quoted: bool) -> Part {
    match syntax.kind(at) {
        _ if begins_in_another(syntax, at) => Part::Unread("an expansion is not understood here".to_owned()),
        Kind::SimpleExpansion => simple(syntax, at, quoted),
        Kind::Expansion => expansion(syntax, at, quoted),
        Kind::Substitution => Part::Output { body: substituted(syntax, at), quoted },
        Kind::ArithmeticExpansion => {
            if assigned(syntax, at).is_empty() {
                Part::Number(evaluated(syntax, at))
            } else {
                Part::Unread("an arithmetic expression assigns a variable".to_owned())
            }
        }
        kind => Part::Unread(format!("a word is not understood ({kind:?})")),
    }
}

/// How many `$` in a row are counted. Nobody writes more, and each expansion looks back.
const MOST_DOLLARS: usize = 16;

/// Whether its `$` belongs to a `$$` before it, as in `$$(a)`, which is no substitution; or may do so.
fn begins_in_another(syntax: &Syntax<'_>, at: At) -> bool {
    let blanks = syntax.text(at).len() - syntax.text(at).trim_start().len();
    let mut before = syntax.slice(0..syntax.range(at).start + blanks).bytes().rev().peekable();
    let mut dollars = 0;
    while before.next_if_eq(&b'$').is_some() {
        dollars += 1;
        if dollars > MOST_DOLLARS {
            return true;
        }
    }
    let is_quoted = before.take_while(|byte| *byte == b'\\').count() % 2;
    dollars > 0 && (dollars - is_quoted) % 2 == 1
}

/// The statements of `$( … )`; `$(< file)` reads a file.
fn substituted(syntax: &Syntax<'_>, at: At) -> Vec<Statement> {
    let mut read = Vec::new();
    let mut other = Vec::new();
    for child in syntax.children(at) {
        if syntax.kind(child) == Kind::FileRedirect { read.push(child) } else { other.push(child) }
    }
    let mut body = parse::statements(syntax, other.into_iter());
    body.extend(read.into_iter().map(|child| redirects::redirection_alone(syntax, child)));
    body
}

fn simple(syntax: &Syntax<'_>, at: At, quoted: bool) -> Part {
    let name = syntax.text(at).trim_start().strip_prefix('$').unwrap_or_default().to_owned();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Part::Unread("an expansion is not understood".to_owned());
    }
    Part::Variable { name, form: Form::Plain, quoted }
}

/// `${ … }`: only the forms in [`Form`] are known to be safe.
fn expansion(syntax: &Syntax<'_>, at: At, quoted: bool) -> Part {
    let text = syntax.text(at).trim_start();
    let unread = || Part::Unread(format!("the expansion `{text}` may run or assign something"));
    if text.get(2..).is_some_and(|inner| inner.starts_with(|char: char| char.is_whitespace() || char == '|'))
    {
        return unread();
    }
    // Bash looks for the end of a process substitution here, also between quotes, where it is none.
    if text.contains("<(") || text.contains(">(") {
        return unread();
    }
    let children: Vec<At> = syntax.children(at).collect();
    let inner = match children.as_slice() {
        [open, inner @ .., close] if syntax.text(*open).trim() == "${" && syntax.text(*close) == "}" => inner,
        _ => return unread(),
    };
    match inner {
        [name] if syntax.kind(*name) == Kind::VariableName || syntax.kind(*name) == Kind::SpecialVariable => {
            Part::Variable { name: syntax.text(*name).to_owned(), form: Form::Plain, quoted }
        }
        [name] if syntax.kind(*name) == Kind::Subscript => {
            element(syntax, *name, quoted, Form::Derived(evaluated(syntax, *name), Vec::new()))
        }
        [hash, name] if syntax.text(*hash) == "#" && is_name(syntax, *name) => {
            let name = base_name(syntax, *name);
            Part::Variable { name, form: Form::Length, quoted }
        }
        [name, operator, rest @ ..] if is_name(syntax, *name) => {
            match form(syntax, syntax.text(*operator), rest) {
                Some(form) => element(syntax, *name, quoted, form),
                None => unread(),
            }
        }
        _ => unread(),
    }
}

fn is_name(syntax: &Syntax<'_>, at: At) -> bool {
    matches!(syntax.kind(at), Kind::VariableName | Kind::SpecialVariable | Kind::Subscript)
}

fn base_name(syntax: &Syntax<'_>, at: At) -> String {
    syntax.text(at).split('[').next().unwrap_or_default().to_owned()
}

fn element(syntax: &Syntax<'_>, name: At, quoted: bool, form: Form) -> Part {
    // `${a[@]}` gives several words even between quotes.
    let many = syntax.kind(name) == Kind::Subscript && syntax.text(name).ends_with("[@]");
    Part::Variable { name: base_name(syntax, name), form, quoted: quoted && !many }
}

fn form(syntax: &Syntax<'_>, operator: &str, rest: &[At]) -> Option<Form> {
    let substitutes = operator.starts_with('/');
    let sign = rest.iter().position(|child| substitutes && syntax.text(*child) == "/");
    let (rest, replacement) = rest.split_at(sign.unwrap_or(rest.len()));
    let words = joined(syntax, rest);
    let replacement = joined(syntax, replacement.get(1..).unwrap_or_default());
    if words
        .iter()
        .chain(&replacement)
        .flat_map(|word| &word.parts)
        .any(|part| matches!(part, Part::Unread(_)))
    {
        return None;
    }
    let single = || Word { parts: words.iter().flat_map(|word| word.parts.clone()).collect() };
    Some(match operator {
        ":-" => Form::Default(single(), true),
        "-" => Form::Default(single(), false),
        ":?" => Form::Required(words, true),
        "?" => Form::Required(words, false),
        ":+" | "+" => Form::Alternative(single()),
        "%" => Form::TrimEnd(single(), false),
        "%%" => Form::TrimEnd(single(), true),
        "#" => Form::TrimStart(single(), false),
        "##" => Form::TrimStart(single(), true),
        ":" | "/" | "//" | "/#" | "/%" | "," | ",," | "^" | "^^" => Form::Derived(words, replacement),
        _ => return None,
    })
}

fn joined(syntax: &Syntax<'_>, nodes: &[At]) -> Vec<Word> {
    let mut joined = Joiner::with_blanks();
    for child in nodes {
        joined.push(syntax, *child);
    }
    let mut words = Vec::new();
    joined.absorb(&mut words);
    words
}

/// The nodes below `at` that are not inside another command.
pub(super) fn outside_substitutions<'s>(syntax: &'s Syntax<'_>, at: At) -> impl Iterator<Item = At> + 's {
    let mut skip: Option<At> = None;
    syntax.descendants(at).filter(move |node| {
        if skip.is_some_and(|outer| outer != *node && syntax.contains(outer, *node)) {
            return false;
        }
        if matches!(
            syntax.kind(*node),
            Kind::Substitution | Kind::ProcessSubstitution | Kind::DoGroup | Kind::Expansion
        ) {
            skip = Some(*node);
        }
        true
    })
}

/// The expansions inside an expression, as words that are evaluated.
pub(super) fn evaluated(syntax: &Syntax<'_>, at: At) -> Vec<Word> {
    outside_substitutions(syntax, at)
        .filter_map(|node| match syntax.kind(node) {
            Kind::Substitution | Kind::Expansion | Kind::SimpleExpansion => {
                Some(Word { parts: vec![dynamic(syntax, node, true)] })
            }
            Kind::ProcessSubstitution => Some(word(syntax, node)),
            Kind::Unknown | Kind::Error => Some(unread("an expression is not understood")),
            Kind::Regex | Kind::ExtGlob if holds_expansion(syntax.text(node)) => {
                Some(unread("a pattern with an expansion is not understood"))
            }
            _ => None,
        })
        .collect()
}

/// The variables that an arithmetic expression assigns.
pub(super) fn assigned(syntax: &Syntax<'_>, at: At) -> Vec<String> {
    let assigns = outside_substitutions(syntax, at).any(|node| {
        syntax.kind(node) == Kind::Assignment
            || syntax.kind(node) == Kind::Token
                && !matches!(syntax.text(node).trim(), "==" | "!=" | "<=" | ">=" | "=~")
                && (syntax.text(node).ends_with('=') || matches!(syntax.text(node), "++" | "--"))
    });
    if !assigns {
        return Vec::new();
    }
    outside_substitutions(syntax, at)
        .filter(|node| matches!(syntax.kind(*node), Kind::VariableName | Kind::Word))
        .map(|node| syntax.text(node).to_owned())
        .collect()
}
