//! What each guard refuses, each refusal beside its nearest permitted neighbour. Names carry the
//! numbers of the requirements.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/vectors.rs"]
mod vectors;

mod actions;
mod approvals;
mod arbitration;
mod boundaries;
mod budgets;
mod bypasses;
mod costs;
mod golden_money;
mod ladder;
mod layer;
mod limits;
mod orders;
mod packs;
mod rules;
mod spending;
mod untrusted;
mod violations;
