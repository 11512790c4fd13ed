//! What untrusted content has to do with an action, and what a session has been exposed to.
//!
//! The output of every tool is untrusted: whoever wrote what was read can write orders into it.
//! What is kept here is small and holds no secrets, so that it can be logged with the decision.

use crate::control::named::Named;
use crate::event::{Decided, Settled};
use crate::facts::{Access, AddressClass, Facts, FieldKind, HostUse, Operation, PathUse, Place, Trait};
use crate::state::State;
use crate::time::Timestamp;
use crate::tool;
use serde::{Deserialize, Serialize};

/// The longest evidence that is kept, in bytes.
pub const MAX_EVIDENCE: usize = 300;

/// The most passages that are kept for one output or session.
pub const MAX_PASSAGES: usize = 8;

/// A session that was exposed to nothing more for so long is forgotten: 31 days in microseconds.
const FORGOTTEN_US: u64 = 31 * 24 * 3600 * 1_000_000;

/// A passage of untrusted content that reads like an instruction to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// What speaks for it, in plain words.
    pub why: String,
    /// The passage, shortened, secrets replaced.
    pub text: String,
}

/// Where the value of an argument was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// JSON pointer of the argument.
    pub field: String,
    /// What the argument means.
    pub kind: FieldKind,
    /// The sentence it came from, shortened, secrets replaced.
    pub sentence: String,
}

/// What untrusted content has to do with one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untrusted {
    /// Passages of earlier outputs that read like instructions to the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passages: Vec<Passage>,
    /// Consequential arguments whose values come from earlier outputs and from nowhere else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Origin>,
    /// The sentence of an earlier output whose order this action would carry out, where nobody
    /// else asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

/// What a session has been exposed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Something private that was read: a path, or a tool.
    pub private: Option<String>,
    /// Where content from outside came from: a host, or a tool.
    pub outside: Option<String>,
    /// Passages that read like instructions to the agent.
    pub passages: Vec<Passage>,
    /// When there was something last.
    last: Timestamp,
}

impl Exposure {
    /// Whether untrusted content was seen.
    pub const fn saw_untrusted(&self) -> bool {
        self.outside.is_some() || !self.passages.is_empty()
    }
}

/// When something is decided: the time, and what has happened before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    /// `None` where nothing has happened yet.
    pub(crate) state: Option<&'a State>,
}

impl From<Timestamp> for Moment<'_> {
    fn from(now: Timestamp) -> Self {
        Self { now, state: None }
    }
}

/// The exposure of every session, by its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exposures {
    sessions: Named<Exposure>,
}

impl Exposures {
    /// What `session` has been exposed to, if to anything.
    pub(crate) fn of(&self, session: &str) -> Option<&Exposure> {
        self.sessions.find(session)
    }

    /// Takes in an action that was permitted.
    pub(crate) fn permitted(&mut self, at: Timestamp, decided: &Decided) {
        let tool = decided.request.action.0.as_str();
        let facts = &decided.facts;
        let private = reads_private(facts, tool);
        let outside = sees_outside(facts, tool);
        let passages = facts.untrusted.as_ref().map_or(&[][..], |untrusted| &untrusted.passages);
        if private.is_none() && outside.is_none() && passages.is_empty() {
            return;
        }
        let exposure = self.entry(&decided.request.principal.session, at);
        exposure.private = exposure.private.take().or(private);
        exposure.outside = exposure.outside.take().or(outside);
        keep(&mut exposure.passages, passages);
    }

    /// Takes in what an action gave.
    pub(crate) fn settled(&mut self, at: Timestamp, session: &str, settled: &Settled) {
        if !settled.tainted.is_empty() {
            keep(&mut self.entry(session, at).passages, &settled.tainted);
        }
    }

    fn entry(&mut self, session: &str, at: Timestamp) -> &mut Exposure {
        self.sessions.sweep(at, |exposure| at.since(exposure.last) < FORGOTTEN_US);
        let exposure = self.sessions.at(session);
        exposure.last = exposure.last.max(at);
        exposure
    }
}

fn keep(kept: &mut Vec<Passage>, new: &[Passage]) {
    for passage in new {
        if kept.len() < MAX_PASSAGES && !kept.contains(passage) {
            kept.push(passage.clone());
        }
    }
}

/// Something private that an action reads: keys, credentials, homes; what the policy declares.
pub(crate) fn reads_private(facts: &Facts, tool: &str) -> Option<String> {
    let private = |used: &&PathUse| {
        matches!(used.access, Access::Read | Access::Execute)
            && matches!(used.place, Some(Place::Key | Place::Credential | Place::OtherUser))
    };
    let path = facts.operations.iter().flat_map(|op| &op.paths).find(private);
    path.map(|used| used.lexical.clone()).or_else(|| facts.reads_private.then(|| tool.to_owned()))
}

/// Where an action takes content from outside: another machine, or a tool that is no part of this
/// one.
fn sees_outside(facts: &Facts, tool: &str) -> Option<String> {
    let host = facts.operations.iter().flat_map(|op| &op.hosts).find(|host| is_elsewhere(host));
    let unknown = tool::known(tool).is_none();
    host.map(|host| host.host.clone()).or_else(|| unknown.then(|| tool.to_owned()))
}

