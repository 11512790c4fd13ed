//! How complex code looks, by its words alone and in any language: an estimate for the choice of a model, and for nothing
//! that is decided.

use stayhand_core::control::routing::Measured;

/// Words at which code goes one of two ways.
static BRANCHES: &[&str] = &[
    "and", "case", "catch", "elif", "elsif", "except", "for", "foreach", "if", "match", "or", "rescue",
    "switch", "unless", "until", "when", "while",
];

/// Words that a line begins with which takes something from elsewhere.
static NEEDS: &[&str] = &[
    "#include",
    "@import",
    "from",
    "import",
    "include",
    "package",
    "require",
    "require_once",
    "use",
    "using",
];

/// How a line begins that says nothing to the machine.
static REMARKS: &[&str] = &["//", "/*", "*", "--", ";", "\"\"\"", "'''"];

/// Counts lines, branches and imports of a text.
pub fn measure(code: &str) -> Measured {
    let mut measured = Measured { cyclomatic: 1, ..Measured::default() };
    for line in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
        measured.lines += 1;
        let first = line.split([' ', '\t', '(', '<', '"', '\'']).next().unwrap_or_default();
        if NEEDS.contains(&first) {
            measured.dependencies += 1;
            continue;
        }
        let is_remark = REMARKS.iter().any(|start| line.starts_with(start))
            || line.starts_with('#') && !line.starts_with("#[");
        if !is_remark {
            measured.cyclomatic += branches(line);
        }
    }
    measured
}

fn branches(line: &str) -> u64 {
    let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let named = words.filter(|word| BRANCHES.contains(word)).count();
    let signs = ["&&", "||", " ? "].iter().map(|sign| line.matches(sign).count());
    signs.fold(named, |sum, count| sum + count).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_some_languages() {
        for (code, lines, cyclomatic, dependencies) in [
            ("", 0, 1, 0),
            ("def f(x):\n    return x\n", 2, 1, 0),
            (
                "import os\nfrom a import b\n\ndef f(x):\n    # if not\n    if x and y:\n        return 1\n",
                6,
                3,
                2,
            ),
            ("use std::fs;\nfn f() {\n    for a in b {\n        if a || b { }\n    }\n}\n", 6, 4, 1),
            ("#include <stdio.h>\nint f(int a) { return a > 1 ? 2 : 3; }\n", 2, 2, 1),
            ("const a = require('x');\nwhile (a && b) {}\n", 2, 3, 0),
            ("// for ever\nprintf(\"notified\");\n", 2, 1, 0),
        ] {
            assert_eq!(measure(code), Measured { lines, cyclomatic, dependencies }, "{code}");
        }
    }
}
