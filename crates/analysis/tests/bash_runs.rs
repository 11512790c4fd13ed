//! What a shell runs, we have seen, or have said that we do not know. Texts of quotes, expansions and stray pieces with a removal
//! behind them are run for real, in an empty folder that they cannot leave, without any program: `rm` is a function that
//! says its words.
#![expect(clippy::disallowed_methods, reason = "the test asks the real shell")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use stayhand_analysis::{Surroundings, shell};
use stayhand_core::facts::{Access, PathUse};
use std::path::Path;
use std::process::{Command, Stdio};

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

/// Where nothing can be made.
const HOME: &str = "/proc/home";

/// How many texts are tried; more where `PROPTEST_CASES` asks for them.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(asked.unwrap_or(10_000)) }
}

/// What `rm` is: it says its words.
const SAYS_WORDS: &str = "rm() { command printf '%s\\0' \"$@\" >&9; }";
/// It says what they name in the folder where it stands.
const SAYS_PATHS: &str = "rm() { local word; for word do
    case $word in -* | '') continue;; /*) ;; *) word=$(command pwd -P)/$word;; esac
    command printf '%s\\0' \"$word\" >&9
done; }";

/// The words that the shell comes to call `rm` with, in an empty folder that is `/w` in them; `None`, and a word about it, where
/// there is no such shell.
fn removed(shell: &str, text: &str) -> Option<Vec<String>> {
    told(SAYS_WORDS, &[], shell, text)
}

fn told(rm: &str, folders: &[&str], shell: &str, text: &str) -> Option<Vec<String>> {
    let words = run(rm, folders, shell, text);
    if words.is_none() {
        eprintln!("NOT RUN: there is no {shell} or no folder for it");
    }
    words
}

fn run(rm: &str, folders: &[&str], shell: &str, text: &str) -> Option<Vec<String>> {
    let above = tempfile::Builder::new().prefix("t").tempdir().ok()?;
    let folder = above.path().join("w");
    std::fs::create_dir(&folder).ok()?;
    folders.iter().try_for_each(|within| std::fs::create_dir(folder.join(within)).ok())?;
    let home = folders.last().map_or_else(|| HOME.into(), |last| folder.join(last));
    let script = format!("{rm}; exec 9>../said\n{text}");
    // A text that waits for something is ended.
    let mut child = Command::new("/usr/bin/timeout");
    child.args(["--signal=KILL", "5", shell, "-c", &script]);
    child.current_dir(folder).env_clear().env("PATH", "/nonexistent").env("HOME", home);
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let said = String::from_utf8_lossy(&std::fs::read(above.path().join("said")).ok()?).into_owned();
    let above = above.path().to_string_lossy().into_owned();
    Some(said.split_terminator('\0').map(|word| word.replace(&above, "")).collect())
}

/// The words of what is removed as we understand the text; `None` where we say that we do not.
fn seen(text: &str) -> Option<Vec<String>> {
    let at = Surroundings { cwd: "/w", workspace: "/w", home: HOME };
    let operations = shell::operations(text, &at);
    if operations.iter().any(|op| !op.opaque.is_empty()) {
        return None;
    }
    let is_rm = |program: &stayhand_core::facts::Program| program.name == "rm";
    let removals = operations.into_iter().filter(|op| op.program.as_ref().is_some_and(is_rm));
    Some(removals.flat_map(|op| op.args).collect())
}

/// What is removed and not seen.
fn missed(shell: &str, seen_as: &str, text: &str) -> Vec<String> {
    let Some(seen) = seen(seen_as) else { return Vec::new() };
    let removed = removed(shell, text).unwrap_or_default();
    // A number may be that of the process. The dollar of `$'…'` is one of the word for `dash`, which makes it another name.
    let is_told =
        |word: &String| word.contains("etc") && !word.contains(|c: char| c.is_ascii_digit() || c == '$');
    // What stands for any name may be none.
    let is_it =
        |arg: &String, word: &String| arg == word || arg.replace("[0-9]", "").replace('*', "") == *word;
    removed.into_iter().filter(is_told).filter(|word| !seen.iter().any(|arg| is_it(arg, word))).collect()
}

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

/// Statements that change variables, or seem to.
const CHANGES: &[&str] = &[
    "x=a",
    "x=",
    "x=../b",
    "x=b/c.d",
    "y=$x",
    "x=$y/e",
    "x=${x//a}",
    "x=${x%/*}",
    "x=${x%%/*}",
    "x=${x##*/}",
    "x=${x#*.}",
    "x=${x:-b}",
    "x=${x+c}",
    "x=$(echo b)",
    "x=$(false && echo b)",
    "x=$(true; echo $x)",
    "read x <<< c",
    "for x in a b; do :; done",
    "for y in $x g; do x=$y; done",
    "unset x",
    "local x=d",
    "f() { x=e; }",
    "f() { local x=e; y=$x; }",
    "f() { x=$1; }",
    "f() { return; x=u; }",
    "f",
    "f h",
    "g() { local x=z; f; y=$x; }",
    "g",
    "(x=g)",
    "x=h | :",
    "echo $x | while read y; do x=$y; done",
    "if true; then x=i; fi",
    "if false; then x=j; else y=k; fi",
    "case $x in a) x=k;; *) y=l;; esac",
    "while false; do x=l; done",
    "while true; do x=n; break; done",
    "until true; do x=l; done",
    "for i in 1 2; do x=${x}q; done",
    "{ x=m; }",
    "x=n true",
    "x=n :",
    "export x=o",
    "eval x=p",
    "eval 'x=$y'",
    "set -- q r",
    "x=$1",
    "x=$2",
    "shift",
    "x=$#",
    "x+=r",
    "y+=$x",
    "x=(s t)",
    "x[1]=v",
    "x=${x[1]}",
    "declare x=u",
    "declare -n x=y",
    "readonly y=w",
    "printf -v x v",
    ": ${x:=w}",
    ": $((x=1))",
    "((x=2))",
    "let x=3",
    "true",
    "false",
    "! true",
    "set -e",
    "set -u",
    "IFS=/",
    "IFS=.",
    "x=$USER",
    "USER=../k",
    "x=$HOME",
    "x=~",
    "HOME=k",
    "trap 'x=t' EXIT",
    "cd .",
    "while true; do x=a; break; x=b; done",
    "for i in 1 2; do x=$y; y=; continue; x=q; done",
    "for i in 1 2 3 4 5; do x=$y; y=$z; z=$w; w=; done",
    "f() { false && return; x=t; }",
    "{ x=; false; }",
    "( exit 1 )",
    "z=a",
    "w=b",
    "eval 'return'",
    "f() { eval 'return'; x=s; }",
    "if true; then :; else x=v; fi",
    "while read x; do :; done <<< y",
    "x=$( (x=q) ; echo $x)",
    "f() ( x=s )",
    "x=*",
    "x='a b'",
    "x='*'",
    "x=\\~",
    "y=(${x})",
    "x=${y[@]}",
    "x=\"${y[*]}\"",
    "mapfile -t x <<< v",
    "getopts a x -a",
    "time x=a",
    "x=a y=b",
    "declare -i x; x=y",
    "unset -v x",
    "command eval x=c",
    "builtin export x=d",
    "\\export x=e",
    "'eval' x=f",
    "x=a exec",
    "export -n x",
    "x= read x <<< $y",
    "for x; do :; done",
    "x=${x:-$y}",
    "x=${y:?}",
    "x=${#x}",
    "set -- $x",
    "set -- \"$x\" b",
    "f \"$@\"",
    "f() { set -- u v; x=$2; }",
    "f() { shift; x=$1; }",
    "local y=$x",
    "f() { local x; x=r; g() { x=q; }; g; y=$x; }",
    "f() { unset x; }",
    "f() { local x=a; unset x; x=b; }",
    "source /dev/null",
    "exit() { :; }",
    "false || exit",
    "x=$y exit",
    "y=.",
    "x=$y$y",
    "x=.$y",
    "x=$-",
    "x=$?",
    "x=$!",
    "x=$RANDOM",
    "RANDOM=",
    "let x=y=2",
    "x=$((y=3))",
    "if read x <<< k; then :; fi",
    "! x=m",
    "x=l & wait",
    "rm -rf $x",
    "rm -rf \"$y\"",
    "read x y <<< 'k l'",
    "read -r x <<E\nk l\nE\n:",
    "read -a x <<< 'm n'",
    "IFS=: read x y <<< k:l",
    "x[0]=",
    "x=([1]=p)",
    "declare -A x; x[k]=v",
    "unset 'x[0]'",
    "x+=(z)",
    "set -- \"${x[@]}\"",
    "x=${x[*]}",
    "x=${y[1]:-$x}",
    "x=${x:0:1}",
    "x=${!y}",
    "declare -u x",
    "x=${x^^}",
    "x=${x@Q}",
    "printf -v 'x[1]' e",
    "x=${1-}",
    "f() { x=$1 shift; }",
    "case $y in (*) x=$y;; esac",
    "case $y in ?) x=y;& a) x=z;; esac",
    "select x in a; do break; done </dev/null",
    "for ((i=0;i<2;i++)); do x=$i; done",
    "x=$(read x <<< b; echo $x)",
    "shopt -s nullglob",
    "shopt -s lastpipe",
    "set -f",
    "set -k",
    "set -a",
    "unset f",
    "unset -f f",
    "enable -n export",
    "x=$_",
    "x=a true $x",
    "env x=a true",
    "x=a && y=b || x=c",
    "false && x=a || y=b",
    "f() { set -- q; }",
    "f() { x=e; exit; }",
    "f() { IFS=/; }",
    "f() { f() { x=p; }; }",
    "if f; then x=; fi",
    "while f; do x=u; break; done",
    "f | x=a",
    "f &",
    "x=$(f; echo $x)",
    "( f )",
    "{ f; } > /dev/null",
    "x=a > /dev/null",
    "x=a > /none/none",
    "> /none/none",
    "f > /none/none",
    "y=$x > /none/none || x=b",
    "export x=a > /none/none",
    "eval x=a > /none/none",
];

