//! What an action would do, as observed before deciding.
//!
//! The analysis fills these types in; guards and rules read them. One action is a list of
//! [`Operation`]s (a shell command line has one for each simple command). Whatever the analysis
//! could not determine is said in [`Operation::opaque`], so that "nothing seen" is never mistaken
//! for "nothing there".

use crate::risk::Risk;
use crate::untrusted::Untrusted;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Everything observed about one request. Logged with the decision, so that replay needs no
/// second look at the world.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The operations, in the order in which the action names them. Empty = nothing is known.
    pub operations: Vec<Operation>,
    /// The argument texts that patterns are searched in: normalised, secrets replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<Text>,
    /// Input that no decision can rest on (wrong type, out of range, NUL bytes): refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<Invalid>,
    /// SQL in values that the policy declares to be data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub injected: Vec<Injected>,
    /// What earlier, untrusted outputs have to do with the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted: Option<Box<Untrusted>>,
    /// The policy declares that the tool reads private data.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reads_private: bool,
}

/// One thing that would be done: a simple command, a file access, a statement, a connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// The program that would run, where this is a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// The words after the program, dequoted. A word that is not static is not listed here; it
    /// appears in `opaque` with [`Aspect::Arguments`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The paths that would be touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathUse>,
    /// The hosts that would be contacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostUse>,
    /// The SQL statements that would run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Statement>,
    /// The secrets found in what would be sent or stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretUse>,
    /// Other known effects.
    #[serde(default, skip_serializing_if = "Traits::is_empty")]
    pub does: Traits,
    /// What could not be determined, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opaque: Vec<Opaque>,
}

/// The program of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The base name, as in `rm`.
    pub name: String,
    /// The sub-command, as in `push` of `git -C /x push`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcommand: Option<String>,
    /// The path as written, where the command was not a bare name (`./cat`, `/bin/cat`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether the name is looked up in the system's own directories. A rule that allows matches
    /// trusted programs only; a rule that refuses matches by name whatever the directory.
    pub trusted: bool,
}

/// One path and what would be done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathUse {
    /// What would be done.
    pub access: Access,
    /// The absolute path by its text alone: `.`, `..`, `//`, `~` resolved, links not followed.
    pub lexical: String,
    /// The path after following the links of its longest existing ancestor, where that differs.
    /// Both views have to pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<String>,
    /// The access covers everything below the path (`rm -r`, `cp -r`, `chmod -R`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub recursive: bool,
    /// The path holds unexpanded `*`, `?` or `[…]`: it stands for any name that matches.
    #[serde(default, skip_serializing_if = "is_false")]
    pub glob: bool,
    /// The kind of sensitive place this path lies in, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Access {
    /// Every member, in order.
    pub const ALL: [Self; 5] = [Self::List, Self::Read, Self::Execute, Self::Write, Self::Delete];
}

impl Place {
    /// Every member, in order.
    pub const ALL: [Self; 11] = [
        Self::Key,
        Self::Credential,
        Self::Startup,
        Self::GitControl,
        Self::AgentConfig,
        Self::System,
        Self::Boot,
        Self::Device,
        Self::Kernel,
        Self::OtherUser,
        Self::Stayhand,
    ];
}

impl SqlClass {
    /// Every member, in order.
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::Transaction,
        Self::Session,
        Self::Write,
        Self::UnfilteredWrite,
        Self::Schema,
        Self::Privilege,
        Self::File,
        Self::Unknown,
    ];
}

impl PathUse {
    /// A use of `lexical` (absolute) with no further properties.
    pub fn new(access: Access, lexical: impl Into<String>) -> Self {
        Self { access, lexical: lexical.into(), resolved: None, recursive: false, glob: false, place: None }
    }

    /// The views that rules compare: the lexical path and, where it differs, the resolved one.
    pub fn views(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.lexical.as_str()).chain(self.resolved.as_deref())
    }
}

/// What would be done to a path.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Names or metadata are shown.
    List,
    /// Content is read.
    Read,
    /// Content is run.
    Execute,
    /// Content, metadata or existence is changed or created.
    Write,
    /// The entry is removed or emptied.
    Delete,
}

