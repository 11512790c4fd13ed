//! The shipped packs do what their names say.

use crate::common::*;
use expect_test::expect;
use serde_json::json;
use stayhand_core::decision::Effect;
use stayhand_core::facts::{Access, AddressClass, FieldKind, Operation, PathUse, SqlClass, Trait};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

/// What a recursive delete of `path` looks like.
fn rm(path: &str) -> Case {
    let deleted = PathUse { recursive: true, ..used(Access::Delete, path) };
    bash("rm -rf").op(Operation { paths: vec![deleted], ..Operation::default() })
}

fn stated(class: SqlClass, verb: &str) -> Case {
    call("sql").op(sql(class, verb, &["t"]))
}

/// E027 to E032: each rule of the preset, with one that it refuses and one that it lets be.
#[test]
fn e027_e032_the_coding_agent() {
    let production = |words: &str| bash("psql x").says(text("command", FieldKind::Command, words));
    let rows = [
        ("E027 root", rm("/")),
        ("E027 home", rm("/home/u")),
        ("E027 a folder", rm("/code/build")),
        ("E028 drop table", stated(SqlClass::Schema, "DROP TABLE")),
        ("E028 create table", stated(SqlClass::Schema, "CREATE TABLE")),
        ("E029 truncate", stated(SqlClass::Schema, "TRUNCATE TABLE")),
        ("E029 insert", stated(SqlClass::Write, "INSERT")),
        ("E030 raw device", call("bash").op(touch(Access::Write, "/dev/sda"))),
        ("E030 null device", call("bash").op(touch(Access::Write, "/dev/null"))),
        ("E031 format", call("bash").op(does(&[Trait::DestroyDevice]))),
        ("E031 a test", call("bash").op(does(&[Trait::ExecuteCode]))),
        ("E032 production", production("psql -h prod_db")),
        ("E032 a word", production("psql -h product-dbx")),
    ];
    expect![[r#"
        E027 root          deny  [rule_deny block_rm_root] Blocking recursive delete from root or home
        E027 home          deny  [rule_deny block_rm_root] Blocking recursive delete from root or home
        E027 a folder      allow
        E028 drop table    deny  [rule_deny block_drop_table] Blocking DROP TABLE/DATABASE commands
        E028 create table  approve  [rule_approve ask_before_risky_sql] This statement is hard to undo  [sql_approval] A kind of SQL statement wants approval (CREATE TABLE)
        E029 truncate      deny  [rule_deny block_truncate] Blocking TRUNCATE TABLE commands
        E029 insert        allow
        E030 raw device    deny  [rule_deny block_raw_device] Blocking writes to raw block devices
        E030 null device   allow
        E031 format        deny  [rule_deny block_disk_format] Blocking disk formatting commands
        E031 a test        allow
        E032 production    deny  [rule_deny block_prod_db] Blocking production database access
        E032 a word        allow
    "#]].assert_eq(&table(&pack("coding-agent"), &State::default(), &rows));
}

/// K130 to K134: the default policy from everyday work to harm.
#[test]
fn k130_k134_the_default_policy() {
    let rows = [
        ("read a source file", read("src/main.rs")),
        ("read a private key", read("/home/u/.ssh/id_rsa")),
        ("write in the workspace", write("src/main.rs")),
        ("write to /etc", write("/etc/hosts")),
        ("write elsewhere", write("/opt/x")),
        ("git hook", write(".git/hooks/pre-commit")),
        ("build", bash("cargo build")),
        ("sudo", bash("sudo ls")),
        ("not understood", bash("$x")),
        ("get", call("fetch").op(connect(AddressClass::Name, "docs.rs", 443))),
        ("metadata", call("fetch").op(connect(AddressClass::Metadata, "169.254.169.254", 80))),
        ("server's tool", call("mcp__github__merge").op(Operation::default())),
        ("nobody's tool", call("launch").op(Operation::default())),
        ("harmless tool", call("TodoWrite").op(Operation::default())),
    ];
    expect![[r#"
        read a source file      allow
        read a private key      deny  [rule_deny block_keys] Keys and credentials are not for agents
        write in the workspace  allow
        write to /etc           deny  [rule_deny block_dangerous_places] Writing here changes the machine or plants code that runs later
        write elsewhere         approve  [rule_approve ask_before_leaving_the_workspace] This writes outside the workspace
        git hook                deny  [rule_deny block_what_plants_code] Writing here changes the machine or plants code that runs later
        build                   allow
        sudo                    approve  [rule_approve ask_before_consequences] This has consequences outside the workspace or cannot be undone
        not understood          approve  [rule_approve ask_about_the_unknown] Part of this action could not be understood  [rule_undecided ask_before_leaving_the_workspace] A rule could not be decided because part of the action is unknown: the command is not static
        get                     allow
        metadata                deny  [metadata_address] A cloud metadata service (169.254.169.254)
        server's tool           approve  [rule_approve ask_before_other_servers_tools] The policy does not say what this tool does
        nobody's tool           deny  [unknown_tool] The policy does not know the tool `launch`
        harmless tool           allow
    "#]].assert_eq(&table(&pack("coding-agent"), &State::default(), &rows));
    expect![[r#"
        read a source file      allow
        read a private key      deny  [rule_deny block_keys] Keys and credentials are not for agents
        write in the workspace  allow
        write to /etc           deny  [rule_deny block_dangerous_places] Writing here changes the machine or plants code that runs later  [path_not_allowed] Path not in allowed list: /etc/hosts
        write elsewhere         deny  [path_not_allowed] Path not in allowed list: /opt/x
        git hook                deny  [rule_deny block_what_plants_code] Writing here changes the machine or plants code that runs later
        build                   allow
        sudo                    deny  [rule_deny refuse_consequences] This has consequences outside the workspace or cannot be undone
        not understood          deny  [rule_undecided block_keys] A rule could not be decided because part of the action is unknown: the command is not static  [rule_deny refuse_the_unknown] Part of this action could not be understood
        get                     deny  [private_address] Private IP addresses are not allowed: docs.rs
        metadata                deny  [metadata_address] A cloud metadata service (169.254.169.254)
        server's tool           deny  [rule_deny refuse_unknown_servers] The policy does not say what this tool does
        nobody's tool           deny  [unknown_tool] The policy does not know the tool `launch`
        harmless tool           allow
    "#]].assert_eq(&table(&pack("strict"), &State::default(), &rows));
}

/// K120 to K124: small orders run, larger ones wait, the largest are refused; markets close.
#[test]
fn k120_the_trading_agent() {
    let order = |value: serde_json::Value, side: &str| {
        call("place_order")
            .op(Operation::default())
            .input(json!({"value": value, "side": side, "symbol": "A"}))
    };
    let saturday = Timestamp(NOW.0 + 86_400_000_000);
    let night = Timestamp(NOW.0 + 7 * 3_600_000_000);
    let rows = [
        ("quote", call("get_quote").op(Operation::default())),
        ("100", order(json!(100), "buy")),
        ("101", order(json!(101), "buy")),
        ("10001", order(json!(10_001), "sell")),
        ("unknown side", order(json!(5), "short")),
        (
            "no value",
            call("place_order").op(Operation::default()).input(json!({"side": "buy", "symbol": "A"})),
        ),
        ("at night", order(json!(5), "buy").at(night)),
        ("on saturday", order(json!(5), "buy").at(saturday)),
        ("another tool", bash("ls")),
    ];
    expect![[r#"
        quote         allow
        100           allow
        101           approve  [rule_approve ask_before_larger_orders] Orders above 100 dollars wait for a person
        10001         deny  [rule_deny position_limit] No single order above 10000 dollars
        unknown side  deny  [rule_deny no_unknown_sides] An order either buys or sells
        no value      deny  [rule_undecided position_limit] A rule could not be decided because part of the action is unknown: a value it asks for is missing  [invalid_input] Invalid input in `daily_turnover`: `/value` is missing  [invalid_input] Invalid input in `unusual_size`: `/value` is missing  [invalid_input] Invalid input in `four_eyes`: `/value` is missing
        at night      deny  [rule_deny trading_hours] The market is closed
        on saturday   deny  [rule_deny trading_days] The market is closed
        another tool  deny  [no_rule_allows] No rule allows the action.
    "#]].assert_eq(&table(&pack("trading-agent"), &State::default(), &rows));
}

/// R-30: a query only reads; a mutation changes chosen rows.
#[test]
fn r_30_the_qa_agent() {
    let run = |action: &str, class, verb: &str| call(action).op(sql(class, verb, &["t"]));
    let query = |class, verb| run("database_query", class, verb);
    let mutation = |class, verb| run("database_mutation", class, verb);
    let rows = [
        ("select", query(SqlClass::Read, "SELECT")),
        ("insert", query(SqlClass::Write, "INSERT")),
        ("begin", query(SqlClass::Transaction, "BEGIN")),
        ("not understood", query(SqlClass::Unknown, "?")),
        ("select; drop", query(SqlClass::Read, "SELECT").op(sql(SqlClass::Schema, "DROP TABLE", &["t"]))),
        ("update one", mutation(SqlClass::Write, "UPDATE")),
        ("update all", mutation(SqlClass::UnfilteredWrite, "UPDATE")),
        ("command", call("run_command").op(command())),
        ("opaque command", call("run_command").input(json!({"command": "$x"})).analysed()),
        ("unlisted", bash("ls")),
    ];
    expect![[r#"
        select          allow
        insert          deny  [rule_deny queries_only_read] A query may only read
        begin           deny  [rule_deny queries_only_read] A query may only read
        not understood  deny  [rule_deny queries_only_read] A query may only read
        select; drop    deny  [rule_deny queries_only_read] A query may only read
        update one      approve  [action_approval database_mutation] The action policy wants approval.
        update all      deny  [rule_deny no_careless_mutations] This statement changes more than chosen rows
        command         approve  [action_approval run_command] The action policy wants approval.
        opaque command  deny  [rule_deny only_understood_commands] Part of this action could not be understood
        unlisted        deny  [unknown_action] Unknown action type - blocked for safety
    "#]]
    .assert_eq(&table(&pack("qa-agent"), &State::default(), &rows));
}

fn command() -> Operation {
    bash("ls").facts.operations.remove(0)
}

/// The other packs: looking is free, changing waits (K128: what destroys wants a person).
#[test]
fn data_ops_and_permissive() {
    let rows = [
        ("select", stated(SqlClass::Read, "SELECT")),
        ("insert", stated(SqlClass::Write, "INSERT")),
        ("drop", stated(SqlClass::Schema, "DROP TABLE")),
        ("look", bash("ls")),
        ("change", bash("touch /srv/a")),
        ("key", read("/home/u/.ssh/id_rsa")),
        ("anything", call("launch").op(Operation::default())),
        ("metadata", call("fetch").op(connect(AddressClass::Metadata, "169.254.169.254", 80))),
        ("private", call("fetch").op(connect(AddressClass::Private, "10.0.0.1", 80))),
    ];
    expect![[r#"
        select    allow
        insert    approve  [rule_approve ask_before_changing_rows] This changes data  [sql_approval] A kind of SQL statement wants approval (INSERT)
        drop      deny  [sql_refused] A kind of SQL statement is refused (DROP TABLE)
        look      deny  [no_rule_allows] No rule allows the action.
        change    deny  [no_rule_allows] No rule allows the action.
        key       deny  [no_rule_allows] No rule allows the action.
        anything  deny  [unknown_tool] The policy does not know the tool `launch`
        metadata  deny  [metadata_address] A cloud metadata service (169.254.169.254)
        private   deny  [private_address] Private IP addresses are not allowed: 10.0.0.1
    "#]].assert_eq(&table(&pack("data-agent"), &State::default(), &rows));
    expect![[r#"
        select    allow
        insert    approve  [rule_approve ask_before_changing_rows] Every change waits for a person
        drop      deny  [rule_deny block_drop] This destroys data
        look      allow
        change    approve  [rule_approve ask_before_changing_files] Every change waits for a person
        key       deny  [rule_deny block_keys] Keys and credentials are not for agents
        anything  deny  [unknown_tool] The policy does not know the tool `launch`
        metadata  deny  [metadata_address] A cloud metadata service (169.254.169.254)
        private   deny  [private_address] Private IP addresses are not allowed: 10.0.0.1
    "#]]
    .assert_eq(&table(&pack("ops-agent"), &State::default(), &rows));
    expect![[r#"
        select    allow
        insert    allow
        drop      allow
        look      allow
        change    allow
        key       allow
        anything  allow
        metadata  deny  [metadata_address] A cloud metadata service (169.254.169.254)
        private   allow
    "#]]
    .assert_eq(&table(&pack("permissive"), &State::default(), &rows));
}

/// No pack lets an agent write to Stayhand's own places or reach a metadata service.
#[test]
fn no_pack_opens_what_never_opens() {
    for (name, _) in stayhand_core::policy::packs::PACKS {
        let policy = pack(name);
        assert_eq!(write("/home/u/.stayhand/x").effect(&policy), Effect::Deny, "{name}");
        let metadata = call("fetch").op(connect(AddressClass::Metadata, "169.254.169.254", 80));
        assert_eq!(metadata.effect(&policy), Effect::Deny, "{name}");
    }
}

/// Reading a home folder with all that is below it takes keys along, and what lies outside of the workspace is asked
/// about.
#[test]
fn a_whole_home_is_not_read_unasked() {
    let read = |path: &str| {
        let below = PathUse { recursive: true, ..used(Access::Read, path) };
        bash("grep -r").op(Operation { paths: vec![below], ..Operation::default() })
    };
    let default = pack("coding-agent");
    for everything in ["/", "/home", "/home/u", "/home/u/projects"] {
        assert_eq!(read(everything).effect(&default), Effect::Approve, "{everything}");
    }
    for folder in ["/code", "/code/src"] {
        assert_eq!(read(folder).effect(&default), Effect::Allow, "{folder}");
    }
}
