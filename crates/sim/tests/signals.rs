//! A signal that asks a program to end kills the system first (A009). The program is `sim-system`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test starts processes, and may fail loudly"
)]

use serde_json::json;
use stayhand_runtime::presets::{Action, SafeAutonomousSystem, Service, SystemSettings};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Another system in the folder of the program.
fn system(folder: &Path) -> SafeAutonomousSystem {
    let home = Some(folder.join("state"));
    SafeAutonomousSystem::new(SystemSettings { home, ..SystemSettings::default() }).unwrap()
}

/// Starts the program, whose cleanup takes and is waited for so many milliseconds, and sends it the signal. How it
/// ended, and what it said.
fn ended_by(
    signal: &str,
    folder: &Path,
    [cleanup, wait]: [u64; 2],
    before: impl FnOnce(),
) -> (ExitStatus, String) {
    let child = Command::new(env!("CARGO_BIN_EXE_sim-system"))
        .arg(folder)
        .args([cleanup, wait].map(|milliseconds| milliseconds.to_string()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !folder.join("ready").exists() {
        assert!(Instant::now() < deadline, "the program did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    before();
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8(output.stderr).unwrap())
}

/// What a new program is answered in this folder.
fn afterwards(folder: &Path) -> serde_json::Value {
    let action =
        Action { kind: "pay".into(), description: String::new(), value: Some(1.0), service: Service::Api };
    let system = system(folder);
    let stopped = system.execute_action(&action, |_| Ok::<_, ()>(json!("paid")));
    system.rearm("ada", "looked into it").unwrap();
    let paid = system.execute_action(&action, |_| Ok::<_, ()>(json!("paid")));
    assert_eq!(paid, json!({ "success": true, "result": "paid" }));
    stopped
}

/// D004.
#[test]
fn a009_a_signal_kills() {
    for (name, number) in [("-TERM", 15), ("-INT", 2)] {
        let folder = tempfile::tempdir().unwrap();
        let (status, said) = ended_by(name, folder.path(), [50, 20_000], || ());
        assert_eq!((status.signal(), said.as_str()), (Some(number), ""), "it ends as the signal ends others");
        assert!(folder.path().join("cleaned").exists(), "after the cleanup");
        let stopped = json!({ "error": "System is stopped", "reason": format!("Received signal {number}") });
        assert_eq!(afterwards(folder.path()), stopped);
    }
}

/// A004: a cleanup that hangs keeps nothing from ending.
#[test]
fn a004_a009_a_cleanup_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let (status, said) = ended_by("-TERM", folder.path(), [60_000, 50], || ());
    assert_eq!(status.signal(), Some(15));
    assert_eq!(said, "[KILL SWITCH] Cleanup timeout - forcing exit\n");
    assert!(!folder.path().join("cleaned").exists());
    assert_eq!(afterwards(folder.path())["reason"], "Received signal 15");
}

/// A003: somebody else has killed it. The first reason stays, and the cleanup is still done.
#[test]
fn a003_a009_a_signal_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _) = ended_by("-TERM", folder.path(), [0, 20_000], || {
        system(folder.path()).kill("ada", "fire").unwrap();
    });
    assert_eq!(status.signal(), Some(15));
    assert!(folder.path().join("cleaned").exists());
    assert_eq!(afterwards(folder.path())["reason"], "fire");
}
