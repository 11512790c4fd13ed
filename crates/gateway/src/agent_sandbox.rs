//! R3's sandbox with a way out to the hosts of its settings (S-05).

use crate::egress::{Egress, Opening, People};
use stayhand_runtime::Held;
use stayhand_runtime::presets::{AgentSandbox, AgentSandboxConfig};
use std::path::PathBuf;
use std::sync::Arc;

/// A sandbox with `network_mode` `hosts`: each connection is decided by its policy, names are looked up only for what it
/// permits, and nobody is asked. `launcher` is a program that calls `stayhand_sandbox::become_launcher` before all else.
pub fn agent_sandbox(launcher: PathBuf, config: &AgentSandboxConfig) -> Result<AgentSandbox, String> {
    let way_out = |engine: &Arc<_>, defaults: &_| {
        let egress = Egress::new(engine, defaults, &[], Arc::new(Nobody), Opening::none());
        let egress: Arc<dyn stayhand_runtime::Egress> = Arc::new(egress.map_err(|error| error.to_string())?);
        Ok(egress)
    };
    AgentSandbox::with_way_out(launcher, config, Box::new(way_out))
}

/// Nobody is there to be asked.
#[derive(Debug)]
struct Nobody;

impl People for Nobody {
    fn answered(&self, _: &Held, _: &dyn Fn() -> bool) -> bool {
        false
    }

    fn while_paused(&self, _: &dyn Fn() -> bool) {}

    fn refused(&self, _: &str, _: &str) {}
}
