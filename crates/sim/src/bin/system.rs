//! The victim of the signals: a safe autonomous system that waits until it is killed, and then cleans up.
//!
//! `sim-system FOLDER CLEANUP WAIT`: the cleanup takes `CLEANUP` milliseconds, and is waited for `WAIT`. It makes the file
//! `ready` in the folder once it listens, and `cleaned` when it has cleaned up.

use anyhow::{Context as _, bail};
use stayhand_runtime::presets::{SafeAutonomousSystem, SystemSettings};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, cleanup, wait] = words.as_slice() else { bail!("usage: sim-system FOLDER CLEANUP WAIT") };
    let milliseconds =
        |text: &str| text.parse().map(Duration::from_millis).context("not a number of milliseconds");
    let (folder, cleanup, cleanup_wait) =
        (PathBuf::from(folder), milliseconds(cleanup)?, milliseconds(wait)?);
    let (home, cleaned) = (Some(folder.join("state")), folder.join("cleaned"));
    let settings = SystemSettings { home, cleanup_wait, ..SystemSettings::default() }.cleanup(move || {
        std::thread::sleep(cleanup);
        if let Err(error) = std::fs::write(&cleaned, "") {
            eprintln!("{}: {error}", cleaned.display());
        }
    });
    let system = Arc::new(SafeAutonomousSystem::new(settings)?);
    system.kill_on_signals()?;
    std::fs::write(folder.join("ready"), "")?;
    // Longer than any test waits.
    std::thread::sleep(Duration::from_secs(60));
    bail!("nobody has ended it")
}
