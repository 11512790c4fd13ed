//! Words of SQL that tell a fragment from a sentence.

/// Words that join one more condition.
pub(super) const LOGICAL: &[&str] = &["or", "and", "xor", "having", "where", "div", "mod"];

/// What `DROP`, `CREATE`, `ALTER` and `TRUNCATE` name.
pub(super) const OBJECTS: &[&str] = &[
    "table",
    "database",
    "view",
    "schema",
    "user",
    "login",
    "role",
    "function",
    "procedure",
    "index",
    "trigger",
];

/// Names that belong to a server and not to its data.
pub(super) static REVEALING: &[&str] = &[
    "information_schema.",
    "mysql.user",
    "master..",
    "master.dbo.",
    "pg_catalog.",
    "sys.all_tables",
    "sys.database",
    "utl_inaddr.",
    "utl_http.",
    "utl_file.",
    "dbms_pipe.",
    "dbms_lock.",
    "dbms_java",
    "dbms_ldap.",
    "dbms_xmlgen.",
    "xp_cmdshell",
    "xp_dirtree",
    "xp_regread",
    "xp_fileexist",
    "sp_oacreate",
    "sp_configure",
    "load_file",
    "sys_eval",
    "sys_exec",
    "ctxsys.drithsx",
];

pub(super) fn is_delaying(name: &str) -> bool {
    matches!(
        name,
        "benchmark"
            | "pg_sleep"
            | "extractvalue"
            | "updatexml"
            | "load_file"
            | "xmltype"
            | "randomblob"
            | "sleep"
    )
}

/// Functions of databases that attacks call to learn or to wait.
pub(super) fn is_function(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "ascii",
        "benchmark",
        "bin",
        "cast",
        "char",
        "chr",
        "concat",
        "concat_ws",
        "conv",
        "convert",
        "count",
        "current_user",
        "database",
        "db_name",
        "elt",
        "exists",
        "extractvalue",
        "floor",
        "group_concat",
        "hex",
        "if",
        "ifnull",
        "iif",
        "instr",
        "left",
        "length",
        "load_file",
        "lower",
        "make_set",
        "mid",
        "now",
        "nullif",
        "ord",
        "pg_sleep",
        "quote",
        "rand",
        "randomblob",
        "rpad",
        "schema",
        "sleep",
        "sqlite_version",
        "substr",
        "substring",
        "sys_context",
        "system_user",
        "unhex",
        "updatexml",
        "upper",
        "user",
        "user_name",
        "version",
        "xmltype",
    ];
    let lower = name.to_ascii_lowercase();
    NAMES.binary_search(&lower.as_str()).is_ok() || REVEALING.iter().any(|start| lower.starts_with(start))
}
