//! A signal that asks a program to end kills the system first (A009). The program is this very test, started again.
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
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Names the folder of the program that is to be ended.
const FOLDER: &str = "STAYHAND_TEST_FOLDER";

fn system(folder: &Path, cleanup: Duration, wait: Duration) -> SafeAutonomousSystem {
    let cleaned = folder.join("cleaned");
    let settings =
        SystemSettings { home: Some(folder.join("state")), cleanup_wait: wait, ..SystemSettings::default() };
    let cleanup = move || {
        std::thread::sleep(cleanup);
        std::fs::write(&cleaned, "").unwrap();
    };
    SafeAutonomousSystem::new(settings.cleanup(cleanup)).unwrap()
}

#[test]
#[ignore = "the program that is to be ended: the others start it"]
fn program() {
    let folder = std::env::var(FOLDER).unwrap();
    let folder = Path::new(&folder);
    let ms = |name| Duration::from_millis(std::env::var(name).unwrap().parse().unwrap());
    let system = Arc::new(system(folder, ms("CLEANUP"), ms("WAIT")));
    system.kill_on_signals().unwrap();
    std::fs::write(folder.join("ready"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

/// Starts the program, whose cleanup takes and is waited for so many milliseconds, and sends it the signal. How it
/// ended, and what it said.
fn ended_by(
    signal: &str,
    folder: &Path,
    [cleanup, wait]: [u64; 2],
    before: impl FnOnce(),
) -> (ExitStatus, String) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "program", "--nocapture"])
        .env(FOLDER, folder)
        .envs([("CLEANUP", cleanup.to_string()), ("WAIT", wait.to_string())])
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
    let system = system(folder, Duration::ZERO, Duration::ZERO);
    let stopped = system.execute_action(&action, |_| Ok::<_, ()>(json!("paid")));
    system.rearm("ada", "looked into it").unwrap();
    let paid = system.execute_action(&action, |_| Ok::<_, ()>(json!("paid")));
    assert_eq!(paid, json!({ "success": true, "result": "paid" }));
    stopped
}

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
    let home = Some(folder.path().join("state"));
    let (status, _) = ended_by("-TERM", folder.path(), [0, 20_000], || {
        let other = SafeAutonomousSystem::new(SystemSettings { home, ..SystemSettings::default() }).unwrap();
        other.kill("ada", "fire").unwrap();
    });
    assert_eq!(status.signal(), Some(15));
    assert!(folder.path().join("cleaned").exists());
    assert_eq!(afterwards(folder.path())["reason"], "fire");
}
