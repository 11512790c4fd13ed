use super::*;
use proptest::prelude::*;
use stayhand_core::facts::SqlClass::{
    File, Privilege, Read, Schema, Session, Transaction, UnfilteredWrite, Unknown, Write,
};

#[track_caller]
fn is(rows: &[(&str, SqlClass)]) {
    for (text, class) in rows {
        let read = statements(text, None).unwrap_or_else(|opaque| panic!("{text}: {}", opaque.why));
        assert_eq!(worst(&read), Some(*class), "{text}: {read:?}");
    }
}

#[test]
fn statements_have_a_class() {
    is(&[
        ("SELECT a, count(*) FROM t WHERE b = 1 GROUP BY a", Read),
        ("SELECT lower(a), coalesce(b, 0) FROM s.t LIMIT 5", Read),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Read),
        ("EXPLAIN DELETE FROM t", Read),
        ("SHOW TABLES", Read),
        ("PRAGMA table_info(t)", Read),
        ("BEGIN; COMMIT", Transaction),
        ("SET search_path = x", Session),
        ("PRAGMA journal_mode = wal", Session),
        ("PRAGMA journal_mode", Session),
        ("INSERT INTO t VALUES (1)", Write),
        ("UPDATE t SET a = 1 WHERE id = 2", Write),
        ("DELETE FROM t WHERE id = 2", Write),
        ("UPDATE t SET a = 1", UnfilteredWrite),
        ("DELETE FROM t", UnfilteredWrite),
        ("CREATE TABLE t (a int)", Schema),
        ("DROP TABLE t", Schema),
        ("TRUNCATE t", Schema),
        ("SELECT * INTO t2 FROM t", Schema),
        ("GRANT ALL ON t TO u", Privilege),
        ("SET ROLE admin", Privilege),
        ("COPY t TO '/tmp/x'", File),
        ("ATTACH DATABASE '/x.db' AS y", File),
        ("SELECT load_extension('x')", File),
        ("CALL f()", File),
        ("SELECT my_function(1)", Unknown),
        ("SELECT nextval('s')", Unknown),
    ]);
}

#[test]
fn what_is_inside_counts() {
    is(&[
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", UnfilteredWrite),
        ("WITH d AS (DELETE FROM t WHERE id = 1 RETURNING *) SELECT * FROM d", Write),
        ("EXPLAIN ANALYZE DELETE FROM t", UnfilteredWrite),
        ("SELECT * FROM (SELECT pg_read_file('/x')) s", File),
        ("INSERT INTO t SELECT lo_import('/etc/passwd')", File),
        ("CREATE TABLE t AS SELECT * FROM u", Schema),
    ]);
}

#[test]
fn tables_are_named() {
    let read =
        statements("WITH c AS (SELECT * FROM Users) SELECT * FROM c JOIN s.Orders o ON true", None).unwrap();
    assert_eq!(read[0].tables, ["s.orders", "users"]);
    for (text, table) in [
        ("DROP TABLE Users", "users"),
        ("TRUNCATE TABLE a.b", "a.b"),
        ("DELETE FROM x WHERE y = 1", "x"),
        ("UPDATE x SET y = 1", "x"),
        ("INSERT INTO x VALUES (1)", "x"),
    ] {
        assert_eq!(statements(text, None).unwrap()[0].tables, [table], "{text}");
    }
}

#[test]
fn verbs_say_what_decided() {
    for (text, verb) in [
        ("drop table x", "DROP TABLE"),
        ("SELECT pg_ls_dir('/')", "pg_ls_dir()"),
        ("delete from x", "DELETE"),
    ] {
        assert_eq!(statements(text, None).unwrap()[0].verb, verb);
    }
}

#[test]
fn bypass_30_version_comments_are_not_read() {
    is(&[
        ("SELECT 1 /*!50000 ; DROP TABLE x */", Unknown),
        ("SELECT 1 /*M! x */", Unknown),
        ("SELECT 1 /* note */", Read),
    ]);
    let read = statements("SELECT /*!50000 1*/ 2", Some("postgres")).unwrap();
    assert_eq!(worst(&read), Some(Unknown));
}

#[test]
fn bypass_31_table_functions_are_functions() {
    is(&[
        ("SELECT * FROM pg_ls_dir('/')", File),
        ("SELECT * FROM generate_series(1, 3)", Read),
        ("SELECT * FROM read_csv('/etc/passwd')", File),
        ("SELECT * FROM '/etc/passwd'", File),
        ("SELECT * FROM passwd", Read),
    ]);
    for dialect in ["generic", "mysql", "postgres", "sqlite", "mssql", "bigquery", "snowflake", "duckdb"] {
        let read = statements("SELECT * FROM pg_ls_dir('/')", Some(dialect)).unwrap();
        assert_eq!(worst(&read), Some(File), "{dialect}");
    }
}

