//! In which folder something is removed after statements that move.

use crate::shells::{SAYS_PATHS, config, covers, in_a_row, told, understood};
use proptest::prelude::*;
use proptest::sample::select;
use stayhand_core::facts::{Access, PathUse};
use std::path::Path;

/// Statements that go into a folder, or seem to.
const MOVES: &[&str] = &[
    "cd a",
    "cd b",
    "cd a/b",
    "cd ..",
    "cd ../b",
    "cd -",
    "cd /",
    "cd none",
    "cd ''",
    "cd $x",
    "cd \"$x\"",
    "cd $x/b",
    "cd $PWD/a",
    "cd $OLDPWD",
    "cd -P a",
    "cd -- a",
    "cd a b",
    "cd ./a/..",
    "cd a; cd -",
    "cd a > /none/none",
    "cd none || cd a",
    "cd a && cd b",
    "cd none && cd a",
    "cd a || exit",
    "cd none || exit",
    "cd none || { cd b; }",
    "x=a",
    "x=b",
    "x=none",
    "x=",
    "x=..",
    "x=$PWD",
    "PWD=/w/b",
    "OLDPWD=b",
    "CDPATH=a",
    "CDPATH=/w/a cd b",
    "pushd a",
    "pushd",
    "popd",
    "pushd b; popd",
    "(cd a)",
    "( cd a; x=b )",
    "{ cd a; }",
    "cd a | :",
    ": | cd a",
    "cd a &",
    "! cd a",
    "time cd a",
    "command cd a",
    "builtin cd b",
    "\\cd a",
    "eval cd a",
    "eval 'cd b'",
    "x=b cd a",
    "if cd a; then :; fi",
    "if cd none; then cd a; else cd b; fi",
    "if true; then cd a; fi",
    "case $x in a) cd a;; *) cd b;; esac",
    "for d in a b; do cd $d; done",
    "for d in a none; do (cd $d); done",
    "for d in none a; do cd $d && break; done",
    "while cd a; do :; done",
    "until cd b; do cd a; done",
    "while true; do cd a; break; done",
    "f() { cd a; }",
    "f() { cd \"$1\"; }",
    "f() ( cd a )",
    "f() { return; cd a; }",
    "f() { cd none && return; cd b; }",
    "f",
    "f b",
    "f || cd a",
    "cd() { :; }",
    "cd() { builtin cd b; }",
    "unset -f cd",
    "set -e",
    "set +e",
    "true",
    "false",
    "false || cd a",
    "true && cd b",
    "trap 'cd a' EXIT",
    "trap 'cd b' DEBUG",
    "shopt -s autocd",
    "shopt -s cdable_vars",
    "x=$(cd b)",
    "env cd a",
    "read x <<< b",
    "exec cd a",
    "source /dev/null",
    "rm -rf etc",
];

const PLACES: &[&str] = &["etc", "../etc", "./etc", "$x/etc", "\"$x\"/etc", "\"$PWD\"/etc", "$OLDPWD/etc"];

/// A path without `.`, `..` and doubled slashes.
fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." {
            names.pop();
        } else {
            names.push(name);
        }
    }
    format!("/{}", names.join("/"))
}

/// The folders that there are; the last one is where the user is at home.
const FOLDERS: [&str; 3] = ["a", "a/b", "b"];

/// The paths of what is removed as we understand the text.
fn seen_paths(text: &str) -> Option<Vec<String>> {
    let operations = understood(text, "/w/b")?;
    let removed = |path: &PathUse| path.access == Access::Delete;
    Some(operations.into_iter().flat_map(|op| op.paths).filter(removed).map(|path| path.lexical).collect())
}

/// The first path that is removed and not seen.
fn missed_path(text: &str) -> Option<String> {
    let seen = seen_paths(text)?;
    let removed = told(SAYS_PATHS, &FOLDERS, "/bin/bash", text)?;
    // The folder above is the root as we are told it. What lies above that has no name here.
    let temporary = std::env::temp_dir();
    let is_above =
        |path: &String| Path::new(path).parent().is_some_and(|folder| temporary.starts_with(folder));
    let removed = removed.iter().map(|path| normal(path)).filter(|path| path == "/etc" || !is_above(path));
    removed.into_iter().find(|path| !seen.iter().any(|arg| covers(arg, path)))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn where_something_is_removed_is_seen(
        before in in_a_row(MOVES),
        place in select(PLACES),
    ) {
        let text = format!("{before}rm -rf {place}");
        let missed = missed_path(&text);
        prop_assert!(missed.is_none(), "{missed:?} is not seen: {text:?}: {:?}", seen_paths(&text));
    }
}

/// The test above is able to fail: bash says where it is, and a folder that is not there is not entered.
#[test]
fn a_folder_is_noticed() {
    for (text, place) in [
        ("cd a/b; rm -rf etc", "/w/a/b/etc"),
        ("cd none; rm -rf etc", "/w/etc"),
        ("cd; rm -rf ../etc", "/w/etc"),
        ("cd /; rm -rf etc", "/etc"),
        ("cd() { builtin cd b; }; cd a; rm -rf etc", "/w/b/etc"),
    ] {
        let told = told(SAYS_PATHS, &FOLDERS, "/bin/bash", text);
        assert!(told.is_none_or(|told| told.iter().any(|path| normal(path) == place)), "{text}");
        assert_eq!(missed_path(text), None, "{text}");
    }
}
