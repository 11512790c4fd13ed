//! The safety lock: while it is on, its scope may look, and changes nothing. Only a person takes it off.

use super::Consequence;
use super::scope::Scope;
use super::switch::BY_ITSELF;
use crate::facts::{Access, Facts, Operation, SqlClass};
use crate::request::Request;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A lock was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockSet {
    /// What it is about.
    pub scope: Scope,
    /// Why, for people.
    pub reason: String,
    /// What made it necessary, as in `tier`, `person`.
    pub cause: String,
    /// The tier that called for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// Who: a person's name, or `stayhand`.
    pub by: String,
    /// When it ends by itself; without this it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl LockSet {
    /// What a control brings about by itself.
    pub(crate) fn of(consequence: &Consequence) -> Self {
        Self {
            scope: consequence.scope.clone(),
            reason: consequence.reason.clone(),
            cause: "decision".to_owned(),
            tier: consequence.tier,
            by: BY_ITSELF.to_owned(),
            expires: None,
        }
    }
}

/// A person took a lock off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReleased {
    /// Which.
    pub scope: Scope,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A lock that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// How it was set.
    pub set: LockSet,
    /// Since when.
    pub at: Timestamp,
}

/// All locks that are on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locks {
    on: BTreeMap<Scope, Lock>,
    set_in_all: u64,
}

impl Locks {
    /// Sets a lock. One that is on stays as it is, unless the new one lasts longer.
    pub(crate) fn set(&mut self, set: &LockSet, at: Timestamp) {
        let lasts = |expires: Option<Timestamp>| expires.unwrap_or(Timestamp(u64::MAX));
        let stays = self.on.get(&set.scope).is_some_and(|lock| lasts(lock.set.expires) >= lasts(set.expires));
        if !stays {
            self.set_in_all += 1;
            self.on.insert(set.scope.clone(), Lock { set: set.clone(), at });
        }
    }

    /// How many were ever set.
    pub const fn set_in_all(&self) -> u64 {
        self.set_in_all
    }

    /// Takes a lock off.
    pub(crate) fn release(&mut self, released: &LockReleased) {
        self.on.remove(&released.scope);
    }

    /// The lock of exactly this scope, if it is on.
    pub fn of(&self, scope: &Scope, now: Timestamp) -> Option<&Lock> {
        self.on.get(scope).filter(|lock| lock.holds(now))
    }

    /// The first lock that covers a request.
    pub fn covering(&self, request: &Request, now: Timestamp) -> Option<&Lock> {
        self.on.values().find(|lock| lock.holds(now) && lock.set.scope.covers(request))
    }

    /// The locks that are on.
    pub fn on(&self, now: Timestamp) -> impl Iterator<Item = &Lock> {
        self.on.values().filter(move |lock| lock.holds(now))
    }
}

impl Lock {
    fn holds(&self, now: Timestamp) -> bool {
        self.set.expires.is_none_or(|end| now < end)
    }
}

/// Whether an action only looks, as far as is known for sure. Nothing that an action says about itself counts
/// (LK-03).
pub(crate) fn only_looks(facts: &Facts) -> bool {
    !facts.operations.is_empty() && facts.operations.iter().all(looks)
}

fn looks(op: &Operation) -> bool {
    let sees = |access| matches!(access, Access::Read | Access::List);
    op.opaque.is_empty()
        && op.secrets.is_empty()
        && op.hosts.is_empty()
        && op.does.is_empty()
        && op.paths.iter().all(|path| sees(path.access))
        && op.statements.iter().all(|statement| statement.class == SqlClass::Read)
}
