//! Paths, links and what changes between decision and execution.

use crate::common::{HELD, PERMITTED, REFUSED, USAGE, World};
use crate::engine::{PERMISSIVE, engine, execute, permit};
use serde_json::{Value, json};
use stayhand_core::event::{Event, Outcome};
use stayhand_runtime::Engine;
use std::os::unix::fs::{PermissionsExt as _, symlink};

/// Plays these actions in the world's workspace. The rows of the play.
fn play(world: &World, lines: &[Value]) -> Vec<Value> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let script = world.beside("script.jsonl");
    std::fs::write(&script, text).unwrap();
    let run = world.run(&[
        "--json",
        "play",
        script.to_str().unwrap(),
        "--no",
        "--workspace",
        world.work.to_str().unwrap(),
    ]);
    let mut rows = run.expect(PERMITTED).json_lines();
    rows.pop();
    rows
}

#[test]
fn bypass_38_a_link_inside_the_workspace_is_judged_by_where_it_leads() {
    let world = World::new();
    std::fs::create_dir(world.home.join(".ssh")).unwrap();
    std::fs::write(world.home.join(".ssh/id_ed25519"), "secret").unwrap();
    world.write("real.txt", "x");
    for (name, target) in [
        ("key", world.home.join(".ssh/id_ed25519")),
        ("folder", world.home.join(".ssh")),
        ("etc", "/etc".into()),
        ("ok", world.work.join("real.txt")),
    ] {
        symlink(target, world.work.join(name)).unwrap();
    }
    symlink("key", world.work.join("twice")).unwrap();
    for (tool, input, code) in [
        ("read_file", "key", REFUSED),
        ("read_file", "twice", REFUSED),
        ("read_file", "folder/id_ed25519", REFUSED),
        ("bash", "cat key", REFUSED),
        ("bash", "cat folder/*", REFUSED),
        ("bash", "echo x > etc/passwd", REFUSED),
        ("bash", "rm -rf etc/cron.d", REFUSED),
        ("write_file", "{\"path\":\"etc/new-file\",\"content\":\"x\"}", REFUSED),
        ("read_file", "ok", PERMITTED),
        ("bash", "cat ok", PERMITTED),
        ("write_file", "{\"path\":\"ok\",\"content\":\"x\"}", PERMITTED),
    ] {
        let run = world.run(&["check", tool, input]);
        assert_eq!(run.code, code, "{tool} {input}: {run:?}");
    }
}

#[test]
fn bypass_39_rules_that_refuse_see_the_path_behind_the_link() {
    let world = World::new();
    let policy = world.write("policy.yaml", "extends: coding-agent\nrules:\n  - {name: vault, deny: '*', when: {paths: ['./vault/**']}}\nboundaries: {paths: {blocked: [/opt/closed]}}\n");
    world.write("vault/x", "x");
    symlink("vault", world.work.join("alias")).unwrap();
    symlink("/opt/closed", world.work.join("gone")).unwrap();
    for (input, code) in
        [("alias/x", REFUSED), ("vault/x", REFUSED), ("gone/x", REFUSED), ("vaults/x", PERMITTED)]
    {
        let run = world.run(&["check", "--policy", policy.to_str().unwrap(), "read_file", input]);
        assert_eq!(run.code, code, "{input}: {run:?}");
    }
}

/// A link that a permitted program makes is not followed by the file tools.
#[test]
fn bypass_40_links_made_by_the_agent_are_not_followed_outside() {
    let world = World::new();
    let rows = play(
        &world,
        &[
            json!({"tool": "bash", "input": "ln -s /etc plain && ln -s plain second && mkdir real && ln -s real fine"}),
            json!({"tool": "write_file", "input": {"path": "plain/stayhand-test", "content": "x"}, "expect": "deny"}),
            json!({"tool": "write_file", "input": {"path": "second/stayhand-test", "content": "x"}, "expect": "deny"}),
            json!({"tool": "delete_file", "input": {"path": "second/hostname"}, "expect": "deny"}),
            json!({"tool": "edit_file", "input": {"path": "plain/hostname", "old_string": "a", "new_string": "b"}, "expect": "deny"}),
            json!({"tool": "write_file", "input": {"path": "fine/note", "content": "x"}, "expect": "allow"}),
        ],
    );
    assert!(!std::path::Path::new("/etc/stayhand-test").exists());
    assert!(world.work.join("real/note").exists(), "{rows:#?}");
}

