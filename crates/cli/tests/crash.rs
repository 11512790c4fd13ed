//! The supervisor is killed at random moments: nothing inside outlives it, and the next start knows what was left.
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
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Hides from whoever ends things politely, forks on, and waits.
const HIDES: &str = "for n in 1 2 3; do
  setsid bash -c 'trap \"\" TERM HUP INT; while :; do echo x >> grows; read -t 0.05 < <(sleep 0.02); done' &
done
echo started
exec sleep $1";

/// Processes of this machine with this word among their arguments.
fn with_word(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if words.split(|byte| *byte == 0).any(|one| one == word.as_bytes()) {
            found.push(String::from_utf8_lossy(&words).replace('\0', " "));
        }
    }
    found
}

/// Whose parent, or parent's parent, is this process.
fn below(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut at = 0;
    while let Some(parent) = all.get(at).copied() {
        at += 1;
        let children =
            fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    all
}

fn lives(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// Control groups that a supervisor with this id has made.
fn groups(process: u32) -> Vec<PathBuf> {
    fn walk(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(name) {
                    found.push(entry.path());
                }
                walk(&entry.path(), name, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/cgroup"), &format!("stayhand-{process}-"), &mut found);
    found
}

#[test]
fn bypass_97_killed_at_random_moments() {
    let world = World::new();
    world.write("hides.sh", HIDES);
    // A seed of its own, so that a failure can be had again.
    let mut random = 0x5eed_u64;
    let mut supervisors = Vec::new();
    for round in 0..8_u32 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = format!("9{}.{}", std::process::id(), round);
        let review = if round % 2 == 0 { vec!["--review"] } else { vec![] };
        let args = [&["run"][..], &review, &["--", "bash", "hides.sh", &word]].concat();
        let mut child = world
            .command(&args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let supervisor = child.id();
        let until = Instant::now() + Duration::from_millis(random >> 33 & 0x1ff);
        let mut inside = Vec::new();
        while Instant::now() < until {
            inside = below(supervisor);
            std::thread::sleep(Duration::from_millis(2));
        }
        inside.extend(below(supervisor));
        child.kill().unwrap();
        child.wait().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        let left: Vec<_> = inside.iter().filter(|process| lives(**process)).collect();
        assert!(
            left.is_empty() && with_word(&word).is_empty(),
            "round {round}: {left:?} {:?}",
            with_word(&word)
        );
        supervisors.push(supervisor);
    }
    // The next start: each run that was permitted and did not end is in doubt, and nothing is run again.
    world.run(&["run", "--", "true"]).expect(PERMITTED);
    let asked = |event: &serde_json::Value| {
        event["decision"]["effect"] == "allow" && event["request"]["context"]["started_by"].is_null()
    };
    let runs = world.records().iter().filter(|record| asked(&record["event"])).count();
    let settled: Vec<u64> =
        world.events("settled").iter().map(|event| event["decision"].as_u64().unwrap()).collect();
    let doubt: Vec<u64> =
        world.events("in_doubt").iter().map(|event| event["decision"].as_u64().unwrap()).collect();
    let open: Vec<u64> = world
        .records()
        .iter()
        .filter(|record| record["event"]["decision"]["effect"] == "allow")
        .map(|record| record["seq"].as_u64().unwrap())
        .filter(|seq| !settled.contains(seq) && !doubt.contains(seq))
        .collect();
    assert!(open.is_empty(), "{open:?} of {runs}");
    assert!(!doubt.is_empty(), "no kill met a run");
    let groups: Vec<_> = supervisors.iter().flat_map(|process| groups(*process)).collect();
    assert!(groups.is_empty(), "{groups:?}");
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(world.state.to_str().unwrap()), "{mounts}");
    // What stood in for settings in the workspace went with the run that ended.
    let names: Vec<_> = fs::read_dir(&world.work)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().all(|name| ["hides.sh", "grows", ".git"].contains(&name.as_str())), "{names:?}");
    world.verify();
}
