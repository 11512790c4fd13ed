//! What people order: kill, pause, resume, re-arm; lock and unlock. Each order names who and why.

use crate::engine::{Engine, EngineError};
use stayhand_core::control::lock::{LockReleased, LockSet};
use stayhand_core::control::scope::Scope;
use stayhand_core::control::switch::{BY_ITSELF, Order, Position, SwitchMoved};
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
}

fn is_signed(by: &str, reason: &str) -> Result<(), OrderError> {
    let named = !by.trim().is_empty() && by != BY_ITSELF;
    if named && !reason.trim().is_empty() { Ok(()) } else { Err(OrderError::Nameless) }
}
