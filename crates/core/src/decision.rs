//! The answer: effects, findings, obligations.

use crate::control::Consequence;
use crate::control::ledger::Spend;
use crate::digest::Digest;
use crate::reason::Reason;
use crate::risk::Risk;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What a guard wants. Ordered: the strictest finding wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The action may run.
    Allow,
    /// The action may run once a person has approved it.
    Approve,
    /// The action may not run.
    Deny,
    /// The action may not run, and its agent is locked.
    Lock,
}

impl Effect {
    /// The name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Lock => "lock",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a rule comes from. Later layers are trusted less: a project's or session's file can
/// tighten and never loosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A pack shipped inside the binary.
    BuiltIn,
    /// The organisation's file.
    Organisation,
    /// The user's file, or files named on the command line.
    User,
    /// The project's file, which the agent may have written.
    Project,
    /// Rules for one session.
    Session,
}

impl Layer {
    /// Whether this layer's allow rules count.
    pub const fn may_allow(self) -> bool {
        matches!(self, Self::BuiltIn | Self::Organisation | Self::User)
    }

    /// The name, as in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Organisation => "organisation",
            Self::User => "user",
            Self::Project => "project",
            Self::Session => "session",
        }
    }
}

/// The guards, in the order in which their findings are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardName {
    /// The kill switch.
    Switch,
    /// The safety lock.
    Lock,
    /// Whether there is room to remember one more name.
    Room,
    /// Is the tool or action known?
    UnknownTool,
    /// Action policies: cost, patterns, resources, approval.
    Action,
    /// Is the input well formed?
    Input,
    /// Policy rules.
    Rules,
    /// The path boundary and protected places.
    Path,
    /// The network boundary.
    Network,
    /// SQL statements.
    Sql,
    /// Secrets that would leave.
    Secret,
    /// Untrusted content: who asked for this action?
    Untrusted,
    /// The time boundary.
    Time,
    /// Limits over time.
    Limit,
    /// What it costs, and the budgets.
    Budget,
    /// What is unlike what the agent usually does.
    Anomaly,
    /// Signs of failure in the history of sessions.
    Failure,
    /// Rules of business.
    Business,
    /// How well the agent does.
    Tier,
    /// Circuit breakers.
    Breaker,
    /// Approvals given, refused or expired.
    Approval,
    /// The runtime: recording, permits, obligations.
    Runtime,
}

impl GuardName {
    /// The name, as in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Lock => "lock",
            Self::Room => "room",
            Self::UnknownTool => "unknown_tool",
            Self::Action => "action",
            Self::Input => "input",
            Self::Rules => "rules",
            Self::Path => "path",
            Self::Network => "network",
            Self::Sql => "sql",
            Self::Secret => "secret",
            Self::Untrusted => "untrusted",
            Self::Time => "time",
            Self::Limit => "limit",
            Self::Budget => "budget",
            Self::Anomaly => "anomaly",
            Self::Failure => "failure",
            Self::Business => "business",
            Self::Tier => "tier",
            Self::Breaker => "breaker",
            Self::Approval => "approval",
            Self::Runtime => "runtime",
        }
    }
}

/// A guard's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which guard.
    pub guard: GuardName,
    /// The stable reason code.
    pub reason: Reason,
    /// The name of the rule, action policy or boundary, where one decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    /// What the guard wants.
    pub effect: Effect,
    /// What it is about: a path, a host, a parameter, a tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
    /// Why, in the words of the policy's author or of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Arc<str>>,
}

impl Finding {
    /// A finding without rule, subject or explanation.
    pub const fn new(guard: GuardName, reason: Reason, effect: Effect) -> Self {
        Self { guard, reason, rule: None, effect, subject: None, because: None }
    }

    /// Names the rule.
    #[must_use]
    pub fn rule(self, rule: &Arc<str>) -> Self {
        self.named(Some(rule))
    }

    /// Names what decided, if it has a name.
    #[must_use]
    pub fn named(mut self, name: Option<&Arc<str>>) -> Self {
        self.rule = name.cloned();
        self
    }

    /// Names what the finding is about.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<Arc<str>>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Adds an explanation.
    #[must_use]
    pub fn because(mut self, because: impl Into<Arc<str>>) -> Self {
        self.because = Some(because.into());
        self
    }

    /// The finding in one sentence for people.
    pub fn message(&self) -> String {
        let subject = self.subject.as_deref().unwrap_or_default();
        let rule = self.rule.as_deref().unwrap_or_default();
        // The sentence of a budget is complete, and its words are fixed (A270).
        if let (Reason::BudgetExceeded, Some(sentence)) = (self.reason, self.because.as_deref()) {
            return sentence.to_owned();
        }
        let text = match self.reason {
            Reason::UnknownAction => "Unknown action type - blocked for safety".to_owned(),
            Reason::UnknownTool => format!("The policy does not know the tool `{subject}`"),
            Reason::RateLimitExceeded => format!("Rate limit exceeded for {rule}"),
            Reason::CostLimitExceeded => format!("Cost limit exceeded for {rule}"),
            Reason::CostMissing => format!("{rule} has a cost limit, and no cost was declared"),
            Reason::ForbiddenPattern => format!("Forbidden pattern detected in {subject}"),
            Reason::ResourceAccessDenied => format!("Access denied to resource: {subject}"),
            Reason::InvalidInput => format!("Invalid input in `{subject}`"),
            Reason::PathBlocked if self.because.is_none() => "Path matches blocked pattern".to_owned(),
            Reason::PathBlocked => format!("Path is under blocked directory: {subject}"),
            Reason::PathNotAllowed => format!("Path not in allowed list: {subject}"),
            Reason::PrivateAddress => format!("Private IP addresses are not allowed: {subject}"),
            Reason::HostBlocked => format!("Host is blocked: {subject}"),
            Reason::HostNotAllowed => format!("Host not in allowed list: {subject}"),
            Reason::PortBlocked => format!("Port {subject} is blocked"),
            Reason::PortNotAllowed => format!("Port not in allowed list: {subject}"),
            other if subject.is_empty() => return self.with_because(other.meaning()),
            other => format!("{} ({subject})", other.meaning().trim_end_matches('.')),
        };
        self.with_because(&text)
    }

