//! Numbers with a check: payment cards, bank accounts, social security numbers.

use super::digits::{Group, Groups, before, values};
use super::{Kind, Span, cue};

/// The payment card that `groups` begin with: Luhn's check digit, and an issuer's range and length
/// (ISO/IEC 7812) or words that speak of a card.
pub(super) fn card(text: &str, groups: &Groups) -> Option<Span> {
    let bytes = text.as_bytes();
    let all = groups.all();
    let start = all.first()?.start;
    if groups.cut || before(bytes, start).is_some_and(|byte| matches!(byte, b'.' | b'+' | b'-')) {
        return None;
    }
    (1..=all.len().min(6)).find_map(|count| {
        let (head, tail) = all.split_at_checked(count)?;
        let end = head.last()?.end;
        let digits: usize = head.iter().map(|group| group.len()).sum();
        let joined = tail.first().is_some_and(|next| next.start == end + 1 && next.len() >= 3 && count > 1);
        ((12..=19).contains(&digits)
            && !joined
            && is_grouped_as_card(bytes, head)
            && ends_word(bytes, end)
            && has_luhn_digit(bytes, head)
            && (is_issued(bytes, head, digits) || cue::says_card(text, start)))
        .then_some(Span { kind: Kind::Card, start, end })
    })
}

/// One piece, or groups as printed on cards: fours, or 4-6-5 and 4-6-4, with one separator throughout.
fn is_grouped_as_card(bytes: &[u8], groups: &[Group]) -> bool {
    let [first, middle @ .., last] = groups else { return true };
    let separator = |group: &Group| bytes.get(group.end).copied();
    let uniform = groups.windows(2).all(|pair| {
        matches!(pair, [left, right] if right.start == left.end + 1
            && separator(left) == separator(first)
            && matches!(separator(left), Some(b' ' | b'-' | b'.')))
    });
    let lengths = || middle.iter().map(|group| group.len());
    let fours = lengths().all(|len| len == 4) && last.len() <= 4 && !middle.is_empty();
    let four_six = middle.len() == 1 && lengths().all(|len| len == 6) && matches!(last.len(), 4 | 5);
    uniform && first.len() == 4 && (fours || four_six)
}

fn is_issued(bytes: &[u8], groups: &[Group], digits: usize) -> bool {
    let prefix = values(bytes, groups).take(4).fold(0_u32, |sum, digit| sum * 10 + u32::from(digit));
    match prefix {
        4000..=4999 => matches!(digits, 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => digits == 16,
        3400..=3499 | 3700..=3799 | 2131 | 1800 => digits == 15,
        3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 | 2200..=2204 => matches!(digits, 16..=19),
        3600..=3699 | 3800..=3999 | 3000..=3059 | 3095 => matches!(digits, 14..=19),
        5018 | 5020 | 5038 | 5600..=5899 | 6304 | 6390 | 6759 | 6761..=6763 => true,
        _ => false,
    }
}

fn has_luhn_digit(bytes: &[u8], groups: &[Group]) -> bool {
    let sum: u32 = values(bytes, groups)
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let weighted = u32::from(digit) * if index % 2 == 0 { 1 } else { 2 };
            if weighted > 9 { weighted - 9 } else { weighted }
        })
        .sum();
    sum.is_multiple_of(10) && values(bytes, groups).any(|digit| digit != 0)
}

/// A social security number: three, two and four digits with one separator, in ranges that are
/// assigned; without separators only where the words before it say so.
pub(super) fn ssn(text: &str, groups: &Groups) -> Option<Span> {
    let bytes = text.as_bytes();
    let all = groups.all();
    let (start, end) = (groups.start(), groups.end());
    let separated = match all {
        [area, group, serial] => {
            let separator = bytes.get(area.end).copied();
            matches!(separator, Some(b'-' | b' ' | b'.'))
                && bytes.get(group.end).copied() == separator
                && (area.len(), group.len(), serial.len()) == (3, 2, 4)
                && (group.start, serial.start) == (area.end + 1, group.end + 1)
        }
        [whole] => whole.len() == 9 && cue::says_ssn(text, start),
        _ => false,
    };
    let number =
        values(bytes, all).fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit)));
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    let assigned = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    let stands_alone =
        ends_word(bytes, end) && !before(bytes, start).is_some_and(|byte| matches!(byte, b'-' | b'.' | b'+'));
    (separated && assigned && stands_alone).then_some(Span { kind: Kind::Ssn, start, end })
}

/// Whether no further digit or letter belongs to the word that ends at `end`.
fn ends_word(bytes: &[u8], end: usize) -> bool {
    match bytes.get(end) {
        Some(b'-' | b'.') => !bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
        Some(byte) => !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'@') && *byte < 0x80,
        None => true,
    }
}

/// The length of an IBAN by country (SWIFT's registry).
#[rustfmt::skip]
static IBAN_LENGTHS: &[(&str, usize)] = &[
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22),
    ("BH", 22), ("BI", 27), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24),
    ("DE", 22), ("DJ", 27), ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18),
    ("FK", 18), ("FO", 18), ("FR", 27), ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27),
    ("GT", 28), ("HN", 28), ("HR", 21), ("HU", 28), ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26),
    ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28), ("LC", 32), ("LI", 21), ("LT", 20),
    ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22), ("MK", 19), ("MN", 20),
    ("MR", 27), ("MT", 31), ("MU", 30), ("NI", 28), ("NL", 18), ("NO", 15), ("OM", 23), ("PK", 24),
    ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("RU", 33), ("SA", 24),
    ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("SO", 23), ("ST", 25),
    ("SV", 28), ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20),
    ("YE", 30),
];

/// The IBAN whose check digits begin at `digit`, in one piece or in groups of four.
pub(super) fn iban_around(text: &str, digit: usize, from: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let start = digit.checked_sub(2).filter(|start| *start >= from)?;
    let country = text.get(start..digit)?.to_ascii_uppercase();
    let (_, length) = IBAN_LENGTHS.iter().find(|(known, _)| *known == country)?;
    if before(bytes, start).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80) {
        return None;
    }
    let mut remainder = Mod97::default();
    let mut head = [0_u8; 4];
    let (mut count, mut index) = (0, start);
    while count < *length {
        let byte = *bytes.get(index)?;
        if matches!(byte, b' ' | b'-') && count % 4 == 0 && count > 0 {
            index += 1;
            continue;
        }
        if !byte.is_ascii_alphanumeric() {
            return None;
        }
        match head.get_mut(count) {
            Some(slot) => *slot = byte,
            None => remainder.push(byte),
        }
        (count, index) = (count + 1, index + 1);
    }
    head.into_iter().for_each(|byte| remainder.push(byte));
    (remainder.0 == 1 && ends_word(bytes, index)).then_some(Span { kind: Kind::Iban, start, end: index })
}

/// The remainder modulo 97 of the number that letters and digits spell (ISO 13616).
#[derive(Default)]
struct Mod97(u32);

impl Mod97 {
    fn push(&mut self, byte: u8) {
        self.0 = match byte {
            b'0'..=b'9' => (self.0 * 10 + u32::from(byte - b'0')) % 97,
            _ => (self.0 * 100 + u32::from(byte.to_ascii_uppercase().saturating_sub(b'A')) + 10) % 97,
        };
    }
}
