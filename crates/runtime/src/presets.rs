//! Ready-made systems. Each is a policy text and an [`Engine`](crate::Engine) on it, and decides nothing itself.
//!
//! [`AgentSandbox`] runs code that nobody has read. [`SafeAutonomousSystem`] carries out actions that move money or data: a kill switch, limits, anomalies, approval and
//! circuit breakers stand before each. [`create_safety_layer`] refuses the commands that destroy things and allows the
//! rest.
//!
//! ```
//! use serde_json::json;
//! use stayhand_runtime::presets::{Action, SafeAutonomousConfig, SafeAutonomousSystem, Service};
//!
//! let system = SafeAutonomousSystem::in_memory(SafeAutonomousConfig::default())?;
//! let pay = |value| Action { kind: "pay".into(), description: "a bill".into(), value, service: Service::Api };
//!
//! let paid = system.execute_action(&pay(Some(20.0)), |_| Ok::<_, ()>(json!("paid")));
//! assert_eq!(paid, json!({ "success": true, "result": "paid" }));
//!
//! let larger = system.execute_action(&pay(Some(500.0)), |_| Ok::<_, ()>(json!("paid")));
//! assert_eq!(larger["error"], "Approval required");
//! # Ok::<(), stayhand_runtime::EngineError>(())
//! ```

mod agent_sandbox;
mod cleanup;
mod not_done;
mod safe_config;
mod safe_system;
mod safety_layer;
mod sandbox_config;

pub use agent_sandbox::{AgentSandbox, SandboxResult, WayOut};
pub use cleanup::{CleanupEnd, LONGEST_CLEANUP};
pub use not_done::NotDone;
pub use safe_config::{Hooks, SafeAutonomousConfig, SystemSettings};
pub use safe_system::{Action, SafeAutonomousSystem, Service};
pub use safety_layer::{SafetyLayerOptions, create_safety_layer};
pub use sandbox_config::AgentSandboxConfig;
