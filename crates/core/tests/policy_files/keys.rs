//! What people are told about keys and values: misspelt, twice, of another kind.

use super::*;

#[test]
fn misspelt_keys() {
    refused(
        "version: 1\nrulse:\n  - allow: bash\n",
        expect![[r#"
        error: there is no key `rulse` here
          2 | rulse:
            | ^^^^^
        help: did you mean `rules`?
    "#]],
    );
    refused(
        "rules:\n  - allow: bash\n    whem: {program: ls}\n",
        expect![[r#"
        error: there is no key `whem` here
          3 |     whem: {program: ls}
            |     ^^^^
        help: did you mean `when`?
    "#]],
    );
    refused(
        "rules:\n  - allow: bash\n    when: {programm: ls, reads: x}\n",
        expect![[r#"
        error: there is no key `programm` here
          3 |     when: {programm: ls, reads: x}
            |            ^^^^^^^^
        help: did you mean `program`?
    "#]],
    );
    refused(
        "rules:\n  - allow: read_file\n    when:\n      colour: blue\n",
        expect![[r#"
        error: there is no key `colour` here
          4 |       colour: blue
            |       ^^^^^^
        help: known here: program, subcommand, args_prefix, args, reads, writes, deletes, lists, executes, paths, hosts, ports, method…
    "#]],
    );
    refused(
        "actions:\n  go:\n    aproval: true\n",
        expect![[r#"
        error: there is no key `aproval` here
          3 |     aproval: true
            |     ^^^^^^^
        help: did you mean `approval`?
    "#]],
    );
    loads("version: 1\nrules:\n  - allow: bash\n    when: {program: ls}\n");
}

#[test]
fn misspelt_values() {
    refused(
        "rules:\n  - allow: bash\n    when:\n      does: [network, publihs]\n",
        expect![[r#"
        error: `publihs` is not known here
          4 |       does: [network, publihs]
            |                       ^^^^^^^
        help: did you mean `publish`?
    "#]],
    );
    refused(
        "rules:\n  - allow: bash\n    when: {reads: ['place:kye']}\n",
        expect![[r#"
            error: `kye` is not a place: expected one of `key`, `credential`, `startup`, `git_control`, `agent_config`, `system`, `boot`, `device`, `kernel`, `other_user`, `stayhand`
              3 |     when: {reads: ['place:kye']}
                |                           ^^^
        "#]],
    );
    refused(
        "rules:\n  - allow: fetch\n    when: {hosts: ['address:privat']}\n",
        expect![[r#"
            error: `privat` is not a kind of address: expected one of `public`, `name`, `loopback`, `private`, `link_local`, `reserved`, `metadata`
              3 |     when: {hosts: ['address:privat']}
                |                             ^^^^^^
        "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    when: {hours: ['09:00-17:00', '25:00-26:00']}\n",
        expect![[r#"
        error: `25:00-26:00` is not a range of hours, as in `08:00-18:00`
          3 |     when: {hours: ['09:00-17:00', '25:00-26:00']}
            |                                    ^^^^^^^^^^^
    "#]],
    );
    refused(
        "rules:\n  - deny: act\n    when: {input: {value: {over: 1}}}\n",
        expect![[r#"
        error: `value` is not a JSON pointer; write `/value`
          3 |     when: {input: {value: {over: 1}}}
            |                    ^^^^^
    "#]],
    );
    refused(
        "defaults: {undecided: ask}\nrules: [{allow: bash}]\n",
        expect![[r#"
        error: `ask` is not known here
          1 | defaults: {undecided: ask}
            |                       ^^^
        help: known here: approve, deny
    "#]],
    );
    refused(
        "boundaries:\n  time: {max_execution_s: -1}\n",
        expect![[r#"
        error: `max_execution_s` must be a number of seconds, zero or more, not -1
          2 |   time: {max_execution_s: -1}
            |          ^^^^^^^^^^^^^^^
    "#]],
    );
    refused(
        "boundaries:\n  time: {max_execution_s: .nan}\n",
        expect![[r#"
        error: `max_execution_s` must be a number of seconds, zero or more, not NaN
          2 |   time: {max_execution_s: .nan}
            |          ^^^^^^^^^^^^^^^
    "#]],
    );
    loads("defaults: {undecided: approve}\nboundaries:\n  time: {max_execution_s: 0}\n");
}

#[test]
fn bad_expressions() {
    refused(
        "rules:\n  - name: (\n    deny: bash\n    when:\n      matches:\n        - good\n        - 'bad('\n",
        expect![[r#"
            error: `bad(` is not a regular expression: unclosed group
              7 |         - 'bad('
                |            ^^^^
        "#]],
    );
    refused(
        "actions:\n  go:\n    forbidden_patterns: ['fine', '[z-a]']\n",
        expect![[r#"
        error: `[z-a]` is not a regular expression: invalid character class range, the start must be <= the end
          3 |     forbidden_patterns: ['fine', '[z-a]']
            |                                   ^^^^^
    "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    when: {matches: '(?=x)y'}\n",
        expect![[r#"
        error: `(?=x)y` is not a regular expression: look-around, including look-ahead and look-behind, is not supported
          3 |     when: {matches: '(?=x)y'}
            |                      ^^^^^^
    "#]],
    );
    loads("rules:\n  - deny: bash\n    when: {matches: ['good(er)?']}\n");
}

#[test]
fn duplicates() {
    refused(
        "rules: []\ndefaults: {}\nrules: []\n",
        expect![[r#"
        error: the key `rules` is written twice
          3 | rules: []
            | ^^^^^
        help: keep one of them
    "#]],
    );
    refused(
        "rules:\n  - allow: bash\n    deny: bash\n    allow: exec\n",
        expect![[r#"
        error: the key `allow` is written twice
          4 |     allow: exec
            |     ^^^^^
        help: keep one of them
    "#]],
    );
    refused(
        "rules:\n  - {name: a, allow: bash}\n  - {name: b, deny: exec}\n  - {name: a, deny: bash}\n",
        expect![[r#"
            error: two rules are called `a`
              4 |   - {name: a, deny: bash}
                |            ^
            help: give each rule a name of its own
        "#]],
    );
    loads("rules:\n  - {name: a, allow: bash}\n  - {name: b, deny: exec}\n");
}

#[test]
fn kinds() {
    refused(
        "rules:\n  - {allow: bash, deny: bash}\n",
        expect![[r#"
        error: a rule is either `allow` or `deny`, not both
          2 |   - {allow: bash, deny: bash}
            |      ^^^^^
    "#]],
    );
    refused(
        "rules:\n  - name: nothing\n",
        expect![[r#"
        error: a rule needs one of `allow`, `warn`, `audit`, `approve`, `deny`
          2 |   - name: nothing
            |     ^^^^
    "#]],
    );
    refused(
        "rules:\n  - deny: []\n",
        expect![[r#"
        error: `deny` names no tool
          2 |   - deny: []
            |     ^^^^
    "#]],
    );
    refused(
        "rules:\n  - allow: bash\n  - deny: deploy(x)\n",
        expect![[r#"
            error: `deploy(x)`: this tool takes no specifier; write its conditions under `when:`
              3 |   - deny: deploy(x)
                |           ^^^^^^^^^
        "#]],
    );
    refused(
        "rules:\n  - allow: bash\n  - deny: Bash(rm\n",
        expect![[r#"
        error: `Bash(rm` has an opening parenthesis and no closing one
          3 |   - deny: Bash(rm
            |           ^^^^^^^
    "#]],
    );
}

/// A list that is empty, perhaps since a program has written it, would narrow nothing: the rule would be about everything.
#[test]
fn lists_that_narrow_nothing() {
    refused(
        "rules:\n  - allow: bash\n    when: {program: []}\n",
        expect![[r#"
        error: an empty list narrows nothing; list something, or leave the key out
          3 |     when: {program: []}
            |                     ^
        help: `stayhand policy schema` prints the keys that exist
    "#]],
    );
    let of_condition = "program subcommand args_prefix args reads writes deletes lists executes paths hosts ports \
                        methods sql sql_verb tables does secrets matches hours days";
    for key in of_condition.split_whitespace() {
        for part in ["when", "except"] {
            let text = format!("rules: [{{deny: bash, {part}: {{{key}: []}}}}]");
            let problem = Policy::compile(&[file(Layer::User, &text)], analyse)
                .err()
                .unwrap_or_else(|| panic!("{text}"));
            assert!(format!("{problem:?}").contains("narrows nothing"), "{text}: {problem:?}");
        }
    }
    for text in [
        "rules: [{allow: bash, agent: []}]",
        "rules: [{deny: bash, except: {}}]",
        "boundaries: {time: {hours: []}}",
        "boundaries: {time: {days: []}}",
    ] {
        assert!(Policy::compile(&[file(Layer::User, text)], analyse).is_err(), "{text}");
    }
}

#[test]
fn wrong_types() {
    refused(
        "rules: bash\n",
        expect![[r#"
            error: expected a list
              1 | rules: bash
                |        ^^^^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "- allow: bash\n",
        expect![[r#"
            error: expected keys with values
              1 | - allow: bash
                | ^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules:\n  - allow: bash\n    strict: yes\n",
        expect![[r#"
        error: expected `true` or `false`
          3 |     strict: yes
            |             ^^^
        help: `stayhand policy schema` prints the keys that exist
    "#]],
    );
    refused(
        "rules:\n  - allow: bash\n    when: {ports: [https]}\n",
        expect![[r#"
            error: expected a whole number from 0 to 65535
              3 |     when: {ports: [https]}
                |                    ^^^^^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules:\n  - allow: bash\n    when: {ports: [70000]}\n",
        expect![[r#"
            error: expected a whole number from 0 to 65535
              3 |     when: {ports: [70000]}
                |                    ^^^^^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    when:\n      deletes: [~]\n",
        expect![[r#"
        error: expected a text, not nothing
          4 |       deletes: [~]
            |                 ^
        help: put `~` in quotes for the home folder
    "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    when: {program: {name: rm}}\n",
        expect![[r#"
            error: expected one value or a list of values, not map
              3 |     when: {program: {name: rm}}
                |                     ^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules:\n  - deny: bash\n    timeout_s: -5\n",
        expect![[r#"
            error: expected a whole number, zero or more
              3 |     timeout_s: -5
                |                ^^
            help: `stayhand policy schema` prints the keys that exist
        "#]],
    );
    refused(
        "rules:\n  - ä: bash\n    öl: x\n",
        expect![[r#"
            error: there is no key `ä` here
              2 |   - ä: bash
                |     ^
            help: known here: name, allow, warn, audit, approve, deny, agent, when, except, reason, strict, timeout_s, otherwise, restore_…
        "#]],
    );
}
