//! Words as a program receives them, as far as they are known.

/// One word of a command after expansion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arg {
    /// The word; for [`Certainty::Unknown`] the part that is known to come first.
    pub(crate) text: String,
    /// How much of the word is known.
    pub(crate) certainty: Certainty,
    /// Whether it may turn into no word or several ones.
    pub(crate) many: bool,
    /// Whether a leading `~` was left for the path to resolve (`~name`).
    pub(crate) tilde: bool,
    /// Whether it may have no characters, whatever the text says.
    pub(crate) maybe_empty: bool,
}

/// How much of a word is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// All of it.
    #[default]
    Exact,
    /// It is a name that matches the text as a pattern; `**` stands for any folders.
    Pattern,
    /// Only how it begins.
    Unknown,
}

impl Arg {
    /// A word that is known.
    pub(crate) fn exact(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A word that stands for any name that matches.
    pub(crate) fn pattern(text: impl Into<String>) -> Self {
        Self { text: text.into(), certainty: Certainty::Pattern, ..Self::default() }
    }

    /// Any name, or nothing at all. It holds no slash.
    pub(crate) fn name() -> Self {
        Self { maybe_empty: true, ..Self::pattern("*") }
    }

    /// A word of which nothing is known, not even how many words it is.
    pub(crate) fn unknown() -> Self {
        Self { certainty: Certainty::Unknown, many: true, ..Self::default() }
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.certainty == Certainty::Exact
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.certainty == Certainty::Unknown
    }

    /// The text, where all of it is known.
    pub(crate) fn known(&self) -> Option<&str> {
        self.is_exact().then_some(self.text.as_str())
    }

    /// The word without its first `length` bytes.
    pub(crate) fn after(&self, length: usize) -> Self {
        Self {
            text: self.text.get(length..).unwrap_or_default().to_owned(),
            certainty: self.certainty,
            ..Self::default()
        }
    }
}
