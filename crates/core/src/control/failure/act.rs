//! The fingerprint of an action: equal for the same tool with the same arguments, however they are written.
//!
//! The order of keys and the form of numbers (`1`, `1.0`) do not matter. A second, coarser fingerprint also leaves out
//! numbers, the last parts of paths and the width of blanks, so that `cat /a/1.txt` and `cat  /a/2.txt` are near
//! each other. Fingerprints are compared within one session only, so a few bits are enough.

use rustc_hash::FxHasher;
use serde_json::{Map, Number, Value};
use std::hash::Hasher;

/// The two fingerprints of one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    /// Of the tool and its exact arguments.
    pub action: u64,
    /// Of the tool and what is left of its arguments without numbers, ends of paths and blanks.
    pub near: u32,
}

impl Act {
    /// The fingerprints of `tool` with `arguments`.
    pub fn of(tool: &str, arguments: &Map<String, Value>) -> Self {
        Self { action: hash(tool, arguments, Grain::Exact), near: fold(hash(tool, arguments, Grain::Near)) }
    }
}

/// Half of the bits of a fingerprint.
#[expect(clippy::cast_possible_truncation, reason = "half of the bits are meant to go")]
pub(super) const fn fold(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Grain {
    Exact,
    Near,
}

fn hash(tool: &str, arguments: &Map<String, Value>, grain: Grain) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(tool.as_bytes());
    add_object(&mut hasher, arguments, grain);
    hasher.finish()
}

/// The depth of values is bounded where they are parsed.
fn add(hasher: &mut FxHasher, value: &Value, grain: Grain) {
    match value {
        Value::Null => hasher.write_u8(0),
        Value::Bool(yes) => hasher.write_u8(1 + u8::from(*yes)),
        Value::Number(_) if grain == Grain::Near => hasher.write_u8(3),
        Value::Number(number) => add_number(hasher, number),
        Value::String(text) if grain == Grain::Near => add_masked(hasher, text),
        Value::String(text) => {
            hasher.write_u8(5);
            hasher.write(text.as_bytes());
        }
        Value::Array(items) => {
            hasher.write_u8(6);
            hasher.write_usize(items.len());
            items.iter().for_each(|item| add(hasher, item, grain));
        }
        Value::Object(entries) => add_object(hasher, entries, grain),
    }
}

/// Adds up the entries, so that their order does not matter.
fn add_object(hasher: &mut FxHasher, entries: &Map<String, Value>, grain: Grain) {
    let mut sum = 0_u64;
    for (key, value) in entries {
        let mut entry = FxHasher::default();
        entry.write(key.as_bytes());
        add(&mut entry, value, grain);
        sum = sum.wrapping_add(entry.finish());
    }
    hasher.write_u8(7);
    hasher.write_u64(sum);
}

/// The largest whole number up to which doubles hold every whole number: 2^53.
const EXACT_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Adds a number by its value: `1`, `1.0` and `1e0` are one number.
fn add_number(hasher: &mut FxHasher, number: &Number) {
    hasher.write_u8(4);
    if let Some(whole) = number.as_i128() {
        return hasher.write_i128(whole);
    }
    let value = number.as_f64().unwrap_or(f64::NAN);
    if value.fract() == 0.0 && value.abs() <= EXACT_WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
        return hasher.write_i128(value as i128);
    }
    hasher.write_u64(value.to_bits());
}

/// Adds the words of a text, each without its numbers and without the last part of a path.
pub(super) fn add_masked(hasher: &mut FxHasher, text: &str) {
    hasher.write_u8(8);
    for word in text.split_whitespace() {
        let word = word.trim_end_matches('/');
        match word.rfind('/').and_then(|at| word.get(..=at)) {
            Some(folder) => {
                add_without_digits(hasher, folder);
                hasher.write_u8(b'*');
            }
            None => add_without_digits(hasher, word),
        }
        hasher.write_u8(b' ');
    }
}

fn add_without_digits(hasher: &mut FxHasher, word: &str) {
    for (place, part) in word.split(|c: char| c.is_ascii_digit()).enumerate() {
        if place > 0 && part.is_empty() {
            continue;
        }
        hasher.write(part.as_bytes());
        hasher.write_u8(b'#');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn act(arguments: Value) -> Act {
        let Value::Object(arguments) = arguments else { unreachable!("arguments are an object") };
        Act::of("bash", &arguments)
    }

    /// D251: the order of keys and the form of numbers do not matter.
    #[test]
    fn d251_equal_arguments_have_equal_fingerprints() {
        let text = |text: &str| act(serde_json::from_str(text).unwrap());
        let one = text(r#"{"a": 1, "b": {"c": 2.0, "d": [1e0]}}"#);
        assert_eq!(one, text(r#"{"b": {"d": [1], "c": 2}, "a": 1.0}"#));
        for other in [
            r#"{"a": 2, "b": {"c": 2, "d": [1]}}"#,
            r#"{"a": 1, "b": {"c": 2, "d": ["1"]}}"#,
            r#"{"a": 1, "b": {"c": 2}, "d": [1]}"#,
            r#"{"a": 1.5, "b": {"c": 2, "d": [1]}}"#,
            r#"{"a": true, "b": {"c": 2, "d": [1]}}"#,
        ] {
            assert_ne!(one.action, text(other).action, "{other}");
        }
        assert_ne!(Act::of("bash", &Map::new()), Act::of("exec", &Map::new()));
    }

    #[test]
    fn near_fingerprints_leave_out_numbers_ends_of_paths_and_blanks() {
        let near = |text: &str| act(json!({ "command": text })).near;
        let one = near("cat /var/log/app1.log | head -20");
        for same in [
            "cat  /var/log/app22.log | head -5",
            "cat /var/log/other | head -20",
            "cat /var/log/x/ | head -1",
        ] {
            assert_eq!(one, near(same), "{same}");
        }
        for other in
            ["cat /etc/log/app1.log | head -20", "tac /var/log/app1.log | head -20", "cat /var/log/app1.log"]
        {
            assert_ne!(one, near(other), "{other}");
        }
        assert_eq!(act(json!({ "page": 1 })).near, act(json!({ "page": 2 })).near);
        assert_ne!(act(json!({ "page": 1 })).near, act(json!({ "page": "x" })).near);
    }
}
