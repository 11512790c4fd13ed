//! `stayhand policy`, and which files make up the policy in force.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

mod common;

use common::{HELD, NOT_RUN, PERMITTED, REFUSED, USAGE, World, project_file, run};
use std::path::Path;
use std::time::Duration;

const PACKS: &[&str] = &[
    "coding-agent",
    "strict",
    "data-agent",
    "ops-agent",
    "qa-agent",
    "trading-agent",
    "content-agent",
    "permissive",
];

/// A broken policy, the place of its mistake, and words of the diagnostic.
const BROKEN: &[(&str, &str, &str)] = &[
    ("rules:\n  - name: a\n    deny: bash\n    when:\n      progam: rm\n", "5:7", "did you mean `program`?"),
    ("rulez:\n  - deny: bash\n", "1:1", "`rulez`"),
    (
        "rules:\n  - name: a\n    deny: bash\n    when:\n      matches: '(unclosed'\n",
        "5:",
        "is not a regular expression",
    ),
    ("version: 1\nrules: []\nrules:\n  - deny: bash\n", "3:1", "written twice"),
    ("rules:\n  - {name: a, deny: bash, deny: exec}\n", "2:", "written twice"),
    ("rules:\n  - {name: a, deny: bash}\n  - {name: a, deny: exec}\n", "3:", "two rules are called `a`"),
    ("rules:\n  - name: a\n    deny: read_file\n    when: {program: rm}\n", "4:", "can never match"),
    (
        "rules:\n  - name: a\n    deny: bash\n    when: {program: rm}\n    match: [ls]\n",
        "5:",
        "is not matched by its rule",
    ),
    (
        "rules:\n  - name: a\n    deny: bash\n    when: {program: rm}\n    not_match: [rm x]\n",
        "5:",
        "must not match its rule",
    ),
    ("extends: coding-agnet\n", "1:", "there is no pack called `coding-agnet`"),
    ("version: 7\n", "1:", "version"),
    ("rules:\n  - {allow: bash, deny: exec}\n", "2:", "not both"),
    ("rules:\n  - {name: x}\n", "2:", "needs one of"),
    ("rules:\n  - {name: x, deny: bash, when: {does: [fly]}}\n", "2:", "`fly` is not known here"),
    ("rules:\n  - {name: x, deny: bash\n", "2:", "unclosed"),
    ("rules:\n  - {name: x, deny: bash, when: {hours: '25:00-26:00'}}\n", "2:", "25:00"),
    ("boundaries:\n  time: {max_execution_s: -1}\n", "2:", "max_execution_s"),
    ("boundaries:\n  time: {max_execution_s: .nan}\n", "2:", "max_execution_s"),
    ("defaults: {approval_timeout_s: -5}\n", "1:", ""),
];

#[test]
fn a_broken_policy_is_shown_with_line_and_caret_and_nothing_is_loaded() {
    let world = World::new();
    world.run(&["exec", "--", "true"]).expect(PERMITTED);
    let before = world.records().len();
    for (text, place, says) in BROKEN {
        let file = world.write("broken.yaml", text);
        let file = file.to_str().unwrap();
        for (args, code) in [
            (&["policy", "test", file][..], USAGE),
            (&["policy", "lint", file], REFUSED),
            (&["check", "--policy", file, "bash", "ls"], USAGE),
            (&["exec", "--policy", file, "--", "touch", "made"], USAGE),
            (&["replay", "--policy", file], USAGE),
            (&["policy", "show", "--policy", file], USAGE),
        ] {
            let run = world.run(args);
            assert_eq!(run.code, code, "{text}: {run:?}");
            run.says(&format!("broken.yaml:{place}")).says(says).says("here").says("┬");
        }
    }
    assert!(!world.work.join("made").exists());
    assert_eq!(world.records().len(), before, "a policy that was not loaded left a record");
}

#[test]
fn lint_finds_what_cannot_be_meant() {
    let world = World::new();
    for (text, says) in [
        ("rules:\n  - {name: a, deny: bash, when: {program: rm}}\n", "no example"),
        ("", "nothing is allowed"),
    ] {
        let file = world.write("odd.yaml", text);
        let file = file.to_str().unwrap();
        world.run(&["policy", "lint", file]).expect(PERMITTED).says(says).says("0 errors, 1 warnings");
        world.run(&["policy", "lint", "--strict", file]).expect(REFUSED).says(says);
        world.run(&["policy", "test", file]).expect(PERMITTED).says("every example comes out as written");
    }
    world.run(&["policy", "lint", "no-such.yaml"]).expect(USAGE).says("no-such.yaml");
    world.run(&["policy", "lint"]).expect(USAGE);
}

