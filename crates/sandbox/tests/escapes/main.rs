//! Attempts to get out of the sandbox, each named after its number in the list of attempts that we keep, on every level that this machine
//! offers, started by root and by a user without rights. What cannot run here says so and does not count as passed.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and plays the one who starts processes"
)]

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod files;
mod limits;
mod network;
mod processes;
