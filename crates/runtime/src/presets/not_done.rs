//! Why an action was not done, as a value, and in the shapes of A098.

use crate::engine::{EngineError, Held, Refused};
use serde_json::{Value, json};
use stayhand_core::decision::{ApprovalId, Decision, Finding};
use stayhand_core::reason::Reason;

/// Why an action was not done. The sentences are fixed (A098) and tell nothing about the insides of an action (D045).
#[derive(Debug, thiserror::Error)]
pub enum NotDone<E> {
    /// The kill switch is not active.
    #[error("System is stopped")]
    Stopped {
        /// Why it was moved.
        reason: String,
    },
    /// The value is missing or is no amount.
    #[error("Invalid action")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
    /// A limit would be exceeded.
    #[error("Resource limit exceeded")]
    Limit {
        /// Which.
        reason: String,
    },
    /// One anomaly too many in a row: the system is paused now.
    #[error("Anomaly detected - paused")]
    Anomaly {
        /// What is unusual.
        reason: String,
    },
    /// A person must say yes first, or has said no.
    #[error("Approval required")]
    Approval {
        /// What people answer.
        request_id: ApprovalId,
    },
    /// The service keeps failing.
    #[error("Circuit open")]
    Circuit {
        /// Which: `api` or `database`.
        service: String,
    },
    /// Something else of the policy or of the program forbids it.
    #[error("Action refused")]
    Refused {
        /// What.
        reason: String,
    },
    /// It was tried, and failed.
    #[error("{}", failed("failed", *.undone))]
    Failed {
        /// The action's own error. It is for the caller alone.
        error: E,
        /// Whether the undo hook took it back. `None` = there is no hook.
        undone: Option<bool>,
    },
    /// It was tried, and panicked.
    #[error("{}", failed("panicked", *.undone))]
    Panicked {
        /// Whether the undo hook took it back. `None` = there is no hook.
        undone: Option<bool>,
    },
    /// The record could not be written. Whether the action ran is in the record as far as it goes.
    #[error("The action could not be recorded")]
    Engine(#[from] EngineError),
}

fn failed(how: &str, undone: Option<bool>) -> String {
    let more = if undone == Some(false) { " and was not undone" } else { "" };
    format!("Action {how}{more}")
}

/// The codes of a refusal, in the order of A097. What asks a person has no place in it: who is refused is not asked.
const ORDER: &[Reason] = &[
    Reason::SystemKilled,
    Reason::SystemPaused,
    Reason::Locked,
    Reason::InvalidInput,
    Reason::LimitExceeded,
    Reason::AnomalyAlert,
    Reason::ApprovalRejected,
    Reason::ApprovalExpired,
    Reason::CircuitOpen,
];

impl<E> NotDone<E> {
    pub(super) fn held(held: &Held) -> Self {
        Self::Approval { request_id: held.approval }
    }

    pub(super) fn refused(refused: &Refused) -> Self {
        let decision = &refused.decision;
        let Some(found) = first(decision) else {
            return Self::Refused { reason: "nothing allows it".to_owned() };
        };
        let reason = found.because.as_deref().map_or_else(|| found.message(), str::to_owned);
        match (found.reason, decision.approval) {
            (Reason::SystemKilled | Reason::SystemPaused | Reason::Locked, _) => Self::Stopped { reason },
            (Reason::InvalidInput, _) => Self::Invalid { reason: found.message() },
            (Reason::LimitExceeded, _) => Self::Limit { reason },
            (Reason::AnomalyAlert, _) => {
                let unusual = reason.strip_prefix("Anomaly detected: ").unwrap_or(&reason);
                Self::Anomaly { reason: unusual.to_owned() }
            }
            (Reason::ApprovalRejected | Reason::ApprovalExpired, Some(request_id)) => {
                Self::Approval { request_id }
            }
            (Reason::CircuitOpen, _) => {
                Self::Circuit { service: found.subject.as_deref().unwrap_or_default().to_owned() }
            }
            _ => Self::Refused { reason: found.message() },
        }
    }

    /// The answer as A098 words it.
    pub fn to_value(&self) -> Value {
        let error = self.to_string();
        match self {
            Self::Stopped { reason }
            | Self::Invalid { reason }
            | Self::Limit { reason }
            | Self::Anomaly { reason }
            | Self::Refused { reason } => json!({ "error": error, "reason": reason }),
            Self::Approval { request_id } => json!({ "error": error, "request_id": request_id.to_string() }),
            Self::Circuit { service } => json!({ "error": error, "service": service }),
            Self::Failed { .. } | Self::Panicked { .. } | Self::Engine(_) => json!({ "error": error }),
        }
    }
}

/// The finding that is reported: among those that refuse, the first in the order of A097.
fn first(decision: &Decision) -> Option<&Finding> {
    let rank = |found: &Finding| ORDER.iter().position(|code| *code == found.reason).unwrap_or(ORDER.len());
    let refusing = decision.findings.iter().filter(|found| found.effect == decision.effect);
    refusing.min_by_key(|found| rank(found))
}
