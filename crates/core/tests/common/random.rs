//! Random rules, policies and requests over a small vocabulary, so that they often meet.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use stayhand_core::decide::{Ask, Decided, decide};
use stayhand_core::facts::{
    Access, AddressClass, Aspect, Facts, FieldKind, HostUse, Opaque, Operation, PathUse, Place, Program,
    SecretUse, SqlClass, Statement, Text, Trait,
};
use stayhand_core::policy::Policy;
use stayhand_core::request::{Action, Context, Principal, Request, Resource};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;

const TOOLS: &[&str] = &["bash", "read_file", "fetch", "sql", "act", "mcp__x__go"];
const PATHS: &[&str] = &[
    "/",
    "/code",
    "/code/a",
    "/code/a/b.txt",
    "/code/b/c",
    "/code/.env",
    "/etc",
    "/etc/passwd",
    "/home/u",
    "/home/u/.ssh/id",
    "/x/y/z.pem",
    "/workshop/a",
    "/tmp/k",
];
const PATH_PATTERNS: &[&str] = &[
    "./**",
    "./a/**",
    "/etc/**",
    "~/.ssh/**",
    "*.pem",
    "place:key",
    "place:any",
    "!./b/**",
    "!place:any",
    "/",
    "/x/*/*.pem",
    "**/.env",
    "/code/a/b.txt",
    "!*.txt",
    "/code/?",
    ".",
];

/// The kinds a rule can be of.
pub(crate) const KINDS: &[&str] = &["allow", "warn", "audit", "approve", "deny"];

fn some<T: Clone + std::fmt::Debug + 'static>(all: &[T], most: usize) -> BoxedStrategy<Vec<T>> {
    subsequence(all.to_vec(), 1..=most.min(all.len())).boxed()
}

