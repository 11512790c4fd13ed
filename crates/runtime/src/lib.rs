//! The runtime of Stayhand: the only part that may act, and only with a [`Permit`].
//!
//! [`Engine::authorize`] observes what a request would do, decides, records the decision durably and
//! answers with a [`Verdict`]. [`Engine::execute`] consumes the permit, fulfils its duties and
//! records how the action ended. [`Engine::resolve`] records a person's answer.
//!
//! What this crate never does: it never executes without a permit, never executes a permit twice,
//! never continues after a record could not be written, never runs an action again after a crash,
//! and never answers an error with an allowance. It knows nothing of terminals or protocols.
//!
//! ```
//! use stayhand_runtime::{Engine, Settings, Verdict, wire};
//!
//! let engine = Engine::in_memory(Settings::default())?;
//! let line = br#"{"tool":"bash","input":{"command":"rm -rf /"},"cwd":"/code"}"#;
//! let request = wire::request(line, &wire::Defaults::new("/code", "/home/u"))?;
//! let verdict = engine.authorize(request)?;
//! assert!(matches!(verdict, Verdict::Refused(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod changes;
pub mod circuit_breaker;
mod clock;
mod contexts;
mod dry_run;
mod engine;
mod execute;
mod gather;
mod notify;
mod orders;
mod permit;
pub mod policy_files;
mod presence;
pub mod presets;
pub mod replay;
mod resolve;
pub mod review;
mod signals;
mod snapshot;
mod watch;
pub mod wire;

pub use clock::{Clock, Stopwatch};
pub use contexts::{Checkpoint, ContextError, MAX_CONTEXT_BYTES};
pub use dry_run::DryRun;
pub use engine::{Engine, EngineError, Executed, Held, Refused, ResolveError, Settings, Verdict};
pub use execute::{
    Ask, Attendant, Container, ContainerEnd, Containers, Effected, Egress, Executor, Local, LocalSettings,
    Spoken, StatusPlace, Stop, Streams, Terminal, Work,
};
pub use gather::{Gathered, Observe, Observer};
pub use orders::OrderError;
pub use permit::Permit;
pub use resolve::{Resolver, usual_host};
pub use signals::{Termination, on_termination};
