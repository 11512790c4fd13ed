//! What command lines are found to do. Attacks stand beside their nearest harmless neighbours.

mod bypasses;
mod effects;
mod grammar;

use super::operations;
use crate::Surroundings;
use stayhand_core::facts::{Access, Operation};

const AT: Surroundings<'_> = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };

/// One operation in a line: program, uses, traits, what is unknown.
fn line(operation: &Operation) -> String {
    let mut words = Vec::new();
    if let Some(program) = &operation.program {
        let mut name = program.name.clone();
        if let Some(sub) = &program.subcommand {
            name.push(' ');
            name.push_str(sub);
        }
        if !program.trusted {
            name.push_str(" (untrusted)");
        }
        words.push(name);
    }
    for path in &operation.paths {
        let access = match path.access {
            Access::List => "list",
            Access::Read => "read",
            Access::Execute => "execute",
            Access::Write => "write",
            Access::Delete => "delete",
        };
        let deep = if path.recursive { " and below" } else { "" };
        words.push(format!("{access} {}{deep}", path.lexical));
    }
    words.extend(operation.hosts.iter().map(|host| format!("host {}", host.host)));
    words.extend(operation.does.iter().map(|item| format!("{item:?}")));
    words.extend(operation.opaque.iter().map(|opaque| format!("?{:?}", opaque.aspect)));
    words.join(", ")
}

fn lines(command: &str) -> String {
    operations(command, &AT).iter().map(line).collect::<Vec<_>>().join("; ")
}

/// The whole reading of a command.
#[track_caller]
fn check(command: &str, expect: &str) {
    assert_eq!(lines(command), expect, "{command}");
}

/// Somewhere in the reading of a command.
#[track_caller]
fn finds(command: &str, expect: &str) {
    let found = lines(command);
    assert!(found.contains(expect), "{command}\n  {found}\n  lacks {expect}");
}

/// Nothing about the command is unknown.
#[track_caller]
fn quiet(command: &str) {
    let found = lines(command);
    assert!(!found.contains('?'), "{command}\n  {found}");
}

/// Something about the command is unknown.
#[track_caller]
fn opaque(command: &str) {
    let found = lines(command);
    assert!(found.contains('?'), "{command}\n  {found}");
}
