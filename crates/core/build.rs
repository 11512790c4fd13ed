//! Turns the shipped packs and prices from YAML into JSON, so that a short process does not spend its time on
//! reading YAML. What is decided, named by digest and shown is the YAML; a test compares the two.
#![expect(clippy::disallowed_methods, reason = "a build script is told its folders by the environment")]

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=packs");
    println!("cargo::rerun-if-changed=prices.yaml");
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