/// One condition: its key and value.
fn condition() -> BoxedStrategy<(&'static str, Value)> {
    let texts = |key, all: &[&'static str]| some(all, 3).prop_map(move |list| (key, json!(list)));
    let paths = prop_oneof![
        Just("reads"),
        Just("writes"),
        Just("deletes"),
        Just("lists"),
        Just("executes"),
        Just("paths")
    ];
    prop_oneof![
        4 => (paths, some(PATH_PATTERNS, 3)).prop_map(|(key, list)| (key, json!(list))),
        2 => texts("program", &["rm", "git", "cat", "g*", "!rm"]),
        1 => texts("subcommand", &["push", "p*"]),
        1 => texts("args_prefix", &["push"]),
        1 => texts("args", &["-f*", "push"]),
        2 => texts("hosts", &["x.com", "*.x.com", "address:private", "!bad.x.com", "y.org"]),
        1 => some(&[22, 443], 2).prop_map(|list| ("ports", json!(list))),
        1 => texts("methods", &["GET", "!GET"]),
        2 => texts("sql", &["read", "write", "schema", "unknown"]),
        1 => texts("sql_verb", &["drop *", "select"]),
        1 => texts("tables", &["t", "!u"]),
        3 => texts("does", &["execute_code", "publish", "privilege", "destroy_device"]),
        1 => texts("secrets", &["aws-*"]),
        2 => any::<bool>().prop_map(|value| ("opaque", json!(value))),
        2 => texts("matches", &["needle", "n.edle", "KILL", "s"]),
        1 => Just(("input", json!({"/v": {"over": 5}}))),
        1 => Just(("input", json!({"/v": {"not_in": [1]}}))),
        1 => select(&["low", "medium", "high", "critical"][..]).prop_map(|risk| ("risk_at_least", json!(risk))),
        1 => (0u64..20).prop_map(|cents| ("cost_over_cents", json!(cents))),
        1 => Just(("hours", json!("08:00-18:00"))),
        1 => Just(("days", json!(["mon", "sat"]))),
    ]
    .boxed()
}

fn conditions(most: usize) -> BoxedStrategy<Value> {
    vec(condition(), 0..=most)
        .prop_map(|list| Value::Object(list.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
        .boxed()
}

/// A rule of one of these kinds, as JSON, which is YAML.
pub(crate) fn rule(kinds: &'static [&'static str]) -> BoxedStrategy<Value> {
    let tools = some(
        &["bash", "read_file", "fetch", "sql", "*", "act", "mcp__*", "Bash(git push:*)", "Read(./a/**)"],
        3,
    );
    let except = prop_oneof![4 => Just(None), 1 => conditions(2).prop_map(Some)];
    let agents = select(vec![json!([]), json!(["a"]), json!(["a*", "!ab"]), json!("b")]);
    (select(kinds), tools, agents, conditions(3), except, any::<bool>())
        .prop_map(|(kind, tools, agent, when, except, strict)| {
            let mut rule = Map::new();
            rule.insert(kind.to_owned(), json!(tools));
            // A permission string and a named command do not go together.
            let names_command = when.get("program").is_some() || when.get("args_prefix").is_some();
            if names_command {
                rule.insert(kind.to_owned(), json!(["bash", "act"]));
            }
            rule.insert("agent".to_owned(), agent);
            rule.insert("strict".to_owned(), json!(strict));
            // An exception equal to the condition is refused as a mistake.
            if let Some(except) = except.filter(|except| *except != when) {
                rule.insert("except".to_owned(), except);
            }
            rule.insert("when".to_owned(), when);
            Value::Object(rule)
        })
        .prop_filter("reading tools do not write, file tools run nothing", |rule| !contradicts(rule))
        .boxed()
}

/// Whether the linter calls the rule impossible.
fn contradicts(rule: &Value) -> bool {
    let file = stayhand_core::policy::LayerText {
        layer: stayhand_core::decision::Layer::User,
        name: String::new(),
        text: json!({"rules": [rule]}).to_string(),
    };
    Policy::compile(&[file], stayhand_core::policy::NoAnalysis).is_err()
}

/// Everything a file may hold beside rules.
pub(crate) fn extras() -> BoxedStrategy<Value> {
    let entries = vec![
        ("extends", json!("permissive")),
        ("extends", json!("coding-agent")),
        (
            "defaults",
            json!({"sql_approve": [], "undecided": "approve", "outgoing_secret": "approve", "confine": "none"}),
        ),
        ("defaults", json!({"undecided": "deny", "sql_deny": ["schema"], "approval_timeout_s": 9000})),
        (
            "boundaries",
            json!({"network": {"addresses": ["public", "name", "private", "loopback", "metadata"]}}),
        ),
        ("boundaries", json!({"paths": {"allow": ["/**"], "write": ["./**"], "block": ["*.PEM"]}})),
        (
            "boundaries",
            json!({"paths": {"blocked": ["/etc"]}, "time": {"hours": "00:00-24:00", "max_execution_s": 5}}),
        ),
        ("tools", json!({"act": {"fields": {"/path": "text"}, "infer": false}})),
        ("actions", json!({"act": {"approval": false, "risk": "safe"}})),
        (
            "actions",
            json!({"bash": {"approval": false, "max_cost_cents": 10, "allowed_resources": ["./**"]}}),
        ),
    ];
    vec(select(entries), 0..3)
        .prop_map(|list| Value::Object(list.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
        .boxed()
}

/// A file with these rules.
pub(crate) fn text(rules: &[Value], extras: &Value) -> String {
    let mut file = extras.as_object().cloned().unwrap_or_default();
    file.insert("rules".to_owned(), json!(rules));
    Value::Object(file).to_string()
}

fn path_use() -> BoxedStrategy<PathUse> {
    let places = vec![None, None, None, Some(Place::Key), Some(Place::System), Some(Place::Device)];
    let access = select(Access::ALL.to_vec());
    (access, select(PATHS), prop::option::weighted(0.2, select(PATHS)), select(places), 0..8u8)
        .prop_map(|(access, path, resolved, place, kind)| PathUse {
            resolved: resolved.map(str::to_owned),
            recursive: kind == 0,
            glob: kind == 1,
            lexical: if kind == 1 { format!("{}/*", path.trim_end_matches('/')) } else { path.to_owned() },
            place,
            ..PathUse::new(access, path)
        })
        .boxed()
}

fn host_use() -> BoxedStrategy<HostUse> {
    let classes = vec![AddressClass::Name, AddressClass::Public, AddressClass::Private];
    let hosts = select(&["x.com", "a.x.com", "bad.x.com", "y.org", "10.0.0.1"][..]);
    (
        hosts,
        select(classes),
        select(vec![None, Some(22), Some(443)]),
        select(vec![None, Some("GET"), Some("POST")]),
    )
        .prop_map(|(host, class, port, method)| HostUse {
            scheme: "https".into(),
            host: host.into(),
            port,
            class,
            addresses: vec![],
            method: method.map(str::to_owned),
        })
        .boxed()
}

fn statement() -> BoxedStrategy<Statement> {
    let kinds = vec![
        (SqlClass::Read, "SELECT"),
        (SqlClass::Write, "INSERT"),
        (SqlClass::Schema, "DROP TABLE"),
        (SqlClass::Unknown, "?"),
    ];
    (select(kinds), some(&["t", "u"], 2))
        .prop_map(|((class, verb), tables)| Statement {
            class,
            verb: verb.into(),
            columns: vec![],
            tables: tables.into_iter().map(str::to_owned).collect(),
        })
        .boxed()
}

fn program() -> BoxedStrategy<Option<(Program, Vec<String>)>> {
    let args = vec(select(&["push", "-f", "--x", "a"][..]), 0..3);
    let named =
        (select(&["rm", "git", "cat", "gcc"][..]), args, any::<bool>()).prop_map(|(name, args, trusted)| {
            let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
            let subcommand = args.iter().find(|word| !word.starts_with('-')).cloned();
            Some((Program { name: name.into(), subcommand, path: None, trusted }, args))
        });
    prop_oneof![1 => Just(None), 2 => named].boxed()
}

/// One operation. `opaque`: whether it may hide anything.
fn operation(opaque: bool) -> BoxedStrategy<Operation> {
    let effects = vec![Trait::ExecuteCode, Trait::Publish, Trait::Privilege, Trait::DestroyDevice];
    let hidden = if opaque { vec(aspect(), 0..2).boxed() } else { Just(vec![]).boxed() };
    let secret = SecretUse { kind: "aws-x".into(), field: "/body".into(), outgoing: false };
    (
        program(),
        vec(path_use(), 0..3),
        vec(host_use(), 0..2),
        vec(statement(), 0..2),
        subsequence(effects, 0..2),
        prop::option::weighted(0.2, Just(secret)),
        hidden,
    )
        .prop_map(|(program, paths, hosts, statements, does, secret, hidden)| {
            let (program, args) = program.map_or((None, vec![]), |(program, args)| (Some(program), args));
            Operation {
                program,
                args,
                paths,
                hosts,
                statements,
                secrets: secret.into_iter().collect(),
                does: does.into_iter().collect(),
                opaque: hidden.into_iter().map(|aspect| Opaque { aspect, why: "hidden".into() }).collect(),
            }
        })
        .boxed()
}

/// A part that can be unknown.
pub(crate) fn aspect() -> BoxedStrategy<Aspect> {
    select(vec![
        Aspect::Program,
        Aspect::Effects,
        Aspect::Arguments,
        Aspect::Paths,
        Aspect::Hosts,
        Aspect::Statements,
    ])
    .boxed()
}

/// A request with its facts and the time.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) request: Request,
    pub(crate) facts: Facts,
    pub(crate) now: Timestamp,
}

/// A random request. `opaque`: whether its operations may hide anything.
pub(crate) fn scene(opaque: bool) -> BoxedStrategy<Scene> {
    let texts = vec(select(&["a needle b", "nothing", "skill", "Kill"][..]), 0..3);
    let value = select(vec![None, Some(json!(1)), Some(json!(9)), Some(json!("9"))]);
    (
        select(TOOLS),
        select(&["a", "ab", "b"][..]),
        vec(operation(opaque), 0..3),
        texts,
        value,
        prop::option::of(0u64..20),
        0u64..10_000_000,
    )
        .prop_map(|(tool, agent, operations, texts, value, cents, seconds)| {
            let context = Context {
                cwd: "/code".into(),
                workspace: "/code".into(),
                home: "/home/u".into(),
                cost_nanousd: cents.map(|cents| cents * 10_000_000),
                ..Context::default()
            };
            let input = value.map(|value| ("v".to_owned(), value)).into_iter().collect();
            let text = |text: &str| Text { field: "/x".into(), kind: FieldKind::Command, text: text.into() };
            Scene {
                request: Request {
                    principal: Principal { agent: agent.into(), session: "s".into(), on_behalf_of: None },
                    action: Action(tool.into()),
                    resource: Resource(input),
                    context,
                },
                facts: Facts { operations, texts: texts.into_iter().map(text).collect(), ..Facts::default() },
                now: Timestamp(seconds * 1_000_000),
            }
        })
        .boxed()
}

impl Scene {
    pub(crate) fn decide(&self, policy: &Policy) -> Decided {
        let ask = Ask { request: &self.request, digest: self.request.digest(), facts: &self.facts };
        decide(policy, &State::default(), &ask, self.now)
    }

    /// The same request with part of an operation unknown.
    pub(crate) fn hide(&mut self, number: usize, aspect: Aspect) {
        let count = self.facts.operations.len();
        let Some(op) = self.facts.operations.get_mut(number % count.max(1)) else { return };
        op.opaque.push(Opaque { aspect, why: "hidden".into() });
        let all = matches!(aspect, Aspect::Program | Aspect::Effects);
        if aspect == Aspect::Program {
            op.program = None;
        }
        if matches!(aspect, Aspect::Program | Aspect::Arguments) {
            op.args.clear();
            if let Some(program) = &mut op.program {
                program.subcommand = None;
            }
        }
        if all || aspect == Aspect::Paths {
            op.paths.clear();
        }
        if all || aspect == Aspect::Hosts {
            op.hosts.clear();
        }
        if all || aspect == Aspect::Statements {
            op.statements.clear();
        }
        if all {
            op.does = Default::default();
        }
    }
}
