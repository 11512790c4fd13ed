//! Where does this argument come from, and who asked for this action?
//!
//! What the user asked for may name a value, or say where it is to be found. A value that stands
//! in the output of a tool and in nothing that the user said was chosen by whoever wrote that
//! output. Whether that matters depends on three things: what the argument does (an account to
//! pay, an address to write to), whether the output gives orders (see [`crate::injection`]), and
//! whether the user's request points there ("pay the bill in bill.txt").

mod evidence;
mod wants;

use crate::injection;
use serde_json::{Map, Value};
use stayhand_core::facts::{Facts, FieldKind, Text};
use stayhand_core::request::Request;
use stayhand_core::tool;
use stayhand_core::untrusted::{MAX_PASSAGES, Origin, Passage, Untrusted, addresses, find, occurs};
use wants::Kinds;

/// What was said and read before an action.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conversation<'a> {
    /// The user's request, in the user's own words; `None` where it is not known.
    pub request: Option<&'a str>,
    /// The outputs of tools so far. All of them are untrusted.
    pub outputs: &'a [String],
}

/// The most bytes of outputs in which sentences are looked at one by one.
const MAX_READ: usize = 256 << 10;

/// The longest argument that is searched for as a whole, in bytes.
const MAX_VALUE: usize = 200;

/// The most arguments that are looked at.
const MAX_ARGUMENTS: usize = 256;

/// The passages of an output that read like instructions to the agent, as they may be kept.
pub fn tainted(output: &str) -> Vec<Passage> {
    evidence::of_output(output, &[])
}

/// What the outputs so far have to do with a request whose `facts` are known. `None` where there
/// are no outputs.
pub fn trace(request: &Request, facts: &Facts, conversation: &Conversation<'_>) -> Option<Untrusted> {
    if conversation.outputs.is_empty() {
        return None;
    }
    let tracer = Tracer::new(request, facts, conversation);
    let passages = tracer.passages.iter().map(|(passage, _)| passage.clone()).take(MAX_PASSAGES).collect();
    Some(Untrusted { passages, arguments: tracer.arguments(), follows: tracer.follows() })
}

struct Tracer<'a> {
    facts: &'a Facts,
    arguments: &'a Map<String, Value>,
    tool: &'a str,
    known: bool,
    conversation: &'a Conversation<'a>,
    /// Passages that give orders, as evidence and as they stand.
    passages: Vec<(Passage, &'a str)>,
    /// The kinds of action of the tool, and those that the user asked for.
    does: Kinds,
    asked: Kinds,
    /// The user says where the details are.
    points: bool,
}

impl<'a> Tracer<'a> {
    fn new(request: &'a Request, facts: &'a Facts, conversation: &'a Conversation<'a>) -> Self {
        let tool = request.action.0.as_str();
        let mut passages = Vec::new();
        for output in conversation.outputs {
            for passage in injection::scan(output, &[tool]).passages {
                let text = output.get(passage.start..passage.end).unwrap_or_default();
                passages.push((evidence::kept(output, &passage), text));
            }
        }
        Self {
            facts,
            arguments: &request.resource.0,
            tool,
            known: tool::known(tool).is_some(),
            conversation,
            passages,
            does: wants::kinds_of_tool(tool),
            asked: conversation.request.map(wants::kinds_in).unwrap_or_default(),
            points: conversation.request.is_some_and(wants::points_somewhere),
        }
    }

    /// The arguments whose values come from outputs and from nowhere else.
    fn arguments(&self) -> Vec<Origin> {
        let mut found: Vec<Origin> = Vec::new();
        for text in self.facts.texts.iter().take(MAX_ARGUMENTS) {
            let sentence = self.in_passage(text).or_else(|| self.in_data(text));
            if let Some(sentence) = sentence
                && !found.iter().any(|origin| origin.field == text.field)
            {
                found.push(Origin { field: text.field.clone(), kind: text.kind, sentence });
            }
        }
        found.extend(self.amounts());
        found
    }

