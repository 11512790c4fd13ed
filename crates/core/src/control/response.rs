//! What a policy wants to happen when a control finds something.

use super::Act;
use crate::decision::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// The action runs, with a warning.
    Warn,
    /// A person is asked.
    Approve,
    /// The action is refused.
    Deny,
    /// The action is refused and the agent is locked: it may look, and changes nothing.
    Isolate,
    /// The action is refused and the agent is paused.
    Pause,
    /// The action is refused and the agent is killed.
    Kill,
}

impl Response {
    /// What a finding wants.
    pub const fn effect(self) -> Effect {
        match self {
            Self::Warn => Effect::Allow,
            Self::Approve => Effect::Approve,
            Self::Deny | Self::Pause | Self::Kill => Effect::Deny,
            Self::Isolate => Effect::Lock,
        }
    }

    /// What happens to the agent besides.
    pub const fn act(self) -> Option<Act> {
        match self {
            Self::Isolate => Some(Act::Lock),
            Self::Pause => Some(Act::Pause),
            Self::Kill => Some(Act::Kill),
            Self::Warn | Self::Approve | Self::Deny => None,
        }
    }
}