/// Sensitive places, by kind.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Private keys: `~/.ssh`, `*.pem`, `id_rsa`, GnuPG homes.
    Key,
    /// Credential stores: `.env*`, cloud and registry credentials, `/etc/shadow`, process environments.
    Credential,
    /// Files that shells and login managers run.
    Startup,
    /// Git hooks and configuration, which make git run programs.
    GitControl,
    /// Settings of agents and editors that run programs or grant permissions.
    AgentConfig,
    /// The operating system: `/etc`, `/usr`, `/bin`, `/lib`, …
    System,
    /// Boot loader and kernel images.
    Boot,
    /// Devices that hold data or control the machine.
    Device,
    /// Kernel interfaces: `/proc`, `/sys`.
    Kernel,
    /// The home of another user.
    OtherUser,
    /// Stayhand's own state and policy. No agent may ever write here.
    Stayhand,
}

/// One host that would be contacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostUse {
    /// The scheme, lower case (`https`), or empty where none is stated.
    pub scheme: String,
    /// The host after canonicalisation: lower case, no trailing dot, an address in its usual form.
    pub host: String,
    /// The port, stated or implied by the scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Where the host's address lies; the worst of all addresses where there are several.
    pub class: AddressClass,
    /// The addresses the name resolved to, which the connection is pinned to. Empty = not resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// The request method, upper case, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

impl HostUse {
    /// The addresses that were judged, which alone may be connected to.
    pub fn to_dial(&self) -> Vec<IpAddr> {
        let literal = self.host.trim_matches(['[', ']']).parse().ok();
        literal.map_or_else(|| self.addresses.clone(), |address| vec![address])
    }
}

/// Where an address lies.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AddressClass {
    /// A globally routed address.
    Public,
    /// A name that has not been resolved.
    Name,
    /// `127.0.0.0/8`, `::1`, `localhost`, and the unspecified address, which reaches the same machine.
    Loopback,
    /// RFC 1918, unique-local, carrier-grade NAT, and names that only mean something locally.
    Private,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// Multicast, broadcast, documentation, benchmarking and unassigned ranges.
    Reserved,
    /// Cloud metadata services, by address or name.
    Metadata,
}

/// One SQL statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What kind of statement.
    pub class: SqlClass,
    /// The tables it names, lower case, as written (with schema where given).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// The columns it names, lower case, without their table; `*` where it names all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The words that decided the class, as in `DROP TABLE`.
    pub verb: String,
}

/// Kinds of SQL statements, mildest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SqlClass {
    /// Reads rows or plans only.
    Read,
    /// Begins, commits or rolls back.
    Transaction,
    /// Changes settings of the session.
    Session,
    /// Inserts, or changes rows under a condition.
    Write,
    /// Changes or deletes rows with no condition, or one that is always true.
    UnfilteredWrite,
    /// Creates, alters, drops or truncates.
    Schema,
    /// Grants, revokes, or changes roles.
    Privilege,
    /// Reads or writes files, or runs programs or procedures.
    File,
    /// Not understood.
    Unknown,
}

/// One secret found in an argument. The secret itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUse {
    /// The kind, as in `aws-access-key-id`.
    pub kind: String,
    /// JSON pointer of the argument.
    pub field: String,
    /// The value would leave this machine.
    pub outgoing: bool,
}

/// One argument text, for patterns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// JSON pointer of the argument, as in `/path` or `/opts/0/path`.
    pub field: String,
    /// What the argument means.
    pub kind: FieldKind,
    /// The text: Unicode-normalised, invisible characters removed, secrets replaced.
    pub text: String,
}

impl Text {
    /// The last segment of the JSON pointer, which is the parameter's name.
    pub fn parameter(&self) -> &str {
        self.field.rsplit('/').next().unwrap_or_default()
    }
}

