//! Stateful controls: limits, budgets, breakers, detectors. Each is state folded from the log.

pub mod anomaly;
pub mod calendar;
pub mod money;
pub mod price;
