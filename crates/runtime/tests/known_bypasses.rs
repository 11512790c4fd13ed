//! Inputs that went past another safety layer, each by its number, beside their harmless neighbours.
//! The whole way is tested: request, analysis, decision.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use serde_json::{Value, json};
use stayhand_core::decision::{Decision, Effect, Layer};
use stayhand_core::reason::Reason;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Engine, Settings, wire};

/// An engine under one user's policy; the workspace is `/box`, the home folder `/root`.
struct World {
    engine: Engine,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.yaml");
        std::fs::write(&file, policy).unwrap();
        let policy = PolicyFiles::default().named(Layer::User, file);
        let engine = Engine::in_memory(Settings { policy, ..Settings::default() }).unwrap();
        Self { engine, _folder: folder }
    }

    fn decide(&self, tool: &str, input: &Value, context: &Value) -> Decision {
        let line = json!({ "tool": tool, "input": input, "context": context }).to_string();
        let parsed = wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap();
        self.engine.check(parsed, false).unwrap().decision
    }

    fn effect(&self, tool: &str, input: &Value) -> Effect {
        self.decide(tool, input, &json!({})).effect
    }

    /// Every row is refused, and for one of these reasons.
    #[track_caller]
    fn refuses(&self, rows: &[(&str, &str, Value)], reasons: &[Reason]) {
        for (number, tool, input) in rows {
            let found = self.decide(tool, input, &json!({}));
            let named = found.findings.iter().any(|finding| reasons.contains(&finding.reason));
            assert!(found.effect == Effect::Deny && named, "{number} {input}: {found:#?}");
        }
    }

    #[track_caller]
    fn allows(&self, rows: &[(&str, Value)]) {
        for (tool, input) in rows {
            let found = self.decide(tool, input, &json!({}));
            assert_eq!(found.effect, Effect::Allow, "{tool} {input}: {found:#?}");
        }
    }
}

const PRESET: &str = "extends: coding-agent\n";

fn bash(command: &str) -> Value {
    json!({ "command": command })
}

/// P002, A111, A116b: a pattern is looked for in every argument, however deep and in what list.
#[test]
fn p002_patterns_see_all_arguments() {
    let world = World::new(
        "rules: [{allow: execute_command}, {name: root, deny: execute_command, when: {matches: 'rm\\s+-rf\\s+/'}}]",
    );
    let rows = [
        ("P002", "execute_command", json!({ "command": "rm -rf /" })),
        ("P002 list", "execute_command", json!({ "note": ["a", ["rm  -rf /"]] })),
        ("P002 map", "execute_command", json!({ "note": { "deep": { "x": "RM -rf /" } } })),
        ("P002 words", "execute_command", json!({ "argv": ["rm", "-rf", "/"] })),
        ("P002 invisible", "execute_command", json!({ "note": "rm\u{200b} -rf /" })),
        ("P002 full width", "execute_command", json!({ "note": "ｒｍ -rf /" })),
    ];
    world.refuses(&rows, &[Reason::RuleDeny]);
    world.allows(&[
        ("execute_command", json!({ "note": "rm -r x" })),
        ("execute_command", json!({ "note": ["rm", "-rf"] })),
    ]);
}

/// P003, P009, P010, P017 to P022, A116, A116a, A117: paths under a boundary.
#[test]
fn p003_p022_paths() {
    let world = World::new(
        "boundaries: {paths: {blocked: [/etc, /root], allow: [/box/**]}}\nrules: [{allow: [read_file, write_file, copy, bash]}, {allow: bash, when: {opaque: true}}]",
    );
    let outside = [Reason::PathBlocked, Reason::PathNotAllowed];
    let rows = [
        ("P003", "read_file", json!({ "path": "/etc/passwd" })),
        ("P009", "copy", json!({ "src": "/etc/shadow", "dest": "/box/x" })),
        ("P009 list", "copy", json!({ "files": ["/box/a", "/etc/shadow"], "dest": "/box/x" })),
        ("P010", "copy", json!({ "path": "/box/a", "file_path": "/etc/shadow" })),
        ("P017", "read_file", json!({ "path": "file:///etc/shadow" })),
        ("P017 encoded", "read_file", json!({ "path": "file:///%65tc/shadow" })),
        ("P018 tilde", "read_file", json!({ "path": "~/.ssh/id_rsa" })),
        ("P018 variable", "bash", bash("cat $HOME/.ssh/id_rsa")),
        ("P022", "bash", bash("cat /etc/shadow")),
        ("dots", "read_file", json!({ "path": "/box/../etc/passwd" })),
        ("relative", "read_file", json!({ "path": "../etc/passwd" })),
        ("component", "read_file", json!({ "path": "/box-evil/a" })),
        ("alias", "read_file", json!({ "path": "/proc/self/root/etc/shadow" })),
    ];
    world.refuses(&rows, &outside);
    let odd = [
        ("P020", "read_file", json!({ "path": "/box/a\u{0}b" })),
        ("P021", "read_file", json!({ "path": ["/box/a"] })),
        ("P021 number", "read_file", json!({ "path": 7 })),
        ("P021 null", "read_file", json!({ "path": null })),
    ];
    world.refuses(&odd, &[Reason::InvalidInput]);
    assert!(world.effect("bash", &bash("cat $X")) > Effect::Allow, "P022: paths that cannot be known");
    world.allows(&[
        ("read_file", json!({ "path": "/box/a" })),
        ("read_file", json!({ "path": "sub/../a" })),
        ("read_file", json!({ "path": "file:///box/a" })),
        ("copy", json!({ "src": "/box/a", "dest": "/box/b" })),
        ("bash", bash("cat /box/a")),
    ]);
}

