//! Known bypasses and defects, tried on the real program. Each test is named after its number and
//! stands beside its nearest harmless neighbour.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests start processes, and fail by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod approvals;
mod configuration;
mod engine;
mod execution;
mod files;
mod network;
mod policy;
mod record;
mod sources;
