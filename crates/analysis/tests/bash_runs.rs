//! What bash runs, we have seen, or have said that we do not know. Texts of quotes, expansions and stray pieces with a removal
//! behind them are run for real, in an empty folder, without any program: `rm` and `echo` are functions that do nothing.
#![expect(clippy::disallowed_methods, reason = "the test asks the real shell")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use stayhand_analysis::{Surroundings, shell};
use std::path::Path;
use std::process::{Command, Stdio};

const PIECES: &[&str] = &[
    "'",
    "\"",
    "\\",
    "$'",
    "$\"",
    "`",
    "#",
    " ",
    "a",
    "$(",
    ")",
    "{",
    "}",
    "\n",
    "\\'",
    "\\\"",
    "\\\\",
    "${x",
    "${x:-",
    "$x",
    "((",
    "))",
    "[",
    "]",
    "<<<",
    "=",
    "x=",
    "$((",
    "<(",
    "|",
    "&&",
    ";",
    "!",
    "*",
    "?",
    "~",
    "$",
    "<<E\n",
    "\nE\n",
    "case a in ",
    "(",
    ";;",
    " esac",
    "\\\n",
    "&",
    ">",
    "a>",
    "[[ ",
    " ]]",
    "$$",
    "@(",
    "+(",
    "-",
    "2>&1",
    "|&",
    "do",
    "done",
    "for i in ",
];

const REMOVALS: &[&str] =
    &["; rm -rf /etc #", ";rm -rf /etc;", "\nrm -rf /etc\n", " && rm -rf /etc", "'; rm -rf /etc #'"];

/// Whether bash comes to run `rm`; `None` where there is no bash.
fn removes(text: &str, folder: &Path) -> Option<bool> {
    let script = format!("rm() {{ builtin printf HIT >&9; }}; echo() {{ :; }}; exec 9>said\n{text}");
    // A text that waits for something is ended.
    let mut child = Command::new("/usr/bin/timeout");
    child.args(["--signal=KILL", "5", "/bin/bash", "--norc", "--noprofile", "-c", &script]);
    child.current_dir(folder).env_clear().env("PATH", "/nonexistent");
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let said = std::fs::read(folder.join("said")).ok()?;
    Some(!said.is_empty())
}

fn is_seen(text: &str) -> bool {
    let at = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };
    let is_rm = |program: &stayhand_core::facts::Program| program.name == "rm";
    let operations = shell::operations(text, &at);
    operations.iter().any(|op| !op.opaque.is_empty() || op.program.as_ref().is_some_and(is_rm))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30_000) })]

    #[test]
    fn what_bash_runs_is_seen(
        before in vec(select(PIECES), 1..8),
        removal in select(REMOVALS),
        after in vec(select(PIECES), 0..4),
    ) {
        let text = format!("echo {}{removal}{}", before.concat(), after.concat());
        if !is_seen(&text) {
            let folder = tempfile::tempdir().unwrap();
            match removes(&text, folder.path()) {
                Some(removes) => prop_assert!(!removes, "not seen: {text:?}"),
                None => eprintln!("NOT RUN: there is no bash here"),
            }
        }
    }
}

/// The test above is able to fail: what is run here is noticed, and what only looks so is not.
#[test]
fn a_removal_is_noticed() {
    for (text, removed) in [
        ("echo $'\\\\'; rm -rf /etc #'", true),
        ("echo a; rm -rf /etc", true),
        ("echo 'a; rm -rf /etc'", false),
        ("echo \"a; rm -rf /etc", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let found = removes(text, folder.path());
        assert!(found.is_none_or(|found| found == removed), "{text}");
        assert!(is_seen(text) || !removed, "{text}");
    }
}
