//! What a policy says about programs (`programs:`), over the real analysis.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use stayhand_core::decision::{Effect, Layer, Level, Obligation};
use stayhand_core::policy::error::PolicyError;
use stayhand_core::policy::{LayerText, Policy, lint};
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{Clock, DryRun, Observe, Observer, wire};

const DEPLOY: &str = "
version: 1
extends: coding-agent
defaults: {confine: none}
programs:
  deployctl:
    does: network
    operands: text...
    flag: [-n, --dry-run]
    value read: --config
  deployctl push:
    does: publish
    operands: read...
    value host: [-t, --to]
    options: stop
";

fn layer(layer: Layer, text: &str) -> LayerText {
    LayerText { layer, name: "policy.yaml".to_owned(), text: text.to_owned() }
}

fn compiled(layers: &[LayerText]) -> Policy {
    Policy::compile(layers, Observe).unwrap_or_else(|error| panic!("{:#?}", error.problems))
}

/// The effect of a command, and whether it has to be confined.
fn decided(layers: &[LayerText], command: &str) -> (Effect, bool) {
    let files = PolicyFiles::default();
    let dry =
        DryRun { policy: compiled(layers), observer: Observer::new(None, &files), clock: Clock::System };
    let line = serde_json::json!({ "tool": "bash", "input": { "command": command } }).to_string();
    let parsed = wire::request(line.as_bytes(), &wire::Defaults::new("/home/u/project", "/home/u")).unwrap();
    let (decision, _) = dry.decide(parsed);
    (decision.effect, decision.obligations.contains(&Obligation::Confine { least: Level::L2 }))
}

/// A trusted file makes a program known: its harmless uses run, the others are what they are.
#[test]
fn a_trusted_file_describes_a_program() {
    let user = [layer(Layer::User, DEPLOY)];
    for (command, wanted) in [
        ("deployctl status", Effect::Allow),
        ("deployctl --config ./d.toml status", Effect::Allow),
        ("deployctl --config ~/.ssh/id_rsa status", Effect::Deny),
        ("deployctl push ./site", Effect::Approve),
        ("deployctl push --to example.com ./site", Effect::Approve),
        // What the table does not list is not known.
        ("deployctl --exec x status", Effect::Approve),
    ] {
        assert_eq!(decided(&user, command), (wanted, false), "`{command}`");
    }
    // Without the table it is code that somebody installed.
    assert_eq!(decided(&[], "deployctl status"), (Effect::Allow, true));
}

/// A file adds to what the tables say about a program.
#[test]
fn a_trusted_file_refines_a_known_program() {
    let text = "extends: coding-agent\nprograms:\n  git annex:\n    does: none\n    operands: text...\n  ls:\n    value opaque: --odd\n";
    let user = [layer(Layer::User, text)];
    assert_eq!(decided(&user, "git annex list").0, Effect::Allow);
    assert_eq!(decided(&user, "git status").0, Effect::Allow);
    assert_eq!(decided(&user, "git push").0, Effect::Approve);
    assert_eq!(decided(&user, "ls -l").0, Effect::Allow);
    assert_eq!(decided(&user, "ls --odd x").0, Effect::Approve);
}

/// The agent may have written the project's file: it makes no program harmless.
#[test]
fn a_projects_file_only_adds_effects() {
    let project = "
programs:
  frobnicate:
    does: none
    operands: text...
  git push:
    does: none
  rm:
    operands: text...
  ls:
    does: publish
  make release:
    does: [publish, none]
";
    let project = [layer(Layer::Project, project)];
    for (command, wanted) in [
        ("frobnicate x", (Effect::Allow, true)),
        ("frobnicate delete x", (Effect::Approve, false)),
        ("git push", (Effect::Approve, false)),
        ("rm -rf /", (Effect::Deny, false)),
        ("ls", (Effect::Approve, false)),
        ("cat x", (Effect::Allow, true)),
        ("make test", (Effect::Allow, true)),
        ("make release", (Effect::Approve, false)),
    ] {
        let (effect, confined) = decided(&project, command);
        assert_eq!(effect, wanted.0, "`{command}`");
        assert_eq!(confined && effect == Effect::Allow, wanted.1, "`{command}`");
    }
}

