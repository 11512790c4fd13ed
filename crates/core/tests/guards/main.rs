//! What each guard refuses, each refusal beside its nearest permitted neighbour. Names carry the
//! numbers of the requirements.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod actions;
mod approvals;
mod arbitration;
mod boundaries;
mod bypasses;
mod ladder;
mod layer;
mod limits;
mod orders;
mod packs;
mod rules;
mod untrusted;
mod violations;
