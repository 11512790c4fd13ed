//! Which sensitive place a path lies in. The tables are the knowledge; the code only compares.

use crate::Surroundings;
use stayhand_core::facts::Place::{
    self, AgentConfig, Boot, Credential, Device, GitControl, Kernel, Key, OtherUser, Startup, Stayhand,
    System,
};
use unicode_normalization::UnicodeNormalization as _;

/// A name that is sensitive wherever it stands, together with everything below it.
struct Named {
    /// The component, lower case.
    name: &'static str,
    /// The components that must stand before it, or empty.
    under: &'static str,
    place: Place,
}

const fn named(name: &'static str, under: &'static str, place: Place) -> Named {
    Named { name, under, place }
}

/// Sorted by name, so that it can be searched.
const NAMED: &[Named] = &[
    named(".aider.conf.yml", "", AgentConfig),
    named(".aws", "", Credential),
    named(".azure", "", Credential),
    named(".bash_aliases", "", Startup),
    named(".bash_history", "", Credential),
    named(".bash_login", "", Startup),
    named(".bash_logout", "", Startup),
    named(".bash_profile", "", Startup),
    named(".bashrc", "", Startup),
    named(".bitcoin", "", Key),
    named(".boto", "", Credential),
    named(".claude", "", AgentConfig),
    named(".claude.json", "", AgentConfig),
    named(".codex", "", AgentConfig),
    named(".continue", "", AgentConfig),
    named(".credentials.json", ".claude", Credential),
    named(".cshrc", "", Startup),
    named(".cursor", "", AgentConfig),
    named(".databrickscfg", "", Credential),
    named(".devcontainer", "", AgentConfig),
    named(".electrum", "", Key),
    named(".env", "", Credential),
    named(".envrc", "", AgentConfig),
    named(".exrc", "", Startup),
    named(".fly", "", Credential),
    named(".gdbinit", "", Startup),
    named(".gemini", "", AgentConfig),
    named(".git", "", GitControl),
    named(".git-credentials", "", Credential),
    named(".gitconfig", "", GitControl),
    named(".gnupg", "", Key),
    named(".htpasswd", "", Credential),
    named(".inputrc", "", Startup),
    named(".kshrc", "", Startup),
    named(".kube", "", Credential),
    named(".lldbinit", "", Startup),
    named(".login", "", Startup),
    named(".logout", "", Startup),
    named(".mcp.json", "", AgentConfig),
    named(".mozilla", "", Credential),
    named(".my.cnf", "", Credential),
    named(".mylogin.cnf", "", Credential),
    named(".mysql_history", "", Credential),
    named(".netrc", "", Credential),
    named(".npmrc", "", Credential),
    named(".opencode", "", AgentConfig),
    named(".pam_environment", "", Startup),
    named(".password-store", "", Key),
    named(".pgpass", "", Credential),
    named(".pki", "", Key),
    named(".profile", "", Startup),
    named(".psql_history", "", Credential),
    named(".pypirc", "", Credential),
    named(".python_history", "", Credential),
    named(".s3cfg", "", Credential),
    named(".snowsql", "", Credential),
    named(".ssh", "", Key),
    named(".stayhand", "", Stayhand),
    named(".tcshrc", "", Startup),
    named(".terraformrc", "", Credential),
    named(".tmux.conf", "", Startup),
    named(".vault-token", "", Credential),
    named(".vimrc", "", Startup),
    named(".windsurf", "", AgentConfig),
    named(".xinitrc", "", Startup),
    named(".xprofile", "", Startup),
    named(".xsession", "", Startup),
    named(".xsessionrc", "", Startup),
    named(".zed", "", AgentConfig),
    named(".zlogin", "", Startup),
    named(".zlogout", "", Startup),
    named(".zprofile", "", Startup),
    named(".zsh_history", "", Credential),
    named(".zshenv", "", Startup),
    named(".zshrc", "", Startup),
    named("_netrc", "", Credential),
    named("apps.json", ".config/github-copilot", Credential),
    named("auth.json", ".codex", Credential),
    named("auth.json", ".composer", Credential),
    named("auth.json", ".config/composer", Credential),
    named("auth.json", ".local/share/opencode", Credential),
    named("autostart", ".config", Startup),
    named("bravesoftware", ".config", Credential),
    named("chromium", ".config", Credential),
    named("config.json", ".docker", Credential),
    named("cookies.sqlite", "", Credential),
    named("credentials", ".cargo", Credential),
    named("credentials", ".config/git", Credential),
    named("credentials", ".gem", Credential),
    named("credentials.json", "", Credential),
    named("credentials.tfrc.json", "", Credential),
    named("credentials.toml", ".cargo", Credential),
    named("doctl", ".config", Credential),
    named("environment.d", ".config", Startup),
    named("fish", ".config", Startup),
    named("gcloud", ".config", Credential),
    named("gh", ".config", Credential),
    named("git", ".config", GitControl),
    named("google-chrome", ".config", Credential),
    named("gradle.properties", ".gradle", Credential),
    named("hosts.json", ".config/github-copilot", Credential),
    named("hub", ".config", Credential),
    named("key4.db", "", Credential),
    named("keychains", "library", Key),
    named("keyrings", ".local/share", Key),
    named("launch.json", ".vscode", AgentConfig),
    named("launchagents", "library", Startup),
    named("launchdaemons", "library", Startup),
    named("login data", "", Credential),
    named("logins.json", "", Credential),
    named("microsoft-edge", ".config", Credential),
    named("nushell", ".config", Startup),
    named("nvim", ".config", Startup),
    named("oauth_creds.json", ".gemini", Credential),
    named("opencode.json", "", AgentConfig),
    named("opencode.jsonc", "", AgentConfig),
    named("plasma-workspace", ".config", Startup),
    named("rclone", ".config", Credential),
    named("service-account.json", "", Credential),
    named("settings-security.xml", ".m2", Credential),
    named("settings.json", ".vscode", AgentConfig),
    named("settings.xml", ".m2", Credential),
    named("stayhand", ".config", Stayhand),
    named("stayhand", ".local/share", Stayhand),
    named("stayhand", ".local/state", Stayhand),
    named("systemd", ".config", Startup),
    named("tasks.json", ".vscode", AgentConfig),
    named("wallet.dat", "", Key),
];

