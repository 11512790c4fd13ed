//! What holds for every policy and every request.

#![expect(clippy::panic, reason = "a test fails by panicking")]

#[path = "common/random.rs"]
mod random;

use proptest::prelude::*;
use random::{KINDS, Scene, aspect, extras, rule, scene, text};
use serde_json::{Value, json};
use stayhand_core::decision::{Effect, Layer};
use stayhand_core::policy::{LayerText, Policy, packs};

// Failures are printed whole; they become tests of their own instead of lines in a seed file.
fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

fn compile(files: &[(Layer, String)]) -> Policy {
    let files: Vec<LayerText> = files
        .iter()
        .map(|(layer, text)| LayerText { layer: *layer, name: "p.yaml".into(), text: text.clone() })
        .collect();
    Policy::compile(&files, stayhand_core::policy::NoAnalysis)
        .unwrap_or_else(|error| panic!("{:#?}", error.problems))
}

fn user(rules: &[Value]) -> Policy {
    compile(&[(Layer::User, text(rules, &json!({})))])
}

fn effect(policy: &Policy, scene: &Scene) -> Effect {
    scene.decide(policy).decision.effect
}

fn rules(most: usize) -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(rule(KINDS), 0..most)
}

fn file() -> impl Strategy<Value = String> {
    (rules(5), extras()).prop_map(|(rules, extras)| text(&rules, &extras))
}

proptest! {
    #![proptest_config(cases(500))]

    /// One more rule that tightens never makes the answer milder. (A trusted rule that asks is also
    /// a rule that covers: it may turn "nobody allows this" into a question, and never into a yes.)
    #[test]
    fn one_more_strict_rule(before in rules(6), more in rule(&["warn", "audit", "approve", "deny"]), at in 0usize..6, scene in scene(true)) {
        let mut after = before.clone();
        after.insert(at.min(before.len()), more.clone());
        let (before, after) = (effect(&user(&before), &scene), effect(&user(&after), &scene));
        let least = if more.get("approve").is_some() { before.min(Effect::Approve) } else { before };
        prop_assert!(after >= least, "{before} became {after}");
    }

    /// A project's or session's file, whatever it says, never makes the answer milder.
    #[test]
    fn untrusted_files_only_tighten(trusted in file(), untrusted in file(), session in any::<bool>(), scene in scene(true)) {
        let layer = if session { Layer::Session } else { Layer::Project };
        let before = scene.decide(&compile(&[(Layer::User, trusted.clone())]));
        let after = scene.decide(&compile(&[(Layer::User, trusted), (layer, untrusted)]));
        prop_assert!(after.decision.effect >= before.decision.effect);
        if let (Some(before), Some(after)) = (before.expires, after.expires) {
            prop_assert!(after <= before, "the question stays open for longer");
        }
        if after.decision.effect < Effect::Deny {
            for duty in &before.decision.obligations {
                prop_assert!(is_kept(duty, &after.decision.obligations), "{duty:?} is gone");
            }
        }
    }

    /// Another trusted file that allows nothing tightens.
    #[test]
    fn one_more_strict_layer(trusted in file(), strict in proptest::collection::vec(rule(&["warn", "audit", "deny"]), 0..5), scene in scene(true)) {
        let before = effect(&compile(&[(Layer::User, trusted.clone())]), &scene);
        let strict = text(&strict, &json!({}));
        let after = effect(&compile(&[(Layer::Organisation, strict), (Layer::User, trusted)]), &scene);
        prop_assert!(after >= before);
    }

    /// The order of rules and of files changes nothing.
    #[test]
    fn order_changes_nothing(first in rules(5), second in file(), third in file(), turn in 0usize..5, scene in scene(true)) {
        let mut turned = first.clone();
        turned.reverse();
        turned.rotate_left(turn.min(first.len()));
        let user = |rules: &[Value]| (Layer::User, text(rules, &json!({})));
        let files = [user(&first), (Layer::Organisation, second.clone()), (Layer::Project, third.clone())];
        let others = [(Layer::Project, third), user(&turned), (Layer::Organisation, second)];
        let (one, other) = (scene.decide(&compile(&files)), scene.decide(&compile(&others)));
        prop_assert_eq!(one.decision.effect, other.decision.effect);
        prop_assert_eq!(one.expires, other.expires);
    }

    /// Knowing less never turns a question or a refusal into a yes, unless a rule accepts the
    /// unknown in so many words.
    #[test]
    fn the_unknown_never_loosens(rules in rules(6), extras in extras(), number in 0usize..3, aspect in aspect(), scene in scene(true)) {
        let accepts = |rule: &Value| rule.get("allow").is_some() && rule.pointer("/when/opaque") == Some(&json!(true));
        prop_assume!(!rules.iter().any(accepts) && extras.get("extends") != Some(&json!("permissive")));
        let policy = compile(&[(Layer::User, text(&rules, &extras))]);
        let mut hidden = scene.clone();
        hidden.hide(number, aspect);
        let (known, unknown) = (effect(&policy, &scene), effect(&policy, &hidden));
        prop_assert!(unknown > Effect::Allow || known == Effect::Allow, "{known} became {unknown}");
    }

    /// The same question has the same answer.
    #[test]
    fn decisions_are_deterministic(file in file(), scene in scene(true)) {
        let (one, other) = (compile(&[(Layer::User, file.clone())]), compile(&[(Layer::User, file)]));
        prop_assert_eq!(one.id(), other.id());
        prop_assert_eq!(scene.decide(&one), scene.decide(&other));
        prop_assert_eq!(scene.decide(&one), scene.decide(&one));
    }

    /// An allow rule decides nothing alone: what allows nothing permits nothing.
    #[test]
    fn nothing_allowed_is_nothing_permitted(rules in proptest::collection::vec(rule(&["warn", "audit", "deny"]), 0..6), scene in scene(true)) {
        prop_assert!(effect(&user(&rules), &scene) >= Effect::Deny);
    }

    /// Decisions survive being written down.
    #[test]
    fn decisions_round_trip(file in file(), scene in scene(true)) {
        let decision = scene.decide(&compile(&[(Layer::User, file)])).decision;
        let text = serde_json::to_string(&decision).unwrap();
        let back: stayhand_core::decision::Decision = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(back, decision);
    }
}

