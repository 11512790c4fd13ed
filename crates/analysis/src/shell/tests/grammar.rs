//! What a shell reads and the grammar does not, or otherwise; and what is too long, too deep or too much.

use super::*;

#[test]
fn bypass_09_control_characters() {
    opaque("ls\rrm -rf /");
    opaque("ls \u{7}");
    quiet("ls\t-la\npwd");
}

#[test]
fn bypass_15_errors_and_emptiness_are_opaque() {
    opaque("");
    opaque("   ");
    opaque("# nothing");
    opaque(r#"ls ""#);
    opaque("ls )");
    opaque("if true");
    quiet("git diff --");
}

#[test]
fn bypass_18_expansions_that_run_or_assign() {
    opaque("echo \"${x:->(}\"");
    opaque("echo ${x#<(}");
    quiet("echo \"${x:-a}\"");
    opaque("echo ${x@P}");
    opaque(r#"echo "${x@P}""#);
    opaque("echo ${x:=y}");
    opaque("echo ${x=y}");
    opaque("echo ${!x}");
    opaque("echo ${!x*}");
    opaque("echo $((x=1))");
    opaque("echo ${x:$((y=1))}");
    quiet(r#"echo ${x:-y} ${#x} ${x%.*} ${x##*/} "${x//a/b}" $((1+2))"#);
}

#[test]
fn misreadings_of_the_grammar_are_noticed() {
    opaque("!'a'b x");
    opaque("{} &");
    opaque("[[aa == b ]] && ls");
    opaque("aa <<E\nx\nfiE\n`rm -rf /`");
    opaque("1X=aa rm");
    opaque("echo a'b'$X-`ls`-$(");
    opaque("echo `ls` `ls` x");
    opaque("$\n\"rm\" x");
    opaque("X\\\n=aa rm -rf /");
    opaque("cat <<'E'x\nhi\nE\nrm\nEx");
    opaque("cat <<E&& ls\nhi\nE");
    opaque("! ! rm x");
    opaque("{rm x");
    opaque("[ -f x > out ]");
    opaque("a=b\\\nc rm");
    opaque("ls a\\\n#b; rm -rf /");
    opaque("(ls)99999999999>x");
    opaque("d\t$$<<\n\nf\ntrap\n\n\n2&\nf\n\n\n\n");
    opaque("cat <<\nE\nx\nE\n");
    opaque("ls 99999999999>x");
    quiet("(ls)3>x; ls 12>&1");
    // What bash takes for an error, since nothing stands before the operator.
    for operator in ["&&", "||", "|", "|&", ";", "&"] {
        for end in ["\n\\\n", "\n\\\n\\\n", " # c\n\\\n"] {
            opaque(&format!("ls{end}{operator} ls"));
            opaque(&format!("( ls{end}{operator} ls )"));
        }
    }
    opaque(r#"rm {1..2""}"#);
    opaque("echo \"$\\\n(rm -rf /)\"");
    opaque("export A=b\\\nc");
    opaque("aa <<E | \nE\nb\nE");
    opaque("ls;&>x");
    opaque("find>#.\n+");
    opaque("ls>>\\\n\n\n\\\nth");
    opaque("(ls)<&-x");
    // Where a failure does not end the shell, a folder that cannot be entered is not the one the next command runs in.
    for text in [
        "set -e; f() { cd /; cd /w/none; rm -rf etc; }; f || true",
        "set -e; if cd /; cd /w/none; rm -rf etc; then ls; fi",
        "set -e; ! (cd /; cd /w/none; rm -rf etc)",
        "set -e; f() { cd /; cd /w/none; rm -rf etc; }; ! f",
        "set -e; x=$(cd /; cd /w/none; rm -rf etc)",
        "set -e; set +eu; cd /; cd /w/none; rm -rf etc",
        "set -o errexit; set +o errexit; cd /; cd /w/none; rm -rf etc",
        "set -- -e; cd /; cd /w/none; rm -rf etc",
    ] {
        finds(text, "delete /etc and below");
    }
    // Functions are not what `command`, `builtin` and `exec` run.
    for text in [
        "rm() { :; }; command rm -rf /etc",
        "rm() { :; }; command command rm -rf /etc",
        "rm() { :; }; exec rm -rf /etc",
        "cd() { :; }; builtin cd /; rm -rf etc",
    ] {
        finds(text, "delete /etc and below");
    }
    opaque("!\nfunction");
    opaque("echo $$((1+1))");
    quiet("echo \"$$(ls)\"");
    quiet("echo \"\\$$(ls)\" $$$(ls) $$ $((1+1))");
    finds("r\\\nm -rf /etc", "rm, delete /etc and below");
    finds("echo \"\n  $(rm -rf /etc)\"", "delete /etc and below");
    finds("ls;\n\n\"rm\" -rf /etc", "delete /etc and below");
    check("rm ~'/x' ''~ ~/y", "rm, delete /w/~/x, delete /w/~, delete /home/me/y");
    check(r#"X={a,b}; rm "$X""#, "rm, delete /w/{a,b}");
    check("rm {a,b}{1,2}", "rm, delete /w/a1, delete /w/a2, delete /w/b1, delete /w/b2");
}

#[test]
fn newlines_inside_words_do_not_hide_commands() {
    opaque("ls\n\\rm -rf /etc");
    opaque("psql\n\\! sh");
    finds("ls \\\n -la", "ls, list /w");
}

#[test]
fn bypass_08_and_21_budgets_keep_what_was_found() {
    finds(&format!("rm -rf /etc; {}", "true; ".repeat(3_000)), "delete /etc and below");
    opaque(&format!("rm -rf /etc; {}", "true; ".repeat(3_000)));
    finds(&format!("{}rm -rf /etc", "true && ".repeat(120)), "delete /etc and below");
    for (open, close) in
        [("$(", ")"), ("(", ")"), ("{ ", ";}"), ("`", "`"), ("\"$(", ")\""), ("if true; then ", "; fi")]
    {
        opaque(&format!("{}ls{}", open.repeat(20_000), close.repeat(20_000)));
        opaque(&format!("{}ls{}", open.repeat(200), close.repeat(200)));
        opaque(&open.repeat(20_000));
    }
    opaque(&"! ".repeat(9_000));
    opaque(&"a=".repeat(30_000));
    opaque(&"x ".repeat(40_000));
    let nested = (0..12).fold("ls".to_owned(), |inner, _| format!("eval {inner}"));
    opaque(&nested);
}

#[test]
fn bypass_22_and_28_heredocs_the_grammar_cannot_read() {
    opaque("<<E$[\t\t");
    opaque("cat <<E\n`rm -rf /etc`\nE");
    finds("cat <<E && rm -rf /etc\nhi\nE", "delete /etc and below");
    finds("cat <<'E' | sh\nrm -rf /etc\nE", "delete /etc and below");
    finds("cat <<E > /etc/x\nhi\nE", "write /etc/x");
    quiet("cat <<'E' > notes.md\n`code` and $(this) stay text\nE");
    quiet("git commit -m \"$(cat <<'E'\nA subject\n\nA body\nE\n)\"");
}

/// What doubles with every step ends early, and is not taken for harmless.
#[test]
fn growth_that_doubles_ends() {
    opaque(&format!("x=aaaaaaaaaa; {} rm $x", "x=$x$x; ".repeat(60)));
    opaque(&format!("{}x=1; {}", "for v in 1 2 3 4 5 6 7 8; do ".repeat(12), "done; ".repeat(12)));
    opaque(&format!("{}x=1; {}", "for v in 1 2; do ".repeat(100), "done; ".repeat(100)));
    quiet("for a in 1 2 3; do for b in 4 5 6; do x=$a$b; echo $x; done; done");
    quiet(&format!("{} ls", "a=b;".repeat(300)));
}

#[test]
fn bypass_16_each_construct_has_the_same_walker() {
    for text in [
        "X=1 rm -rf /etc",
        "'rm' -rf /etc",
        "r\\m -rf /etc",
        "ls > x; rm -rf /etc",
        "sh -c 'rm -rf /etc'",
        "{ rm -rf /etc; }",
        "(rm -rf /etc)",
        "if ls; then rm -rf /etc; fi",
        "while ls; do rm -rf /etc; done",
        "case x in x) rm -rf /etc;; esac",
        "f() { rm -rf /etc; }; f",
        "echo $(rm -rf /etc)",
        "cat <(rm -rf /etc)",
        "trap 'rm -rf /etc' EXIT",
        "coproc rm -rf /etc",
        "! rm -rf /etc",
        "time rm -rf /etc",
    ] {
        finds(text, "rm, delete /etc and below");
    }
    quiet("X=1 ls; 'ls' x; { ls; }; (ls); if ls; then ls; fi");
}

#[test]
fn bypass_21_deep_nesting_does_not_end_the_process() {
    for open in ["$(", "{ ", "(", "`", "${x:-", "if ls; then ", "while ls; do ", "\"$(", "<("] {
        opaque(&open.repeat(20_000 / open.len()));
    }
    quiet("echo $(echo $(echo $(ls)))");
}

#[test]
fn bypass_23_words_are_not_split_as_texts() {
    finds("ls;rm -rf /etc", "rm, delete /etc and below");
    finds("ls\nrm -rf /etc", "rm, delete /etc and below");
    finds("ls|rm -rf /etc", "rm, delete /etc and below");
    quiet("echo 'ls;rm -rf /etc'");
}

/// Bounds count bytes, nodes, statements and operations; nothing here looks at a clock.
#[test]
fn bypass_25_budgets_are_counted() {
    opaque(&"ls;".repeat(30_000));
    opaque(&format!("ls {}", "a".repeat(70_000)));
    opaque(&"ls | ".repeat(1_200));
    quiet(&format!("{}ls", "ls; ".repeat(500)));
}

#[test]
fn bypass_28_heredocs_that_cannot_be_read() {
    opaque("cat <<'E'\nx\n");
    opaque("cat << ");
    opaque("<<(/)eog");
    opaque("cat <>(tee x)");
    opaque("ls >>(tee x)");
    quiet("cat < <(ls)");
    finds("ls > >(tee x)", "write /w/x");
    finds("cat > x <<'E'\n$(rm -rf /etc)\nE\n", "write /w/x");
    quiet("cat <<'E'\n$(rm -rf /etc)\nE\n");
    finds("cat <<E\n$(rm -rf /etc)\nE\n", "rm, delete /etc and below");
}

/// The details of the case are not public; these are the forms in which a confirmation was gone around.
#[test]
fn bypass_29_crafted_commands() {
    finds("echo \"ok\"; rm -rf /etc #", "rm, delete /etc and below");
    finds("echo 'a'\"$(rm -rf /etc)\"", "rm, delete /etc and below");
    finds("ls -la && { true; rm -rf /etc; }", "rm, delete /etc and below");
    quiet("echo \"ok\" # ; rm -rf /etc");
}

/// `|` binds tighter than `&&`, also behind a redirection.
#[test]
fn pipes_bind_tighter_than_lists() {
    finds("cd /etc && ls $x 2>&1 | cat; rm -rf y", "rm, delete /etc/y and below");
    finds("cd /etc && ls 2>&1 | cat; rm -rf y", "rm, delete /etc/y and below");
    finds("ls | cat && cd /etc > z; rm -rf y", "rm, delete /etc/y and below");
    finds("cd sub | cat; rm -rf y", "rm, delete /w/y and below");
}

/// A list of any length costs the same for each of its parts.
#[test]
fn long_lists_take_linear_time() {
    for piece in ["cd x && ", "a=1 && ", "cd x; ", "f() { ls; } && ", "alias a=b && "] {
        let text = format!("{}ls", piece.repeat(60_000 / piece.len()));
        assert!(!super::operations(&text, &AT).is_empty());
    }
}
