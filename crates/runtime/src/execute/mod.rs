//! Executors: what a permit may be turned into. A closed set of operations, each with its limits.

mod confine;
mod contained;
mod container;
mod fetch;
mod file;
mod gate;
mod growth;
mod local;
mod process;
mod room;
mod scope;
mod stop;
mod streams;
mod terminal;
mod usage;

use crate::permit::Permit;
use crate::review::Kept;
pub(crate) use contained::Contained;
pub(crate) use container::InContainer;
pub use container::{Container, ContainerEnd, Containers, Spoken};
pub use local::{Local, LocalSettings};
pub(crate) use process::{end_group, start_notifier};
use stayhand_analysis::{provenance, secret};
use stayhand_core::control::money::Money;
use stayhand_core::decision::{Level, Obligation, Resource};
use stayhand_core::digest::Digest;
use stayhand_core::event::{Outcome, Traffic, Usage};
use stayhand_core::facts::Facts;
use stayhand_core::policy::Policy;
use stayhand_core::policy::boundary::PathLists;
use stayhand_core::policy::sandbox::SandboxGrants;
use stayhand_core::reason::Reason;
use stayhand_core::request::Request;
use stayhand_core::untrusted::{MAX_PASSAGES, Passage};
use stayhand_sandbox::{Ended, Failure, Receipt, Starting};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::PipeReader;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;
pub use stop::Stop;
pub use terminal::{Attendant, StatusPlace, Terminal};

/// Runs permitted work.
pub trait Executor {
    /// The strongest confinement that this executor can try. Work for which it does not come up to the level that a
    /// permit demands is not started.
    fn level(&self) -> Level;

    /// Whether it ends what goes over a limit on this resource. Where it does not, such work is not started.
    fn watches(&self, _: Resource) -> bool {
        false
    }

    /// Whether what programs change under it can be taken back.
    fn makes_restore_points(&self) -> bool {
        false
    }

    /// Does the work. It is called once for a permit, after the last check.
    fn run(&self, work: &Work<'_>) -> (Outcome, Effected);
}

/// Permitted work.
#[derive(Debug)]
pub struct Work<'a> {
    /// The full request.
    pub request: &'a Request,
    /// What was observed when it was decided.
    pub facts: &'a Facts,
    /// The wall-clock limit, if the policy sets one.
    pub limit: Option<Duration>,
    /// The least limit on each resource that has one, in its unit. Only those that the executor watches are here.
    pub resources: Vec<(Resource, u64)>,
    /// The least level at which a program may be confined.
    pub confine: Level,
    /// The path boundaries of the policy, for a sandbox to keep.
    pub paths: Vec<PathLists>,
    /// What the policy grants to programs in a sandbox.
    pub sandbox: SandboxGrants,
    /// The decision that permitted it.
    pub decision: u64,
    /// Whether what it changes has to be such that it can be taken back.
    pub restore_point: bool,
    /// Asked to stop when the kill switch is pulled.
    pub stop: &'a Stop,
}

impl<'a> Work<'a> {
    pub(crate) fn new(permit: &'a Permit, policy: &Policy, stop: &'a Stop) -> Self {
        let limits = permit.obligations.iter().filter_map(|duty| match duty {
            Obligation::TimeLimit { limit_ms: limit }
            | Obligation::Limit { resource: Resource::TotalTimeMs, limit } => {
                Some(Duration::from_millis(*limit))
            }
            _ => None,
        });
        let mut resources = BTreeMap::new();
        for duty in &permit.obligations {
            if let Obligation::Limit { resource, limit } = *duty
                && resource != Resource::TotalTimeMs
            {
                resources
                    .entry(resource)
                    .and_modify(|least: &mut u64| *least = limit.min(*least))
                    .or_insert(limit);
            }
        }
        let levels = permit.obligations.iter().filter_map(|duty| match duty {
            Obligation::Confine { least } => Some(*least),
            _ => None,
        });
        Self {
            request: &permit.request,
            facts: &permit.facts,
            limit: limits.min(),
            resources: resources.into_iter().collect(),
            confine: levels.max().unwrap_or(Level::None),
            paths: policy.path_lists().cloned().collect(),
            sandbox: policy.sandbox().clone(),
            decision: permit.decision,
            restore_point: permit.obligations.contains(&Obligation::RestorePoint),
            stop,
        }
    }

