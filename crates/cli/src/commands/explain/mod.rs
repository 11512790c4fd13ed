//! `stayhand explain`: what a command would do, in plain words, and how it is decided.

mod draw;
mod sentences;

use super::check::{Answer, action, exit_of};
use crate::args::{Explain, Global};
use crate::{Exit, home, show};
use sentences::Around;
use serde_json::{Value, json};
use stayhand_analysis::shell::outline::{Kind, Node};
use stayhand_analysis::{Programs, Surroundings};
use stayhand_core::facts::{Facts, Operation};
use stayhand_runtime::wire::{self, Defaults};

pub(super) fn run(global: &Global, explain: &Explain) -> anyhow::Result<Exit> {
    let defaults = home::defaults(&explain.asking)?;
    let dry = super::dry_run(global, &super::files(&explain.asking)?)?;
    let parsed = wire::to_request(action(&explain.tool, &explain.command)?, &defaults)
        .map_err(|error| home::usage(error.to_string()))?;
    let command = shell_text(&explain.tool, &parsed.request.resource.0);
    let (decision, facts) = dry.decide(parsed);
    let title = command.clone().unwrap_or_else(|| format!("{} {}", explain.tool, explain.command));
    let mut nodes = match &command {
        Some(command) => outline(command, &defaults, &Programs::of(dry.policy.programs())),
        None => facts.operations.iter().cloned().map(leaf).collect(),
    };
    let mut seen = Seen { operations: facts.operations.iter().collect() };
    nodes.iter_mut().for_each(|node| seen.look_up(node));
    // What belongs to no command, such as a secret, is shown all the same.
    nodes.extend(
        seen.operations
            .into_iter()
            .filter(|left| !is_shown(left, &facts, command.is_some()))
            .cloned()
            .map(leaf),
    );
    if global.json {
        let around = Around::new(&defaults.home);
        let tree: Vec<Value> = nodes.iter().map(|node| tree_json(node, &around)).collect();
        let answer = serde_json::to_value(Answer::new(None, &decision, Some(&facts)))?;
        show::json(&json!({ "command": title, "tree": tree, "decision": answer }))?;
    } else {
        draw::page(&title, &nodes, &facts, &decision, &defaults.home);
    }
    Ok(exit_of(decision.effect))
}

/// The command line that the action gives to a shell, if it does.
fn shell_text(tool: &str, input: &serde_json::Map<String, Value>) -> Option<String> {
    let (tool, _) = stayhand_core::tool::canonical(tool);
    let command = input.get("command").and_then(Value::as_str).filter(|_| tool == "bash");
    command.map(str::to_owned)
}

fn outline(command: &str, defaults: &Defaults, programs: &Programs) -> Vec<Node> {
    let at = Surroundings { cwd: &defaults.cwd, workspace: &defaults.workspace, home: &defaults.home };
    stayhand_analysis::shell::outline(command, &at, programs)
}

const fn leaf(operation: Operation) -> Node {
    Node { kind: Kind::Command, joined: None, operation: Some(operation), children: Vec::new() }
}

/// The operations that were decided: links and names are resolved there.
struct Seen<'f> {
    operations: Vec<&'f Operation>,
}

impl Seen<'_> {
    fn look_up(&mut self, node: &mut Node) {
        if let Some(own) = &mut node.operation
            && let Some(at) = self.operations.iter().position(|seen| is_same(seen, own))
        {
            *own = self.operations.remove(at).clone();
        }
        node.children.iter_mut().for_each(|child| self.look_up(child));
    }
}

fn is_same(one: &Operation, other: &Operation) -> bool {
    let paths =
        |of: &Operation| of.paths.iter().map(|path| (path.access, path.lexical.clone())).collect::<Vec<_>>();
    one.program == other.program
        && one.args == other.args
        && one.does == other.does
        && paths(one) == paths(other)
}

/// Whether an operation that no node took says nothing of its own.
fn is_shown(left: &Operation, facts: &Facts, tree: bool) -> bool {
    !tree || facts.operations.iter().filter(|other| is_same(left, other)).count() > 1
}

fn tree_json(node: &Node, around: &Around<'_>) -> Value {
    let says: Vec<String> = node
        .operation
        .iter()
        .flat_map(|operation| sentences::effects(operation, around))
        .map(|sentence| sentence.text)
        .collect();
    let children: Vec<Value> = around.parts(node).map(|(child, around)| tree_json(child, &around)).collect();
    json!({
        "kind": sentences::kind_name(node.kind),
        "joined": node.joined,
        "command": node.operation.as_ref().map(sentences::headline),
        "does": says,
        "children": children,
    })
}
