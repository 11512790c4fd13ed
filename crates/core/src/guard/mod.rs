//! The guards: plain functions in one array. Each looks at one thing and says what it finds.

mod action;
mod anomaly;
mod breaker;
mod budget;
mod business;
mod failure;
mod input;
mod limit;
mod lock;
mod network;
mod path;
mod room;
mod rules;
mod secret;
mod sql;
mod switch;
mod tier;
mod time;
mod unknown_tool;
mod untrusted;

use crate::decide::{Answers, Ask};
use crate::policy::Policy;
use crate::state::State;
use crate::time::Timestamp;

/// A guard. It adds its findings and duties; it never removes any.
pub(crate) type Guard = fn(&Policy, &State, &Ask<'_>, Timestamp, &mut Answers);

/// Every guard, in the order in which findings are reported.
pub(crate) const GUARDS: &[Guard] = &[
    switch::check,
    lock::check,
    room::check,
    unknown_tool::check,
    action::check,
    input::check,
    rules::check,
    path::check,
    network::check,
    sql::check,
    secret::check,
    untrusted::check,
    time::check,
    limit::check,
    budget::check,
    anomaly::check,
    failure::check,
    business::check,
    tier::check,
    breaker::check,
];
