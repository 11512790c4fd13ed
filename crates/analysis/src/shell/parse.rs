//! From the parser's tree to a [`ShellPlan`].

use super::plan::{Assignment, Command, Connector, ShellPlan, Statement, Word};
use super::redirects::{attach, redirect, redirected};
use super::respell::respelled;
use super::syntax::{At, Field, Kind, Syntax, breaks_line};
use super::{expansions, words};

/// Longest text that is read.
const MAX_BYTES: usize = 64 * 1024;
/// Most pipe signs in one text; more would only slow the parser down.
const MAX_PIPES: usize = 1000;
/// Most brackets that may be open at once; more would only slow the parser down.
const MAX_OPEN: usize = 400;

impl ShellPlan {
    /// Reads a command line or script.
    pub fn parse(source: &str) -> Self {
        if let Err(why) = acceptable(source) {
            return Self { body: vec![Statement::Unread(why.to_owned())] };
        }
        super::plain::parse(source).unwrap_or_else(|| Self::parse_either_way(source))
    }

    /// Tries another spelling where the grammar cannot read all of the text.
    fn parse_either_way(source: &str) -> Self {
        let plan = Self::parse_with_grammar(source);
        let Some(text) = respelled(source).filter(|_| !plan.is_read()) else { return plan };
        let other = Self::parse_with_grammar(&text);
        if other.is_read() { other } else { plan }
    }

    pub(super) fn parse_with_grammar(source: &str) -> Self {
        let syntax = Syntax::parse(source);
        if !syntax.lost_dashes.is_empty() {
            let quoted = with_quoted_dashes(source, &syntax.lost_dashes);
            let again = Syntax::parse(&quoted);
            if again.lost_dashes.is_empty() {
                return Self::of_syntax(&again);
            }
        }
        Self::of_syntax(&syntax)
    }

    fn of_syntax(syntax: &Syntax<'_>) -> Self {
        let mut body = match syntax.root() {
            Some(root) => statements(syntax, syntax.children(root)),
            None => Vec::new(),
        };
        body.extend(syntax.doubts.iter().map(|why| Statement::Unread((*why).to_owned())));
        Self { body }
    }
}

/// The grammar loses the word `-` before a heredoc (`python3 - <<E`); quoted, it says the same and is kept.
fn with_quoted_dashes(source: &str, dashes: &[usize]) -> String {
    let mut quoted = String::with_capacity(source.len() + 2 * dashes.len());
    let mut from = 0;
    for dash in dashes {
        quoted.push_str(source.get(from..*dash).unwrap_or_default());
        quoted.push_str("'-'");
        from = dash + 1;
    }
    quoted.push_str(source.get(from..).unwrap_or_default());
    quoted
}

/// Refuses texts that no parser should be given.
fn acceptable(source: &str) -> Result<(), &'static str> {
    if source.len() > MAX_BYTES {
        return Err("the text is longer than 64 KiB");
    }
    if memchr::memchr_iter(b'|', source.as_bytes()).count() > MAX_PIPES {
        return Err("the text has too many pipes");
    }
    let mut open = 0usize;
    for byte in source.bytes() {
        match byte {
            b'(' | b'{' => open += 1,
            b')' | b'}' => open = open.saturating_sub(1),
            b'\n' | b'\t' => {}
            byte if byte.is_ascii_control() => return Err("the text holds control characters"),
            _ => {}
        }
        if open > MAX_OPEN {
            return Err("the text is too deeply nested");
        }
    }
    Ok(())
}

/// The statements among `nodes`, with what follows `&` set apart.
pub(super) fn statements(syntax: &Syntax<'_>, nodes: impl Iterator<Item = At>) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    for node in nodes {
        if syntax.kind(node) != Kind::Token {
            found.push(statement(syntax, node));
        } else if ends_case_item(token_of_shell(syntax, node)) {
            found.push(unread("a part of a `case` stands alone"));
        } else if syntax.text(node) == "&"
            && let Some(last) = found.pop()
        {
            found.push(Statement::Subshell(vec![last]));
        }
    }
    found
}

/// A token as the shell reads it: `;&>x` begins with the end of a part of a `case`, and not with the end of a command.
fn token_of_shell<'a>(syntax: &Syntax<'a>, at: At) -> &'a str {
    let (token, end) = (syntax.text(at), syntax.range(at).end);
    if token == ";" && syntax.slice(end..end + 1) == "&" { ";&" } else { token }
}

fn ends_case_item(token: &str) -> bool {
    matches!(token.trim(), ";;" | ";&" | ";;&")
}

