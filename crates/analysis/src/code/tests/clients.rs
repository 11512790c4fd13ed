//! Database clients.

use super::table;

#[test]
fn sqlite() {
    let at = "sqlite3 read /w/a.db write /w/a.db";
    let row = |code: &'static str, rest: &str| {
        (
            code,
            if rest.starts_with(';') {
                format!("{at}{rest}")
            } else {
                format!("{at} {rest}").trim_end().to_owned()
            },
        )
    };
    let rows = [
        row("SELECT 1", "select"),
        row("DROP TABLE t", "drop table"),
        row(".tables", ""),
        row(".schema users", ""),
        row(".shell rm x", "; rm delete /w/x"),
        row(".system rm x", "; rm delete /w/x"),
        row(".mode csv\n.import in.csv t\nSELECT * FROM t;", "read /w/in.csv select"),
        row(".import '|rm x' t", "; rm delete /w/x"),
        row(".output /etc/x", "write /etc/x"),
        row(".once out.txt\nSELECT 1;", "write /w/out.txt select"),
        row(".output |rm x", "; rm delete /w/x"),
        row(".read schema.sql", "read /w/schema.sql ?"),
        row(".load /tmp/x.so", "execute /tmp/x.so"),
        row(".backup /etc/x", "write /etc/x"),
        row(".frobnicate", "?"),
    ];
    let rows: Vec<(&str, &str)> = rows.iter().map(|(code, told)| (*code, told.as_str())).collect();
    table(&["sqlite3", "a.db"], &rows);
}

#[test]
fn postgres_and_mysql() {
    table(
        &["psql", "-c"],
        &[
            ("SELECT 1", "psql select"),
            ("\\dt", "psql"),
            ("\\! rm x", "psql; rm delete /w/x"),
            ("\\i x.sql", "psql read /w/x.sql ?"),
            ("\\copy t to '/etc/x'", "psql write /etc/x"),
            ("\\copy t from program 'rm x'", "psql insert; rm delete /w/x"),
            ("\\o |rm x", "psql; rm delete /w/x"),
            ("\\set x `rm x`", "psql ?"),
            ("DELETE FROM t", "psql delete"),
        ],
    );
    table(
        &["mysql", "-e"],
        &[
            ("SELECT 1", "mysql select"),
            ("system rm x", "mysql; rm delete /w/x"),
            ("\\! rm x", "mysql; rm delete /w/x"),
            ("source x.sql", "mysql read /w/x.sql ?"),
        ],
    );
}
