//! What an attacker with the file, but without the key or with it, can do to a log, and what is noticed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{append_all, doubt, sample};
use rusqlite::Connection;
use stayhand_store::{Log, OpenError, Query, VerifyError, merkle, verify};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn sampled() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path()).unwrap();
    dir
}

/// A sample log with this done to it by somebody who has the file.
fn tampered(sql: &str) -> TempDir {
    let dir = sampled();
    run_sql(dir.path(), sql);
    dir
}

fn run_sql(dir: &Path, sql: &str) {
    Connection::open(dir.join("log.db")).unwrap().execute_batch(sql).unwrap();
}

/// Stores the right leaf beside every body again.
fn mend_leaves(dir: &Path) {
    let db = Connection::open(dir.join("log.db")).unwrap();
    let mut bodies = db.prepare("SELECT seq, body FROM record").unwrap();
    let rows = bodies.query_map((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    for (seq, body) in rows {
        db.execute("UPDATE record SET leaf = ?2 WHERE seq = ?1", (seq, merkle::leaf_hash(&body))).unwrap();
    }
}

fn complaint(dir: &TempDir) -> String {
    verify(dir.path(), None, None).unwrap_err().to_string()
}

const EDIT: &str = "UPDATE record SET body = CAST(replace(CAST(body AS TEXT), 'deny', 'lock') AS BLOB),
    effect = 'lock' WHERE seq = 5;";

#[test]
fn an_untouched_log_verifies() {
    let dir = sampled();
    let report = verify(dir.path(), None, None).unwrap();
    assert_eq!((report.records, report.checkpoints, report.kept), (8, 2, None));
    assert_eq!((report.first.unwrap().0, report.last.unwrap().0), (1_000, 86_400_000_001));
    let log = Log::open(dir.path()).unwrap();
    assert_eq!((log.records(), log.public_key()), (8, &report.key));
}

#[test]
fn an_empty_log_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = Log::open(dir.path()).unwrap().checkpoint().unwrap();
    let report = verify(dir.path(), Some(&checkpoint), None).unwrap();
    assert_eq!((report.records, report.first, report.kept), (0, None, Some(0)));
}

#[test]
fn every_change_of_a_record_is_named() {
    let rows: &[(&str, &str)] = &[
        // edit, alone and with a mended leaf
        (EDIT, "record 5 was changed"),
        ("UPDATE record SET leaf = zeroblob(32) WHERE seq = 2", "record 2 was changed"),
        // delete, in the middle and with the rest moved up
        ("DELETE FROM record WHERE seq = 3", "record 3 is missing"),
        ("DELETE FROM record WHERE seq = 0", "record 0 is missing"),
        (
            "DELETE FROM record WHERE seq = 3; UPDATE record SET seq = seq - 1 WHERE seq > 3",
            "record 3 does not begin",
        ),
        // insert
        (
            "INSERT INTO record SELECT 8, at, kind, agent, session, tool, effect, about, leaf, body
             FROM record WHERE seq = 7",
            "record 8 and those after it are not covered",
        ),
        (
            "INSERT INTO record SELECT -1, at, kind, agent, session, tool, effect, about, leaf, body
             FROM record WHERE seq = 7",
            "preceded",
        ),
        // reorder
        (
            "UPDATE record SET seq = -1 WHERE seq = 2; UPDATE record SET seq = 2 WHERE seq = 4;
             UPDATE record SET seq = 4 WHERE seq = -1",
            "record 2 does not begin",
        ),
        // columns that queries believe
        ("UPDATE record SET session = 'two' WHERE seq = 1", "record 1 has another session"),
        ("UPDATE record SET agent = NULL WHERE seq = 1", "record 1 has another agent"),
        ("UPDATE record SET tool = 'read' WHERE seq = 1", "record 1 has another tool"),
        ("UPDATE record SET effect = 'allow' WHERE seq = 5", "record 5 has another effect"),
        ("UPDATE record SET kind = 'settled' WHERE seq = 5", "record 5 has another kind"),
        ("UPDATE record SET about = 5 WHERE seq = 2", "record 2 belongs to another decision"),
        ("UPDATE record SET at = at + 1 WHERE seq = 5", "record 5 does not begin"),
        ("UPDATE record SET at = at - 900 WHERE seq = 5", "record 5 is older"),
        ("UPDATE record SET at = -1 WHERE seq = 0", "record 0 has a negative time"),
        // truncate
        ("DELETE FROM record WHERE seq = 7", "record 7 is missing"),
        ("DELETE FROM record", "record 0 is missing"),
    ];
    for (sql, expected) in rows {
        let found = complaint(&tampered(sql));
        assert!(found.contains(expected), "{sql}\nexpected: {expected}\nfound: {found}");
    }
}

#[test]
fn a_mended_leaf_does_not_hide_a_change() {
    let rows = [
        (EDIT, "the checkpoint at 6 records has another root"),
        ("UPDATE record SET body = x'7b' WHERE seq = 4", "record 4 does not begin"),
        (
            "UPDATE record SET body = substr(body, 1, length(body) - 1) WHERE seq = 4",
            "record 4 is not a record",
        ),
    ];
    for (sql, expected) in rows {
        let dir = tampered(sql);
        mend_leaves(dir.path());
        let found = complaint(&dir);
        assert!(found.contains(expected), "{sql}\nexpected: {expected}\nfound: {found}");
    }
}

#[test]
fn every_change_of_a_checkpoint_is_named() {
    let rows = [
        ("UPDATE checkpoint SET note = replace(note, '8', '9') WHERE size = 8", "at 8 records is not valid"),
        ("UPDATE checkpoint SET size = 7 WHERE size = 8", "at 7 records is signed for 8"),
        ("UPDATE checkpoint SET at = at + 1 WHERE size = 6", "at 6 records has another time"),
        ("UPDATE checkpoint SET frontier = zeroblob(8) WHERE size = 6", "at 6 records has another frontier"),
        ("DELETE FROM checkpoint WHERE size = 8", "record 6 and those after it are not covered"),
        ("DELETE FROM checkpoint", "has no checkpoint"),
    ];
    for (sql, expected) in rows {
        let found = complaint(&tampered(sql));
        assert!(found.contains(expected), "{sql}\nexpected: {expected}\nfound: {found}");
    }
}

#[test]
fn an_index_that_hides_a_record_is_noticed() {
    let dir = tampered(
        "DROP INDEX record_session;
         CREATE INDEX record_session ON record(session) WHERE session IS NOT NULL AND seq <> 5;
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, ' AND seq <> 5', '') WHERE name = 'record_session';",
    );
    let query = Query { session: Some("one".into()), effect: Some("deny".into()), ..Query::default() };
    let reader = Log::open_read_only(dir.path()).unwrap();
    assert_eq!(reader.records(&query).unwrap().count(), 0, "the refusal is hidden");
    assert!(complaint(&dir).contains("record_session"), "{}", complaint(&dir));
}

