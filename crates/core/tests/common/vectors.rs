//! Golden vectors: one JSON object a line. `STAYHAND_GOLDEN` names another folder with files of the same formats.

use serde_json::Value;
use std::path::PathBuf;

/// The vectors of one file: id, input, expected output.
pub(crate) fn vectors(name: &str) -> Vec<(String, Value, Value)> {
    let folder = std::env::var_os("STAYHAND_GOLDEN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let vector: Value = serde_json::from_str(line).unwrap();
            (vector["id"].as_str().unwrap().to_owned(), vector["in"].clone(), vector["expected"].clone())
        })
        .collect();
    assert!(!lines.is_empty(), "{} holds no vectors", path.display());
    lines
}