    /// The sentence of a passage that gives orders, where the argument stands in it.
    fn in_passage(&self, text: &Text) -> Option<String> {
        let values: Vec<&str> = match text.kind {
            FieldKind::Text | FieldKind::Outgoing | FieldKind::Secret => addresses(&text.text).collect(),
            _ if text.text.len() <= MAX_VALUE => {
                std::iter::once(text.text.as_str()).chain(addresses(&text.text)).collect()
            }
            _ => addresses(&text.text).collect(),
        };
        let foreign = values.into_iter().filter(|value| !self.is_users_own(value));
        foreign.into_iter().find_map(|value| {
            let (_, passage) = self.passages.iter().find(|(_, passage)| find(value, passage).is_some())?;
            Some(sentence_with(passage, value))
        })
    }

    /// The sentence of an output that gives no orders, where the argument names somebody and the
    /// user did not point there.
    fn in_data(&self, text: &Text) -> Option<String> {
        self.conversation.request?;
        let delegated = self.points && self.asked.meets(self.does);
        let value = text.text.trim();
        let idle = self.known || !self.does.acts() || wants::only_reads(self.tool);
        if idle || delegated || !names_somebody(text) || value.len() > MAX_VALUE {
            return None;
        }
        if self.is_users_own(value) || self.is_named_by_user(value) {
            return None;
        }
        let output = self.conversation.outputs.iter().find(|output| occurs(value, output))?;
        Some(sentence_with(output, value))
    }

    /// Numbers that a passage names and the user does not.
    fn amounts(&self) -> Vec<Origin> {
        let numbers = self.arguments.iter().filter_map(|(name, value)| Some((name, value.as_f64()?)));
        let foreign = numbers.filter(|(name, _)| is_amount_name(name)).filter(|(_, number)| {
            !self.conversation.request.is_some_and(|request| holds_number(request, *number))
        });
        let found = foreign.filter_map(|(name, number)| {
            let (_, passage) = self.passages.iter().find(|(_, passage)| holds_number(passage, number))?;
            let sentence = evidence::shortened(passage);
            Some(Origin { field: format!("/{name}"), kind: FieldKind::Amount, sentence })
        });
        found.collect()
    }

    /// The sentence whose order this action carries out, where the user did not ask for it.
    fn follows(&self) -> Option<String> {
        let request = self.conversation.request.unwrap_or_default();
        // The user asked for this kind of action, and for this one of it.
        let named = self.facts.texts.iter().take(MAX_ARGUMENTS).any(|text| self.is_users_own(&text.text));
        let wanted = self.does.acts() && self.asked.meets(self.does) && !self.asked.is_open() && named;
        let ordered = |passage: &&(Passage, &str)| {
            if wanted && !self.names_another(passage.1) {
                return false;
            }
            let share = self.share_in(passage.1, request);
            share >= HALF && share > self.share_in(request, "")
        };
        let passage = self.passages.iter().find(ordered).map(|(passage, _)| passage.text.clone());
        passage.or_else(|| self.follows_data(request))
    }

    /// An output that gives no suspicious orders may still ask for something that the user did not.
    fn follows_data(&self, request: &str) -> Option<String> {
        let idle = self.known || !self.does.acts() || wants::only_reads(self.tool);
        if self.conversation.request.is_none() || idle || self.asked.is_open() {
            return None;
        }
        let mut left = MAX_READ;
        for output in self.conversation.outputs.iter().rev() {
            let newest = evidence::cut(output, left);
            left -= newest.len();
            let ordered = injection::orders(newest).into_iter().find(|sentence| {
                let unasked = !self.asked.meets(self.does) || self.names_another(sentence);
                unasked
                    && wants::kinds_in(sentence).meets(self.does)
                    && self.share_in(sentence, request) >= HALF
            });
            if let Some(sentence) = ordered {
                return Some(evidence::shortened(sentence));
            }
        }
        None
    }

    /// Whether an argument stands in an order and in nothing that the user said.
    fn names_another(&self, sentence: &str) -> bool {
        let values = self.facts.texts.iter().take(MAX_ARGUMENTS).map(|text| text.text.trim());
        values.filter(|value| (3..=MAX_VALUE).contains(&value.len())).any(|value| {
            occurs(value, sentence) && !self.is_users_own(value) && !self.is_named_by_user(value)
        })
    }

