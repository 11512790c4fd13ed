use super::*;
use proptest::prelude::*;
use stayhand_core::facts::Place;

const AT: Surroundings<'static> =
    Surroundings { cwd: "/code/repo/sub", workspace: "/code/repo", home: "/home/ada" };

#[track_caller]
fn reads_as(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(lexical(text, &AT).as_deref(), Ok(*expected), "{text}");
    }
}

#[track_caller]
fn lies_in(rows: &[(&str, Option<Place>)]) {
    for (text, expected) in rows {
        let used = path_use(Access::Read, text, &AT).unwrap();
        assert_eq!(used.place, *expected, "{text} as {}", used.lexical);
    }
}

#[test]
fn paths_are_made_absolute() {
    reads_as(&[
        ("a", "/code/repo/sub/a"),
        ("./a//b/.", "/code/repo/sub/a/b"),
        ("..", "/code/repo"),
        ("../../../../../etc", "/etc"),
        ("/", "/"),
        ("//etc//passwd/", "/etc/passwd"),
        ("/home/../etc/passwd", "/etc/passwd"),
        ("~", "/home/ada"),
        ("~/x", "/home/ada/x"),
        ("~root/x", "/root/x"),
        ("~eve/x", "/home/eve/x"),
        ("~+/x", "/code/repo/sub/x"),
        ("~$report.docx", "/code/repo/sub/~$report.docx"),
        ("$HOME/.ssh", "/home/ada/.ssh"),
        ("${HOME}", "/home/ada"),
        ("$PWD/x", "/code/repo/sub/x"),
        ("routes/$id.tsx", "/code/repo/sub/routes/$id.tsx"),
        ("app/[slug]/page.tsx", "/code/repo/sub/app/[slug]/page.tsx"),
    ]);
}

#[test]
fn process_links_lead_where_the_kernel_leads() {
    reads_as(&[
        ("/proc/self/root/etc/shadow", "/etc/shadow"),
        ("/proc/1/root/etc/shadow", "/etc/shadow"),
        ("/proc/self/root/../etc", "/etc"),
        ("/proc/thread-self/root/proc/self/root/etc", "/etc"),
        ("/proc/self/task/7/root/etc", "/etc"),
        ("/proc/self/cwd/x", "/code/repo/sub/x"),
        ("/proc/self/status", "/proc/self/status"),
        ("/proc/version", "/proc/version"),
    ]);
}

#[test]
fn what_the_text_does_not_say_is_opaque() {
    for text in [
        "",
        "a\0b",
        "a\nb",
        "$SECRET/x",
        "x/${Y}",
        "x/$(id)",
        "~-/x",
        r"C:\Windows",
        r"\\server\share",
        "/proc/17/cwd/x",
        "/proc/self/fd/3/x",
        "/proc/self/fd/3/../x",
        "/dev/fd/3/x",
        "/proc/self/task/9/fd/3/x",
    ] {
        assert!(lexical(text, &AT).is_err(), "{text:?}");
    }
    assert!(lexical(&"a/".repeat(3000), &AT).is_err());
    assert!(lexical("x", &Surroundings { cwd: "", ..AT }).is_err());
}

