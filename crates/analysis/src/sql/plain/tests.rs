use super::super::{classify, read, statements};
use super::*;
use proptest::prelude::*;
use sqlparser::dialect::GenericDialect;

/// What the parser makes of `text`.
fn parsed(text: &str) -> Option<Statement> {
    read(text, &GenericDialect {}).ok()?.into_iter().next()
}

#[test]
fn lists_are_sorted() {
    assert!(KEYWORDS.is_sorted() && OTHERS.is_sorted());
    assert!(!KEYWORDS.iter().any(|word| OTHERS.contains(word)));
    assert!(
        ENDING
            .iter()
            .chain(AFTER_FROM)
            .chain(BEFORE_BRACKET)
            .chain(WANTING)
            .all(|word| KEYWORDS.contains(word))
    );
}

#[test]
fn ordinary_queries_are_read_as_the_parser_reads_them() {
    for text in [
        "SELECT 1",
        "SELECT id, name FROM users",
        "SELECT * FROM users;",
        "select count(*) from Users where Age > 30 and city = 'Paris'",
        "SELECT u.id, o.total FROM users u JOIN orders AS o ON u.id = o.user_id WHERE o.total >= 10.5",
        "SELECT a FROM t1, t2 x, s.t3 WHERE t1.a = x.b ORDER BY a DESC LIMIT 5 OFFSET 2",
        "SELECT a, max(b) AS most FROM t GROUP BY a HAVING max(b) > 3 ORDER BY most",
        "SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE d LIKE '%x%') AND e NOT IN (1, 2)",
        "SELECT a FROM (SELECT b AS a FROM t) s WHERE a IS NOT NULL",
        "SELECT a FROM t UNION ALL SELECT b FROM u",
        "SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END AS kind FROM t",
        "SELECT extract(year FROM placed) FROM orders WHERE total BETWEEN 1 AND 2",
        "SELECT -a, +1, a - b, 'it''s' FROM t WHERE NOT (a < b OR c <> d)",
        "SELECT DISTINCT a FROM t LEFT OUTER JOIN u ON t.id = u.id",
        "SELECT lower(a), coalesce(b, 0) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
    ] {
        let quick = query(text);
        assert!(quick.is_some(), "{text}");
        assert_eq!(quick, parsed(text), "{text}");
    }
}

#[test]
fn whatever_may_be_more_is_for_the_parser() {
    for text in [
        "SELECT a INTO b FROM t",
        "SELECT a FROM t FOR UPDATE",
        "SELECT a FROM t LOCK IN SHARE MODE",
        "SELECT 1; DROP TABLE t",
        "SELECT 1 DROP TABLE t",
        "SELECT a FROM t SHUTDOWN",
        "SELECT 1 -- x",
        "SELECT 1 /* x */",
        "SELECT 1 # x",
        "SELECT a FROM 'x.csv'",
        "SELECT a FROM x.csv",
        "SELECT pg_read_file('x')",
        "SELECT a FROM f(1)",
        "SELECT s.f(1)",
        "SELECT seq.nextval FROM dual",
        "SELECT 'a\\' FROM t",
        "SELECT \"a\" FROM t",
        "SELECT `a` FROM t",
        "SELECT @a FROM t",
        "SELECT a FROM t WHERE (b = 1",
        "SELECT a FROM t WHERE b = 1)",
        "SELECT a FROM",
        "SELECT",
        "SELECTED a FROM t",
        "SELECT a FROM t,",
        "SELECT a FROM t WHERE",
        "SELECT 'a' 'b'",
        "SELECT a, FROM t",
        "select the best hotel in Paris",
        "select a b c from t",
        "select a from t where b in c",
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "DELETE FROM t",
        "SELECT a FROM OLD TABLE (INSERT INTO t VALUES (1))",
        "SELECT 1 WHERE 'x",
        "SELECT AS (SELECT)",
        "SELECT a FROM t WHERE b IS (SELECT 1)",
        "SELECT NULL (1)",
        "SELECT LIMIT (LIMIT)",
        "SELECT a FROM t LIMIT (1)",
        "SELECT GROUP FROM t",
        "SELECT NOT FROM t",
        "SELECT NOT IN (1)",
        "SELECT NOT (*)",
        "SELECT NOT IN (AS)",
        "SELECT a IN (FROM 'x')",
        "SELECT a END FROM t",
        "SELECT a * FROM t",
        "SELECT a FROM t WHERE GROUP BY a",
    ] {
        assert_eq!(query(text), None, "{text}");
    }
}

#[test]
fn lists_in_braces_stand_for_columns() {
    let read = query("SELECT {t.a, t.b}, count(c) AS n FROM t GROUP BY {} ORDER BY n").unwrap();
    assert_eq!(
        (read.class, read.tables, read.columns),
        (SqlClass::Read, vec!["t".into()], vec!["a".into(), "b".into(), "c".into()])
    );
    for text in ["SELECT {call f()} FROM t", "SELECT {a FROM t", "SELECT {{a}} FROM t", "SELECT } a { FROM t"]
    {
        assert_eq!(query(text), None, "{text}");
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "FROM",
        "WHERE",
        "a",
        "b.c",
        "t",
        "*",
        ",",
        "(",
        ")",
        "=",
        "1",
        "'x'",
        "AND",
        "OR",
        "JOIN",
        "ON",
        "AS",
        "GROUP BY",
        "ORDER BY",
        "LIMIT",
        "UNION",
        "count(*)",
        "lower(",
        "IN (",
        "INTO",
        "FOR UPDATE",
        "NOT",
        "IS NULL",
        "LIKE",
        ";",
        "DELETE",
        "nextval(",
        "BETWEEN",
        "CASE WHEN",
        "THEN",
        "END",
        "DISTINCT",
        "USING",
        "-",
        "shutdown",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_quick_reading_is_never_milder(words in prop::collection::vec(word(), 1..14)) {
        let text = format!("SELECT {}", words.join(" "));
        if let (Some(quick), Some(slow)) = (query(&text), parsed(&text)) {
            prop_assert_eq!(quick.class, slow.class, "{}", &text);
            prop_assert_eq!(quick.tables, slow.tables, "{}", &text);
        }
        let _ = (statements(&text, None), classify::SEQUENCE_COLUMNS);
    }
}
