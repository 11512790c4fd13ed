mod inferred;
mod secrets;

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stayhand_core::facts::{Access, AddressClass, Aspect, Operation, Place, SqlClass, Text, Trait};
use stayhand_core::request::{Action, Context, Principal, Resource};

fn request(tool: &str, arguments: Value) -> Request {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    Request {
        principal: Principal { agent: "a".into(), session: "s".into(), on_behalf_of: None },
        action: Action(tool.into()),
        resource: Resource(arguments),
        context: Context {
            cwd: "/code/repo".into(),
            workspace: "/code/repo".into(),
            home: "/home/ada".into(),
            cost_nanousd: None,
            started_by: None,
            declared: Map::new(),
        },
    }
}

fn analyse(request: &Request, declaration: Option<&Declaration>) -> Analysis {
    super::analyse(request, declaration, &Programs::default())
}

fn facts(tool: &str, arguments: Value) -> Facts {
    analyse(&request(tool, arguments), None).facts
}

/// The paths that are touched, as `access path`.
#[track_caller]
fn paths(tool: &str, arguments: Value) -> Vec<String> {
    let facts = facts(tool, arguments);
    assert!(facts.invalid.is_empty(), "{:?}", facts.invalid);
    let uses = facts.operations.iter().flat_map(|operation| &operation.paths);
    uses.map(|used| format!("{:?} {}", used.access, used.lexical)).collect()
}

fn hosts(tool: &str, arguments: Value) -> Vec<String> {
    let facts = facts(tool, arguments);
    facts.operations.iter().flat_map(|operation| &operation.hosts).map(|used| used.host.clone()).collect()
}

fn texts(tool: &str, arguments: Value) -> Vec<(String, FieldKind, String)> {
    facts(tool, arguments).texts.into_iter().map(|Text { field, kind, text }| (field, kind, text)).collect()
}

fn is_invalid(tool: &str, arguments: Value) -> bool {
    !facts(tool, arguments).invalid.is_empty()
}

fn hides(facts: &Facts, aspect: Aspect) -> bool {
    facts.operations.iter().any(|operation| operation.hides(aspect))
}

/// Bypass 17, as an argument: variables that come with the call count as if the command set them,
/// and what cannot be read is never dropped.
#[test]
fn bypass_17_variables_given_beside_the_command() {
    let calls = |name: &str, given: Value| {
        ["bash", "exec", "python", "Bash"].map(|tool| {
            let mut input = json!({"command": "ls", "argv": ["ls"], "code": "1"});
            let wanted = match tool {
                "exec" => "argv",
                "python" => "code",
                _ => "command",
            };
            input.as_object_mut().unwrap().retain(|key, _| key == wanted);
            input[name] = given.clone();
            facts(tool, input)
        })
    };
    for (name, given) in [
        ("env", json!({"PATH": "/tmp/evil"})),
        ("env", json!({"A": "b", "LD_PRELOAD": "/tmp/x.so"})),
        ("environment", json!({"BASH_ENV": "x.sh"})),
        ("env", json!(["GIT_SSH_COMMAND=x"])),
        ("env", json!(["PATH"])),
        ("env", json!("PATH=/tmp")),
        ("env_vars", json!({"PATH": ["a"]})),
        ("env", json!(true)),
        ("stdin", json!("rm -rf /")),
    ] {
        for found in calls(name, given.clone()) {
            assert!(found.operations.iter().all(|op| op.hides(Aspect::Effects)), "{name}: {given}");
        }
    }
    for (name, given) in [
        ("env", json!({"NODE_ENV": "test", "CI": "1", "JOBS": 4})),
        ("env", json!(["RUST_LOG=debug"])),
        ("env", json!({})),
        ("env", json!(null)),
        ("stdin", json!("")),
        ("description", json!("PATH=/tmp")),
    ] {
        let [bash, exec, _, alias] = calls(name, given.clone());
        for found in [bash, exec, alias] {
            assert!(found.operations.iter().all(|op| op.opaque.is_empty()), "{name}: {given}");
        }
    }
    let code = facts("bash", json!({"command": "ls", "env": {"PYTHONPATH": "."}}));
    assert!(code.operations[0].does.contains(Trait::ExecuteCode));
}

