//! Short ways to write policies, requests and facts, and to show decisions.

use serde_json::{Value, json};
use stayhand_core::decide::{Ask, Decided, decide};
use stayhand_core::decision::{Effect, Layer};
use stayhand_core::facts::{
    Access, AddressClass, Aspect, Facts, FieldKind, HostUse, Invalid, Opaque, Operation, PathUse, Place,
    Program, SecretUse, SqlClass, Statement, Text, Trait, Traits,
};
use stayhand_core::policy::{LayerText, Policy};
use stayhand_core::request::{Action, Context, Principal, Request, Resource};
use stayhand_core::state::State;
use stayhand_core::time::Timestamp;
use stayhand_core::tool::Declaration;
use std::fmt::Write;

/// Friday, 20 November 2026, 15:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_795_186_800_000_000);

/// A file of a layer.
pub(crate) fn file(layer: Layer, text: &str) -> LayerText {
    LayerText { layer, name: format!("{}.yaml", layer.name()), text: text.to_owned() }
}

/// The policy of one user's file.
pub(crate) fn policy(text: &str) -> Policy {
    layers(&[(Layer::User, text)])
}

/// The policy of several files.
pub(crate) fn layers(files: &[(Layer, &str)]) -> Policy {
    let files: Vec<_> = files.iter().map(|(layer, text)| file(*layer, text)).collect();
    Policy::compile(&files, analyse).unwrap_or_else(|error| panic!("{error}: {:#?}", error.problems))
}

/// A shipped pack.
pub(crate) fn pack(name: &str) -> Policy {
    Policy::pack(name, analyse).unwrap()
}

/// A request with what was observed about it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) request: Request,
    pub(crate) facts: Facts,
    pub(crate) now: Timestamp,
}

/// A request for `tool` without arguments, of which nothing is known yet.
pub(crate) fn call(tool: &str) -> Case {
    let context = Context {
        cwd: "/code".into(),
        workspace: "/code".into(),
        home: "/home/u".into(),
        ..Context::default()
    };
    let principal = Principal { agent: "a".into(), session: "s".into(), on_behalf_of: None };
    let request = Request { principal, action: Action(tool.into()), resource: Resource::default(), context };
    Case { request, facts: Facts::default(), now: NOW }
}

/// A shell command as the small analysis below sees it.
pub(crate) fn bash(command: &str) -> Case {
    call("bash").input(json!({ "command": command })).analysed()
}

/// A read of a file.
pub(crate) fn read(path: &str) -> Case {
    call("read_file").input(json!({ "path": path })).analysed()
}

/// A write to a file.
pub(crate) fn write(path: &str) -> Case {
    call("write_file").input(json!({ "path": path })).analysed()
}

/// A statement of this kind.
pub(crate) fn sql(class: SqlClass, verb: &str, tables: &[&str]) -> Operation {
    let tables = tables.iter().map(|table| (*table).to_owned()).collect();
    Operation {
        statements: vec![Statement { class, tables, columns: vec![], verb: verb.into() }],
        ..Operation::default()
    }
}

/// A connection to a host.
pub(crate) fn connect(class: AddressClass, host: &str, port: u16) -> Operation {
    let host = HostUse {
        scheme: "https".into(),
        host: host.into(),
        port: Some(port),
        class,
        addresses: vec![],
        method: None,
    };
    Operation { hosts: vec![host], ..Operation::default() }
}

/// One use of a path.
pub(crate) fn touch(access: Access, path: &str) -> Operation {
    Operation { paths: vec![used(access, path)], ..Operation::default() }
}

/// A use of a path with the place it lies in.
pub(crate) fn used(access: Access, path: &str) -> PathUse {
    PathUse { place: place(path), ..PathUse::new(access, path) }
}

/// A text of this kind.
pub(crate) fn text(parameter: &str, kind: FieldKind, text: &str) -> Text {
    Text { field: format!("/{parameter}"), kind, text: text.into() }
}

/// An operation with these effects.
pub(crate) fn does(effects: &[Trait]) -> Operation {
    Operation { does: effects.iter().copied().collect::<Traits>(), ..Operation::default() }
}

/// A secret in an argument.
pub(crate) fn secret(outgoing: bool) -> Operation {
    let found = SecretUse { kind: "aws-access-key-id".into(), field: "/body".into(), outgoing };
    Operation { secrets: vec![found], ..Operation::default() }
}

impl Case {
    pub(crate) fn input(mut self, input: Value) -> Self {
        let Value::Object(input) = input else { panic!("arguments are an object") };
        self.request.resource = Resource(input);
        self
    }

    pub(crate) fn op(mut self, operation: Operation) -> Self {
        self.facts.operations.push(operation);
        self
    }

    pub(crate) fn says(mut self, found: Text) -> Self {
        self.facts.texts.push(found);
        self
    }

    pub(crate) fn invalid(mut self, field: &str, why: &str) -> Self {
        self.facts.invalid.push(Invalid { field: field.into(), why: why.into() });
        self
    }

    pub(crate) fn cents(mut self, cents: u64) -> Self {
        self.request.context.cost_nanousd = Some(cents * 10_000_000);
        self
    }

    pub(crate) fn declares(mut self, name: &str, value: Value) -> Self {
        self.request.context.declared.insert(name.into(), value);
        self
    }

    pub(crate) fn by(mut self, agent: &str) -> Self {
        self.request.principal.agent = agent.into();
        self
    }

