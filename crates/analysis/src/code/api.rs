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
        let line = self.line_from(name)?;
        let rest = line.strip_prefix(name)?;
        (!name.is_empty() && (rest.is_empty() || rest.starts_with(' '))).then_some(Spec { line: rest })
    }

    /// What is known about `name`, or about everything that its module defines. What a module has only
    /// imported (`random._os`, `logging.os`) is not meant.
    pub(super) fn find(self, name: &str) -> Option<Spec> {
        self.exact(name).or_else(|| {
            let (module, last) = name.rsplit_once('.')?;
            if last.starts_with('_') || self.has_module(last) {
                return None;
            }
            self.exact(&format!("{module}.*"))
        })
    }

    /// Whether the table says anything about a module of this name.
    fn has_module(self, name: &str) -> bool {
        let prefix = format!("{name}.");
        self.line_from(&prefix).is_some_and(|line| line.starts_with(&prefix))
    }

    /// The first line that is not before `name`.
    fn line_from(self, name: &str) -> Option<&'static str> {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let (start, line) = self.line_around(low + (high - low) / 2)?;
            if line.split(' ').next()? < name {
                low = start + line.len() + 1;
            } else {
                high = start;
            }
        }
        self.text.get(low..)?.split('\n').next()
    }

    /// The line that a byte lies in, and where it begins.
    fn line_around(self, at: usize) -> Option<(usize, &'static str)> {
        let before = memchr::memrchr(b'\n', self.text.as_bytes().get(..at)?);
        let start = before.map_or(0, |newline| newline + 1);
        Some((start, self.text.get(start..)?.split('\n').next()?))
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
