//! The program itself.

use super::{limits, prove};
use crate::receipt::Failure;
use crate::spec::Spec;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Turns this process into the program. What comes back is why it could not.
#[expect(clippy::disallowed_methods, reason = "it replaces this process, which an executor has started")]
pub(super) fn start(spec: &Spec) -> Failure {
    if let Err(failure) = limits::set(spec) {
        return failure;
    }
    let Some((name, words)) = spec.argv.split_first() else { return prove::boundary(spec) };
    let environment = spec.environment.iter().map(|(key, value)| (key, value));
    let mut program = Command::new(name);
    program.args(words).env_clear().envs(environment).current_dir(&spec.cwd);
    let error = program.exec();
    Failure::other(format!("cannot run `{name}`: {error}"))
}
