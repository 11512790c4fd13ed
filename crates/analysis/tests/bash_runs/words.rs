//! Which words of a text of quotes, expansions and stray pieces are a command, and which are quoted.

use crate::shells::{config, missed, removed, seen};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// None lets a text name a file outside of the folder.
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
    "${x/a/",
    "${x#",
    "${x^",
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
    "<&-",
    ">&-",
    " >& ",
    "<&1",
    "{x}>",
    "&>",
    ">|",
    "<>",
    "2",
];

/// What stands before and behind a removal.
const AROUND: &[(&str, &str)] =
    &[("; ", " #"), (";", ";"), ("\n", "\n"), (" && ", ""), ("'; ", " #'"), ("\"; ", "; echo \"")];

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_bash_runs_is_seen(
        before in vec(select(PIECES), 1..8),
        (open, close) in select(AROUND),
        within in vec(select(PIECES), 0..3),
        after in vec(select(PIECES), 0..4),
    ) {
        let (before, within, after) = (before.concat(), within.concat(), after.concat());
        let text = format!("echo {before}{open}rm -rf {within}etc{close}{after}");
        // A backslash at the very end belongs to a name for some shells.
        let text = text.trim_end_matches('\\');
        prop_assert_eq!(missed("/bin/bash", text, text), [""; 0], "not seen: {:?}", text);
        let quoted = format!("sh -c '{}'", text.replace('\'', "'\\''"));
        prop_assert_eq!(missed("/bin/dash", &quoted, text), [""; 0], "not seen: {:?}", quoted);
    }
}

/// The test above is able to fail: what is run here is noticed, and what only looks so is not.
#[test]
fn a_removal_is_noticed() {
    for (text, is_removed) in [
        ("echo $'\\\\'; rm -rf /etc #'", true),
        ("echo ${x/'a}; echo 'b/}; rm -rf /etc #'", true),
        ("echo == a; rm -rf /etc # ]]", true),
        ("echo a; rm -rf /etc", true),
        ("echo ${x#{}; rm -rf /etc #}", true),
        ("rm -rf <&- /etc", true),
        ("rm -rf >& -/etc", true),
        ("echo |[\nrm -rf /etc\n]", true),
        ("echo 'a; rm -rf /etc'", false),
        ("echo \"a; rm -rf /etc", false),
    ] {
        let words = removed("/bin/bash", text);
        assert!(words.is_none_or(|words| words.contains(&"/etc".to_owned()) == is_removed), "{text}");
        assert!(!is_removed || seen(text).is_none_or(|words| words.contains(&"/etc".to_owned())), "{text}");
    }
    // These are for other shells, such as `dash`: bash takes the text between the single quotes for quoted, they do not.
    for text in [
        "echo \"${x:-'}\"; rm -rf /etc; echo \"'}\"",
        "sh -c \"echo \\$'\\\\'; rm -rf /etc #'\"",
        "sh -c '[[ a || rm b ]]'",
    ] {
        assert!(seen(text).is_none_or(|words| !words.is_empty()), "{text}");
    }
}