/// The length of the longest name in [`NAMED`].
const LONGEST_NAME: usize = 21;

/// Endings of file names that hold private keys or tickets.
const ENDINGS: &[(&str, Place)] = &[
    ("env", Credential),
    ("jks", Key),
    ("kdbx", Key),
    ("key", Key),
    ("keystore", Key),
    ("keytab", Key),
    ("p12", Key),
    ("pem", Key),
    ("pfx", Key),
    ("ppk", Key),
];

/// Names of `.pem` files that, by custom, hold certificates only.
const CERTIFICATES: &[&str] = &[
    "ca",
    "ca-bundle",
    "cacert",
    "cert",
    "certificate",
    "certificates",
    "chain",
    "fullchain",
    "pubkey",
    "public",
];

/// Beginnings of the names that `ssh-keygen` gives private keys.
const SSH_KEYS: &[&str] = &["id_dsa", "id_ecdsa", "id_ed25519", "id_rsa"];

/// Endings of `.env.…` that mark a template without secrets.
const TEMPLATES: &[&str] = &["example", "sample", "template", "dist", "defaults", "schema"];

/// Absolute places with everything below them; the first that fits counts.
const ABSOLUTE: &[(&str, Place)] = &[
    ("/etc/shadow", Credential),
    ("/etc/shadow-", Credential),
    ("/etc/gshadow", Credential),
    ("/etc/gshadow-", Credential),
    ("/etc/security/opasswd", Credential),
    ("/etc/master.passwd", Credential),
    ("/etc/ssl/private", Key),
    ("/etc/pki/tls/private", Key),
    ("/etc/letsencrypt", Key),
    ("/etc/ssh/ssh_host_rsa_key", Key),
    ("/etc/ssh/ssh_host_dsa_key", Key),
    ("/etc/ssh/ssh_host_ecdsa_key", Key),
    ("/etc/ssh/ssh_host_ed25519_key", Key),
    ("/etc/kubernetes", Credential),
    ("/etc/rancher", Credential),
    ("/etc/stayhand", Stayhand),
    ("/var/lib/stayhand", Stayhand),
    ("/etc/profile", Startup),
    ("/etc/profile.d", Startup),
    ("/etc/bash.bashrc", Startup),
    ("/etc/bashrc", Startup),
    ("/etc/zsh", Startup),
    ("/etc/zshenv", Startup),
    ("/etc/environment", Startup),
    ("/etc/crontab", Startup),
    ("/etc/anacrontab", Startup),
    ("/etc/cron.d", Startup),
    ("/etc/cron.hourly", Startup),
    ("/etc/cron.daily", Startup),
    ("/etc/cron.weekly", Startup),
    ("/etc/cron.monthly", Startup),
    ("/etc/init.d", Startup),
    ("/etc/rc.local", Startup),
    ("/etc/systemd", Startup),
    ("/etc/xdg/autostart", Startup),
    ("/etc/ld.so.preload", Startup),
    ("/etc/pam.d", Startup),
    ("/usr/lib/systemd", Startup),
    ("/lib/systemd", Startup),
    ("/var/spool/cron", Startup),
    ("/var/run/secrets", Credential),
    ("/run/secrets", Credential),
    ("/var/lib/kubelet", Credential),
    ("/var/run/docker.sock", Device),
    ("/run/docker.sock", Device),
    ("/run/containerd/containerd.sock", Device),
    ("/run/podman/podman.sock", Device),
    ("/usr/lib/modules", Boot),
    ("/lib/modules", Boot),
    ("/boot", Boot),
    ("/efi", Boot),
    ("/vmlinuz", Boot),
    ("/initrd.img", Boot),
    ("/proc", Kernel),
    ("/sys", Kernel),
    ("/dev", Device),
];