/// P013 to P015, A117a, A205: patterns of paths, letter case and endings.
#[test]
fn p013_p015_patterns_of_paths() {
    let world = World::new(
        "boundaries: {paths: {block: ['*.exe'], allow: [/box/**, '/srv/*.txt']}}\nrules: [{allow: read_file}]",
    );
    let rows = [
        ("P013", "read_file", json!({ "path": "/box/EVIL.EXE" })),
        ("P014 stream", "read_file", json!({ "path": "/box/evil.exe::$DATA" })),
        ("P014 dot", "read_file", json!({ "path": "/box/evil.exe." })),
        ("P015", "read_file", json!({ "path": "/srv/secret/keys/a.txt" })),
    ];
    world.refuses(&rows, &[Reason::PathBlocked, Reason::PathNotAllowed]);
    world.allows(&[
        ("read_file", json!({ "path": "/box/evil.exec" })),
        ("read_file", json!({ "path": "/srv/a.txt" })),
        ("read_file", json!({ "path": "/box/good.txt::$DATA" })),
    ]);
    assert!(world.effect("read_file", &json!({ "path": "/box/$X/a.txt" })) > Effect::Allow);
}

/// P004, P023 to P043, A118, A118a: every spelling of an address that is not public.
#[test]
fn p004_p043_addresses() {
    let world = World::new(
        "boundaries: {network: {blocked_hosts: [evil.com, localhost], blocked_ports: [22]}}\nrules: [{allow: [fetch, connect]}]",
    );
    let url = |url: &str| json!({ "url": url });
    let rows = [
        ("P004", "fetch", url("http://169.254.169.254/")),
        ("P023", "fetch", url("http://2130706433/")),
        ("P024", "fetch", url("http://0x7f000001/")),
        ("P025", "fetch", url("http://0177.0.0.1/")),
        ("P026", "fetch", url("http://127.1/")),
        ("P027", "fetch", url("http://localhost./")),
        ("P032", "fetch", url("http://[64:ff9b::7f00:1]/")),
        ("P033", "fetch", url("http://0/")),
        ("P034", "fetch", url("http://100.64.0.1/")),
        ("P043", "fetch", url("http://metadata.google.internal/")),
        ("upper case", "fetch", url("http://LOCALHOST/")),
        ("mapped", "fetch", url("http://[::ffff:127.0.0.1]/")),
        ("mapped private", "fetch", url("http://[::ffff:10.0.0.1]/")),
        ("bare", "connect", json!({ "host": "::1" })),
        ("bare short", "connect", json!({ "host": "127.1" })),
    ];
    world.refuses(&rows, &[Reason::PrivateAddress, Reason::MetadataAddress]);
    let blocked = [
        ("P035", "fetch", url("http://evil.com./")),
        ("P036", "fetch", url("http://ｅｖｉｌ.com/")),
        ("P037", "fetch", url("http://%65vil.com/")),
        ("P038", "connect", json!({ "host": "EVIL.com" })),
        ("P041", "fetch", url("ssh://example.com/")),
        ("port", "fetch", url("http://example.com:22/")),
    ];
    for (number, tool, input) in &blocked {
        assert!(world.effect(tool, input) > Effect::Allow, "{number} {input}");
    }
    world.refuses(&blocked[..4], &[Reason::HostBlocked]);
    world.allows(&[
        ("fetch", url("http://example.com/")),
        ("fetch", url("https://1.1.1.1/")),
        ("fetch", url("http://notevil.com/")),
        ("connect", json!({ "host": "example.com" })),
    ]);
}

