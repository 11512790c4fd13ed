//! The program watch: every program is asked about before it starts, and by what it really is.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may fail loudly, and plays the one who starts processes"
)]
#![allow(dead_code, reason = "the world is shared with the escapes")]

mod common;

use common::*;
use stayhand_core::decision::Level;
use stayhand_sandbox::{Report, Starting};
use std::path::PathBuf;
use std::time::Duration;

/// A program that wanted to start.
struct Start {
    program: PathBuf,
    argv: Vec<String>,
    cwd: PathBuf,
    process: u32,
    parent: u32,
}

/// What is asked about while a script runs, and what it prints, whoever starts it. `refuse` says what may not start.
fn watched(script: &str, refuse: impl Fn(&Starting) -> bool, check: impl Fn(&[Start], &str)) {
    for who in [Who::Own, Who::RootForUser, Who::User] {
        match World::new(Level::L2, who) {
            Ok(world) => {
                let (seen, output) = watched_in(world, script, &refuse);
                check(&seen, &output);
            }
            Err(why) => eprintln!("NOT RUN as {who:?}: {why}"),
        }
    }
}

fn watched_in(mut world: World, script: &str, refuse: &impl Fn(&Starting) -> bool) -> (Vec<Start>, String) {
    world.spec.watched = true;
    let (child, mut control) = world.start(launcher(), &["/bin/bash", "-c", script]);
    let watch = control.handed(&world.spec).unwrap().watch.expect("a watch");
    let mut seen = Vec::new();
    loop {
        match watch.next(Duration::from_secs(10)) {
            Ok(Some(starting)) => {
                let Starting { program, argv, cwd, process, parent, .. } = &starting;
                seen.push(Start {
                    program: program.clone(),
                    argv: argv.clone(),
                    cwd: cwd.clone(),
                    process: *process,
                    parent: *parent,
                });
                if refuse(&starting) { starting.refuse() } else { starting.allow() }
            }
            Ok(None) => {}
            Err(_) => break,
        }
    }
    let done = child.wait_with_output().unwrap();
    let reports = control.reports().unwrap();
    let Some(Report::InForce(receipt)) = reports.first() else { panic!("{reports:?}") };
    assert!(format!("{receipt:?}").contains("ProgramWatch"), "{receipt:?}");
    (seen, String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}

fn programs(seen: &[Start]) -> Vec<String> {
    let name = |starting: &Start| starting.program.file_name().unwrap().to_string_lossy().into_owned();
    seen.iter().map(name).collect()
}

#[test]
fn every_program_is_asked_about() {
    let script = "cd /tmp; env true; python3 -c 'import os; os.execv(\"/usr/bin/id\", [\"called\", \"-u\"])'; sh -c 'uname; date +%Y' > /dev/null";
    watched(
        script,
        |_| false,
        |seen, output| {
            assert_eq!(
                programs(seen),
                ["bash", "env", "true", "python3", "id", "sh", "uname", "date"],
                "{output}"
            );
            // By its file, and not by what it is called.
            assert_eq!(
                (seen[4].program.to_str(), seen[4].argv.as_slice()),
                (Some("/usr/bin/id"), ["called", "-u"].map(String::from).as_slice())
            );
            assert!(seen[1..].iter().all(|starting| starting.cwd.to_str() == Some("/tmp")));
            // Who started whom.
            assert_eq!(seen[6].parent, seen[5].process);
            assert!(!output.contains("not permitted"), "{output}");
        },
    );
}

#[test]
fn what_is_refused_does_not_start() {
    let refuse = |starting: &Starting| starting.program.ends_with("id");
    watched("id; echo still here; /usr/bin/env id || echo refused", refuse, |seen, output| {
        assert_eq!(programs(seen), ["bash", "id", "env", "id"]);
        assert!(output.contains("Operation not permitted") && output.contains("still here"), "{output}");
        assert!(output.contains("refused") && !output.contains("uid="), "{output}");
    });
}

/// By a descriptor, from memory, relative to a folder: they are all starts.
#[test]
fn other_ways_to_start() {
    let script = r#"python3 -c '
import os
def start(way):
    if os.fork() == 0:
        way()
    os.wait()
fd = os.open("/usr/bin/true", os.O_RDONLY)
start(lambda: os.execve(fd, ["true"], {}))
memory = os.memfd_create("hidden")
os.write(memory, open("/usr/bin/true", "rb").read())
start(lambda: os.execve(memory, ["true"], {}))
os.chdir("/usr/bin")
start(lambda: os.execv("./true", ["true"]))
start(lambda: os.execv("nothing-here", ["true"]))
'"#;
    watched(
        script,
        |_| false,
        |seen, output| {
            let named: Vec<String> =
                seen[2..].iter().map(|starting| starting.program.display().to_string()).collect();
            assert_eq!(named.len(), 3, "{named:?} {output}");
            assert_eq!(named[0], "/usr/bin/true");
            assert!(named[1].contains("memfd:hidden"), "{named:?}");
            assert_eq!(named[2], "/usr/bin/./true");
        },
    );
}

/// Nobody is there to be asked: nothing starts.
#[test]
fn nobody_answers() {
    let mut world = World::new(Level::L2, Who::Own).unwrap();
    world.spec.watched = true;
    let (child, mut control) = world.start(launcher(), &["/bin/bash", "-c", "echo went through"]);
    drop(control.handed(&world.spec).unwrap().watch.expect("a watch"));
    let done = child.wait_with_output().unwrap();
    assert!(done.stdout.is_empty(), "{done:?}");
    assert!(format!("{:?}", control.reports().unwrap()).contains("cannot run"));
}
