//! Another judge of Python: what we read for certain, CPython has to accept.

use super::of;
use crate::code::Language;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Reads texts with lengths before them, and says for each whether it can be parsed.
const JUDGE: &str = r#"
import ast, sys, warnings
warnings.simplefilter("ignore")
data, at = sys.stdin.buffer.read(), 0
while at < len(data):
    end = data.index(b"\n", at)
    size = int(data[at:end])
    text = data[end + 1 : end + 1 + size].decode()
    at = end + 1 + size
    try:
        ast.parse(text)
        print("yes")
    except Exception:
        print("no")
"#;

fn snippets() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "print", "x", "y", "1", "0x1F", "2.5e3", "'a'", "\"b\"", "b'c'", "f'{x}'", "r'\\d'", "'''t'''", "(",
        ")", "[", "]", "{", "}", ":", ",", ".", ";", "\n", "\n    ", "\n\t", "if", "else", "for", "in",
        "while", "def", "class", "lambda", "return", "not", "and", "or", "+", "-", "*", "**", "//", "=",
        "==", "+=", ":=", "->", "@", "import", "from", "as", "with", "try", "except", "pass", "yield",
        "await", "async", "global", "del", "assert", "raise", "is", "None", "True", "#c", "\\\n", "match",
        "case", "_", "~", "%", "<", ">=", "!=", "...", "`", "$", "?", "!", "é", "0777", "1_000", "''", "\\",
        "'", "\"",
    ]);
    prop::collection::vec((word, prop::bool::weighted(0.7)), 1..14).prop_map(|words| {
        words.into_iter().map(|(word, blank)| format!("{word}{}", if blank { " " } else { "" })).collect()
    })
}

#[expect(clippy::disallowed_methods, reason = "the other judge is a program")]
fn accepted(texts: &[String]) -> Option<Vec<bool>> {
    let mut child = Command::new("python3")
        .args(["-I", "-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let input: Vec<u8> =
        texts.iter().flat_map(|text| format!("{}\n{text}", text.len()).into_bytes()).collect();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    let answers: Vec<bool> =
        String::from_utf8(output.stdout).ok()?.lines().map(|line| line == "yes").collect();
    (answers.len() == texts.len()).then_some(answers)
}

/// Whether all of the code is read; what it does may still not be known.
fn is_read(code: &str) -> bool {
    let unread = ["cannot be read", "nested too deeply", "control characters", "too long"];
    !of(Language::Python, code)
        .unknown
        .iter()
        .any(|(_, why)| unread.iter().any(|reason| why.contains(reason)))
}

#[test]
fn what_is_read_is_what_python_accepts() {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let strategy = snippets();
    let texts: Vec<String> = (0..4_000).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let Some(answers) = accepted(&texts) else {
        eprintln!("NOT RUN: there is no python3 to compare with");
        return;
    };
    let read: Vec<bool> = texts.iter().map(|text| is_read(text)).collect();
    assert!(read.iter().filter(|read| **read).count() > 100, "too few texts are read to compare anything");
    for ((text, read), accepted) in texts.iter().zip(read).zip(answers) {
        assert!(!read || accepted || newer_than_the_judge(text), "read, but not accepted: {text:?}");
    }
}

/// Grammar that this parser knows and an older Python does not.
fn newer_than_the_judge(text: &str) -> bool {
    text.contains("except") || text.contains("f'")
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,200}") {
        for language in [Language::Python, Language::JavaScript, Language::Perl, Language::Ruby, Language::Php, Language::Lua] {
            of(language, &text);
        }
        let mut deeds = crate::code::Deeds::default();
        crate::code::awk(&text, &mut deeds);
        crate::code::sed(&text, &mut deeds);
        crate::code::client("sqlite3", &text, &mut deeds);
        crate::code::client("psql", &text, &mut deeds);
        crate::code::client("mysql", &text, &mut deeds);
    }

    #[test]
    fn nothing_panics_on_what_looks_like_code(text in snippets()) {
        for language in [Language::Python, Language::JavaScript, Language::Perl, Language::Ruby, Language::Php, Language::Lua] {
            of(language, &text);
        }
        let mut deeds = crate::code::Deeds::default();
        crate::code::awk(&text, &mut deeds);
    }
}