/// P048 to P054, A118b, A118c: an allow list, odd ports, and the second host of an action.
#[test]
fn p048_p054_allow_lists_of_hosts() {
    let world =
        World::new("boundaries: {network: {allow_hosts: [api.openai.com]}}\nrules: [{allow: [fetch, call]}]");
    let url = |url: &str| json!({ "url": url });
    for (number, tool, input) in [
        ("P048", "fetch", url("api.openai.com:443/../..//")),
        ("P050", "fetch", url("http://api.openai.com:99999/")),
        ("P051", "fetch", url("http://[::1")),
        ("backslash", "fetch", url("http://api.openai.com\\@evil.com/")),
        ("user", "fetch", url("http://api.openai.com@evil.com/")),
        ("port and user", "fetch", url("http://api.openai.com:80@evil.com/")),
        ("no scheme", "call", url("//evil.com/")),
        ("suffix", "fetch", url("http://api.openai.com.evil.com/")),
        ("prefix", "fetch", url("http://evilapi.openai.com/")),
    ] {
        assert!(world.effect(tool, &input) > Effect::Allow, "{number} {input}");
    }
    let rows = [
        ("P053", "call", json!({ "endpoint": "http://evil.com" })),
        ("P053 base", "call", json!({ "base_url": "http://evil.com/v1" })),
        ("P054", "call", json!({ "url": "https://api.openai.com", "host": "evil.com" })),
        ("list", "call", json!({ "urls": ["https://api.openai.com", "https://evil.com"] })),
    ];
    world.refuses(&rows, &[Reason::HostNotAllowed]);
    world.allows(&[
        ("fetch", url("https://api.openai.com:443/v1")),
        ("call", json!({ "url": "https://api.openai.com", "host": "api.openai.com" })),
    ]);
}

/// P058 to P077, R-31: what a command means, however it is written, under the default pack.
#[test]
fn p058_p077_commands() {
    let world = World::new(PRESET);
    let refused = [
        ("P058", "rm --recursive --force /"),
        ("P060", "rm -rfv /"),
        ("P061", "rm -rf -- /"),
        ("P062", "r\\m -rf /"),
        ("P063", "'rm' -rf /"),
        ("P064", "rm${IFS}-rf${IFS}/"),
        ("P065", "rm -rf \"/\""),
        ("P066", "rm -rf ${HOME}"),
        ("P070", "find / -delete"),
        ("P075", "cat x > /dev/vda"),
        ("P076", "dd of=/dev/sda"),
        ("plain", "rm -rf /"),
        ("order", "rm -fr /"),
        ("apart", "rm -r -f /"),
        ("capital", "rm -Rf /"),
        ("glob", "rm -rf /*"),
    ];
    for (number, command) in refused {
        assert_eq!(world.effect("bash", &bash(command)), Effect::Deny, "{number} {command}");
    }
    // What cannot be known waits for a person at the least.
    for (number, command) in [
        ("P068", "$(echo rm) -rf /"),
        ("P069", "echo cm0gLXJmIC8K|base64 -d|sh"),
        ("P071", "python -c 'import shutil;shutil.rmtree(\"/\")'"),
        ("P077", "psql -h prd-db"),
    ] {
        assert!(world.effect("bash", &bash(command)) > Effect::Allow, "{number} {command}");
    }
    for (number, statement) in [
        ("P072", "DROP/**/TABLE users"),
        ("P073", "DROP VIEW x; DELETE FROM users"),
        ("P074", "TRUNCATE users"),
    ] {
        let found = world.effect("sql", &json!({ "query": statement }));
        assert!(found > Effect::Allow, "{number} {statement}");
    }
    world.allows(&[
        ("bash", bash("rm /tmp/one-file.txt")),
        ("bash", bash("rm -rf build")),
        ("bash", bash("echo 'format_parted_results()'")),
        ("bash", bash("cat x > /dev/null")),
        ("sql", json!({ "query": "SELECT * FROM users" })),
    ]);
}

