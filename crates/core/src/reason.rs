//! The stable reason codes: one table for the program, the log and the documents.

use crate::risk::Risk;
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+) => {
        /// Why a guard answered as it did. Codes are stable: they are never renamed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $variant,)+
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What the code means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

reasons! {
    /// A rule allows the action.
    RuleAllow = "rule_allow",
    /// A rule wants a person's approval.
    RuleApprove = "rule_approve",
    /// A rule refuses the action.
    RuleDeny = "rule_deny",
    /// A rule wants a warning.
    RuleWarn = "rule_warn",
    /// A rule wants an audit entry.
    RuleAudit = "rule_audit",
    /// A rule could not be decided because part of the action is unknown.
    RuleUndecided = "rule_undecided",
    /// No rule allows the action.
    NoRuleAllows = "no_rule_allows",
    /// A person has approved exactly this request.
    ApprovalGranted = "approval_granted",
    /// The action needs approval, and nobody can be asked.
    ApprovalUnavailable = "approval_unavailable",
    /// A person has refused the request.
    ApprovalRejected = "approval_rejected",
    /// The approval was not given in time.
    ApprovalExpired = "approval_expired",
    /// An action policy lists the action.
    ActionAllow = "action_allow",
    /// The action policy wants approval.
    ActionApproval = "action_approval",
    /// The action is not in the list of approved actions.
    UnknownAction = "unknown_action",
    /// The tool is not one that the policy knows.
    UnknownTool = "unknown_tool",
    /// The action's rate limit is used up.
    RateLimitExceeded = "rate_limit_exceeded",
    /// The declared cost is above the action's limit.
    CostLimitExceeded = "cost_limit_exceeded",
    /// A cost limit applies, and no cost is declared.
    CostMissing = "cost_missing",
    /// A forbidden pattern occurs in an argument.
    ForbiddenPattern = "forbidden_pattern",
    /// A path is outside the action's allowed resources.
    ResourceAccessDenied = "resource_access_denied",
    /// The input is malformed: wrong type, out of range, NUL bytes.
    InvalidInput = "invalid_input",
    /// A path matches a blocked pattern.
    PathBlocked = "path_blocked",
    /// A path is outside the boundary.
    PathNotAllowed = "path_not_allowed",
    /// A path is Stayhand's own state or policy, which no agent may change.
    StayhandProtected = "stayhand_protected",
    /// The action would change Stayhand's own decisions.
    StayhandControl = "stayhand_control",
    /// The boundary applies, and the touched paths could not be determined.
    PathUnknown = "path_unknown",
    /// A private, loopback or link-local address.
    PrivateAddress = "private_address",
    /// A cloud metadata service.
    MetadataAddress = "metadata_address",
    /// A host is blocked.
    HostBlocked = "host_blocked",
    /// A host is outside the boundary.
    HostNotAllowed = "host_not_allowed",
    /// A port is blocked.
    PortBlocked = "port_blocked",
    /// A port is outside the boundary.
    PortNotAllowed = "port_not_allowed",
    /// The boundary applies, and the contacted hosts could not be determined.
    HostUnknown = "host_unknown",
    /// A kind of SQL statement is refused.
    SqlRefused = "sql_refused",
    /// A kind of SQL statement wants approval.
    SqlApproval = "sql_approval",
    /// The SQL could not be understood.
    SqlUnknown = "sql_unknown",
    /// SQL in a value that is declared to be data.
    SqlInjection = "sql_injection",
    /// A secret would leave this machine.
    SecretOutgoing = "secret_outgoing",
    /// An argument comes from untrusted content, and nobody else named it.
    UntrustedArgument = "untrusted_argument",
    /// The action does what untrusted content orders, and nobody else asked for it.
    UntrustedInstruction = "untrusted_instruction",
    /// Private data was read and untrusted content was seen in this session, and this is a way out.
    PrivateDataWayOut = "private_data_way_out",
    /// The time is outside the boundary.
    OutsideHours = "outside_hours",
    /// What the agent says is in none of its sources.
    Hallucination = "hallucination",
    /// The agent does the same again and again.
    InfiniteLoop = "infinite_loop",
    /// A failure spreads from agent to agent.
    CascadeFailure = "cascade_failure",
    /// The arguments do not fit the tool.
    ToolMisuse = "tool_misuse",
    /// The agent has lost its goal, its step, or what it has done.
    ContextLoss = "context_loss",
    /// The agent's own check of its reasoning failed.
    ReasoningError = "reasoning_error",
    /// Tokens or money are nearly used up.
    ResourceExhaustion = "resource_exhaustion",
    /// Several of the agent's actions were refused within a short time.
    SecurityViolation = "security_violation",
    /// What was written is not what is there.
    DataCorruption = "data_corruption",
    /// The agent behaves differently from before.
    Drift = "drift",
    /// A duty attached to the permit could not be fulfilled.
    ObligationUnfulfilled = "obligation_unfulfilled",
    /// The permit is too old, or the request changed after the decision.
    PermitInvalid = "permit_invalid",
    /// The decision could not be recorded, so nothing may happen.
    RecordFailed = "record_failed",
    /// Stayhand itself failed while deciding.
    InternalError = "internal_error",
    /// A person, or a control, has stopped everything; a person must re-arm it.
    SystemKilled = "system_killed",
    /// A person, or a control, has paused everything; a person must resume it.
    SystemPaused = "system_paused",
    /// A safety lock is on; only a person takes it off.
    Locked = "locked",
    /// A limit would be exceeded.
    LimitExceeded = "limit_exceeded",
    /// A budget would be exceeded.
    BudgetExceeded = "budget_exceeded",
    /// The model has no price, and what it costs is not known.
    UnknownModel = "unknown_model",
    /// The action is unlike what this agent usually does.
    AnomalyFound = "anomaly_found",
    /// So many unusual actions have come in a row that the agent is stopped.
    AnomalyAlert = "anomaly_alert",
    /// The action does not fit a rule of business.
    BusinessRule = "business_rule",
    /// Too many agents, sessions, tools, tasks or questions are remembered for one more; to forget one could allow more.
    StateFull = "state_full",
    /// The agent does so badly that it is locked.
    TierLock = "tier_lock",
    /// The agent has repaired by itself as often as its tier allows.
    RemediationLimit = "remediation_limit",
    /// What keeps failing is left alone for a while, or a person isolated it.
    CircuitOpen = "circuit_open",
    /// No policy is loaded.
    NoPolicy = "no_policy",
}

impl Reason {
    /// How severe it is when an action is refused for this reason. Sources: A201 to A206; what would
    /// reach keys to other machines or Stayhand itself is as severe as a forbidden pattern.
    pub const fn severity(self) -> Risk {
        match self {
            Self::ForbiddenPattern
            | Self::StayhandProtected
            | Self::StayhandControl
            | Self::MetadataAddress => Risk::Critical,
            _ => Risk::High,
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
