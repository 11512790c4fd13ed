//! sed.

use super::table;

#[test]
fn sed_that_edits() {
    let rows: Vec<(&str, &str)> = [
        "s/a/b/g",
        "1,20p",
        "/x/d",
        "s|a|b|;s,c,d,2",
        "$!N",
        "/^$/,/x/{s/a/b/;p}",
        "s/[/]/x/",
        "y/abc/xyz/",
        "2q",
        "a\\\ntext",
        "/a/!d",
        "s/e/w/g",
        "s/x/e/",
        "1!G;h;$!d",
    ]
    .map(|script| (script, "sed"))
    .to_vec();
    table(&["sed"], &rows);
}

#[test]
fn sed_that_acts() {
    table(
        &["sed"],
        &[
            ("1e rm x", "sed; rm delete /w/x"),
            ("e", "sed ?"),
            ("s/.*/rm x/e", "sed; rm delete /w/x"),
            ("s/a/b/e", "sed ?"),
            ("s/.*/&/e", "sed ?"),
            ("s/a/b/ge", "sed ?"),
            ("s/a/b/w out", "sed write /w/out"),
            ("s/a/b/gw /etc/x", "sed write /etc/x"),
            ("w /etc/x", "sed write /etc/x"),
            ("/x/r in", "sed read /w/in"),
            ("s/a", "sed ?"),
            ("1,5", "sed ?"),
            ("s/a/b/Q", "sed ?"),
            ("v;e", "sed ?"),
        ],
    );
}
