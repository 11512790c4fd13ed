//! What a user's request asks for: kinds of action, and where it says the details are.

/// A set of kinds of action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    const PAY: Self = Self(1);
    const SEND: Self = Self(2);
    const INVITE: Self = Self(4);
    const CREATE: Self = Self(8);
    const DELETE: Self = Self(16);
    const UPDATE: Self = Self(32);
    const SAVE: Self = Self(64);
    const RUN: Self = Self(128);
    const GO: Self = Self(256);
    /// Whatever it takes: "do what the letter says".
    const ANY: Self = Self(512);

    /// Whether it is left to what is found what is to be done.
    pub(super) const fn is_open(self) -> bool {
        self.0 & Self::ANY.0 != 0
    }

    /// Whether it changes anything: more than looking, entering and clicking.
    pub(super) const fn acts(self) -> bool {
        self.0 & !Self::GO.0 != 0
    }

    /// Whether the two share a kind, or one of them is any.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0 || (self.0 | other.0) & Self::ANY.0 != 0
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Beginnings of words that name kinds of action.
static KINDS: &[(Kinds, &str)] = &[
    (
        Kinds::PAY,
        "pay paid bill fee rent refund transfer transaction money buy purchas order checkout donat reimburs invoice \
         settle balance cart subscri cost spend",
    ),
    (
        Kinds::SEND,
        "send sent email e-mail mail messag reply replies respond answer forward share notif tell inform write post greet \
         welcome contact invit submit upload comment feedback announce text ask remind let publish",
    ),
    (Kinds::INVITE, "invit add collaborat particip member join accept onboard attend"),
    (
        Kinds::CREATE,
        "creat make schedul add book reserv plan event remind meeting appointment calendar generat new open regist sign \
         dinner set issue draft",
    ),
    (Kinds::DELETE, "delet remov clear clean cancel drop empty erase purge uninstall"),
    (
        Kinds::UPDATE,
        "updat chang modif adjust edit set reschedul move renam append add replac fix correct increas decreas star fork \
         merge configur apply",
    ),
    (Kinds::SAVE, "download save stor copy clone write export creat upload push move commit archiv"),
    (Kinds::RUN, "run execut install build test start deploy launch compil"),
    (Kinds::GO, "visit brows open log login go click accept verif input enter fill read"),
];

/// Words that leave it to what is found: "do what the letter says", "update it accordingly".
const OPEN: &str = "follow follows complete completes finish fulfill fulfil handle achieve according accordingly instruction \
    instructions instructed necessary todo todos to-do to-dos task tasks requested requests behalf whatever appropriate \
    homework details";

/// Words that say where the details are.
const SOURCES: &str = "email e-mail mail inbox messag letter invitation invit bill invoice receipt statement document doc \
    file attach note notice websit site page webpage link article post channel thread ticket issue calendar event \
    meeting minutes list history transaction order cart cv resume contact report spreadsheet table database review \
    readme instruction todo account repositor repo according accordingly below above find found";

/// Words that only look up.
const READING: &str = "get list read search find view show check lookup look query describe count calculate think browse \
    fetch summar download see current compare recommend ask tell";

/// The kinds of action that a text asks for.
pub(super) fn kinds_in(text: &str) -> Kinds {
    let kinds = words(text).map(|word| kinds_of(&word)).fold(Kinds::default(), Kinds::or);
    if leaves_it_open(text) { kinds.or(Kinds::ANY) } else { kinds }
}

/// Whether a request leaves it to what is found what is to be done.
fn leaves_it_open(text: &str) -> bool {
    let words: Vec<String> = words(text).collect();
    let does = words.windows(2).any(|pair| {
        pair.first().is_some_and(|word| word == "do")
            && pair.get(1).is_some_and(|next| next == "the" || next == "what")
    });
    does || words.iter().any(|word| OPEN.split_whitespace().any(|open| open == word))
}

/// The kinds of action that one word names.
fn kinds_of(word: &str) -> Kinds {
    let named = |(_, stems): &&(Kinds, &str)| stems.split_whitespace().any(|stem| begins(word, stem));
    KINDS.iter().filter(named).fold(Kinds::default(), |all, (kinds, _)| all.or(*kinds))
}

/// Whether a text says where the details are: a file, a page, a message.
pub(super) fn points_somewhere(text: &str) -> bool {
    let sources = || SOURCES.split_whitespace();
    let names = crate::injection::names_of(text);
    names.url
        || names.path
        || words(text).any(|word| sources().any(|stem| begins(&word, stem)) || is_file_name(&word))
}

fn is_file_name(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=5).contains(&ending.len())
            && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whether a tool of this name only looks something up.
pub(super) fn only_reads(tool: &str) -> bool {
    let first = words_of_name(tool).into_iter().next().unwrap_or_default();
    READING.split_whitespace().any(|word| word == first)
}

/// Whether a word begins with a stem; short stems have to be the word, or all but its ending.
fn begins(word: &str, stem: &str) -> bool {
    word.strip_prefix(stem).is_some_and(|ending| {
        if stem.len() >= 5 {
            ending.len() <= 6
        } else {
            matches!(ending, "" | "s" | "d" | "ed" | "ing" | "ment" | "ments" | "er" | "ers")
        }
    })
}

/// The words of a text, in lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.split(move |c: char| !inside(c))
        .map(|word| word.trim_matches(['-', '.', '_']))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// The words of a tool's name, in lower case: `mcp__mail__sendEmail` as `send`, `email`.
pub(super) fn words_of_name(tool: &str) -> Vec<String> {
    let own = tool.rsplit("__").next().unwrap_or(tool);
    let mut words: Vec<String> = Vec::new();
    let mut after_lower = false;
    let mut fresh = true;
    for c in own.chars().take(100) {
        if !c.is_alphanumeric() {
            fresh = true;
        } else {
            if fresh || (c.is_uppercase() && after_lower) {
                words.push(String::new());
            }
            fresh = false;
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    words
}

/// The kinds of action that a tool stands for, by its name.
pub(super) fn kinds_of_tool(tool: &str) -> Kinds {
    let words = words_of_name(tool);
    let mut kinds = words.iter().map(|word| kinds_of(word)).filter(|kinds| *kinds != Kinds::default());
    // The first one is the verb. What it is done to matters where it is money: `schedule_transfer`.
    let verb = kinds.next().unwrap_or_default();
    kinds.fold(verb, |all, object| all.or(Kinds(object.0 & Kinds::PAY.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_ask_for_kinds_of_action() {
        for (tool, request, expected) in [
            ("send_money", "Can you please pay the bill?", true),
            ("send_money", "What is the weather like?", false),
            ("create_calendar_event", "Schedule a dinner with Ann", true),
            ("delete_email", "Summarize my unread mail", false),
            ("transferFunds", "Do what the letter says", true),
        ] {
            assert_eq!(kinds_of_tool(tool).meets(kinds_in(request)), expected, "{tool}: {request}");
        }
    }

    #[test]
    fn names_of_tools_are_read_in_every_style() {
        assert_eq!(words_of_name("mcp__mail__sendEmail"), ["send", "email"]);
        assert_eq!(words_of_name("get-user.info2"), ["get", "user", "info2"]);
        assert!(only_reads("get_balance") && !only_reads("send_money"));
    }

    #[test]
    fn a_request_may_point_to_its_details() {
        assert!(
            points_somewhere("Pay the bill")
                && points_somewhere("Read notes.txt")
                && points_somewhere("see www.x.test")
        );
        assert!(!points_somewhere("What time is it in Oslo?"));
    }
}