pub(super) fn statement(syntax: &Syntax<'_>, at: At) -> Statement {
    match syntax.kind(at) {
        Kind::Command => Statement::Command(command(syntax, at)),
        Kind::Declaration | Kind::Unset => Statement::Command(declaration(syntax, at)),
        Kind::Assignment | Kind::Assignments => assignments(syntax, at),
        Kind::Redirected => redirected(syntax, at),
        Kind::Pipeline => pipeline(syntax, at),
        Kind::List => list(syntax, at),
        Kind::Negated if operator_touches(syntax, at) => unread("a `!` is not understood"),
        Kind::Negated => Statement::Negated(statements(syntax, syntax.children(at))),
        Kind::Subshell => Statement::Subshell(statements(syntax, syntax.children(at))),
        Kind::Compound => compound(syntax, at),
        Kind::If => if_statement(syntax, at),
        Kind::While => while_statement(syntax, at),
        Kind::Case => case_statement(syntax, at),
        Kind::For => for_statement(syntax, at),
        Kind::CStyleFor => c_style_for(syntax, at),
        Kind::Function => function(syntax, at),
        Kind::Test => test(syntax, at),
        Kind::Error => Statement::Unread("the text is not valid shell, or not understood".to_owned()),
        kind => Statement::Unread(format!("a part of the text is not understood ({kind:?})")),
    }
}

fn unread(why: &str) -> Statement {
    Statement::Unread(why.to_owned())
}

/// Whether the first token, which the shell only knows as a word of its own, touches the next.
fn operator_touches(syntax: &Syntax<'_>, at: At) -> bool {
    let mut children = syntax.children(at);
    let (Some(first), Some(second)) = (children.next(), children.next()) else { return false };
    words::adjoins(syntax, syntax.range(first).end, second)
}

/// Unquoted, these words are the shell's own, and no command is called so.
const RESERVED: &[&str] = &[
    "if", "then", "else", "elif", "fi", "case", "esac", "for", "while", "until", "do", "done", "function",
    "{", "}",
];

/// A simple command. Words that touch are one word, whatever the grammar makes of them.
fn command(syntax: &Syntax<'_>, at: At) -> Command {
    let mut command = Command::default();
    let mut words = words::Joiner::default();
    let mut previous = None;
    for child in syntax.children(at) {
        match syntax.kind(child) {
            Kind::Assignment => command.assignments.push(assignment(syntax, child)),
            Kind::FileRedirect | Kind::HereString => {
                words.absorb(&mut command.words);
                redirect(syntax, child, &mut command);
            }
            Kind::CommandName if RESERVED.contains(&syntax.text(child)) => {
                words.push_unread("a word of the shell stands where a command should");
            }
            Kind::CommandName => words.push_children(syntax, child),
            _ => words.push(syntax, child),
        }
        if previous.is_some_and(|before| runs_on(syntax, before, child)) {
            words.push_unread("the words of a command are not understood");
        }
        previous = Some(child);
    }
    words.absorb(&mut command.words);
    command
}

/// Whether a node is not set apart from the one before it as the shell would have it: by the end
/// of a line, or, after an assignment or redirection, by nothing.
fn runs_on(syntax: &Syntax<'_>, before: At, at: At) -> bool {
    let end = syntax.range(before).end;
    let joined = |kind| matches!(kind, Kind::Assignment | Kind::FileRedirect | Kind::HereString);
    let opens = matches!(syntax.kind(at), Kind::FileRedirect | Kind::HereString);
    breaks_line(syntax.slice(end..syntax.range(at).start))
        || joined(syntax.kind(before)) && !opens && words::adjoins(syntax, end, at)
}

/// `export`, `declare`, `unset` and their kin.
fn declaration(syntax: &Syntax<'_>, at: At) -> Command {
    let mut command = Command::default();
    let mut words = words::Joiner::default();
    let mut previous = None;
    for child in syntax.children(at) {
        if previous.is_some_and(|before| runs_on(syntax, before, child)) {
            words.push_unread("the words of a command are not understood");
        }
        previous = Some(child);
        match syntax.kind(child) {
            Kind::Assignment => command.declared.push(assignment(syntax, child)),
            _ => words.push(syntax, child),
        }
    }
    words.absorb(&mut command.words);
    command
}

fn assignments(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut command = Command::default();
    if syntax.kind(at) == Kind::Assignment {
        command.assignments.push(assignment(syntax, at));
    } else {
        command.assignments.extend(syntax.children(at).map(|child| assignment(syntax, child)));
    }
    Statement::Command(command)
}

