//! `kill -9` at random moments under load: nothing acknowledged is lost, nothing runs twice.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test starts and kills processes, and may fail loudly"
)]

use stayhand_core::event::Event;
use stayhand_runtime::{Engine, Settings};
use stayhand_sim::Random;
use stayhand_store::{Log, Query};
use std::collections::{BTreeSet, HashSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const KILLS: u64 = 200;

///
#[test]
fn two_hundred_kills() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(20_261_120);
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let delay = Duration::from_micros(random.below(40_000));
        // Every fourth kill may fall into the start; the others fall into the load, however slow the machine is.
        acknowledged.extend(run_and_kill(home.path(), round, delay, round % 4 != 0));
    }
    // The last start recovers what the last kill left.
    drop(Engine::open(home.path(), Settings::default()).unwrap());
    assert!(acknowledged.len() > 500, "only {} decisions: no load", acknowledged.len());
    check(home.path(), &acknowledged);
}

/// Runs the load, kills it after `delay`, counted from its first decision if `under_load`, and gives back the
/// decisions it acknowledged.
fn run_and_kill(home: &Path, round: u64, delay: Duration, under_load: bool) -> Vec<u64> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sim-load"))
        .args([home.as_os_str(), round.to_string().as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    if under_load {
        out.read_line(&mut text).unwrap();
    }
    std::thread::sleep(delay);
    child.kill().unwrap();
    out.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok()).collect()
}

fn check(home: &Path, acknowledged: &BTreeSet<u64>) {
    let reader = Log::open_read_only(home).unwrap();
    reader.verify(None, None).unwrap();
    let (mut decided, mut settled, mut doubted, mut commands) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), HashSet::new());
    for stored in reader.records(&Query::default()).unwrap() {
        let record = stored.unwrap().parse().unwrap();
        match record.event {
            Event::Decided(found) => {
                assert!(decided.insert(record.seq));
                commands.insert(found.request.resource.0["command"].as_str().unwrap().to_owned());
            }
            Event::Settled(found) => {
                assert!(settled.insert(found.decision), "{} settled twice", found.decision)
            }
            Event::InDoubt(found) => {
                assert!(doubted.insert(found.decision), "{} doubted twice", found.decision)
            }
            _ => {}
        }
    }
    let lost: Vec<_> = acknowledged.difference(&decided).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // Every decision was settled or is in doubt: none is forgotten, none is both.
    assert_eq!(decided, settled.union(&doubted).copied().collect());
    assert!(settled.is_disjoint(&doubted));
    assert!(!doubted.is_empty(), "no kill hit a running action");

    let effects = std::fs::read_to_string(home.join("effects")).unwrap();
    let mut seen = HashSet::new();
    for effect in effects.lines() {
        assert!(seen.insert(effect), "`{effect}` was executed twice");
        assert!(commands.contains(effect), "`{effect}` was executed without a decision in the log");
    }
}