/// A rule that is written in a form that matches nothing is found before it is trusted.
#[test]
fn bypass_111_a_rule_that_never_matches_is_an_error() {
    let world = World::new();
    for (rule, ok) in [
        ("{name: x, deny: read_file, when: {program: cat}}", false),
        ("{name: x, deny: read_file, when: {reads: ['./secret/**']}, match: ['src/main.rs']}", false),
        (
            "{name: x, deny: read_file, when: {reads: ['./secret/**']}, match: ['secret/a'], not_match: [src/main.rs]}",
            true,
        ),
        ("{name: x, deny: 'Bash(git push:*)', match: ['git push origin'], not_match: [git pull]}", true),
        ("{name: x, deny: 'Read(./secret/**)', match: ['secret/a'], not_match: [src/a]}", true),
        ("{name: x, deny: 'Bash(git push:*)', match: ['git status']}", false),
    ] {
        let file = world.write("rule.yaml", format!("extends: coding-agent\nrules:\n  - {rule}\n"));
        let run = world.run(&["policy", "lint", file.to_str().unwrap()]);
        assert_eq!(run.code, if ok { PERMITTED } else { REFUSED }, "{rule}: {run:?}");
    }
}

#[test]
fn init_writes_a_file_that_holds_and_never_overwrites() {
    let world = World::new();
    let user = world.home.join(".config/stayhand/policy.yaml");
    world.run(&["policy", "init"]).expect(PERMITTED).says(user.to_str().unwrap());
    world.run(&["policy", "test", user.to_str().unwrap()]).expect(PERMITTED);
    world.run(&["policy", "show"]).expect(PERMITTED).says("user:").says("no_force_push");
    world.run(&["check", "bash", "git push --force origin x"]).expect(REFUSED).says("no_force_push");
    world.run(&["check", "bash", "git push origin x"]).expect(HELD);
    std::fs::write(&user, "extends: strict\n").unwrap();
    world.run(&["policy", "init"]).expect(USAGE).says("nothing was changed");
    assert_eq!(std::fs::read_to_string(&user).unwrap(), "extends: strict\n");
    world.run(&["policy", "init", "--project"]).expect(PERMITTED);
    assert!(world.work.join(".stayhand/policy.yaml").exists());
    world.run(&["policy", "init", "--pack", "none"]).expect(USAGE).says("trading-agent");
    for pack in PACKS {
        let printed = world.run(&["policy", "init", "--pack", pack, "--stdout"]);
        let file = world.write("printed.yaml", &printed.expect(PERMITTED).out);
        world.run(&["policy", "lint", "--strict", file.to_str().unwrap()]).expect(PERMITTED);
    }
}

#[test]
fn shows_packs_schema_and_the_policy_in_force() {
    let world = World::new();
    for pack in PACKS {
        let text = world.run(&["policy", "show", pack]);
        assert!(text.expect(PERMITTED).out.starts_with("version: 1\n"), "{pack}");
        let file = world.write("pack.yaml", &text.out);
        world.run(&["policy", "test", file.to_str().unwrap()]).expect(PERMITTED);
    }
    world.run(&["policy", "show", "none"]).expect(USAGE).says("coding-agent");
    let schema = world.run(&["policy", "schema"]).json();
    for key in ["version", "extends", "defaults", "boundaries", "tools", "rules", "actions"] {
        assert!(schema["properties"][key].is_object(), "{key} is not in the schema");
    }
    let shown = world.run(&["--json", "policy", "show"]).json();
    assert_eq!(shown["sources"][0], "built_in:pack:coding-agent");
    assert!(shown["rules"].as_array().unwrap().len() > 20);
}

