//! How things look on a terminal. Colour only where there is one (`anstream` sees to it).

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use stayhand_core::decision::{Decision, Effect, Finding};
use stayhand_core::facts::{Facts, Operation};
use std::fmt::Write as _;
use std::io::Write as _;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();

/// The style of an effect.
pub(crate) const fn style(effect: Effect) -> Style {
    match effect {
        Effect::Allow => GREEN,
        Effect::Approve => YELLOW,
        Effect::Deny | Effect::Lock => RED,
    }
}

/// `text` in a style.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// An error, with its causes. Policy errors have been drawn by then.
pub(crate) fn error(error: &anyhow::Error) {
    // Where standard error is full there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{} {error:#}", styled(RED, "error:"));
}

/// The text on one line, control characters escaped, at most `width` characters.
pub(crate) fn line(text: &str, width: usize) -> String {
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count + 1 == width && text.chars().nth(width).is_some() {
            shown.push('…');
            break;
        }
        match c {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => {
                let _ = write!(shown, "{}", c.escape_unicode());
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Characters that turn or hide what people see.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A decision for people, on standard output.
pub(crate) fn decision(what: &str, decision: &Decision) {
    decision_lines(what, decision).iter().for_each(|line| println!("{line}"));
}

/// A decision for people, where standard output belongs to a program.
pub(crate) fn decision_to_stderr(what: &str, decision: &Decision) {
    decision_lines(what, decision).iter().for_each(|line| eprintln!("{line}"));
}

fn decision_lines(what: &str, decision: &Decision) -> Vec<String> {
    let effect = styled(style(decision.effect), format!("{:<8}", decision.effect.name()));
    let risk = styled(DIM, format!("risk: {}", decision.risk));
    let duty =
        |duty| format!("  {} {}", styled(DIM, "duty"), serde_json::to_string(duty).unwrap_or_default());
    std::iter::once(format!("{effect}{}  {risk}", line(what, 100)))
        .chain(decision.findings.iter().map(finding))
        .chain(decision.obligations.iter().map(duty))
        .collect()
}

fn finding(found: &Finding) -> String {
    let mark = match found.effect {
        Effect::Allow => '✓',
        Effect::Approve => '?',
        Effect::Deny | Effect::Lock => '✗',
    };
    let mark = styled(style(found.effect), mark);
    let rule = found.rule.as_deref().map(|rule| format!(" by {rule}")).unwrap_or_default();
    let from = styled(DIM, format!("[{}/{}{rule}]", found.guard.name(), found.reason));
    format!("  {mark} {} {from}", line(&found.message(), 200))
}

/// The facts for people: a line for each thing an operation would do.
pub(crate) fn facts(facts: &Facts) {
    for op in &facts.operations {
        println!("  {} {}", styled(BOLD, "•"), line(&headline(op), 100));
        for effect in effects(op) {
            println!("      {}", line(&effect, 160));
        }
    }
    for invalid in &facts.invalid {
        println!("  {} {}: {}", styled(RED, "invalid"), invalid.field, line(&invalid.why, 160));
    }
}

fn headline(op: &Operation) -> String {
    match &op.program {
        Some(program) => std::iter::once(program.name.as_str())
            .chain(op.args.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
        None => "operation".to_owned(),
    }
}

fn effects(op: &Operation) -> Vec<String> {
    let mut lines = Vec::new();
    for path in &op.paths {
        let place = path.place.map(|place| format!(" ({})", json_name(&place))).unwrap_or_default();
        let to = path.resolved.as_deref().map(|to| format!(" → {to}")).unwrap_or_default();
        let all = if path.recursive { " and all below" } else { "" };
        lines.push(format!("{} {}{to}{all}{place}", json_name(&path.access), path.lexical));
    }
    for host in &op.hosts {
        let port = host.port.map(|port| format!(":{port}")).unwrap_or_default();
        let method = host.method.as_deref().unwrap_or("connect");
        lines.push(format!("{method} {}{port} ({})", host.host, json_name(&host.class)));
    }
    lines.extend(
        op.statements
            .iter()
            .map(|sql| format!("sql {}: {} {}", json_name(&sql.class), sql.verb, sql.tables.join(", "))),
    );
    lines.extend(op.secrets.iter().map(|secret| format!("secret {} in {}", secret.kind, secret.field)));
    lines.extend(op.does.iter().map(|effect| json_name(&effect)));
    lines.extend(
        op.opaque.iter().map(|opaque| format!("unknown {}: {}", json_name(&opaque.aspect), opaque.why)),
    );
    lines
}

/// The name of a value as the log writes it.
pub(crate) fn json_name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// Prints a value as JSON. Characters that turn or hide what people see are written as escapes,
/// which stand for the same text.
pub(crate) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", escaped(&serde_json::to_string_pretty(value)?));
    Ok(())
}

/// JSON with its odd characters escaped. They can only stand inside texts.
fn escaped(json: &str) -> std::borrow::Cow<'_, str> {
    let odd = |c: char| is_invisible(c) || (c.is_control() && c != '\n');
    if !json.contains(odd) {
        return json.into();
    }
    let mut plain = String::with_capacity(json.len());
    for c in json.chars() {
        if odd(c) {
            let _ = write!(plain, "\\u{:04x}", u32::from(c));
        } else {
            plain.push(c);
        }
    }
    plain.into()
}
