//! Programs that are started without a shell, and the small languages of their arguments.

use super::{Input, Setting, operations_of_argv, scripts, setting};
use crate::{Programs, Surroundings};
use stayhand_core::facts::{Access, Trait, Traits};

const AT: Surroundings<'_> = Surroundings { cwd: "/w", workspace: "/w", home: "/home/me" };

fn argv(words: &[&str]) -> Vec<stayhand_core::facts::Operation> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    operations_of_argv(&words, &AT, &Programs::default(), &Input::default())
}

#[test]
fn words_of_an_argv_are_never_expanded() {
    let found = argv(&["rm", "*", "~", "$HOME", "{a,b}"]);
    let paths: Vec<(&str, bool)> =
        found[0].paths.iter().map(|path| (path.lexical.as_str(), path.glob)).collect();
    assert_eq!(paths[..2], [("/w/*", false), ("/w/~", false)]);
    assert!(paths.contains(&("/w/{a,b}", false)));
}

#[test]
fn wrappers_and_shells_are_looked_into() {
    let found = argv(&["sudo", "-u", "root", "sh", "-c", "rm -rf /etc"]);
    assert!(found[0].does.contains(Trait::Privilege));
    let last = found.last().unwrap();
    assert_eq!(last.program.as_ref().unwrap().name, "rm");
    assert_eq!((last.paths[0].access, last.paths[0].recursive), (Access::Delete, true));
}

#[test]
fn nothing_to_run_is_opaque() {
    for words in [&[][..], &[""], &["unheard of", "x"], &["un;heard", "x"], &["7"], &["del.exe", "x"]] {
        let found = argv(words);
        assert!(!found.is_empty() && !found[0].opaque.is_empty(), "{words:?}");
    }
}

#[test]
fn deep_wrapping_ends() {
    let words = vec!["env"; 5_000];
    assert!(argv(&words).last().unwrap().opaque.iter().any(|opaque| opaque.why.contains("deeply")));
}

#[test]
fn permission_bits_that_grant_identity() {
    for mode in ["4755", "2755", "6755", "u+s", "g=rxs", "a+x,u+s", "04755"] {
        assert!(scripts::mode_grants_identity(mode), "{mode}");
    }
    for mode in ["755", "0644", "+x", "u=rwx,go=", "1777", "a-s"] {
        assert!(!scripts::mode_grants_identity(mode), "{mode}");
    }
}

#[test]
fn variables_that_matter() {
    for name in
        ["PATH", "LD_PRELOAD", "GIT_SSH", "BASH_ENV", "RUSTC_WRAPPER", "HTTPS_PROXY", "STAYHAND_STATE"]
    {
        assert_eq!(setting(name, None), Setting::Dangerous, "{name}");
    }
    for name in ["FOO", "RUST_LOG", "NODE_ENV", "GIT_AUTHOR_NAME", "CI", "DEBUG", "PYTHONUNBUFFERED"] {
        assert_eq!(setting(name, None), Setting::Harmless, "{name}");
    }
    assert_eq!(setting("PYTHONPATH", None), Setting::Code);
}

/// The programs whose harm a command line shows, whoever starts them.
#[test]
fn programs_that_start_others_are_looked_into() {
    let deletes = |words: &[&str]| {
        argv(words).iter().any(|operation| {
            operation.paths.iter().any(|path| path.access == Access::Delete && path.lexical == "/usr")
        })
    };
    for words in [
        &["npx", "rimraf", "/usr"][..],
        &["npx", "-y", "rimraf@5", "/usr"],
        &["npx", "cross-env", "A=b", "rm", "-r", "/usr"],
        &["pnpm", "exec", "rm", "-r", "/usr"],
        &["npm", "exec", "--", "rm", "-r", "/usr"],
        &["rustup", "run", "stable", "rm", "-r", "/usr"],
        &["pyenv", "exec", "rm", "-r", "/usr"],
        &["direnv", "exec", ".", "rm", "-r", "/usr"],
        &["composer", "exec", "rm", "-r", "/usr"],
        &["stack", "exec", "--", "rm", "-r", "/usr"],
        &["perf", "stat", "rm", "-r", "/usr"],
        &["watchexec", "rm", "-r", "/usr"],
        &["nodemon", "--exec", "rm -r /usr"],
        &["concurrently", "npm:dev", "rm -r /usr"],
        &["cargo", "watch", "-s", "rm -r /usr"],
        &["lerna", "exec", "--", "rm", "-r", "/usr"],
        &["git", "submodule", "foreach", "--recursive", "rm", "-r", "/usr"],
        &["npm", "explore", "x", "--", "rm", "-r", "/usr"],
    ] {
        assert!(deletes(words), "{words:?}");
    }
    for words in [
        &["npx", "tsc", "--noEmit"][..],
        &["npx", "create-next-app@latest", "app", "--ts"],
        &["npx", "prisma", "migrate", "dev", "--name", "init"],
        &["npx", "concurrently", "npm:dev", "npm:api"],
        &["npx", "rimraf", "dist"],
        &["pnpm", "exec", "tsc"],
        &["perf", "stat", "./x"],
        &["cargo", "watch", "-x", "test"],
    ] {
        let found = argv(words);
        assert!(found.iter().all(|operation| operation.opaque.is_empty()) && !deletes(words), "{words:?}");
    }
}