#[test]
fn bypass_32_nothing_is_not_a_read() {
    for text in ["", " ; ", "-- comment", "/* comment */", "/* DROP TABLE x */"] {
        assert!(statements(text, None).is_err(), "{text:?}");
    }
    assert!(statements("SELECT 1 -- comment", None).is_ok());
}

#[test]
fn bypass_33_the_worst_of_several_counts() {
    is(&[("SELECT 1; DROP TABLE x", Schema), ("SELECT 1; SELECT 2", Read)]);
}

#[test]
fn bypass_34_conditions_that_are_always_true_do_not_filter() {
    for condition in [
        "1=1",
        "1 = 1",
        "1/**/=\n1",
        "true",
        "TRUE OR id = 1",
        "id = 1 OR 1=1",
        "id = 1 OR (2 > 1)",
        "'a'='a'",
        "id = id",
        "NOT false",
        "id LIKE '%'",
        "1 IN (1, 2)",
        "2 BETWEEN 1 AND 3",
        "1 + 1 = 2",
        "id IS NULL OR id IS NOT NULL",
        "id = 1 OR id <> 1",
        "1",
        "(((1)))=1",
        "1 <> 2",
        "EXISTS (SELECT 1)",
        "id = 1 OR NOT (id = 1)",
        "1=1 OR a=2 OR b=3 OR c=4",
        "1=1 AND true",
    ] {
        let text = format!("DELETE FROM t WHERE {condition}");
        assert_eq!(worst(&statements(&text, None).unwrap()), Some(UnfilteredWrite), "{text}");
    }
    for condition in [
        "id = 1",
        "1=1 AND id = 2",
        "id LIKE 'a%'",
        "active",
        "a = 'a'",
        "id = other_id",
        "id IN (1, 2)",
        "id IS NOT NULL",
    ] {
        let text = format!("DELETE FROM t WHERE {condition}");
        assert_eq!(worst(&statements(&text, None).unwrap()), Some(Write), "{text}");
    }
}

#[test]
fn bypass_36_large_or_deep_sql_is_opaque() {
    for text in [
        format!("SELECT {}1", "1+".repeat(40_000)),
        format!("SELECT {}1", "1+".repeat(5_000)),
        format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT x{}", "::int".repeat(5_000)),
        format!("SELECT {}1", "NOT ".repeat(5_000)),
        format!("SELECT 1,2 {}", "UNION ALL SELECT 1,2 ".repeat(2_000)),
        format!("SELECT {}1{}", "f(".repeat(150), ")".repeat(150)),
    ] {
        assert!(statements(&text, None).is_err(), "{} bytes", text.len());
    }
    let rows = vec!["(1, -2, 'x', NULL)"; 2_000].join(", ");
    assert!(statements(&format!("INSERT INTO t VALUES {rows}"), None).is_ok());
    let sum = "a+".repeat(1_000);
    assert!(statements(&format!("SELECT {sum}1 FROM t"), None).is_ok());
}

#[test]
fn p072_to_p074_destructive_statements() {
    is(&[
        ("DROP/**/TABLE users", Schema),
        ("DROP VIEW x; DELETE FROM users", Schema),
        ("TRUNCATE users", Schema),
    ]);
    let read = statements("DROP VIEW x; DELETE FROM users", None).unwrap();
    assert!(read.iter().any(|statement| statement.class == UnfilteredWrite));
}

#[test]
fn databases_disagree_on_comments_and_strings() {
    is(&[
        ("DELETE FROM t # WHERE id = 1", UnfilteredWrite),
        ("SELECT 1 /* a /* b */ */", Unknown),
        ("SELECT '-- no comment' FROM t", Read),
    ]);
    assert!(statements("/* /* */ DROP TABLE x -- */", None).is_err());
    assert!(
        statements(r"SELECT 'a\'' ; DROP TABLE x; -- '", None).map_or(true, |read| worst(&read) > Some(Read))
    );
}

#[test]
fn dialects_go_by_several_names() {
    for name in [
        "postgres",
        "PostgreSQL",
        "mysql",
        "mariadb",
        "sqlite",
        "mssql",
        "bigquery",
        "snowflake",
        "duckdb",
        "generic",
    ] {
        assert!(statements("SELECT 1", Some(name)).is_ok(), "{name}");
    }
    assert!(statements("SELECT 1", Some("klingon")).is_err());
    assert!(statements("SELEC 1", None).is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in r"(SELECT|DELETE FROM|DROP|WITH|;| |\(|\)|'|--|/\*|\PC){0,12}") {
        let _ = statements(&text, None);
    }
}