#[test]
fn sensitive_places_are_known_beside_their_harmless_neighbours() {
    use Place::{
        AgentConfig, Boot, Credential, Device, GitControl, Kernel, Key, OtherUser, Startup, Stayhand, System,
    };
    lies_in(&[
        ("~/.ssh/id_rsa", Some(Key)),
        ("~/.ssh", Some(Key)),
        ("~/.SSH/Id_Rsa", Some(Key)),
        ("keys/id_ed25519", Some(Key)),
        ("keys/id_ed25519.pub", None),
        ("src/id_map.rs", None),
        ("server.pem", Some(Key)),
        ("cacert.pem", None),
        ("tls/server.key", Some(Key)),
        ("src/keys.rs", None),
        (".env", Some(Credential)),
        (".env.production", Some(Credential)),
        (".env.example", None),
        (".environment.ts", None),
        ("src/env.rs", None),
        ("~/.aws/credentials", Some(Credential)),
        ("docs/credentials.md", None),
        ("~/.config/gcloud/x.db", Some(Credential)),
        ("~/.config/app/x.db", None),
        ("~/.docker/config.json", Some(Credential)),
        ("config.json", None),
        ("/etc/shadow", Some(Credential)),
        ("/etc/shadow-notes", Some(System)),
        ("/etc/hosts", Some(System)),
        ("/proc/self/environ", Some(Credential)),
        ("/proc/41/environ", Some(Credential)),
        ("/proc/cpuinfo", Some(Kernel)),
        ("~/.bashrc", Some(Startup)),
        ("bashrc.md", None),
        ("/etc/cron.d/x", Some(Startup)),
        ("~/.config/autostart/x.desktop", Some(Startup)),
        (".git/hooks/pre-commit", Some(GitControl)),
        ("vendor/lib/.git/config", Some(GitControl)),
        (".github/dependabot.yml", None),
        (".gitignore", None),
        (".claude/settings.json", Some(AgentConfig)),
        ("CLAUDE.md", None),
        (".vscode/tasks.json", Some(AgentConfig)),
        (".vscode/extensions.json", None),
        (".mcp.json", Some(AgentConfig)),
        ("/usr/bin/env", Some(System)),
        ("/usrdata/x", None),
        ("/var/tmp/x", None),
        ("/var/log/x", Some(System)),
        ("/tmp/x", None),
        ("/boot/vmlinuz", Some(Boot)),
        ("/dev/sda", Some(Device)),
        ("/dev/null", None),
        ("/dev/shm/x", None),
        ("/root/x", Some(OtherUser)),
        ("/home/eve/x", Some(OtherUser)),
        ("/home/ada/x", None),
        ("/home", Some(System)),
        ("/", Some(System)),
        ("~/.local/share/stayhand/log.db", Some(Stayhand)),
        ("/code/repo/.stayhand/policy.yaml", Some(Stayhand)),
        ("~/.local/share/other/log.db", None),
        ("/code/repo-evil/x", None),
    ]);
}

#[test]
fn a_workspace_has_no_place_because_of_where_it_lies() {
    let at = Surroundings { cwd: "/root/proj", workspace: "/root/proj", home: "/home/ada" };
    assert_eq!(place_of("/root/proj/src/a.rs", &at), None);
    assert_eq!(place_of("/root/proj/.env", &at), Some(Place::Credential));
    assert_eq!(place_of("/root/other", &at), Some(Place::OtherUser));
    let at = Surroundings { cwd: "/etc", workspace: "/etc", home: "/root" };
    assert_eq!(place_of("/etc/hosts", &at), Some(Place::System));
    assert_eq!(place_of("/root/notes", &at), None);
    let at = Surroundings { cwd: "/var/www/site", workspace: "/var/www/site", home: "/root" };
    assert_eq!(place_of("/var/www/site/a.php", &at), None);
}

#[test]
fn wildcards_stand_for_what_they_match() {
    lies_in(&[
        ("/etc/sh?dow", Some(Place::Credential)),
        ("~/.ss*/id_*", Some(Place::Key)),
        ("~/.s[s]h/x", Some(Place::Key)),
        ("*.json", None),
        ("src/*", None),
        ("src/**/*.rs", None),
        ("/e?c/hosts", Some(Place::System)),
    ]);
    assert!(path_use(Access::Read, "a*", &AT).unwrap().glob);
    assert!(!literal_use(Access::Read, "app/[id]/x", &AT).unwrap().glob);
}

#[test]
fn cleaning_keeps_the_callers_form() {
    for (text, expected) in [
        ("src/main.rs", "src/main.rs"),
        ("//etc/passwd", "/etc/passwd"),
        ("/home/../etc/passwd", "/etc/passwd"),
        ("/app/.env/", "/app/.env"),
        ("~/.git/config", "~/.git/config"),
        ("a/../../b", "../b"),
        ("./x", "x"),
        ("evil.exe.", "evil.exe"),
        ("evil.exe::$DATA", "evil.exe"),
        ("evil.exe. .", "evil.exe"),
        ("..", ".."),
        ("/..", "/"),
        ("/", "/"),
    ] {
        assert_eq!(cleaned(text), expected, "{text}");
    }
}

#[test]
fn bypass_42_case_and_letter_forms_do_not_hide_a_place() {
    lies_in(&[
        ("~/.ＳＳＨ/x", Some(Place::Key)),
        ("/app/.EnV", Some(Place::Credential)),
        ("/app/.envoy/x", None),
    ]);
}

#[test]
fn bypass_37_places_compare_by_components() {
    lies_in(&[("/etc-evil/passwd", None), ("/etc/passwd", Some(Place::System))]);
}

