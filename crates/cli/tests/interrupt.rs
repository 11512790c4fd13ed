//! Ctrl-C and termination: the program and its children end, and the record says so.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test starts processes, and may fail loudly"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn stayhand(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stayhand"));
    let work = home.join("work");
    std::fs::create_dir_all(&work).unwrap();
    command.env("HOME", home).current_dir(work).args(["--home", "../state"]).stdin(Stdio::null());
    command
}

/// Waits until the file the program writes is there.
fn wait_for(path: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} did not appear", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs a program that leaves a child behind, sends the signal, and gives back the exit code.
fn interrupted_with(signal: &str, home: &Path, options: &[&str]) -> Option<i32> {
    let script = "(sleep 3; echo late > late) & echo now > started; wait";
    let mut child = stayhand(home)
        .arg("exec")
        .args(options)
        .arg(script)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&home.join("work/started"));
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[test]
fn nothing_is_left_running() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let home = std::fs::canonicalize(folder.path()).unwrap();
        assert_eq!(interrupted_with(signal, &home, &[]), Some(130), "{signal}");
        std::thread::sleep(Duration::from_millis(3_500));
        assert!(!home.join("work/late").exists(), "a child of the program went on after {signal}");

        let tail = stayhand(&home).args(["trace", "tail", "-n", "1"]).output().unwrap();
        let text = String::from_utf8(tail.stdout).unwrap();
        assert!(text.contains("stopped by an interrupt"), "{text}");
        assert!(stayhand(&home).args(["audit", "verify"]).output().unwrap().status.success());
    }
}

/// The harmless neighbour: what is not interrupted ends by itself.
#[test]
fn what_is_not_interrupted_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let done = stayhand(home.path()).args(["exec", "sleep 0.2 && echo done > done"]).output().unwrap();
    assert!(done.status.success() && home.path().join("work/done").exists());
}

/// A009: who asks for it has the kill switch pulled, which outlives the program.
#[test]
fn a009_a_signal_may_pull_the_kill_switch() {
    let folder = tempfile::tempdir().unwrap();
    let home = std::fs::canonicalize(folder.path()).unwrap();
    assert_eq!(interrupted_with("-TERM", &home, &["--kill-on-signal"]), Some(130));
    let next = || stayhand(&home).args(["exec", "true"]).output().unwrap();
    let refused = next();
    assert_eq!(refused.status.code(), Some(126));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("Received signal 15"), "{said}");
    let rearm = ["rearm", "--by", "ada", "--reason", "looked into it"];
    assert!(stayhand(&home).args(rearm).output().unwrap().status.success());
    assert_eq!(next().status.code(), Some(0));
    assert!(!home.join("work/late").exists());
}