/// What lies in no place although a rule of [`ABSOLUTE`] or [`SYSTEM`] covers it.
const HARMLESS: &[&str] = &[
    "/dev/fd",
    "/dev/full",
    "/dev/null",
    "/dev/ptmx",
    "/dev/random",
    "/dev/shm",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
    "/proc/self/fd",
    "/private/tmp",
    "/private/var/folders",
    "/private/var/tmp",
    "/run/user",
    "/var/folders",
    "/var/tmp",
    "/var/www",
];

/// The first components of [`ABSOLUTE`] and [`HARMLESS`]: other paths need no search.
const ROOTS: &[&str] = &[
    "boot",
    "dev",
    "efi",
    "etc",
    "initrd.img",
    "lib",
    "private",
    "proc",
    "run",
    "sys",
    "usr",
    "var",
    "vmlinuz",
];

/// The folders of the operating system, by their first component.
const SYSTEM: &[&str] = &[
    "applications",
    "bin",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "library",
    "nix",
    "opt",
    "private",
    "run",
    "sbin",
    "snap",
    "system",
    "usr",
    "var",
];

/// Folders that are the system's themselves, while what lies below belongs to others.
const SYSTEM_ITSELF: &[&str] = &["/", "/home", "/media", "/mnt", "/srv", "/users", "/volumes"];

/// The sensitive place that the absolute, cleaned path lies in, if any. Names compare without
/// regard to case, and to compatibility forms of letters.
pub fn place_of(absolute: &str, at: &Surroundings<'_>) -> Option<Place> {
    place_by(absolute, at).or_else(|| {
        if absolute.is_ascii() {
            return None;
        }
        let folded: String = absolute.nfkc().flat_map(char::to_lowercase).collect();
        place_by(&folded, at)
    })
}

fn place_by(path: &str, at: &Surroundings<'_>) -> Option<Place> {
    by_name(path).or_else(|| by_location(path, at))
}

/// The place of a path by the names of its components. Names without a leading dot are sensitive
/// only as the file itself, below a folder with one, or below `Library`.
fn by_name(path: &str) -> Option<Place> {
    let mut start = 1;
    let mut below_hidden = false;
    let mut configures = None;
    for component in path.split('/').skip(1) {
        let end = start + component.len();
        let hidden = component.starts_with('.');
        let eligible = hidden || below_hidden || end == path.len();
        match by_component(path, start, component).filter(|_| eligible) {
            // Among an agent's settings lies what it signs in with.
            Some(AgentConfig) => configures = Some(AgentConfig),
            Some(place) if configures.is_none() || matches!(place, Key | Credential) => return Some(place),
            _ => {}
        }
        below_hidden = below_hidden || hidden || component.eq_ignore_ascii_case("library");
        start = end + 1;
    }
    configures.or_else(|| by_file_name(path.rsplit('/').next().unwrap_or_default(), path))
}

