//! Patterns over paths, hosts and words.
//!
//! In a path pattern `*` and `?` stay inside one component and `**` crosses components. In a word
//! pattern `*` stands for any text. A list of patterns may hold exclusions (`!pattern`): an item
//! matches the list if some positive pattern matches (or there are only exclusions) and no exclusion does.

mod host;
mod path;

pub(crate) use host::HostSet;
pub(crate) use path::{PathSet, under};
use std::convert::Infallible;

/// The answer of a comparison that may lack knowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tri {
    /// Certainly.
    Yes,
    /// Cannot be known.
    Unknown,
    /// Certainly not.
    No,
}

impl Tri {
    pub(crate) const fn of(known: bool) -> Self {
        if known { Self::Yes } else { Self::No }
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any text and `?` for one character.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    if pattern == text {
        return true;
    }
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                retry = Some((p, t));
                p += 1;
            }
            (Some(b'?'), Some(_)) => (p, t) = (p + 1, t + 1),
            (Some(want), Some(have)) if want == have => (p, t) = (p + 1, t + 1),
            (None, None) => return true,
            _ => match retry {
                Some((star, from)) if from < text.len() => {
                    retry = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// A list of patterns with exclusions.
#[derive(Debug, Clone)]
struct Patterns<T> {
    positive: Vec<T>,
    negative: Vec<T>,
}

impl<T> Patterns<T> {
    /// Reads each text; those behind a `!` are exclusions.
    fn parse<'a, E>(
        texts: impl IntoIterator<Item = &'a str>,
        read: impl Fn(&'a str) -> Result<T, E>,
    ) -> Result<Self, E> {
        let (mut positive, mut negative) = (Vec::new(), Vec::new());
        for text in texts {
            match text.strip_prefix('!') {
                Some(rest) => negative.push(read(rest)?),
                None => positive.push(read(text)?),
            }
        }
        Ok(Self { positive, negative })
    }

    /// Whether the list takes in what these patterns hold of, exclusions aside. One of exclusions alone takes in
    /// everything, an empty one nothing.
    fn includes(&self, holds: impl Fn(&T) -> bool) -> bool {
        let all = self.positive.is_empty() && !self.negative.is_empty();
        all || self.positive.iter().any(holds)
    }

    /// Whether an exclusion holds.
    fn excludes(&self, holds: impl Fn(&T) -> bool) -> bool {
        self.negative.iter().any(holds)
    }
}

/// Reads the name of an enum's variant as the log writes it.
pub(crate) fn parse_name<T: serde::de::DeserializeOwned>(name: &str, what: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(|error: serde_json::Error| {
        let error = error.to_string();
        let choices = error.split_once(", ").map_or(error.as_str(), |(_, choices)| choices);
        format!("`{name}` is not a {what}: {choices}")
    })
}

/// A list of words with exclusions, case as given.
#[derive(Debug, Clone)]
pub(crate) struct WordSet(Patterns<Box<str>>);

impl WordSet {
    pub(crate) fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let Ok(patterns) = Patterns::parse(patterns, |word| Ok::<_, Infallible>(word.into()));
        Self(patterns)
    }

    pub(crate) fn contains(&self, word: &str) -> bool {
        self.0.includes(|pattern| wildcard(pattern, word))
            && !self.0.excludes(|pattern| wildcard(pattern, word))
    }

    /// Whether the set is a list of literal words.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.negative.is_empty() && self.literals().is_some()
    }

    /// The positive words, if they are all literal.
    pub(crate) fn literals(&self) -> Option<&[Box<str>]> {
        let words = &self.0.positive;
        let literal = !words.is_empty() && !words.iter().any(|word| word.contains(['*', '?']));
        literal.then_some(&words[..])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Wildcards, the slow and obvious way.
    pub(crate) fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) if naive(rest, text) => true,
            (Some((b'*', _)), Some((_, later))) => naive(pattern, later),
            (Some((b'?', rest)), Some((_, later))) => naive(rest, later),
            (Some((want, rest)), Some((have, later))) => want == have && naive(rest, later),
            _ => false,
        }
    }

    /// What only takes away takes it from everything; what says nothing holds nothing.
    #[test]
    fn lists_of_words() {
        for (list, word, expected) in [
            (&["a*"][..], "ab", true),
            (&["a*", "!ab"], "ab", false),
            (&["!ab"], "ac", true),
            (&["!ab"], "ab", false),
            (&[], "ab", false),
        ] {
            assert_eq!(WordSet::parse(list.iter().copied()).contains(word), expected, "{list:?} {word}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

        #[test]
        fn wildcards_agree_with_the_reference(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(wildcard(&pattern, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
