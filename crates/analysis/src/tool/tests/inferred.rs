//! What arguments mean that nobody has declared.

use super::*;

#[test]
fn p023_to_p043_internal_hosts() {
    for (url, class) in [
        ("http://2130706433/", AddressClass::Loopback),
        ("http://0x7f000001/", AddressClass::Loopback),
        ("http://0177.0.0.1/", AddressClass::Loopback),
        ("http://127.1/", AddressClass::Loopback),
        ("http://localhost./", AddressClass::Loopback),
        ("http://127.0.0.1.nip.io/", AddressClass::Loopback),
        ("http://[64:ff9b::7f00:1]/", AddressClass::Loopback),
        ("http://0/", AddressClass::Loopback),
        ("http://100.64.0.1/", AddressClass::Private),
        ("http://metadata.google.internal/", AddressClass::Metadata),
        ("https://example.com/", AddressClass::Name),
    ] {
        let found = facts("fetch", json!({"url": url}));
        assert_eq!(found.operations[0].hosts[0].class, class, "{url}");
    }
}

#[test]
fn p053_p054_every_host_counts() {
    assert_eq!(hosts("call_api", json!({"endpoint": "http://evil.com"})), ["evil.com"]);
    assert_eq!(
        hosts("call_api", json!({"host": "evil.com", "url": "https://api.openai.com"})),
        ["evil.com", "api.openai.com"]
    );
    assert_eq!(hosts("call_api", json!({"opts": {"baseURL": "https://evil.com"}})), ["evil.com"]);
    assert_eq!(hosts("call_api", json!({"urls": ["https://a.com", "https://b.com"]})), ["a.com", "b.com"]);
    assert_eq!(hosts("call_api", json!({"endpoint": "x"})), Vec::<String>::new());
    assert_eq!(hosts("call_api", json!({"endpoint": "/users/1"})), Vec::<String>::new());
    assert_eq!(hosts("call_api", json!({"message": "see http://a.com"})), Vec::<String>::new());
}

#[test]
fn nested_values_and_keys_are_inspected() {
    assert_eq!(paths("x", json!({"opts": {"path": "/app/.env"}})), ["Read /app/.env"]);
    assert_eq!(paths("x", json!({"opts": [{"a": ["/etc/shadow"]}]})), ["Read /etc/shadow"]);
    assert_eq!(paths("x", json!({"files": ["a", "b"]})), ["Read /code/repo/a", "Read /code/repo/b"]);
    assert_eq!(paths("x", json!({"map": {"/etc/shadow": 1}})), ["Read /etc/shadow"]);
    assert_eq!(paths("x", json!({"map": {"/users/list": 1}})), Vec::<String>::new());
    assert_eq!(paths("x", json!({"note": "/etc/shadow"})), Vec::<String>::new());
    let facts = facts("run", json!({"cmd": "rm -rf /"}));
    assert_eq!(facts.texts[0].kind, FieldKind::Command);
}

#[test]
fn unknown_tools_with_nothing_to_infer_are_empty_but_there() {
    let facts = facts("send_money", json!({"amount": 5, "reason": "rent"}));
    assert_eq!(facts.operations, [Operation::default()]);
    assert_eq!(facts.invalid, []);
}

#[test]
fn pattern_texts_are_cleaned() {
    for (path, expected) in [
        ("/app/.env\n", "/app/.env"),
        ("/app/.env/", "/app/.env"),
        ("//etc/passwd", "/etc/passwd"),
        ("/home/../etc/passwd", "/etc/passwd"),
        ("~/.git/config", "~/.git/config"),
        ("/a/EVIL.exe::$DATA", "/a/EVIL.exe"),
        ("file:///a/b", "/a/b"),
        ("/app/.\u{200b}env", "/app/.env"),
    ] {
        let found = texts("write_file", json!({"path": path}));
        assert_eq!(found[0], ("/path".into(), FieldKind::WritePath, expected.into()), "{path}");
    }
}

#[test]
fn free_text_is_not_a_path_or_a_command() {
    let found = texts("send", json!({"message": "my password reset", "path": "/x/password.txt"}));
    assert_eq!(found[0].1, FieldKind::Text);
    assert_eq!(found[1].1, FieldKind::Path);
}

#[test]
fn queries_are_sql_only_if_they_read_like_sql() {
    let kind = |query: &str| texts("search", json!({"query": query}))[0].1;
    for query in ["SELECT * FROM t", "drop table users", "DELETE FROM users -- x' (", "/* a */ SELECT 1"] {
        assert_eq!(kind(query), FieldKind::Sql, "{query}");
    }
    for query in
        ["select the best hotel in Paris", "update my profile picture", "weather", "with whom did I meet"]
    {
        assert_eq!(kind(query), FieldKind::Text, "{query}");
    }
}
