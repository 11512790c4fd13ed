//! The words without which no sentence is an instruction: one pass finds them, and only the
//! sentences around them are read.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

/// What to do where an anchor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// Read the sentence.
    Word,
    /// Read the sentence if it begins right here, glued to other text.
    Verb,
    /// A marker between turns of a conversation.
    Template,
    /// The beginning of a tag that claims authority.
    Tag,
    /// The name of a participant, which counts at the beginning of a line.
    Turn,
    /// A comment.
    Comment,
    /// A style that hides what it applies to.
    Style,
}

/// Beginnings of words and phrases, in lower case.
static ANCHORS: &[(Anchor, &[&str])] = &[
    (
        Anchor::Word,
        &[
            // Drops what was said.
            "ignore",
            "disregard",
            "forget ",
            "override",
            "overrule",
            "neglect ",
            "abandon ",
            "bypass",
            "do not follow",
            "don't follow",
            "not obey",
            "ignorier",
            "vergiss",
            "missachte",
            "oublie",
            "ignorez",
            "ignora ",
            "olvida ",
            "olvide ",
            "dimentica",
            "esque\u{e7}a",
            "desconsidere",
            "negeer",
            "vergeet",
            "\u{438}\u{433}\u{43d}\u{43e}\u{440}\u{438}\u{440}\u{443}\u{439}",
            "\u{437}\u{430}\u{431}\u{443}\u{434}\u{44c}",
            // Speaks to an assistant about its work.
            "assistant",
            "chatbot",
            "language model",
            "llm",
            "ai agent",
            "an ai",
            "ai model",
            "chatgpt",
            "copilot",
            "claude",
            "gemini",
            "gpt-",
            "gave you",
            "given you",
            "assigned you",
            "your task",
            "your original",
            "your previous",
            "your initial",
            "your current task",
            "your real",
            "user's request",
            "user's query",
            "user's task",
            "user's question",
            "user request",
            "you are now",
            "now on",
            "pretend",
            "roleplay",
            "role-play",
            "your new",
            "new instruction",
            "new task",
            "real task",
            // Shapes an answer.
            "your response",
            "your repl",
            "your answer",
            "your output",
            "your message",
            "your next",
            "your final",
            "your summary",
            "your explanation",
            "your elucidation",
            "your translation",
            "you reply",
            "you respond",
            "you answer",
            "your entire",
            // Plants code.
            "code snippet",
            "code excerpt",
            "code block",
            "code section",
            "code segment",
            "code fragment",
            "code piece",
            "following code",
            "below code",
            "subsequent code",
            // Wants silence.
            "without asking",
            "without telling",
            "without notif",
            "without inform",
            "without alert",
            "without mention",
            "without confirm",
            "without warn",
            "without any conf",
            "not tell",
            "not mention",
            "not inform",
            "not notify",
            "not ask",
            "not reveal",
            "not alert",
            "not warn",
            "n't tell",
            "n't mention",
            "n't inform",
            "n't notify",
            "n't ask",
            "n't reveal",
            "n't alert",
            "never tell",
            "never mention",
            "never reveal",
            "secretly",
            "covertly",
            "discreetly",
            "just sent",
            "sent email",
            "sent e-mail",
            "sent message",
            // Wants things of the user's.
            "the user",
            "all user",
            "password",
            "passcode",
            "passphrase",
            "credential",
            "passport",
            "security code",
            "verification code",
            "private key",
            "ssh key",
            "api key",
            "api_key",
            "apikey",
            "secret",
            "credit card",
            "card number",
            "id_rsa",
            ".ssh",
            "/etc/passwd",
            "/etc/shadow",
            "authorized_keys",
            "access token",
            "seed phrase",
            "contents of",
            "content of",
            "all the ",
            "all my ",
            "all unread",
            "all message",
            "all email",
            "all file",
            "all account",
            "all of the",
            "every file",
            "every email",
            "every message",
            "each file",
            "all private",
            "all information",
            "all data",
            "all contact",
            "entire ",
            "!!!",
            "immediately",
            "urgent",
        ],
    ),
    (
        Anchor::Verb,
        &[
            "send ",
            "email ",
            "e-mail ",
            "forward ",
            "transfer ",
            "wire ",
            "pay ",
            "post ",
            "upload ",
            "share ",
            "delete ",
            "remove ",
            "erase ",
            "cancel ",
            "revoke ",
            "change ",
            "modify ",
            "update ",
            "reset ",
            "set ",
            "create ",
            "add ",
            "schedule ",
            "book ",
            "reserve ",
            "invite ",
            "register ",
            "buy ",
            "purchase ",
            "order ",
            "visit ",
            "click ",
            "open ",
            "download ",
            "run ",
            "execute ",
            "install ",
            "please ",
            "make ",
            "write ",
            "grant ",
            "get ",
            "read ",
            "propose ",
            "subscribe ",
            "submit ",
            "approve ",
            "merge ",
            "push ",
            "give ",
            "star ",
            "you should ",
            "you must ",
            "you need ",
        ],
    ),
    (
        Anchor::Template,
        &[
            "<|im_start|>",
            "<|im_end|>",
            "<|system|>",
            "<|user|>",
            "<|assistant|>",
            "<|endoftext|>",
            "<|eot_id|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|begin_of_text|>",
            "<|end_of_turn|>",
            "<start_of_turn>",
            "<end_of_turn>",
            "[inst]",
            "[/inst]",
            "<<sys>>",
            "<</sys>>",
            "<|channel|>",
            "<|message|>",
            "</tool_result",
            "</function_result",
            "</tool_response",
            "</tool_output",
            "</untrusted",
            "</search_results",
            "### instruction:",
            "### system:",
            "### new instruction",
            "\n\nhuman:",
            "\n\nassistant:",
        ],
    ),
    (
        Anchor::Tag,
        &[
            "<system",
            "<information",
            "<important",
            "<instruction",
            "<admin",
            "<developer",
            "<assistant",
            "<prompt",
            "<override",
            "<human",
            "<user>",
            "<urgent",
            "<attention",
            "<directive",
            "<priority",
            "<command>",
            "[system]",
            "[admin]",
            "[instruction",
            "[important]",
            "<tool_call",
            "<function_call",
        ],
    ),
    (
        Anchor::Turn,
        &[
            "system:",
            "assistant:",
            "user:",
            "human:",
            "developer:",
            "system message:",
            "system prompt:",
            "admin:",
        ],
    ),
    (Anchor::Comment, &["<!--", "[//]: #", "[comment]: #"]),
    (
        Anchor::Style,
        &[
            "display:none",
            "display: none",
            "visibility:hidden",
            "visibility: hidden",
            "font-size:0",
            "font-size: 0",
            "opacity:0",
            "opacity: 0",
            "color:white",
            "color: white",
            "color:#fff",
            "color: #fff",
            "left:-999",
            "left: -999",
            "aria-hidden=\"true\"",
            "text-indent:-9",
        ],
    ),
];

