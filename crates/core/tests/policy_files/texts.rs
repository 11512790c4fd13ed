//! What people are told about texts that are no policy, and about packs and versions.

use super::*;

#[test]
fn bad_yaml() {
    refused(
        "rules:\n\t- allow: bash\n",
        expect![[r#"
            error: tabs disallowed within this context (block indentation)
              2 | →- allow: bash
                |  ^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules:\n  - allow: [bash\n",
        expect![[r#"
            error: unclosed bracket '['
              2 |   - allow: [bash
                |            ^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules: []\n---\nrules: [{allow: bash}]\n",
        expect![[r#"
        error: a policy file holds one document
          2 | ---
            | ^^^
        help: remove the `---` and what follows it
    "#]],
    );
    refused(
        "rules:\n  - allow: *nobody\n",
        expect![[r#"
            error: alias references unknown anchor
              2 |   - allow: *nobody
                |            ^^^^^^^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules: [{allow: 'bash}]\n",
        expect![[r#"
            error: unclosed quote
              1 | rules: [{allow: 'bash}]
                |                 ^^^^^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    loads("rules:\n  - &all {allow: read_file}\n  - {deny: bash}\n");
}

/// Bypass 076: files made to be expensive fail at once.
#[test]
fn bypass_076_expensive_files() {
    let began = Instant::now();
    let laughs: String = (1..30).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        let line = vec![format!("*a{}", n - 1); 9].join(", ");
        format!("{text}a{n}: &a{n} [{line}]\n")
    });
    refused(
        &laughs,
        expect![[r#"
            error: there is no key `a0` here
              1 | a0: &a0 [x, x, x, x, x, x, x, x, x]
                | ^^
            help: known here: version, name, description, extends, defaults, boundaries, sandbox, limits, budgets, prices, breakers, anoma…
        "#]],
    );
    // The same under a key that takes any value.
    let inside = laughs.replace("\na", "\n        a");
    refused(
        &format!("rules:\n  - deny: act\n    match:\n      - {}", inside.trim_end()),
        expect![[r#"
        error: the file holds too many values
          9 |         a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]
            |                                                ^^^
        help: `stayhand policy schema` prints the keys that exist
    "#]],
    );
    refused(
        &"[".repeat(100_000),
        expect![[r#"
            error: recursion limit exceeded
              1 | column 256
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        &"- ".repeat(100_000),
        expect![[r#"
            error: expected keys with values
              1 | - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - 
                | ^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        &format!("rules: [{{deny: act, match: [{}]}}]", "{a: ".repeat(1000)),
        expect![[r#"
            error: recursion limit exceeded
              1 | column 1037
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        &"# a comment\n".repeat(500_000),
        expect![[r#"
        error: the file is larger than 4 MiB
    "#]],
    );
    refused(
        &format!("rules: [{}]", "{deny: a},".repeat(300_000)),
        expect![[r#"
            error: the file holds too many values
              1 | column 1666666
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // A large honest file loads.
    let honest: String = (0..10_000).map(|n| format!("- {{name: r{n}, deny: tool_{n}}}\n")).collect();
    assert_eq!(loads(&format!("rules:\n{honest}")).rules().len(), 10_000);
}

#[test]
fn nothing_written() {
    for text in ["", "\n \n", "# only words\n", "{}", "---\n", "null\n"] {
        let policy = loads(text);
        assert!(policy.rules().is_empty(), "{text:?}");
    }
    let none = Policy::compile(&[], analyse).unwrap();
    assert_eq!(none.sources(), ["built_in:pack:coding-agent"]);
    linted(
        Layer::User,
        "",
        expect![[r#"
        warning: nothing is allowed here, so every action is refused
        help: extend a pack, as in `extends: coding-agent`, or add rules
    "#]],
    );
    linted(
        Layer::User,
        "# only words\n",
        expect![[r#"
        warning: nothing is allowed here, so every action is refused
        help: extend a pack, as in `extends: coding-agent`, or add rules
    "#]],
    );
}

#[test]
fn packs_and_versions() {
    refused(
        "name: x\nextends: [coding-agent, codeing-agent]\n",
        expect![[r#"
            error: there is no pack called `codeing-agent`
              2 | extends: [coding-agent, codeing-agent]
                |                         ^^^^^^^^^^^^^
            help: the packs are: coding-agent, strict, data-agent, ops-agent, qa-agent, trading-agent, content-agent, permissive
        "#]],
    );
    refused(
        "version: 2\n",
        expect![[r#"
        error: this version of the policy language is not known
          1 | version: 2
            | ^^^^^^^
        help: write `version: 1`
    "#]],
    );
    refused(
        "version: one\n",
        expect![[r#"
            error: expected a whole number, zero or more
              1 | version: one
                |          ^^^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    loads("version: 1\nextends: coding-agent\n");
}
