//! Runs one program inside a boundary that the kernel keeps: namespaces with a root of their own, Landlock, a filter of
//! system calls, limits.
//!
//! A [`Spec`] says what is run and what it may reach. Whoever starts processes starts the launcher, hands it the spec
//! over a [`Control`], and reads there what came of it: which mechanisms are in force ([`Receipt`]), or which one
//! could not be had, in which case nothing was started. The launcher is this program, started anew with
//! [`LAUNCHER`] as its first argument; a program that confines others calls [`become_launcher`] before all else.
//!
//! This crate never decides what a program may do, never falls below the level that it was asked for, and knows no
//! agent and no policy. It is the only one with `unsafe` code: a few calls to the kernel, in `sys.rs`.

mod control;
mod control_group;
mod inside;
mod program_watch;
mod receipt;
pub mod review;
mod spec;
mod sys;

pub use control::{Control, Handed};
pub use control_group::ControlGroup;
pub use inside::become_launcher;
pub use program_watch::{ProgramWatch, Starting};
pub use receipt::{Ended, Failure, Mechanism, Receipt, Report};
pub use spec::{Bind, Limits, Overlay, Spec};

/// The first argument of a program that is to be the launcher.
pub const LAUNCHER: &str = "__confine";
