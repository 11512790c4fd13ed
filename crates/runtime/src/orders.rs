//! What people order: kill, pause, resume, re-arm; lock and unlock. Each order names who and why.

use crate::engine::{Engine, EngineError};
use stayhand_core::control::breaker::BreakerMoved;
use stayhand_core::control::lock::{LockReleased, LockSet};
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{BY_ITSELF, Order, Position, SwitchMoved};
use stayhand_core::control::tier::{Measured, Metric};
use stayhand_core::event::Event;

/// Why an order was not followed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// It does not say who, or why.
    #[error("an order needs the name of a person and a reason")]
    Nameless,
    /// The switch is where this order leads nowhere.
    #[error("{scope} is {}, which `{}` does not change", position.name(), order.name())]
    Nowhere {
        /// What it is about.
        scope: Scope,
        /// Where it stands.
        position: Position,
        /// What was asked.
        order: Order,
    },
    /// There is no lock to take off.
    #[error("there is no lock on {0}")]
    NotLocked(Scope),
    /// The figure says nothing.
    #[error("{0}")]
    Figure(String),
    /// The policy has no breaker of this name.
    #[error("the policy has no breaker `{0}`; it has {1}")]
    NoBreaker(String, String),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Follows an order about the kill switch. It is durable, and in force in every process, when this returns.
    pub fn order(&self, moved: SwitchMoved) -> Result<(), OrderError> {
        is_signed(&moved.by, &moved.reason)?;
        self.record_if(|state, _| {
            let position = state.switches().position(&moved.scope);
            match moved.order.from(position) {
                Some(_) => Ok(Event::SwitchMoved(moved)),
                None => Err(OrderError::Nowhere { scope: moved.scope, position, order: moved.order }),
            }
        })?
    }

    /// Sets a safety lock.
    pub fn set_lock(&self, set: LockSet) -> Result<(), OrderError> {
        is_signed(&set.by, &set.reason)?;
        self.record_if(|_, _| Ok(Event::LockSet(set)))?
    }

    /// Takes a safety lock off.
    pub fn release_lock(&self, released: LockReleased) -> Result<(), OrderError> {
        is_signed(&released.by, &released.reason)?;
        self.record_if(|state, now| match state.locks().of(&released.scope, now) {
            Some(_) => Ok(Event::LockReleased(released)),
            None => Err(OrderError::NotLocked(released.scope)),
        })?
    }

    /// Records a figure about an agent that was measured outside. It moves the agent's tier.
    pub fn measure(&self, agent: &str, metric: Metric, value: f64, by: &str) -> Result<(), OrderError> {
        is_signed(by, agent)?;
        let policy = self.policy().id();
        let measured = Measured { agent: agent.to_owned(), metric, value, policy, by: by.to_owned() };
        let most = if measured.metric == Metric::ResponseTime { f64::MAX } else { 1.0 };
        if !(0.0..=most).contains(&measured.value) {
            let name = measured.metric.name();
            return Err(OrderError::Figure(format!(
                "{} is no {name}: it is from 0 to {most}",
                measured.value
            )));
        }
        if self.policy().controls().tiers.is_none() {
            return Err(OrderError::Figure(
                "the policy has no `tiers:`, so the figure would mean nothing".into(),
            ));
        }
        self.record_if(|_, _| Ok(Event::Measured(measured)))?
    }

    /// Resets or isolates a circuit of a breaker.
    pub fn move_breaker(&self, moved: BreakerMoved) -> Result<(), OrderError> {
        is_signed(&moved.by, &moved.reason)?;
        let policy = self.policy();
        let known: Vec<&str> =
            policy.controls().breakers.iter().map(|breaker| breaker.name.as_str()).collect();
        self.record_if(|state, _| {
            if known.contains(&moved.breaker.as_str()) || state.breakers().of(&moved.breaker).next().is_some()
            {
                return Ok(Event::BreakerMoved(moved));
            }
            let names = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(OrderError::NoBreaker(moved.breaker, names))
        })?
    }
}

fn is_signed(by: &str, reason: &str) -> Result<(), OrderError> {
    let named = !by.trim().is_empty() && by != BY_ITSELF;
    if named && !reason.trim().is_empty() { Ok(()) } else { Err(OrderError::Nameless) }
}
