//! Limits on what a program may use, kept by the executor: what goes over one is ended with its whole group (A061, A121).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use serde_json::json;
use stayhand_core::decision::Layer;
use stayhand_core::event::Outcome;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::wire::{self, Defaults};
use stayhand_runtime::{Engine, Local, LocalSettings, Settings, Verdict};
use std::time::Duration;

/// How a command ends under these limits.
fn run(limits: &str, command: &str) -> Outcome {
    run_in(&engine(limits), command).unwrap_or_else(|| panic!("{command} was not permitted"))
}

fn engine(limits: &str) -> Engine {
    let text = format!("version: 1\nextends: permissive\nboundaries: {{resources: {{{limits}}}}}\n");
    let policy = PolicyFiles::default().text(Layer::User, "limits.yaml", text);
    Engine::in_memory(Settings { policy, ..Settings::default() }).unwrap()
}

/// How a command ends; `None` where it is not permitted.
fn run_in(engine: &Engine, command: &str) -> Option<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let line = json!({ "tool": "bash", "input": { "command": command } }).to_string();
    let defaults = Defaults::new(folder.path().to_str().unwrap(), "/root");
    let request = wire::request(line.as_bytes(), &defaults).unwrap();
    let Verdict::Permitted(permit) = engine.authorize(request).unwrap() else { return None };
    let local = Local::new(LocalSettings { limit: Duration::from_secs(30), ..LocalSettings::default() });
    Some(engine.execute(permit, &local).unwrap().outcome)
}

const DONE: Outcome = Outcome::Exit { code: 0 };

#[track_caller]
fn stopped(limits: &str, command: &str, begins: &str, ends: &str) {
    match run(limits, command) {
        Outcome::Stopped { limit } => assert!(limit.starts_with(begins) && limit.ends_with(ends), "{limit}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn abandoned(limits: &str) {
    let Outcome::Abandoned { why } = run(limits, "true") else { panic!("{limits}: it ran") };
    assert!(why.contains("obligation_unfulfilled"), "{why}");
}

/// X-10, D024.
#[test]
fn a061_memory() {
    let takes =
        |megabytes| format!("x=$(head -c {megabytes}000000 /dev/zero | tr '\\0' a); sleep 1; echo ${{#x}}");
    stopped("max_memory_mb: 60", &takes(100), "Memory usage ", "MB exceeds limit 60.00MB");
    assert_eq!(run("max_memory_mb: 60", &takes(2)), DONE);
    // All of a group counts together.
    let three = format!("for n in 1 2 3; do ({}) & done; wait", takes(30));
    stopped("max_memory_mb: 60", &three, "Memory usage ", "MB exceeds limit 60.00MB");
}

///
#[test]
fn a121_processor() {
    stopped("max_cpu_percent: 50", "while :; do :; done", "CPU usage ", "% exceeds limit 50.0%");
    assert_eq!(run("max_cpu_percent: 50", "sleep 2.3"), DONE);
    // A start takes all of a processor, for a short time.
    assert_eq!(run("max_cpu_percent: 50", "for n in 1 2 3 4 5; do :; done"), DONE);
}

/// X-12, P092.
#[test]
fn a121_open_files() {
    let opens = |last| format!("for n in $(seq 10 {last}); do eval \"exec $n</dev/null\"; done; sleep 0.5");
    stopped("max_open_files: 40", &opens(60), "Open files ", " exceeds limit 40");
    assert_eq!(run("max_open_files: 40", &opens(12)), DONE);
}

/// Escape 8: many files are as large as one.
#[test]
fn escape_08_disk_of_the_workspace() {
    let writes = |megabytes| {
        format!("for n in $(seq {megabytes}); do head -c 1048576 /dev/urandom > f$n; done; sleep 1")
    };
    stopped("max_disk_mb: 10", &writes(30), "Disk usage ", "MB exceeds limit 10.00MB");
    assert_eq!(run("max_disk_mb: 10", &writes(5)), DONE);
    // Nobody can be kept from looking, but by root from others.
    if !rustix::process::getuid().is_root() {
        stopped("max_disk_mb: 10", "mkdir a; chmod 0 a; sleep 1", "nobody can see how large ", "/a is");
    }
}

/// Zero is no limit of its own kind: nothing is allowed, and so nothing begins.
#[test]
fn a121_zero() {
    for limit in ["max_memory_mb: 0", "max_cpu_percent: 0", "max_open_files: 0", "max_disk_mb: 0"] {
        abandoned(limit);
    }
}

/// the second is ended where the time of its session is up, and a third does not begin.
#[test]
fn x_02_total_time_interrupts() {
    let engine = engine("}, time: {max_total_s: 1");
    assert_eq!(run_in(&engine, "sleep 0.6"), Some(DONE));
    let Some(Outcome::Stopped { limit }) = run_in(&engine, "sleep 0.6") else { panic!("not stopped") };
    assert!(limit.ends_with(" ms of wall-clock time"), "{limit}");
    assert_eq!(run_in(&engine, "true"), None);
}

/// What this process does itself is confined by nothing. A permit that wants it confined is given back.
#[test]
fn bypass_79_confinement_of_what_is_no_program() {
    // By its policy this tool also runs a command.
    let text = "version: 1\nextends: permissive\ndefaults: {confine: l2}\ntools: {list_dir: {fields: {/then: command}}}\n";
    let policy = PolicyFiles::default().text(Layer::User, "confined.yaml", text);
    let engine = Engine::in_memory(Settings { policy, ..Settings::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let defaults = Defaults::new(folder.path().to_str().unwrap(), "/root");
    let line = json!({ "tool": "list_dir", "input": { "path": ".", "then": "ls" } }).to_string();
    let request = wire::request(line.as_bytes(), &defaults).unwrap();
    let Verdict::Permitted(permit) = engine.authorize(request).unwrap() else { panic!("not permitted") };
    assert!(format!("{:?}", permit.obligations()).contains("L2"), "{:?}", permit.obligations());
    let local =
        Local::new(LocalSettings { launcher: Some("/proc/self/exe".into()), ..LocalSettings::default() });
    let Outcome::Abandoned { why } = engine.execute(permit, &local).unwrap().outcome else {
        panic!("it ran")
    };
    assert!(why.contains("obligation_unfulfilled"), "{why}");
}
