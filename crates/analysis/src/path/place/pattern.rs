//! Which sensitive place a path with wildcards may lie in.

use super::tables::{ABSOLUTE, NAMED, SSH_KEYS, SYSTEM};
use super::{covers, stands_under};
use crate::Surroundings;
use stayhand_core::facts::Place::{self, Key, System};

/// The place of a path that holds wildcards: that of any table entry it may stand for, where the
/// pattern spells out at least half of the name. (`*.json` is not taken for `credentials.json`.)
pub(in crate::path) fn place_of_pattern(pattern: &str, at: &Surroundings<'_>) -> Option<Place> {
    let named = pattern.match_indices('/').find_map(|(slash, _)| {
        let component = pattern.get(slash + 1..)?.split('/').next()?;
        let rule = NAMED
            .iter()
            .find(|rule| may_name(component, rule.name) && stands_under(pattern, slash + 1, rule.under));
        let key = || SSH_KEYS.iter().any(|key| may_name(component, key)).then_some(Key);
        rule.map(|rule| rule.place).or_else(key)
    });
    let absolute = || ABSOLUTE.iter().find(|(folder, _)| may_cover(folder, pattern)).map(|(_, place)| *place);
    let system = || {
        SYSTEM
            .iter()
            .any(|first| pattern.split('/').nth(1).is_some_and(|component| may_name(component, first)))
    };
    named.or_else(absolute).or_else(|| (system() && !covers(at.workspace, pattern)).then_some(System))
}

fn may_cover(folder: &str, pattern: &str) -> bool {
    let mut components = pattern.split('/');
    folder
        .split('/')
        .all(|name| components.next().is_some_and(|component| component == name || may_name(component, name)))
}

/// Whether `component`, which holds wildcards, stands for `name` and spells out half of it.
fn may_name(component: &str, name: &str) -> bool {
    let (literal, wild) = spelled_out(component);
    wild && literal * 2 >= name.len() && matches_wildcard(component.as_bytes(), name.as_bytes())
}

/// How many bytes of `pattern` stand for themselves, and whether there are others.
fn spelled_out(pattern: &str) -> (usize, bool) {
    let mut literal = 0;
    let mut in_set = false;
    for byte in pattern.bytes() {
        match byte {
            b'[' => in_set = true,
            b']' => in_set = false,
            b'*' | b'?' => {}
            _ if !in_set => literal += 1,
            _ => {}
        }
    }
    (literal, literal < pattern.len())
}

/// Shell wildcards in one component, without recursion. A set stands for any byte, which errs
/// towards a match; a leading wildcard does not stand for a dot.
fn matches_wildcard(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, n));
            }
            Some(b'[') => {
                p += pattern
                    .get(p..)
                    .and_then(|rest| rest.iter().position(|c| *c == b']'))
                    .map_or(1, |end| end + 1);
                n += 1;
            }
            Some(other) if *other == b'?' || other.eq_ignore_ascii_case(byte) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    p = after_star;
                    n = from + 1;
                    retry = Some((after_star, n));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}