/// What comes on standard input is unseen: whoever would take it for orders is not understood, and nobody else minds.
#[test]
fn a_standard_input() {
    let opaque = |argv: Value, stdin: Value| {
        let found = facts("exec", json!({ "argv": argv, "stdin": stdin }));
        let command =
            argv.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ");
        let shell = facts("bash", json!({ "command": command, "stdin": stdin }));
        let [exec, shell] =
            [found, shell].map(|facts| facts.operations.iter().any(|op| !op.opaque.is_empty()));
        assert_eq!(exec, shell, "{command}");
        exec
    };
    for argv in [json!(["psql"]), json!(["sqlite3", "x.db"]), json!(["ssh", "host"]), json!(["env", "psql"])]
    {
        assert!(opaque(argv.clone(), json!(true)), "{argv}");
        assert!(argv[0] == "ssh" || !opaque(argv.clone(), json!(false)), "{argv}");
    }
    for argv in [json!(["cat"]), json!(["grep", "x"]), json!(["git", "status"]), json!(["python3", "s.py"])] {
        assert_eq!(opaque(argv.clone(), json!(true)), opaque(argv.clone(), json!(false)), "{argv}");
    }
    // What reads a folder where it gets no names reads it all the same, for the input may be empty.
    for stdin in [false, true] {
        let found = facts("exec", json!({ "argv": ["rg", "-uu", "x"], "stdin": stdin }));
        assert_eq!(found.operations[0].paths.len(), 1, "{stdin}");
        let code =
            facts("python", json!({ "code": "import subprocess\nsubprocess.run(['psql'])", "stdin": stdin }));
        assert_eq!(code.operations.iter().any(|op| op.hides(Aspect::Statements)), stdin, "{code:?}");
    }
    let with = |stdin: Value| request("exec", json!({ "argv": ["cat"], "stdin": stdin }));
    assert!(has_input(&with(json!(true))) && unserved(&with(json!(true))).is_none());
    assert!(!has_input(&with(json!("text"))) && unserved(&with(json!("text"))).is_some());
    assert!(!has_input(&with(json!(false))) && unserved(&with(json!(false))).is_none());
}

/// The folder that a call names is the one its paths are read against; one that cannot be read, or
/// two that differ, leave open what is touched.
#[test]
fn the_folder_a_command_starts_in() {
    let started = |given: Value| {
        let mut input = json!({"command": "rm a"});
        input.as_object_mut().unwrap().append(&mut given.as_object().unwrap().clone());
        (working_folder(&request("bash", input.clone())), facts("bash", input))
    };
    for (given, folder) in [
        (json!({"cwd": "sub"}), "/code/repo/sub"),
        (json!({"workdir": "/etc"}), "/etc"),
        (json!({"cwd": "~/x", "dir": "/home/ada/x"}), "/home/ada/x"),
    ] {
        let (found, facts) = started(given.clone());
        assert_eq!(found.as_deref(), Some(folder), "{given}");
        let deleted = facts
            .operations
            .iter()
            .flat_map(|op| &op.paths)
            .any(|used| used.lexical == format!("{folder}/a"));
        assert!(deleted && !hides(&facts, Aspect::Effects), "{given}: {facts:?}");
    }
    for given in [json!({"cwd": ["a"]}), json!({"cwd": 1}), json!({"cwd": "a", "dir": "b"})] {
        let (found, facts) = started(given.clone());
        assert!(found.is_none() && hides(&facts, Aspect::Effects), "{given}: {facts:?}");
    }
    assert_eq!(started(json!({})).0, None);
    assert_eq!(started(json!({"cwd": null, "dir": ""})).0, None);
    assert!(!hides(&started(json!({"cwd": ""})).1, Aspect::Effects));
    assert_eq!(working_folder(&request("read_file", json!({"path": "a", "cwd": "/etc"}))), None);
}

#[test]
fn known_tools_do_what_they_say() {
    assert_eq!(paths("read_file", json!({"path": "a.rs"})), ["Read /code/repo/a.rs"]);
    assert_eq!(paths("Read", json!({"file_path": "/code/repo/a.rs"})), ["Read /code/repo/a.rs"]);
    assert_eq!(paths("list_dir", json!({"path": "."})), ["List /code/repo"]);
    assert_eq!(paths("write_file", json!({"path": "a", "content": "/etc/passwd"})), ["Write /code/repo/a"]);
    assert_eq!(paths("delete_file", json!({"path": "a"})), ["Delete /code/repo/a"]);
    assert_eq!(
        paths("Edit", json!({"file_path": "a", "old_string": "/x", "new_string": "~/y"})),
        ["Write /code/repo/a"]
    );
    assert_eq!(hosts("fetch", json!({"url": "https://example.com/"})), ["example.com"]);
    let method = |input| facts("fetch", input).operations[0].hosts[0].method.clone();
    let sent = json!({"url": "https://example.com/", "method": "GET", "body": "x"});
    assert_eq!(method(sent).as_deref(), Some("POST"));
    assert_eq!(method(json!({"url": "https://example.com/", "data": {}})).as_deref(), Some("POST"));
    assert_eq!(method(json!({"url": "https://example.com/", "body": null})).as_deref(), Some("GET"));
    let fetched = facts("fetch", json!({"url": "https://example.com/", "method": "post"}));
    assert_eq!(fetched.operations[0].hosts[0].method.as_deref(), Some("POST"));
    let code = facts("python", json!({"code": "print(1)"}));
    assert!(code.operations[0].does.contains(Trait::ExecuteCode) && !hides(&code, Aspect::Effects));
    assert!(hides(&facts("python", json!({"code": "f()"})), Aspect::Effects));
    assert_eq!(paths("python", json!({"code": "import os; os.remove('a')"})), ["Delete /code/repo/a"]);
}

