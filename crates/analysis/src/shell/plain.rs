//! Plain command lines, read without the grammar: words, quotes, pipes, lists and simple redirections.
//!
//! Most of what agents run is as plain as that. Whatever is not gives `None` and goes to the parser; where both
//! can read a text they agree, which a test tries.

use super::plan::{Command, Connector, Part, Redirect, RedirectKind, ShellPlan, Statement, Word};

/// Longest text that is tried.
const MAX_BYTES: usize = 4096;

/// The plan of a plain text; `None` where the grammar is needed.
pub(super) fn parse(source: &str) -> Option<ShellPlan> {
    if source.len() > MAX_BYTES {
        return None;
    }
    let mut reader = Reader { source, rest: source.as_bytes() };
    let mut body = Vec::new();
    loop {
        let list = reader.list()?;
        body.push(list);
        match reader.rest {
            [] => return Some(ShellPlan { body }),
            [b';', b';' | b'&', ..] => return None,
            [b';', rest @ ..] => {
                reader.rest = rest;
                reader.blanks();
                if reader.rest.is_empty() {
                    return Some(ShellPlan { body });
                }
            }
            _ => return None,
        }
    }
}

struct Reader<'a> {
    source: &'a str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn blanks(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Pipelines joined by `&&` and `||`.
    fn list(&mut self) -> Option<Statement> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let connector = match self.rest {
                [b'&', b'&', ..] => Connector::And,
                [b'|', b'|', ..] => Connector::Or,
                _ => break,
            };
            // The grammar groups what stands around a redirection in the middle of a list.
            let before = rest.last().map_or(&first, |(_, statement)| statement);
            if redirects(before) {
                return None;
            }
            self.rest = self.rest.get(2..)?;
            rest.push((connector, self.pipeline()?));
        }
        if rest.is_empty() {
            return Some(first);
        }
        Some(Statement::AndOr { first: Box::new(first), rest })
    }

    fn pipeline(&mut self) -> Option<Statement> {
        let first = self.command()?;
        if !self.at_pipe() {
            return Some(first);
        }
        let mut stages = vec![first];
        while self.at_pipe() {
            self.rest = self.rest.get(1..)?;
            stages.push(self.command()?);
        }
        Some(Statement::Pipeline(stages))
    }

    fn at_pipe(&self) -> bool {
        matches!(self.rest, [b'|', next, ..] if !matches!(next, b'|' | b'&'))
    }

    fn command(&mut self) -> Option<Statement> {
        let mut command = Command::default();
        loop {
            self.blanks();
            match self.rest {
                [] | [b';' | b'|', ..] | [b'&', b'&', ..] => break,
                [b'&', ..] => return None,
                _ => {}
            }
            if self.redirect(&mut command)? {
                continue;
            }
            if !command.redirects.is_empty() {
                return None;
            }
            let word = self.word()?;
            command.words.push(word);
        }
        let first = command.words.first()?;
        is_plain_name(first).then_some(Statement::Command(command))
    }

    /// `> file`, `2>> file`, `2>&1`. True = there was one.
    fn redirect(&mut self, command: &mut Command) -> Option<bool> {
        let (descriptor, rest) = match self.rest {
            [digit @ (b'0' | b'1' | b'2'), b'<' | b'>', ..] => (Some(*digit), self.rest.get(1..)?),
            [b'<' | b'>', ..] => (None, self.rest),
            _ => return Some(false),
        };
        let (kind, rest) = match rest {
            [b'>', b'&', rest @ ..] => (RedirectKind::Duplicate, rest),
            [b'>', b'>', rest @ ..] => (RedirectKind::Write, rest),
            [b'<' | b'>', b'<' | b'>' | b'&' | b'|' | b'(', ..] => return None,
            [b'>', rest @ ..] => (RedirectKind::Write, rest),
            [b'<', rest @ ..] => (RedirectKind::Read, rest),
            _ => return None,
        };
        self.rest = rest;
        self.blanks();
        let target = self.word()?;
        let descriptor_follows = matches!(self.rest, [b'<' | b'>', ..]);
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let number = matches!(target.parts.as_slice(), [Part::Text { text, .. }] if digits(text));
        if descriptor_follows || kind == RedirectKind::Duplicate && !number {
            return None;
        }
        command.redirects.push(Redirect { kind, target, standard: descriptor != Some(b'2') });
        Some(true)
    }

    /// A word of plain characters and quoted text.
    fn word(&mut self) -> Option<Word> {
        let mut parts = Vec::new();
        loop {
            match self.rest {
                [b'\'', rest @ ..] => {
                    let end = memchr::memchr(b'\'', rest)?;
                    parts.push(self.quoted(rest, end)?);
                }
                [b'"', rest @ ..] => {
                    let end = memchr::memchr(b'"', rest)?;
                    let inner = rest.get(..end)?;
                    if inner.iter().any(|byte| matches!(byte, b'$' | b'`' | b'\\' | b'!')) {
                        return None;
                    }
                    parts.push(self.quoted(rest, end)?);
                }
                [byte, ..] if is_plain(*byte) => {
                    let length =
                        self.rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(self.rest.len());
                    let text = self.take(self.rest, length)?;
                    parts.push(Part::Text { text: text.to_owned(), quoted: false });
                }
                [] | [b' ' | b'\t' | b';' | b'|' | b'&', ..] => break,
                _ => return None,
            }
        }
        (!parts.is_empty()).then_some(Word { parts })
    }

    /// The first `length` bytes of `from` as text; what follows them is left.
    fn take(&mut self, from: &'a [u8], length: usize) -> Option<&'a str> {
        let start = self.source.len() - from.len();
        self.rest = from.get(length..)?;
        self.source.get(start..start + length)
    }

    fn quoted(&mut self, from: &'a [u8], length: usize) -> Option<Part> {
        let text = self.take(from, length)?;
        self.rest = self.rest.get(1..)?;
        let odd = text.bytes().any(|byte| byte.is_ascii_control());
        (!odd).then(|| Part::Text { text: text.to_owned(), quoted: true })
    }
}

