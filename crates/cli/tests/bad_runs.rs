//! `stayhand run` where something is not as it should be: each ends with a clear word, and nothing is lost.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly"
)]

mod common;

use common::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

#[test]
fn workspaces() {
    let world = World::new();
    let at = |cwd: &str| world.run(&["run", "--cwd", cwd, "--", "touch", "made"]);
    at("/").expect(NOT_RUN).says("must not be writable");
    at(world.home.to_str().unwrap()).expect(NOT_RUN).says("is the home folder");
    assert!(!world.home.join("made").exists());
    at(world.work.join("missing").to_str().unwrap()).expect(NOT_RUN).says("No such file or directory");
    // By another name it is the same one.
    let link = world.beside("link");
    symlink(&world.work, &link).unwrap();
    at(link.to_str().unwrap()).expect(PERMITTED);
    assert!(world.work.join("made").exists());
    world
        .run(&["run", "--profile", "nobody", "--", "true"])
        .expect(USAGE)
        .says("there is no profile called `nobody`");
    // A profile is no promise that what it names is there.
    world.run(&["run", "--profile", "claude", "--profile", "rust", "--", "true"]).expect(PERMITTED);
}

fn can_mount() -> bool {
    let is_root = rustix::process::getuid().is_root();
    if !is_root {
        eprintln!("NOT RUN: only root can mount");
    }
    is_root
}

/// Runs a script that mounts what it likes, which nothing else sees.
fn with_own_mounts(world: &World, script: &str) -> Run {
    let mut command = Command::new("unshare");
    command.args(["-m", "bash", "-c", script]).env("HOME", &world.home).current_dir(&world.work);
    run(command, b"")
}

/// A workspace that cannot be written stays so, and can still be worked on under review: the changes lie elsewhere.
#[test]
fn a_workspace_that_cannot_be_written() {
    if !can_mount() {
        return;
    }
    let world = World::new();
    world.write("kept", "one\n");
    let script = format!(
        "mount --bind {work} {work} && mount -o remount,ro,bind {work} && cd {work} || exit 99
{STAYHAND} --home {state} run -- bash -c 'echo two >> kept'; echo \"plain $?\"
{STAYHAND} --home {state} run --review -- bash -c 'echo two >> kept; cat kept'; echo \"review $?\"
{STAYHAND} --home {state} changes commit; echo \"commit $?\"",
        work = world.work.display(),
        state = world.state.display(),
    );
    let run = with_own_mounts(&world, &script);
    assert!(run.out.contains("plain 1") && run.out.contains("one\ntwo\nreview 0"), "{run:?}");
    assert!(run.out.contains("commit 3") && run.err.contains("Read-only file system"), "{run:?}");
    assert_eq!(fs::read_to_string(world.work.join("kept")).unwrap(), "one\n");
    // What could not be committed is still there.
    world.run(&["changes", "show"]).expect(PERMITTED).says("kept");
    world.run(&["changes", "commit"]).expect(PERMITTED);
    assert_eq!(fs::read_to_string(world.work.join("kept")).unwrap(), "one\ntwo\n");
}

/// A program that fills the disk which keeps its changes is ended while there is room to record it.
#[test]
fn a_full_disk_during_review() {
    if !can_mount() {
        return;
    }
    let world = World::new();
    world.write("kept", "one\n");
    let script = format!(
        "mkdir -m 700 {state} && mount -t tmpfs -o size=200m,mode=0700 none {state} && cd {work} || exit 99
{STAYHAND} --home {state} run --review -- bash -c 'echo two >> kept; for n in $(seq 80); do head -c 5000000 /dev/zero >> big; sleep 0.02; done; sleep 30'; echo \"run $?\"
{STAYHAND} --home {state} changes commit kept; echo \"commit $?\"
{STAYHAND} --home {state} changes discard; echo \"discard $?\"
{STAYHAND} --home {state} audit verify > /dev/null; echo \"verify $?\"
mount -o remount,size=100m none {state}
{STAYHAND} --home {state} run --review -- true; echo \"small $?\"",
        work = world.work.display(),
        state = world.state.display(),
    );
    let run = with_own_mounts(&world, &script);
    for said in ["run 124", "commit 0", "discard 0", "verify 0", "small 126"] {
        assert!(run.out.contains(said), "{said}: {run:?}");
    }
    assert!(run.err.contains("has less than 128 MiB left"), "{run:?}");
    assert_eq!(fs::read_to_string(world.work.join("kept")).unwrap(), "one\ntwo\n");
    assert!(!world.work.join("big").exists());
}

/// Bypass 77: where no control group can be had, what demands one does not run, and all else says that it runs without.
#[test]
fn bypass_77_no_control_group() {
    if !can_mount() {
        return;
    }
    let world = World::new();
    for level in ["l2", "l3"] {
        let text = format!("extends: permissive\ndefaults: {{confine: {level}}}\n");
        world.write(&format!("{level}.yaml"), text);
    }
    let script = format!(
        "mount -t tmpfs none /sys/fs/cgroup && cd {work} || exit 99
{STAYHAND} --home {state} exec --policy l3.yaml -- touch made-3; echo \"l3 $?\"
{STAYHAND} --home {state} exec --policy l2.yaml -- touch made-2; echo \"l2 $?\"
{STAYHAND} --home {state} --json doctor",
        work = world.work.display(),
        state = world.state.display(),
    );
    let run = with_own_mounts(&world, &script);
    assert!(run.out.contains("l3 126\nl2 0\n"), "{run:?}");
    assert!(run.err.contains("obligation_unfulfilled") && run.err.contains("control group"), "{run:?}");
    assert!(!world.work.join("made-3").exists() && world.work.join("made-2").exists());
    assert!(run.out.contains("\"confinement\": \"l2\""), "{run:?}");
    let settled = world.events("settled");
    let boundary = &settled.last().unwrap()["boundary"];
    assert!(boundary["without"].to_string().contains("control group"), "{boundary}");
    assert!(!boundary["mechanisms"].to_string().contains("control group"), "{boundary}");
}
