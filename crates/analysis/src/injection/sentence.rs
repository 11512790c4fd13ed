//! Sentences: where they begin and end, their words, and the addresses they name.

use super::lexicon::{Roles, roles_of};

/// The furthest a sentence reaches from a point inside it, in bytes.
const REACH: usize = 400;

/// The most words of a sentence that are looked at.
const MAX_WORDS: usize = 96;

/// One word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) roles: Roles,
    /// Something other than blanks stands between this word and the one before.
    pub(super) apart: bool,
    /// A colon follows, as behind a label.
    pub(super) labels: bool,
    /// A capital, then small letters.
    pub(super) capital: bool,
    /// The name of something in a program: `send_mail`.
    pub(super) identifier: bool,
}

/// A sentence with its words.
#[derive(Debug)]
pub(super) struct Sentence<'t> {
    /// Where it begins.
    pub(super) start: usize,
    pub(super) text: &'t str,
    pub(super) words: Vec<Word>,
    pub(super) names: Names,
    /// It is glued to the text before: what somebody put there, not what somebody wrote there.
    pub(super) glued: bool,
}

/// What a sentence names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) email: bool,
    pub(crate) url: bool,
    pub(crate) account: bool,
    pub(crate) path: bool,
    pub(crate) money: bool,
    pub(crate) quoted: bool,
}

impl Names {
    /// Whether something is named that a message or a sum could go to.
    pub(super) const fn destination(self) -> bool {
        self.email || self.url || self.account
    }
}

/// The bounds of the sentence around byte `at`, not before `floor`.
pub(crate) fn bounds(text: &str, at: usize, floor: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let lowest = ceil(text, at.saturating_sub(REACH).max(floor));
    let start = (lowest..=at).rev().find(|index| begins(bytes, *index)).unwrap_or(lowest);
    let highest = (at + REACH).min(bytes.len());
    let end = (at + 1..highest).find(|index| begins(bytes, *index));
    (start, end.unwrap_or_else(|| floor_of(text, highest).max(start)))
}

/// Whether a sentence begins at `index`.
fn begins(bytes: &[u8], index: usize) -> bool {
    let Some((before, after)) = bytes.split_at_checked(index) else { return true };
    let (Some(&last), Some(&first)) = (before.last(), after.first()) else { return true };
    match last {
        b'>' | b'|' => true,
        _ if matches!(first, b'<' | b'|') => true,
        b'n' if before.ends_with(b"\\n") => true,
        b'.' | b'!' | b'?' => {
            let begins_word = first.is_ascii_uppercase() && after.get(1).is_some_and(u8::is_ascii_lowercase);
            begins_word && !is_address(before, after)
        }
        b' ' | b'\t' | b'\n' | b'\r' if !first.is_ascii_whitespace() => begins_after_blanks(before, first),
        _ => false,
    }
}

fn begins_after_blanks(before: &[u8], first: u8) -> bool {
    let blanks = before.iter().rev().take(32).take_while(|byte| byte.is_ascii_whitespace()).count();
    let (text, blanks) = before.split_at(before.len() - blanks);
    let lines = blanks.iter().filter(|byte| **byte == b'\n').count();
    let ended = text
        .last()
        .is_some_and(|byte| matches!(byte, b'.' | b'!' | b'?' | b'"' | b'\'' | b')' | b':' | b'*'));
    let stopped = text.last().is_some_and(|byte| matches!(byte, b'.' | b'!' | b'?'));
    match lines {
        0 => stopped && !first.is_ascii_lowercase(),
        1 => ended || !first.is_ascii_lowercase(),
        _ => true,
    }
}

/// `www.Example.org` is no end of a sentence.
fn is_address(before: &[u8], after: &[u8]) -> bool {
    let word = |byte: &&u8| !byte.is_ascii_whitespace();
    let left = before.iter().rev().take(64).take_while(word);
    let right = after.iter().take(64).take_while(word);
    left.chain(right).any(|byte| matches!(byte, b'/' | b'@' | b'_' | b'(' | b'='))
        || before.ends_with(b"www.")
}

impl<'t> Sentence<'t> {
    /// The sentence of `text` between `start` and `end`.
    pub(super) fn read(text: &'t str, start: usize, end: usize) -> Self {
        let part = text.get(start..end).unwrap_or_default();
        Self {
            start,
            text: part,
            words: words(part, start),
            names: names(part),
            glued: is_glued(text, start),
        }
    }
}

/// Whether a capitalised word with something behind it is glued to the text before it:
/// `accordingly.Send it`, but not `GitHub Actions` or `foo.Send(x)`.
pub(super) fn is_glued(text: &str, start: usize) -> bool {
    let Some((before, after)) = text.split_at_checked(start) else { return false };
    let Some(last) = before.bytes().next_back() else { return false };
    let mut next = after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).chars();
    let capital = after.starts_with(|c: char| c.is_ascii_uppercase())
        && after.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase);
    let spaced = next.next() == Some(' ');
    let object = next.as_str();
    let escaped = ["\\n", "\\t", "\\r"].iter().any(|escape| before.ends_with(escape));
    if !capital || !spaced || escaped {
        return false;
    }
    match last {
        b'.' | b'!' | b'?' | b')' => {
            object.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '$' | '\'' | '"'))
        }
        _ => {
            (last.is_ascii_alphanumeric() || last == b'_')
                && (takes_article(object) || object.starts_with('$'))
        }
    }
}