#[test]
fn the_example_policies_hold() {
    let world = World::new();
    let [boundaries, budgets, project] = ["boundaries", "llm-budgets", "project"]
        .map(|name| project_file(&format!("examples/policies/{name}.yaml")));
    world.run(&["policy", "lint", "--strict", &boundaries, &budgets, &project]).expect(PERMITTED);
    world.run(&["policy", "test", &boundaries, &budgets, &project]).expect(PERMITTED);
    let check = |tool: &str, input: &str| {
        world.run(&["--json", "check", "--cwd", "/home/user/workspace", "--policy", &boundaries, tool, input])
    };
    for (tool, input, reason) in [
        ("read_file", "/etc/hostname", "path_blocked"),
        ("read_file", "/var/log/syslog", "path_blocked"),
        ("read_file", "/srv/data.csv", "path_not_allowed"),
        ("read_file", "/tmp-evil/x", "path_not_allowed"),
        ("write_file", "{\"path\":\"setup.EXE\",\"content\":\"\"}", "path_blocked"),
        ("write_file", "{\"path\":\"lib.dll\",\"content\":\"\"}", "path_blocked"),
        ("fetch", "https://example.com/", "host_not_allowed"),
        ("fetch", "https://anthropic.com.evil.net/", "host_not_allowed"),
        ("fetch", "http://localhost/", "private_address"),
        ("fetch", "https://api.openai.com:22/", "port_blocked"),
        ("fetch", "https://api.openai.com:3389/", "port_blocked"),
    ] {
        check(tool, input).refused_as(reason);
    }
    for (tool, input) in [
        ("read_file", "src/main.rs"),
        ("read_file", "/tmp/x"),
        ("write_file", "{\"path\":\"setup.sh\",\"content\":\"\"}"),
        ("fetch", "https://api.openai.com/v1/models"),
        ("fetch", "https://api.anthropic.com/v1/models"),
    ] {
        check(tool, input).expect(PERMITTED);
    }
    let duties = check("read_file", "/tmp/x").json()["obligations"].to_string();
    for duty in ["60000", "total_time_ms", "1024", "80"] {
        assert!(duties.contains(duty), "{duty} is not in {duties}");
    }
}

#[test]
fn without_a_file_the_default_pack_holds_and_an_empty_file_refuses_everything() {
    let world = World::new();
    world.run(&["check", "bash", "ls"]).expect(PERMITTED);
    world.run(&["check", "bash", "rm -rf /"]).expect(REFUSED);
    for text in ["", "# nothing yet\n", "version: 1\n", "rules: []\n", "---\n"] {
        world.user_policy(text);
        for (tool, input) in
            [("bash", "ls"), ("read_file", "a.txt"), ("fetch", "https://example.com/"), ("TodoWrite", "{}")]
        {
            world.check(tool, input).expect(REFUSED);
        }
        world.check("bash", "ls").refused_as("no_rule_allows");
        world.run(&["exec", "--", "touch", "made"]).expect(NOT_RUN);
    }
    assert!(!world.work.join("made").exists());
}

/// A project's file that tries to loosen, whatever its form, changes nothing.
const LOOSENING: &[&str] = &[
    "rules: [{name: all, allow: '*'}]\n",
    "extends: permissive\n",
    "extends: permissive\nrules: [{name: all, allow: '*'}]\n",
    "defaults: {sql_approve: [], approval_timeout_s: 999999}\n",
    "boundaries: {network: {addresses: [public, name, loopback, private, link_local, reserved, metadata]}}\n",
    "boundaries: {paths: {allow: ['/**'], write: ['/**']}}\n",
    "tools: {bash: {fields: {}, infer: false}, python: {fields: {}, infer: false}}\n",
    "tools: {read_file: {fields: {/path: text}, infer: false}, sql: {fields: {/query: text}, infer: false}}\n",
    "actions: {bash: {approval: false, risk: safe}, python: {approval: false}, read_file: {approval: false}}\n",
    "rules: [{name: block_keys, allow: '*'}, {name: block_rm_root, allow: '*'}]\n",
];

const STRICT_CASES: &[(&str, &str, i32)] = &[
    ("bash", "rm -rf /", REFUSED),
    ("read_file", "~/.ssh/id_rsa", REFUSED),
    ("bash", "git push origin main", HELD),
    ("python", "exec(unknown)", HELD),
    ("fetch", "http://169.254.169.254/", REFUSED),
    ("fetch", "http://10.0.0.1/", REFUSED),
    ("sql", "DROP TABLE users", REFUSED),
    ("sql", "DELETE FROM users", HELD),
    ("write_file", "{\"path\":\"/etc/passwd\",\"content\":\"\"}", REFUSED),
    ("teleport", "{}", REFUSED),
];