#[test]
fn sql_is_read_in_the_stated_dialect() {
    let class =
        |arguments| facts("sql", arguments).operations[0].statements.first().map(|statement| statement.class);
    assert_eq!(class(json!({"query": "SELECT 1"})), Some(SqlClass::Read));
    assert_eq!(class(json!({"query": "DROP TABLE x"})), Some(SqlClass::Schema));
    assert_eq!(class(json!({"query": "SELECT 1", "dialect": "sqlite"})), Some(SqlClass::Read));
    assert!(hides(&facts("sql", json!({"query": "SELECT 1", "dialect": "klingon"})), Aspect::Statements));
    assert!(hides(&facts("sql", json!({"query": "-- nothing"})), Aspect::Statements));
}

#[test]
fn wrong_types_and_gaps_are_invalid() {
    for (tool, arguments) in [
        ("read_file", json!({})),
        ("read_file", json!({"path": null})),
        ("read_file", json!({"path": 7})),
        ("read_file", json!({"path": {"x": "y"}})),
        ("read_file", json!({"path": ["/etc/shadow"]})),
        ("bash", json!({"command": ["ls"]})),
        ("exec", json!({"argv": "ls"})),
        ("exec", json!({"argv": []})),
        ("exec", json!({"argv": ["ls", 1]})),
        ("sql", json!({"query": 1})),
    ] {
        assert!(is_invalid(tool, arguments.clone()), "{tool} {arguments}");
    }
    for (tool, arguments) in
        [("read_file", json!({"path": "x", "offset": 7})), ("exec", json!({"argv": ["ls", "1"]}))]
    {
        assert!(!is_invalid(tool, arguments.clone()), "{tool} {arguments}");
    }
}

#[test]
fn p009_p010_every_path_counts() {
    assert_eq!(
        paths("copy", json!({"src": "/etc/shadow", "dest": "x"})),
        ["Write /code/repo/x", "Read /etc/shadow"]
    );
    assert_eq!(
        paths("copy", json!({"path": "a", "file_path": "/etc/shadow"})),
        ["Read /etc/shadow", "Read /code/repo/a"]
    );
    assert_eq!(
        paths("write_file", json!({"path": "a", "file_path": "/etc/x"})),
        ["Write /etc/x", "Write /code/repo/a"]
    );
    assert_eq!(paths("copy", json!({"source": "google", "target": "sales"})), Vec::<String>::new());
    assert_eq!(
        paths("copy", json!({"src": "a.txt", "dest": "b.txt"})),
        ["Write /code/repo/b.txt", "Read /code/repo/a.txt"]
    );
}

#[test]
fn other_names_of_one_argument_are_understood() {
    assert_eq!(paths("delete_file", json!({"file_path": "a"})), ["Delete /code/repo/a"]);
    assert_eq!(paths("x", json!({"source_path": "/a", "destinationPath": "/b"})), ["Write /b", "Read /a"]);
    assert_eq!(
        paths("x", json!({"save_dir": "/a", "attachment_file": "b"})),
        ["Read /code/repo/b", "Write /a"]
    );
    assert_eq!(
        hosts("x", json!({"target_host": "a.com", "upload_url": "https://b.com"})),
        ["a.com", "b.com"]
    );
    assert!(is_invalid("delete_file", json!({"file_id": "11"})));
}

#[test]
fn p017_p018_urls_and_homes_are_paths() {
    assert_eq!(paths("read_file", json!({"path": "file:///etc/shadow"})), ["Read /etc/shadow"]);
    assert_eq!(paths("read_file", json!({"path": "FILE://localhost/%65tc/shadow"})), ["Read /etc/shadow"]);
    assert!(hides(&facts("read_file", json!({"path": "file://evil/etc/shadow"})), Aspect::Paths));
    assert_eq!(paths("read_file", json!({"path": "~/.ssh/id_rsa"})), ["Read /home/ada/.ssh/id_rsa"]);
    assert_eq!(paths("read_file", json!({"path": "$HOME/.ssh"})), ["Read /home/ada/.ssh"]);
}

#[test]
fn fetching_a_file_url_reads_the_file() {
    assert_eq!(paths("fetch", json!({"url": "file:///etc/shadow"})), ["Read /etc/shadow"]);
    assert_eq!(paths("fetch", json!({"url": "https://a.com/etc/shadow"})), Vec::<String>::new());
}