/// What an argument of a tool means.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A file path that is read.
    Path,
    /// A file path that is written or created.
    WritePath,
    /// A file path that is deleted.
    DeletePath,
    /// A URL.
    Url,
    /// A host name or address, perhaps with a port.
    Host,
    /// A shell command line.
    Command,
    /// A list of words: a program and its arguments.
    Argv,
    /// SQL text.
    Sql,
    /// Source code that would run.
    Code,
    /// A secret: never shown, never stored.
    Secret,
    /// A number with a unit of value: price, quantity.
    Amount,
    /// A person or account that would receive something.
    Recipient,
    /// Data that leaves this machine (a message body, an upload).
    Outgoing,
    /// A value that goes into a query as data: a name, a search term, an id.
    Data,
    /// Plain text or data without further meaning.
    Text,
}

/// Input that no decision can rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// JSON pointer of the field, or the name of a context value.
    pub field: String,
    /// What is wrong, in plain words.
    pub why: String,
}

/// SQL in a value that is declared to be data, and would change the query the value is put into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injected {
    /// JSON pointer of the field.
    pub field: String,
    /// What gives it away, in plain words.
    pub why: String,
}

/// Something that could not be determined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// What is unknown.
    pub aspect: Aspect,
    /// Why, in plain words.
    pub why: String,
}

/// The part of an operation that is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Which program runs, and therefore everything else.
    Program,
    /// All effects of a known program or tool.
    Effects,
    /// Some of the arguments.
    Arguments,
    /// Which paths are touched.
    Paths,
    /// Which hosts are contacted.
    Hosts,
    /// What the SQL does.
    Statements,
}

/// A set of [`Trait`]s. Written as a list of names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Traits(u32);

impl Traits {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set with `item` added.
    #[must_use]
    pub const fn with(self, item: Trait) -> Self {
        Self(self.0 | 1 << item as u32)
    }

    /// Adds `item`.
    pub fn insert(&mut self, item: Trait) {
        *self = self.with(item);
    }

    /// The union.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `item` is in the set.
    pub const fn contains(self, item: Trait) -> bool {
        self.0 & (1 << item as u32) != 0
    }

    /// Whether every member of `other` is in the set.
    pub const fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether the two sets share a member.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// The members.
    pub fn iter(self) -> impl Iterator<Item = Trait> {
        Trait::ALL.into_iter().filter(move |item| self.contains(*item))
    }
}

impl FromIterator<Trait> for Traits {
    fn from_iter<I: IntoIterator<Item = Trait>>(items: I) -> Self {
        items.into_iter().fold(Self::NONE, Self::with)
    }
}

impl std::fmt::Debug for Traits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Traits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Traits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Trait>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// A known effect that is neither a path, a host nor a statement.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Trait {
    /// Runs code that lies in the workspace or that it is given: build tools, tests, interpreters.
    ExecuteCode,
    /// Gains or grants privilege: `sudo`, set-uid bits, user management.
    Privilege,
    /// Changes the environment of later commands (`PATH`, `LD_PRELOAD`, `GIT_*`).
    Environment,
    /// Makes something run later: cron, systemd units, git hooks, start-up files.
    Persist,
    /// Accepts connections.
    Listen,
    /// Sends local data to another machine.
    Disclose,
    /// Destroys a file system, partition or device.
    DestroyDevice,
    /// Stops or restarts the machine or its services.
    Power,
    /// Signals other processes.
    Signal,
    /// Installs software.
    Install,
    /// Publishes for others: `git push`, `npm publish`.
    Publish,
    /// Discards work or rewrites published history: `git reset --hard`, a forced push.
    DiscardWork,
    /// Changes infrastructure outside this machine: clusters, clouds, containers.
    Infrastructure,
    /// Contacts some host that the text does not name.
    Network,
    /// Overrides safety checks of the program (`--force`, `--no-verify`).
    Force,
    /// Changes Stayhand's own decisions: approves, unlocks, edits policy.
    ControlStayhand,
    /// The text does not say all of it, but confinement bounds it: a program that no table
    /// describes, a file that a variable names and that is read.
    Indefinite,
    /// Shows what was kept from others: all of the environment, stored passwords, traffic, screens.
    Reveal,
    /// Uses up the machine: processes that multiply, files that fill the disk.
    Exhaust,
    /// Hides what it does: a path that leads elsewhere than it begins.
    Disguise,
}

