//! Programs that are started without a shell, and the small languages of their arguments.

use super::{Setting, operation_of_argv, scripts, setting};
use crate::Surroundings;
use stayhand_core::facts::{Access, Trait};

const AT: Surroundings<'_> = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };

fn argv(words: &[&str]) -> Vec<stayhand_core::facts::Operation> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    operation_of_argv(&words, &AT)
}

#[test]
fn words_of_an_argv_are_never_expanded() {
    let found = argv(&["rm", "*", "~", "$HOME", "{a,b}"]);
    let paths: Vec<(&str, bool)> =
        found[0].paths.iter().map(|path| (path.lexical.as_str(), path.glob)).collect();
    assert_eq!(paths[..2], [("/w/*", false), ("/w/~", false)]);
    assert!(paths.contains(&("/w/{a,b}", false)));
}

#[test]
fn wrappers_and_shells_are_looked_into() {
    let found = argv(&["sudo", "-u", "root", "sh", "-c", "rm -rf /etc"]);
    assert!(found[0].does.contains(Trait::Privilege));
    let last = found.last().unwrap();
    assert_eq!(last.program.as_ref().unwrap().name, "rm");
    assert_eq!((last.paths[0].access, last.paths[0].recursive), (Access::Delete, true));
}

#[test]
fn nothing_to_run_is_opaque() {
    for words in [&[][..], &[""], &["unheard-of", "x"]] {
        let found = argv(words);
        assert!(!found.is_empty() && !found[0].opaque.is_empty(), "{words:?}");
    }
}

#[test]
fn deep_wrapping_ends() {
    let words = vec!["env"; 5_000];
    assert!(argv(&words).last().unwrap().opaque.iter().any(|opaque| opaque.why.contains("deeply")));
}

#[test]
fn awk_programs_that_only_compute() {
    let plain = [
        "{print $1}",
        "NR>1 && $3 > 5 {s += $2} END {print s}",
        "/a|b/ {n++}",
        "{if (a > b) print \"x>y\"}",
        "BEGIN {FS=\":\"} {printf \"%s|%s\\n\", $1, $2}",
        "{getline; print}",
        "{print (a > b)}",
        "$1 ~ /x>y/ || $2",
    ];
    let other = [
        "BEGIN{system(\"x\")}",
        "{print > \"f\"}",
        "{print | \"sh\"}",
        "{\"date\" | getline d}",
        "{getline < \"f\"}",
        "{getline x < \"f\"}",
        "{a=1\nprint >> \"f\"}",
        "{a=1\ngetline x<\"f\"}",
        "@load \"x\"",
        "{printf(\"%s\", $1) > \"f\"}",
    ];
    for program in plain {
        assert!(scripts::awk_is_plain(program), "{program}");
    }
    for program in other {
        assert!(!scripts::awk_is_plain(program), "{program}");
    }
}

#[test]
fn sed_scripts() {
    for script in [
        "s/a/b/g",
        "1,20p",
        "/x/d",
        "s|a|b|;s,c,d,2",
        "$!N",
        "/^$/,/x/{s/a/b/;p}",
        "s/[/]/x/",
        "y/abc/xyz/",
        "2q",
        "a\\\ntext",
        "/a/!d",
    ] {
        assert!(!scripts::sed(script).opaque, "{script}");
    }
    for script in ["1e rm", "s/a/b/e", "s/a/b/ge", "s/a", "e", "1,5", "s/a/b/Q", "v;e"] {
        assert!(scripts::sed(script).opaque, "{script}");
    }
    let found = scripts::sed("s/a/b/w out\n/x/r in\nw /etc/x");
    assert_eq!((found.writes.len(), found.reads.len(), found.opaque), (2, 1, false));
}

#[test]
fn permission_bits_that_grant_identity() {
    for mode in ["4755", "2755", "6755", "u+s", "g=rxs", "a+x,u+s", "04755"] {
        assert!(scripts::mode_grants_identity(mode), "{mode}");
    }
    for mode in ["755", "0644", "+x", "u=rwx,go=", "1777", "a-s"] {
        assert!(!scripts::mode_grants_identity(mode), "{mode}");
    }
}

#[test]
fn variables_that_matter() {
    for name in
        ["PATH", "LD_PRELOAD", "GIT_SSH", "BASH_ENV", "RUSTC_WRAPPER", "HTTPS_PROXY", "STAYHAND_STATE"]
    {
        assert_eq!(setting(name, None), Setting::Dangerous, "{name}");
    }
    for name in ["FOO", "RUST_LOG", "NODE_ENV", "GIT_AUTHOR_NAME", "CI", "DEBUG", "PYTHONUNBUFFERED"] {
        assert_eq!(setting(name, None), Setting::Harmless, "{name}");
    }
    assert_eq!(setting("PYTHONPATH", None), Setting::Code);
}
