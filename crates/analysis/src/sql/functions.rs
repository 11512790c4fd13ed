//! What calling a function may do, by its name. Whatever is not listed is not understood.

use stayhand_core::facts::SqlClass;

/// The class of a call of `name`, which is lower case and has no schema.
pub(super) fn class_of(name: &str) -> SqlClass {
    if PURE.binary_search(&name).is_ok() {
        SqlClass::Read
    } else if OUTSIDE.binary_search(&name).is_ok()
        || OUTSIDE_FAMILIES.iter().any(|prefix| name.starts_with(prefix))
    {
        SqlClass::File
    } else {
        SqlClass::Unknown
    }
}

/// Beginnings of the names of functions that reach files, programs or other servers.
const OUTSIDE_FAMILIES: &[&str] = &[
    "dblink",
    "pg_ls_",
    "pg_read_",
    "pg_write_",
    "read_csv",
    "read_json",
    "read_ndjson",
    "sp_oa",
    "utl_",
    "xp_",
];

/// Functions that reach files, programs or other servers. Sorted.
static OUTSIDE: &[&str] = &[
    "edit",
    "file",
    "fsdir",
    "hdfs",
    "httpuritype",
    "lo_export",
    "lo_import",
    "load_extension",
    "load_file",
    "mysql",
    "opendatasource",
    "openquery",
    "openrowset",
    "parquet_scan",
    "pg_file_read",
    "pg_file_write",
    "pg_logdir_ls",
    "pg_stat_file",
    "read_blob",
    "read_parquet",
    "read_text",
    "readfile",
    "remote",
    "s3",
    "sp_executesql",
    "sqlite_scan",
    "sys_eval",
    "sys_exec",
    "sys_get",
    "url",
    "writefile",
];

