//! Many threads, several logs on one folder, readers beside writers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{append_all, decided, doubt, sample, settled};
use stayhand_core::event::{Event, InDoubt, Record};
use stayhand_core::time::Timestamp;
use stayhand_store::{AppendError, Log, Order, Query};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// The events of a log, by what [`doubt`] was given.
fn marks(log: &Log) -> Vec<u64> {
    let reader = log.reader().unwrap();
    let parse = |stored: Result<stayhand_store::Stored, _>| mark(&stored.unwrap().parse().unwrap());
    reader.records(&Query::default()).unwrap().map(parse).collect()
}

fn mark(record: &Record) -> u64 {
    let Event::InDoubt(InDoubt { decision }) = record.event else { unreachable!("{record:?}") };
    decision
}

fn many_threads(log: &Log, threads: u64, each: u64) {
    let acknowledged = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for thread in 0..threads {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                for n in 0..each {
                    let turn = log.turn().unwrap();
                    turn.news().unwrap();
                    let ticket = turn.append(Timestamp(n), &doubt(thread * each + n)).unwrap();
                    ticket.wait().unwrap();
                    acknowledged.lock().unwrap().insert(ticket.seq);
                }
            });
        }
    });
    let total = threads * each;
    assert!(acknowledged.into_inner().unwrap().into_iter().eq(0..total), "sequence numbers are contiguous");
    let mut found = marks(log);
    found.sort_unstable();
    assert!(found.into_iter().eq(0..total), "every acknowledged record is there once");
    assert_eq!(log.reader().unwrap().verify(None, None).unwrap().records, total);
}

#[test]
fn bypass_164_sixty_four_threads_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    many_threads(&Log::open(dir.path()).unwrap(), 64, 20);
    assert_eq!(Log::open(dir.path()).unwrap().records(), 64 * 20);
}

#[test]
fn a_log_in_memory_behaves_the_same() {
    many_threads(&Log::in_memory().unwrap(), 64, 20);
}

#[test]
fn records_that_nobody_waited_for_are_written_when_the_log_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path()).unwrap();
    let turn = log.turn().unwrap();
    let tickets: Vec<_> = (0..5000).map(|n| turn.append(Timestamp(n), &doubt(n)).unwrap()).collect();
    drop(turn);
    drop(log);
    assert!(tickets.iter().all(|ticket| ticket.wait().is_ok()));
    assert_eq!(marks(&Log::open(dir.path()).unwrap()).len(), 5000);
}

/// The thread that finds the writer free writes for all. One that never asks for its record must not keep
/// others from theirs.
#[test]
fn who_does_not_wait_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path()).unwrap();
    let (careless, careful) = (8, 8);
    thread::scope(|scope| {
        for n in 0..careless {
            let log = &log;
            scope.spawn(move || {
                for round in 0..50 {
                    let turn = log.turn().unwrap();
                    let _ = turn.append(Timestamp(0), &doubt(n * 1000 + round)).unwrap();
                }
            });
        }
        for n in 0..careful {
            let log = &log;
            scope.spawn(move || {
                for round in 0..50 {
                    append_all(log, 0, &[doubt(100_000 + n * 1000 + round)]);
                }
            });
        }
    });
    assert_eq!(marks(&log).len() as u64, (careless + careful) * 50);
}

/// Appends until `total` records are seen, and notes every record in the order of the log.
fn take_turns(dir: &Path, writer: u64, each: u64) -> Vec<u64> {
    let log = Log::open(dir).unwrap();
    let seen = Mutex::new(Vec::new());
    let early = Query { to_seq: Some(log.records()), ..Query::default() };
    for stored in log.reader().unwrap().records(&early).unwrap() {
        seen.lock().unwrap().push(mark(&stored.unwrap().parse().unwrap()));
    }
    thread::scope(|scope| {
        for part in 0..2 {
            let (log, seen) = (&log, &seen);
            scope.spawn(move || {
                for n in 0..each / 2 {
                    let turn = log.turn().unwrap();
                    // What an engine does: state is changed in the order of the log.
                    let mut seen = seen.lock().unwrap();
                    seen.extend(turn.news().unwrap().iter().map(mark));
                    let value = writer * 1_000_000 + part * 10_000 + n;
                    let ticket = turn.append(Timestamp(n), &doubt(value)).unwrap();
                    assert_eq!(ticket.seq, seen.len() as u64);
                    seen.push(value);
                    drop(seen);
                    ticket.wait().unwrap();
                }
            });
        }
    });
    seen.into_inner().unwrap()
}

