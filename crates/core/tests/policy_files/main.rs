//! What people are told about their policy files: the line, the caret, what is wrong, what to do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use expect_test::{Expect, expect};
use serde_json::Value;
use stayhand_core::decision::Layer;
use stayhand_core::facts::{Access, Facts, Operation, PathUse, Program};
use stayhand_core::policy::error::Problem;
use stayhand_core::policy::lint::lint;
use stayhand_core::policy::{LayerText, Policy, packs, source};
use stayhand_core::request::Request;
use stayhand_core::tool::Declaration;
use std::time::{Duration, Instant};

mod keys;
mod linting;
mod rules;
mod schema;
mod texts;

/// Words divided by blanks; `cat` reads, everything else only runs.
fn analyse(request: &Request, _: Option<&Declaration>) -> Facts {
    let argument = |name: &str| request.resource.0.get(name).and_then(Value::as_str);
    let mut operation = Operation::default();
    if let Some(line) = argument("command") {
        let mut words = line.split_whitespace().map(str::to_owned);
        let name = words.next().unwrap_or_default();
        operation.args = words.collect();
        operation.program = Some(Program { name, subcommand: None, path: None, trusted: true });
    }
    if let Some(path) = argument("path") {
        operation.paths = vec![PathUse::new(Access::Read, path)];
    }
    Facts { operations: vec![operation], ..Facts::default() }
}

fn file(layer: Layer, text: &str) -> LayerText {
    LayerText { layer, name: "policy.yaml".to_owned(), text: text.to_owned() }
}

/// A problem as a terminal shows it: place, message, the line with a caret, help.
fn show(problem: &Problem) -> String {
    let kind = if problem.warning { "warning" } else { "error" };
    let mut shown = format!("{kind}: {}\n", problem.message);
    if let Some((offset, length)) = problem.span {
        let text = problem.file.inner();
        let line = text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let written = text[line..].lines().next().unwrap_or_default();
        let before = text[line..offset].chars().count();
        let marked = text[offset..offset + length].chars().count();
        let number = problem.line().unwrap();
        if before < 100 {
            let written: String = written.chars().take(100).collect();
            shown += &format!("{number:>3} | {}\n", written.replace('\t', "→"));
            shown += &format!("    | {}{}\n", " ".repeat(before), "^".repeat(marked.max(1)));
        } else {
            shown += &format!("{number:>3} | column {}\n", before + 1);
        }
    }
    if let Some(help) = &problem.help {
        shown += &format!("help: {}\n", shorter(help));
    }
    shown
}

fn shorter(text: &str) -> String {
    if text.len() > 120 { format!("{}…", &text[..text.floor_char_boundary(120)]) } else { text.to_owned() }
}

/// Compares what is said about a file that does not load.
#[track_caller]
fn refused(text: &str, expected: Expect) {
    let error = Policy::compile(&[file(Layer::User, text)], analyse).unwrap_err();
    let shown: Vec<String> = error.problems.iter().map(show).collect();
    expected.assert_eq(&shown.join("\n"));
}

/// Compares what the linter says.
#[track_caller]
fn linted(layer: Layer, text: &str, expected: Expect) {
    let shown: Vec<String> = lint(&file(layer, text), analyse).iter().map(show).collect();
    expected.assert_eq(&shown.join("\n"));
}

fn loads(text: &str) -> Policy {
    Policy::compile(&[file(Layer::User, text)], analyse)
        .unwrap_or_else(|error| panic!("{:#?}", error.problems))
}
