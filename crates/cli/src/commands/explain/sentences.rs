//! Facts as sentences.

use stayhand_analysis::shell::outline::{Kind, Node};
use stayhand_core::facts::{
    Access, AddressClass, Aspect, HostUse, Operation, PathUse, Place, SqlClass, Statement, Trait,
};

/// One thing that an operation does.
pub(super) struct Sentence {
    pub(super) text: String,
    pub(super) weight: Weight,
}

/// How much a reader should care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It looks at something, or says what is bounded.
    Plain,
    /// It changes something.
    Change,
    /// It concerns a sensitive place, another machine or privilege.
    Grave,
    /// It is not known.
    Unknown,
}

/// What sentences need to know besides the operation.
pub(super) struct Around<'h> {
    /// The home folder, which is written as `~`.
    home: &'h str,
    /// What the stages before this one read.
    fed: Vec<String>,
}

impl<'h> Around<'h> {
    pub(super) const fn new(home: &'h str) -> Self {
        Self { home, fed: Vec::new() }
    }

    /// The parts of a node, each with what is around it.
    pub(super) fn parts<'n>(&self, node: &'n Node) -> impl Iterator<Item = (&'n Node, Around<'h>)> {
        let mut fed = self.fed.clone();
        let (home, feeds) = (self.home, node.kind == Kind::Pipeline);
        node.children.iter().map(move |child| {
            let around = Around { home, fed: fed.clone() };
            if feeds {
                read_by(child, home, &mut fed);
            }
            (child, around)
        })
    }
}

/// Adds the files that a part reads.
fn read_by(node: &Node, home: &str, read: &mut Vec<String>) {
    let paths = node.operation.iter().flat_map(|operation| &operation.paths);
    read.extend(paths.filter(|path| path.access == Access::Read).map(|path| shortened(&path.lexical, home)));
    node.children.iter().for_each(|child| read_by(child, home, read));
}

/// What an operation does, a sentence each.
pub(super) fn effects(operation: &Operation, around: &Around<'_>) -> Vec<Sentence> {
    let home = around.home;
    let mut sentences: Vec<Sentence> = path_sentences(&operation.paths, home);
    sentences.extend(operation.hosts.iter().map(|host| host_sentence(host, operation, around)));
    sentences.extend(operation.statements.iter().map(statement_sentence));
    sentences.extend(operation.secrets.iter().map(|secret| Sentence {
        text: format!("{} a secret ({})", if secret.outgoing { "sends" } else { "holds" }, secret.kind),
        weight: Weight::Grave,
    }));
    let told_by_host = !operation.hosts.is_empty();
    let traits = operation
        .does
        .iter()
        .filter(|item| !(told_by_host && matches!(item, Trait::Network | Trait::Disclose)));
    sentences.extend(traits.map(trait_sentence));
    sentences.extend(operation.opaque.iter().map(|opaque| Sentence {
        text: format!("{}: {}", unknown(opaque.aspect), opaque.why),
        weight: Weight::Unknown,
    }));
    sentences
}

/// The command itself, quoted where a shell would need it.
pub(super) fn headline(operation: &Operation) -> String {
    let Some(program) = &operation.program else {
        return match (&operation.opaque.is_empty(), operation.paths.is_empty()) {
            (true, false) => "a redirection".to_owned(),
            (true, true) => "a variable".to_owned(),
            _ => "something that is not understood".to_owned(),
        };
    };
    let name = program.path.as_deref().unwrap_or(&program.name);
    let words = std::iter::once(name).chain(operation.args.iter().map(String::as_str)).map(quoted);
    let mut line = words.collect::<Vec<_>>().join(" ");
    if operation
        .opaque
        .iter()
        .any(|opaque| opaque.aspect == Aspect::Arguments || opaque.aspect == Aspect::Paths)
    {
        line.push_str(" …");
    }
    line
}

fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_alphanumeric() || "-_./:=,@%+~*?[]{}^".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The name of a part that is no command.
pub(super) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "command",
        Kind::Script => "one after the other",
        Kind::Pipeline => "pipeline: each feeds the next",
        Kind::List => "list: each depends on the one before",
        Kind::Group => "group",
        Kind::Subshell => "in a shell of its own",
        Kind::Choice => "one of these, depending on a condition",
        Kind::Loop => "loop: any number of times",
        Kind::Function => "function: runs when it is called",
        Kind::Output => "$( … ) its output becomes a part of the command",
        Kind::Process => "<( … ) runs beside the command",
        Kind::Text => "text that is read as commands",
    }
}