#[test]
fn logs_on_one_folder_take_turns_and_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (writers, each) = (3, 100);
    let seen: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..writers)
            .map(|writer| {
                scope.spawn({
                    let dir = dir.path();
                    move || take_turns(dir, writer, each)
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    let log = Log::open(dir.path()).unwrap();
    let all = marks(&log);
    assert_eq!(all.len() as u64, writers * each);
    for seen in seen {
        assert!(all.starts_with(&seen), "each writer saw the log in its order");
    }
    assert_eq!(log.reader().unwrap().verify(None, None).unwrap().records, writers * each);
}

#[test]
fn a_busy_process_does_not_starve_another() {
    let dir = tempfile::tempdir().unwrap();
    let (busy, other) = (Log::open(dir.path()).unwrap(), Log::open(dir.path()).unwrap());
    let stop = AtomicBool::new(false);
    let appended = AtomicUsize::new(0);
    thread::scope(|scope| {
        // Turns that overlap all the time.
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    append_all(&busy, 0, &[doubt(0)]);
                    appended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..5 {
            append_all(&other, 0, &[doubt(1)]);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let turn = other.turn().unwrap();
    turn.news().unwrap();
    assert_eq!(other.records(), 5 + appended.load(Ordering::Relaxed) as u64);
}

#[test]
fn the_turn_is_exclusive_and_names_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Log::open(dir.path()).unwrap(), Log::open(dir.path()).unwrap());
    let turn = first.turn().unwrap();
    let message = second.turn().unwrap_err().to_string();
    assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
    drop(turn);
    drop(second.turn().unwrap());
}

#[test]
fn news_must_be_read_before_appending() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Log::open(dir.path()).unwrap(), Log::open(dir.path()).unwrap());
    append_all(&first, 1, &[doubt(7)]);
    let turn = second.turn().unwrap();
    assert!(matches!(turn.append(Timestamp(0), &doubt(0)), Err(AppendError::UnreadNews)));
    assert_eq!(turn.news().unwrap().iter().map(mark).collect::<Vec<_>>(), [7]);
    assert!(turn.news().unwrap().is_empty());
    let ticket = turn.append(Timestamp(0), &doubt(0)).unwrap();
    ticket.wait().unwrap();
    assert_eq!(ticket.seq, 1);
    // The first log's time is respected by the second.
    assert_eq!(second.reader().unwrap().record(1).unwrap().parse().unwrap().at, Timestamp(1));
}

#[test]
fn a_reader_works_beside_a_writer() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path()).unwrap();
    let reader = Log::open_read_only(dir.path()).unwrap();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for n in 0..300 {
                append_all(&log, n, &[doubt(n), settled(n)]);
            }
        });
        let mut last = 0;
        while !writing.is_finished() {
            let records = reader.verify(None, None).unwrap().records;
            assert!(records >= last);
            last = records;
        }
    });
    assert_eq!(reader.records_now().unwrap(), 600);
}

#[test]
fn every_filter_finds_what_it_should() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).unwrap();
    let reader = Log::open_read_only(dir.path()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let rows: Vec<(Query, &[u64])> = vec![
        (Query::default(), &[0, 1, 2, 3, 4, 5, 6, 7]),
        (Query { order: Order::Descending, limit: Some(3), ..Query::default() }, &[7, 6, 5]),
        (Query { session: text("one"), ..Query::default() }, &[1, 2, 5, 6, 7]),
        (
            Query { session: text("one"), order: Order::Descending, limit: Some(2), ..Query::default() },
            &[7, 6],
        ),
        (
            Query { session: text("one"), kind: text("decided"), from_seq: Some(2), ..Query::default() },
            &[5, 6],
        ),
        (Query { session: text("none"), ..Query::default() }, &[]),
        (Query { agent: text("coder"), ..Query::default() }, &[1, 2, 3, 4, 6, 7]),
        (Query { tool: text("shell"), ..Query::default() }, &[1, 2, 5]),
        (Query { kind: text("decided"), ..Query::default() }, &[1, 3, 5, 6]),
        (Query { kind: text("approval_resolved"), ..Query::default() }, &[4]),
        (Query { effect: text("allow"), ..Query::default() }, &[1]),
        (Query { effect: text("lock"), ..Query::default() }, &[6]),
        (Query { from_seq: Some(2), to_seq: Some(4), ..Query::default() }, &[2, 3]),
        (Query { from_seq: Some(6), to_seq: Some(400), ..Query::default() }, &[6, 7]),
        (Query { from_seq: Some(9), ..Query::default() }, &[]),
        (Query { from_at: Some(Timestamp(1_004)), ..Query::default() }, &[4, 5, 6, 7]),
        (
            Query { from_at: Some(Timestamp(1_001)), to_at: Some(Timestamp(1_003)), ..Query::default() },
            &[1, 2],
        ),
        (
            Query { to_at: Some(Timestamp(u64::MAX)), from_at: Some(Timestamp(2_000)), ..Query::default() },
            &[6, 7],
        ),
        (Query { text: text("ann"), ..Query::default() }, &[4]),
        (Query { text: text("\"quoted\" größer"), effect: text("deny"), ..Query::default() }, &[5]),
        (Query { text: text("%"), ..Query::default() }, &[]),
    ];
    for (query, expected) in rows {
        let found: Vec<u64> = reader.records(&query).unwrap().map(|stored| stored.unwrap().seq).collect();
        assert_eq!(found, expected, "{query:?}");
    }
}

#[test]
fn long_answers_come_in_pages() {
    let log = Log::in_memory().unwrap();
    let events: Vec<_> =
        (0..700).map(|n| decided("a", if n % 2 == 0 { "even" } else { "odd" }, "t", "allow")).collect();
    append_all(&log, 0, &events);
    let reader = log.reader().unwrap();
    for order in [Order::Ascending, Order::Descending] {
        let query = Query { order, ..Query::default() };
        let mut found: Vec<_> = reader.records(&query).unwrap().map(|stored| stored.unwrap().seq).collect();
        if order == Order::Descending {
            found.reverse();
        }
        assert!(found.into_iter().take(700).eq(0..700));
        let query = Query { order, session: Some("odd".into()), ..Query::default() };
        assert_eq!(reader.records(&query).unwrap().count(), 350);
        // Appending from inside an iteration does not deadlock.
        let query = Query { order, limit: Some(300), ..Query::default() };
        for _ in reader.records(&query).unwrap().step_by(100) {
            append_all(&log, 0, &[doubt(0)]);
        }
    }
}
