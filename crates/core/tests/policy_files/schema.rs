//! The schema for editors.

use super::*;

/// The schema knows every key that the packs use.
#[test]
fn the_schema_accepts_every_pack() {
    let schema = source::json_schema();
    for (name, text) in packs::PACKS {
        let written: Value = serde_saphyr::from_str(text).unwrap();
        if let Err(place) = fits(&written, &schema, &schema, String::new()) {
            panic!("{name}: the schema refuses {place}");
        }
    }
    let wrong: Value = serde_json::json!({"rules": [{"alow": "bash"}]});
    assert_eq!(fits(&wrong, &schema, &schema, String::new()), Err("/rules/0/alow".to_owned()));
}

/// The part of JSON Schema that the schema uses.
fn fits(value: &Value, schema: &Value, root: &Value, at: String) -> Result<(), String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).expect("the reference exists");
        return fits(value, target, root, at);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(choices) = schema.get(key).and_then(Value::as_array) {
            let fitting =
                choices.iter().filter(|choice| fits(value, choice, root, at.clone()).is_ok()).count();
            if fitting == 0 {
                return Err(at);
            }
        }
    }
    for key in ["enum", "const"] {
        if let Some(listed) = schema.get(key) {
            let found = listed.as_array().map_or(listed == value, |all| all.contains(value));
            return if found { Ok(()) } else { Err(at) };
        }
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => value.is_null(),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(kind)) {
        return Err(at);
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for (number, item) in list.iter().enumerate() {
            fits(item, items, root, format!("{at}/{number}"))?;
        }
    }
    let Some(map) = value.as_object() else { return Ok(()) };
    for (key, item) in map {
        let at = format!("{at}/{key}");
        match (schema.get("properties").and_then(|known| known.get(key)), schema.get("additionalProperties"))
        {
            (Some(known), _) => fits(item, known, root, at)?,
            (None, Some(Value::Bool(false))) => return Err(at),
            (None, Some(other)) if other.is_object() => fits(item, other, root, at)?,
            _ => {}
        }
    }
    Ok(())
}