fn assignment(syntax: &Syntax<'_>, at: At) -> Assignment {
    let mut result = Assignment { name: String::new(), value: Vec::new(), whole: true };
    let mut end = None;
    for child in syntax.children(at) {
        if end.is_some_and(|end| !words::adjoins(syntax, end, child)) {
            result.value.push(words::unread("an assignment is not understood"));
        }
        end = Some(syntax.range(child).end);
        match (syntax.kind(child), syntax.field(child)) {
            (Kind::VariableName, Field::Name) => {
                syntax.text(child).trim_start().clone_into(&mut result.name);
                if !is_variable_name(&result.name) {
                    result.value.push(words::unread("an assignment is not understood"));
                }
            }
            (Kind::Subscript, Field::Name) => {
                syntax.text(child).split('[').next().unwrap_or_default().clone_into(&mut result.name);
                result.value.extend(expansions::evaluated(syntax, child));
                result.whole = false;
            }
            (Kind::Array, _) => {
                result.whole = false;
                let mut words = words::Joiner::default();
                words.push_children(syntax, child);
                words.absorb(&mut result.value);
            }
            (Kind::Token, _) => result.whole &= syntax.text(child) == "=",
            _ => result.value.push(words::word(syntax, child)),
        }
    }
    result
}

fn is_variable_name(name: &str) -> bool {
    !name.starts_with(|char: char| char.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A pipe. Where a redirection stands in front of it, the grammar takes a whole list for one of its stages;
/// for the shell, `|` binds tighter than `&&`.
fn pipeline(syntax: &Syntax<'_>, at: At) -> Statement {
    // The shell takes a `!` in front of the first stage only.
    if syntax.children(at).skip(1).any(|stage| is_negated(syntax, stage)) {
        return unread("a `!` is not understood");
    }
    let mut parts: Vec<(Connector, Vec<Statement>)> = vec![(Connector::And, Vec::new())];
    for found in statements(syntax, syntax.children(at)) {
        match found {
            Statement::AndOr { first, rest } => {
                add_stage(&mut parts, *first);
                for (connector, next) in rest {
                    parts.push((connector, Vec::new()));
                    add_stage(&mut parts, next);
                }
            }
            other => add_stage(&mut parts, other),
        }
    }
    let mut parts = parts.into_iter().map(|(connector, stages)| (connector, piped(stages)));
    let first = parts.next().map_or_else(|| unread("a pipe has no commands"), |(_, first)| first);
    let rest: Vec<_> = parts.collect();
    if rest.is_empty() { first } else { Statement::AndOr { first: Box::new(first), rest } }
}

/// Whether a statement begins with a `!`.
fn is_negated(syntax: &Syntax<'_>, at: At) -> bool {
    match syntax.kind(at) {
        Kind::Negated => true,
        Kind::List | Kind::Pipeline | Kind::Redirected => {
            syntax.children(at).next().is_some_and(|first| is_negated(syntax, first))
        }
        _ => false,
    }
}

fn add_stage(parts: &mut [(Connector, Vec<Statement>)], stage: Statement) {
    let Some((_, stages)) = parts.last_mut() else { return };
    match stage {
        Statement::Pipeline(inner) => stages.extend(inner),
        other => stages.push(other),
    }
}

fn piped(mut stages: Vec<Statement>) -> Statement {
    match stages.pop() {
        Some(only) if stages.is_empty() => only,
        Some(last) => {
            stages.push(last);
            Statement::Pipeline(stages)
        }
        None => unread("a pipe has no commands"),
    }
}

/// A list, whose nodes lean to the left.
fn list(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut rest = Vec::new();
    let mut here = at;
    loop {
        let children: Vec<At> = syntax.children(here).collect();
        let [left, operator, right] = children.as_slice() else {
            return Statement::Unread("a list of commands is not understood".to_owned());
        };
        let connector = if syntax.text(*operator) == "||" { Connector::Or } else { Connector::And };
        rest.push((connector, statement(syntax, *right)));
        here = *left;
        if syntax.kind(here) != Kind::List {
            break;
        }
    }
    rest.reverse();
    Statement::AndOr { first: Box::new(statement(syntax, here)), rest }
}

fn compound(syntax: &Syntax<'_>, at: At) -> Statement {
    let arithmetic = syntax.children(at).next().is_some_and(|first| syntax.text(first).trim() == "((");
    if arithmetic {
        return evaluate(syntax, at);
    }
    if operator_touches(syntax, at) {
        return unread("a `{` is not understood");
    }
    Statement::Group(statements(syntax, syntax.children(at)))
}

fn evaluate(syntax: &Syntax<'_>, at: At) -> Statement {
    Statement::Evaluate {
        words: expansions::evaluated(syntax, at),
        assigned: expansions::assigned(syntax, at),
    }
}

/// `[ … ]` and `[[ … ]]`: they only look, except that `[ a > b ]` redirects.
fn test(syntax: &Syntax<'_>, at: At) -> Statement {
    if operator_touches(syntax, at) {
        return unread("a test is not understood");
    }
    let single = syntax.children(at).next().is_some_and(|first| syntax.text(first).trim() == "[");
    let redirects = |node: At| {
        syntax.kind(node) == Kind::Redirected
            || syntax.kind(node) == Kind::Token && matches!(syntax.text(node).trim(), "<" | ">" | ">>")
    };
    if single && expansions::outside_substitutions(syntax, at).any(redirects) {
        return Statement::Unread("a test with a redirection is not understood".to_owned());
    }
    // For the shell `[` is a command, which ends with its line.
    if single && breaks_line(syntax.text(at)) {
        return unread("a test goes on after the end of its line");
    }
    evaluate(syntax, at)
}

fn if_statement(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut test = Vec::new();
    let mut arms = Vec::new();
    let mut arm: Vec<At> = Vec::new();
    for child in syntax.children(at) {
        match (syntax.kind(child), syntax.field(child)) {
            (_, Field::Condition) => test.push(child),
            (Kind::Elif | Kind::Else, _) => arms.push(elif_clause(syntax, child)),
            _ => arm.push(child),
        }
    }
    arms.insert(0, statements(syntax, arm.into_iter()));
    let test = statements(syntax, test.into_iter());
    Statement::Choice { test, arms, repeats: false }
}

/// `elif` and `else`: a condition, which only runs if it comes to that, and its statements.
fn elif_clause(syntax: &Syntax<'_>, at: At) -> Vec<Statement> {
    statements(syntax, syntax.children(at))
}

fn while_statement(syntax: &Syntax<'_>, at: At) -> Statement {
    let condition = syntax.children(at).filter(|child| syntax.field(*child) == Field::Condition);
    let test = statements(syntax, condition);
    Statement::Choice { test, arms: vec![body(syntax, at)], repeats: true }
}

/// The statements of a `do … done` or `{ … }` body.
fn body(syntax: &Syntax<'_>, at: At) -> Vec<Statement> {
    let groups = syntax.children(at).filter(|child| syntax.field(*child) == Field::Body);
    let mut found = Vec::new();
    for group in groups {
        match syntax.kind(group) {
            Kind::DoGroup => found.extend(statements(syntax, syntax.children(group))),
            Kind::Token => {}
            _ => found.push(statement(syntax, group)),
        }
    }
    found
}

fn case_statement(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut words = Vec::new();
    let mut arms = Vec::new();
    for child in syntax.children(at) {
        match (syntax.kind(child), syntax.field(child)) {
            (Kind::Token, _) => {}
            (Kind::CaseItem, _) => arms.push(case_item(syntax, child, &mut words)),
            (_, Field::Value) => words.push(words::word(syntax, child)),
            _ => arms.push(vec![statement(syntax, child)]),
        }
    }
    let test = vec![Statement::Evaluate { words, assigned: Vec::new() }];
    Statement::Choice { test, arms, repeats: false }
}

fn case_item(syntax: &Syntax<'_>, at: At, words: &mut Vec<Word>) -> Vec<Statement> {
    let mut body = Vec::new();
    for child in syntax.children(at) {
        match (syntax.kind(child), syntax.field(child)) {
            (Kind::ExtGlob, _) => {}
            (Kind::Token, _) if ends_case_item(syntax.text(child)) => {}
            (_, Field::Value) => words.push(words::word(syntax, child)),
            _ => body.push(child),
        }
    }
    statements(syntax, body.into_iter())
}

fn for_statement(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut variable = String::new();
    let mut values = None;
    let mut words = words::Joiner::default();
    for child in syntax.children(at) {
        match (syntax.kind(child), syntax.field(child)) {
            (Kind::VariableName, Field::Other) if variable.is_empty() => {
                syntax.text(child).clone_into(&mut variable);
            }
            (Kind::Token, _) if syntax.text(child) == "in" => values = Some(Vec::new()),
            (Kind::Token, _) | (_, Field::Body) => {}
            _ => words.push(syntax, child),
        }
    }
    if let Some(values) = &mut values {
        words.absorb(values);
    }
    Statement::For { variable, values, body: body(syntax, at) }
}

fn c_style_for(syntax: &Syntax<'_>, at: At) -> Statement {
    let head = Statement::Evaluate {
        words: expansions::evaluated(syntax, at),
        assigned: expansions::assigned(syntax, at),
    };
    Statement::Choice { test: vec![head], arms: vec![body(syntax, at)], repeats: true }
}

fn function(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut name = String::new();
    let mut body = Vec::new();
    let mut extra = Command::default();
    for child in syntax.children(at) {
        match (syntax.kind(child), syntax.field(child)) {
            (_, Field::Name) => syntax.text(child).clone_into(&mut name),
            (Kind::Token, _) => {}
            (Kind::FileRedirect | Kind::HereString, _) => redirect(syntax, child, &mut extra),
            _ => body.push(statement(syntax, child)),
        }
    }
    if !extra.redirects.is_empty() {
        body = vec![attach(Statement::Group(body), extra)];
    }
    Statement::Function { name, body }
}
