//! Violations: what the refusals of the log were about, as a list that can be filtered.

use crate::decision::Effect;
use crate::event::{Event, Record};
use crate::reason::Reason;
use crate::risk::Risk;
use crate::time::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// One finding that refused an action. Secrets were replaced before it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// When the action was decided.
    pub timestamp: Timestamp,
    /// The agent that asked.
    pub agent_id: String,
    /// The action it asked for.
    pub action: String,
    /// The reason code, as in `rate_limit_exceeded`.
    pub violation_type: Reason,
    /// How severe it is.
    pub severity: Risk,
    /// What it was about: a path, a host, a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Arc<str>>,
    /// Whether the action was refused.
    pub blocked: bool,
    /// Why, in words.
    pub reason: String,
}

/// Which violations are wanted. Everything that is given must hold (A209).
#[derive(Debug, Clone, Default)]
pub struct ViolationFilter {
    /// Of this agent.
    pub agent: Option<String>,
    /// Of exactly this severity.
    pub severity: Option<Risk>,
    /// From this moment on, the moment included.
    pub since: Option<Timestamp>,
}

impl Violation {
    /// The violations of one record: none, unless it is a refusal.
    pub fn of(record: &Record) -> Vec<Self> {
        let Event::Decided(decided) = &record.event else { return Vec::new() };
        let decision = &decided.decision;
        let refusing = decision.findings.iter().filter(|finding| finding.effect >= Effect::Deny);
        refusing
            .map(|finding| Self {
                timestamp: record.at,
                agent_id: decided.request.principal.agent.clone(),
                action: decided.request.action.0.clone(),
                violation_type: finding.reason,
                severity: finding.reason.severity(),
                details: finding.subject.clone(),
                blocked: decision.effect >= Effect::Deny,
                reason: match &finding.because {
                    Some(because) => because.to_string(),
                    None => finding.message(),
                },
            })
            .collect()
    }
}

impl ViolationFilter {
    /// Whether a violation is wanted.
    pub fn wants(&self, violation: &Violation) -> bool {
        self.agent.as_ref().is_none_or(|agent| *agent == violation.agent_id)
            && self.severity.is_none_or(|severity| severity == violation.severity)
            && self.since.is_none_or(|since| violation.timestamp >= since)
    }
}