/// Whether a text begins with a word that stands before a thing.
fn takes_article(text: &str) -> bool {
    let word = text.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
    roles_of(word).any(Roles::ARTICLE.or(Roles::MASS).or(Roles::USER).or(Roles::FOLLOWING))
}

fn words(text: &str, offset: usize) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::with_capacity(24);
    let mut rest = text.char_indices().peekable();
    let mut apart = true;
    while let Some((start, c)) = rest.next() {
        if !is_word_char(c) {
            apart |= !c.is_whitespace();
            continue;
        }
        let mut end = start + c.len_utf8();
        while let Some((at, c)) =
            rest.next_if(|(_, c)| is_word_char(*c) || matches!(c, '-' | '\'' | '\u{2019}'))
        {
            end = at + c.len_utf8();
        }
        let word = text.get(start..end).unwrap_or_default().trim_end_matches(['-', '\'', '\u{2019}']);
        let labels = text
            .get(start + word.len()..)
            .is_some_and(|after| after.starts_with(':') && !after.starts_with("://"));
        let roles = roles_of(word);
        let capital = c.is_uppercase() && word.chars().nth(1).is_some_and(char::is_lowercase);
        let identifier = word.contains('_');
        let (start, end) = (offset + start, offset + start + word.len());
        words.push(Word { start, end, roles, apart, labels, capital, identifier });
        apart = false;
        if words.len() == MAX_WORDS {
            break;
        }
    }
    words
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The addresses in a text.
pub(super) fn names(text: &str) -> Names {
    let mut names = Names::default();
    for chunk in text.split_whitespace() {
        let chunk = chunk.trim_matches(|c: char| {
            matches!(c, ',' | '.' | ';' | ':' | '!' | '?' | '\'' | '"' | '(' | ')' | '<' | '>' | '`' | '*')
        });
        names.email |= is_email(chunk);
        names.url |= is_url(chunk);
        names.account |= is_account(chunk);
        names.path |= is_path(chunk);
        names.money |= is_money(chunk);
    }
    names.quoted = text.matches(['\'', '"', '\u{201c}', '`']).count() >= 2;
    names
}

fn is_email(chunk: &str) -> bool {
    chunk
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.ends_with('.'))
}

fn is_url(chunk: &str) -> bool {
    chunk.contains("://") || chunk.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
}

/// Account numbers: two letters and many digits, or ten digits and more; wallets.
fn is_account(chunk: &str) -> bool {
    let digits = chunk.bytes().filter(u8::is_ascii_digit).count();
    let plain = chunk.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let lettered = chunk.bytes().take(2).all(|byte| byte.is_ascii_uppercase());
    let wallet = chunk.len() >= 26 && (chunk.starts_with("0x") || chunk.starts_with("bc1"));
    plain && (wallet || (lettered && digits >= 8) || (digits >= 10 && digits == chunk.len()))
}

fn is_path(chunk: &str) -> bool {
    chunk.starts_with("~/") || (chunk.starts_with('/') && chunk.len() > 3 && !chunk.starts_with("//"))
}

fn is_money(chunk: &str) -> bool {
    chunk
        .strip_prefix(['$', '\u{20ac}', '\u{a3}'])
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The last character boundary at or before `index`.
pub(super) fn floor_of(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// The first character boundary at or after `index`.
fn ceil(text: &str, index: usize) -> usize {
    (index..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around<'t>(text: &'t str, word: &str) -> &'t str {
        let at = text.find(word).unwrap();
        let (start, end) = bounds(text, at, 0);
        text[start..end].trim()
    }

    #[test]
    fn sentences_end_where_a_reader_sees_an_end() {
        for (text, word, expected) in [
            ("One thing. Two things. Three.", "Two", "Two things."),
            ("Wrapped prose goes\non here. End.", "goes", "Wrapped prose goes\non here."),
            ("- first\n- second\n- third", "second", "- second"),
            ("accordingly.Send it now", "Send", "Send it now"),
            ("see www.Example.org today", "today", "see www.Example.org today"),
            ("<b>bold words</b> plain", "words", "bold words"),
            ("e.g. this goes on", "goes", "e.g. this goes on"),
            ("größe. Über alles", "ber", "Über alles"),
        ] {
            assert_eq!(around(text, word), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        let named = |text| names(text);
        assert!(named("to 'ann@example.org'.").email);
        assert!(named("see https://x.test/a").url && named("www.x.test").url);
        assert!(named("to DE89370400440532013000").account && !named("in 2024, RFC 9110").account);
        assert!(named("$1,000").money && !named("$HOME").money);
        assert!(named("cat /etc/passwd").path && !named("and/or a / b").path);
    }
}
