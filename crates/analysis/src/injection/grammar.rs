//! What a sentence asks of its reader, told by the order of its words.

use super::lexicon::{ACTION, ORDER, Roles};
use super::sentence::{Sentence, Word};
use super::sign::{Sign, Signs};

/// The signs of one sentence.
pub(super) fn signs_of(sentence: &Sentence<'_>) -> Signs {
    let reader = Reader { sentence, orders: orders_in(sentence) };
    let mut signs = Signs::default();
    let found = [
        (Sign::TaskTalk, reader.talks_of_the_task()),
        (Sign::Reroles, reader.assigns_a_role()),
        (Sign::Addressed, reader.speaks_to_an_assistant()),
        (Sign::Covert, reader.wants_silence()),
        (Sign::ShapesReply, reader.shapes_the_reply()),
        (Sign::PlantsCode, reader.plants_code()),
        (Sign::NewTask, reader.sets_a_task()),
        (Sign::Pressing, reader.presses()),
    ];
    for (sign, _) in found.into_iter().filter(|(_, found)| *found) {
        signs.insert(sign);
    }
    if let Some(sign) = reader.drops_instructions() {
        signs.insert(sign);
    }
    reader.actions(&mut signs);
    signs
}

/// Whether the sentence gives an order at all.
pub(super) fn gives_order(sentence: &Sentence<'_>) -> bool {
    !orders_in(sentence).is_empty()
}

/// Whether the sentence orders an action: more than to look at something.
pub(super) fn orders_action(sentence: &Sentence<'_>) -> bool {
    let mut orders = orders_in(sentence).into_iter().filter_map(|index| sentence.words.get(index));
    orders.any(|word| word.roles.any(ACTION))
}

struct Reader<'s, 't> {
    sentence: &'s Sentence<'t>,
    /// The words that are orders, by their numbers.
    orders: Vec<usize>,
}

/// The words that stand where an order stands: first, after a pause, or after "please", "and",
/// "you must".
fn orders_in(sentence: &Sentence<'_>) -> Vec<usize> {
    let words = &sentence.words;
    let is_order = |(index, word): &(usize, &Word)| {
        word.roles.any(ORDER) && !word.labels && stands_as_order(words, *index) && !is_name(words, *index)
    };
    words.iter().enumerate().filter(is_order).map(|(index, _)| index).collect()
}

fn stands_as_order(words: &[Word], index: usize) -> bool {
    let role_at = |back: usize| index.checked_sub(back).and_then(|at| words.get(at)).map(|word| word.roles);
    let Some(before) = role_at(1) else { return true };
    if words.get(index).is_some_and(|word| word.apart) || before.any(Roles::LEAD) {
        return true;
    }
    // "I want you to send", "you need to send".
    let to_you = [2, 3].into_iter().filter_map(role_at).any(|roles| roles.any(Roles::YOU));
    (is_to(words, index) && to_you) || begins_anew(words, index)
}

/// `… the end Send the rest`: a capital where none belongs, and an object.
fn begins_anew(words: &[Word], index: usize) -> bool {
    let capital = words.get(index).is_some_and(|word| word.capital);
    capital
        && words
            .get(index + 1)
            .is_some_and(|next| !next.capital && !next.apart && next.roles.any(Roles::ARTICLE))
}

/// Whether "to" stands before the word.
fn is_to(words: &[Word], index: usize) -> bool {
    index
        .checked_sub(1)
        .and_then(|at| words.get(at))
        .is_some_and(|word| word.end - word.start == 2 && word.roles.is_none())
}

/// Whether a word that may be a name is one here: nothing that could be its object follows.
fn is_name(words: &[Word], index: usize) -> bool {
    if !words.get(index).is_some_and(|word| word.roles.any(Roles::NAMED)) {
        return false;
    }
    let object = Roles::ARTICLE
        .or(Roles::MASS)
        .or(Roles::YOU)
        .or(Roles::WATCHER)
        .or(Roles::PRIVATE)
        .or(Roles::FOLLOWING);
    let Some(next) = words.get(index + 1) else { return index > 0 };
    let takes_object = next.roles.any(object) || next.identifier;
    // The first word of a sentence is an order, unless it stands there like a title.
    !takes_object && (index > 0 || next.apart)
}

impl Reader<'_, '_> {
    fn words(&self) -> &[Word] {
        &self.sentence.words
    }

    fn has(&self, roles: Roles) -> bool {
        self.words().iter().any(|word| word.roles.any(roles))
    }

    /// Whether a word with `roles` stands among the `count` words from number `from` on.
    fn near(&self, from: usize, count: usize, roles: Roles) -> bool {
        self.words().iter().skip(from).take(count).any(|word| word.roles.any(roles))
    }

    fn orders(&self, roles: Roles) -> bool {
        self.orders.iter().filter_map(|index| self.words().get(*index)).any(|word| word.roles.any(roles))
    }

