//! Secrets in arguments: stored nowhere, replaced whole, and known to leave or to stay.

use super::*;

/// Spells a secret so that this file itself holds none.
fn key() -> String {
    ["AKIA", "IOSFODNN7EXAMPLE"].concat()
}

#[test]
fn declared_secrets_are_replaced_whatever_their_type() {
    let declared = Declaration {
        fields: [("/pin".into(), FieldKind::Secret), ("/seed".into(), FieldKind::Secret)].into(),
        infer: true,
        ..Declaration::default()
    };
    let asked = request("x", json!({"pin": 4711, "seed": ["correct", "horse"], "n": 4711}));
    let analysis = analyse(&asked, Some(&declared));
    let expected =
        json!({"pin": "[redacted:field]", "seed": ["[redacted:field]", "[redacted:field]"], "n": 4711});
    assert_eq!(Value::Object(analysis.redacted.resource.0), expected);
}

#[test]
fn bypass_163_secrets_are_stored_nowhere() {
    let secret = key();
    for (tool, arguments) in [
        ("bash", json!({"command": format!("deploy --password {secret} {secret}")})),
        ("write_file", json!({"path": format!("/a/{secret}/b"), "content": secret})),
        (
            "fetch",
            json!({"url": format!("https://x.com/?k={secret}"), "headers": {"Authorization": format!("Bearer {secret}")}}),
        ),
        ("x", json!({"note": format!("key {secret}"), "again": secret})),
        ("exec", json!({"argv": ["deploy", secret]})),
        ("sql", json!({"query": format!("SELECT '{secret}'")})),
        ("x", json!({"map": {format!("k{secret} {secret}"): 1}})),
    ] {
        let analysis = analyse(&request(tool, arguments.clone()), None);
        let stored = format!(
            "{}{}",
            serde_json::to_string(&analysis.facts).unwrap(),
            serde_json::to_string(&analysis.redacted).unwrap()
        );
        assert!(
            !stored.contains(&format!("\"{secret}")) && !stored.contains(&format!(" {secret}")),
            "{tool} {arguments}: {stored}"
        );
    }
    let plain = request("read_file", json!({"path": "a"}));
    assert_eq!(analyse(&plain, None).redacted, plain);
}

#[test]
fn secrets_say_whether_they_leave() {
    let secret = key();
    let of = |tool, arguments| {
        let facts = facts(tool, arguments);
        let uses: Vec<_> = facts.operations.iter().flat_map(|operation| operation.secrets.clone()).collect();
        assert_eq!(uses.len(), 1, "{uses:?}");
        (uses[0].field.clone(), uses[0].outgoing)
    };
    assert_eq!(of("fetch", json!({"url": "https://x.com", "body": secret})), ("/body".into(), true));
    assert_eq!(of("mcp__mail__send", json!({"text": secret})), ("/text".into(), true));
    assert_eq!(of("write_file", json!({"path": "a", "content": secret})), ("/content".into(), false));
    assert_eq!(of("login", json!({"password": "x"})), ("/password".into(), true));
}

#[test]
fn secret_fields_are_replaced_whole() {
    let redacted = analyse(&request("login", json!({"password": "letmein", "user": "ada"})), None).redacted;
    assert_eq!(Value::Object(redacted.resource.0), json!({"password": "[redacted:field]", "user": "ada"}));
}
