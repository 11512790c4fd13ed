//! The decision core of Stayhand.
//!
//! It says what a request *is*, what a policy *means*, and whether the one is permitted by the
//! other: [`decide::decide`] takes a [`policy::Policy`], a [`state::State`], a request with the
//! facts observed about it, and the time, and answers with a [`decision::Decision`].
//! [`state::State::apply`] folds logged [`event::Event`]s into the state that the next decision
//! reads.
//!
//! What this crate never does: it reads no clock, file, socket, environment variable or random
//! number, starts no thread, and never panics on any input. The same arguments always give the
//! same answer, so a log can be decided again.
//!
//! ```
//! use stayhand_core::decide::{Ask, decide};
//! use stayhand_core::decision::{Effect, Layer};
//! use stayhand_core::facts::{Access, Facts, Operation, PathUse};
//! use stayhand_core::policy::{LayerText, NoAnalysis, Policy};
//! use stayhand_core::request::{Action, Context, Principal, Request, Resource};
//! use stayhand_core::{state::State, time::Timestamp};
//!
//! let text = "rules: [{allow: read_file, when: {reads: ./**}}]".to_owned();
//! let file = LayerText { layer: Layer::User, name: "example.yaml".to_owned(), text };
//! let policy = Policy::compile(&[file], NoAnalysis)?;
//!
//! let request = Request {
//!     principal: Principal { agent: "a".into(), session: "s".into(), on_behalf_of: None },
//!     action: Action("read_file".into()),
//!     resource: Resource::default(),
//!     context: Context { workspace: "/repo".into(), ..Context::default() },
//! };
//! let read = |path: &str| Facts {
//!     operations: vec![Operation { paths: vec![PathUse::new(Access::Read, path)], ..Operation::default() }],
//!     ..Facts::default()
//! };
//! let effect = |facts: &Facts| {
//!     let ask = Ask { request: &request, digest: request.digest(), facts };
//!     decide(&policy, &State::default(), &ask, Timestamp(0)).decision.effect
//! };
//! assert_eq!(effect(&read("/repo/main.rs")), Effect::Allow);
//! assert_eq!(effect(&read("/etc/passwd")), Effect::Deny);
//! # Ok::<(), stayhand_core::policy::error::PolicyError>(())
//! ```

// The tests inside this crate share their random policies with those outside.
#[cfg(test)]
extern crate self as stayhand_core;

pub mod arbitrate;
mod bits;
pub mod control;
pub mod decide;
pub mod decision;
pub mod digest;
pub mod event;
pub mod facts;
mod guard;
pub mod policy;
pub mod program;
pub mod reason;
pub mod request;
pub mod risk;
pub mod state;
pub mod time;
pub mod tool;
pub mod untrusted;
pub mod violation;
