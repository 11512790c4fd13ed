//! The safety layer: what it refuses, beside the nearest that it allows.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use serde_json::{Value, json};
use stayhand_core::decision::{Decision, Effect, Obligation};
use stayhand_runtime::presets::{SafetyLayerOptions, create_safety_layer};
use stayhand_runtime::{Engine, wire};

fn usual() -> SafetyLayerOptions {
    SafetyLayerOptions::default()
}

fn decide(layer: &Engine, tool: &str, input: impl Into<Value>) -> Decision {
    let line = json!({ "tool": tool, "input": input.into() }).to_string();
    let parsed = wire::request(line.as_bytes(), &wire::Defaults::new("/box", "/root")).unwrap();
    layer.check(parsed, false).unwrap().decision
}

fn effect(layer: &Engine, tool: &str, input: impl Into<Value>) -> Effect {
    decide(layer, tool, input).effect
}

fn is_refused_by(decision: &Decision, rule: &str) -> bool {
    let by = |name: &str| decision.findings.iter().any(|found| found.rule.as_deref() == Some(name));
    decision.effect == Effect::Deny && by(rule)
}

/// A134, PY-11: the defaults.
#[test]
fn a134_defaults() {
    let options = SafetyLayerOptions {
        block_dangerous_commands: true,
        block_production_access: true,
        allowed_paths: None,
        allowed_hosts: None,
        enable_tracing: true,
        enable_approval: false,
    };
    assert_eq!(usual(), options);
    assert_eq!(serde_json::from_str::<SafetyLayerOptions>("{}").unwrap(), options);
    assert!(serde_json::from_str::<SafetyLayerOptions>(r#"{"allow_everything": true}"#).is_err());
}

/// P058 to P071, P075 to P077, E027, E030, E031, E032: commands, by the rule that refuses them.
#[test]
fn p058_p077_commands() {
    let layer = create_safety_layer(&usual()).unwrap();
    for (number, rule, command) in [
        ("P058", "block_rm_root", "rm --recursive --force /"),
        ("P060", "block_rm_root", "rm -rfv /"),
        ("P061", "block_rm_root", "rm -rf -- /"),
        ("P062", "block_rm_root", "r\\m -rf /"),
        ("P063", "block_rm_root", "'rm' -rf /"),
        ("P064", "block_rm_root", "rm${IFS}-rf${IFS}/"),
        ("P065", "block_rm_root", "rm -rf \"/\""),
        ("P066", "block_rm_root", "rm -rf ${HOME}"),
        ("P068", "block_rm_root", "$(echo rm) -rf /"),
        ("P070", "block_rm_root", "find / -delete"),
        ("P071", "block_rm_root", "python -c 'import shutil;shutil.rmtree(\"/\")'"),
        ("E027 tilde", "block_rm_root", "rm -rf ~"),
        ("E027 glob", "block_rm_root", "rm -rf /*"),
        ("E027 system", "block_rm_root", "sudo rm -rf /etc"),
        ("P072", "block_drop_table", "psql -c 'DROP/**/TABLE users'"),
        ("P074", "block_truncate", "mysql -e 'TRUNCATE users'"),
        ("P075", "block_raw_device", "cat x > /dev/vda"),
        ("P076", "block_raw_device", "dd of=/dev/sda"),
        ("E030", "block_raw_device", "echo x > /dev/nvme0n1"),
        ("E031", "block_disk_format", "mkfs.ext4 /dev/sda1"),
        ("P077", "block_prod_db", "psql -h prd-db"),
        ("E032", "block_prod_db", "ssh my_production-server ls"),
    ] {
        let decision = decide(&layer, "bash", command);
        assert!(is_refused_by(&decision, rule), "{number} {command}: {decision:#?}");
    }
    // Hidden code, and tools that partition: what it would do cannot be said.
    for (number, command) in [
        ("P069", "echo cm0gLXJmIC8K|base64 -d|sh"),
        ("P071", "python -c \"$CODE\""),
        ("P068", "$X -rf /"),
        ("E031", "parted /dev/sda mklabel gpt"),
    ] {
        assert_eq!(effect(&layer, "bash", command), Effect::Deny, "{number} {command}");
    }
}

/// P072 to P074, E028, E029: statements.
#[test]
fn p072_p074_statements() {
    let layer = create_safety_layer(&usual()).unwrap();
    for (number, statement) in [
        ("P072", "DROP/**/TABLE users"),
        ("P073", "DROP VIEW x; DELETE FROM users"),
        ("P073 second", "DELETE FROM users"),
        ("P074", "TRUNCATE users"),
        ("E028", "drop database x"),
        ("E029", "TRUNCATE TABLE users"),
        ("unknown", "DROP DROP"),
    ] {
        assert_eq!(effect(&layer, "sql", statement), Effect::Deny, "{number} {statement}");
    }
    for statement in ["SELECT 'DROP TABLE users'", "DELETE FROM users WHERE id = 7", "CREATE TABLE t (a int)"]
    {
        assert_eq!(effect(&layer, "sql", statement), Effect::Allow, "{statement}");
    }
}

/// P078, P079: words are no deeds, and one file in the temporary folder is not the root.
#[test]
fn p078_p079_the_rest_is_allowed() {
    let layer = create_safety_layer(&usual()).unwrap();
    for command in [
        "rm /tmp/one-file.txt",
        "rm -rf build",
        "echo 'format_parted_results()'",
        "grep -r mkfs .",
        "cargo test",
        "python x.py",
        "git push",
        "cat x > /dev/null",
        "echo reproduction_db product_database",
        "psql -h staging-db -c 'SELECT 1'",
    ] {
        let decision = decide(&layer, "bash", command);
        assert_eq!(decision.effect, Effect::Allow, "{command}: {decision:#?}");
    }
    let defined = "def format_parted_results():\n    return 1\nformat_parted_results()";
    assert_eq!(effect(&layer, "python", defined), Effect::Allow, "P079");
    assert_eq!(
        effect(&layer, "any_tool", json!({ "note": "format_parted_results()" })),
        Effect::Allow,
        "P079"
    );
}

/// PY-11: what cannot be understood waits for a person where one can be asked; what is known stays refused.
#[test]
fn py_11_approval() {
    let layer = create_safety_layer(&SafetyLayerOptions { enable_approval: true, ..usual() }).unwrap();
    for command in ["$X -rf /", "echo cm0gLXJmIC8K|base64 -d|sh", "cat $FILE"] {
        assert_eq!(effect(&layer, "bash", command), Effect::Approve, "{command}");
    }
    assert_eq!(effect(&layer, "bash", "rm -rf /"), Effect::Deny);
    assert_eq!(effect(&layer, "bash", "ls"), Effect::Allow);
}

/// A134: each switch switches off its own part, and no other.
#[test]
fn a134_parts() {
    let off = SafetyLayerOptions { block_dangerous_commands: false, ..usual() };
    let layer = create_safety_layer(&off).unwrap();
    assert_eq!(effect(&layer, "bash", "rm -rf /"), Effect::Allow);
    assert_eq!(effect(&layer, "sql", "DELETE FROM users"), Effect::Allow);
    assert_eq!(effect(&layer, "bash", "psql -h prod_db"), Effect::Deny);
    let off = SafetyLayerOptions { block_production_access: false, ..usual() };
    let layer = create_safety_layer(&off).unwrap();
    assert_eq!(effect(&layer, "bash", "psql -h prod_db -c 'SELECT 1'"), Effect::Allow);
    assert_eq!(effect(&layer, "bash", "rm -rf /"), Effect::Deny);
}

/// A134: tracing marks actions; the decision is the same without.
#[test]
fn a134_tracing() {
    let traces = |enable_tracing| {
        let layer = create_safety_layer(&SafetyLayerOptions { enable_tracing, ..usual() }).unwrap();
        let decision = decide(&layer, "bash", "ls");
        assert_eq!(decision.effect, Effect::Allow);
        decision
            .obligations
            .iter()
            .any(|duty| matches!(duty, Obligation::Audit { rule } if &**rule == "trace"))
    };
    assert_eq!((traces(true), traces(false)), (true, false));
}

/// A134: `allowed_paths`, folders with all below. An empty list allows nothing.
#[test]
fn a134_allowed_paths() {
    let options = |paths: &[&str]| SafetyLayerOptions {
        allowed_paths: Some(paths.iter().map(|path| (*path).to_owned()).collect()),
        ..usual()
    };
    let layer = create_safety_layer(&options(&["/data/", "sub", "*.pem", "quote\"d\n: folder"])).unwrap();
    let read = |path: &str| decide(&layer, "read_file", path);
    for path in ["/data", "/data/a/b", "/box/sub/x", "/box/x.pem", "sub"] {
        assert_eq!(read(path).effect, Effect::Allow, "{path}");
    }
    for path in ["/database/a", "/data/../etc/passwd", "/etc/passwd", "/box/subway", "/box/a/sub/x"] {
        assert!(is_refused_by(&read(path), "path_allowlist"), "{path}");
        assert_eq!(effect(&layer, "bash", format!("cat {path}")), Effect::Deny, "{path}");
    }
    let layer = create_safety_layer(&options(&[])).unwrap();
    assert_eq!(effect(&layer, "read_file", "/data/a"), Effect::Deny);
    let layer = create_safety_layer(&options(&["/"])).unwrap();
    assert_eq!(effect(&layer, "read_file", "/data/a"), Effect::Allow);
}

/// A134: `allowed_hosts`. An empty list allows nothing; what is private stays so, unless addresses are listed.
#[test]
fn a134_allowed_hosts() {
    let with = |hosts: &[&str]| {
        let allowed_hosts = Some(hosts.iter().map(|host| (*host).to_owned()).collect());
        create_safety_layer(&SafetyLayerOptions { allowed_hosts, ..usual() }).unwrap()
    };
    let fetch = |layer: &Engine, url: &str| effect(layer, "fetch", json!({ "url": url }));
    let layer = with(&["api.openai.com", "*.example.com", "localhost"]);
    for url in ["https://api.openai.com/v1", "https://a.example.com", "http://localhost:3000"] {
        assert_eq!(fetch(&layer, url), Effect::Allow, "{url}");
    }
    for url in
        ["https://evil.com", "https://api.openai.com.evil.com", "http://10.0.0.5", "https://xexample.com"]
    {
        assert_eq!(fetch(&layer, url), Effect::Deny, "{url}");
    }
    let elsewhere = decide(&layer, "fetch", json!({ "url": "https://evil.com" }));
    assert!(is_refused_by(&elsewhere, "network_allowlist"), "{elsewhere:?}");
    assert_eq!(effect(&layer, "bash", "curl https://evil.com"), Effect::Deny);
    assert_eq!(fetch(&with(&[]), "https://api.openai.com"), Effect::Deny);
    let layer = with(&["10.0.0.5"]);
    assert_eq!(fetch(&layer, "http://10.0.0.5"), Effect::Allow);
    assert_eq!(fetch(&layer, "http://10.0.0.6"), Effect::Deny);
    let layer = create_safety_layer(&usual()).unwrap();
    assert_eq!(fetch(&layer, "https://any.example"), Effect::Allow);
    assert_eq!(fetch(&layer, "http://169.254.169.254/"), Effect::Deny);
}
