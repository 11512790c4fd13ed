//! What code in arguments does: each act beside its nearest harmless neighbour.

mod awk;
mod clients;
mod oracle;
mod python;
mod scripts;
mod sed;
mod tables;

use super::{Deeds, Given, Language, deeds};
use crate::Surroundings;
use crate::program::{Input, operations_of_argv};
use stayhand_core::facts::{Operation, Trait};

pub(super) const AT: Surroundings<'_> = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };

/// What code does, when it is given nothing.
pub(super) fn of(language: Language, text: &str) -> Deeds {
    deeds(language, text, &Given { words: &[], home: "/home/me" })
}

/// The operations of a program with its words.
pub(super) fn argv(words: &[&str]) -> Vec<Operation> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    operations_of_argv(&words, &AT, &crate::Programs::default(), &Input::default())
}

/// What the operations do, in one line, so that tables can be read.
pub(super) fn told(operations: &[Operation]) -> String {
    let mut told = Vec::new();
    for operation in operations {
        let name = operation.program.as_ref().map_or("", |program| program.name.as_str());
        let mut parts = vec![name.to_owned()];
        for path in &operation.paths {
            let all = if path.recursive { "/**" } else { "" };
            parts.push(format!("{:?} {}{all}", path.access, path.lexical).to_lowercase());
        }
        for host in &operation.hosts {
            let method = host.method.as_deref().unwrap_or("connect");
            parts.push(format!("{method} {}", host.host));
        }
        parts.extend(operation.statements.iter().map(|statement| statement.verb.to_lowercase()));
        parts.extend(
            operation
                .does
                .iter()
                .filter(|item| *item != Trait::ExecuteCode)
                .map(|item| format!("{item:?}").to_lowercase()),
        );
        if !operation.opaque.is_empty() {
            parts.push("?".to_owned());
        }
        told.push(parts.join(" "));
    }
    told.join("; ")
}

/// Compares what commands do with what a table says.
pub(super) fn table(program: &[&str], rows: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (code, expected) in rows {
        let words: Vec<&str> = program.iter().copied().chain([*code]).collect();
        let found = argv(&words);
        let told = told(&found);
        if told != *expected {
            let why: Vec<&str> = found
                .iter()
                .flat_map(|operation| &operation.opaque)
                .map(|opaque| opaque.why.as_str())
                .collect();
            wrong.push(format!("{code}\n  expected: {expected}\n  found:    {told}\n  {why:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