fn by_component(path: &str, start: usize, component: &str) -> Option<Place> {
    let mut buffer = [0; LONGEST_NAME];
    let Some(folded) = buffer.get_mut(..component.len()) else {
        return is_environment_file(component).then_some(Credential);
    };
    folded.copy_from_slice(component.as_bytes());
    folded.make_ascii_lowercase();
    let folded: &[u8] = folded;
    let first = NAMED.partition_point(|rule| rule.name.as_bytes() < folded);
    NAMED
        .get(first..)?
        .iter()
        .take_while(|rule| rule.name.as_bytes() == folded)
        .find(|rule| stands_under(path, start, rule.under))
        .map(|rule| rule.place)
        .or_else(|| is_environment_file(component).then_some(Credential))
}

/// Whether the components before the byte `start` of `path` end with `under`.
fn stands_under(path: &str, start: usize, under: &str) -> bool {
    if under.is_empty() {
        return true;
    }
    let before = path.get(..start.saturating_sub(1)).unwrap_or_default();
    let Some(cut) = before.len().checked_sub(under.len()) else { return false };
    before.get(cut..).is_some_and(|end| end.eq_ignore_ascii_case(under))
        && (cut == 0 || before.as_bytes().get(cut - 1) == Some(&b'/'))
}

/// `.env.production`, `.env-local`, `.env~`, but not `.env.example`.
fn is_environment_file(component: &str) -> bool {
    let Some(rest) = strip_prefix(component, ".env") else { return false };
    rest.starts_with(['.', '-', '_', '~', ' ', ':'])
        && !rest.rsplit(['.', '-', '_']).next().is_some_and(|last| is_one_of(last, TEMPLATES))
}

fn by_file_name(name: &str, path: &str) -> Option<Place> {
    let is_key = |key: &str| strip_prefix(name, key).is_some_and(is_key_suffix);
    if name.starts_with(['i', 'I']) && SSH_KEYS.iter().any(|key| is_key(key)) {
        return Some(Key);
    }
    let (stem, ending) = name.rsplit_once('.')?;
    let (ending, place) = ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known))?;
    let is_certificate = *ending == "pem"
        && (strip_prefix(path, "/etc/ssl/certs/").is_some()
            || stem.rsplit(['-', '_', '.']).next().is_some_and(|last| is_one_of(last, CERTIFICATES)));
    (!is_certificate).then_some(*place)
}

/// What may follow `id_rsa` in the name of a private key.
fn is_key_suffix(rest: &str) -> bool {
    let ends_name = rest.is_empty() || rest.starts_with(['.', '-', '_', '~', ' ']);
    (ends_name && strip_suffix(rest, ".pub").is_none()) || strip_prefix(rest, "_sk").is_some()
}

/// The place of a path by where in the file system it lies.
fn by_location(path: &str, at: &Surroundings<'_>) -> Option<Place> {
    if path.split('/').nth(1).is_some_and(|first| is_one_of(first, ROOTS)) {
        if HARMLESS.iter().any(|harmless| covers(harmless, path)) {
            return None;
        }
        if is_process_environment(path) {
            return Some(Credential);
        }
        if let Some((_, place)) = ABSOLUTE.iter().find(|(folder, _)| covers(folder, path)) {
            return Some(*place);
        }
    }
    if SYSTEM_ITSELF.contains(&path) {
        return Some(System);
    }
    let place = by_first_component(path, at.home)?;
    (!is_workspace(path, place, at.workspace)).then_some(place)
}

fn is_process_environment(path: &str) -> bool {
    strip_prefix(path, "/proc/")
        .is_some_and(|rest| matches!(rest.rsplit('/').next(), Some("environ" | "mem")))
}

fn by_first_component(path: &str, home: &str) -> Option<Place> {
    let mut components = path.split('/').skip(1);
    let first = components.next()?;
    if is_one_of(first, SYSTEM) {
        return (!covers(home, path)).then_some(System);
    }
    let of_a_user = match first {
        "root" => true,
        "home" => components.next().is_some(),
        "Users" | "users" => components.next().is_some_and(|user| !user.eq_ignore_ascii_case("shared")),
        _ => false,
    };
    (of_a_user && !covers(home, path)).then_some(OtherUser)
}

