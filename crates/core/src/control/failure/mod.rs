//! Failure modes: what goes wrong with agents, seen from the record of what they did.
//!
//! - [`pattern`]: loops of actions, by their fingerprints ([`act`]) and results ([`step`]);
//! - [`history`]: what is remembered of one agent's session: steps, failed attempts, what was spent without progress;
//! - [`misuse`] and [`schema`]: arguments that do not fit the tool;
//! - [`exhaustion`]: resources that are nearly used up;
//! - [`cascade`]: failures that spread from agent to agent;
//! - [`context`]: an agent that has lost its thread;
//! - [`grounding`]: claims that no source supports;
//! - [`incident`]: what was found, in numbers;
//! - [`checkpoint`]: contexts that were saved.
//!
//! The detectors only look. What happens when they find something is written in the policy ([`watch`]); what they look at
//! is folded from the log ([`failures`]). Another guard that sees a mode of failure, as drift, says so with the mode's
//! reason code, and has its incident.

pub mod act;
pub mod cascade;
pub mod checkpoint;
pub mod context;
pub mod exhaustion;
pub mod failures;
pub mod grounding;
pub mod history;
pub mod incident;
pub mod misuse;
pub mod pattern;
pub mod schema;
pub mod step;
pub mod watch;

use crate::reason::Reason;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How an agent fails. Source: A266.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureMode {
    /// It says what no source supports.
    Hallucination,
    /// It does the same again and again.
    InfiniteLoop,
    /// Its failure spreads to others.
    CascadeFailure,
    /// It calls tools with arguments that do not fit.
    ToolMisuse,
    /// It has lost its goal, its step, or what it has done.
    ContextLoss,
    /// Its own check of its reasoning failed.
    ReasoningError,
    /// Tokens or money are nearly used up.
    ResourceExhaustion,
    /// Several of its actions were refused for the sake of security.
    SecurityViolation,
    /// What it wrote is not what is there.
    DataCorruption,
    /// It behaves differently from before.
    Drift,
}

impl FailureMode {
    /// Every mode, in the order of A266.
    pub const ALL: &[Self] = &[
        Self::Hallucination,
        Self::InfiniteLoop,
        Self::CascadeFailure,
        Self::ToolMisuse,
        Self::ContextLoss,
        Self::ReasoningError,
        Self::ResourceExhaustion,
        Self::SecurityViolation,
        Self::DataCorruption,
        Self::Drift,
    ];

    /// The name, as in the log.
    pub const fn name(self) -> &'static str {
        self.reason().code()
    }

    /// The reason code of findings about this mode: it has the mode's name.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Hallucination => Reason::Hallucination,
            Self::InfiniteLoop => Reason::InfiniteLoop,
            Self::CascadeFailure => Reason::CascadeFailure,
            Self::ToolMisuse => Reason::ToolMisuse,
            Self::ContextLoss => Reason::ContextLoss,
            Self::ReasoningError => Reason::ReasoningError,
            Self::ResourceExhaustion => Reason::ResourceExhaustion,
            Self::SecurityViolation => Reason::SecurityViolation,
            Self::DataCorruption => Reason::DataCorruption,
            Self::Drift => Reason::Drift,
        }
    }

    /// The mode that a reason code stands for, if it stands for one.
    pub fn of(reason: Reason) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.reason() == reason)
    }
}

impl fmt::Display for FailureMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A266: ten modes, whose names are those of the requirement, in the log and as reason codes.
    #[test]
    fn a266_ten_modes() {
        let names: Vec<_> = FailureMode::ALL.iter().map(|mode| mode.name()).collect();
        let expected = "hallucination infinite_loop cascade_failure tool_misuse context_loss reasoning_error \
                        resource_exhaustion security_violation data_corruption drift";
        assert_eq!(names.join(" "), expected);
        for mode in FailureMode::ALL {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
            assert_eq!(FailureMode::of(mode.reason()), Some(*mode));
        }
    }
}