#[test]
fn a_tampered_end_is_not_continued() {
    for sql in [
        "DELETE FROM record WHERE seq = 7",
        "DELETE FROM checkpoint WHERE size = 8",
        "DELETE FROM checkpoint",
    ] {
        let dir = tampered(sql);
        assert!(matches!(Log::open(dir.path()), Err(OpenError::Corrupt { .. })), "{sql}");
    }
}

#[test]
fn bypass_159_truncation_to_an_older_checkpoint_needs_a_kept_one() {
    let dir = sampled();
    let kept = Log::open_read_only(dir.path()).unwrap().checkpoint().unwrap();
    run_sql(dir.path(), "DELETE FROM record WHERE seq >= 6; DELETE FROM checkpoint WHERE size > 6");
    // Nothing in the folder tells: this log looks like itself, yesterday.
    assert_eq!(verify(dir.path(), None, None).unwrap().records, 6);
    let noticed = verify(dir.path(), Some(&kept), None).unwrap_err();
    assert!(matches!(noticed, VerifyError::RolledBack { kept: 8, found: 6 }), "{noticed}");
}

#[test]
fn bypass_159_rollback_and_another_history_need_a_kept_checkpoint() {
    let dir = sampled();
    let older = fs::read(dir.path().join("log.db")).unwrap();
    let log = Log::open(dir.path()).unwrap();
    append_all(&log, 86_400_000_100, &[doubt(1), doubt(2)]);
    let kept = log.checkpoint().unwrap();
    drop(log);
    assert_eq!(verify(dir.path(), Some(&kept), None).unwrap().kept, Some(10));

    fs::write(dir.path().join("log.db"), older).unwrap();
    assert_eq!(verify(dir.path(), None, None).unwrap().records, 8);
    assert!(matches!(verify(dir.path(), Some(&kept), None), Err(VerifyError::RolledBack { .. })));

    // The holder of the key goes on from there with another history, past the old length.
    let log = Log::open(dir.path()).unwrap();
    append_all(&log, 86_400_000_100, &[doubt(3), doubt(3), doubt(3)]);
    drop(log);
    assert_eq!(verify(dir.path(), None, None).unwrap().records, 11);
    assert!(matches!(verify(dir.path(), Some(&kept), None), Err(VerifyError::Rewritten { size: 10 })));
}