    /// Which share of what the call says stands in `text`, in percent: the words of the tool's
    /// name, and the arguments that do not stand in `except`.
    fn share_in(&self, text: &str, except: &str) -> u32 {
        let said: Vec<String> = wants::words(text).collect();
        let name: Vec<String> =
            wants::words_of_name(self.tool).into_iter().filter(|word| !is_filler(word)).collect();
        let named = name.iter().filter(|word| said.iter().any(|other| are_alike(word, other))).count();
        let values = self.facts.texts.iter().take(MAX_ARGUMENTS).map(|text| text.text.trim());
        let values: Vec<&str> =
            values.filter(|value| (3..=MAX_VALUE).contains(&value.len()) && !occurs(value, except)).collect();
        let found = values.iter().filter(|value| occurs(value, text)).count();
        // Stayhand's own tools are named after what everything is: only their arguments count.
        let (named, names) = if self.known { (0, 0) } else { (named, name.len()) };
        if found == 0 && named == 0 {
            return 0;
        }
        let all = names + found;
        u32::try_from((named + found) * 100 / all.max(1)).unwrap_or(100)
    }

    /// Whether the user named the value: itself, the host of a URL, the folder of a path.
    fn is_users_own(&self, value: &str) -> bool {
        let Some(request) = self.conversation.request else { return false };
        if occurs(value, request) {
            return true;
        }
        let bare = value.split_once("://").map_or(value, |(_, rest)| rest);
        let host = bare.split(['/', '?', '#']).next().unwrap_or_default();
        let is_url = host.contains('.')
            && !host.contains('@')
            && (bare.len() < value.len() || bare.len() > host.len());
        is_url && occurs(host, request)
    }

    /// Whether the user speaks of somebody whom an e-mail address is named after.
    fn is_named_by_user(&self, value: &str) -> bool {
        let Some(request) = self.conversation.request else { return false };
        let name = value.split('@').next().unwrap_or_default();
        name.split(|c: char| !c.is_alphabetic()).any(|part| part.len() >= 3 && occurs(part, request))
    }
}

/// From this share on, in percent, a call is what a text asks for.
const HALF: u32 = 50;

/// Words of tools' names that say nothing about what is done.
fn is_filler(word: &str) -> bool {
    ["get", "list", "all", "in", "for", "by", "to", "the", "of", "and", "from", "on", "tool", "my", "a"]
        .contains(&word)
}

/// Whether two words are the same apart from their endings.
fn are_alike(a: &str, b: &str) -> bool {
    let shared = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let (shorter, longer) = (a.len().min(b.len()), a.len().max(b.len()));
    shared == shorter && shorter >= 3 && longer - shorter <= 3 || shared >= 5
}

/// Whether an argument names who receives something.
fn names_somebody(text: &Text) -> bool {
    let names = injection::names_of(text.text.trim());
    let one_word = !text.text.trim().contains(char::is_whitespace);
    text.kind == FieldKind::Recipient || (one_word && (names.email || names.account))
}

fn is_amount_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["amount", "price", "quantity", "total", "sum", "value", "limit"]
        .iter()
        .any(|known| lower.contains(known))
}

/// Whether a text holds this number, however it is written: `$1,000.00` for 1000.
fn holds_number(text: &str, number: f64) -> bool {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    text.split(|c: char| !digits(c)).any(|word| {
        let plain: String = word.trim_matches(['.', ',']).chars().filter(|c| *c != ',').collect();
        plain.parse::<f64>().is_ok_and(|found| found.total_cmp(&number).is_eq())
    })
}

/// The sentence that `value` stands in, as evidence.
fn sentence_with(text: &str, value: &str) -> String {
    let Some(at) = find(value, text) else { return evidence::shortened(text) };
    let (start, end) = injection::sentence_around(text, at);
    evidence::shortened(text.get(start..end).unwrap_or_default())
}
