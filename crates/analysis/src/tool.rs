//! From a tool's arguments to facts: every argument that carries a path, URL, host, command, SQL
//! or code counts, whatever its name, however deep it lies.

mod build;
mod decode;
mod fields;
mod infer;
mod numbers;
mod redact;
mod surroundings;

use crate::program::Input;
use crate::{Analysis, Programs, Surroundings};
use build::Builder;
use fields::{Leaf, Leaves};
use stayhand_core::facts::{Facts, FieldKind, Invalid};
use stayhand_core::request::Request;
use stayhand_core::tool::{self, Declaration, Tool};
use surroundings::Given;
pub use surroundings::{has_input, unserved, working_folder};

/// Works out what `request` would do.
pub(crate) fn analyse(request: &Request, declaration: Option<&Declaration>, programs: &Programs) -> Analysis {
    let (name, renames) = tool::canonical(&request.action.0);
    let known = tool::known(name);
    let mut leaves = Leaves::of(&request.resource.0, known, renames, declaration);
    leaves.invalid.extend(missing(&leaves, known));
    leaves.invalid.extend(numbers::invalid(&request.context.declared));
    let folder = working_folder(request);
    let at = Surroundings {
        cwd: folder.as_deref().unwrap_or(&request.context.cwd),
        workspace: &request.context.workspace,
        home: &request.context.home,
    };
    let input = if has_input(request) { Input::unseen() } else { Input::default() };
    let mut facts = facts_of(&leaves, Builder::new(known, at, programs, input));
    Given::of(request).apply(&mut facts.operations);
    let secrets = redact::Secrets::of(&leaves);
    let facts = secrets.redact_facts(facts);
    let redacted = secrets.redact_request(request);
    Analysis { facts, redacted }
}

fn facts_of<'a>(leaves: &Leaves<'a>, mut builder: Builder<'a>) -> Facts {
    for leaf in &leaves.all {
        builder.add(leaf);
    }
    let mut facts = builder.finish(leaves);
    facts.invalid.extend(leaves.invalid.iter().cloned());
    facts
}

/// The required fields of a known tool that are not there, under their own name or another that
/// means the same.
fn missing(leaves: &Leaves<'_>, known: Option<&'static Tool>) -> Vec<Invalid> {
    let fields = known.map_or(&[][..], |tool| tool.fields);
    fields
        .iter()
        .filter(|(name, kind, required)| *required && !leaves.has(name) && !leaves.hold(*kind))
        .map(|(name, ..)| Invalid { field: format!("/{name}"), why: "is required".to_owned() })
        .collect()
}

/// Whether a text of this kind leaves the machine by its meaning.
fn is_outgoing(leaf: &Leaf<'_>, known: Option<&'static Tool>) -> bool {
    match known.map(|tool| tool.name) {
        Some("fetch") | None => true,
        Some(_) => matches!(leaf.kind, FieldKind::Outgoing | FieldKind::Recipient | FieldKind::Url),
    }
}

#[cfg(test)]
mod tests;