proptest! {
    #[test]
    fn lexical_paths_are_absolute_and_clean(text in r"[a-z.~/$*\\%\PC]{0,40}") {
        if let Ok(path) = lexical(&text, &AT) {
            prop_assert!(path.starts_with('/'));
            prop_assert!(path == "/" || path.split('/').skip(1).all(|part| !matches!(part, "" | "." | "..")), "{}", path);
            let _ = place_of(&path, &AT);
        }
        let _ = path_use(Access::Read, &text, &AT);
        let _ = cleaned(&text);
    }
}

#[test]
fn what_agents_sign_in_with_is_a_credential() {
    lies_in(&[
        ("~/.claude/.credentials.json", Some(Place::Credential)),
        ("~/.claude/settings.json", Some(Place::AgentConfig)),
        ("~/.codex/auth.json", Some(Place::Credential)),
        ("~/.gemini/oauth_creds.json", Some(Place::Credential)),
        ("opencode.json", Some(Place::AgentConfig)),
        (".zed/tasks.json", Some(Place::AgentConfig)),
        ("src/opencode.rs", None),
    ]);
}

#[test]
fn names_longer_than_any_file_has_are_opaque() {
    let long = "A".repeat(256);
    assert!(lexical(&format!("{long}/x"), &AT).is_err());
    assert!(lexical(&format!("x/{long}..\\etc"), &AT).is_err());
    assert!(lexical(&format!("{}/x", "A".repeat(255)), &AT).is_ok());
}

#[test]
fn more_sensitive_places_beside_their_harmless_neighbours() {
    use Place::{AgentConfig, Credential, Key, Startup};
    lies_in(&[
        ("~/.config/sops/age/keys.txt", Some(Key)),
        ("~/.config/sops/readme", None),
        ("~/.config/solana/id.json", Some(Key)),
        ("~/.cache/huggingface/token", Some(Credential)),
        ("~/.cache/huggingface/hub/model.bin", None),
        ("~/.kaggle/kaggle.json", Some(Credential)),
        ("~/.config/pip/pip.conf", Some(Credential)),
        ("docs/pip.conf", None),
        ("~/.config/Code/User/settings.json", Some(AgentConfig)),
        ("~/Library/Application Support/Claude/claude_desktop_config.json", Some(AgentConfig)),
        ("~/Library/Application Support/Other/config.json", None),
        (".vscode/mcp.json", Some(AgentConfig)),
        ("src/mcp.json", None),
        (".husky/pre-commit", Some(AgentConfig)),
        ("~/.config/i3/config", Some(Startup)),
        ("~/.curlrc", Some(Startup)),
        ("src/curlrc.rs", None),
        ("~/.pg_service.conf", Some(Credential)),
        ("~/.rhosts", Some(Key)),
    ]);
}

/// The path by the plainest reading there is: a stack of names.
fn by_stack(text: &str) -> String {
    let text = if text.starts_with('/') { text.to_owned() } else { format!("{}/{text}", AT.cwd) };
    let mut names = Vec::new();
    for name in text.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

proptest! {
    #[test]
    fn lexical_paths_are_what_a_stack_of_names_gives(text in r"/?((\.|\.\.|[a-c]{1,2}|\.[a-c]|dev|proc|self)/{1,2}){0,8}[a-c.]{1,3}") {
        if !text.contains("self") {
            prop_assert_eq!(lexical(&text, &AT).unwrap(), by_stack(&text));
        }
    }

    #[test]
    fn places_hold_for_everything_below(name in r"[a-z]{1,8}") {
        for folder in ["/home/ada/.ssh", "/etc", "/boot", "/home/eve", "/home/ada/.aws"] {
            let (at, below) = (place_of(folder, &AT), place_of(&format!("{folder}/{name}"), &AT));
            prop_assert!(at.is_some() && below.is_some(), "{}/{}", folder, name);
        }
    }
}

/// Where a `..` follows a name, the path is also said with it: the name may be a link.
#[test]
fn climbing_is_said() {
    for (text, expected) in [
        ("a/../b", Some("/code/repo/sub/a/../b")),
        ("/a/../b", Some("/a/../b")),
        ("$HOME/../b", Some("/home/ada/../b")),
        ("$HOME//./../b", Some("/home/ada/./../b")),
        ("~bob/../b", Some("/home/bob/../b")),
        ("~+/../b", Some("/code/repo/sub/../b")),
        ("../b", None),
        ("/../b", None),
        ("~/../b", None),
        ("a/b", None),
        ("a/..b", None),
        ("$PWD/..b", None),
    ] {
        assert_eq!(literal_use(Access::Read, text, &AT).unwrap().resolved.as_deref(), expected, "{text}");
    }
}
