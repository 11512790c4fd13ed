//! What people are told about rules and their examples.

use super::*;

#[test]
fn impossible_rules() {
    refused(
        "rules:\n  - deny: bash\n    when: {reads: [./a, $HOME/x]}\n",
        expect![[r#"
        error: this rule can never match: `$HOME/x` is not a path; `reads` compares resolved paths
          3 |     when: {reads: [./a, $HOME/x]}
            |                         ^^^^^^^
        help: write an absolute path, `./…` for the workspace or `~/…` for the home folder
    "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    when: {writes: ../x}\n",
        expect![[r#"
        error: this rule can never match: `../x` is not a path; `writes` compares resolved paths
          3 |     when: {writes: ../x}
            |                    ^^^^
        help: write an absolute path, `./…` for the workspace or `~/…` for the home folder
    "#]],
    );
    refused(
        "rules:\n  - deny: read_file\n    when: {writes: ./x}\n",
        expect![[r#"
            error: this rule can never match: `writes` asks what is written, and none of its tools writes
              3 |     when: {writes: ./x}
                |            ^^^^^^
            help: use `paths:`, which is any access, or name another tool
        "#]],
    );
    refused(
        "rules:\n  - deny: Write\n    when: {program: rm}\n",
        expect![[r#"
            error: this rule can never match: `program` asks for a command, and its tools run no program
              3 |     when: {program: rm}
                |            ^^^^^^^
            help: name `bash` or `exec`, or use `paths:`
        "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    when: {program: [ls, rm -rf]}\n",
        expect![[r#"
        error: this rule can never match: `rm -rf` is not a base name, which `program` compares
          3 |     when: {program: [ls, rm -rf]}
            |                          ^^^^^^
        help: write the name alone (`rm`); put arguments under `args` or `args_prefix`
    "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    when: {program: rm}\n    except: {program: rm}\n",
        expect![[r#"
        error: this rule can never match: its exception is the same as its condition
          2 |   - deny: bash
            |     ^^^^
        help: narrow or remove `except:`
    "#]],
    );
    loads("rules:\n  - deny: bash\n    when: {program: rm, writes: ./x}\n");
}

/// A condition that none of the rule's tools can ever fulfil, beside one that some tool can.
#[test]
fn conditions_that_do_not_fit_the_tools() {
    let problems = |text: &str| -> Vec<String> {
        let found = lint(&file(Layer::User, text), analyse);
        found.into_iter().map(|problem| problem.message).filter(|message| message.contains('`')).collect()
    };
    for (tools, when, key) in [
        ("write_file", "reads: ./x", "reads"),
        ("edit_file", "deletes: ./x", "deletes"),
        ("read_file", "writes: ./x", "writes"),
        ("read_file", "lists: ./x", "lists"),
        ("list_dir", "reads: ./x", "reads"),
        ("delete_file", "writes: ./x", "writes"),
        ("[write_file, edit_file]", "reads: ./x", "reads"),
        ("Write", "reads: ./x", "reads"),
        ("fetch", "deletes: ./x", "deletes"),
        ("fetch", "executes: ./x", "executes"),
        ("sql", "program: rm", "program"),
        ("write_file", "args: --force", "args"),
        ("fetch", "sql: write", "sql"),
        ("read_file", "sql_verb: drop table", "sql_verb"),
        ("delete_file", "tables: users", "tables"),
    ] {
        for kind in ["deny", "approve", "warn", "audit"] {
            let text = format!("rules:\n  - {{name: r, {kind}: {tools}, when: {{{when}}}}}\n");
            let found = problems(&text);
            let wanted = format!("this rule can never match: `{key}` ");
            assert!(found.iter().any(|message| message.starts_with(&wanted)), "{text}{found:?}");
            assert!(Policy::compile(&[file(Layer::User, &text)], analyse).is_err(), "{text}");
        }
        // What cannot be broken allows more than it seems to: it holds, with a warning.
        let text = format!("rules:\n  - {{name: r, allow: {tools}, when: {{{when}}}}}\n");
        let compiled = Policy::compile(&[file(Layer::User, &text)], analyse);
        let found = problems(&text);
        if matches!(key, "program" | "args") {
            assert!(compiled.is_err(), "{text}");
        } else {
            let wanted = format!("`{key}` limits nothing here");
            assert!(
                compiled.is_ok() && found.iter().any(|message| message.starts_with(&wanted)),
                "{text}{found:?}"
            );
        }
    }
    for (tools, when) in [
        ("read_file", "reads: ./x"),
        ("Read", "lists: ./x"),
        ("write_file", "writes: ./x"),
        ("delete_file", "deletes: ./x"),
        ("[write_file, bash]", "reads: ./x"),
        ("'*'", "reads: ./x"),
        ("exec", "deletes: ./x"),
        ("python", "writes: ./x"),
        ("sql", "tables: users"),
        ("fetch", "reads: /etc/**"),
        ("mcp__files__write", "reads: ./x"),
        ("'write_*'", "reads: ./x"),
        ("send_order", "sql: write"),
        ("read_file", "paths: ./x"),
        ("read_file", "hosts: x.org"),
    ] {
        for kind in ["deny", "allow"] {
            let text = format!("rules:\n  - {{name: r, {kind}: {tools}, when: {{{when}}}}}\n");
            let found = problems(&text);
            assert!(
                !found.iter().any(|found| found.contains("never match") || found.contains("limits nothing")),
                "{text}{found:?}"
            );
            loads(&text);
        }
    }
}

#[test]
fn examples() {
    refused(
        "rules:\n  - name: no_rm\n    deny: bash\n    when: {program: rm}\n    match: [rm, ls]\n    not_match: [cat x, rm -r x]\n",
        expect![[r#"
            error: this example is not matched by its rule
              5 |     match: [rm, ls]
                |                 ^^
            help: `stayhand check --facts` shows what an action would do; conditions compare those facts

            error: this example must not match its rule, and it does
              6 |     not_match: [cat x, rm -r x]
                |                        ^^
            help: `stayhand check --facts` shows what an action would do; conditions compare those facts
        "#]],
    );
    refused(
        "rules:\n  - deny: mcp__x__go\n    match: [anything]\n",
        expect![[r#"
        error: `mcp__x__go` has no main argument; write the example as a map of arguments
          3 |     match: [anything]
            |             ^^^^^^^^
        help: `stayhand check --facts` shows what an action would do; conditions compare those facts
    "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    match: [3]\n",
        expect![[r#"
        error: an example is a text or a map of arguments
          3 |     match: [3]
            |             ^
        help: `stayhand policy schema` prints the keys that exist
    "#]],
    );
    loads(
        "rules:\n  - deny: bash\n    when: {program: rm}\n    match: [rm, rm x, {command: rm}]\n    not_match: [ls]\n",
    );
    loads(
        "rules:\n  - deny: read_file\n    when: {reads: /etc/**}\n    match: [/etc/passwd]\n    not_match: [/etcetera]\n",
    );
}