#[test]
fn p020_p021_no_value_escapes_as_an_error() {
    assert!(is_invalid("read_file", json!({"path": "a\0b"})));
    assert!(is_invalid("read_file", json!({"path": "a\u{1b}b"})));
    let listed = facts("read_file", json!({"path": ["/etc/shadow"]}));
    assert!(!listed.invalid.is_empty());
    assert_eq!(listed.operations[0].paths[0].place, Some(Place::Credential));
    assert_eq!(paths("read_file", json!({"path": "/app/x\n"})), ["Read /app/x"]);
}

#[test]
fn too_many_values_are_invalid() {
    let mut deep = json!("x");
    for _ in 0..80 {
        deep = json!([deep]);
    }
    for arguments in [json!({"a": deep}), json!({"a": vec![1; 20_000]})] {
        let analysis = analyse(&request("x", arguments), None);
        assert!(!analysis.facts.invalid.is_empty());
        assert!(hides(&analysis.facts, Aspect::Effects));
    }
    assert!(!is_invalid("x", json!({"a": vec![1; 2_000]})));
}

#[test]
fn bypass_42_encoded_paths_are_judged_both_ways() {
    let read = |path: &str| paths("read_file", json!({"path": path}));
    assert_eq!(read("%2e%2e%2f%2e%2e%2fetc%2fshadow")[1], "Read /etc/shadow");
    assert_eq!(read(r"..\..\etc\shadow")[1], "Read /etc/shadow");
    assert_eq!(read("My%20Notes.md"), ["Read /code/repo/My%20Notes.md", "Read /code/repo/My Notes.md"]);
    assert_eq!(read("src/main.rs").len(), 1);
    assert_eq!(read("app/[id]/page.tsx"), ["Read /code/repo/app/[id]/page.tsx"]);
}

#[test]
fn declarations_give_meaning() {
    let fields = [
        ("/what", FieldKind::DeletePath),
        ("/list/*/where", FieldKind::WritePath),
        ("/sum", FieldKind::Amount),
    ];
    let declared = |infer| Declaration {
        fields: fields.map(|(pointer, kind)| (pointer.into(), kind)).into(),
        infer,
        ..Declaration::default()
    };
    let of = |arguments, infer| analyse(&request("x", arguments), Some(&declared(infer))).facts;
    let found = of(json!({"what": "a", "list": [{"where": "b"}], "path": "c"}), true);
    let accesses: Vec<Access> = found.operations[0].paths.iter().map(|used| used.access).collect();
    assert_eq!(accesses, [Access::Write, Access::Read, Access::Delete]);
    assert_eq!(of(json!({"path": "c"}), false).operations[0].paths, []);
    for wrong in [
        json!({"sum": -1}),
        json!({"sum": "x"}),
        json!({"what": 3}),
        json!({"sum": "NaN"}),
        json!({"sum": true}),
    ] {
        assert!(!of(wrong.clone(), true).invalid.is_empty(), "{wrong}");
    }
    for (sum, text) in
        [(json!(1.5), "1.5"), (json!("1.5"), "1.5"), (json!(20_000), "20000"), (json!(1e30), "1e+30")]
    {
        let found = of(json!({ "sum": sum }), true);
        let amount = Text { field: "/sum".to_owned(), kind: FieldKind::Amount, text: text.to_owned() };
        assert_eq!((found.invalid, found.texts), (Vec::new(), vec![amount]), "{sum}");
    }
}

#[test]
fn declared_numbers_are_in_range() {
    for (name, value, valid) in [
        ("confidence", json!(0.5), true),
        ("confidence", json!(1.5), false),
        ("confidence", json!("NaN"), false),
        ("confidence", json!(null), false),
        ("risk_score", json!(-0.1), false),
        ("risk", json!("high"), true),
        ("cost", json!(-1), false),
        ("amount", json!("5"), false),
        ("amount", json!(0), true),
        ("purpose", json!("x"), true),
    ] {
        let mut asked = request("x", json!({}));
        asked.context.declared.insert(name.into(), value.clone());
        assert_eq!(analyse(&asked, None).facts.invalid.is_empty(), valid, "{name} {value}");
    }
}

proptest! {
    #[test]
    fn no_arguments_panic(
        tool in "(bash|exec|read_file|fetch|sql|python|x)",
        key in "(path|url|command|argv|query|code|host|~|/|a)",
        text in r"[a-z/.~%\\:@$*\PC]{0,30}",
    ) {
        for value in [json!(text), json!([text]), json!({key.clone(): text}), json!(1)] {
            let _ = analyse(&request(&tool, json!({key.clone(): value})), None);
        }
    }
}