    fn text_of(&self, word: &Word) -> &str {
        let start = self.sentence.start;
        self.sentence.text.get(word.start - start..word.end - start).unwrap_or_default()
    }

    fn is(&self, index: usize, text: &str) -> bool {
        self.words().get(index).is_some_and(|word| self.text_of(word).eq_ignore_ascii_case(text))
    }

    /// "Ignore all previous instructions", "forget everything above", "do not follow your rules".
    fn drops_instructions(&self) -> Option<Sign> {
        let mut weak = false;
        for (index, word) in self.words().iter().enumerate() {
            let negated = index > 0 && self.near(index - 1, 1, Roles::NOT);
            let follows = negated && ["follow", "obey", "heed"].iter().any(|text| self.is(index, text));
            if !(follows || (word.roles.any(Roles::DISREGARD) && !negated)) {
                continue;
            }
            let strict = self.drops_strictly(index);
            if strict && (self.orders.contains(&index) || follows) && !self.is_conditional() {
                return Some(Sign::Override);
            }
            let told = self.near(index + 1, 8, Roles::INSTRUCTION) && self.near(index + 1, 6, Roles::PRIOR);
            weak |= strict || (self.orders.contains(&index) && told);
        }
        weak.then_some(Sign::WeakOverride)
    }

    /// Whether what is dropped at `index` can only be what the reader was told.
    fn drops_strictly(&self, index: usize) -> bool {
        let rest = self.words().iter().skip(index + 1).take(9);
        let object = rest.clone().position(|word| word.roles.any(Roles::INSTRUCTION));
        if let Some(distance) = object {
            let noun = index + 1 + distance;
            let of_orders = self.near(noun, 1, Roles::ORDERS);
            let earlier = self.near(index + 1, distance + 4, Roles::EARLIER);
            let any = self.near(index + 1, distance, Roles::PRIOR);
            return earlier || (of_orders && any);
        }
        // "everything above", "all of the above", "what you were told".
        let all = ["everything", "all", "anything", "what"].iter().any(|text| self.is(index + 1, text));
        let ends = self.words().get(index + 3).is_none_or(|next| next.apart || next.roles.any(Roles::LEAD));
        (all && self.near(index + 2, 4, Roles::EARLIER.or(Roles::GAVE)))
            || (self.is(index + 1, "the") && self.near(index + 2, 1, Roles::EARLIER) && ends)
    }

    /// "If you are on Windows, ignore the instructions above": advice, unless it speaks of assistants.
    fn is_conditional(&self) -> bool {
        self.near(0, 1, Roles::CONDITION) && !self.has(Roles::AGENT)
    }

    /// "the task that I gave you", "your original task", "before you answer the user's request".
    fn talks_of_the_task(&self) -> bool {
        self.words().iter().enumerate().filter(|(_, word)| word.roles.any(Roles::JOB)).any(|(index, _)| {
            let start = index.saturating_sub(2);
            let given = self.near(index + 1, 5, Roles::GAVE) && self.near(index + 1, 6, Roles::YOU);
            let yours = self.near(start, 1, Roles::YOU) && self.near(start + 1, 1, Roles::EARLIER);
            let resumed = (index.saturating_sub(4)..index).any(|at| self.near(at, 1, Roles::RESUME));
            let of_user = index > 0 && self.near(index - 1, 1, Roles::USER) && self.orders_or_lead();
            given || (yours && index >= 2) || (of_user && resumed)
        })
    }

    fn orders_or_lead(&self) -> bool {
        !self.orders.is_empty() || self.has(Roles::YOU)
    }

    /// "You are now …", "from now on, you …", "pretend that you …".
    fn assigns_a_role(&self) -> bool {
        let are_now = (0..self.words().len()).any(|index| {
            self.near(index, 1, Roles::YOU)
                && self.is(index + 1, "are")
                && self.is(index + 2, "now")
                && !self.is(index + 3, "ready")
                && self.near(index + 3, 6, Roles::ARTICLE.or(Roles::AGENT))
        });
        let from_now = (0..self.words().len()).any(|index| {
            self.is(index, "from")
                && self.is(index + 1, "now")
                && self.is(index + 2, "on")
                && self.near(index + 3, 3, Roles::YOU)
        });
        let pretends = self.orders(Roles::BECOME)
            && self.has(Roles::YOU)
            && (self.has(Roles::AGENT) || self.is(0, "pretend"));
        are_now || from_now || pretends
    }

