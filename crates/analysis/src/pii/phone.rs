//! Telephone numbers: international form (E.164), North American and European national forms.

use super::digits::{Group, Groups, before, end_of_digits};
use super::{Kind, Span, cue};

/// The telephone number that `groups` spell as a whole.
pub(super) fn number(text: &str, groups: &Groups) -> Option<Span> {
    let bytes = text.as_bytes();
    let digits = groups.digit_count();
    if groups.cut || !(7..=16).contains(&digits) {
        return None;
    }
    let form = Form::of(bytes, groups);
    let end = with_extension(bytes, groups.end());
    if !stands_alone(bytes, form.start, end) || is_date(bytes, groups.all()) {
        return None;
    }
    let shaped = form.is_international(digits) || form.is_north_american() || form.is_national(digits);
    let said = || digits <= 15 && !form.is_decimal() && cue::says_phone(text, form.start, end);
    (shaped || said()).then_some(Span { kind: Kind::Phone, start: form.start, end })
}

/// How a number is written.
struct Form<'a> {
    bytes: &'a [u8],
    groups: &'a [Group],
    /// Where it starts, with a plus sign or bracket before the first digit.
    start: usize,
    plus: bool,
}

impl<'a> Form<'a> {
    fn of(bytes: &'a [u8], groups: &'a Groups) -> Self {
        let mut start = groups.start();
        let first_end = groups.first_end();
        let mut plus = false;
        if before(bytes, start) == Some(b'(') && bytes.get(first_end) == Some(&b')') {
            start -= 1;
        }
        if before(bytes, start) == Some(b'+') {
            start -= 1;
            plus = true;
        }
        Self { bytes, groups: groups.all(), start, plus }
    }

    fn digit(&self, index: usize, at: usize) -> u8 {
        self.groups.get(index).and_then(|group| self.bytes.get(group.start + at)).copied().unwrap_or(b'0')
    }

    fn lengths(&self) -> Vec<usize> {
        self.groups.iter().map(|group| group.len()).collect()
    }

    /// `+44 20 7946 0958`, `0044 20 7946 0958`, `001-518-640-0854`.
    fn is_international(&self, digits: usize) -> bool {
        let grouped = self.groups.len() >= 2;
        if self.plus {
            return self.digit(0, 0) != b'0' && (8..=15).contains(&digits) && (grouped || digits >= 10);
        }
        let prefixed = self.digit(0, 0) == b'0' && self.digit(0, 1) == b'0';
        prefixed && self.digit(0, 2) != b'0' && digits >= 10 && self.groups.len() >= 3 && self.are_joined()
    }

    /// `(212) 555-0100`, `212-555-0100`, `1.212.555.0100`.
    fn is_north_american(&self) -> bool {
        let lengths = self.lengths();
        let first = match lengths.as_slice() {
            [3, 3, 4] => 0,
            [1, 3, 3, 4] if self.digit(0, 0) == b'1' => 1,
            _ => return false,
        };
        let numbered =
            matches!(self.digit(first, 0), b'2'..=b'9') && matches!(self.digit(first + 1, 0), b'1'..=b'9');
        let spaced = self
            .groups
            .windows(2)
            .all(|pair| matches!(pair, [left, _] if self.bytes.get(left.end) == Some(&b' ')));
        numbered && !spaced
    }

    /// `020 7946 0958`, `0341 8387176`, `03.93.92.16.85`: a trunk zero before an area code.
    fn is_national(&self, digits: usize) -> bool {
        let lengths = self.lengths();
        let trunk = self.digit(0, 0) == b'0' && self.digit(0, 1) != b'0';
        let shaped = match lengths.as_slice() {
            [first, second] => (3..=5).contains(first) && (5..=8).contains(second),
            [first, rest @ ..] => {
                (2..=5).contains(first) && rest.iter().all(|length| (2..=4).contains(length))
            }
            [] => false,
        };
        trunk && shaped && self.groups.len() >= 2 && (9..=11).contains(&digits) && self.are_joined()
    }

    /// Whether one separator byte joins all groups, which tells a number from a list of numbers.
    fn are_joined(&self) -> bool {
        let separator = |left: &Group| self.bytes.get(left.end).copied();
        let mut kinds: Vec<u8> = self.groups.iter().rev().skip(1).filter_map(separator).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.len() <= 2
    }

    /// `1234567.89`.
    fn is_decimal(&self) -> bool {
        matches!(self.groups, [whole, _] if self.bytes.get(whole.end) == Some(&b'.') && !self.plus)
    }
}

/// The end of the number with the extension that follows it: `x459`, ` ext. 12`.
fn with_extension(bytes: &[u8], end: usize) -> usize {
    const MARKS: [&[u8]; 6] = [b"x", b" x", b" ext. ", b" ext ", b"ext", b" ext."];
    let extension = MARKS.iter().find_map(|mark| {
        let from = end + bytes.get(end..)?.strip_prefix(*mark).map(|_| mark.len())?;
        let to = end_of_digits(bytes, from);
        (1..=6).contains(&(to - from)).then_some(to)
    });
    extension.unwrap_or(end)
}

/// Whether nothing before or after shows that the digits are part of something longer.
fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let led = before(bytes, start).is_some_and(|byte| {
        byte.is_ascii_alphanumeric()
            || byte >= 0x80
            || matches!(byte, b'.' | b'-' | b'+' | b'_' | b'/' | b'$' | b'#' | b'%')
    });
    let followed = match bytes.get(end) {
        Some(b':' | b'.' | b',' | b'-') => bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
        Some(byte) => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'%' | b'/' | b'='),
        None => false,
    };
    !led && !followed
}

/// `2024-01-31`, `31.01.2024`, also with an hour after it.
fn is_date(bytes: &[u8], groups: &[Group]) -> bool {
    let [one, two, three, ..] = groups else { return false };
    let separator = bytes.get(one.end);
    let same = separator == bytes.get(two.end) && matches!(separator, Some(b'-' | b'.' | b'/'));
    let (lengths, short) = ((one.len(), three.len()), two.len() <= 2);
    same && short && matches!(lengths, (4, 1..=2) | (1..=2, 4))
}