/// P078, P079, A205a, D208: words are no deeds.
#[test]
fn p078_p079_words_are_no_deeds() {
    let world = World::new(
        "extends: qa-agent\nactions: {note: {approval: false, forbidden_patterns: [password, reboot]}}\n",
    );
    let preset = World::new(PRESET);
    preset.allows(&[("bash", bash("rm /tmp/x")), ("bash", bash("grep -r 'format_parted_results()' ."))]);
    world.allows(&[
        ("note", json!({ "message": "my password reset" })),
        ("note", json!({ "description": "how to reboot" })),
    ]);
    let rows = [("A205a", "note", json!({ "path": "/x/password.txt" }))];
    world.refuses(&rows, &[Reason::ForbiddenPattern]);
}

/// A205, D201: forbidden patterns see lists, maps, keys, words and look-alikes.
#[test]
fn a205_patterns_are_looked_for_everywhere() {
    let world =
        World::new("actions: {act: {approval: false, forbidden_patterns: ['\\.env$', 'rm\\s+-rf']}}\n");
    let rows = [
        ("list", "act", json!({ "paths": ["/a", "/b/.env"] })),
        ("map", "act", json!({ "opts": { "path": "/b/.env" } })),
        ("deep list", "act", json!({ "opts": [{ "file": ["/b/.env"] }] })),
        ("key", "act", json!({ "opts": { "~/b/.env": true } })),
        ("words", "act", json!({ "argv": ["rm", "-rf", "/box/a"] })),
        ("full width", "act", json!({ "path": "/b/．ｅｎｖ" })),
        ("invisible", "act", json!({ "path": "/b/.e\u{200b}nv" })),
        ("dots", "act", json!({ "path": "/b/x/../.env" })),
        ("encoded", "act", json!({ "path": "/b/%2eenv" })),
    ];
    world.refuses(&rows, &[Reason::ForbiddenPattern]);
    world.allows(&[
        ("act", json!({ "paths": ["/a", "/b/.environment"] })),
        ("act", json!({ "message": "look at /b/.env" })),
    ]);
}

/// R-30, D209: a query reads, whatever its clothes.
#[test]
fn r_30_queries_only_read() {
    let world = World::new("extends: qa-agent\n");
    let query = |sql: &str| json!({ "query": sql });
    let rows = [
        ("drop", "database_query", query("DROP TABLE users")),
        ("chain", "database_query", query("SELECT 1; DROP TABLE users")),
        (
            "hidden delete",
            "database_query",
            query("WITH d AS (DELETE FROM users RETURNING *) SELECT * FROM d"),
        ),
        ("update", "database_query", query("update users set a = 1")),
        ("file", "database_query", query("SELECT 1 INTO OUTFILE '/tmp/x'")),
        ("comment", "database_query", query("/* SELECT */ TRUNCATE users")),
        ("nothing", "database_query", query("-- SELECT 1")),
    ];
    world.refuses(&rows, &[Reason::RuleDeny]);
    world.allows(&[
        ("database_query", query("SELECT * FROM users WHERE id = 1")),
        ("database_query", query("EXPLAIN SELECT 1")),
    ]);
    let mutations = [
        ("tautology", "database_mutation", query("DELETE FROM users WHERE 1 = 1")),
        ("tautology in lines", "database_mutation", query("DELETE FROM users\nWHERE\n1=1")),
        ("tautology with comment", "database_mutation", query("DELETE FROM users WHERE 1/**/=1")),
        ("no filter", "database_mutation", query("UPDATE users SET a = 1")),
    ];
    world.refuses(&mutations, &[Reason::RuleDeny]);
    assert_eq!(world.effect("database_mutation", &query("DELETE FROM users WHERE id = 1")), Effect::Approve);
}

/// P005, R-21: where approval is wanted, asking is not getting. P007, A112: what the caller says about
/// the operation is kept, and counts.
#[test]
fn p005_p007_approvals() {
    let world = World::new(
        "rules: [{allow: [send_email, execute]}, {name: mail, approve: send_email}, {name: users, approve: execute, when: {context: {operation_type: {in: [delete_user]}}}}, {name: known, deny: execute, strict: true, when: {context: {operation_type: {in: [drop]}}}}]",
    );
    assert_eq!(world.effect("send_email", &json!({ "to": "ada@example.com" })), Effect::Approve);
    let input = json!({ "what": "remove the user" });
    let decide = |context: Value| world.decide("execute", &input, &context).effect;
    assert_eq!(decide(json!({ "operation_type": "delete_user" })), Effect::Approve);
    assert_eq!(decide(json!({ "operation_type": "list_users" })), Effect::Allow);
    assert_eq!(decide(json!({ "operation_type": "drop" })), Effect::Deny);
}