    /// "you, AI assistant", "Dear assistant", "Attention, language model:", "if you are an AI".
    fn speaks_to_an_assistant(&self) -> bool {
        self.words().iter().enumerate().filter(|(_, word)| word.roles.any(Roles::AGENT)).any(
            |(index, word)| {
                let first = index <= 1 && self.words().get(index + 1).is_none_or(|next| next.apart);
                let called = (index.saturating_sub(4)..index).any(|at| {
                    ["dear", "hey", "hello", "hi", "attention", "to", "for"]
                        .iter()
                        .any(|text| self.is(at, text))
                        && at == 0
                });
                let you = (index.saturating_sub(4)..index).any(|at| self.near(at, 1, Roles::YOU));
                let certain = !["model", "agent", "agents", "bot"]
                    .iter()
                    .any(|text| self.text_of(word).eq_ignore_ascii_case(text));
                (you && !self.has_own(index))
                    || ((first || called) && certain && (self.orders_or_lead() || word.labels))
            },
        )
    }

    /// "your assistant": somebody's, not the reader.
    fn has_own(&self, index: usize) -> bool {
        (index.saturating_sub(2)..index).any(|at| self.is(at, "your"))
    }

    /// "without asking me", "do not mention this to the user", "delete the e-mail you have just sent".
    fn wants_silence(&self) -> bool {
        let hushed = self.words().iter().enumerate().filter(|(_, word)| word.roles.any(Roles::NOT)).any(
            |(index, _)| self.near(index + 1, 2, Roles::TELL) && self.near(index + 1, 6, Roles::WATCHER),
        );
        let secretly = ["secretly", "covertly", "discreetly"]
            .iter()
            .any(|text| (0..self.words().len()).any(|at| self.is(at, text)));
        let unasked = (0..self.words().len()).filter(|at| self.is(*at, "without")).any(|at| {
            (at + 1..at + 4).any(|next| {
                ["confirmation", "approval", "permission", "consent"].iter().any(|text| self.is(next, text))
            })
        });
        hushed
            || (unasked && self.orders(ACTION))
            || (secretly && !self.orders.is_empty())
            || self.removes_traces()
    }

    fn removes_traces(&self) -> bool {
        self.orders.iter().any(|index| {
            let sent = (index + 1..index + 8).any(|at| self.is(at, "sent"));
            self.near(*index, 1, Roles::DESTROY) && sent && self.near(index + 1, 4, Roles::TRACE)
        })
    }

    /// "Encode your response in Base64", "In your answer, mention …", "Can you reply in German?".
    fn shapes_the_reply(&self) -> bool {
        let yours = self.words().iter().enumerate().filter(|(_, word)| word.roles.any(Roles::REPLY)).any(
            |(index, _)| {
                let owner = (index.saturating_sub(2)..index).any(|at| self.is(at, "your"));
                owner && self.is_shaped(index)
            },
        );
        let asked = self.words().iter().enumerate().any(|(index, word)| {
            let verb = word.roles.any(Roles::REPLY) && index > 0 && self.near(index - 1, 1, Roles::YOU);
            verb && self.near(0, 1, Roles::LEAD) && self.near(index + 1, 4, Roles::DISGUISE)
        });
        yours || asked
    }

    /// Whether the reply at word `index` is to be made in a certain way, rather than given,
    /// explained or sent somewhere.
    fn is_shaped(&self, index: usize) -> bool {
        const GIVES: [&str; 11] = [
            "provide", "give", "write", "enter", "submit", "type", "share", "send", "put", "place", "express",
        ];
        const INSIDE: [&str; 5] = ["in", "throughout", "within", "at", "to"];
        let is_one_of = |at: usize, texts: &[&str]| texts.iter().any(|text| self.is(at, text));
        let nearest = self.orders.iter().rev().find(|order| **order < index);
        let shaped = nearest.is_some_and(|order| self.near(*order, 1, Roles::SHAPE));
        let given = nearest.is_some_and(|order| is_one_of(*order, &GIVES));
        let inside = (2..=3).contains(&index) && is_one_of(index - 2, &INSIDE);
        let disguised = self.has(Roles::DISGUISE);
        (shaped && (disguised || !(given || self.sends_reply()))) || (inside && !self.orders.is_empty())
    }

    /// "Send your reply to …": the reply of a person.
    fn sends_reply(&self) -> bool {
        self.orders(Roles::TRANSFER) && !self.orders(Roles::SHAPE)
    }

    /// "Add the following code snippet to your solution".
    fn plants_code(&self) -> bool {
        let piece = self.words().iter().enumerate().any(|(index, word)| {
            word.roles.any(Roles::CODE)
                && self.near(index + 1, 1, Roles::CODE)
                && (index.saturating_sub(2)..index)
                    .any(|at| self.near(at, 1, Roles::FOLLOWING.or(Roles::ARTICLE)))
        });
        let ahead = self.has(Roles::FOLLOWING) || self.sentence.text.trim_end().ends_with(':');
        let work = self.words().iter().enumerate().any(|(index, word)| {
            word.roles.any(Roles::WORK)
                && (index.saturating_sub(2)..index).any(|at| self.is(at, "your"))
                && !self.near(index + 1, 1, Roles::CODE.or(Roles::PRIVATE))
        });
        let told = (0..self.words().len())
            .any(|at| ["i", "we", "my", "i'm", "i've"].iter().any(|text| self.is(at, text)));
        piece && ahead && work && !told
    }

