//! Shell command lines: what they would do.
//!
//! A text is read into a [`plan::ShellPlan`], which is walked as the shell would: every simple
//! command becomes an operation. What cannot be read or followed for certain is opaque; nothing is
//! ever executed.

mod braces;
mod branches;
mod builtins;
mod calls;
mod dialect;
mod excess;
mod expand;
mod expansions;
mod fields;
mod given;
mod links;
mod narrowed;
mod operations;
pub mod outline;
mod parse;
mod plain;
pub mod plan;
mod read;
mod redirects;
mod respell;
mod scope;
mod syntax;
mod words;
mod written;

#[cfg(test)]
mod tests;

use crate::program::{Arg, Budget, Input, Situation};
use crate::{Programs, Surroundings};
pub(crate) use given::Given;
use plan::ShellPlan;
use stayhand_core::facts::{Aspect, Operation};

/// The operations of a command line, in order; never empty.
///
/// ```
/// use stayhand_analysis::{Surroundings, shell};
///
/// let at = Surroundings { cwd: "/code", workspace: "/code", home: "/home/me" };
/// let operations = shell::operations("cd src && rm -rf build", &at);
/// assert_eq!(operations.last().unwrap().paths[0].lexical, "/code/src/build");
/// ```
pub fn operations(command: &str, at: &Surroundings<'_>) -> Vec<Operation> {
    operations_given(command, at, &Programs::default(), &Input::default())
}

/// The same, with the programs that a policy describes, and with a standard input.
pub(crate) fn operations_given(
    command: &str,
    at: &Surroundings<'_>,
    programs: &Programs,
    input: &Input,
) -> Vec<Operation> {
    let folders = [at.cwd.to_owned()];
    let budget = Budget::default();
    let situation = Situation::outermost(at, &folders, input, &budget, programs);
    walked(command, &situation, None)
}

/// The tree of a command line, with the operation of each command.
///
/// ```
/// use stayhand_analysis::{Programs, Surroundings, shell};
///
/// let at = Surroundings { cwd: "/code", workspace: "/code", home: "/home/me" };
/// let tree = shell::outline("cat log | grep error", &at, &Programs::default());
/// assert_eq!((tree.len(), tree[0].children.len()), (1, 2));
/// ```
pub fn outline(command: &str, at: &Surroundings<'_>, programs: &Programs) -> Vec<outline::Node> {
    let folders = [at.cwd.to_owned()];
    let input = Input::default();
    let mut budget = Budget::default();
    budget.trace = Some(outline::Trace::default());
    let situation = Situation::outermost(at, &folders, &input, &budget, programs);
    walked(command, &situation, None);
    budget.trace.map(outline::tree).unwrap_or_default()
}

/// The operations of a command line that another command runs with the shell named `by`, and its `$0`, `$1`, ….
pub(crate) fn nested(
    command: &str,
    by: &str,
    situation: &Situation<'_>,
    positional: &[Arg],
) -> Vec<Operation> {
    let positional = positional.get(1..).unwrap_or_default().to_vec();
    let mut found = walked(command, situation, Some(positional));
    if by != "bash" && dialect::differs(command) {
        found.push(Operation::opaque(Aspect::Program, "another shell than bash reads the text otherwise"));
    }
    found
}

fn walked(command: &str, situation: &Situation<'_>, positional: Option<Vec<Arg>>) -> Vec<Operation> {
    let plan = ShellPlan::parse(command);
    let mut found = operations::walk(&plan, situation, positional);
    if found.is_empty() {
        found.push(Operation::opaque(Aspect::Program, "there is no command in the text"));
    }
    found
}
