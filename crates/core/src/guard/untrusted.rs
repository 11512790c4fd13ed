//! Untrusted content: who asked for this action, and could it carry private things out?

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName};
use crate::facts::{FieldKind, Text};
use crate::policy::Policy;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;
use crate::untrusted::{self, Exposure};

pub(super) fn check(_: &Policy, state: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    let exposure = state.exposure(&ask.request.principal.session);
    if let Some(untrusted) = &ask.facts.untrusted {
        for origin in &untrusted.arguments {
            let found = Finding::new(GuardName::Untrusted, Reason::UntrustedArgument, Effect::Approve);
            answers.add(found.subject(parameter(&origin.field)).because(origin.sentence.as_str()));
        }
        if let Some(sentence) = &untrusted.follows {
            let found = Finding::new(GuardName::Untrusted, Reason::UntrustedInstruction, Effect::Approve);
            answers.add(found.because(sentence.as_str()));
        }
    }
    if let Some(exposure) = exposure {
        from_earlier_passages(exposure, ask, answers);
        trio(exposure, ask, answers);
    }
}

/// The name of a parameter, as people know it.
fn parameter(field: &str) -> &str {
    let named = |part: &&str| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit());
    field.rsplit('/').find(named).unwrap_or(field)
}

/// Arguments that stand in a passage which earlier outputs of the session tried to slip in.
fn from_earlier_passages(exposure: &Exposure, ask: &Ask<'_>, answers: &mut Answers) {
    if exposure.passages.is_empty() {
        return;
    }
    for text in ask.facts.texts.iter().filter(|text| is_consequential(text.kind)) {
        let named = answers.findings.iter().any(|found| {
            found.reason == Reason::UntrustedArgument
                && found.subject.as_deref() == Some(parameter(&text.field))
        });
        let passage = exposure.passages.iter().find(|passage| shares_value(text, &passage.text));
        if let Some(passage) = passage.filter(|_| !named) {
            let found = Finding::new(GuardName::Untrusted, Reason::UntrustedArgument, Effect::Approve);
            answers.add(found.subject(parameter(&text.field)).because(passage.text.as_str()));
        }
    }
}

/// Whether the argument, or an address in it, stands in the passage.
fn shares_value(text: &Text, passage: &str) -> bool {
    let whole = text.text.len() <= 200 && untrusted::occurs(&text.text, passage);
    whole || untrusted::addresses(&text.text).any(|address| untrusted::occurs(address, passage))
}

const fn is_consequential(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Recipient
            | FieldKind::Url
            | FieldKind::Host
            | FieldKind::Command
            | FieldKind::Argv
            | FieldKind::Code
            | FieldKind::Sql
            | FieldKind::WritePath
            | FieldKind::DeletePath
            | FieldKind::Amount
    )
}

/// Private data was read, untrusted content was seen, and this is a way out.
fn trio(exposure: &Exposure, ask: &Ask<'_>, answers: &mut Answers) {
    let tool = ask.request.action.0.as_str();
    let Some(private) = &exposure.private else { return };
    if !exposure.saw_untrusted() {
        return;
    }
    if let Some(out) = untrusted::way_out(ask.facts, tool) {
        let seen = exposure.outside.as_deref().unwrap_or("an output that gives orders");
        let because = format!("{private} was read, and content from {seen} was seen");
        let found = Finding::new(GuardName::Untrusted, Reason::PrivateDataWayOut, Effect::Approve);
        answers.add(found.subject(out).because(because));
    }
}