fn redirects(statement: &Statement) -> bool {
    match statement {
        Statement::Command(command) => !command.redirects.is_empty(),
        Statement::Pipeline(stages) => stages.iter().any(redirects),
        _ => false,
    }
}

/// Characters that stand for themselves wherever they stand.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/' | b':' | b',' | b'+' | b'@' | b'%' | b'=')
}

/// Whether the first word of a command is a program's name and nothing that the grammar treats alone.
fn is_plain_name(word: &Word) -> bool {
    const SPECIAL: [&str; 27] = [
        "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in",
        "function", "select", "time", "coproc", "declare", "typeset", "export", "readonly", "local", "unset",
        "unsetenv", "let", "test", "eval",
    ];
    match word.parts.as_slice() {
        [Part::Text { text, quoted: false }] => {
            // In the name of a program the grammar stumbles over these.
            !text.contains(['=', '@', '%'])
                && text.bytes().any(|byte| byte.is_ascii_alphabetic())
                && !SPECIAL.contains(&text.as_str())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text made of pieces that plain lines are made of, and a few that they are not.
    fn line() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z]{1,4}",
            "-{1,2}[a-z]{1,3}",
            "[a-z./]{1,6}",
            Just("'a b'".to_owned()),
            Just("\"x y\"".to_owned()),
            Just("''".to_owned()),
            Just("--k='v w'".to_owned()),
            Just("k=v".to_owned()),
            Just("1".to_owned()),
            Just("2".to_owned()),
            Just("if".to_owned()),
            Just("@%+:,".to_owned()),
            Just("ü".to_owned()),
            Just("*".to_owned()),
        ];
        let gap = prop_oneof![
            6 => Just(" "), 1 => Just(" | "), 1 => Just("|"), 1 => Just(" && "), 1 => Just(" || "), 1 => Just("; "), 1 => Just(";"),
            1 => Just(" > "), 1 => Just(">"), 1 => Just(" 2>&1 "), 1 => Just(" 2>/dev/null"), 1 => Just(" >> "), 1 => Just(" < "),
            1 => Just(""), 1 => Just("  "),
        ];
        proptest::collection::vec((piece, gap), 1..9)
            .prop_map(|pieces| pieces.into_iter().map(|(piece, gap)| format!("{piece}{gap}")).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

        /// Where a text is plain, the grammar reads the same.
        #[test]
        fn the_grammar_agrees(text in line()) {
            if let Some(plan) = parse(&text) {
                prop_assert_eq!(plan, ShellPlan::parse_with_grammar(&text), "{}", text);
            }
        }
    }

    #[test]
    fn ordinary_lines_are_plain() {
        for text in
            ["ls -la", "git commit -m 'x y'", "cd a && make 2>&1 | tail -5", "rg \"a b\" src > out; ls"]
        {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in
            ["ls $x", "a=b", "ls *", "if x", "echo `x`", "(ls)", "ls &", "ls |& cat", "! ls", "~/x", "a\nb"]
        {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
