//! The default pack over the real analysis: whole homes are not read without a question.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use stayhand_core::decision::Effect;
use stayhand_runtime::{Engine, Settings, wire};

fn effect(engine: &Engine, tool: &str, input: &serde_json::Value) -> Effect {
    let line = serde_json::json!({ "tool": tool, "input": input }).to_string();
    let defaults = wire::Defaults::new("/home/u/project", "/home/u");
    let parsed = wire::request(line.as_bytes(), &defaults).unwrap();
    engine.check(parsed, false).unwrap().decision.effect
}

#[test]
fn whole_homes_are_not_read_without_a_question() {
    let engine = Engine::in_memory(Settings::default()).unwrap();
    let bash = |command: &str| effect(&engine, "bash", &serde_json::json!({ "command": command }));
    for command in [
        "grep -r x /home/ada",
        "grep -r x /home/u",
        "grep -r x /home",
        "grep -r x ~",
        "grep -r x /",
        "tar czf /tmp/o.tgz /home/ada",
    ] {
        assert!(bash(command) > Effect::Allow, "`{command}` simply runs");
    }
    for path in ["/home/ada", "/home", "~", "/"] {
        let found = effect(&engine, "Grep", &serde_json::json!({ "pattern": "x", "path": path }));
        assert!(found > Effect::Allow, "Grep in {path} simply runs");
    }
    // The harmless neighbours: the workspace and what lies in it.
    for command in ["grep -r x .", "grep -r x src", "grep -r x /home/u/project/src"] {
        assert_eq!(bash(command), Effect::Allow, "`{command}`");
    }
}