/// Examples of rules know the programs, and fail where they do not come out as written.
#[test]
fn examples_know_the_programs() {
    let rule = |example: &str| {
        format!(
            "{DEPLOY}rules:\n  - name: publish_waits\n    deny: bash\n    when: {{does: publish, program: deployctl}}\n    {example}\n"
        )
    };
    compiled(&[layer(Layer::User, &rule("match: [deployctl push x]\n    not_match: [deployctl status]"))]);
    let wrong = rule("match: [deployctl status]");
    assert!(Policy::compile(&[layer(Layer::User, &wrong)], Observe).is_err());
}

fn shown(error: &PolicyError) -> Vec<(Option<usize>, String)> {
    error.problems.iter().map(|problem| (problem.line(), problem.to_string())).collect()
}

/// What cannot be read stops the file, and the caret stands at the word.
#[test]
fn mistakes_are_shown_where_they_are() {
    for (text, line, message) in [
        ("programs:\n  x:\n    does: explode\n", 3, "`explode` is not known in `does`"),
        ("programs:\n  x:\n    operands: reed...\n", 3, "`reed...` is not known in `operands`"),
        ("programs:\n  x:\n    flag: -a\n    value weird: -b\n", 4, "`weird` is not known in `value`"),
        ("programs:\n  x:\n    does: network\n    colour: -a\n", 4, "`colour` is no key of a program"),
        ("programs:\n  x:\n    options: sometimes\n", 3, "`sometimes` is no key of a program"),
        ("programs:\n  x:\n    like: no-such-program\n", 3, "no table describes `no-such-program`"),
        ("programs:\n  ../x:\n    does: network\n", 2, "`../x` names no program"),
    ] {
        let error = Policy::compile(&[layer(Layer::User, text)], Observe).unwrap_err();
        let found = shown(&error);
        assert_eq!(found, [(Some(line), message.to_owned())], "{text}");
        let (start, length) = error.problems[0].span.unwrap();
        let word = message.split('`').nth(1).unwrap();
        assert_eq!(&text[start..start + length], word, "{text}");
    }
    // A key written twice is one mistake, and a text where words belong another.
    for text in ["programs:\n  x:\n    does: network\n    does: listen\n", "programs:\n  x: network\n"] {
        assert!(Policy::compile(&[layer(Layer::User, text)], Observe).is_err(), "{text}");
    }
}

/// The linter says what counts nothing.
#[test]
fn the_linter_warns_about_a_projects_tables() {
    let text = "extends: coding-agent\nprograms:\n  x:\n    does: network\n    operands: text\n";
    let found = lint::lint(&layer(Layer::Project, text), Observe);
    let found: Vec<_> = found.iter().filter(|problem| problem.to_string().contains("programs")).collect();
    assert_eq!((found.len(), found[0].line(), found[0].warning), (1, Some(5), true));
    assert!(
        lint::lint(&layer(Layer::User, text), Observe)
            .iter()
            .all(|problem| !problem.to_string().contains("programs"))
    );
}

const DOCUMENT: &str = include_str!("../../../docs/POLICY.md");

/// The section of the document loads, with its examples, and every word that it lists is understood.
#[test]
fn the_document_says_what_is_understood() {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with("Programs\n")).unwrap();
    let block = section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    compiled(&[layer(Layer::User, block)]);
    let words = |start: &str| {
        let paragraph = section.split("\n\n").find(|paragraph| paragraph.starts_with(start)).unwrap();
        let words: Vec<&str> =
            paragraph.split('`').skip(1).step_by(2).filter(|word| *word != "does:").collect();
        assert!(words.len() > 20, "{words:?}");
        words
    };
    for (start, line) in [("Effects:", "does"), ("Meanings:", "operands")] {
        for word in words(start) {
            let text = format!("programs:\n  x:\n    {line}: {word}\n");
            compiled(&[layer(Layer::User, &text)]);
        }
    }
}
