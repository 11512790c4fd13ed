//! The kill switch: active, paused or killed, for everything or for a part of it.
//!
//! Paused is left by a person who resumes; killed only by a person who re-arms. Nothing leaves either by itself.

use super::scope::Scope;
use crate::control::{Act, Consequence};
use crate::event::Event;
use crate::request::Request;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// How a switch stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Actions are decided as usual.
    #[default]
    Active,
    /// Nothing runs until somebody resumes.
    Paused,
    /// Nothing runs until somebody re-arms.
    Killed,
}

impl Position {
    /// The name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Killed => "killed",
        }
    }
}

/// What is asked of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// To killed, from anywhere.
    Kill,
    /// To paused, from active.
    Pause,
    /// To active, from paused.
    Resume,
    /// To active, from killed.
    Rearm,
}

impl Order {
    /// The name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Rearm => "rearm",
        }
    }

    /// Whether it stops something.
    pub const fn stops(self) -> bool {
        matches!(self, Self::Kill | Self::Pause)
    }

    /// Where the order leads from a position; `None` = it changes nothing (A003, A006, A007, A013).
    pub const fn from(self, position: Position) -> Option<Position> {
        match (self, position) {
            (Self::Kill, Position::Active | Position::Paused) => Some(Position::Killed),
            (Self::Pause, Position::Active) => Some(Position::Paused),
            (Self::Resume, Position::Paused) | (Self::Rearm, Position::Killed) => Some(Position::Active),
            _ => None,
        }
    }
}

/// Somebody, or a control, moved a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchMoved {
    /// What it is about.
    pub scope: Scope,
    /// What was asked.
    pub order: Order,
    /// Who: a person's name, or `stayhand` for what happened by itself.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl SwitchMoved {
    /// What a control brings about by itself, if it moves a switch.
    pub(crate) fn of(consequence: &Consequence) -> Option<Self> {
        let order = match consequence.act {
            Act::Pause => Order::Pause,
            Act::Kill => Order::Kill,
            Act::Lock => return None,
        };
        let (scope, reason) = (consequence.scope.clone(), consequence.reason.clone());
        Some(Self { scope, order, by: BY_ITSELF.to_owned(), reason })
    }

    /// The line that is printed where the order was followed. Source: A002, A006, A007.
    pub fn line(&self) -> String {
        match self.order {
            Order::Kill => format!("[KILL SWITCH ACTIVATED] {}", self.reason),
            Order::Pause => format!("[SYSTEM PAUSED] {}", self.reason),
            Order::Resume => "[SYSTEM RESUMED]".to_owned(),
            Order::Rearm => "[SYSTEM REARMED]".to_owned(),
        }
    }
}

/// One switch that is not active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// Where it stands.
    pub position: Position,
    /// Who put it there.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// Who did what happened by itself.
pub const BY_ITSELF: &str = "stayhand";

/// Past orders that are remembered; older ones are in the log.
const KEPT_ORDERS: usize = 200;

/// All switches. What is not listed is active.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    moved: BTreeMap<Scope, Switch>,
    history: VecDeque<(Timestamp, SwitchMoved)>,
    followed: u64,
}

impl Switches {
    /// Takes in an event: orders, and what decisions bring about.
    pub fn see(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::SwitchMoved(moved) => {
                self.follow(moved, at);
            }
            Event::Decided(decided) if !decided.dry => {
                let moved = decided.decision.consequences.iter().filter_map(SwitchMoved::of);
                moved.for_each(|moved| {
                    self.follow(&moved, at);
                });
            }
            _ => {}
        }
    }

    /// Follows an order. Whether it changed anything.
    pub fn follow(&mut self, order: &SwitchMoved, at: Timestamp) -> bool {
        let Some(position) = order.order.from(self.position(&order.scope)) else { return false };
        if position == Position::Active {
            self.moved.remove(&order.scope);
        } else {
            let switch = Switch { position, by: order.by.clone(), reason: order.reason.clone(), at };
            self.moved.insert(order.scope.clone(), switch);
        }
        self.followed += 1;
        self.history.push_back((at, order.clone()));
        if self.history.len() > KEPT_ORDERS {
            self.history.pop_front();
        }
        true
    }

    /// Where the switch of exactly this scope stands.
    pub fn position(&self, scope: &Scope) -> Position {
        self.moved.get(scope).map_or(Position::Active, |switch| switch.position)
    }

    /// The strictest switch that stops this request.
    pub fn stopping(&self, request: &Request) -> Option<(&Scope, &Switch)> {
        let covering = self.moved.iter().filter(|(scope, _)| scope.covers(request));
        covering.max_by_key(|(_, switch)| switch.position)
    }

    /// How many orders ever changed something.
    pub const fn followed(&self) -> u64 {
        self.followed
    }

    /// The switches that are not active.
    pub fn moved(&self) -> impl Iterator<Item = (&Scope, &Switch)> {
        self.moved.iter()
    }

    /// Past orders that changed something, oldest first.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &(Timestamp, SwitchMoved)> {
        self.history.iter()
    }
}
