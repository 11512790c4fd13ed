//! Statements: what we call a reading is none that SQLite says would write. And values: the check for injected
//! SQL ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;
use stayhand_analysis::sql;
use stayhand_core::facts::SqlClass;
use std::cell::OnceCell;

thread_local! {
    static DB: OnceCell<Connection> = const { OnceCell::new() };
}

fn open() -> Connection {
    let db = Connection::open_in_memory().expect("memory");
    db.execute_batch("CREATE TABLE t(a, b, c); CREATE TABLE users(id, name); CREATE VIEW v AS SELECT a FROM t;").expect("tables");
    db
}

fuzz_target!(|text: &str| {
    let _ = sql::injection(text);
    for dialect in [None, Some("postgres"), Some("mysql"), Some("mssql"), Some("bigquery"), Some("snowflake")] {
        let _ = sql::statements(text, dialect);
    }
    let Ok(statements) = sql::statements(text, Some("sqlite")) else { return };
    if statements.is_empty() || statements.iter().any(|statement| statement.class != SqlClass::Read) {
        return;
    }
    DB.with(|db| {
        let db = db.get_or_init(open);
        if let Ok(prepared) = db.prepare(text) {
            assert!(prepared.readonly(), "called a reading, and SQLite would write: {text:?}");
        }
    });
});
