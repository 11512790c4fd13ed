//! Parts of a text that markup sets apart: tags that claim authority, comments, what is not shown.

/// A part of a text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The longest region that is read, in bytes.
const LONGEST: usize = 4000;

/// Prose has at least this many words.
const PROSE_WORDS: usize = 4;

/// The body of the tag whose name ends at `end`: up to the closing tag, or what follows.
pub(super) fn tagged(text: &str, start: usize, end: usize) -> Option<Region> {
    let name = text.get(start + 1..end)?.trim_end_matches(['>', ']']);
    let rest = text.get(end - 1..)?;
    let closing = if text.as_bytes().get(start) == Some(&b'[') { ']' } else { '>' };
    let open_end = rest.get(..floor(rest, 80))?.find(closing)? + 1;
    let attributes = rest.get(1..open_end)?;
    let tells = attributes.strip_prefix('s').unwrap_or(attributes).starts_with(['>', ']', ' ', '_', '-']);
    if attributes.contains(['<', '=', '\n', '/']) || !(tells || attributes.is_empty()) {
        return None;
    }
    let body_start = end - 1 + open_end;
    let body = text.get(body_start..)?;
    let body = body.get(..floor(body, LONGEST))?;
    // A name in brackets alone is a place to fill in, or a link.
    let opens_block =
        body.trim_start_matches(' ').starts_with(['\n', '\r']) || (closing == ']' && !body.starts_with('('));
    let close = match closing_tag(body, name) {
        Some(close) => close,
        None if opens_block && begins_line(text, start) => {
            body.trim_start().find("\n\n").unwrap_or(body.len())
        }
        None => return None,
    };
    Some(Region { start: body_start, end: body_start + close })
}

/// Where `</name` stands, letter case ignored.
fn closing_tag(body: &str, name: &str) -> Option<usize> {
    body.match_indices("</").map(|(at, _)| at).find(|at| {
        let found = body.as_bytes().get(at + 2..at + 2 + name.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// Whether a text is prose: words in a row, hardly any markup or code.
pub(super) fn is_prose(text: &str) -> bool {
    let words = text
        .split_whitespace()
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic() || b"',.!?-\"".contains(&byte)));
    let odd = text.bytes().filter(|byte| matches!(byte, b'<' | b'{' | b'}' | b'=' | b';' | b'$')).count();
    let words = words.count();
    words >= PROSE_WORDS && odd * 4 <= words
}

/// The body of the comment that begins at `start`.
pub(super) fn comment(text: &str, start: usize, end: usize) -> Option<Region> {
    let body = text.get(end..)?;
    let body = body.get(..floor(body, LONGEST))?;
    let stop = if text.get(start..end)? == "<!--" { body.find("-->") } else { body.find('\n') };
    Some(Region { start: end, end: end + stop.unwrap_or(body.len()) })
}

/// The body of the element whose style, which ends at `end`, hides it.
pub(super) fn unseen(text: &str, end: usize) -> Option<Region> {
    let rest = text.get(end..)?;
    let open_end = rest.get(..floor(rest, 200))?.find(['>', '}'])?;
    if rest.as_bytes().get(open_end) != Some(&b'>') {
        return None;
    }
    let start = end + open_end + 1;
    let body = text.get(start..)?;
    let body = body.get(..floor(body, LONGEST))?;
    Some(Region { start, end: start + body.find("</").unwrap_or(body.len()) })
}

/// Whether `at` is the beginning of a line, marks of emphasis and quotation aside.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let before = before.trim_end_matches([' ', '\t', '*', '#', '>', '[', '_', '"', '-', '=']);
    before.is_empty() || before.ends_with('\n') || before.ends_with("\\n")
}

fn floor(text: &str, index: usize) -> usize {
    super::sentence::floor_of(text, index)
}