#[test]
fn bypass_41_the_scratch_folder_is_private_and_its_name_is_not_known() {
    let world = World::new();
    let script = world.write("script.jsonl", "{\"tool\":\"bash\",\"input\":\"stat -c %a .\",\"expect\":\"allow\"}\n{\"tool\":\"bash\",\"input\":\"pwd\"}\n");
    let folder = || {
        let rows = world.run(&["--json", "play", script.to_str().unwrap(), "--no"]).json_lines();
        assert!(rows[0]["why"].as_str().unwrap().contains("700"), "{rows:?}");
        rows[1]["why"].as_str().unwrap().to_owned()
    };
    let first = folder();
    assert_ne!(first, folder());
}

/// X-21, A117: decided about a file, executed on a link to another one: the write goes nowhere.
#[test]
fn p011_a_swap_to_a_link_after_the_decision_is_noticed() {
    let world = World::new();
    let outside = world.beside("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("victim"), "untouched").unwrap();
    let engine = engine(&world, PERMISSIVE);
    for (tool, input, swap, to) in [
        ("write_file", json!({"path": "new", "content": "x"}), "new", outside.join("victim")),
        ("read_file", json!({"path": "read"}), "read", outside.join("victim")),
        ("write_file", json!({"path": "folder/victim", "content": "x"}), "folder", outside.clone()),
        ("delete_file", json!({"path": "gone/victim"}), "gone", outside.clone()),
        ("list_dir", json!({"path": "list"}), "list", outside.clone()),
    ] {
        let permit = permit(&world, &engine, tool, input);
        symlink(to, world.work.join(swap)).unwrap();
        let done = execute(&engine, permit);
        assert!(matches!(done.outcome, Outcome::Failed { .. }), "{tool}: {:?}", done.outcome);
        assert!(done.effected.output.is_empty(), "{tool}: {}", done.effected.output);
    }
    assert_eq!(std::fs::read_to_string(outside.join("victim")).unwrap(), "untouched");
    // The neighbour: nothing changes in between.
    let quiet = permit(&world, &engine, "write_file", json!({"path": "quiet/new", "content": "x"}));
    assert_eq!(execute(&engine, quiet).outcome, Outcome::Done);
    assert_eq!(std::fs::read_to_string(world.work.join("quiet/new")).unwrap(), "x");
}

/// The path that a decision was about, links followed.
fn judged(engine: &Engine, decision: u64) -> String {
    let record = engine.reader().unwrap().record(decision).unwrap().parse().unwrap();
    let Event::Decided(decided) = record.event else { panic!("no decision: {record:?}") };
    decided.facts.operations[0].paths[0].views().last().unwrap().to_owned()
}

/// The same under a race: a program swaps the folder as fast as it can.
#[test]
fn bypass_43_a_race_between_decision_and_open_is_lost_by_nobody() {
    let world = World::new();
    let (inside, outside) = (world.work.join("inside"), world.beside("outside"));
    std::fs::create_dir(&inside).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("victim"), "untouched").unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let engine = engine(&world, PERMISSIVE);
    let (swapped, next) = (world.work.join("swapped"), world.work.join("next"));
    symlink(&inside, &swapped).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                for target in [&outside, &inside] {
                    symlink(target, &next).unwrap();
                    std::fs::rename(&next, &swapped).unwrap();
                }
            }
        });
        let mut written = 0;
        for _ in 0..100 {
            // What was decided is a path without links, or the write fails.
            let permit =
                permit(&world, &engine, "write_file", json!({"path": "swapped/note", "content": "x"}));
            let judged = judged(&engine, permit.decision());
            let done = execute(&engine, permit);
            if done.outcome == Outcome::Done {
                written += 1;
                assert!(
                    std::fs::metadata(&judged).unwrap().is_file(),
                    "{judged} was judged and another one written"
                );
                std::fs::remove_file(judged).unwrap();
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(written > 0, "nothing was ever written");
    });
    assert_eq!(std::fs::read_to_string(outside.join("victim")).unwrap(), "untouched");
}

