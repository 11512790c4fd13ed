//! The path boundary, and the places no agent may ever write.

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::facts::{Access, Aspect, Operation, PathUse, Place, Trait};
use crate::policy::Policy;
use crate::policy::boundary::PathBoundary;
use crate::policy::pattern::Tri;
use crate::reason::Reason;
use crate::request::Context;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, _: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    for op in &ask.facts.operations {
        own_places(op, answers);
        for boundary in &policy.boundaries.paths {
            within(boundary, op, &ask.request.context, answers);
        }
    }
}

fn deny(reason: Reason) -> Finding {
    Finding::new(GuardName::Path, reason, Effect::Deny)
}

/// Stayhand's own state, policy and decisions are out of every agent's reach, whatever the policy.
fn own_places(op: &Operation, answers: &mut Answers) {
    let changes = |used: &&PathUse| matches!(used.access, Access::Write | Access::Delete);
    for used in op.paths.iter().filter(changes).filter(|used| used.place == Some(Place::Stayhand)) {
        answers.add(deny(Reason::StayhandProtected).subject(used.lexical.as_str()));
    }
    if op.does.contains(Trait::ControlStayhand) {
        answers.add(deny(Reason::StayhandControl));
    }
}

/// A116: block patterns, then blocked folders, then what is allowed.
fn within(boundary: &PathBoundary, op: &Operation, context: &Context, answers: &mut Answers) {
    for used in &op.paths {
        if let Some(finding) = judge(boundary, used, context) {
            answers.add(finding.named(boundary.name.as_ref()));
        }
    }
    // A116b: an allow list with paths that cannot be known = not allowed.
    if (boundary.allow.is_some() || boundary.write.is_some()) && op.may_have_more(Aspect::Paths) {
        let why = op.opaque.first().map(|opaque| opaque.why.as_str()).unwrap_or_default();
        let finding = Finding::new(GuardName::Path, Reason::PathUnknown, Effect::Approve);
        answers.add(finding.named(boundary.name.as_ref()).because(why));
    }
}

fn judge(boundary: &PathBoundary, used: &PathUse, context: &Context) -> Option<Finding> {
    let about = |reason| Some(deny(reason).subject(used.lexical.as_str()));
    if boundary.block.as_ref().is_some_and(|set| set.touches(&plain_name(used), context) != Tri::No) {
        return about(Reason::PathBlocked);
    }
    for (folder, set) in &boundary.blocked {
        if set.touches(used, context) != Tri::No {
            return Some(deny(Reason::PathBlocked).subject(folder.clone()).because(used.lexical.as_str()));
        }
    }
    let writes = matches!(used.access, Access::Write | Access::Delete);
    let outside = |set: &crate::policy::pattern::PathSet| !set.contains(used, context);
    if boundary.allow.as_ref().is_some_and(outside)
        || (writes && boundary.write.as_ref().is_some_and(outside))
    {
        return about(Reason::PathNotAllowed);
    }
    None
}

/// A117a: block patterns see lower case, without trailing dots, blanks and streams.
fn plain_name(used: &PathUse) -> PathUse {
    let plain = |path: &str| {
        let lower = path.to_lowercase();
        let (folder, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
        let name = name.split("::$").next().unwrap_or_default().trim_end_matches(['.', ' ']);
        format!("{folder}/{name}")
    };
    PathUse { lexical: plain(&used.lexical), resolved: used.resolved.as_deref().map(plain), ..used.clone() }
}