    fn with_because(&self, text: &str) -> String {
        let text = text.trim();
        match self.because.as_deref() {
            // The author's own words replace the table's sentence.
            Some(words) if matches!(self.guard, GuardName::Rules) && self.reason != Reason::RuleUndecided => {
                words.to_owned()
            }
            // The detectors' sentences are whole.
            Some(words) if self.guard == GuardName::Failure => words.to_owned(),
            Some(_) if self.guard == GuardName::Action && self.reason != Reason::RuleUndecided => {
                text.to_owned()
            }
            Some(words) => format!("{}: {words}", text.trim_end_matches('.')),
            None => text.to_owned(),
        }
    }
}

/// How strongly a process must be confined. Ordered.
#[derive(
    Debug,
    Default,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is confined.
    #[default]
    None,
    /// A container of an engine that can itself do whatever root can.
    #[serde(alias = "OCI")]
    Oci,
    /// Landlock and a system-call filter.
    #[serde(alias = "L1")]
    L1,
    /// Namespaces, Landlock and a system-call filter.
    #[serde(alias = "L2")]
    L2,
    /// L2 and a control group.
    #[serde(alias = "L3")]
    L3,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Oci => "OCI",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
        })
    }
}

/// A duty attached to a permit. A duty that cannot be fulfilled turns the permit into a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obligation {
    /// Run at this level of confinement or a stronger one.
    Confine {
        /// The least acceptable level.
        least: Level,
    },
    /// Interrupt after this long.
    TimeLimit {
        /// Wall-clock milliseconds.
        limit_ms: u64,
    },
    /// Replace secrets in the output.
    Redact,
    /// Tell the people in charge.
    Warn {
        /// The rule that wants it.
        rule: Arc<str>,
    },
    /// Keep an audit entry of its own.
    Audit {
        /// The rule that wants it.
        rule: Arc<str>,
    },
    /// Make a restore point first.
    RestorePoint,
    /// Stay under a limit on a resource.
    Limit {
        /// Which resource.
        resource: Resource,
        /// The most that may be used, in the unit of the resource.
        limit: u64,
    },
}

/// A resource that a boundary limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Mebibytes of memory.
    MemoryMb,
    /// Percent of one processor.
    CpuPercent,
    /// Open files.
    OpenFiles,
    /// Executed operations of the session. A duty in old records only: a guard counts them.
    Operations,
    /// Mebibytes that the connections of one sandbox carry, out and in.
    NetworkMb,
    /// Milliseconds that are left of what the actions of the session may run in total: reserved for this one.
    TotalTimeMs,
    /// Mebibytes by which what lies in the workspace grows while one program runs.
    DiskMb,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The strictest effect of all findings; [`Effect::Deny`] if nothing allows.
    pub effect: Effect,
    /// Every finding, in the order of the guards.
    pub findings: Vec<Finding>,
    /// The duties that come with a permit: a set, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<Obligation>,
    /// What the decision brings about besides its answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<Consequence>,
    /// What the action may spend at most: reserved when it is permitted, trued up when it ends.
    #[serde(default, skip_serializing_if = "Spend::is_none")]
    pub spend: Spend,
    /// How many people must say yes, where the action is held.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub approvers: u8,
    /// How risky the action is.
    pub risk: Risk,
    /// The approval this decision used (allowed), waits for (held) or was refused by (denied).
    /// Held without one = this decision asks for a new approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
}

const fn one() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_one(approvers: &u8) -> bool {
    *approvers == 1
}

impl Decision {
    /// A refusal with one finding.
    pub fn refuse(finding: Finding) -> Self {
        Self {
            effect: Effect::Deny,
            findings: vec![finding],
            obligations: Vec::new(),
            consequences: Vec::new(),
            spend: Spend::NONE,
            approvers: 1,
            risk: Risk::Critical,
            approval: None,
        }
    }

    /// The limit on a resource that comes with a permit, in its unit.
    pub fn limit_on(&self, wanted: Resource) -> Option<u64> {
        self.obligations.iter().find_map(|duty| match duty {
            Obligation::Limit { resource, limit } if *resource == wanted => Some(*limit),
            _ => None,
        })
    }

    /// Why, in a line for people: the reason in words, and its code.
    pub fn why(&self) -> String {
        let Some(finding) = self.headline() else { return "nothing allows it".to_owned() };
        let because = finding.because.as_deref().unwrap_or_else(|| finding.reason.meaning());
        format!("{because} [{}]", finding.reason.code())
    }

    /// The finding that decided: the first one, in the order of the guards, among the strictest.
    pub fn headline(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.effect == self.effect)
    }
}

/// Names one approval: derived from the decision it belongs to, unique in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(
    /// The sequence number of the decision that asked.
    pub u64,
);

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A{}", self.0)
    }
}

impl std::str::FromStr for ApprovalId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim_start_matches(['A', 'a'])
            .parse()
            .map(Self)
            .map_err(|_| format!("`{text}` is not an approval id (they look like A17)"))
    }
}

/// The name of a policy: the digest of its compiled sources.
pub type PolicyId = Digest;
