//! What `docs/FORMAT.md` shows is true: its script accepts a log and refuses a changed one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::sample;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The script of the page, run with python on a folder; nothing where a needed program is missing.
#[expect(clippy::disallowed_methods, reason = "a foreign verifier is a process of its own")]
fn verify_by_hand(dir: &Path) -> Option<Output> {
    for program in ["python3", "openssl"] {
        if Command::new(program).arg("--help").output().is_err() {
            eprintln!("NOT RUN: {program} is missing");
            return None;
        }
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/FORMAT.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, script) = page.split_once("```python\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    Some(Command::new("python3").arg("-c").arg(script).arg(dir).output().unwrap())
}

#[test]
fn bypass_170_a_log_can_be_verified_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).unwrap();
    let Some(output) = verify_by_hand(dir.path()) else { return };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("8 records of stayhand/"), "{output:?}");

    let db = Connection::open(dir.path().join("log.db")).unwrap();
    for sql in ["UPDATE checkpoint SET note = replace(note, ' ', ' A')", "DELETE FROM record WHERE seq = 7"] {
        db.execute_batch(sql).unwrap();
        assert!(!verify_by_hand(dir.path()).unwrap().status.success(), "{sql}");
    }
}