/// Whether the duty, or a stronger one, is among `duties`.
fn is_kept(
    duty: &stayhand_core::decision::Obligation,
    duties: &[stayhand_core::decision::Obligation],
) -> bool {
    use stayhand_core::decision::Obligation::Confine;
    duties.iter().any(|kept| match (duty, kept) {
        (Confine { least: wanted }, Confine { least }) => least >= wanted,
        _ => kept == duty,
    })
}

fn load(text: String) {
    let file = LayerText { layer: Layer::User, name: "p.yaml".into(), text };
    if let Err(error) = Policy::compile(std::slice::from_ref(&file), stayhand_core::policy::NoAnalysis) {
        for problem in &error.problems {
            let (offset, length) = problem.span.unwrap_or_default();
            let inside = problem.file.inner().get(offset..offset + length);
            assert!(inside.is_some(), "{problem:?} points outside its file or into a character");
        }
    }
    let _ = stayhand_core::policy::lint::lint(&file, stayhand_core::policy::NoAnalysis);
}

proptest! {
    #![proptest_config(cases(600))]

    /// No text makes the loader panic, and every caret lies in the file.
    #[test]
    fn any_text_loads_or_fails(text in "\\PC{0,200}") {
        load(text);
    }

    /// Nor do texts made of the language's own pieces.
    #[test]
    fn pieces_load_or_fail(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        load(pieces.concat());
    }

    /// Nor do shipped packs with one part cut out, doubled or replaced.
    #[test]
    fn mutated_packs_load_or_fail(pack in 0usize..7, from in any::<prop::sample::Index>(), length in 0usize..60, with in "\\PC{0,8}", twice in any::<bool>()) {
        let (_, text) = packs::PACKS[pack];
        let from = text.floor_char_boundary(from.index(text.len()));
        let to = text.ceil_char_boundary((from + length).min(text.len()));
        let cut = if twice { &text[from..to] } else { "" };
        load(format!("{}{with}{cut}{cut}{}", &text[..from], &text[to..]));
    }
}

const PIECES: &[&str] = &[
    "rules:",
    "\n",
    "- ",
    "  ",
    "allow: ",
    "deny: ",
    "when: ",
    "{",
    "}",
    "[",
    "]",
    ": ",
    ", ",
    "&a ",
    "*a ",
    "'",
    "\"",
    "|",
    ">",
    "---\n",
    "...",
    "#",
    "!",
    "!!str ",
    "\t",
    "reads: ",
    "'./**'",
    "matches: ",
    "(",
    "*",
    "~",
    "null",
    "1e999",
    ".nan",
    "0x",
    "true",
    "extends: ",
    "coding-agent",
    "<<: ",
    "ä",
    "\u{feff}",
    "match: ",
    "Bash(",
    ")",
    "\r\n",
    "actions: ",
];