    /// The argument `name`, if it is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.request.resource.0.get(name)?.as_str()
    }
}

/// What an execution gave. Secrets in it are replaced; the digest is over the full bytes.
#[derive(Debug, Default)]
pub struct Effected {
    /// Standard output, a file's content, a response's body, a listing.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// Where the answer points to: the target of an HTTP redirect. It was not followed.
    pub redirect: Option<String>,
    /// What it cost, where that was measured.
    pub cost: Option<Money>,
    /// The tokens it used, where they are known.
    pub usage: Option<Usage>,
    /// What it carried, where it was a connection.
    pub traffic: Option<Traffic>,
    /// The boundary that it ran in, where it was confined.
    pub boundary: Option<Receipt>,
    /// How it ended inside, and what it used.
    pub ended: Option<Ended>,
    /// What it changed and is kept aside, because a restore point was wanted.
    pub kept: Option<Kept>,
    /// Why the workspace could not be laid over, for which nothing was started.
    unlaid: Option<Failure>,
    digest: Option<Digest>,
}

impl Effected {
    /// Takes over what was collected.
    pub fn collect(output: &[u8], errors: &[u8]) -> Self {
        let readable = |bytes: &[u8]| secret::redact(&String::from_utf8_lossy(bytes)).into_owned();
        Self {
            output: readable(output),
            errors: readable(errors),
            redirect: None,
            cost: None,
            usage: None,
            traffic: None,
            boundary: None,
            ended: None,
            kept: None,
            unlaid: None,
            digest: Some(Digest::of_parts(&[output, errors])),
        }
    }

    /// What an execution gave that is known by its cost alone.
    pub fn spent(cost: Option<Money>, usage: Option<Usage>) -> Self {
        Self { cost, usage, ..Self::default() }
    }

    /// What a connection carried, and nothing of what that was.
    pub fn carried(traffic: Traffic) -> Self {
        Self { traffic: Some(traffic), ..Self::default() }
    }

    /// Passages of what was collected that read like instructions to the agent.
    pub(crate) fn tainted(&self) -> Vec<Passage> {
        let mut found = provenance::tainted(&self.output);
        found.extend(provenance::tainted(&self.errors));
        found.truncate(MAX_PASSAGES);
        found
    }

    /// The digest of the collected bytes, if any were collected.
    pub const fn digest(&self) -> Option<Digest> {
        self.digest
    }
}

/// What becomes of what programs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// It is collected up to a cap, with secrets replaced.
    Collect,
    /// It goes where this program's own output goes, as it is. The program itself gets no hold of a terminal.
    PassOn,
}

/// Somebody who is asked about the programs that start inside of a sandbox.
pub trait Ask: std::fmt::Debug + Send + Sync {
    /// Whether this one may start. The level is one that its sandbox reaches at least.
    fn may_start(&self, starting: &Starting, level: Level) -> bool;
}

/// Whoever carries connections out of a sandbox. Without one there is no way out.
pub trait Egress: std::fmt::Debug + Send + Sync {
    /// Carries what connects to `inside`, a socket in the network of the sandbox, until `over` is at its end: then
    /// nothing inside runs any more. If it ends before, so does the program.
    fn serve(&self, inside: TcpListener, over: PipeReader);

    /// A file of the certificates that programs inside have to believe, if those of the system are not all.
    fn believed(&self) -> Option<&Path> {
        None
    }
}

fn not_started(why: impl Display) -> (Outcome, Effected) {
    (Outcome::Abandoned { why: unfulfilled(why) }, Effected::default())
}

/// Why something that was permitted is not started.
pub(crate) fn unfulfilled(duty: impl Display) -> String {
    format!("{}: {duty}", Reason::ObligationUnfulfilled.code())
}

fn argv(request: &Request) -> Option<Vec<String>> {
    let words = request.resource.0.get("argv")?.as_array()?;
    words.iter().map(|word| word.as_str().map(str::to_owned)).collect()
}

fn missing(field: &str) -> (Outcome, Effected) {
    failed(format!("`{field}` is missing"))
}

pub(crate) fn failed(error: impl Into<String>) -> (Outcome, Effected) {
    (Outcome::Failed { error: error.into() }, Effected::default())
}
