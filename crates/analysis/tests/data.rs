//! What the analysis says about SQL beside what SQLite itself does with it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator as _;
use stayhand_analysis::sql;
use stayhand_core::facts::SqlClass;

/// A data base with something to lose.
fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (a INTEGER, b TEXT); CREATE TABLE u (a INTEGER, c TEXT);
             INSERT INTO t VALUES (1, 'x'), (2, 'y'); INSERT INTO u VALUES (1, 'z');",
        )
        .unwrap();
    connection
}

/// Whether SQLite takes some statement of `text` and would write with it.
fn writes(connection: &Connection, text: &str) -> bool {
    let mut batch = rusqlite::Batch::new(connection, text);
    while let Ok(Some(statement)) = batch.next() {
        if !statement.readonly() && statement.is_explain() == 0 {
            return true;
        }
    }
    false
}

fn is_read(text: &str, dialect: Option<&str>) -> bool {
    sql::statements(text, dialect)
        .is_ok_and(|read| read.iter().all(|statement| statement.class == SqlClass::Read))
}

#[test]
fn what_sqlite_writes_is_never_called_a_read() {
    let connection = database();
    for text in [
        "DELETE FROM t",
        "WITH x AS (SELECT 1) DELETE FROM t",
        "INSERT INTO t SELECT * FROM u",
        "REPLACE INTO t VALUES (1, 'x')",
        "UPDATE t SET a = 2 WHERE b = 'x' RETURNING a",
        "SELECT 1; DROP TABLE t",
        "CREATE TABLE v AS SELECT * FROM t",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode",
        "VACUUM",
        "ANALYZE",
        "ALTER TABLE t RENAME TO w",
        "SELECT a FROM t; SELECT 1; UPDATE t SET a = 1",
    ] {
        assert!(writes(&connection, text), "SQLite only reads: {text}");
        assert!(!is_read(text, None) && !is_read(text, Some("sqlite")), "{text}");
    }
    for text in ["SELECT a FROM t", "WITH x AS (SELECT a FROM t) SELECT * FROM x", "EXPLAIN DELETE FROM t"] {
        assert!(!writes(&connection, text) && is_read(text, None) && is_read(text, Some("sqlite")), "{text}");
    }
}

/// Words of SQLite, of which texts are made.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "a",
        "b",
        "*",
        "FROM t",
        "FROM u",
        "WHERE a = 1",
        "WITH x AS (",
        "SELECT a FROM t",
        ")",
        "DELETE FROM t",
        "INSERT INTO t",
        "VALUES (1, 'x')",
        "UPDATE t SET a = 3",
        "RETURNING a",
        ";",
        "DROP TABLE t",
        "UNION ALL",
        "REPLACE INTO u",
        "DEFAULT VALUES",
        "-- x\n",
        "/* x */",
        "/* ; */",
        "'--'",
        "EXPLAIN",
        "QUERY PLAN",
        "PRAGMA",
        "user_version",
        "= 3",
        "table_info(t)",
        "journal_mode",
        "VACUUM",
        "ANALYZE",
        "LIMIT 1",
        "\"t\"",
        "[t]",
        "`t`",
        "ATTACH ':memory:' AS m",
        "count(*)",
        "max(a)",
        "BEGIN",
        "COMMIT",
        "lower(b)",
        "OR 1=1",
        "AS q",
        ",",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn reads_do_not_write(words in prop::collection::vec(word(), 1..9)) {
        let text = words.join(" ");
        for dialect in [None, Some("sqlite")] {
            if is_read(&text, dialect) {
                prop_assert!(!writes(&database(), &text), "{} ({:?})", &text, dialect);
            }
        }
    }
}
