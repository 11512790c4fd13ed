//! What happened: the only history there is. State is the fold of these over the log.

use crate::decision::{ApprovalId, Decision, PolicyId};
use crate::digest::Digest;
use crate::facts::Facts;
use crate::request::Request;
use crate::time::Timestamp;
use crate::untrusted::Passage;
use serde::{Deserialize, Serialize};

/// The version of the logged form. A log with a newer version is refused.
pub const EVENT_VERSION: u32 = 1;

/// One fact of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A policy came into force.
    PolicyLoaded(PolicyLoaded),
    /// A request was decided.
    Decided(Box<Decided>),
    /// A person answered an approval.
    ApprovalResolved(ApprovalResolved),
    /// A permitted action ended.
    Settled(Settled),
    /// A decision without settlement was found after a crash. It is never run again by itself.
    InDoubt(InDoubt),
}

/// A policy came into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLoaded {
    /// The policy's digest.
    pub policy: PolicyId,
    /// Where it came from: pack names and files, in order of layers.
    pub sources: Vec<String>,
    /// The program's version.
    pub program: String,
}

/// A request was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// The request, secrets replaced.
    pub request: Request,
    /// The digest of the full request.
    pub request_digest: Digest,
    /// What was observed.
    pub facts: Facts,
    /// The policy that decided.
    pub policy: PolicyId,
    /// The answer.
    pub decision: Decision,
    /// When the approval this decision asks for turns into a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The engine that decided: a random number each engine draws when it starts. A permit dies with it.
    pub engine: u64,
    /// Decided only: nobody will execute it (`check --record`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry: bool,
}

/// A person answered an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalResolved {
    /// Which approval.
    pub approval: ApprovalId,
    /// Who answered.
    pub by: String,
    /// Yes or no.
    pub grant: bool,
    /// The person's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// A permitted action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The sequence number of the decision.
    pub decision: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Measured wall-clock microseconds.
    pub duration_us: u64,
    /// Measured cost in nano-dollars, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_nanousd: Option<u64>,
    /// The level of confinement that was in force.
    pub confined: crate::decision::Level,
    /// Digest of the output that was collected, before redaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Digest>,
    /// Passages of the output that read like instructions to the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tainted: Vec<Passage>,
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// A program ended with this code.
    Exit {
        /// The exit code.
        code: i32,
    },
    /// A program was ended by this signal.
    Signal {
        /// The signal's number.
        number: i32,
    },
    /// A limit stopped it.
    Stopped {
        /// Which limit.
        limit: String,
    },
    /// It failed.
    Failed {
        /// Why, in plain words.
        error: String,
    },
    /// It was never started (the permit expired, a duty could not be fulfilled).
    Abandoned {
        /// Why, in plain words.
        why: String,
    },
}

impl Outcome {
    /// Whether it ended well.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Done | Self::Exit { code: 0 })
    }
}

/// A decision without settlement, found after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubt {
    /// The sequence number of the decision.
    pub decision: u64,
}

impl Event {
    /// The name of the kind, as in the log.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PolicyLoaded(_) => "policy_loaded",
            Self::Decided(_) => "decided",
            Self::ApprovalResolved(_) => "approval_resolved",
            Self::Settled(_) => "settled",
            Self::InDoubt(_) => "in_doubt",
        }
    }
}

/// An event and its place in the log. This is what is stored, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`EVENT_VERSION`] of the writer.
    pub v: u32,
    /// The place: 0, 1, 2, …; also the leaf's index in the Merkle tree.
    pub seq: u64,
    /// When. Never before the record in front.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}