const USES: &[&str] = &[
    "$x",
    "\"$x\"",
    "$x/etc",
    "\"$x\"/etc",
    "${x}etc",
    "a$x",
    "b/$x",
    "$x$y",
    "$x/$y/z",
    "${x:-a}/etc",
    "${x-b}",
    "${x%a}/etc",
    "\"$@\"",
    "$1/etc",
    "${x:+c}/d",
    "~/e",
    "$HOME/f",
    "$PWD/g",
    "${x[0]}/h",
    "${x[@]}",
];

/// Whether what we say of a word covers what it is.
fn covers(arg: &str, word: &str) -> bool {
    let Some((before, rest)) = arg.split_once("[0-9]").or_else(|| arg.split_once('*')) else {
        return arg == word;
    };
    let Some(word) = word.strip_prefix(before) else { return false };
    let deep = rest.starts_with('*');
    let ends = (0..=word.len()).filter(|end| word.is_char_boundary(*end));
    ends.filter(|end| word.get(..*end).is_some_and(|name| name != ".." && (deep || !name.contains('/'))))
        .any(|end| covers(rest.trim_start_matches('*'), word.get(end..).unwrap_or_default()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_variables_hold_is_seen(
        changes in vec((select(CHANGES), select(&["; ", "; ", "; ", "\n", " && ", " || "][..])), 1..6),
        uses in vec(select(USES), 1..3),
    ) {
        let before: String = changes.iter().flat_map(|(change, sign)| [*change, *sign]).collect();
        let text = format!("{before}rm -rf {}", uses.join(" "));
        let Some(seen) = seen(&text) else { return Ok(()) };
        let removed = removed("/bin/bash", &text).unwrap_or_default();
        for word in removed.iter().filter(|word| !word.is_empty()) {
            prop_assert!(seen.iter().any(|arg| covers(arg, word)), "{word:?} is not seen: {text:?}: {seen:?}");
        }
    }
}

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
    let at = Surroundings { cwd: "/w", workspace: "/w", home: "/w/b" };
    let operations = shell::operations(text, &at);
    if operations.iter().any(|op| !op.opaque.is_empty()) {
        return None;
    }
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
        moves in vec((select(MOVES), select(&["; ", "; ", "; ", "\n", " && ", " || "][..])), 1..6),
        place in select(PLACES),
    ) {
        let before: String = moves.iter().flat_map(|(change, sign)| [*change, *sign]).collect();
        let text = format!("{before}rm -rf {place}");
        let missed = missed_path(&text);
        prop_assert!(missed.is_none(), "{missed:?} is not seen: {text:?}: {:?}", seen_paths(&text));
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

/// A value that is empty, or is not what it was, makes another path of the word around it.
#[test]
fn values_that_vanish_are_seen() {
    for text in [
        "x=a; rm -rf ${x//a}/etc",
        "x=a; rm -rf ${x/a/\\/etc}",
        "x=a; rm -rf ${x/a/..}/etc",
        "x=aa; rm -rf ${x//a/.}/etc",
        "x=..; rm -rf ${x^^}/etc",
        "x=a; rm -rf ${x:1}/etc",
        "x=a; rm -rf ${x%?}/etc",
        "x=a/b; rm -rf ${x%%*}/etc",
        "x=/a/b; rm -rf ${x%%/*}/etc",
        "x=../a/b; rm -rf ${x%%/*}/etc",
        "x=a; rm -rf ${x#?}/etc",
        "x=a..; rm -rf ${x#?}/etc",
        "for x in a b; do rm -rf ${x//[ab]}/etc; done",
        "x=a; x=${x//a}; rm -rf $x/etc",
        "x=a; y=${x//a}; y=$y; rm -rf $y/etc",
        "x=a; rm -rf ./.${x//a}./.${x//a}./etc",
        "x=a; rm -rf b/${x//a}/../../etc",
        "x=a; rm ${x//a}-rf /etc",
        "x=; rm -rf ${x-a}/etc",
        "x=$(false && echo a); rm -rf ${x:-b}/etc",
        "x=$(false && echo a); rm -rf ${x?}/etc",
        "rm -rf $!/etc",
        "rm -rf $USER/etc",
        "unset RANDOM; rm -rf $RANDOM/etc",
        "unset PWD; rm -rf $PWD/etc",
        "unset HOME; rm -rf $HOME/etc",
        "USER=../etc; rm -rf a/$USER",
        "true && USER=../etc; rm -rf a/$USER",
        "read USER <<< ../etc; rm -rf a/$USER",
        "for USER in ../etc; do rm -rf a/$USER; done",
        "HOME=$(echo /); rm -rf $HOME/etc",
        "HOME=/; rm -rf ~/etc",
        "rm -rf of=~/etc",
        "x=a:~/etc; rm -rf $x",
        "PWD=/w; cd /; rm -rf $PWD/etc",
        "rm -rf $(false && echo a)/etc",
        "rm -rf $(test -d /none && echo a)/etc",
        "rm -rf $(exit; echo a)/etc",
        "rm -rf \"$(if false; then echo a; fi)\"/etc",
        "local x=a; rm -rf $x/etc",
        "f() { local x=a; }; f; rm -rf $x/etc",
        "f() { declare x=a; }; f; rm -rf $x/etc",
        "f() { eval 'local x=a'; }; f; rm -rf $x/etc",
        "x=b; f() { local x=a; }; f; rm -rf $x/etc",
        "declare -i x=etc; rm -rf $x",
        "x=a; trap 'x=' DEBUG; rm -rf $x/etc",
        "export x=a > /none/none; rm -rf $x/etc",
        "x=a; unset 'x[0]'; rm -rf $x/etc",
        "OLDPWD=a; cd .; rm -rf $OLDPWD/../../etc",
        "set -k; export x=a; rm -rf $x/etc",
        "eval x=a < none; rm -rf $x/etc",
        "f() { x=a; }; f >&7; rm -rf $x/etc",
        "{ x=a; } > /none/none; rm -rf $x/etc",
    ] {
        assert_eq!(missed("/bin/bash", text, text), [""; 0], "not seen: {text}");
    }
    for text in ["rm -rf $RANDOM/etc", "rm -rf $UID/etc", "rm -rf $HOSTNAME/etc", "rm -rf $BASHPID/etc"] {
        let quoted = format!("sh -c '{text}'");
        assert_eq!(missed("/bin/dash", &quoted, text), [""; 0], "not seen: {quoted}");
    }
    for text in [
        "export USER=../etc; sh -c 'rm -rf a/$USER'",
        "USER=../etc sh -c 'rm -rf a/$USER'",
        "env USER=../etc sh -c 'rm -rf a/$USER'",
        "rm -rf $(date +)/etc",
        "rm -rf $(basename /)/etc",
        "rm -rf \"$(ls)\"/etc",
        "rm -rf $(find . -name a)/etc",
        "rm -rf $(mktemp -d /none/XXX)/etc",
    ] {
        assert_eq!(seen(text), None, "{text}");
    }
    for text in [
        "for f in *; do rm -rf \"$f/build\"; done",
        "for f in *.txt; do rm \"${f%.txt}/a\" \"${f%.txt}.md\"; done",
        "for f in *; do rm ${f/.txt/.md}; done",
        "x=build; rm -rf $x/a ${x}/b ${x:?}/c",
        "rm -rf $(pwd)/build build-$(date +%s)/a $(date +%F)/a",
        "d=$(mktemp -d); rm -rf $d/a; rm -rf \"$d\"",
        "rm -rf build/$USER logs-$RANDOM $$.tmp",
        "for f in $(ls); do rm -rf \"$f/build\"; done",
        "f() { local d=build; rm -rf $d/a; }; f",
        "x=a; rm ${x//a/b}.txt ${x:0:1}.txt",
        "kill $!; rm a",
    ] {
        assert!(seen(text).is_some(), "{text}");
    }
}