/// Functions that compute a value from their arguments, the clock or the session, and do nothing
/// else. Sorted, and kept in lines by hand.
#[rustfmt::skip]
static PURE: &[&str] = &[
    "abs", "acos", "acosh", "add_months", "adddate", "addtime", "aes_decrypt", "age", "any_value",
    "approx_count_distinct", "approx_percentile", "approx_quantiles", "approx_top_count", "arbitrary",
    "array", "array_agg", "array_append", "array_cat", "array_concat", "array_construct", "array_contains",
    "array_distinct", "array_length", "array_lower", "array_position", "array_remove", "array_reverse",
    "array_size", "array_slice", "array_sort", "array_to_json", "array_to_string", "array_unique",
    "array_upper", "ascii", "asin", "asinh", "atan", "atan2", "atanh", "avg", "bin", "bin_to_uuid",
    "binary_checksum", "bit_and", "bit_count", "bit_length", "bit_or", "bit_xor", "bool", "bool_and",
    "bool_or", "booland_agg", "boolor_agg", "broadcast", "btrim", "cardinality", "cast", "cbrt", "ceil",
    "ceiling", "changes", "char", "char_length", "character_length", "charindex", "charset", "checksum",
    "choose", "chr", "coalesce", "coercibility", "col_description", "collate", "collect_list",
    "collect_set", "concat", "concat_ws", "connection_id", "contains", "convert", "convert_timezone",
    "corr", "cos", "cosh", "cot", "count", "count_if", "countif", "covar_pop", "covar_samp", "crc32",
    "cube", "cume_dist", "curdate", "current_database", "current_date", "current_datetime",
    "current_schema", "current_schemas", "current_setting", "current_time", "current_timestamp",
    "current_user", "curtime", "database", "date", "date_add", "date_bin", "date_diff", "date_format",
    "date_from_parts", "date_from_unix_date", "date_parse", "date_part", "date_spine", "date_sub",
    "date_trunc", "dateadd", "datediff", "datediff_big", "datefromparts", "datename", "datepart",
    "datetime", "datetime_add", "datetime_diff", "datetime_sub", "datetime_trunc", "datetimefromparts",
    "day", "dayname", "dayofmonth", "dayofweek", "dayofweekiso", "dayofyear", "days", "decode", "degrees",
    "dense_rank", "difference", "div", "element_at", "elt", "endswith", "eomonth", "epoch", "epoch_ms",
    "every", "exp", "explode", "expm1", "extract", "extract_date", "factorial", "family", "field",
    "find_in_set", "first", "first_value", "flatten", "float64", "floor", "format", "format_date",
    "format_datetime", "format_timestamp", "format_type", "found_rows", "from_base64", "from_days",
    "from_iso8601_timestamp", "from_unixtime", "gcd", "gen_random_uuid", "generate_array",
    "generate_date_array", "generate_series", "generate_subscripts", "generate_timestamp_array",
    "generate_uuid", "get_json_object", "getdate", "getutcdate", "greatest", "group_concat", "grouping",
    "grouping_id", "has_table_privilege", "hash", "hex", "host", "hour", "if", "iff", "ifnan", "ifnull",
    "iif", "inet_aton", "inet_ntoa", "initcap", "instr", "int", "int64", "interval", "isdate", "isfinite",
    "isipv4", "isjson", "isnull", "isnumeric", "json", "json_agg", "json_arr", "json_array",
    "json_array_elements", "json_array_elements_text", "json_array_length", "json_arrayagg",
    "json_build_array", "json_build_object", "json_contains", "json_each", "json_each_text", "json_extract",
    "json_extract_array", "json_extract_path", "json_extract_path_text", "json_extract_scalar",
    "json_extract_string", "json_group_array", "json_group_object", "json_keys", "json_length",
    "json_modify", "json_object", "json_object_agg", "json_object_keys", "json_objectagg", "json_query",
    "json_quote", "json_remove", "json_search", "json_set", "json_table", "json_tree", "json_type",
    "json_typeof", "json_unquote", "json_valid", "json_value", "jsonb_agg", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object",
    "jsonb_each", "jsonb_each_text", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_object_agg",
    "jsonb_object_keys", "jsonb_path_exists", "jsonb_path_query", "jsonb_pretty", "jsonb_set",
    "jsonb_strip_nulls", "jsonb_typeof", "julian", "julianday", "justify_days", "justify_hours",
    "justify_interval", "lag", "last", "last_day", "last_insert_id", "last_insert_rowid", "last_query_id",
    "last_value", "lcase", "lcm", "lead", "least", "left", "len", "length", "levenshtein", "like", "likely",
    "list", "list_agg", "list_contains", "list_value", "listagg", "ln", "localtime", "localtimestamp",
    "locate", "log", "log10", "log1p", "log2", "logical_and", "logical_or", "lower", "lpad", "ltrim",
    "make_date", "make_interval", "make_time", "make_timestamp", "makedate", "maketime", "map", "map_keys",
    "map_values", "masklen", "max", "max_by", "md5", "median", "microsecond", "mid", "min", "min_by",
    "min_scale", "minute", "mod", "mode", "month", "monthname", "months_between", "named_struct", "nchar",
    "network", "newid", "next_day", "normalize", "now", "nth_value", "ntile", "nullif", "nullifzero",
    "num_nonnulls", "num_nulls", "nvarchar", "nvl", "nvl2", "obj_description", "object_construct",
    "object_keys", "octet_length", "offset", "ord", "ordinal", "parse_date", "parse_datetime", "parse_json",
    "parse_timestamp", "parsename", "patindex", "percent_rank", "percentile", "percentile_cont",
    "percentile_disc", "period_add", "period_diff", "pg_database_size", "pg_get_constraintdef",
    "pg_get_expr", "pg_get_functiondef", "pg_get_indexdef", "pg_get_viewdef", "pg_relation_size",
    "pg_size_pretty", "pg_table_is_visible", "pg_table_size", "pg_total_relation_size", "pg_typeof",
    "phraseto_tsquery", "pi", "plainto_tsquery", "posexplode", "position", "pow", "power", "printf",
    "quarter", "quote", "quote_ident", "quote_literal", "quote_nullable", "quotename", "radians", "rand",
    "random", "random_between", "range", "rank", "ratio_to_report", "regexp_contains", "regexp_count",
    "regexp_extract", "regexp_extract_all", "regexp_instr", "regexp_like", "regexp_match", "regexp_matches",
    "regexp_position", "regexp_replace", "regexp_split_to_array", "regexp_split_to_table", "regexp_substr",
    "regr_slope", "repeat", "replace", "replicate", "reverse", "right", "rollup", "round", "row",
    "row_count", "row_number", "row_to_json", "rpad", "rtrim", "safe_add", "safe_cast", "safe_divide",
    "safe_multiply", "safe_offset", "safe_subtract", "scale", "schema", "scope_identity", "second",
    "sequence", "session_user", "sha1", "sha2", "sha256", "sha512", "sign", "similarity", "sin", "sinh",
    "size", "soundex", "space", "split", "split_part", "sqlite_version", "sqrt", "square", "st_area",
    "st_astext", "st_contains", "st_distance", "st_distance_sphere", "st_dwithin", "st_geomfromtext",
    "st_intersects", "st_length", "st_makepoint", "st_point", "st_setsrid", "st_within", "st_x", "st_y",
    "starts_with", "startswith", "stddev", "stddev_pop", "stddev_samp", "str", "str_to_date", "strcmp",
    "strftime", "string", "string_agg", "string_escape", "string_split", "string_to_array", "strpos",
    "strptime", "struct", "struct_pack", "stuff", "subdate", "substr", "substring", "substring_index",
    "subtime", "sum", "switchoffset", "sysdate", "sysdatetime", "system_user", "tan", "tanh", "text",
    "time", "time_add", "time_bucket", "time_diff", "time_format", "time_slice", "time_sub", "time_to_sec",
    "time_trunc", "timediff", "timefromparts", "timestamp", "timestamp_add", "timestamp_diff",
    "timestamp_micros", "timestamp_millis", "timestamp_seconds", "timestamp_sub", "timestamp_trunc",
    "timestampadd", "timestampdiff", "to_array", "to_ascii", "to_base64", "to_binary", "to_boolean",
    "to_char", "to_date", "to_days", "to_decimal", "to_double", "to_hex", "to_json", "to_json_string",
    "to_jsonb", "to_number", "to_numeric", "to_object", "to_regclass", "to_seconds", "to_time",
    "to_timestamp", "to_timestamp_ltz", "to_timestamp_ntz", "to_timestamp_tz", "to_tsquery", "to_tsvector",
    "to_unixtime", "to_varchar", "to_variant", "todatetimeoffset", "total", "total_changes", "translate",
    "trim", "trim_scale", "trunc", "truncate", "try_cast", "try_convert", "try_parse_json", "try_to_date",
    "try_to_number", "try_to_numeric", "try_to_timestamp", "ts_headline", "ts_rank", "typeof", "ucase",
    "unhex", "unicode", "uniform", "unistr", "unix_date", "unix_seconds", "unix_timestamp", "unixepoch",
    "unlikely", "unnest", "upper", "user", "utc_date", "utc_time", "utc_timestamp", "uuid",
    "uuid_generate_v4", "uuid_to_bin", "values", "var_pop", "var_samp", "varchar", "variance", "version",
    "websearch_to_tsquery", "week", "weekday", "weekiso", "weekofyear", "width", "width_bucket",
    "word_similarity", "year", "yearofweek", "yearweek", "zeroblob", "zeroifnull",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(PURE.is_sorted() && OUTSIDE.is_sorted());
    }
}
