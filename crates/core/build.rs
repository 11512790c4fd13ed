//! Turns the shipped packs and prices from YAML into JSON, so that a short process does not spend its time on
//! reading YAML. What is decided, named by digest and shown is the YAML; a test compares the two. Names the code, too:
//! a state that other code has folded is folded again.
#![expect(clippy::disallowed_methods, reason = "a build script is told its folders by the environment")]

use std::error::Error;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=packs");
    println!("cargo::rerun-if-changed=prices.yaml");
    println!("cargo::rerun-if-changed=src");
    let mut code = DefaultHasher::new();
    add(Path::new("src"), &mut code)?;
    let version = std::env::var("CARGO_PKG_VERSION")?;
    println!("cargo::rustc-env=STAYHAND_STATE_FORMAT={version}-{:016x}", code.finish());
    let target = std::env::var("OUT_DIR")?;
    let packs = std::fs::read_dir("packs")?.map(|entry| entry.map(|entry| entry.path()));
    for path in packs.chain([Ok("prices.yaml".into())]) {
        let path = path?;
        let text = std::fs::read_to_string(&path)?;
        let pack: serde_json::Value = serde_saphyr::from_str(&text)?;
        let name = path.file_stem().unwrap_or_default();
        std::fs::write(Path::new(&target).join(name).with_extension("json"), pack.to_string())?;
    }
    Ok(())
}

/// Adds a file, or all files of a folder by name.
fn add(path: &Path, code: &mut DefaultHasher) -> Result<(), Box<dyn Error>> {
    if !path.is_dir() {
        code.write(&std::fs::read(path)?);
        return Ok(());
    }
    let mut paths: Vec<_> =
        std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    paths.iter().try_for_each(|path| add(path, code))
}
