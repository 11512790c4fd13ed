//! `docs/POLICY.md` says what the program does.

use stayhand_core::decision::Layer;
use stayhand_core::facts::{Facts, Operation, Place, SqlClass, Trait};
use stayhand_core::policy::{Analyse, LayerText, Policy, packs, source};
use stayhand_core::program::{Misread, ProgramSection};
use stayhand_core::reason::Reason;
use stayhand_core::request::Request;
use stayhand_core::tool::Declaration;

const DOCUMENT: &str = include_str!("../../../docs/POLICY.md");

/// One operation without any effect: the examples of the document test values alone. What it says about programs is
/// tested where the tables are.
#[derive(Clone, Copy)]
struct Nothing;

impl Analyse for Nothing {
    fn facts(self, _: &Request, _: Option<&Declaration>, _: &[ProgramSection]) -> Facts {
        Facts { operations: vec![Operation::default()], ..Facts::default() }
    }

    fn check(self, _: &ProgramSection) -> Result<(), Misread> {
        Ok(())
    }
}

/// The blocks of YAML.
fn blocks() -> impl Iterator<Item = &'static str> {
    DOCUMENT.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default())
}

#[test]
fn every_block_loads() {
    assert!(blocks().count() >= 3);
    for text in blocks() {
        let file = LayerText { layer: Layer::User, name: "POLICY.md".into(), text: text.into() };
        if let Err(error) = Policy::compile(&[file], Nothing) {
            panic!("{:#?}\n{text}", error.problems);
        }
    }
}

#[test]
fn every_reason_is_listed_with_its_meaning() {
    for reason in Reason::ALL {
        let row = format!("| `{}` | {} |", reason.code(), reason.meaning().trim());
        assert!(DOCUMENT.contains(&row), "missing: {row}");
    }
    let rows = DOCUMENT.split("## Reason codes").nth(1).map_or(0, |part| part.matches("\n| `").count());
    assert_eq!(rows, Reason::ALL.len());
}

#[test]
fn every_pack_is_listed() {
    for (name, _) in packs::PACKS {
        assert!(DOCUMENT.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn every_key_and_name_is_mentioned() {
    let schema = source::json_schema();
    let is_nowhere =
        |key: &str| ![format!("`{key}`"), format!("{key}:")].iter().any(|form| DOCUMENT.contains(form));
    let mut missing = Vec::new();
    let definitions = schema.get("$defs").and_then(|all| all.as_object());
    let structures = definitions.into_iter().flat_map(|all| all.values()).chain([&schema]);
    for structure in structures {
        let properties = structure.get("properties").and_then(|all| all.as_object());
        let keys = properties.into_iter().flat_map(|all| all.keys()).filter(|key| *key != "description");
        missing.extend(keys.filter(|key| is_nowhere(key)));
    }
    assert_eq!(missing, Vec::<&String>::new());
    let names = serde_json::json!([Trait::ALL, Place::ALL, SqlClass::ALL]);
    for name in names.as_array().into_iter().flatten().flat_map(|list| list.as_array()).flatten() {
        let name = name.as_str().unwrap_or_default();
        assert!(DOCUMENT.contains(&format!("`{name}`")), "`{name}` is not mentioned");
    }
}
