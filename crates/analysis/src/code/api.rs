//! Tables of functions: text that people can read and extend, searched where it lies.
//!
//! `python/api.txt` describes the format. A table is never read as a whole: its lines are sorted, and a
//! look-up compares a handful of them.

/// What the functions of a language do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    text: &'static str,
}

/// What one function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spec {
    line: &'static str,
}

/// One word of a function's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clue {
    /// The argument at this position, or of this name, has this meaning.
    Argument { position: usize, keyword: &'static str, meaning: &'static str },
    /// The object of a method has this meaning.
    Receiver(&'static str),
    /// An effect whatever the arguments.
    Does(&'static str),
}

impl Api {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text }
    }

    /// What is known about `name` itself.
    pub(super) fn exact(self, name: &str) -> Option<Spec> {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = self.text.as_bytes().get(..middle).and_then(|before| memchr::memrchr(b'\n', before));
            let start = start.map_or(0, |newline| newline + 1);
            let rest = self.text.get(start..)?;
            let line = rest.split('\n').next()?;
            let key = line.split(' ').next()?;
            match key.cmp(name) {
                std::cmp::Ordering::Equal => return Some(Spec { line: line.get(key.len()..)? }),
                std::cmp::Ordering::Less => low = start + line.len() + 1,
                std::cmp::Ordering::Greater => high = start,
            }
        }
        None
    }

    /// What is known about `name`, or about everything in the module it lies in.
    pub(super) fn find(self, name: &str) -> Option<Spec> {
        self.exact(name).or_else(|| {
            let mut pattern = name.to_owned();
            while let Some(dot) = pattern.trim_end_matches(".*").rfind('.') {
                pattern.truncate(dot + 1);
                pattern.push('*');
                let found = self.exact(&pattern);
                if found.is_some() {
                    return found;
                }
            }
            None
        })
    }

    /// What is known about the method `name` of objects of a kind.
    pub(super) fn method(self, kind: &str, name: &str) -> Option<Spec> {
        self.exact(&format!("{kind}#{name}")).or_else(|| self.exact(&format!("{kind}#*")))
    }

    #[cfg(test)]
    pub(super) fn keys(self) -> impl Iterator<Item = &'static str> {
        let lines = self.text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split(' ').next().unwrap_or_default())
    }
}

impl Spec {
    /// The words of the line.
    pub(super) fn clues(self) -> impl Iterator<Item = Clue> {
        let mut position = 0;
        self.words().filter_map(move |word| match word.split_once('=') {
            Some(("self", meaning)) => Some(Clue::Receiver(meaning)),
            Some((meaning, keyword)) => {
                position += 1;
                Some(Clue::Argument { position: position - 1, keyword, meaning })
            }
            None if word == "_" => {
                position += 1;
                None
            }
            None => Some(Clue::Does(word)),
        })
    }

    fn words(self) -> impl Iterator<Item = &'static str> {
        let words = self.line.split("->").next().unwrap_or_default();
        words.split(' ').filter(|word| !word.is_empty())
    }

    /// What the function gives.
    pub(super) fn result(self) -> &'static str {
        self.line.split_once("-> ").map_or("data", |(_, result)| result)
    }

    /// Whether a call does anything that matters.
    pub(super) fn is_harmless(self) -> bool {
        self.clues().next().is_none()
    }
}
