//! What lies in a repository, and Stayhand's own files.

use crate::common::{HELD, NOT_RUN, PERMITTED, REFUSED, STAYHAND, World, run};
use serde_json::json;

/// The environment comes from the process, never from files in the project.
#[test]
fn bypass_68_a_dotenv_file_moves_nothing() {
    let world = World::new();
    let evil = world.beside("evil");
    for name in [".env", ".envrc", ".stayhand/.env", "stayhand.toml", ".stayhand/config.toml"] {
        world.write(
            name,
            format!("STAYHAND_HOME={0}\nHOME={0}\nXDG_STATE_HOME={0}\nXDG_CONFIG_HOME={0}\n", evil.display()),
        );
    }
    let mut command = world.bare(STAYHAND);
    command.args(["check", "--record", "bash", "ls"]);
    run(command, b"").expect(PERMITTED);
    assert!(!evil.exists());
    assert!(world.home.join(".local/state/stayhand/log.db").exists());
    // The neighbour: the process' own environment.
    let mut command = world.bare(STAYHAND);
    command.env("STAYHAND_HOME", &evil).args(["check", "--record", "bash", "ls"]);
    run(command, b"").expect(PERMITTED);
    assert!(evil.join("log.db").exists());
}

/// Protected names are protected before they exist.
#[test]
fn bypass_69_settings_that_do_not_exist_yet_are_protected() {
    let world = World::new();
    for (path, least) in [
        ("~/.config/stayhand/policy.yaml", REFUSED),
        ("~/.local/state/stayhand/log.db", REFUSED),
        (".stayhand/policy.yaml", REFUSED),
        (".git/hooks/post-checkout", REFUSED),
        (".git/config", REFUSED),
        ("~/.bashrc", REFUSED),
        (".claude/settings.json", HELD),
        (".mcp.json", HELD),
        (".vscode/tasks.json", HELD),
    ] {
        let input = json!({"path": path, "content": "x"}).to_string();
        let file = world.run(&["check", "write_file", &input]);
        let shell = world.run(&["check", "bash", &format!("echo x > {path}")]);
        for run in [file, shell] {
            assert!(run.code == least || run.code == REFUSED, "{path}: {run:?}");
        }
    }
    for path in ["stayhand.md", "hooks/post-checkout", "config", "settings.json"] {
        let input = json!({"path": path, "content": "x"}).to_string();
        world.run(&["check", "write_file", &input]).expect(PERMITTED);
    }
}

#[test]
fn bypass_71_repositories_inside_the_repository_are_protected_too() {
    let world = World::new();
    for path in ["vendor/lib/.git/hooks/pre-commit", "vendor/lib/.git/config", "sub/.git"] {
        let input = json!({"path": path, "content": "x"}).to_string();
        let run = world.run(&["check", "write_file", &input]);
        assert_ne!(run.code, PERMITTED, "{path}: {run:?}");
    }
    world
        .run(&["check", "write_file", "{\"path\":\"vendor/lib/src/a.rs\",\"content\":\"x\"}"])
        .expect(PERMITTED);
}

/// The governed agent reaches neither state nor policy, wherever they lie.
#[test]
fn bypass_74_state_and_policy_are_out_of_reach() {
    let world = World::new();
    let policy = world.write("own-policy.yaml", "extends: permissive\n");
    let policy = policy.to_str().unwrap();
    let state = world.state.to_str().unwrap();
    world.run(&["exec", "--policy", policy, "--", "true"]).expect(PERMITTED);
    let before = world.run(&["audit", "checkpoint"]).out;
    for command in [
        format!("rm -rf {state}"),
        format!("echo x >> {state}/log.db"),
        format!("cp a.txt {state}/key"),
        format!("sqlite3 {state}/log.db 'DELETE FROM record'"),
        format!("echo 'extends: permissive' > {policy}"),
        "echo x >> own-policy.yaml".to_owned(),
        format!("mv {policy} elsewhere.yaml"),
    ] {
        let run = world.run(&["exec", "--policy", policy, &command]);
        assert_eq!(run.code, NOT_RUN, "{command}: {run:?}");
    }
    world.run(&["exec", "--policy", policy, "echo x >> other-policy.yaml"]).expect(PERMITTED);
    world.verify();
    let kept = world.write("kept", before);
    world.run(&["audit", "verify", "--kept", kept.to_str().unwrap()]).expect(PERMITTED);
}