/// Also bypass 73: adding a file never loosens.
#[test]
fn bypass_67_a_projects_file_can_only_tighten() {
    let world = World::new();
    for text in LOOSENING {
        world.write(".stayhand/policy.yaml", text);
        for (tool, input, code) in STRICT_CASES {
            let run = world.run(&["check", tool, input]);
            assert!(
                run.code == *code || run.code == REFUSED || run.code == USAGE,
                "{text}{tool} {input}: {run:?}"
            );
        }
    }
    // The neighbour: tightening works, from any folder of the project.
    world.write(".stayhand/policy.yaml", "rules: [{name: no_ls, deny: bash, when: {program: ls}}]\n");
    std::fs::create_dir_all(world.work.join("a/b")).unwrap();
    world.run(&["check", "bash", "ls"]).expect(REFUSED).says("no_ls");
    world.run(&["check", "--cwd", "a/b", "bash", "ls"]).expect(REFUSED).says("no_ls");
    world.run(&["check", "bash", "pwd"]).expect(PERMITTED);
}

/// Nothing in a project is executed before it is trusted: its file is data.
#[test]
fn bypass_67_nothing_in_a_projects_file_runs() {
    let world = World::new();
    world.write(".stayhand/policy.yaml", "rules:\n  - {name: x, deny: bash, when: {matches: '$(touch made)'}, match: ['echo $(touch made)']}\n");
    world.write(".envrc", "touch made\n");
    world.run(&["check", "bash", "echo '$(touch made)'"]);
    world.run(&["policy", "test", ".stayhand/policy.yaml"]);
    assert!(!world.work.join("made").exists());
}

/// A malformed file never becomes an empty policy or none: everything stops until it is mended.
#[test]
fn bypass_72_a_malformed_file_is_no_policy_at_all() {
    let world = World::new();
    for place in [".stayhand/policy.yaml", "user"] {
        for (text, _, _) in BROKEN {
            let file = if place == "user" { world.user_policy(text) } else { world.write(place, text) };
            world.run(&["check", "bash", "ls"]).expect(USAGE).says("policy.yaml");
            world.run(&["exec", "--", "touch", "made"]).expect(USAGE);
            std::fs::remove_file(&file).unwrap();
            world.run(&["check", "bash", "ls"]).expect(PERMITTED);
        }
    }
    let link = world.work.join(".stayhand/policy.yaml");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let run = world.run(&["check", "bash", "rm -rf /"]);
    assert_ne!(run.code, PERMITTED);
    std::fs::remove_file(&link).unwrap();
    std::fs::create_dir(&link).unwrap();
    world.run(&["check", "bash", "ls"]).expect(USAGE).says("policy.yaml");
    assert!(!world.work.join("made").exists());
}

/// Duplicate and unknown keys, alias bombs, references to elsewhere.
#[test]
fn bypass_76_tricks_of_the_file_format() {
    let world = World::new();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";
    for text in [
        "rules: [{deny: bash}]\nrules: [{allow: '*'}]\n",
        "rules: [{deny: bash, allow: '*'}]\n",
        "rules: [{deny: bash}]\nallow_all: true\n",
        "$ref: http://127.0.0.1:1/policy.yaml\n",
        "rules: !include /etc/passwd\n",
        "rules: [{deny: bash}]\n---\nrules: [{allow: '*'}]\n",
        "<<: {rules: [{allow: '*'}]}\nrules: [{deny: bash}]\n",
        bomb,
    ] {
        let file = world.write("trick.yaml", text);
        let run = world.run(&["check", "--policy", file.to_str().unwrap(), "bash", "rm -rf /"]);
        assert!([REFUSED, USAGE].contains(&run.code), "{text}: {run:?}");
    }
    // The neighbour: an anchor used once.
    let file = world.write("anchor.yaml", "extends: coding-agent\nrules:\n  - {name: a, deny: &tools [bash, exec], when: {program: dd}}\n  - {name: b, deny: *tools, when: {program: nc}}\n");
    world.run(&["check", "--policy", file.to_str().unwrap(), "bash", "ls"]).expect(PERMITTED);
    world.run(&["check", "--policy", file.to_str().unwrap(), "bash", "nc -l 1"]).expect(REFUSED).says("by b");
}

