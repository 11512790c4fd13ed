//! What the linter says about files that load.

use super::*;

#[test]
fn lint_allows() {
    linted(
        Layer::Project,
        "rules:\n  - {name: a, allow: bash, when: {program: ls}}\n",
        expect![[r#"
            warning: an allow rule of this layer grants nothing
              2 |   - {name: a, allow: bash, when: {program: ls}}
                |     ^
            help: a project's file can only tighten; put it in the user's policy
        "#]],
    );
    linted(
        Layer::User,
        "rules:\n  - allow: '*'\n",
        expect![[r#"
        warning: this rule allows every tool to do everything
          2 |   - allow: '*'
            |     ^^^^^
        help: add conditions, or name the tools
    "#]],
    );
    linted(
        Layer::User,
        "rules:\n  - {allow: bash, when: {reads: ./**}}\n",
        expect![[r#"
            warning: this rule allows commands by what they read, and says nothing of what they change
              2 |   - {allow: bash, when: {reads: ./**}}
                |     ^
            help: add `writes:` and `deletes:`, or `program:`; a key limits only what it names
        "#]],
    );
    linted(
        Layer::User,
        "rules:\n  - {allow: bash, when: {reads: ./**, writes: ./**, deletes: ./**}}\n",
        expect![[r#""#]],
    );
    linted(
        Layer::User,
        "rules:\n  - {allow: bash, strict: true, when: {program: ls}}\n",
        expect![[r#"
            warning: `strict` only means something in a deny rule
              2 |   - {allow: bash, strict: true, when: {program: ls}}
                |     ^
            help: remove it
        "#]],
    );
    linted(
        Layer::Project,
        "tools: {act: {fields: {/x: text}}}\nrules: [{deny: act}]\n",
        expect![[r#"
            warning: what this layer says about a tool's arguments counts nothing
              1 | tools: {act: {fields: {/x: text}}}
                |              ^
            help: a project's file can only tighten; put it in the user's policy
        "#]],
    );
}

#[test]
fn lint_examples() {
    linted(
        Layer::User,
        "rules:\n  - {allow: bash, when: {program: ls}}\n  - {deny: bash, when: {program: rm}}\n",
        expect![[r#"
            warning: this rule has no example
              3 |   - {deny: bash, when: {program: rm}}
                |     ^
            help: add `match:` and `not_match:`; they are checked when the file is loaded
        "#]],
    );
    linted(
        Layer::User,
        "rules:\n  - {deny: bash, match: [rm x]}\n",
        expect![[r#"
            warning: this rule is wider than its examples: it matches every use of its tools
              2 |   - {deny: bash, match: [rm x]}
                |     ^
            help: add a `when:` condition
        "#]],
    );
    linted(
        Layer::User,
        "rules:\n  - {deny: bash, when: {program: rm}, match: [rm x], not_match: [ls]}\n",
        expect![[r#""#]],
    );
}

#[test]
fn lint_shadows() {
    linted(
        Layer::User,
        "rules:\n  - {allow: bash}\n  - {name: never, deny: bash}\n  - {allow: [bash, exec]}\n",
        expect![[r#"
            warning: this rule changes nothing: `never` already decides what it matches
              2 |   - {allow: bash}
                |     ^
            help: remove one of them
        "#]],
    );
    linted(
        Layer::User,
        "rules:\n  - {name: one, warn: bash}\n  - {name: two, warn: bash}\n",
        expect![[r#"
            warning: this rule changes nothing: `one` already decides what it matches
              3 |   - {name: two, warn: bash}
                |     ^
            help: remove one of them
        "#]],
    );
    linted(
        Layer::User,
        "rules:\n  - {allow: read_file}\n  - {deny: read_file, agent: bob}\n",
        expect![[r#""#]],
    );
}

/// A rule for a tool that does not exist refuses nothing (bypass 111).
#[test]
fn lint_mistyped_tools() {
    linted(
        Layer::User,
        "extends: coding-agent\nrules: [{name: a, deny: Bsah}, {name: b, deny: deploy}, {name: c, deny: Bash}]\n",
        expect![[r#"
            warning: no tool is called `Bsah`
              2 | rules: [{name: a, deny: Bsah}, {name: b, deny: deploy}, {name: c, deny: Bash}]
                |         ^
            help: did you mean `Bash`?
        "#]],
    );
}
