//! What speaks for an instruction to the agent, and how strongly.

use std::fmt;

macro_rules! signs {
    ($($(#[doc = $doc:literal])+ $variant:ident = $weight:literal, $meaning:literal;)+) => {
        /// Something about a passage that ordinary data does not have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Sign {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Sign {
            /// Every sign, strongest meaning first.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// How strongly it speaks for an instruction, in percent.
            pub const fn weight(self) -> u8 {
                match self { $(Self::$variant => $weight,)+ }
            }

            /// What was seen, in a few words.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

signs! {
    /// "Ignore all previous instructions".
    Override = 85, "tells the reader to drop earlier instructions";
    /// "Ignore all rules": as often a setting as an attack.
    WeakOverride = 35, "tells the reader to drop something";
    /// Text in characters that nobody sees.
    HiddenText = 80, "holds text in invisible characters";
    /// Directions that make text read differently from what it says.
    Reordered = 55, "changes the direction of text invisibly";
    /// Words that are split by what nobody sees.
    SplitWords = 35, "splits words with invisible characters";
    /// Words whose letters only look right.
    LookAlikes = 30, "mixes letters that look alike";
    /// `<|im_start|>`, `[INST]`.
    Template = 55, "holds a marker that separates turns of a conversation";
    /// `System:` at the beginning of a line, with an order behind it.
    Turn = 35, "speaks in the name of another participant";
    /// `<system>…</system>` around prose.
    FakeTag = 55, "wraps prose in a tag that claims authority";
    /// A tool of this session, next to an order.
    ToolNamed = 55, "tells the reader to use a tool of this session";
    /// "in your response, …": shapes what the assistant answers.
    ShapesReply = 60, "tells the reader how to answer";
    /// "the following code in your solution".
    PlantsCode = 55, "tells the reader to put code into its work";
    /// "before you can solve the task that I gave you".
    TaskTalk = 50, "speaks about the task that the reader was given";
    /// "You are now", "from now on you".
    Reroles = 50, "tells the reader what it is";
    /// "you, AI assistant".
    Addressed = 40, "speaks to an assistant";
    /// "without asking", "do not tell the user".
    Covert = 45, "wants nobody to be told or asked";
    /// An order inside a comment or where no reader looks.
    Concealed = 32, "is hidden from people in markup";
    /// An order glued to the text before.
    Glued = 38, "is glued to the text before";
    /// The user, spoken about to whoever works for the user, in an order.
    AboutUser = 38, "orders something about the user";
    /// Something secret, to be handed over.
    WantsSecret = 40, "wants a secret to be handed over";
    /// All of something private, to be handed over.
    WantsAll = 38, "wants private things to be handed over whole";
    /// A sum of money to an account.
    WantsMoney = 20, "wants money to be moved";
    /// An order about a sensitive file.
    SensitivePath = 32, "orders something about a sensitive file";
    /// A secret, to be changed to a given value.
    SetsSecret = 38, "sets a secret to a given value";
    /// An order to act on an address, an account, a file.
    Order = 25, "orders an action";
    /// An order to send or give something to an address or an account.
    OrderTo = 30, "orders an action for somebody named";
    /// A poem, an essay: a task of another kind.
    NewTask = 30, "sets a task";
    /// "IMPORTANT!!!", "immediately".
    Pressing = 18, "presses";
}

/// A set of signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs(u64);

impl Signs {
    /// Adds a sign.
    pub(super) fn insert(&mut self, sign: Sign) {
        self.0 |= 1 << sign as u32;
    }

    /// Adds all signs of `other`.
    pub(super) fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `sign` is among them.
    pub const fn contains(self, sign: Sign) -> bool {
        self.0 & (1 << sign as u32) != 0
    }

    /// The signs.
    pub fn iter(self) -> impl Iterator<Item = Sign> {
        Sign::ALL.iter().copied().filter(move |sign| self.contains(*sign))
    }

    /// How strongly they speak together, in percent: what is left of doubt is multiplied.
    pub fn score(self) -> u8 {
        let doubt =
            self.iter().fold(100_000_u32, |doubt, sign| doubt * (100 - u32::from(sign.weight())) / 100);
        u8::try_from((100_000 - doubt) / 1000).unwrap_or(100)
    }
}

impl fmt::Display for Signs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut strongest: Vec<Sign> = self.iter().collect();
        strongest.sort_by_key(|sign| std::cmp::Reverse(sign.weight()));
        for (index, sign) in strongest.iter().take(3).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}", sign.meaning())?;
        }
        Ok(())
    }
}
