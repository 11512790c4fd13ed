//! Stateful controls: limits, budgets, breakers, detectors. Each is state folded from the log.

pub mod anomaly;
