//! Characters that people do not see, and letters that only look right: counted, and taken away
//! so that the text below can be read.

use super::sign::{Sign, Signs};
use crate::text::is_invisible;
use unicode_normalization::UnicodeNormalization as _;

/// What a text says without its disguise.
#[derive(Debug)]
pub(super) struct Revealed {
    /// The text as a machine may read it.
    pub(super) text: String,
    /// Where pieces of the revealed text lie in the text: (place in `text`, place there), sorted.
    places: Vec<(usize, usize)>,
    /// What the disguise itself says.
    pub(super) signs: Signs,
    /// The first and last disguised byte.
    pub(super) span: (usize, usize),
}

impl Revealed {
    /// The place in the original text of byte `at` of the revealed text.
    pub(super) fn origin(&self, at: usize) -> usize {
        let index = self.places.partition_point(|(revealed, _)| *revealed <= at);
        let nearest = index.checked_sub(1).and_then(|index| self.places.get(index));
        nearest.map_or(at, |(revealed, original)| original + (at - revealed))
    }
}

/// How often each kind of disguise occurs.
#[derive(Debug, Default)]
struct Count {
    tags: usize,
    selectors: usize,
    overrides: usize,
    splits: usize,
    look_alikes: usize,
}

/// The text below the disguise; `None` where there is none.
pub(super) fn reveal(text: &str) -> Option<Revealed> {
    if text.is_ascii() {
        return None;
    }
    let mut count = Count::default();
    let mut span: Option<(usize, usize)> = None;
    let mut revealed = String::new();
    let mut places = Vec::new();
    let mut copied = 0;
    let mut before = '\0';
    for (at, c) in text.char_indices() {
        if c.is_ascii() {
            before = c;
            continue;
        }
        let end = at + c.len_utf8();
        let after = text.get(end..).and_then(|rest| rest.chars().next()).unwrap_or('\0');
        let Some(plain) = plain_form(before, c, after, &mut count) else {
            before = c;
            continue;
        };
        places.push((revealed.len(), copied));
        revealed.push_str(text.get(copied..at).unwrap_or_default());
        places.push((revealed.len(), at));
        if let Plain::Letter(letter) = plain {
            revealed.push(letter);
            before = letter;
        }
        copied = end;
        span = Some((span.map_or(at, |(start, _)| start), end));
    }
    let span = span?;
    places.push((revealed.len(), copied));
    revealed.push_str(text.get(copied..).unwrap_or_default());
    Some(Revealed { text: revealed, places, signs: count.signs(), span })
}

/// What stands for a character below the disguise.
enum Plain {
    Nothing,
    Letter(char),
}

/// What `c` stands for; `None` where it stands for itself.
fn plain_form(before: char, c: char, after: char, count: &mut Count) -> Option<Plain> {
    match c {
        '\u{e0020}'..='\u{e007e}' => {
            count.tags += 1;
            let letter = u32::from(c).checked_sub(0xe0000).and_then(char::from_u32)?;
            Some(Plain::Letter(letter))
        }
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            count.overrides += usize::from(matches!(c, '\u{202d}' | '\u{202e}'));
            Some(Plain::Nothing)
        }
        '\u{e0100}'..='\u{e01ef}' | '\u{fe00}'..='\u{fe0f}' => {
            count.selectors += usize::from(is_invisible(before));
            (count.selectors > 8).then_some(Plain::Nothing)
        }
        '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{3000}' => Some(Plain::Letter(' ')),
        _ if is_invisible(c) => {
            let splits = before.is_ascii_alphabetic() && (after.is_ascii_alphabetic() || is_invisible(after));
            count.splits += usize::from(splits);
            splits.then_some(Plain::Nothing)
        }
        '\u{ff01}'..='\u{ff5e}'
        | '\u{1d400}'..='\u{1d7ff}'
        | '\u{24b6}'..='\u{24e9}'
        | '\u{1f130}'..='\u{1f189}' => {
            let letter = std::iter::once(c).nfkc().find(char::is_ascii)?;
            count.look_alikes += usize::from(letter.is_ascii_alphabetic());
            Some(Plain::Letter(letter))
        }
        _ => {
            let letter =
                look_alike(c).filter(|_| before.is_ascii_alphabetic() || after.is_ascii_alphabetic())?;
            count.look_alikes += 1;
            Some(Plain::Letter(letter))
        }
    }
}

impl Count {
    fn signs(&self) -> Signs {
        let mut signs = Signs::default();
        let found = [
            (Sign::HiddenText, self.tags >= 8 || self.selectors >= 16),
            (Sign::Reordered, self.overrides > 0),
            (Sign::SplitWords, self.splits >= 3),
            (Sign::LookAlikes, self.look_alikes >= 3),
        ];
        for (sign, _) in found.into_iter().filter(|(_, found)| *found) {
            signs.insert(sign);
        }
        signs
    }
}

/// The Latin letter that a Cyrillic or Greek one looks like.
const fn look_alike(c: char) -> Option<char> {
    Some(match c {
        '\u{430}' | '\u{3b1}' => 'a',
        '\u{435}' | '\u{3b5}' => 'e',
        '\u{43e}' | '\u{3bf}' => 'o',
        '\u{440}' | '\u{3c1}' => 'p',
        '\u{441}' => 'c',
        '\u{443}' | '\u{3c5}' => 'y',
        '\u{445}' => 'x',
        '\u{456}' | '\u{3b9}' => 'i',
        '\u{458}' => 'j',
        '\u{455}' => 's',
        '\u{501}' => 'd',
        '\u{51b}' => 'q',
        '\u{51d}' => 'w',
        '\u{410}' | '\u{391}' => 'A',
        '\u{412}' | '\u{392}' => 'B',
        '\u{415}' | '\u{395}' => 'E',
        '\u{41a}' | '\u{39a}' => 'K',
        '\u{41c}' | '\u{39c}' => 'M',
        '\u{41d}' | '\u{397}' => 'H',
        '\u{41e}' | '\u{39f}' => 'O',
        '\u{420}' | '\u{3a1}' => 'P',
        '\u{421}' => 'C',
        '\u{422}' | '\u{3a4}' => 'T',
        '\u{425}' | '\u{3a7}' => 'X',
        '\u{406}' | '\u{399}' => 'I',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_are_taken_away_and_places_kept() {
        let text = "Please ig\u{200b}no\u{200b}re the r\u{435}st";
        let revealed = reveal(text).unwrap();
        assert_eq!(revealed.text, "Please ignore the rest");
        let at = revealed.text.find("rest").unwrap();
        assert_eq!(text.get(revealed.origin(at)..), Some("r\u{435}st"));
        assert_eq!(revealed.origin(0), 0);
    }

    #[test]
    fn writing_that_needs_such_characters_is_no_disguise() {
        for text in [
            "caf\u{e9} na\u{ef}ve",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "family \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} and \u{2764}\u{fe0f}",
            "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43c}\u{438}\u{440}",
        ] {
            assert!(reveal(text).is_none_or(|revealed| revealed.signs.is_empty()), "{text}");
        }
    }
}
