//! What a shell runs, we have seen, or have said that we do not know. Texts of quotes, expansions and stray pieces with a removal
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
    "${x/",
    "${x#",
    "${x^",
    "/",
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

const REMOVALS: &[&str] = &[
    "; rm -rf /etc #",
    ";rm -rf /etc;",
    "\nrm -rf /etc\n",
    " && rm -rf /etc",
    "'; rm -rf /etc #'",
    "\"; rm -rf /etc; echo \"",
];

/// How many texts are tried.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(30_000)
}

/// Whether the shell comes to run `rm`; `None` where there is no such shell.
fn removes(shell: &str, text: &str, folder: &Path) -> Option<bool> {
    let script = format!("rm() {{ command printf HIT >&9; }}; echo() {{ :; }}; exec 9>said\n{text}");
    // A text that waits for something is ended.
    let mut child = Command::new("/usr/bin/timeout");
    child.args(["--signal=KILL", "5", shell, "-c", &script]);
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

/// Both: not seen, and removed.
fn is_missed(shell: &str, seen_as: &str, text: &str) -> bool {
    if is_seen(seen_as) {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    removes(shell, text, folder.path()).unwrap_or_else(|| {
        eprintln!("NOT RUN: there is no {shell} here");
        false
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn what_bash_runs_is_seen(
        before in vec(select(PIECES), 1..8),
        removal in select(REMOVALS),
        after in vec(select(PIECES), 0..4),
    ) {
        let text = format!("echo {}{removal}{}", before.concat(), after.concat());
        prop_assert!(!is_missed("/bin/bash", &text, &text), "not seen: {text:?}");
        let quoted = format!("sh -c '{}'", text.replace('\'', "'\\''"));
        prop_assert!(!is_missed("/bin/dash", &quoted, &text), "not seen: {quoted:?}");
    }
}

/// The test above is able to fail: what is run here is noticed, and what only looks so is not.
#[test]
fn a_removal_is_noticed() {
    for (text, removed) in [
        ("echo $'\\\\'; rm -rf /etc #'", true),
        ("echo ${x/'a}; echo 'b/}; rm -rf /etc #'", true),
        ("echo == a; rm -rf /etc # ]]", true),
        ("echo a; rm -rf /etc", true),
        ("echo 'a; rm -rf /etc'", false),
        ("echo \"a; rm -rf /etc", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let found = removes("/bin/bash", text, folder.path());
        assert!(found.is_none_or(|found| found == removed), "{text}");
        assert!(is_seen(text) || !removed, "{text}");
    }
    // These are for other shells, such as `dash`: bash takes the text between the single quotes for quoted, they do not.
    for text in [
        "echo \"${x:-'}\"; rm -rf /etc; echo \"'}\"",
        "sh -c \"echo \\$'\\\\'; rm -rf /etc #'\"",
        "sh -c '[[ a || rm b ]]'",
    ] {
        assert!(is_seen(text), "{text}");
    }
}