/// A sentence for each path; what is read and written at once is said at once.
fn path_sentences(paths: &[PathUse], home: &str) -> Vec<Sentence> {
    let pair = |read: &PathUse, write: &PathUse| {
        (read.access, write.access) == (Access::Read, Access::Write)
            && (&read.lexical, read.recursive) == (&write.lexical, write.recursive)
    };
    let mut sentences = Vec::new();
    for path in paths {
        if paths.iter().any(|write| pair(path, write)) {
            continue;
        }
        let mut sentence = path_sentence(path, home);
        if paths.iter().any(|read| pair(read, path)) {
            sentence.text.insert_str(0, "reads and ");
        }
        sentences.push(sentence);
    }
    sentences
}

fn path_sentence(path: &PathUse, home: &str) -> Sentence {
    let shown = shortened(&path.lexical, home);
    let target = match (path.recursive, path.glob) {
        (true, _) => format!("everything below {shown}"),
        (false, true) => format!("what matches {shown}"),
        (false, false) => shown,
    };
    let verb = match (path.access, path.recursive) {
        (Access::List, _) => "lists",
        (Access::Read, _) => "reads",
        (Access::Execute, _) => "runs the file",
        (Access::Write, _) => "writes",
        (Access::Delete, _) => "deletes",
    };
    let mut text = format!("{verb} {target}");
    if let Some(resolved) = &path.resolved {
        text.push_str(&format!(", which leads to {}", shortened(resolved, home)));
    }
    if let Some(place) = path.place {
        text.push_str(&format!(" — {}", place_name(place)));
    }
    let weight = match (path.access, path.place) {
        (Access::Write | Access::Delete, Some(_)) => Weight::Grave,
        (_, Some(Place::Key | Place::Credential | Place::Stayhand | Place::Device)) => Weight::Grave,
        (Access::Write | Access::Delete, None) => Weight::Change,
        _ => Weight::Plain,
    };
    Sentence { text, weight }
}

/// The path, with the home folder as `~`.
fn shortened(path: &str, home: &str) -> String {
    match path.strip_prefix(home) {
        Some("") => "~".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("~{rest}"),
        _ => path.to_owned(),
    }
}

const fn place_name(place: Place) -> &'static str {
    match place {
        Place::Key => "a place for private keys",
        Place::Credential => "a place for credentials",
        Place::Startup => "a file that runs when somebody logs in or opens a shell",
        Place::GitControl => "a file that makes git run programs",
        Place::AgentConfig => "settings of an agent or editor",
        Place::System => "a part of the operating system",
        Place::Boot => "needed to start the machine",
        Place::Device => "a device",
        Place::Kernel => "an interface of the kernel",
        Place::OtherUser => "belongs to another user",
        Place::Stayhand => "Stayhand's own state or policy",
    }
}

fn host_sentence(host: &HostUse, operation: &Operation, around: &Around<'_>) -> Sentence {
    let method = host.method.as_deref().unwrap_or_default();
    let sends = operation.does.contains(Trait::Disclose);
    let asks = matches!(method, "" | "GET" | "HEAD" | "OPTIONS");
    let read = operation.paths.iter().filter(|path| path.access == Access::Read);
    let mut sources: Vec<String> = read.map(|path| shortened(&path.lexical, around.home)).collect();
    if sources.is_empty() {
        sources.clone_from(&around.fed);
    }
    sources.truncate(3);
    let mut text = match (sends, asks) {
        (true, _) if sources.is_empty() => format!("sends data of this machine to {}", host.host),
        (true, _) => format!("sends the content of {} to {}", sources.join(", "), host.host),
        (false, true) if method.is_empty() => format!("connects to {}", host.host),
        (false, true) => format!("requests from {}", host.host),
        (false, false) => format!("sends a request to {}", host.host),
    };
    if let Some(port) = host.port.filter(|port| !is_usual(&host.scheme, *port)) {
        text.push_str(&format!(" at port {port}"));
    }
    if !host.scheme.is_empty() {
        text.push_str(&format!(" over {}", host.scheme));
    }
    if !method.is_empty() {
        text.push_str(&format!(" ({method})"));
    }
    if let Some(class) = class_name(host.class) {
        text.push_str(&format!(" — {class}"));
    }
    let weight =
        if sends || !asks || host.class >= AddressClass::Private { Weight::Grave } else { Weight::Plain };
    Sentence { text, weight }
}

