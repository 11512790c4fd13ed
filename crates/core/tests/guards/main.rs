//! What each guard refuses, each refusal beside its nearest permitted neighbour. Names carry the
//! numbers of the requirements.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and the folder of golden vectors may be named in the environment"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/vectors.rs"]
mod vectors;

mod actions;
mod anomalies;
mod approvals;
mod arbitration;
mod boundaries;
mod breakers;
mod budgets;
mod business;
mod bypasses;
mod costs;
mod failures;
mod ladder;
mod layer;
mod limits;
mod misuse;
mod orders;
mod packs;
mod room;
mod rules;
mod spending;
mod tiers;
mod untrusted;
mod violations;
mod world;
