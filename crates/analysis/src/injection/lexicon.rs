//! Words by what they do in a sentence that gives orders.

use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// A set of roles a word can play.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roles(u64);

macro_rules! roles {
    ($($(#[doc = $doc:literal])+ $name:ident = $bit:literal: $words:literal,)+) => {
        impl Roles {
            $($(#[doc = $doc])+ pub(super) const $name: Self = Self(1 << $bit);)+
        }

        /// The words of every role.
        const WORDS: &[(Roles, &str)] = &[$((Roles::$name, $words),)+];
    };
}

roles! {
    /// Tells to drop something that was said.
    DISREGARD = 0: "ignore disregard forget override overrule bypass neglect discard abandon \
        ignoriere ignorieren vergiss missachte oublie oubliez ignorez ignora olvida olvide descarta dimentica \
        esqueça desconsidere negeer vergeet игнорируй забудь",
    /// Says that something came first, or all of it.
    PRIOR = 1: "previous prior above earlier preceding foregoing former existing original initial past all any every \
        everything your other current vorherigen vorigen bisherigen alle obigen précédentes précédents toutes tous \
        anteriores todas todos previas precedenti tutte tutti eerdere vorige предыдущие все",
    /// What an assistant is told.
    INSTRUCTION = 2: "instruction instructions prompt prompts directive directives directions command commands \
        rule rules guideline guidelines guardrails constraints restrictions programming training context \
        task tasks goal goals objective objectives orders policies messages conversation \
        anweisungen anweisung befehle regeln consignes instrucciones instruções istruzioni instructies \
        инструкции указания",
    /// What answers to people: an assistant, a model.
    AGENT = 3: "assistant assistants ai llm llms chatbot chatbots bot copilot chatgpt gpt gpt-4 gpt-4o gpt-5 claude \
        gemini codex agent agents model",
    /// What an assistant gives back.
    REPLY = 4: "response responses reply answer answers output message elucidation explanation explanations summary \
        translation completion",
    /// Shapes an answer.
    SHAPE = 5: "add append include incorporate insert integrate embed weave introduce mention modify alter change adapt \
        adjust translate encode encrypt cipher render provide express write use employ enhance augment replace substitute \
        shift convert group rearrange reorder apply combine begin start end finish conclude close open format phrase craft \
        reverse spell present deliver compose respond reply answer give return output print display scramble \
        jumble mix swap remove strip omit merge blend tease hint highlight promote advertise recommend feature \
        enrich supplement infuse sprinkle pepper lace capitalise capitalize shuffle represent transform make turn \
        put place state say speak switch flip mirror invert describe communicate construct generate produce \
        structure organise organize arrange limit restrict keep disguise obscure obfuscate encapsulate enclose wrap \
        exclude eliminate share suggest refer endorse persuade encourage",
    /// A way to garble or dress up an answer.
    DISGUISE = 6: "base64 base32 base16 base85 hex hexadecimal binary morse rot13 cipher ciphers caesar emoji emojis anagram anagrams \
        anagrammed backward backwards reverse reversed leetspeak leet palindrome palindromes homophones homophonic \
        alphanumeric acrostic rhyme rhymes haiku pirate typos misspellings misspelled ascii encoding encoded encrypted \
        spaces punctuation consonants vowels pig-latin substitution transliteration \
        english german french spanish italian portuguese russian chinese japanese korean arabic hindi dutch swedish \
        turkish polish greek hebrew latin vietnamese thai norwegian danish finnish swahili urdu bengali",
    /// A piece of code.
    CODE = 7: "code snippet snippets excerpt block section segment fragment script",
    /// What a programmer is working on, in the abstract.
    WORK = 8: "solution solutions codebase implementation implementations algorithm algorithms logic program programme \
        elucidation response answer reply code",
    /// Points forward in a text.
    FOLLOWING = 9: "following below subsequent next ensuing",
    /// Hands something over.
    TRANSFER = 10: "send sends sent email e-mail mail forward transfer wire pay remit deposit post upload share submit disclose leak \
        exfiltrate transmit deliver message text tweet dm cc bcc donate reveal report",
    /// Takes something away.
    DESTROY = 11: "delete remove erase wipe drop destroy cancel revoke purge kill terminate disable uninstall shred overwrite",
    /// Makes something different.
    CHANGE = 12: "change modify update reset set edit alter rewrite replace rename move configure enable reschedule",
    /// Brings something about.
    MAKE = 13: "create add schedule book reserve invite register grant propose star fork buy purchase order \
        subscribe make approve merge push publish accept sign give write call",
    /// Goes somewhere or starts something.
    GO = 14: "visit click open download browse navigate go run execute install follow fetch curl launch import invoke use access",
    /// Looks something up.
    LOOK = 15: "read get find search retrieve collect list extract gather obtain look check copy dump tell show fill summarize \
        summarise include",
    /// All of it.
    MASS = 16: "all every each entire whole contents content everything any",
    /// What is nobody else's business.
    PRIVATE = 17: "email emails inbox mailbox message messages file files password passwords credentials passport \
        contacts history conversation conversations chats transactions statement statements invoices documents \
        information data details records balance account accounts iban medical address addresses notes drive cloud \
        environment variables keys secrets tokens cookies",
    /// What opens doors.
    SECRET = 18: "password passwords passcode passphrase credentials credential passport ssn cvv pin otp token tokens secret \
        secrets id_rsa cookie cookies apikey api-key keys 2fa mfa",
    /// Leads up to an order.
    LEAD = 19: "please kindly now then and also just immediately first must should instead next finally simply always \
        urgently directly so but afterwards otherwise carefully silently secretly strictly only \
        can could would will shall let's lets you bitte",
    /// Makes an order depend on something.
    CONDITION = 20: "if unless when whenever where while",
    /// Money by name.
    MONEY = 21: "usd eur gbp dollars euros pounds btc eth bitcoin ether usdt",
    /// Takes silence for granted.
    TELL = 22: "asking ask telling tell notifying notify informing inform alerting alert mentioning mention confirming confirm \
        warning warn disclosing disclose revealing reveal acknowledging acknowledge \
        consulting consult",
    /// Says no.
    NOT = 23: "not don't dont never without avoid no",
    /// Those who might be told.
    WATCHER = 24: "user users me anyone anybody them him her us human humans customer client owner owners others",
    /// Presses.
    URGENT = 25: "immediately urgent urgently important critical asap now attention warning crucial mandatory emergency",
    /// Speaks about the work in progress.
    RESUME = 26: "solve complete continue proceed finish respond answer resume reply begin start do fulfill fulfil",
    /// A piece of work that was given.
    JOB = 27: "task tasks request query question goal job objective assignment",
    /// The person behind the work.
    USER = 28: "user user's users users' customer's customer",
    /// Words that stand before a thing.
    ARTICLE = 29: "the a an this that these those my your our his her their its all every each any one some",
    /// Who speaks to.
    YOU = 30: "you your you're yourself ya u",
    /// A piece of writing that could be ordered.
    GENRE = 31: "poem story essay speech haiku song limerick sonnet joke tagline slogan jingle script dialogue",
    /// Orders a piece of writing.
    COMPOSE = 32: "write compose draft create generate develop craft provide pen produce prepare",
    /// Something sent before, to be covered up.
    TRACE = 33: "sent email e-mail message log logs trace traces history evidence",
    /// Says that something came first, and nothing else.
    EARLIER = 35: "previous prior above earlier preceding foregoing former original initial vorherigen vorigen \
        bisherigen obigen précédentes précédents anteriores previas precedenti eerdere vorige предыдущие",
    /// What an assistant is told, and hardly anything else.
    ORDERS = 36: "instruction instructions prompt prompts directive directives guidelines guardrails orders \
        anweisungen anweisung consignes instrucciones instruções istruzioni instructies инструкции указания",
    /// Words that are as often the name of a thing as an order.
    NAMED = 37: "email e-mail mail message text book order purchase access use call sign post report answer reply set \
        mirror output format list copy check update change share store state place look open close start end \
        test search find register fork star run script display print return visit log extract dump",
    /// Who gave, and that it was given.
    GAVE = 38: "gave given assigned asked told instructed entrusted requested",
    /// Makes up who the reader is.
    BECOME = 34: "act pretend behave roleplay role-play simulate become",
}

impl Roles {
    /// Whether the word plays one of the roles of `other`.
    pub(super) const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The union.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the word plays no role.
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Orders that change something or reach somebody.
pub(super) const ACTION: Roles =
    Roles::TRANSFER.or(Roles::DESTROY).or(Roles::CHANGE).or(Roles::MAKE).or(Roles::GO);

/// Every word that may be an order.
pub(super) const ORDER: Roles =
    ACTION.or(Roles::LOOK).or(Roles::SHAPE).or(Roles::DISREGARD).or(Roles::COMPOSE).or(Roles::BECOME);

/// The longest word of the table, in bytes.
const LONGEST: usize = 24;

static TABLE: LazyLock<FxHashMap<&'static str, Roles>> = LazyLock::new(|| {
    let mut table = FxHashMap::default();
    for (roles, words) in WORDS {
        for word in words.split_whitespace() {
            let entry: &mut Roles = table.entry(word).or_default();
            *entry = entry.or(*roles);
        }
    }
    table
});

/// The roles of `word`, letter case and a curly apostrophe ignored.
pub(super) fn roles_of(word: &str) -> Roles {
    let mut buffer = [0; LONGEST];
    let Some(lower) = buffer.get_mut(..word.len()) else { return Roles::default() };
    if word.is_ascii() {
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        return std::str::from_utf8(lower).ok().and_then(|word| TABLE.get(word)).copied().unwrap_or_default();
    }
    let lower = word.to_lowercase().replace('\u{2019}', "'");
    TABLE.get(lower.as_str()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_roles_in_any_letter_case() {
        assert!(roles_of("IGNORE").any(Roles::DISREGARD));
        assert!(roles_of("Don\u{2019}t").any(Roles::NOT));
        assert!(roles_of("ignored").is_none());
        assert!(
            WORDS.iter().flat_map(|(_, words)| words.split_whitespace()).all(|word| word.len() <= LONGEST)
        );
    }
}
