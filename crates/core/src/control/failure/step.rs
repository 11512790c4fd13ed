//! One step of an agent: what it did, and how that ended.

use super::act::{Act, add_masked, fold};
use crate::digest::Digest;
use crate::event::{Outcome, Settled};
use crate::reason::Reason;
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;
use std::num::NonZeroU32;

/// One step of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The sequence number of its decision.
    pub place: u64,
    /// The fingerprint of the action.
    pub action: u64,
    /// The coarse fingerprint of the action.
    pub near: u32,
    /// The fingerprint of how it ended and what it gave; nothing where it has not ended or gave nothing.
    pub result: Option<NonZeroU32>,
    /// The same without numbers and ends of paths, which occur in messages of errors.
    pub kind: Option<NonZeroU32>,
}

impl Step {
    /// A step that has not ended.
    pub const fn new(place: u64, act: Act) -> Self {
        Self { place, action: act.action, near: act.near, result: None, kind: None }
    }

    /// A step that was refused.
    pub fn refused(place: u64, act: Act, reason: Reason) -> Self {
        let result = Some(fingerprint(|hasher| hasher.write(reason.code().as_bytes())));
        Self { result, kind: result, ..Self::new(place, act) }
    }

    /// Whether the action is the same, and the result, where both are known.
    pub fn same_as(&self, other: &Self) -> bool {
        let known = self.result.zip(other.result);
        self.action == other.action && known.is_none_or(|(one, another)| one == another)
    }

    /// Takes in how the step ended.
    pub fn end(&mut self, settled: &Settled) {
        let output = settled.output.filter(|output| !output.is_of_nothing());
        if settled.outcome.is_success() {
            self.result = output.map(|output| fingerprint(|hasher| hasher.write(&output.0)));
            self.kind = self.result;
            return;
        }
        let output = output.unwrap_or_else(Digest::of_nothing);
        self.kind = Some(fingerprint(|hasher| add_outcome(hasher, &settled.outcome)));
        self.result = Some(fingerprint(|hasher| {
            add_outcome(hasher, &settled.outcome);
            hasher.write(&output.0);
            if let Outcome::Failed { error } = &settled.outcome {
                hasher.write(error.as_bytes());
            }
        }));
    }
}

fn fingerprint(add: impl FnOnce(&mut FxHasher)) -> NonZeroU32 {
    let mut hasher = FxHasher::default();
    add(&mut hasher);
    NonZeroU32::new(fold(hasher.finish())).unwrap_or(NonZeroU32::MIN)
}

/// The class of an outcome: failures with the same words but other numbers and paths are of one class.
fn add_outcome(hasher: &mut FxHasher, outcome: &Outcome) {
    match outcome {
        Outcome::Done => hasher.write_u8(1),
        Outcome::Exit { code } => {
            hasher.write_u8(2);
            hasher.write_i32(*code);
        }
        Outcome::Signal { number } => {
            hasher.write_u8(3);
            hasher.write_i32(*number);
        }
        Outcome::Stopped { limit } => {
            hasher.write_u8(4);
            hasher.write(limit.as_bytes());
        }
        Outcome::Failed { error } => {
            hasher.write_u8(5);
            add_masked(hasher, error);
        }
        Outcome::Abandoned { .. } => hasher.write_u8(6),
    }
}