/// A117.
#[test]
fn p012_a_hard_link_of_a_file_elsewhere_is_not_written() {
    let world = World::new();
    let outside = world.beside("outside.txt");
    std::fs::write(&outside, "untouched").unwrap();
    std::fs::hard_link(&outside, world.work.join("linked")).unwrap();
    world.write("plain", "before");
    let engine = engine(&world, PERMISSIVE);
    for (name, done) in [("linked", false), ("plain", true)] {
        let permit = permit(&world, &engine, "write_file", json!({"path": name, "content": "changed"}));
        let executed = execute(&engine, permit);
        assert_eq!(executed.outcome == Outcome::Done, done, "{:?}", executed.outcome);
    }
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "untouched");
    assert_eq!(std::fs::read_to_string(world.work.join("plain")).unwrap(), "changed");
}

#[test]
fn pipes_and_devices_in_the_place_of_a_file_do_not_hang() {
    let world = World::new();
    let pipe = world.work.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let engine = engine(&world, PERMISSIVE);
    for (tool, input) in [
        ("write_file", json!({"path": "pipe", "content": "x"})),
        ("edit_file", json!({"path": "pipe", "old_string": "a", "new_string": "b"})),
        ("read_file", json!({"path": "pipe"})),
    ] {
        let permit = permit(&world, &engine, tool, input);
        let done = execute(&engine, permit);
        assert!(done.duration.as_secs() < 5, "{tool}");
        assert!(done.effected.output.is_empty());
    }
    let endless = permit(&world, &engine, "read_file", json!({"path": "/dev/zero"}));
    assert!(execute(&engine, endless).effected.output.len() <= 2 << 20);
}

#[test]
fn p020_p021_odd_paths_are_refused_with_a_reason() {
    let world = World::new();
    world.check("read_file", r#"{"path":"a\u0000b"}"#).refused_as("invalid_input");
    world.check("read_file", r#"{"path":["a","/etc/shadow"]}"#).refused_as("invalid_input");
    world.check("read_file", r#"{"path":"ab"}"#).expect(PERMITTED);
    // Every item of a list is looked at, whatever the tool.
    let run = world.check("mcp__files__copy", r#"{"paths":["a","/etc/shadow"]}"#);
    assert_eq!(run.code, REFUSED, "{run:?}");
    let run = world.check("mcp__files__copy", r#"{"paths":["a","b"]}"#);
    assert_eq!(run.code, HELD, "{run:?}");
}

#[test]
fn p022_a_boundary_holds_for_commands_too() {
    let world = World::new();
    let policy =
        world.write("policy.yaml", "extends: coding-agent\nboundaries: {paths: {allow: ['./**']}}\n");
    let check =
        |command: &str| world.run(&["check", "--policy", policy.to_str().unwrap(), "bash", command]).code;
    assert_eq!(check("cat /etc/shadow"), REFUSED);
    assert_eq!(check("cat /srv/list.txt"), REFUSED);
    assert_eq!(check("cat list.txt"), PERMITTED);
    assert_ne!(check("cat \"$UNKNOWN\""), USAGE);
    assert_ne!(check("cat \"$UNKNOWN\""), PERMITTED);
}

#[test]
fn files_are_made_with_usual_modes() {
    let world = World::new();
    play(
        &world,
        &[json!({"tool": "write_file", "input": {"path": "a/b/c.txt", "content": "x"}, "expect": "allow"})],
    );
    let mode = |name: &str| std::fs::metadata(world.work.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a/b/c.txt") & !0o022, mode("a/b") & !0o022), (0o644, 0o755));
}