/// Up to this many bytes a text is read without an automaton, where there is none yet: to build one takes longer.
const SMALL: usize = 8 * 1024;

/// After so many bytes of such texts the automaton is built all the same: whoever reads so many goes on.
const SMALL_IN_ALL: usize = 64 * 1024;

/// Finds anchors.
pub(super) struct Finder {
    anchors: Vec<(Anchor, &'static str)>,
    /// The anchors that begin with a byte, the longest first.
    beginning: Vec<Vec<usize>>,
    automaton: OnceLock<Option<AhoCorasick>>,
    /// The bytes that were read without it.
    without: AtomicUsize,
}

/// The one finder.
pub(super) static FINDER: LazyLock<Finder> = LazyLock::new(Finder::new);

impl Finder {
    fn new() -> Self {
        let anchors: Vec<(Anchor, &str)> =
            ANCHORS.iter().flat_map(|(kind, texts)| texts.iter().map(|text| (*kind, *text))).collect();
        let mut beginning = vec![Vec::new(); 256];
        for (number, (_, text)) in anchors.iter().enumerate() {
            if let Some(all) = text.bytes().next().and_then(|first| beginning.get_mut(usize::from(first))) {
                all.push(number);
            }
        }
        let length = |number: &usize| anchors.get(*number).map_or(0, |(_, text)| text.len());
        beginning.iter_mut().for_each(|all| all.sort_by_key(|number| std::cmp::Reverse(length(number))));
        Self { anchors, beginning, automaton: OnceLock::new(), without: AtomicUsize::new(0) }
    }

