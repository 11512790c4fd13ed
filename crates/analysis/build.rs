//! Puts the tables of programs into one text and lists where the sections of each name stand in it, so
//! that a short process finds the one it needs without reading them all.
#![expect(clippy::disallowed_methods, reason = "a build script is told its folders by the environment")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The tables that come last: what stands there wins.
const LAST: &[&str] = &["refinements", "detours"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=programs");
    let mut text = String::new();
    for path in tables()? {
        text.push('\n');
        text.push_str(&std::fs::read_to_string(path)?);
    }
    let target = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(target.join("programs.rs"), index(&text)?)?;
    std::fs::write(target.join("programs.txt"), text)?;
    Ok(())
}

/// The files, by name but for the last ones.
fn tables() -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir("programs")?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let rank = |path: &Path| LAST.iter().position(|last| *last == stem(path)).map_or(0, |at| at + 1);
    paths.sort_by_key(|path| (rank(path), stem(path)));
    Ok(paths)
}

/// The list as Rust: for each name of a section where the name, the rest of its heading and its lines begin and
/// end. Sorted by name; the sections of one name keep their order.
fn index(text: &str) -> Result<String, Box<dyn Error>> {
    let mut rows: Vec<(&str, [usize; 6])> = Vec::new();
    let starts: Vec<usize> = text.match_indices("\n[").map(|(at, _)| at + 2).collect();
    for (number, start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).map_or(text.len(), |next| next - 2);
        let section = text.get(*start..end).unwrap_or_default();
        let bracket = section.find(']').ok_or_else(|| format!("a section without `]`: {section}"))?;
        let heading = section.get(..bracket).unwrap_or_default();
        let names = heading.split(' ').next().unwrap_or_default();
        let path = heading.get(names.len()..).unwrap_or_default().trim();
        let path_at = start + bracket - path.len();
        let mut at = *start;
        for name in names.split('|') {
            rows.push((name, [at, at + name.len(), path_at, path_at + path.len(), start + bracket + 1, end]));
            at += name.len() + 1;
        }
    }
    rows.sort_by_key(|(name, _)| *name);
    let mut code = format!("static INDEX: [[u32; 6]; {}] = [\n", rows.len());
    for (_, row) in rows {
        writeln!(code, "{row:?},")?;
    }
    code.push_str("];\n");
    Ok(code)
}