/// Options that run programs are known with the value in the same word and in the next.
#[test]
fn values_follow_or_are_attached() {
    for words in [
        &["go", "run", "-exec", "x", "y"][..],
        &["go", "run", "-exec=x", "y"],
        &["gcc", "-wrapper", "x", "y.c"],
        &["make", "--eval", "x:;id"],
        &["make", "SHELL=/tmp/x"],
        &["make", "CC=x;id"],
        &["less", "+!id", "f"],
        &["vi", "+!id", "f"],
        &["zip", "-T", "x", "y", "-TTid"],
        &["cmake", "-E", "rm", "x"],
        &["gh", "auth", "token"],
        &["git", "difftool"],
        &["make", "-f", "/dev/stdin"],
        &["npm", "edit", "x"],
    ] {
        assert!(argv(words).iter().any(|operation| !operation.opaque.is_empty()), "{words:?}");
    }
    for words in [
        &["go", "run", "./x", "-exec"][..],
        &["make", "CC=clang", "CFLAGS=-O2 -g", "all"],
        &["less", "+F", "f"],
        &["vim", "+10", "f"],
        &["git", "clone", "--depth", "1", "https://example.com/x", "y"],
        &["cargo", "+nightly", "fmt"],
        &["jq", "--arg", "a", "b", ".a=$a", "f"],
        &["node", "--version"],
        &["node", "--test"],
    ] {
        assert!(argv(words).iter().all(|operation| operation.opaque.is_empty()), "{words:?}");
    }
}

#[test]
fn what_is_read_and_written_is_seen_whatever_the_program() {
    let uses = |words: &[&str], access: Access, path: &str| {
        argv(words)
            .iter()
            .any(|operation| operation.paths.iter().any(|used| used.access == access && used.lexical == path))
    };
    for words in [
        &["git", "diff", "--no-index", "/dev/null", "/k"][..],
        &["git", "diff", "/dev/null", "/k"],
        &["git", "hash-object", "-w", "/k"],
        &["git", "notes", "add", "-F", "/k"],
        &["base64", "/k"],
        &["ss", "-F", "/k"],
        &["bc", "/k"],
        &["python3", "-m", "http.server", "-d", "/k"],
        &["python3", "-m", "zipfile", "-c", "x.zip", "/k"],
    ] {
        assert!(uses(words, Access::Read, "/k"), "{words:?}");
    }
    for words in [
        &["split", "x", "/k"][..],
        &["csplit", "-f", "/k", "f", "1"],
        &["git", "worktree", "move", "a", "/k"],
        &["pytest", "--junitxml=/k"],
        &["tsc", "--outDir", "/k"],
        &["eslint", "-o", "/k", "."],
        &["black", "/k"],
        &["prettier", "--write", "/k"],
        &["python3", "-m", "cProfile", "-o", "/k", "x.py"],
    ] {
        assert!(uses(words, Access::Write, "/k"), "{words:?}");
    }
    assert!(!uses(&["black", "--check", "/k"], Access::Write, "/k"));
    assert!(!uses(&["prettier", "--check", "/k"], Access::Write, "/k"));
}

#[test]
fn states_are_shown_and_changed_by_the_same_programs() {
    let harmless = |words: &[&str]| {
        argv(words).iter().all(|operation| operation.opaque.is_empty() && operation.does == Traits::NONE)
    };
    for words in [
        &["loginctl", "poweroff"][..],
        &["nmcli", "con", "down", "x"],
        &["timedatectl", "set-time", "0"],
        &["git", "maintenance", "start"],
        &["git", "branch", "--delete", "--force", "main"],
        &["git", "gc", "--prune=now"],
        &["git", "restore", "--staged", "--worktree", "."],
        &["prisma", "migrate", "reset"],
        &["npm", "set", "registry", "http://example.com"],
        &["pip", "config", "set", "global.index-url", "http://example.com"],
    ] {
        assert!(!harmless(words), "{words:?}");
    }
    for words in [
        &["loginctl", "list-sessions"][..],
        &["nmcli", "device", "status"],
        &["timedatectl", "status"],
        &["git", "branch", "-d", "topic"],
        &["git", "restore", "--staged", "a"],
    ] {
        assert!(harmless(words), "{words:?}");
    }
}

#[test]
fn requests_of_httpie() {
    let method = |words: &[&str]| argv(words)[0].hosts.first().and_then(|host| host.method.clone());
    assert_eq!(method(&["http", "example.com/a"]).as_deref(), Some("GET"));
    assert_eq!(method(&["http", "GET", ":3000/a", "q==1", "X:y"]).as_deref(), Some("GET"));
    assert_eq!(method(&["http", "example.com", "a=b"]).as_deref(), Some("POST"));
    assert_eq!(method(&["http", "DELETE", "example.com"]).as_deref(), Some("DELETE"));
    assert!(argv(&["xh", "example.com", "f@x"])[0].does.contains(Trait::Disclose));
}