#[test]
fn a_kept_checkpoint_inside_an_interval_is_compared_too() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path()).unwrap();
    append_all(&log, 1, &[doubt(0)]);
    let kept = log.checkpoint().unwrap();
    append_all(&log, 2, &[doubt(1), doubt(2)]);
    // The later checkpoint has replaced the kept one in the file.
    let report = log.reader().unwrap().verify(Some(&kept), None).unwrap();
    assert_eq!((report.kept, report.checkpoints), (Some(1), 1));
}

#[test]
fn bypass_160_another_key_is_noticed() {
    let (dir, stranger) = (sampled(), sampled());
    let own = verify(dir.path(), None, None).unwrap().key;
    let foreign = verify(stranger.path(), None, None).unwrap().key;

    // The key file swapped: the log is not continued.
    fs::copy(stranger.path().join("key"), dir.path().join("key")).unwrap();
    assert!(matches!(Log::open(dir.path()), Err(OpenError::KeyDiffers { .. })));

    // The name in the log swapped: its signatures are another's, and so is the published key.
    run_sql(dir.path(), &format!("UPDATE meta SET value = '{foreign}' WHERE key = 'public_key'"));
    assert!(matches!(verify(dir.path(), None, None), Err(VerifyError::Key { .. })));
    fs::remove_file(dir.path().join("key.pub")).unwrap();
    assert!(complaint(&dir).contains("carries no signature"), "{}", complaint(&dir));

    // Everything swapped, a log forged from scratch: only a key or a checkpoint from elsewhere tells.
    assert!(verify(stranger.path(), None, None).is_ok());
    assert!(matches!(verify(stranger.path(), None, Some(&own)), Err(VerifyError::Key { .. })));
    let kept = {
        let again = sampled();
        Log::open_read_only(again.path()).unwrap().checkpoint().unwrap()
    };
    assert!(matches!(verify(stranger.path(), Some(&kept), None), Err(VerifyError::Kept(_))));
}

#[test]
fn bypass_163_the_secret_key_is_not_in_the_log() {
    let dir = sampled();
    let key = fs::read_to_string(dir.path().join("key")).unwrap();
    let seed = key.lines().nth(1).unwrap().as_bytes();
    for name in ["log.db", "key.pub"] {
        let bytes = fs::read(dir.path().join(name)).unwrap();
        assert!(!bytes.windows(seed.len()).any(|window| window == seed), "{name}");
    }
}

#[test]
fn bypass_170_proofs_outlive_the_log() {
    let dir = sampled();
    let reader = Log::open_read_only(dir.path()).unwrap();
    let key = reader.public_key().clone();
    for seq in 0..8 {
        let json = serde_json::to_string(&reader.prove(seq).unwrap()).unwrap();
        let proof: stayhand_store::Proof = serde_json::from_str(&json).unwrap();
        assert_eq!(proof.verify(&key).unwrap().size, 8);
        let forgeries = [
            stayhand_store::Proof { body: proof.body.replace("\"v\":2", "\"v\":1"), ..proof.clone() },
            stayhand_store::Proof { seq: (seq + 1) % 8, ..proof.clone() },
            stayhand_store::Proof { size: 7, ..proof.clone() },
            stayhand_store::Proof { origin: "stayhand/other".into(), ..proof.clone() },
            stayhand_store::Proof { root: proof.leaf.clone(), ..proof.clone() },
            stayhand_store::Proof { path: proof.path.iter().skip(1).cloned().collect(), ..proof.clone() },
            stayhand_store::Proof { path: vec![proof.leaf.clone(); 3], ..proof.clone() },
        ];
        for forgery in forgeries {
            assert!(forgery.verify(&key).is_err(), "{forgery:?}");
        }
    }
    for beyond in [8, u64::MAX] {
        assert!(
            reader.prove(beyond).is_err() && reader.leaf(beyond).is_err() && reader.record(beyond).is_err()
        );
    }
}

#[test]
fn bypass_171_and_172_outcomes_and_answers_belong_to_their_decision() {
    let dir = sampled();
    let reader = Log::open_read_only(dir.path()).unwrap();
    let query = Query { session: Some("two".into()), ..Default::default() };
    let kinds: Vec<_> =
        reader.records(&query).unwrap().map(|s| s.unwrap().parse().unwrap().event.kind()).collect();
    assert_eq!(kinds, ["decided", "approval_resolved"]);
}
