//! What kind of statement a parsed statement is, with everything inside it.

use super::{functions, truth};
use sqlparser::ast::{
    AssignmentTarget, ContextModifier, CopySource, CopyTarget, Expr, FromTable, Function, Ident, ObjectName,
    ObjectType, Query, Select, SelectItem, Set, Statement as Parsed, TableFactor, TableObject, Visit as _,
    Visitor,
};
use stayhand_core::facts::{SqlClass, Statement};
use std::borrow::Cow;
use std::ops::ControlFlow;

type Verdict = (SqlClass, Cow<'static, str>);

/// Classifies `parsed`: the worst of the statement itself, the statements and functions inside
/// it, and the files it names as tables.
pub(super) fn statement(parsed: &Parsed) -> Statement {
    let plan_only = matches!(parsed, Parsed::Explain { .. }) && !explains_by_running(parsed);
    let mut walk = Walk {
        class: SqlClass::Read,
        verb: Cow::Borrowed("SELECT"),
        tables: Vec::new(),
        columns: named_columns(parsed),
        aliases: Vec::new(),
        names: Vec::new(),
        plan_only,
    };
    let (class, verb) = of_statement(parsed);
    walk.verb = verb;
    walk.class = class;
    let _ = parsed.visit(&mut walk);
    walk.tables.extend(targets(parsed));
    let Walk { mut tables, mut columns, aliases, names, .. } = walk;
    tables.retain(|table| !aliases.contains(table));
    columns.retain(|column| !names.contains(column));
    sort(&mut tables);
    sort(&mut columns);
    Statement { class: walk.class, tables, columns, verb: walk.verb.into_owned() }
}

/// Each name once, in order.
pub(super) fn sort(names: &mut Vec<String>) {
    names.sort_unstable();
    names.dedup();
}

struct Walk {
    class: SqlClass,
    verb: Cow<'static, str>,
    tables: Vec<String>,
    columns: Vec<String>,
    /// Names given by `WITH`, which are no tables.
    aliases: Vec<String>,
    /// Names given to results, which are no columns.
    names: Vec<String>,
    /// Statements inside are planned, not run.
    plan_only: bool,
}

impl Walk {
    fn raise(&mut self, (class, verb): Verdict) {
        if class > self.class {
            self.class = class;
            self.verb = verb;
        }
    }

    /// A name given to a result or a table. Where statements need no separator, some names are the
    /// next statement.
    fn name(&mut self, alias: &Ident) {
        let lower = alias.value.to_lowercase();
        if alias.quote_style.is_none() && STATEMENT_WORDS.contains(&lower.as_str()) {
            self.raise((SqlClass::Unknown, Cow::Owned(lower.clone())));
        }
        self.names.push(lower);
    }

    fn column(&mut self, ident: &Ident) {
        let lower = ident.value.to_lowercase();
        if SEQUENCE_COLUMNS.contains(&lower.as_str()) {
            self.raise((SqlClass::Unknown, Cow::Owned(lower.clone())));
        }
        self.columns.push(lower);
    }

    fn call(&mut self, name: &ObjectName) {
        let Some(last) = name.0.last().and_then(|part| part.as_ident()) else {
            return self.raise((SqlClass::Unknown, Cow::Borrowed("function call")));
        };
        let lower = last.value.to_ascii_lowercase();
        let class = if has_own_schema(name) { SqlClass::Unknown } else { functions::class_of(&lower) };
        if class > SqlClass::Read {
            self.raise((class, Cow::Owned(format!("{lower}()"))));
        }
    }
}

/// Whether a function is qualified with a schema other than the system's.
fn has_own_schema(name: &ObjectName) -> bool {
    let schema =
        name.0.len().checked_sub(2).and_then(|index| name.0.get(index)).and_then(|part| part.as_ident());
    schema.is_some_and(|schema| {
        !["pg_catalog", "sys", "information_schema", "safe", "net", "st"]
            .contains(&schema.value.to_ascii_lowercase().as_str())
    })
}

impl Visitor for Walk {
    type Break = ();

    fn pre_visit_statement(&mut self, inner: &Parsed) -> ControlFlow<()> {
        if !self.plan_only {
            self.raise(of_statement(inner));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.aliases.extend(with.cte_tables.iter().map(|cte| cte.alias.name.value.to_lowercase()));
        }
        if !query.locks.is_empty() {
            self.raise((SqlClass::Transaction, Cow::Borrowed("SELECT FOR UPDATE")));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if select.into.is_some() {
            self.raise((SqlClass::Schema, Cow::Borrowed("SELECT INTO")));
        }
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => self.name(alias),
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    self.columns.push("*".to_owned())
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAliases { .. } => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        if names_file(relation) {
            self.raise((SqlClass::File, Cow::Borrowed("FROM file")));
        }
        self.tables.push(table_name(relation));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor {
            self.call(name);
        }
        if let TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } = factor
        {
            self.name(&alias.name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(Function { name, .. }) => self.call(name),
            Expr::Identifier(ident) => self.column(ident),
            Expr::CompoundIdentifier(parts) => parts.last().into_iter().for_each(|part| self.column(part)),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Columns that draw the next number of a sequence.
pub(super) const SEQUENCE_COLUMNS: &[&str] = &["nextval", "currval"];

/// Statements of one word, which SQL Server runs without a separator before them.
const STATEMENT_WORDS: &[&str] = &["checkpoint", "reconfigure", "revert", "shutdown"];

/// The columns that a change names where the walk does not see them.
fn named_columns(parsed: &Parsed) -> Vec<String> {
    let last = |name: &ObjectName| {
        let part = name.0.last()?;
        Some(part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone()).to_lowercase())
    };
    match parsed {
        Parsed::Insert(insert) => insert.columns.iter().filter_map(last).collect(),
        Parsed::Update(update) => update
            .assignments
            .iter()
            .flat_map(|assignment| match &assignment.target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names.as_slice(),
            })
            .filter_map(last)
            .collect(),
        _ => Vec::new(),
    }
}

fn table_name(name: &ObjectName) -> String {
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| {
            part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone()).to_lowercase()
        })
        .collect();
    parts.join(".")
}

/// Some databases read a quoted table name as a file.
fn names_file(name: &ObjectName) -> bool {
    name.0.iter().filter_map(|part| part.as_ident()).any(|ident| {
        let lower = ident.value.to_ascii_lowercase();
        ident.quote_style == Some('\'') || lower.contains(['/', '\\']) || ends_like_file(&lower)
    })
}

/// Whether a name in lower case ends as data files do. (`data.csv` without quotes has two parts.)
pub(super) fn ends_like_file(lower: &str) -> bool {
    const ENDINGS: [&str; 7] = [".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".db"];
    ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// `EXPLAIN ANALYZE` runs what it explains.
fn explains_by_running(parsed: &Parsed) -> bool {
    let Parsed::Explain { analyze, options, .. } = parsed else { return false };
    *analyze || options.iter().flatten().any(|option| option.name.value.eq_ignore_ascii_case("analyze"))
}

fn of_statement(parsed: &Parsed) -> Verdict {
    let (class, verb) = match parsed {
        Parsed::Update(update) => (changing(update.selection.as_ref()), "UPDATE"),
        Parsed::Delete(delete) => (changing(delete.selection.as_ref()), "DELETE"),
        Parsed::Merge(merge) if truth::is_always_true(&merge.on) => (SqlClass::UnfilteredWrite, "MERGE"),
        Parsed::Insert(insert) if insert.overwrite => (SqlClass::UnfilteredWrite, "INSERT OVERWRITE"),
        Parsed::Insert(insert) if matches!(insert.table, TableObject::TableFunction(_)) => {
            (SqlClass::File, "INSERT INTO FUNCTION")
        }
        Parsed::Drop { object_type: ObjectType::Role | ObjectType::User, .. } => {
            (SqlClass::Privilege, "DROP ROLE")
        }
        Parsed::Drop { object_type, .. } => {
            return (SqlClass::Schema, Cow::Owned(format!("DROP {object_type}")));
        }
        Parsed::Set(set) => of_set(set),
        Parsed::Copy { to, target, .. } => of_copy(*to, target),
        Parsed::Pragma { name, value, is_eq } => of_pragma(name, value.is_some(), *is_eq),
        Parsed::CreateFunction(function)
            if function.language.as_ref().is_some_and(|language| !is_inner_language(&language.value)) =>
        {
            (SqlClass::File, "CREATE FUNCTION")
        }
        Parsed::CreateTable(table) if table.external || table.location.is_some() => {
            (SqlClass::File, "CREATE EXTERNAL TABLE")
        }
        Parsed::CreateVirtualTable { module_name, .. } if !is_inner_module(&module_name.value) => {
            (SqlClass::File, "CREATE VIRTUAL TABLE")
        }
        other => of_kind(other),
    };
    (class, Cow::Borrowed(verb))
}

/// The class of a change under `condition`.
fn changing(condition: Option<&Expr>) -> SqlClass {
    if condition.is_none_or(truth::is_always_true) { SqlClass::UnfilteredWrite } else { SqlClass::Write }
}

fn of_set(set: &Set) -> (SqlClass, &'static str) {
    match set {
        Set::SetRole { .. } | Set::SetSessionAuthorization(_) => (SqlClass::Privilege, "SET ROLE"),
        Set::SingleAssignment { scope: Some(ContextModifier::Global), .. } => {
            (SqlClass::Privilege, "SET GLOBAL")
        }
        Set::MultipleAssignments { assignments }
            if assignments.iter().any(|each| each.scope == Some(ContextModifier::Global)) =>
        {
            (SqlClass::Privilege, "SET GLOBAL")
        }
        Set::SetTransaction { .. } => (SqlClass::Transaction, "SET TRANSACTION"),
        _ => (SqlClass::Session, "SET"),
    }
}

fn of_copy(to: bool, target: &CopyTarget) -> (SqlClass, &'static str) {
    match target {
        CopyTarget::Stdout if to => (SqlClass::Read, "COPY TO"),
        CopyTarget::Stdin if !to => (SqlClass::Write, "COPY FROM"),
        CopyTarget::Program { .. } => (SqlClass::File, "COPY PROGRAM"),
        _ => (SqlClass::File, "COPY"),
    }
}

/// Languages of functions that cannot reach outside the database by themselves.
fn is_inner_language(language: &str) -> bool {
    language.eq_ignore_ascii_case("sql") || language.eq_ignore_ascii_case("plpgsql")
}

/// Modules of SQLite that keep their data in the database.
fn is_inner_module(module: &str) -> bool {
    ["fts3", "fts4", "fts5", "rtree", "geopoly"].iter().any(|known| module.eq_ignore_ascii_case(known))
}

/// Pragmas that only show, whatever their argument.
const SHOWING_PRAGMAS: &[&str] = &[
    "collation_list",
    "compile_options",
    "database_list",
    "foreign_key_check",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "pragma_list",
    "quick_check",
    "show_tables",
    "stats",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that act even without a value. SQLite itself counts the question for `journal_mode` among what writes.
const ACTING_PRAGMAS: &[&str] =
    &["incremental_vacuum", "journal_mode", "optimize", "shrink_memory", "wal_checkpoint"];

fn of_pragma(name: &ObjectName, has_value: bool, assigns: bool) -> (SqlClass, &'static str) {
    let name = name.0.last().map(|part| part.to_string().to_ascii_lowercase()).unwrap_or_default();
    let shows = SHOWING_PRAGMAS.contains(&name.as_str()) && !assigns;
    let asks = !has_value && !ACTING_PRAGMAS.contains(&name.as_str());
    (if shows || asks { SqlClass::Read } else { SqlClass::Session }, "PRAGMA")
}

/// The class of statements that need no look inside.
fn of_kind(parsed: &Parsed) -> (SqlClass, &'static str) {
    use Parsed as P;
    use SqlClass::{File, Privilege, Read, Schema, Session, Transaction, Unknown, Write};
    match parsed {
        P::Query(_) => (Read, "SELECT"),
        P::Explain { .. } | P::ExplainTable { .. } => (Read, "EXPLAIN"),
        P::ShowFunctions { .. } | P::ShowVariable { .. } | P::ShowStatus { .. } | P::ShowVariables { .. } => {
            (Read, "SHOW")
        }
        P::ShowCreate { .. } | P::ShowColumns { .. } | P::ShowCatalogs { .. } | P::ShowDatabases { .. } => {
            (Read, "SHOW")
        }
        P::ShowProcessList { .. } | P::ShowSchemas { .. } | P::ShowCharset(_) | P::ShowObjects(_) => {
            (Read, "SHOW")
        }
        P::ShowTables { .. } | P::ShowViews { .. } | P::ShowCollation { .. } => (Read, "SHOW"),
        P::If(_) | P::Case(_) | P::While(_) => (Read, "block"),
        P::StartTransaction { .. } => (Transaction, "BEGIN"),
        P::Commit { .. } => (Transaction, "COMMIT"),
        P::Rollback { .. } => (Transaction, "ROLLBACK"),
        P::Savepoint { .. } | P::ReleaseSavepoint { .. } => (Transaction, "SAVEPOINT"),
        P::Lock(_) | P::LockTables { .. } | P::UnlockTables => (Transaction, "LOCK"),
        P::Use(_) => (Session, "USE"),
        P::Analyze(_) | P::Vacuum(_) | P::OptimizeTable { .. } | P::Flush { .. } => (Session, "maintenance"),
        P::Cache { .. } | P::UNCache { .. } | P::Msck(_) | P::Discard { .. } | P::Reset(_) => {
            (Session, "maintenance")
        }
        P::AlterSession { .. } | P::Deallocate { .. } | P::Prepare { .. } | P::Declare { .. } => {
            (Session, "session")
        }
        P::Fetch { .. } | P::Open(_) | P::Close { .. } | P::Print(_) | P::Return(_) => (Session, "session"),
        P::LISTEN { .. } | P::UNLISTEN { .. } | P::Raise(_) | P::RaisError { .. } | P::Throw(_) => {
            (Session, "session")
        }
        P::DetachDuckDBDatabase { .. } | P::Assert { .. } => (Session, "session"),
        P::Insert(_) => (Write, "INSERT"),
        P::Merge(_) => (Write, "MERGE"),
        P::NOTIFY { .. } => (Write, "NOTIFY"),
        P::Truncate(_) => (Schema, "TRUNCATE"),
        P::CreateExtension(_) => (File, "CREATE EXTENSION"),
        P::Install { .. } | P::Load { .. } => (File, "LOAD"),
        P::Directory { .. } | P::LoadData { .. } | P::Unload { .. } | P::ExportData(_) => (File, "LOAD DATA"),
        P::CopyIntoSnowflake { .. } | P::Put { .. } | P::List(_) | P::Remove(_) | P::CreateStage { .. } => {
            (File, "stage")
        }
        P::AttachDatabase { .. } | P::AttachDuckDBDatabase { .. } => (File, "ATTACH"),
        P::CreateServer(_) | P::CreateConnector(_) | P::AlterConnector { .. } => (File, "CREATE SERVER"),
        P::Call(_) => (File, "CALL"),
        P::Execute { .. } => (File, "EXECUTE"),
        P::Grant(_) => (Privilege, "GRANT"),
        P::Revoke(_) => (Privilege, "REVOKE"),
        P::Deny(_) => (Privilege, "DENY"),
        P::CreateRole(_) | P::CreateUser(_) => (Privilege, "CREATE ROLE"),
        P::AlterRole { .. } | P::AlterUser(_) => (Privilege, "ALTER ROLE"),
        P::CreatePolicy(_) | P::AlterPolicy(_) | P::DropPolicy(_) => (Privilege, "policy"),
        P::CreateSecret { .. } | P::DropSecret { .. } => (Privilege, "secret"),
        P::Kill { .. } => (Privilege, "KILL"),
        other => of_definition(other).map_or((Unknown, "unknown"), |verb| (Schema, verb)),
    }
}

/// The verb of statements that create, alter or drop definitions.
fn of_definition(parsed: &Parsed) -> Option<&'static str> {
    use Parsed as P;
    Some(match parsed {
        P::CreateTable(_) | P::CreateVirtualTable { .. } => "CREATE TABLE",
        P::CreateView(_) => "CREATE VIEW",
        P::CreateIndex(_) => "CREATE INDEX",
        P::CreateSchema { .. } => "CREATE SCHEMA",
        P::CreateDatabase { .. } => "CREATE DATABASE",
        P::CreateFunction(_) | P::CreateMacro { .. } => "CREATE FUNCTION",
        P::CreateProcedure { .. } => "CREATE PROCEDURE",
        P::CreateTrigger(_) => "CREATE TRIGGER",
        P::CreateSequence { .. } | P::CreateDomain(_) | P::CreateType { .. } | P::CreateCollation(_) => {
            "CREATE"
        }
        P::CreateOperator(_) | P::CreateOperatorFamily(_) | P::CreateOperatorClass(_) => "CREATE",
        P::CreateTextSearch(_) | P::CreateFileFormat { .. } | P::CreateWarehouse(_) => "CREATE",
        P::AlterTable(_) => "ALTER TABLE",
        P::AlterSchema(_)
        | P::AlterIndex { .. }
        | P::AlterView { .. }
        | P::AlterFunction(_)
        | P::AlterType(_) => "ALTER",
        P::AlterCollation(_) | P::AlterOperator(_) | P::AlterOperatorFamily(_) | P::AlterOperatorClass(_) => {
            "ALTER"
        }
        P::AlterTextSearch(_) => "ALTER",
        P::DropFunction(_) | P::DropProcedure { .. } => "DROP FUNCTION",
        P::DropTrigger(_) => "DROP TRIGGER",
        P::DropDomain(_) | P::DropConnector { .. } | P::DropExtension(_) | P::DropOperator(_) => "DROP",
        P::DropOperatorFamily(_) | P::DropOperatorClass(_) => "DROP",
        P::RenameTable(_) => "RENAME TABLE",
        P::Comment { .. } => "COMMENT",
        _ => return None,
    })
}

/// The tables that a statement names where the walk does not see them.
fn targets(parsed: &Parsed) -> Vec<String> {
    match parsed {
        Parsed::Drop { names, .. } => names.iter().map(table_name).collect(),
        Parsed::Truncate(truncate) => {
            truncate.table_names.iter().map(|target| table_name(&target.name)).collect()
        }
        Parsed::Copy { source: CopySource::Table { table_name: name, .. }, .. } => vec![table_name(name)],
        Parsed::Delete(delete) => {
            let FromTable::WithFromKeyword(_) = &delete.from else { return Vec::new() };
            delete.tables.iter().map(table_name).collect()
        }
        _ => Vec::new(),
    }
}