    fn automaton(&self) -> Option<&AhoCorasick> {
        let build = || {
            AhoCorasickBuilder::new()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::LeftmostLongest)
                .kind(Some(AhoCorasickKind::DFA))
                .build(self.anchors.iter().map(|(_, text)| text))
                .ok()
        };
        self.automaton.get_or_init(build).as_ref()
    }

    /// The anchors in `text`, in order: what, from where, to where. Of those that begin at one place the longest, and none
    /// within another.
    pub(super) fn find<'f>(&'f self, text: &'f str) -> Box<dyn Iterator<Item = (Anchor, usize, usize)> + 'f> {
        let is_early = || {
            self.automaton.get().is_none()
                && self.without.fetch_add(text.len(), Ordering::Relaxed) < SMALL_IN_ALL
        };
        if text.len() <= SMALL && (is_early() || self.automaton().is_none()) {
            return Box::new(self.find_in_small(text));
        }
        Box::new(self.automaton().into_iter().flat_map(move |automaton| {
            automaton.find_iter(text).filter_map(|hit| {
                let (kind, _) = self.anchors.get(hit.pattern().as_usize())?;
                Some((*kind, hit.start(), hit.end()))
            })
        }))
    }

    /// The same, place by place.
    fn find_in_small<'f>(&'f self, text: &'f str) -> impl Iterator<Item = (Anchor, usize, usize)> + 'f {
        let mut at = 0;
        std::iter::from_fn(move || {
            while let Some(rest) = text.as_bytes().get(at..)
                && let Some(first) = rest.first()
            {
                let begins = |anchor: &str| {
                    rest.get(..anchor.len()).is_some_and(|part| part.eq_ignore_ascii_case(anchor.as_bytes()))
                };
                let here = self.beginning.get(usize::from(first.to_ascii_lowercase()))?;
                let mut here = here.iter().filter_map(|number| self.anchors.get(*number));
                let Some((kind, anchor)) = here.find(|(_, anchor)| begins(anchor)) else {
                    at += 1;
                    continue;
                };
                let start = at;
                at += anchor.len();
                return Some((*kind, start, at));
            }
            None
        })
    }

    /// Whether anchors can be found at all.
    pub(super) fn works(&self, text: &str) -> bool {
        text.len() <= SMALL || self.automaton().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Both ways find the same, also where anchors overlap, follow each other or are cut off.
        #[test]
        fn both_ways_agree(
            parts in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(ANCHORS.iter().flat_map(|(_, texts)| texts.iter().copied()).collect::<Vec<_>>())
                        .prop_map(str::to_owned),
                    prop::sample::select(ANCHORS.iter().flat_map(|(_, texts)| texts.iter().copied()).collect::<Vec<_>>())
                        .prop_map(|text| text.to_uppercase()),
                    "[ -~]{0,6}",
                    "\\PC{0,3}",
                ],
                0..12,
            ),
            cut in 0_usize..200,
        ) {
            let whole = parts.concat();
            let text: String = whole.chars().take(whole.chars().count().saturating_sub(cut % 9)).collect();
            let large = Finder::new();
            large.automaton();
            let by_automaton: Vec<_> = large.find(&text).collect();
            let by_place: Vec<_> = Finder::new().find_in_small(&text).collect();
            prop_assert_eq!(by_automaton, by_place);
        }
    }

    #[test]
    fn the_automaton_builds_and_anchors_are_lower_case() {
        assert!(FINDER.automaton().is_some());
        for text in ANCHORS.iter().flat_map(|(_, texts)| texts.iter()) {
            assert_eq!(*text, text.to_lowercase(), "{text}");
        }
    }
}
