//! What we read for certain, bash reads as well. Nothing is ever executed: bash only checks the syntax (`-n`).
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
#![expect(clippy::disallowed_methods, reason = "the test asks the real shell")]

use proptest::prelude::*;
use stayhand_analysis::{Surroundings, shell};
use stayhand_core::facts::Aspect;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Whether bash accepts the syntax; `None` where there is no bash.
fn bash_accepts(text: &str) -> Option<bool> {
    let mut child = Command::new("bash")
        .args(["--norc", "--noprofile", "-n"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Some(child.wait().unwrap().success())
}

/// Whether every part of the text was read for certain: each program that runs is known.
fn is_certain(text: &str) -> bool {
    let at = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };
    let operations = shell::operations(text, &at);
    operations.iter().flat_map(|operation| &operation.opaque).all(|opaque| opaque.aspect != Aspect::Program)
}

/// A command line of simple commands, compounds, quotes, expansions, redirections and stray pieces.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "[a-z]{1,3}".prop_map(String::from),
        2 => Just("'a b'".to_owned()),
        2 => Just("\"$x\"".to_owned()),
        1 => Just("${y:-z}".to_owned()),
        1 => Just("$(ls)".to_owned()),
        1 => Just("`ls`".to_owned()),
        1 => Just("$((1+2))".to_owned()),
        1 => Just("<(ls)".to_owned()),
        1 => Just("a\\ b".to_owned()),
        1 => Just("{a,b}".to_owned()),
        1 => Just("*.c".to_owned()),
        1 => prop_oneof![
            Just("'"), Just("\""), Just("("), Just(")"), Just("{"), Just("}"), Just("$("), Just("`"), Just("${"), Just("!"),
            Just("if"), Just("then"), Just("fi"), Just("do"), Just("done"), Just("in"), Just("esac"), Just(";;"), Just("<<E"),
        ].prop_map(String::from),
    ];
    let join = prop_oneof![
        8 => Just(" "), 1 => Just("; "), 1 => Just(" && "), 1 => Just(" || "), 1 => Just(" | "), 1 => Just(" & "), 1 => Just("\n"),
        1 => Just(" > "), 1 => Just(" 2>&1 "), 1 => Just(" < "),
    ];
    let simple = proptest::collection::vec((word, join), 1..6)
        .prop_map(|words| words.into_iter().map(|(word, join)| format!("{word}{join}")).collect::<String>());
    prop_oneof![
        5 => simple.clone(),
        1 => simple.clone().prop_map(|inner| format!("if ls; then {inner}; fi")),
        1 => simple.clone().prop_map(|inner| format!("for i in a b; do {inner}; done")),
        1 => simple.clone().prop_map(|inner| format!("f() {{ {inner}; }}; f")),
        1 => simple.clone().prop_map(|inner| format!("( {inner} )")),
        1 => simple.clone().prop_map(|inner| format!("case x in a) {inner};; esac")),
        1 => simple.prop_map(|inner| format!("while ls; do {inner}; done")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn what_is_certain_is_valid_for_bash(text in line()) {
        if is_certain(&text) {
            match bash_accepts(&text) {
                Some(accepts) => prop_assert!(accepts, "bash refuses {text:?}"),
                None => eprintln!("NOT RUN: there is no bash here"),
            }
        }
    }
}

/// What was found that way, beside its valid neighbours.
#[test]
fn a_negation_stands_in_front_of_a_pipeline() {
    for text in
        ["a | ! a", "( <(ls) > a | ! a )", "! a | ! b", "a | ! a | b", "> f a | ! b && c", "a | b | ! c"]
    {
        assert!(!is_certain(text), "{text}");
        assert_ne!(bash_accepts(text), Some(true), "{text}");
    }
    for text in [
        "! ls | cat",
        "ls && ! cat a",
        "ls | cat; ! ls",
        "ls | cat && ! ls",
        "> f ls | cat && ! ls",
        "! ls | cat || ! ls",
    ] {
        assert!(is_certain(text), "{text}");
        assert_ne!(bash_accepts(text), Some(false), "{text}");
    }
}
