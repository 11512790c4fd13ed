//! Approvals: what people were asked, and what they said.

use crate::decision::{ApprovalId, Decision, PolicyId};
use crate::digest::Digest;
use crate::event::{ApprovalResolved, Decided};
use crate::time::Timestamp;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// When it was asked for.
    pub asked: Timestamp,
    /// When it turns into a refusal. Valid at exactly this moment, expired after it.
    pub expires: Timestamp,
    /// The digest of the exact request.
    pub request_digest: Digest,
    /// The policy that asked.
    pub policy: PolicyId,
    /// Who asked: an agent, and the person it works for.
    pub agent: String,
    /// The person the agent works for.
    pub on_behalf_of: Option<String>,
    /// The decision that asked: what people are shown.
    pub decision: Decision,
    /// Who has said yes, where more than one must.
    pub yes: Vec<String>,
    /// Where it stands.
    pub status: ApprovalStatus,
}

/// Where an approval stands. Expiry is a matter of time and not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApprovalStatus {
    /// Nobody has answered.
    Pending,
    /// Somebody said yes; it has not been used.
    Granted {
        /// Who.
        by: String,
    },
    /// Somebody said no.
    Rejected {
        /// Who.
        by: String,
    },
    /// The yes was used up by this decision.
    Used {
        /// Who had said yes.
        by: String,
        /// The sequence number of the decision.
        decision: u64,
    },
}

impl Approval {
    /// Whether nothing can come of it any more.
    fn is_over(&self, now: Timestamp) -> bool {
        match self.status {
            ApprovalStatus::Pending | ApprovalStatus::Granted { .. } => self.expires < now,
            ApprovalStatus::Rejected { .. } | ApprovalStatus::Used { .. } => true,
        }
    }

    /// One person has answered. A no is enough; a yes where as many have said it as must.
    fn answered(&mut self, by: String, grant: bool) {
        if !grant {
            self.status = ApprovalStatus::Rejected { by };
            return;
        }
        // A yes of the same person is no second one, whoever wrote the record.
        if !self.yes.contains(&by) {
            self.yes.push(by);
        }
        if self.yes.len() >= usize::from(self.decision.approvers) {
            self.status = ApprovalStatus::Granted { by: self.yes.join(" and ") };
        }
    }
}

/// The answer people have given to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    NotAsked,
    Waiting(ApprovalId),
    Granted { id: ApprovalId, by: String },
    Rejected { id: ApprovalId, by: String },
}

/// Why an approval could not be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No such approval.
    #[error("there is no such approval")]
    Unknown,
    /// It is too late.
    #[error("the approval has expired")]
    Expired,
    /// Somebody has answered.
    #[error("the approval has been answered already")]
    Answered,
    /// This person has said yes, and another one must.
    #[error("you have said yes already; somebody else must, too")]
    Twice,
    /// The requester may not answer.
    #[error("whoever asked may not answer")]
    Requester,
    /// The name is empty.
    #[error("an approval is answered by a named person")]
    Nameless,
}

/// Questions that wait, or whose yes does, at a time. Beyond, what would ask another one is refused: nobody reads so
/// many, and to forget one would lose it.
const MOST_OPEN: usize = 10_000;

/// Answered and expired approvals that are kept for lists; older ones are in the log.
const KEPT_APPROVALS: usize = 1000;

/// The approvals that are remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Approvals {
    by_id: BTreeMap<ApprovalId, Approval>,
    by_request: FxHashMap<(Digest, PolicyId), ApprovalId>,
}

impl Approvals {
    /// A decision asks people.
    pub(super) fn ask(&mut self, seq: u64, at: Timestamp, decided: &Decided, policy: PolicyId) {
        let (id, principal) = (ApprovalId(seq), &decided.request.principal);
        self.by_request.insert((decided.request_digest, policy), id);
        let approval = Approval {
            id,
            asked: at,
            expires: decided.expires.unwrap_or(at),
            request_digest: decided.request_digest,
            policy,
            agent: principal.agent.clone(),
            on_behalf_of: principal.on_behalf_of.clone(),
            decision: decided.decision.clone(),
            yes: Vec::new(),
            status: ApprovalStatus::Pending,
        };
        self.by_id.insert(id, approval);
        self.forget_old(at);
    }

    /// One person has answered.
    pub(super) fn resolve(&mut self, resolved: &ApprovalResolved) {
        if let Some(approval) = self.by_id.get_mut(&resolved.approval)
            && approval.status == ApprovalStatus::Pending
        {
            approval.answered(resolved.by.clone(), resolved.grant);
        }
    }

    /// The yes is used up by a decision.
    pub(super) fn use_up(&mut self, id: ApprovalId, decision: u64) {
        if let Some(approval) = self.by_id.get_mut(&id)
            && let ApprovalStatus::Granted { by } = &approval.status
        {
            approval.status = ApprovalStatus::Used { by: by.clone(), decision };
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        while self.by_id.len() > KEPT_APPROVALS {
            let over = self.by_id.values().find(|approval| approval.is_over(now));
            let Some(id) = over.map(|approval| approval.id) else { return };
            if let Some(old) = self.by_id.remove(&id) {
                let key = (old.request_digest, old.policy);
                if self.by_request.get(&key) == Some(&id) {
                    self.by_request.remove(&key);
                }
            }
        }
    }

    /// Whether there is no room for another question.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        self.by_id.len() >= MOST_OPEN && !self.by_id.values().any(|approval| approval.is_over(now))
    }

    /// The approval that exactly this request waits for, or has an answer of.
    pub(super) fn asked(&self, request: Digest, policy: PolicyId, now: Timestamp) -> Option<&Approval> {
        let found = self.by_request.get(&(request, policy)).and_then(|id| self.by_id.get(id));
        found.filter(|approval| {
            now <= approval.expires && !matches!(approval.status, ApprovalStatus::Used { .. })
        })
    }

    /// What people have said about a request under a policy.
    pub(super) fn answer(&self, request: Digest, policy: PolicyId, now: Timestamp) -> Answer {
        let found = self.by_request.get(&(request, policy)).and_then(|id| self.by_id.get(id));
        let Some(approval) = found.filter(|approval| now <= approval.expires) else {
            return Answer::NotAsked;
        };
        let id = approval.id;
        match &approval.status {
            ApprovalStatus::Pending => Answer::Waiting(id),
            ApprovalStatus::Granted { by } => Answer::Granted { id, by: by.clone() },
            ApprovalStatus::Rejected { by } => Answer::Rejected { id, by: by.clone() },
            ApprovalStatus::Used { .. } => Answer::NotAsked,
        }
    }

    /// Whether `by` may answer this approval now.
    pub(super) fn may_answer(
        &self,
        id: ApprovalId,
        by: &str,
        now: Timestamp,
    ) -> Result<&Approval, AnswerError> {
        let approval = self.by_id.get(&id).ok_or(AnswerError::Unknown)?;
        if by.trim().is_empty() {
            return Err(AnswerError::Nameless);
        }
        if by == approval.agent || approval.on_behalf_of.as_deref() == Some(by) {
            return Err(AnswerError::Requester);
        }
        if approval.status != ApprovalStatus::Pending {
            return Err(AnswerError::Answered);
        }
        if now > approval.expires {
            return Err(AnswerError::Expired);
        }
        if approval.yes.iter().any(|name| name == by) {
            return Err(AnswerError::Twice);
        }
        Ok(approval)
    }

    /// Every approval, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Approval> {
        self.by_id.values()
    }

    /// One approval.
    pub(super) fn get(&self, id: &ApprovalId) -> Option<&Approval> {
        self.by_id.get(id)
    }
}