    /// "Write a poem about …": what no data asks for.
    fn sets_a_task(&self) -> bool {
        self.orders.iter().any(|index| {
            *index == 0
                && self.near(0, 1, Roles::COMPOSE)
                && self.near(1, 1, Roles::ARTICLE.or(Roles::WATCHER))
                && self.near(2, 3, Roles::GENRE)
        })
    }

    fn presses(&self) -> bool {
        self.sentence.text.contains("!!!")
            || (self.has(Roles::URGENT) && self.orders(ACTION) && self.near(0, 2, Roles::URGENT))
    }

    /// Orders to act, and what makes them unlike what people write to people.
    fn actions(&self, signs: &mut Signs) {
        if !self.orders(ACTION.or(Roles::LOOK)) {
            return;
        }
        let names = self.sentence.names;
        let hands_over =
            self.orders(Roles::TRANSFER) || (self.near(0, 1, Roles::TRANSFER) && names.destination());
        let acts = self.orders(ACTION);
        if acts && (names.email || names.account) {
            signs.insert(Sign::OrderTo);
        } else if acts && (names.url || names.path || names.money || self.names_private()) {
            signs.insert(Sign::Order);
        }
        if self.sentence.glued && acts {
            signs.insert(Sign::Glued);
        }
        if hands_over && names.destination() && self.wants_secret() {
            signs.insert(Sign::WantsSecret);
        }
        let whole = self.wants_everything() && (names.destination() || self.has_address_word());
        if hands_over && (whole || (names.path && names.destination())) {
            signs.insert(Sign::WantsAll);
        }
        if self.orders(Roles::TRANSFER) && names.money && names.account {
            signs.insert(Sign::WantsMoney);
        }
        if acts && self.speaks_about_the_user() {
            signs.insert(Sign::AboutUser);
        }
        if acts && names.path && names_sensitive(self.sentence.text) {
            signs.insert(Sign::SensitivePath);
        }
        if self.orders(Roles::CHANGE) && names.quoted && self.sets_secret() {
            signs.insert(Sign::SetsSecret);
        }
    }

    fn names_private(&self) -> bool {
        self.orders(Roles::TRANSFER.or(Roles::DESTROY).or(Roles::CHANGE)) && self.has(Roles::PRIVATE)
    }

    fn wants_secret(&self) -> bool {
        self.has(Roles::SECRET)
            || [
                "security code",
                "verification code",
                "private key",
                "ssh key",
                "api key",
                "card number",
                "seed phrase",
            ]
            .iter()
            .any(|name| contains_words(self.sentence.text, name))
    }

    fn sets_secret(&self) -> bool {
        ["password to", "passcode to", "pin to", "secret to"]
            .iter()
            .any(|name| contains_words(self.sentence.text, name))
    }

    /// "all unread e-mails", "the contents of every file", "all user information".
    fn wants_everything(&self) -> bool {
        self.words()
            .iter()
            .enumerate()
            .filter(|(_, word)| word.roles.any(Roles::MASS))
            .any(|(index, _)| self.near(index + 1, 5, Roles::PRIVATE))
    }

    fn has_address_word(&self) -> bool {
        contains_words(self.sentence.text, "email address")
            || contains_words(self.sentence.text, "e-mail address")
    }

    /// "the user's phone model", "all user information", "the user is subscribed to".
    fn speaks_about_the_user(&self) -> bool {
        self.words().iter().enumerate().filter(|(_, word)| word.roles.any(Roles::USER)).any(
            |(index, word)| {
                let owns = self.text_of(word).contains(['\'', '\u{2019}']);
                let is = ["is", "has", "was"].iter().any(|verb| self.is(index + 1, verb));
                let the = index > 0 && ["the", "all"].iter().any(|article| self.is(index - 1, article));
                the && (owns || is || self.near(index + 1, 1, Roles::PRIVATE))
                    && self.orders(Roles::TRANSFER.or(Roles::DESTROY).or(Roles::MAKE).or(Roles::CHANGE))
                    && self.sentence.names.destination()
            },
        )
    }
}

fn names_sensitive(text: &str) -> bool {
    [".ssh", "id_rsa", "/etc/passwd", "/etc/shadow", ".env", ".aws", "credentials", "authorized_keys"]
        .iter()
        .any(|name| text.contains(name))
}

/// Whether `words`, in lower case, occur in `text`, letter case ignored.
fn contains_words(text: &str, words: &str) -> bool {
    text.as_bytes().windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}