/// Patterns that are costly to build or to search.
#[test]
fn bypass_116_costly_patterns() {
    let world = World::new();
    for (pattern, loads) in [
        ("(a+)+$", true),
        ("(a|a)*b", true),
        ("((a{0,100}){0,100}){0,100}", false),
        ("x{999999999}", false),
        ("(?:\\pL{1,900}){1,900}", false),
    ] {
        let rule = format!("{{name: x, deny: bash, when: {{matches: '{pattern}'}}}}");
        let file = world.write("costly.yaml", format!("extends: coding-agent\nrules:\n  - {rule}\n"));
        let text = format!("echo {}!", "a".repeat(3000));
        let run = world.run(&["check", "--policy", file.to_str().unwrap(), "bash", &text]);
        assert!(run.took < Duration::from_secs(10), "{pattern} took {:?}", run.took);
        assert_eq!(run.code, if loads { PERMITTED } else { USAGE }, "{pattern}: {run:?}");
    }
    let many = |count: usize| {
        let rule =
            |n| format!("  - {{name: r{n}, deny: bash, when: {{matches: 'word{n}[a-z]+\\d{{3}}'}}}}\n");
        let rules: String = (0..count).map(rule).collect();
        let file = world.write("many.yaml", format!("extends: coding-agent\nrules:\n{rules}"));
        let run = world.run(&["check", "--policy", file.to_str().unwrap(), "bash", "echo word899abc123"]);
        assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
        run
    };
    many(900).expect(REFUSED).says("r899");
    many(2000).expect(USAGE).says("more than 1000 regular expressions");
}

#[test]
fn the_folders_of_the_specification_are_used() {
    let world = World::new();
    let elsewhere = world.beside("config");
    std::fs::create_dir_all(elsewhere.join("stayhand")).unwrap();
    std::fs::write(
        elsewhere.join("stayhand/policy.yaml"),
        "extends: coding-agent\nrules: [{name: no_ls, deny: bash, when: {program: ls}}]\n",
    )
    .unwrap();
    let with = |value: &Path| {
        let mut command = world.command(&["check", "bash", "ls"]);
        command.env("XDG_CONFIG_HOME", value);
        run(command, b"")
    };
    with(&elsewhere).expect(REFUSED).says("no_ls");
    with(Path::new("relative")).expect(PERMITTED);
    with(&world.beside("empty")).expect(PERMITTED);
    // A named file takes the place of the user's, never of the project's.
    let open = world.write("open.yaml", "extends: permissive\n");
    world.user_policy("rules: []\n");
    world.run(&["check", "bash", "ls"]).expect(REFUSED);
    world.run(&["check", "--policy", open.to_str().unwrap(), "bash", "ls"]).expect(PERMITTED);
    world.write(".stayhand/policy.yaml", "rules: [{name: no_ls, deny: bash, when: {program: ls}}]\n");
    world.run(&["check", "--policy", open.to_str().unwrap(), "bash", "ls"]).expect(REFUSED).says("no_ls");
}

#[test]
fn fmt_tidies_and_keeps_the_meaning() {
    let world = World::new();
    let file = world.write("untidy.yaml", "\n\nextends: strict   \n\n\n\n# a comment\nrules: []");
    let name = file.to_str().unwrap();
    world.run(&["policy", "fmt", "--check", name]).expect(REFUSED).says("would change");
    world.run(&["policy", "fmt", name]).expect(PERMITTED).says("tidied");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "extends: strict\n\n# a comment\nrules: []\n");
    world.run(&["policy", "fmt", "--check", name]).expect(PERMITTED);
    world.run(&["policy", "fmt", "no-such.yaml"]).expect(USAGE);
}

#[test]
fn explain_shows_facts_rules_and_the_answer() {
    let world = World::new();
    let run = world.run(&["policy", "explain", "bash", "cp a.txt /etc/passwd && ls"]);
    run.expect(REFUSED).says("What it would do").says("write /etc/passwd").says("block_dangerous_places");
    world.run(&["policy", "explain", "bash", "ls"]).expect(PERMITTED).says("run_known_commands");
    let json = world.run(&["--json", "policy", "explain", "bash", "git push"]).expect(HELD).json();
    assert!(json["facts"]["operations"].is_array() && json["findings"].is_array());
    assert!(!world.state.exists());
}
