//! Redirections, heredocs, and what may follow them on their line.

use super::parse::{statement, statements};
use super::plan::{Command, Connector, Redirect, RedirectKind, Statement};
use super::syntax::{At, Field, Kind, Syntax};
use super::words;

/// A statement with redirections.
pub(super) fn redirected(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut body = None;
    let mut extra = Command::default();
    let mut after = None;
    for child in syntax.children(at) {
        match syntax.kind(child) {
            Kind::FileRedirect | Kind::HereString => redirect(syntax, child, &mut extra),
            Kind::Heredoc => heredoc(syntax, child, &mut extra, &mut after),
            _ if body.is_none() => body = Some(statement(syntax, child)),
            _ => after = Some(After::Unread),
        }
    }
    let first = match body {
        None => Statement::Command(extra),
        Some(body) => attach(body, extra),
    };
    match after {
        None => first,
        Some(After::Pipe(next)) => join_pipeline(first, next),
        Some(After::Then(connector, next)) => {
            Statement::AndOr { first: Box::new(first), rest: vec![(connector, next)] }
        }
        Some(After::Unread) => {
            Statement::Group(vec![first, Statement::Unread("a redirection is not understood".to_owned())])
        }
    }
}

/// What follows a heredoc's opening on the same line.
enum After {
    Pipe(Statement),
    Then(Connector, Statement),
    Unread,
}

fn join_pipeline(first: Statement, next: Statement) -> Statement {
    let mut stages = vec![first];
    match next {
        Statement::Pipeline(more) => stages.extend(more),
        Statement::AndOr { first: head, rest } => {
            let piped = join_pipeline(Statement::Pipeline(stages), *head);
            return Statement::AndOr { first: Box::new(piped), rest };
        }
        other => stages.push(other),
    }
    Statement::Pipeline(stages)
}

/// Attaches redirections, and words that followed them, to the command they belong to: the last
/// one of a pipeline or list.
pub(super) fn attach(body: Statement, extra: Command) -> Statement {
    match body {
        Statement::Command(mut command) => {
            command.words.extend(extra.words);
            command.redirects.extend(extra.redirects);
            Statement::Command(command)
        }
        Statement::Pipeline(mut stages) => {
            if let Some(last) = stages.pop() {
                stages.push(attach(last, extra));
            }
            Statement::Pipeline(stages)
        }
        Statement::AndOr { first, mut rest } => {
            if let Some((connector, last)) = rest.pop() {
                rest.push((connector, attach(last, extra)));
            }
            Statement::AndOr { first, rest }
        }
        body if extra.words.is_empty() => {
            Statement::Redirected { body: Box::new(body), redirects: extra.redirects }
        }
        _ => Statement::Unread("words after a redirection are not understood".to_owned()),
    }
}

/// Whether a line ends, or a comment begins, between the sign of a redirection and its target.
fn is_broken(redirection: &str) -> bool {
    let redirection = redirection.replace("\\\n", "");
    let sign = redirection.trim_start_matches(|c: char| c.is_ascii_digit());
    sign.trim_start_matches(['<', '>', '&', '|']).trim_start_matches([' ', '\t']).starts_with(['\n', '#'])
}

/// Whether a sign touches the sign of a substitution: a shell reads `<<(a)` as the beginning of a heredoc.
fn runs_on(redirection: &str, sign: &str) -> bool {
    redirection.split_once(sign).is_some_and(|(_, rest)| rest.starts_with(['<', '>']))
}

/// Whether something touches the `-` that closes a descriptor: a shell ends the redirection with the dash.
fn goes_on_behind_dash(redirection: &str) -> bool {
    let target = redirection.split_once('&').map(|(_, target)| target.trim_start());
    target
        .and_then(|target| target.strip_prefix('-'))
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with([' ', '\t']))
}

/// Reads one redirection. Further words after its target belong to the command.
pub(super) fn redirect(syntax: &Syntax<'_>, at: At, command: &mut Command) {
    let mut kind = RedirectKind::Read;
    let mut descriptor = "";
    let mut closes = false;
    let mut words = words::Joiner::default();
    if is_broken(syntax.text(at)) {
        // The grammar looks for the target on the next line; a shell does not.
        words.spoil("a redirection has no target on its line");
    }
    for child in syntax.children(at) {
        match syntax.kind(child) {
            Kind::Descriptor => descriptor = syntax.text(child),
            Kind::Token if syntax.field(child) != Field::Destination => match syntax.text(child).trim() {
                "<&" | ">&" if goes_on_behind_dash(syntax.text(at)) => {
                    words.spoil("a redirection is not understood");
                }
                sign if runs_on(syntax.text(at), sign) => words.spoil("a redirection is not understood"),
                "<" => {}
                ">" | ">>" | ">|" | "&>" | "&>>" => kind = RedirectKind::Write,
                "<&" | ">&" => kind = RedirectKind::Duplicate,
                "<&-" | ">&-" => closes = true,
                "<<<" => kind = RedirectKind::Text,
                _ => words.spoil("a redirection is not understood"),
            },
            _ => {
                words.push(syntax, child);
                if is_descriptor_of_the_next(syntax, child) {
                    words.push_unread("a redirection is not understood");
                }
            }
        }
    }
    let mut found = Vec::new();
    words.absorb(&mut found);
    if closes {
        // It has no target: what the grammar takes for one is a word of the command.
        command.words.extend(found);
        return;
    }
    let mut found = found.into_iter();
    let target = found.next().unwrap_or_else(|| words::unread("a redirection has no target"));
    let standard = matches!(descriptor, "" | "0" | "1");
    command.redirects.push(Redirect { kind, target, standard });
    command.words.extend(found);
}

