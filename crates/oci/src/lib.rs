//! Containers of an engine (Docker, podman) as a boundary for single programs, where the sandbox of the kernel cannot be had
//! or an image is wanted.
//!
//! [`agent_sandbox`] makes an [`AgentSandbox`] of them. Each program gets a container of its own: no network, nothing
//! writable but its folder and temporary files, no rights, limits on all that it uses but for the size of its folder. What of this is in force is
//! read in a container that is made for nothing else ([`Receipt`](stayhand_sandbox::Receipt)); if a part is missing, nothing
//! is run. An image is named once and stands for the bytes that it was then; none is ever fetched.
//!
//! The engine itself can do whatever root can, and so can whoever reaches its socket. This crate decides nothing, and never
//! gives a container the socket.

mod container;
mod engine;
mod memory;
mod pool;
mod probe;
mod profile;

pub use engine::Engine;

use pool::Pool;
use profile::Profile;
use stayhand_runtime::presets::{AgentSandbox, AgentSandboxConfig};
use std::sync::Arc;

/// R3's sandbox in containers of this engine. The error: a setting that cannot be kept, an image that is not there, a part of
/// the boundary that is not in force.
pub fn agent_sandbox(engine: &Arc<Engine>, config: &AgentSandboxConfig) -> Result<AgentSandbox, String> {
    let limits = config.limits()?;
    let pool = Pool::new(engine, Profile { image: config.image.clone(), limits });
    let pool = pool.map_err(|failure| failure.to_string())?;
    AgentSandbox::with_containers(Arc::new(pool), config)
}
