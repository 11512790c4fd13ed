//! What we call a reading, SQLite would not write. Statements are prepared and never run.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use proptest::prelude::*;
use rusqlite::Connection;
use stayhand_analysis::sql;
use stayhand_core::facts::SqlClass;

/// Words that statements are made of, in an order that is mostly one.
fn statement() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "SELECT",
        "select",
        "*",
        "a",
        "b",
        "count(*)",
        "max(a)",
        "FROM",
        "t",
        "users",
        "v",
        "WHERE",
        "a = 1",
        "a IN (SELECT b FROM t)",
        "OR 1=1",
        "AND",
        "NOT",
        "EXISTS",
        "(",
        ")",
        ",",
        ";",
        "UNION",
        "ALL",
        "JOIN t USING (a)",
        "ORDER BY a",
        "GROUP BY b",
        "LIMIT 1",
        "WITH x AS (SELECT a FROM t)",
        "WITH x AS (DELETE FROM t RETURNING a)",
        "INSERT INTO t VALUES (1, 2, 3)",
        "INSERT",
        "INTO",
        "VALUES (1)",
        "UPDATE t SET a = 2",
        "UPDATE",
        "SET",
        "DELETE FROM t",
        "DELETE",
        "REPLACE INTO t VALUES (1,2,3)",
        "REPLACE",
        "RETURNING a",
        "ON CONFLICT DO NOTHING",
        "CREATE TABLE z(a)",
        "DROP TABLE t",
        "ALTER TABLE t ADD d",
        "PRAGMA user_version",
        "PRAGMA user_version = 3",
        "PRAGMA table_info(t)",
        "EXPLAIN",
        "EXPLAIN QUERY PLAN",
        "ATTACH 'x' AS y",
        "VACUUM",
        "VACUUM INTO 'x'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT s",
        "RELEASE s",
        "-- x\n",
        "/* x */",
        "/*! DELETE FROM t */",
        "'a'",
        "\"a\"",
        "`a`",
        "[a]",
        "x'00'",
        "'it''s'",
        "NULL",
        "1",
        "2.5",
        "||",
        "CASE WHEN 1 THEN a END",
        "CAST(a AS TEXT)",
        "load_extension('x')",
        "AS",
        "c",
    ]);
    prop::collection::vec(piece, 1..9).prop_map(|pieces| pieces.join(" "))
}

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    let tables = "CREATE TABLE t(a, b, c); CREATE TABLE users(id, name); CREATE VIEW v AS SELECT a FROM t;";
    db.execute_batch(tables).unwrap();
    db
}

fn is_reading(text: &str) -> bool {
    let Ok(statements) = sql::statements(text, Some("sqlite")) else { return false };
    !statements.is_empty() && statements.iter().all(|statement| statement.class == SqlClass::Read)
}

#[test]
fn what_we_call_a_reading_writes_nothing() {
    let db = database();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(20_000)
    });
    let counted = std::cell::Cell::new(0);
    runner
        .run(&statement(), |text| {
            if is_reading(&text)
                && let Ok(prepared) = db.prepare(&text)
            {
                counted.set(counted.get() + 1);
                // Of `EXPLAIN`, which runs nothing, SQLite answers for the statement behind it.
                prop_assert!(
                    prepared.readonly() || prepared.is_explain() != 0,
                    "called a reading, and SQLite would write: {text:?}"
                );
            }
            Ok(())
        })
        .unwrap();
    let readings = counted.get();
    assert!(readings > 100, "only {readings} texts were readings for both, too few to compare anything");
}

/// The comparison finds what it is for.
#[test]
fn sqlite_tells_a_write_from_a_reading() {
    let db = database();
    for (text, reads) in
        [("SELECT a FROM t", true), ("DELETE FROM t", false), ("PRAGMA user_version = 3", false)]
    {
        assert_eq!(db.prepare(text).unwrap().readonly(), reads, "{text}");
        assert_eq!(is_reading(text), reads, "{text}");
    }
}