fn is_elsewhere(host: &HostUse) -> bool {
    host.class != AddressClass::Loopback
}

/// How an action could carry something out: a host, or a tool that hands over what it is given.
pub(crate) fn way_out<'a>(facts: &'a Facts, tool: &'a str) -> Option<&'a str> {
    let sends = |op: &Operation| {
        [Trait::Disclose, Trait::Publish, Trait::Network].into_iter().any(|item| op.does.contains(item))
    };
    let host = facts.operations.iter().flat_map(|op| &op.hosts).find(|host| is_elsewhere(host));
    if let Some(host) = host {
        return Some(&host.host);
    }
    let unknown = tool::known(tool).is_none();
    let hands_over =
        || facts.texts.iter().any(|text| matches!(text.kind, FieldKind::Outgoing | FieldKind::Recipient));
    (facts.operations.iter().any(sends) || (unknown && hands_over())).then_some(tool)
}

/// The words of a text that name somebody or somewhere: e-mail addresses, URLs, account numbers.
pub fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let edge = |c: char| !c.is_alphanumeric() && !matches!(c, '/' | '_' | '=');
    text.split(|c: char| {
        c.is_whitespace() || matches!(c, ',' | ';' | '|' | '"' | '\'' | '`' | '<' | '>' | '(' | ')')
    })
    .map(move |word| word.trim_matches(edge))
    .filter(|word| word.len() >= 6 && word.len() <= 200 && is_address(word))
}

fn is_address(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    word.contains("://")
        || word.starts_with("www.")
        || word.split_once('@').is_some_and(|(_, host)| host.contains('.'))
        || (digits >= 8 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether `value` stands in `text` as a whole, letter case and the width of blanks ignored. Too
/// short a value occurs everywhere and says nothing.
pub fn occurs(value: &str, text: &str) -> bool {
    find(value, text).is_some()
}

/// Where `value` stands in `text` as a whole: the byte where it begins.
pub fn find(value: &str, text: &str) -> Option<usize> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let first = words.first()?;
    if value.trim().chars().count() < 3 {
        return None;
    }
    let mut from = 0;
    while let Some(at) = find_ignoring_case(text, first, from) {
        if let Some(end) = matches_words(text, at, &words)
            && stands_alone(text, at, end)
        {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

fn find_ignoring_case(text: &str, word: &str, from: usize) -> Option<usize> {
    let lead = *word.as_bytes().first()?;
    let (lower, upper) = (lead.to_ascii_lowercase(), lead.to_ascii_uppercase());
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(step) = bytes.get(at..).and_then(|rest| memchr::memchr2(lower, upper, rest)) {
        at += step;
        let found = bytes.get(at..at + word.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Where the words end, if they stand at `at` with blanks between them.
fn matches_words(text: &str, at: usize, words: &[&str]) -> Option<usize> {
    let mut end = at;
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            let rest = text.get(end..)?;
            let blanks = rest.len() - rest.trim_start().len();
            if blanks == 0 {
                return None;
            }
            end += blanks;
        }
        let found = text.as_bytes().get(end..end + word.len())?;
        if !found.eq_ignore_ascii_case(word.as_bytes()) {
            return None;
        }
        end += word.len();
    }
    Some(end)
}

/// Whether no letter or digit touches the value: `ann@example.org` does not stand in
/// `joann@example.org`, nor in `ann@example.org.evil.test`.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let mut after = text.get(end..).unwrap_or_default().chars();
    let next = after.next();
    let beyond = after.next();
    let joins = |c: char| matches!(c, '.' | '-' | '@' | '_' | '+');
    let goes_on = next.is_some_and(char::is_alphanumeric)
        || (next.is_some_and(joins) && beyond.is_some_and(char::is_alphanumeric) && !is_end(text, end));
    !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '@' | '-' | '+')) && !goes_on
}

/// Whether the dot at `end` ends a sentence that the next one is glued to.
fn is_end(text: &str, end: usize) -> bool {
    let rest = text.as_bytes().get(end..).unwrap_or_default();
    matches!(rest, [b'.', second, third, ..] if second.is_ascii_uppercase() && third.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_alone_or_not_at_all() {
        for (value, text, expected) in [
            ("ann@example.org", "Write to Ann@Example.org.", true),
            ("ann@example.org", "Write to joann@example.org", false),
            ("ann@example.org", "ann@example.org.evil.test", false),
            ("ann@example.org", "to ann@example.org.Then go", true),
            ("US12 3456", "account US12\n3456, please", true),
            ("DE8937", "DE89370400", false),
            ("12", "12 of them", false),
            ("", "", false),
            ("größe", "die Größe", true),
            ("größe", "die Größenordnung", false),
            ("Größe 12", "die Größe  12", true),
        ] {
            assert_eq!(occurs(value, text), expected, "{value:?} in {text:?}");
        }
    }
}