/// P090, P096, R-05, R-07: what a caller says of time and memory is no measurement, and tightens at most.
#[test]
fn p090_p096_claims_are_not_measured() {
    let world = World::new(
        "boundaries: {time: {max_execution_s: 60}, resources: {max_memory_mb: 10}}\nrules: [{allow: bash}]",
    );
    let duties = |context: Value| {
        let found = world.decide("bash", &bash("ls"), &context);
        (found.effect, found.obligations)
    };
    let plain = duties(json!({}));
    assert_eq!(plain.0, Effect::Allow);
    assert_eq!(duties(json!({ "execution_time": 0, "memory_mb": 1 })), plain, "claims change no duty");
    let negative = world.decide("bash", &bash("ls"), &json!({ "estimated_cost_cents": -100 }));
    assert_eq!(
        (negative.effect, negative.findings.first().map(|found| found.reason)),
        (Effect::Deny, Some(Reason::InvalidInput))
    );
}

/// P008, R-09: what was asked is recorded as it was, whatever becomes of the caller's copy.
#[test]
fn p008_the_request_is_not_changed() {
    let world = World::new("rules: [{allow: bash}]");
    let line =
        json!({ "tool": "bash", "input": bash("ls"), "context": { "a": [1, { "b": 2 }] } }).to_string();
    let parsed = || wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap();
    let decided = world.engine.check(parsed(), false).unwrap();
    assert_eq!(decided.request, parsed().request);
    let again = world.engine.check(parsed(), false).unwrap();
    assert_eq!(decided.request_digest, again.request_digest);
}

/// SQL in a value that a tool declares to be data is held, and names with apostrophes are not.
#[test]
fn injected_sql_in_declared_data() {
    let world = World::new(
        "tools: {find_customer: {fields: {/name: data}}}\nrules: [{name: find, allow: find_customer}]\n",
    );
    for value in ["x' OR '1'='1", "1; DROP TABLE users --", "' UNION SELECT password FROM users --"] {
        let found = world.decide("find_customer", &json!({ "name": value }), &json!({}));
        let named = found.findings.iter().any(|finding| finding.reason == Reason::SqlInjection);
        assert!(found.effect == Effect::Approve && named, "{value}: {found:#?}");
    }
    world.allows(&[
        ("find_customer", json!({ "name": "Conan O'Brien" })),
        ("find_customer", json!({ "name": "select the best or the cheapest" })),
        // Not declared to be data.
        ("find_customer", json!({ "note": "' OR '1'='1" })),
    ]);
}

/// A call that asks to run outside of the client's sandbox is another action than the plain one: it waits, and a yes
/// to the plain one is none to it.
#[test]
fn bypass_14_escalation_has_its_own_decision() {
    let world = World::new(PRESET);
    for (tool, plain, escalated) in [
        ("Bash", bash("ls"), json!({ "command": "ls", "dangerouslyDisableSandbox": true })),
        (
            "shell",
            bash("ls"),
            json!({ "command": "ls", "with_escalated_permissions": true, "justification": "the user agreed" }),
        ),
        (
            "exec_command",
            json!({ "cmd": "ls" }),
            json!({ "cmd": "ls", "sandbox_permissions": "require_escalated" }),
        ),
    ] {
        assert_eq!(world.effect(tool, &plain), Effect::Allow, "{plain}");
        assert_eq!(world.effect(tool, &escalated), Effect::Approve, "{escalated}");
    }
    let switched_off = json!({ "command": "ls", "dangerouslyDisableSandbox": false });
    assert_eq!(world.effect("Bash", &switched_off), Effect::Allow);
    let digest = |input: &Value| {
        let line = json!({ "tool": "bash", "input": input }).to_string();
        wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap().request.digest()
    };
    assert_ne!(digest(&bash("ls")), digest(&json!({ "command": "ls", "escalate": true })));
}

/// Whoever reads the records cannot try out which short secret was replaced: what is stored is no plain digest of
/// the request, and in another log it is another one. In the same log it stays the same, as approvals need.
#[test]
fn bypass_161_the_stored_digest_cannot_be_guessed_from() {
    let (one, other) = (World::new(PRESET), World::new(PRESET));
    let line = json!({ "tool": "bash", "input": bash("mysql --password=1234 -e 'select 1'") }).to_string();
    let parsed = || wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap();
    let stored = one.engine.check(parsed(), true).unwrap().request_digest;
    assert_ne!(stored, parsed().request.digest());
    assert_eq!(stored, one.engine.check(parsed(), true).unwrap().request_digest);
    assert_ne!(stored, other.engine.check(parsed(), true).unwrap().request_digest);
}