/// A workspace has no place because of where it lies, unless it is a system folder itself.
fn is_workspace(path: &str, place: Place, workspace: &str) -> bool {
    let deep_enough = place == OtherUser || workspace.split('/').filter(|part| !part.is_empty()).count() > 1;
    deep_enough && covers(workspace, path)
}

/// Whether `path` is `folder` or lies below it. The root covers nothing.
fn covers(folder: &str, path: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    !folder.is_empty()
        && strip_prefix(path, folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The place of a path that holds wildcards: that of any table entry it may stand for, where the
/// pattern spells out at least half of the name. (`*.json` is not taken for `credentials.json`.)
pub(super) fn place_of_pattern(pattern: &str, at: &Surroundings<'_>) -> Option<Place> {
    let named = pattern.match_indices('/').find_map(|(slash, _)| {
        let component = pattern.get(slash + 1..)?.split('/').next()?;
        let rule = NAMED
            .iter()
            .find(|rule| may_name(component, rule.name) && stands_under(pattern, slash + 1, rule.under));
        let key = || SSH_KEYS.iter().any(|key| may_name(component, key)).then_some(Key);
        rule.map(|rule| rule.place).or_else(key)
    });
    let absolute = || ABSOLUTE.iter().find(|(folder, _)| may_cover(folder, pattern)).map(|(_, place)| *place);
    let system = || {
        SYSTEM
            .iter()
            .any(|first| pattern.split('/').nth(1).is_some_and(|component| may_name(component, first)))
    };
    named.or_else(absolute).or_else(|| (system() && !covers(at.workspace, pattern)).then_some(System))
}

fn may_cover(folder: &str, pattern: &str) -> bool {
    let mut components = pattern.split('/');
    folder
        .split('/')
        .all(|name| components.next().is_some_and(|component| component == name || may_name(component, name)))
}

/// Whether `component`, which holds wildcards, stands for `name` and spells out half of it.
fn may_name(component: &str, name: &str) -> bool {
    let (literal, wild) = spelled_out(component);
    wild && literal * 2 >= name.len() && matches_wildcard(component.as_bytes(), name.as_bytes())
}

/// How many bytes of `pattern` stand for themselves, and whether there are others.
fn spelled_out(pattern: &str) -> (usize, bool) {
    let mut literal = 0;
    let mut in_set = false;
    for byte in pattern.bytes() {
        match byte {
            b'[' => in_set = true,
            b']' => in_set = false,
            b'*' | b'?' => {}
            _ if !in_set => literal += 1,
            _ => {}
        }
    }
    (literal, literal < pattern.len())
}

/// Shell wildcards in one component, without recursion. A set stands for any byte, which errs
/// towards a match; a leading wildcard does not stand for a dot.
fn matches_wildcard(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, n));
            }
            Some(b'[') => {
                p += pattern
                    .get(p..)
                    .and_then(|rest| rest.iter().position(|c| *c == b']'))
                    .map_or(1, |end| end + 1);
                n += 1;
            }
            Some(other) if *other == b'?' || other.eq_ignore_ascii_case(byte) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    p = after_star;
                    n = from + 1;
                    retry = Some((after_star, n));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

fn is_one_of(text: &str, names: &[&str]) -> bool {
    names.iter().any(|name| text.eq_ignore_ascii_case(name))
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (stem, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_lower_case() {
        assert!(NAMED.is_sorted_by_key(|rule| rule.name));
        for rule in NAMED {
            assert_eq!(rule.name, rule.name.to_ascii_lowercase());
        }
        let shown = NAMED.iter().filter(|rule| !rule.name.starts_with('.') && !rule.under.is_empty());
        for rule in shown {
            assert!(
                rule.under.starts_with('.') || rule.under == "library",
                "{} is never looked up",
                rule.name
            );
        }
        assert_eq!(NAMED.iter().map(|rule| rule.name.len()).max(), Some(LONGEST_NAME));
        let places = ABSOLUTE.iter().map(|(path, _)| path).chain(HARMLESS);
        for path in places {
            assert!(path.split('/').nth(1).is_some_and(|first| ROOTS.contains(&first)), "{path}");
        }
    }
}
