//! The page: the tree with its sentences, then the decision.

use super::sentences::{Around, Sentence, Weight, effects, headline, kind_name};
use crate::show::{self, DIM, GREEN, RED, YELLOW, styled};
use anstream::println;
use anstyle::Style;
use stayhand_analysis::shell::outline::{Kind, Node};
use stayhand_core::decision::{Decision, Effect, Finding, Level, Obligation};
use stayhand_core::facts::Facts;

const BOLD: Style = Style::new().bold();
/// The width where there is no terminal.
const USUAL_WIDTH: usize = 100;
/// The narrowest that is drawn for.
const NARROWEST: usize = 40;

/// Prints everything.
pub(super) fn page(title: &str, nodes: &[Node], facts: &Facts, decision: &Decision, home: &str) {
    let mut page = Page { width: width(), lines: Vec::new() };
    page.title(title);
    let parts = nodes.iter().map(|node| (node, Around::new(home))).collect();
    page.nodes(parts, "");
    for invalid in &facts.invalid {
        page.wrapped("", "", &format!("invalid {}: {}", invalid.field, invalid.why), RED);
    }
    page.lines.push(String::new());
    page.decision(decision);
    page.lines.iter().for_each(|line| println!("{line}"));
}

/// The width of the terminal.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let columns = size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    columns.unwrap_or(USUAL_WIDTH).clamp(NARROWEST, 160)
}

struct Page {
    width: usize,
    lines: Vec<String>,
}

impl Page {
    fn title(&mut self, title: &str) {
        self.lines.push(styled(BOLD, show::line(title.trim(), self.width)));
    }

    fn nodes(&mut self, nodes: Vec<(&Node, Around<'_>)>, prefix: &str) {
        let count = nodes.len();
        for (index, (node, around)) in nodes.into_iter().enumerate() {
            self.node(node, &around, prefix, index + 1 == count);
        }
    }

    fn node(&mut self, node: &Node, around: &Around<'_>, prefix: &str, last: bool) {
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let joined = node.joined.map(|word| format!("{word} ")).unwrap_or_default();
        let room = self.width.saturating_sub(prefix.chars().count() + 3 + joined.len());
        let name = match &node.operation {
            Some(operation) => styled(BOLD, show::line(&headline(operation), room)),
            None if node.kind == Kind::Command => styled(DIM, "command"),
            None => styled(DIM, kind_name(node.kind)),
        };
        self.lines.push(format!("{}{}{name}", styled(DIM, format!("{prefix}{branch}")), styled(DIM, joined)));
        let inner = format!("{prefix}{below}");
        let stem = if node.children.is_empty() { "   " } else { "│  " };
        let told: Vec<Sentence> =
            node.operation.iter().flat_map(|operation| effects(operation, around)).collect();
        let nothing = told.is_empty() && node.children.is_empty() && node.operation.is_some();
        let nothing = nothing
            .then(|| Sentence { text: "no effect beyond its output".to_owned(), weight: Weight::Plain });
        for sentence in told.iter().chain(&nothing) {
            self.sentence(&format!("{inner}{stem}"), sentence);
        }
        self.nodes(around.parts(node).collect(), &inner);
    }

    fn sentence(&mut self, prefix: &str, sentence: &Sentence) {
        let (mark, style) = match sentence.weight {
            Weight::Plain => ("·", Style::new()),
            Weight::Change => ("•", YELLOW),
            Weight::Grave => ("!", RED),
            Weight::Unknown => ("?", YELLOW),
        };
        self.wrapped(prefix, mark, &sentence.text, style);
    }

    /// A mark and a text, which goes on below itself where it is too long for a line.
    fn wrapped(&mut self, prefix: &str, mark: &str, text: &str, style: Style) {
        let text = show::line(text, 1_000);
        let room = self.width.saturating_sub(prefix.chars().count() + 2).max(20);
        for (index, piece) in pieces(&text, room).into_iter().enumerate() {
            let mark = if index == 0 { mark } else { " " };
            self.lines.push(format!(
                "{}{} {}",
                styled(DIM, prefix),
                styled(style, mark),
                styled(style, piece)
            ));
        }
    }

    fn decision(&mut self, decision: &Decision) {
        let (word, style) = match decision.effect {
            Effect::Allow => ("✓ allowed", GREEN),
            Effect::Approve => ("? held until a person approves it", YELLOW),
            Effect::Deny => ("✗ denied", RED),
            Effect::Lock => ("✗ denied, and the agent is locked", RED),
        };
        let risk = styled(DIM, format!("risk: {}", decision.risk));
        self.lines.push(format!("{}  {risk}", styled(style.bold(), word)));
        let (decisive, others): (Vec<&Finding>, Vec<&Finding>) =
            decision.findings.iter().partition(|finding| finding.effect == decision.effect);
        for text in grouped(&decisive) {
            self.wrapped("  ", "·", &text, Style::new());
        }
        for duty in decision.obligations.iter().filter_map(duty) {
            self.wrapped("  ", "·", &duty, Style::new());
        }
        for effect in [Effect::Approve, Effect::Allow] {
            let rules: Vec<&str> = others
                .iter()
                .filter(|finding| finding.effect == effect)
                .filter_map(|finding| finding.rule.as_deref())
                .collect();
            if !rules.is_empty() {
                let what = if effect == Effect::Allow { "allowed" } else { "held" };
                self.wrapped("  ", "·", &format!("also: parts are {what} by {}", rules.join(", ")), DIM);
            }
        }
    }
}

/// The reasons, each once, with the rules that give them.
fn grouped(findings: &[&Finding]) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for finding in findings {
        let why = match finding.effect {
            Effect::Allow => "by a rule that covers it".to_owned(),
            _ => finding.message().trim_end_matches('.').to_owned(),
        };
        let by = finding.rule.as_deref().unwrap_or(finding.guard.name());
        match groups.iter_mut().find(|(known, _)| *known == why) {
            Some((_, rules)) => rules.push(by),
            None => groups.push((why, vec![by])),
        }
    }
    groups.into_iter().map(|(why, by)| format!("{why} [{}]", by.join(", "))).collect()
}

/// What has to be done besides.
fn duty(duty: &Obligation) -> Option<String> {
    Some(match duty {
        Obligation::Confine { least: Level::None } => return None,
        Obligation::Confine { least } => {
            format!("only if it is confined, at least at level {least}")
        }
        Obligation::TimeLimit { limit_ms } => format!("for {} seconds at the most", limit_ms / 1000),
        Obligation::Redact => "with secrets replaced in its output".to_owned(),
        Obligation::RestorePoint => "after a restore point is made".to_owned(),
        Obligation::Warn { rule } => format!("with a warning [{rule}]"),
        Obligation::Audit { rule } => format!("with an entry of its own in the audit [{rule}]"),
        other => serde_json::to_string(other).unwrap_or_default(),
    })
}

/// `text` in pieces of at most `room` characters, cut at blanks where there are any.
fn pieces(text: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word.to_owned();
        loop {
            let Some(last) = pieces.last_mut() else { return pieces };
            let used = last.chars().count();
            let space = usize::from(used > 0);
            if used + space + word.chars().count() <= room {
                last.push_str(if used > 0 { " " } else { "" });
                last.push_str(&word);
                break;
            }
            if used > 0 {
                pieces.push(String::new());
                continue;
            }
            let head: String = word.chars().take(room).collect();
            word = word.chars().skip(room).collect();
            last.push_str(&head);
            pieces.push(String::new());
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn long_texts_are_cut_at_blanks_and_long_words_anywhere() {
        assert_eq!(pieces("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(pieces("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(pieces("", 3), [""]);
    }
}