    pub(crate) fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Everything of the last operation but its text becomes unknown.
    pub(crate) fn hiding(mut self, aspect: Aspect) -> Self {
        let mut last = self.facts.operations.pop().unwrap_or_default();
        last.opaque.push(Opaque { aspect, why: "it is hidden".into() });
        self.op(last)
    }

    pub(crate) fn analysed(mut self) -> Self {
        self.facts = analyse(&self.request, None);
        self
    }

    pub(crate) fn decide(&self, policy: &Policy, state: &State) -> Decided {
        let ask = Ask { request: &self.request, digest: self.request.digest(), facts: &self.facts };
        decide(policy, state, &ask, self.now)
    }

    pub(crate) fn effect(&self, policy: &Policy) -> Effect {
        self.decide(policy, &State::default()).decision.effect
    }
}

/// One line for each case: its label, the effect, and every finding with its message.
pub(crate) fn table(policy: &Policy, state: &State, rows: &[(&str, Case)]) -> String {
    let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut shown = String::new();
    for (label, case) in rows {
        let decision = case.decide(policy, state).decision;
        let _ = write!(shown, "{label:width$}  {}", decision.effect);
        let decisive = |finding: &&stayhand_core::decision::Finding| {
            finding.effect == decision.effect && finding.effect > Effect::Allow
        };
        for finding in decision.findings.iter().filter(decisive) {
            let rule = finding.rule.as_deref().map(|rule| format!(" {rule}")).unwrap_or_default();
            let _ = write!(shown, "  [{}{rule}] {}", finding.reason, finding.message());
        }
        shown.push('\n');
    }
    shown
}

/// Compares the table of some cases under one user's policy.
#[track_caller]
pub(crate) fn check(text: &str, rows: &[(&str, Case)], expected: expect_test::Expect) {
    expected.assert_eq(&table(&policy(text), &State::default(), rows));
}

/// A very small analysis: words divided by blanks, a few programs, a few places.
pub(crate) fn analyse(request: &Request, _: Option<&Declaration>) -> Facts {
    let argument = |name: &str| request.resource.0.get(name).and_then(Value::as_str);
    let (name, kind, value) = match &*request.action.0 {
        "bash" | "run_command" => ("command", FieldKind::Command, argument("command")),
        "read_file" | "list_dir" => ("path", FieldKind::Path, argument("path")),
        "write_file" | "edit_file" => ("path", FieldKind::WritePath, argument("path")),
        "delete_file" => ("path", FieldKind::DeletePath, argument("path")),
        _ => return Facts { operations: vec![Operation::default()], ..Facts::default() },
    };
    let Some(value) = value else { return Facts::default().with_invalid(name) };
    let operation = match kind {
        FieldKind::Command => command(value),
        FieldKind::Path => touch(Access::Read, &absolute(value)),
        FieldKind::WritePath => touch(Access::Write, &absolute(value)),
        _ => touch(Access::Delete, &absolute(value)),
    };
    Facts { operations: vec![operation], texts: vec![text(name, kind, value)], ..Facts::default() }
}

trait WithInvalid {
    fn with_invalid(self, field: &str) -> Self;
}

impl WithInvalid for Facts {
    fn with_invalid(mut self, field: &str) -> Self {
        self.invalid.push(Invalid { field: format!("/{field}"), why: "is required".into() });
        self
    }
}

fn command(line: &str) -> Operation {
    if line.contains('$') {
        return Operation::opaque(Aspect::Program, "the command is not static");
    }
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let args: Vec<String> = words.map(str::to_owned).collect();
    let access = match name {
        "rm" => Some(Access::Delete),
        "cat" => Some(Access::Read),
        "touch" => Some(Access::Write),
        _ => None,
    };
    let recursive = args.iter().any(|word| word.starts_with("-r"));
    let plain = || args.iter().filter(|word| !word.starts_with('-'));
    let paths = plain().filter_map(|word| {
        Some(PathUse { recursive: recursive && name == "rm", ..used(access?, &absolute(word)) })
    });
    let subcommand = plain().next().filter(|_| matches!(name, "git" | "cargo" | "npm")).cloned();
    let program = Program { name: name.to_owned(), subcommand, path: None, trusted: true };
    let does = match name {
        "mkfs" => Traits::NONE.with(Trait::DestroyDevice),
        "sudo" => Traits::NONE.with(Trait::Privilege),
        _ => Traits::NONE,
    };
    Operation { paths: paths.collect(), program: Some(program), args, does, ..Operation::default() }
}

fn absolute(path: &str) -> String {
    match path.strip_prefix('~') {
        Some(rest) => format!("/home/u{rest}"),
        None if path.starts_with('/') => path.to_owned(),
        None => format!("/code/{path}"),
    }
}

fn place(path: &str) -> Option<Place> {
    let table = [
        ("/.ssh", Place::Key),
        (".pem", Place::Key),
        (".env", Place::Credential),
        ("/.git/", Place::GitControl),
        ("/.bashrc", Place::Startup),
        ("/.stayhand", Place::Stayhand),
    ];
    let starts = [
        ("/etc", Place::System),
        ("/boot", Place::Boot),
        ("/dev/sd", Place::Device),
        ("/proc", Place::Kernel),
    ];
    let named = table.iter().find(|(part, _)| path.contains(part));
    named.or_else(|| starts.iter().find(|(start, _)| path.starts_with(start))).map(|(_, place)| *place)
}