fn is_usual(scheme: &str, port: u16) -> bool {
    matches!((scheme, port), ("http" | "ws", 80) | ("https" | "wss", 443) | ("ftp", 21) | ("ssh", 22))
}

const fn class_name(class: AddressClass) -> Option<&'static str> {
    match class {
        AddressClass::Public | AddressClass::Name => None,
        AddressClass::Loopback => Some("this machine"),
        AddressClass::Private => Some("a private network"),
        AddressClass::LinkLocal => Some("the local link"),
        AddressClass::Reserved => Some("a reserved address"),
        AddressClass::Metadata => Some("the cloud's metadata service, which gives out credentials"),
    }
}

fn statement_sentence(statement: &Statement) -> Sentence {
    let (text, weight) = match statement.class {
        SqlClass::Read => ("reads rows", Weight::Plain),
        SqlClass::Transaction => ("begins or ends a transaction", Weight::Plain),
        SqlClass::Session => ("changes settings of the session", Weight::Change),
        SqlClass::Write => ("writes rows", Weight::Change),
        SqlClass::UnfilteredWrite => ("changes or deletes all rows", Weight::Grave),
        SqlClass::Schema => ("changes the schema", Weight::Grave),
        SqlClass::Privilege => ("changes who may do what", Weight::Grave),
        SqlClass::File => ("reaches files or programs of the server", Weight::Grave),
        SqlClass::Unknown => ("SQL that is not understood", Weight::Unknown),
    };
    let tables = if statement.tables.is_empty() {
        String::new()
    } else {
        format!(" of {}", statement.tables.join(", "))
    };
    let verb = if statement.verb.is_empty() { String::new() } else { format!(" ({})", statement.verb) };
    Sentence { text: format!("{text}{tables}{verb}"), weight }
}

fn trait_sentence(item: Trait) -> Sentence {
    let (text, weight) = match item {
        Trait::ExecuteCode => ("runs code", Weight::Plain),
        Trait::Privilege => ("gains or grants privilege", Weight::Grave),
        Trait::Environment => ("changes the environment of other commands", Weight::Grave),
        Trait::Persist => ("makes something run later", Weight::Grave),
        Trait::Listen => ("accepts connections", Weight::Change),
        Trait::Disclose => ("sends data of this machine elsewhere", Weight::Grave),
        Trait::DestroyDevice => ("destroys a file system or device", Weight::Grave),
        Trait::Power => ("stops or restarts the machine or its services", Weight::Grave),
        Trait::Signal => ("signals other processes", Weight::Change),
        Trait::Install => ("installs software", Weight::Change),
        Trait::Publish => ("publishes for others", Weight::Grave),
        Trait::DiscardWork => ("discards work or rewrites history", Weight::Grave),
        Trait::Infrastructure => ("changes infrastructure outside this machine", Weight::Grave),
        Trait::Network => ("uses the network", Weight::Plain),
        Trait::Force => ("overrides the program's own safety checks", Weight::Change),
        Trait::ControlStayhand => ("changes Stayhand's own decisions", Weight::Grave),
        Trait::Indefinite => {
            ("may touch more than is listed, within what confinement allows", Weight::Change)
        }
        Trait::Reveal => ("shows what was kept from others", Weight::Grave),
        Trait::Exhaust => ("uses up the machine", Weight::Grave),
        Trait::Disguise => ("hides what it does", Weight::Grave),
    };
    Sentence { text: text.to_owned(), weight }
}

const fn unknown(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Program => "not known what runs",
        Aspect::Effects => "not known what it does",
        Aspect::Arguments => "not known with which arguments",
        Aspect::Paths => "not known which files",
        Aspect::Hosts => "not known which hosts",
        Aspect::Statements => "not known what the SQL does",
    }
}
