//! Where agents plug in.
//!
//! [`Egress`] is the way out of a sandbox: a proxy that decides about every connection by the one policy, looks names up
//! only for what is permitted, and connects to nothing but the addresses that were judged.
//!
//! This crate decides nothing itself and knows no guard, no log and no sandbox: it parses what arrives on the wire, asks
//! the engine, and carries what is permitted.

mod agent_sandbox;
mod egress;

pub use agent_sandbox::agent_sandbox;
pub use egress::{Contacted, Credential, Egress, Opening, OpeningError, People, Roots, Seen};
