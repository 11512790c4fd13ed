//! Tool misuse: arguments that are missing, of the wrong type, unknown to the tool, or nonsense (A263).

use super::schema::Schema;
use serde_json::{Map, Value};

/// The sentence for a path that leads nowhere. Source: A263.
pub const INVALID_PATH: &str = "Invalid file path";

/// Texts that stand where a value got lost on the way.
const NONSENSE: &[&str] = &["undefined", "null", "None", "NaN", "[object Object]"];

/// Whether a text is no path that anybody can have meant: blank, or the name of a missing value.
pub fn is_nonsense(path: &str) -> bool {
    path.trim().is_empty() || NONSENSE.contains(&path.trim())
}

/// Whether a path climbs above where it starts.
pub fn escapes(path: &str) -> bool {
    let mut depth = 0_u32;
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

/// The detector of A263: arguments against the names of their types. What it finds first, in the order of the
/// requirement; `None` where all is well. An error: the name of a type that nobody knows.
pub fn detect(
    tool: &str,
    arguments: &Map<String, Value>,
    expected: &[(&str, &str)],
) -> Result<Option<String>, String> {
    let touches_a_file = tool == "file_operation";
    let known: &[&str] = if touches_a_file { &["path"] } else { &[] };
    if let Some(found) = Schema::of_types(expected.iter().copied())?.misfit(arguments, known) {
        return Ok(Some(found.to_string()));
    }
    let path = arguments.get("path").and_then(Value::as_str);
    let sound = path.is_some_and(|path| !is_nonsense(path) && !escapes(path));
    Ok((touches_a_file && !sound).then(|| INVALID_PATH.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arguments(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    /// A263, D252: the texts, their order, and the nearest arguments that fit.
    #[test]
    fn a263_texts_and_their_order() {
        for (given, expected, found) in [
            (json!({ "a": 1 }), [("a", "int")], None),
            (json!({}), [("a", "int")], Some("Missing required parameter: a")),
            (json!({ "a": "x" }), [("a", "int")], Some("Invalid type for a: expected int")),
            (json!({ "a": true }), [("a", "int")], Some("Invalid type for a: expected int")),
            (json!({ "a": 1.0 }), [("a", "int")], Some("Invalid type for a: expected int")),
            (json!({ "a": 1.0 }), [("a", "integer")], None),
            (json!({ "a": 1.5 }), [("a", "integer")], Some("Invalid type for a: expected integer")),
            (json!({ "a": true }), [("a", "number")], Some("Invalid type for a: expected number")),
            (json!({ "a": 1 }), [("a", "float")], None),
            (json!({ "a": null }), [("a", "str")], Some("Invalid type for a: expected str")),
            (json!({ "a": [] }), [("a", "list")], None),
            (json!({ "a": 1, "b": 2 }), [("a", "int")], Some("Unexpected parameter: b")),
            (json!({ "a": "x", "b": 2 }), [("a", "int")], Some("Invalid type for a: expected int")),
        ] {
            let got = detect("t", &arguments(given.clone()), &expected).unwrap();
            assert_eq!(got.as_deref(), found, "{given}");
        }
        assert!(detect("t", &Map::new(), &[("a", "integr")]).is_err());
    }

    #[test]
    fn a263_paths_that_lead_nowhere() {
        for (path, sound) in [
            (json!("notes.txt"), true),
            (json!("a/../b"), true),
            (json!("/etc/hosts"), true),
            (json!("null.txt"), true),
            (json!(""), false),
            (json!(" \t"), false),
            (json!("undefined"), false),
            (json!("null"), false),
            (json!("../x"), false),
            (json!("a/../../x"), false),
            (json!("/../x"), false),
            (json!(7), false),
            (json!(null), false),
        ] {
            let got = detect("file_operation", &arguments(json!({ "path": path })), &[]).unwrap();
            assert_eq!(got.is_none(), sound, "{path}");
        }
        assert_eq!(detect("other", &Map::new(), &[]), Ok(None));
    }
}
