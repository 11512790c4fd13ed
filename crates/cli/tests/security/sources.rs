//! Properties of the source text: things that must exist in one place only.

use std::path::{Path, PathBuf};

/// Source files of the shipped program.
fn shipped() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for name in ["core", "analysis", "store", "sandbox", "runtime", "cli"] {
        gather(&crates.join(name).join("src"), &mut files);
    }
    assert!(files.len() > 50);
    files
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_for_tests(&path) {
            files.push(path);
        }
    }
}

/// Modules that exist in tests only.
fn is_for_tests(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    path.file_name().is_some_and(|name| name == "tests.rs" || name == "measure.rs")
        || folder.is_some_and(|name| name == "tests")
}

/// The files whose code (not comments, not the part for tests) contains one of these texts.
fn files_with(texts: &[&str]) -> Vec<String> {
    let contains = |path: &PathBuf| {
        let source = std::fs::read_to_string(path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        code.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .any(|line| texts.iter().any(|text| line.contains(text)))
    };
    let name = |path: PathBuf| {
        path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .unwrap()
            .display()
            .to_string()
    };
    shipped().into_iter().filter(contains).map(name).collect()
}

/// One place starts processes; any other would be a way around the permit.
#[test]
fn bypass_83_processes_are_started_in_one_place() {
    let mut found = files_with(&["Command::new(", "posix_spawn", "fork(", "execve(", "libc::system"]);
    found.sort();
    // The launcher that the executor starts turns itself into the program, where it has to by way of bubblewrap.
    let launcher = ["sandbox/src/inside/bubblewrap.rs", "sandbox/src/inside/program.rs"];
    assert_eq!(found, [&["runtime/src/execute/process.rs"][..], &launcher].concat());
}

/// `unsafe` code stands in one file.
#[test]
fn unsafe_code_is_in_one_place() {
    assert_eq!(files_with(&["unsafe {", "unsafe fn", "unsafe impl"]), ["sandbox/src/sys.rs"]);
}

/// One place mints permits, after the decision is durable.
#[test]
fn bypass_149_permits_are_minted_in_one_place() {
    assert_eq!(
        files_with(&["Permit {\n", "Permitted(Permit {", "= Permit {", "Ok(Permit {"]),
        ["runtime/src/engine.rs"]
    );
    let permit =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src/permit.rs"))
            .unwrap();
    let above = permit.split("pub struct Permit").next().unwrap();
    let derives = above.rsplit("#[derive(").next().unwrap();
    assert!(
        !derives.contains("Clone") && !derives.contains("Deserialize"),
        "a permit can be copied: {derives}"
    );
}

/// Time, environment and randomness enter at known places.
#[test]
fn the_world_is_looked_at_in_known_places() {
    assert_eq!(files_with(&["SystemTime::now("]), ["runtime/src/clock.rs"]);
    // The store measures how long it waits for its turn; nothing it decides depends on it.
    assert_eq!(files_with(&["Instant::now("]), ["store/src/gate.rs", "runtime/src/clock.rs"]);
    assert_eq!(files_with(&["env::var(", "env::var_os(", "env::vars("]), ["cli/src/home.rs"]);
}