impl Trait {
    /// Every member, in order.
    pub const ALL: [Self; 20] = [
        Self::ExecuteCode,
        Self::Privilege,
        Self::Environment,
        Self::Persist,
        Self::Listen,
        Self::Disclose,
        Self::DestroyDevice,
        Self::Power,
        Self::Signal,
        Self::Install,
        Self::Publish,
        Self::DiscardWork,
        Self::Infrastructure,
        Self::Network,
        Self::Force,
        Self::ControlStayhand,
        Self::Indefinite,
        Self::Reveal,
        Self::Exhaust,
        Self::Disguise,
    ];
}

impl Facts {
    /// The risk that these facts alone suggest, for display and for rules on `risk`.
    pub fn risk(&self) -> Risk {
        self.operations.iter().map(Operation::risk).max().unwrap_or(Risk::Critical)
    }

    /// The facts of an action of which nothing could be determined.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { operations: vec![Operation::opaque(Aspect::Effects, why)], ..Self::default() }
    }
}

impl Operation {
    /// An operation of which `aspect` is unknown.
    pub fn opaque(aspect: Aspect, why: impl Into<String>) -> Self {
        Self { opaque: vec![Opaque { aspect, why: why.into() }], ..Self::default() }
    }

    /// Whether `aspect` of this operation is unknown. An unknown program leaves everything
    /// unknown; unknown effects leave everything but the program and its arguments unknown.
    pub fn hides(&self, aspect: Aspect) -> bool {
        self.opaque.iter().any(|opaque| match opaque.aspect {
            Aspect::Program => true,
            Aspect::Effects => !matches!(aspect, Aspect::Program | Aspect::Arguments),
            known => known == aspect,
        })
    }

    /// Whether `aspect` may hold more than is listed: it is hidden, or only confinement bounds it.
    pub(crate) fn may_have_more(&self, aspect: Aspect) -> bool {
        let bounded = matches!(aspect, Aspect::Paths | Aspect::Hosts);
        self.hides(aspect) || bounded && self.does.contains(Trait::Indefinite)
    }

    pub(crate) fn risk(&self) -> Risk {
        const CRITICAL: Traits =
            Traits::NONE.with(Trait::DestroyDevice).with(Trait::Power).with(Trait::ControlStayhand);
        const HIGH: Traits = Traits::NONE
            .with(Trait::Privilege)
            .with(Trait::Persist)
            .with(Trait::Disclose)
            .with(Trait::Infrastructure)
            .with(Trait::DiscardWork)
            .with(Trait::Environment)
            .with(Trait::Reveal)
            .with(Trait::Exhaust)
            .with(Trait::Disguise);
        if self.does.intersects(CRITICAL) || self.paths.iter().any(|path| path.risk() == Risk::Critical) {
            return Risk::Critical;
        }
        let worst_sql = self.statements.iter().map(|statement| statement.class).max();
        let worst_host = self.hosts.iter().map(|host| host.class).max();
        if self.does.intersects(HIGH)
            || !self.opaque.is_empty()
            || !self.secrets.is_empty()
            || worst_sql >= Some(SqlClass::UnfilteredWrite)
            || worst_host >= Some(AddressClass::Private)
        {
            return Risk::High;
        }
        let base = if worst_host.is_some() || !self.does.is_empty() || worst_sql >= Some(SqlClass::Session) {
            Risk::Medium
        } else {
            Risk::Safe
        };
        self.paths.iter().map(PathUse::risk).max().unwrap_or(Risk::Safe).max(base)
    }
}

impl PathUse {
    pub(crate) fn risk(&self) -> Risk {
        match (self.access, self.place) {
            (Access::Write | Access::Delete, Some(_)) => Risk::Critical,
            (_, Some(Place::Key | Place::Credential | Place::Stayhand)) => Risk::Critical,
            (Access::Delete, None) => Risk::Medium,
            (Access::Write, None) => Risk::Low,
            _ => Risk::Safe,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(value: &bool) -> bool {
    !value
}
