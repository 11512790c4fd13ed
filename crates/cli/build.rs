//! Links the unwinder into the program where the C compiler has it as an archive. A shared library less to
//! find, map and bind is a twentieth of the time that a short command takes.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told its folders by the environment and asks the C compiler"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    if env::var("TARGET") != env::var("HOST") || env::var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("gnu") {
        return;
    }
    let (Some(archive), Ok(target)) = (unwinder(), env::var("OUT_DIR")) else { return };
    // Rust asks the linker for `gcc_s`, and the linker takes what it finds first.
    if std::fs::copy(archive, Path::new(&target).join("libgcc_s.a")).is_ok() {
        println!("cargo::rustc-link-search=native={target}");
    }
}

/// The archive of the unwinder, of the compiler that links.
fn unwinder() -> Option<PathBuf> {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let answer = Command::new(compiler).arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    // A compiler that does not know the file repeats its name.
    path.is_absolute().then_some(path)
}
