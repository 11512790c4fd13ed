//! Groups of digits as people write long numbers: `4111 1111 1111 1111`, `+1 (212) 555-0100`.

/// The most groups that one number has.
const MAX_GROUPS: usize = 10;

/// The most digits that one number has; the longest card has 19.
const MAX_DIGITS: usize = 24;

/// One group of digits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    pub(super) const fn len(self) -> usize {
        self.end - self.start
    }
}

/// The groups of one number, from left to right.
#[derive(Debug)]
pub(super) struct Groups {
    groups: [Group; MAX_GROUPS],
    count: usize,
    /// The number goes on after the last group.
    pub(super) cut: bool,
    /// Where the first run of digits ends.
    first_end: usize,
}

impl Groups {
    /// The groups that begin with the digit at `start` and are joined by short separators.
    pub(super) fn at(bytes: &[u8], start: usize) -> Self {
        let first_end = end_of_digits(bytes, start);
        let mut groups = Self { groups: [Group::default(); MAX_GROUPS], count: 0, cut: false, first_end };
        let (mut from, mut end, mut digits) = (start, first_end, 0);
        loop {
            digits += end - from;
            let Some(slot) = groups.groups.get_mut(groups.count).filter(|_| digits <= MAX_DIGITS) else {
                groups.cut = true;
                return groups;
            };
            *slot = Group { start: from, end };
            groups.count += 1;
            match next_group(bytes, end) {
                Some(next) => (from, end) = (next, end_of_digits(bytes, next)),
                None => return groups,
            }
        }
    }

    pub(super) fn all(&self) -> &[Group] {
        self.groups.get(..self.count).unwrap_or_default()
    }

    /// Where the first run of digits ends.
    pub(super) const fn first_end(&self) -> usize {
        self.first_end
    }

    /// Whether there are fewer digits than any kind of personal data has.
    pub(super) fn are_few(&self) -> bool {
        self.count < 4 && self.digit_count() < 7
    }

    pub(super) fn start(&self) -> usize {
        self.all().first().map_or(0, |group| group.start)
    }

    pub(super) fn end(&self) -> usize {
        self.all().last().map_or(0, |group| group.end)
    }

    pub(super) fn digit_count(&self) -> usize {
        self.all().iter().map(|group| group.len()).sum()
    }
}

/// The digits of `groups`, without what separates them.
pub(super) fn values<'a>(bytes: &'a [u8], groups: &'a [Group]) -> impl DoubleEndedIterator<Item = u8> + 'a {
    groups
        .iter()
        .flat_map(|group| bytes.get(group.start..group.end).unwrap_or_default())
        .map(|byte| byte.wrapping_sub(b'0'))
}

pub(super) fn end_of_digits(bytes: &[u8], from: usize) -> usize {
    from + bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The byte before `index`.
pub(super) fn before(bytes: &[u8], index: usize) -> Option<u8> {
    bytes.get(index.checked_sub(1)?).copied()
}

/// Where the next group begins, if only a short separator stands between.
fn next_group(bytes: &[u8], end: usize) -> Option<usize> {
    let length = match bytes.get(end..)? {
        [b')', b' ' | b'-', ..] | [b' ' | b'-', b'(', ..] | [0xc2, 0xa0, ..] => 2,
        [b' ', b'-', b' ', ..] => 3,
        [b' ' | b'-' | b'.' | b'/' | b')', ..] => 1,
        _ => return None,
    };
    bytes.get(end + length)?.is_ascii_digit().then_some(end + length)
}
