//! Network addresses.

use super::digits::{Groups, before};
use super::{Kind, Span};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest IPv6 address in text.
const MAX_V6: usize = 45;

/// The IPv4 address that `groups` begin with. Addresses that every machine has are nobody's.
pub(super) fn v4(bytes: &[u8], groups: &Groups) -> Option<Span> {
    let [first, .., last] = groups.all().get(..4)? else { return None };
    let (start, end) = (first.start, last.end);
    let follows_name = before(bytes, start) == Some(b'/')
        && start.checked_sub(2).and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_alphanumeric);
    if follows_name || before(bytes, start).is_some_and(|byte| matches!(byte, b'.' | b'-' | b'+')) {
        return None;
    }
    let goes_on = match bytes.get(end) {
        Some(b'.' | b'-') => bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some(byte) => byte.is_ascii_alphanumeric() || *byte == b'_',
        None => false,
    };
    let address: Ipv4Addr = std::str::from_utf8(bytes.get(start..end)?).ok()?.parse().ok()?;
    let personal = !address.is_loopback() && !address.is_unspecified() && !address.is_broadcast();
    (!goes_on && personal && !is_version(bytes, start)).then_some(Span { kind: Kind::Ip, start, end })
}

/// `version 1.2.3.4`, `section 4.1.1.2`.
fn is_version(bytes: &[u8], start: usize) -> bool {
    const CUES: [&[u8]; 9] = [
        b"version ",
        b"version=",
        b"version: ",
        b"version\": \"",
        b"release ",
        b"ver. ",
        b"section ",
        b"sections ",
        b"sec. ",
    ];
    let before = bytes.get(start.saturating_sub(11)..start).unwrap_or_default().to_ascii_lowercase();
    CUES.iter().any(|cue| before.ends_with(cue))
}

/// The IPv6 address around the colon at `colon`, and where to go on searching.
pub(super) fn v6_around(text: &str, colon: usize, from: usize) -> (Option<Span>, usize) {
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
    let Some(next) = bytes.get(colon + 1).filter(|byte| is_part(byte)) else { return (None, colon + 1) };
    if *next != b':' && !before(bytes, colon).is_some_and(|byte| byte.is_ascii_hexdigit()) {
        return (None, colon + 1);
    }
    let floor = from.max(colon.saturating_sub(4));
    let digits =
        bytes.get(floor..colon).unwrap_or_default().iter().rev().take_while(|byte| byte.is_ascii_hexdigit());
    let start = colon - digits.count();
    let end = colon
        + bytes.get(colon..).unwrap_or_default().iter().take(MAX_V6).take_while(|byte| is_part(byte)).count();
    let span = v6(text, start, end);
    (span, span.map_or(end, |span| span.end))
}

fn v6(text: &str, start: usize, end: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':') || byte >= 0x80;
    if before(bytes, start).is_some_and(is_word) || bytes.get(end).copied().is_some_and(is_word) {
        return None;
    }
    let written = text.get(start..end)?;
    // `fe80::1: no route`: the last colon belongs to the sentence.
    let written = written.strip_suffix(':').filter(|rest| !rest.ends_with(':')).unwrap_or(written);
    let address: Ipv6Addr = written.parse().ok()?;
    let groups = || written.split(':').filter(|group| !group.is_empty());
    let spelled_out = groups().any(|group| group.len() > 2) && (groups().count() >= 3 || is_routed(address));
    (spelled_out && written.bytes().any(|byte| byte.is_ascii_digit())).then_some(Span {
        kind: Kind::Ip,
        start,
        end: start + written.len(),
    })
}

/// Whether the first group is one that networks use, which tells `fe80::1` from a name like `a::b`.
fn is_routed(address: Ipv6Addr) -> bool {
    let [first, ..] = address.segments();
    matches!(first, 0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf | 0xff00..=0xff0f)
}