/// Whether a word of digits touches a redirection: then it says which descriptor is redirected.
fn is_descriptor_of_the_next(syntax: &Syntax<'_>, at: At) -> bool {
    let end = syntax.range(at).end;
    let next = syntax.slice(end..syntax.source_len()).as_bytes().first();
    matches!(next, Some(b'<' | b'>')) && syntax.text(at).bytes().all(|byte| byte.is_ascii_digit())
}

/// `$(< file)`
pub(super) fn redirection_alone(syntax: &Syntax<'_>, at: At) -> Statement {
    let mut command = Command::default();
    redirect(syntax, at, &mut command);
    Statement::Command(command)
}

fn heredoc(syntax: &Syntax<'_>, at: At, command: &mut Command, after: &mut Option<After>) {
    let mut literal = false;
    let mut standard = true;
    let mut connector = Connector::And;
    let mut words = words::Joiner::default();
    if !heredoc_ends_where_it_should(syntax, at) {
        words.push_unread("the end of a heredoc is not understood");
    }
    for child in syntax.children(at) {
        match syntax.kind(child) {
            Kind::Descriptor => standard = syntax.text(child) == "0",
            Kind::HeredocStart => literal = syntax.text(child).contains(['\'', '"', '\\']),
            Kind::HeredocBody => {
                let target = words::heredoc(syntax, child, literal);
                command.redirects.push(Redirect { kind: RedirectKind::Text, target, standard });
            }
            Kind::Token => match syntax.text(child).trim() {
                "||" => connector = Connector::Or,
                "&&" => connector = Connector::And,
                _ => {}
            },
            Kind::HeredocEnd => {}
            Kind::FileRedirect | Kind::HereString => redirect(syntax, child, command),
            Kind::Pipeline if syntax.field(child) != Field::Right => {
                let mut stages = statements(syntax, syntax.children(child));
                let next = if stages.len() == 1 { stages.pop() } else { None };
                *after = Some(next.map_or(After::Unread, After::Pipe));
            }
            _ if syntax.field(child) == Field::Right => {
                *after = Some(After::Then(connector, statement(syntax, child)));
            }
            _ => words.push(syntax, child),
        }
    }
    words.absorb(&mut command.words);
}

/// Whether the text of a heredoc ends at the first line that is its delimiter, as the shell has it.
fn heredoc_ends_where_it_should(syntax: &Syntax<'_>, at: At) -> bool {
    let find = |kind| syntax.children(at).find(|child| syntax.kind(*child) == kind);
    let (Some(start), Some(end)) = (find(Kind::HeredocStart), find(Kind::HeredocEnd)) else { return false };
    let Some(delimiter) = plain_delimiter(syntax.text(start)) else { return false };
    let after = syntax.range(start).end;
    if !matches!(syntax.slice(after..after + 1), " " | "\t" | "\n" | ";" | "|" | "&" | ")" | ">") {
        return false;
    }
    let dash = syntax.children(at).any(|child| syntax.text(child).trim() == "<<-");
    let is_end =
        |line: &str| if dash { line.trim_start_matches('\t') == delimiter } else { line == delimiter };
    let end = syntax.range(end);
    let body = find(Kind::HeredocBody);
    let head = syntax.slice(after..body.map_or(end.start, |body| syntax.range(body).start));
    let body = body.map(|body| syntax.text(body)).unwrap_or_default();
    // What follows on the opening line must end with it.
    let one_line = head.trim_end_matches('\t').ends_with('\n') && head.matches('\n').count() == 1;
    let rest_of_line = syntax.slice(end.end..syntax.source_len()).split('\n').next();
    let line_start = syntax.slice(0..end.end).rsplit('\n').next().unwrap_or_default();
    one_line
        && is_end(line_start)
        && matches!(rest_of_line, None | Some("" | ")" | "`"))
        && !body.lines().any(is_end)
}

/// The delimiter of a heredoc, if every shell agrees on what it is.
fn plain_delimiter(text: &str) -> Option<&str> {
    let text = text.trim();
    let inner = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    let inner = inner.unwrap_or_else(|| text.strip_prefix('\\').unwrap_or(text));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'!');
    (!inner.is_empty() && inner.bytes().all(plain)).then_some(inner)
}
