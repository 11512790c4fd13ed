//! From a permit to a boundary: what a confined program sees, what it may change, and what it may use.

use super::{Work, room};
use stayhand_analysis::path;
use stayhand_core::decision::{Level, Resource};
use stayhand_core::policy::boundary::PathLists;
use stayhand_core::policy::sandbox::SandboxGrants;
use stayhand_sandbox::{Bind, Failure, Limits, Overlay, Spec};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What programs are made of: seen by every one, changed by none.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store"];

/// What programs look up in `/etc`. Accounts and the names of hosts are the sandbox's own; keys and passwords are not here.
static SETTINGS: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "debian_version",
    "fonts",
    "gitconfig",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "pki/tls/certs",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "python3.11",
    "python3.12",
    "python3.13",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

/// Tool chains in a home folder: read, never changed. What they sign in with lies beside, and is not here.
const TOOLS: &[&str] = &[
    ".cargo/bin",
    ".cargo/config.toml",
    ".cargo/env",
    ".cargo/git",
    ".cargo/registry",
    ".deno/bin",
    ".gitconfig",
    ".local/bin",
    ".local/lib",
    ".nvm/versions",
    ".pyenv",
    ".rbenv",
    ".rustup/settings.toml",
    ".rustup/toolchains",
    ".rustup/update-hashes",
    ".sdkman/candidates",
    ".volta/bin",
    ".volta/tools",
    "go/bin",
    "go/pkg/mod",
];

/// Where tool chains are if not in a home folder: the variable, and where they would be there.
const MOVED_TOOLS: &[(&str, &str)] = &[("CARGO_HOME", ".cargo/"), ("RUSTUP_HOME", ".rustup/")];

/// What of a repository is run or believed by programs outside of the sandbox.
const OF_GIT: &[&str] = &["config", "hooks", "info", "modules", "worktrees"];

/// The boundary of this work, without its program. The error: a limit of the policy that no boundary can keep.
pub(super) fn spec(work: &Work<'_>, environment: &[(String, String)], cwd: &str) -> Result<Spec, String> {
    let context = &work.request.context;
    let workspace =
        fs::canonicalize(&context.workspace).map_err(|error| format!("{}: {error}", context.workspace))?;
    let cwd = fs::canonicalize(cwd).map_err(|error| format!("{cwd}: {error}"))?;
    let home = PathBuf::from(&context.home);
    let granted = Granted::by(&work.paths, &workspace, &home)?;
    let tools = tools(&home, environment, &workspace).map(|path| Bind { path, writable: false });
    let mut binds: BTreeSet<Bind> = system().chain(settings()).chain(tools).chain(granted.binds).collect();
    let scratch = grant(&work.sandbox, &workspace, &home, &mut binds)?;
    pin(workspace.join(".git"), &mut binds);
    let ours = |name: &str| !matches!(name, "HOME" | "TMPDIR" | "USER" | "LOGNAME");
    let mut environment: Vec<_> = environment.iter().filter(|(name, _)| ours(name)).cloned().collect();
    environment.push(("HOME".to_owned(), home.display().to_string()));
    environment.push(("USER".to_owned(), "agent".to_owned()));
    Ok(Spec {
        environment,
        cwd,
        home,
        binds: binds.into_iter().collect(),
        keep: kept(&workspace),
        hide: granted.hide,
        scratch,
        known_calls_only: work.sandbox.known_calls_only,
        limits: limits(work),
        least: work.confine,
        ..Spec::empty(Level::L3)
    })
}

/// Where tool chains may be. What lies in the workspace is a part of that.
fn tools(home: &Path, environment: &[(String, String)], workspace: &Path) -> impl Iterator<Item = PathBuf> {
    let moved = MOVED_TOOLS.iter().filter_map(move |(variable, prefix)| {
        let (_, folder) = environment.iter().find(|(name, _)| name == variable)?;
        let folder = fs::canonicalize(folder).ok().filter(|folder| !folder.starts_with(workspace))?;
        let names = TOOLS.iter().filter_map(move |name| name.strip_prefix(prefix));
        Some(names.map(move |name| folder.join(name)))
    });
    TOOLS.iter().map(|name| home.join(name)).chain(moved.flatten())
}

/// Adds what the policy grants besides, where it is there. The answer: what is changed and then as before.
fn grant(
    grants: &SandboxGrants,
    workspace: &Path,
    home: &Path,
    binds: &mut BTreeSet<Bind>,
) -> Result<Vec<PathBuf>, String> {
    let there = |paths: &[String]| -> Result<Vec<PathBuf>, String> {
        let places = paths.iter().map(|path| place(path, workspace, home));
        places.filter(|path| path.as_ref().map_or(true, |path| exists(path))).collect()
    };
    let scratch = there(&grants.scratch)?;
    let seen = there(&grants.see)?.into_iter().chain(scratch.clone());
    binds.extend(seen.map(|path| Bind { path, writable: false }));
    for path in there(&grants.change)? {
        // Not twice, and as what it is granted for.
        binds.remove(&Bind { path: path.clone(), writable: false });
        binds.insert(Bind { path, writable: true });
    }
    Ok(scratch)
}

/// Mounts a folder that may be changed upon itself: what is mounted is not renamed, and so nothing takes its place.
fn pin(folder: PathBuf, binds: &mut BTreeSet<Bind>) {
    let is_changed = binds.iter().any(|bind| bind.writable && folder.starts_with(&bind.path));
    if is_changed && folder.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        binds.insert(Bind { path: folder, writable: true });
    }
}

/// Where what a program changes is kept.
#[derive(Debug)]
pub(super) struct Aside<'a> {
    pub(super) folder: &'a Path,
    /// Why it holds a copy of the workspace, where it does: there can be no overlay.
    pub(super) copied: Option<Failure>,
}

/// Has the workspace laid over: what the program changes lands in `aside`. Everything can be looked at before it counts, and
/// so nothing in it has to be kept from change.
pub(super) fn keep_aside(spec: &mut Spec, workspace: &str, aside: &Aside<'_>) -> Result<(), String> {
    let workspace = fs::canonicalize(workspace).map_err(|error| format!("{workspace}: {error}"))?;
    if !spec.binds.iter().any(|bind| bind.writable && bind.path == workspace) {
        return Err(
            "a review is of the workspace, which the policy does not let be changed as a whole".to_owned()
        );
    }
    if let Some(why) = room::lacking(aside.folder) {
        return Err(why);
    }
    spec.keep.clear();
    // What lies in it is seen and changed as a part of it, and not beside the review.
    let is_beside = |path: &Path| path == workspace || !path.starts_with(&workspace);
    spec.binds.retain(|bind| is_beside(&bind.path));
    spec.scratch.retain(|path| is_beside(path));
    spec.overlay =
        Some(Overlay { path: workspace, changes: aside.folder.to_owned(), copied: aside.copied.is_some() });
    spec.without.extend(aside.copied.clone());
    Ok(())
}

/// Where inside the way out is found.
const PROXY_PORT: u16 = 3128;

/// The variables by which programs find a proxy. Curl reads the first two in lower case only; the last one is Node's.
const PROXY_VARIABLES: &[&str] =
    &["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
const NO_PROXY_VARIABLES: &[&str] = &["no_proxy", "NO_PROXY"];

/// The variables by which programs find the certificates that they believe: of OpenSSL, curl, Python, Node, npm, Git, cargo,
/// Deno and the tools of clouds.
const BELIEF_VARIABLES: &[&str] = &[
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "npm_config_cafile",
];

/// Adds the way out of the network, and what programs have to believe for it.
pub(super) fn let_out(spec: &mut Spec, believed: Option<&Path>) {
    spec.proxy_port = Some(PROXY_PORT);
    if let Some(path) = believed {
        spec.binds.push(Bind { path: path.to_owned(), writable: false });
    }
    let mut set = |name: &str, value: String| {
        spec.environment.retain(|(given, _)| given != name);
        spec.environment.push((name.to_owned(), value));
    };
    for name in PROXY_VARIABLES {
        set(name, format!("http://127.0.0.1:{PROXY_PORT}"));
    }
    // What the program serves itself is on its own side.
    for name in NO_PROXY_VARIABLES {
        set(name, "localhost,127.0.0.1,::1".to_owned());
    }
    set("NODE_USE_ENV_PROXY", "1".to_owned());
    for name in BELIEF_VARIABLES {
        if let Some(path) = believed {
            set(name, path.display().to_string());
        }
    }
}

fn system() -> impl Iterator<Item = Bind> {
    SYSTEM.iter().map(|path| Bind { path: path.into(), writable: false })
}

pub(super) fn settings() -> impl Iterator<Item = Bind> {
    SETTINGS.iter().map(|name| Bind { path: Path::new("/etc").join(name), writable: false })
}

/// A boundary with nothing in it but the system, to try a level out.
pub(super) fn probe(level: Level) -> Spec {
    Spec { binds: system().collect(), ..Spec::empty(level) }
}

fn limits(work: &Work<'_>) -> Limits {
    let mut limits = Limits::default();
    for (resource, limit) in &work.resources {
        match resource {
            Resource::MemoryMb => limits.memory_bytes = Some(limit.saturating_mul(1 << 20)),
            Resource::CpuPercent => limits.cpu_percent = Some(*limit),
            Resource::OpenFiles => limits.open_files = limits.open_files.min(*limit),
            Resource::DiskMb | Resource::NetworkMb | Resource::Operations | Resource::TotalTimeMs => {}
        }
    }
    limits
}

/// What the path boundaries of the policy leave.
#[derive(Debug, PartialEq, Eq)]
struct Granted {
    binds: Vec<Bind>,
    hide: Vec<PathBuf>,
}

impl Granted {
    /// Without any list the workspace may be changed and nothing else be seen. A list can take of that, and add folders.
    fn by(boundaries: &[PathLists], workspace: &Path, home: &Path) -> Result<Self, String> {
        let (mut seen, mut changed) = (vec![workspace.to_owned()], vec![workspace.to_owned()]);
        let mut hide = Vec::new();
        let place = |pattern: &str| place(pattern, workspace, home);
        for (number, lists) in boundaries.iter().enumerate() {
            if let Some(pattern) = lists.block.first() {
                return Err(format!(
                    "no sandbox keeps programs from files by a pattern (`block: {pattern}`)"
                ));
            }
            for folder in &lists.blocked {
                hide.push(place(folder)?);
            }
            let all = |list: &Option<Vec<String>>| -> Result<Option<Vec<PathBuf>>, String> {
                list.as_ref().map(|list| list.iter().map(|one| place(one)).collect()).transpose()
            };
            let allow = all(&lists.allow)?;
            let write = all(&lists.write)?;
            // The first boundary says what there is; those after it can only take away.
            seen = narrowed(seen, allow.as_deref(), number == 0);
            changed = narrowed(changed, allow.as_deref(), number == 0);
            changed = narrowed(changed, write.as_deref(), false);
        }
        let bind = |writable| move |path: PathBuf| Bind { path, writable };
        let looks =
            seen.into_iter().filter(|path| !changed.contains(path)).map(bind(false)).collect::<Vec<_>>();
        Ok(Self { binds: looks.into_iter().chain(changed.iter().cloned().map(bind(true))).collect(), hide })
    }
}

/// What two lists of folders share. `anew`: the list stands for itself.
fn narrowed(folders: Vec<PathBuf>, list: Option<&[PathBuf]>, anew: bool) -> Vec<PathBuf> {
    let Some(list) = list else { return folders };
    if anew {
        return list.to_vec();
    }
    let mut both = BTreeSet::new();
    for (one, other) in folders.iter().flat_map(|one| list.iter().map(move |other| (one, other))) {
        if one.starts_with(other) {
            both.insert(one.clone());
        } else if other.starts_with(one) {
            both.insert(other.clone());
        }
    }
    both.into_iter().collect()
}

/// The folder or file that a pattern is about, with all below it. Any other pattern cannot be mounted.
fn place(pattern: &str, workspace: &Path, home: &Path) -> Result<PathBuf, String> {
    let bare = pattern.strip_suffix("/**").unwrap_or(pattern).trim_end_matches('/');
    let (base, rest) = match bare.strip_prefix('~') {
        Some(rest) => (home, rest.trim_start_matches('/')),
        None if bare.starts_with('/') => (Path::new("/"), bare.trim_start_matches('/')),
        None => (workspace, bare.trim_start_matches("./")),
    };
    let is_plain = !rest.contains(['*', '?', '[', '!', ':']) && !rest.split('/').any(|part| part == "..");
    if !is_plain {
        return Err(format!("no sandbox keeps a program to a pattern like `{pattern}`: only folders"));
    }
    Ok(if matches!(rest, "" | ".") { base.to_owned() } else { base.join(rest) })
}

/// What lies in the workspace and configures programs that run outside: agents, Git, Stayhand.
fn kept(workspace: &Path) -> Vec<PathBuf> {
    let of_git = OF_GIT.iter().map(|name| workspace.join(".git").join(name));
    let named = path::configuring_names().map(|name| workspace.join(name));
    named.chain(of_git).filter(|path| exists(path)).collect()
}

pub(super) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen, what may be changed, what is hidden.
    type Texts = [Vec<String>; 3];

    fn granted(lists: &[PathLists]) -> Result<Texts, String> {
        let found = Granted::by(lists, Path::new("/code"), Path::new("/home/u"))?;
        let texts = |paths: Vec<&PathBuf>| paths.iter().map(|path| path.display().to_string()).collect();
        let of = |writable| {
            found.binds.iter().filter(move |bind| bind.writable == writable).map(|bind| &bind.path).collect()
        };
        Ok([texts(of(false)), texts(of(true)), texts(found.hide.iter().collect())])
    }

    fn lists(allow: Option<&[&str]>, write: Option<&[&str]>, blocked: &[&str]) -> PathLists {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        PathLists {
            block: Vec::new(),
            blocked: texts(blocked),
            allow: allow.map(texts),
            write: write.map(texts),
        }
    }

    #[test]
    fn what_boundaries_leave() {
        let check = |given: &[PathLists], looks: &[&str], changes: &[&str], hide: &[&str]| {
            let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            assert_eq!(granted(given), Ok([looks, changes, hide].map(texts)), "{given:?}");
        };
        check(&[], &[], &["/code"], &[]);
        check(&[lists(Some(&["./**", "/data/**"]), Some(&["./**"]), &[])], &["/data"], &["/code"], &[]);
        check(&[lists(Some(&["./src/**"]), None, &[])], &[], &["/code/src"], &[]);
        check(
            &[lists(None, Some(&["./out/**"]), &["./secret"])],
            &["/code"],
            &["/code/out"],
            &["/code/secret"],
        );
        check(&[lists(Some(&[]), None, &[])], &[], &[], &[]);
        check(&[lists(None, Some(&[]), &[])], &["/code"], &[], &[]);
        // A second one can only take away.
        let both =
            [lists(Some(&["./**"]), None, &[]), lists(Some(&["./a/**", "/data/**"]), Some(&["./a/b"]), &[])];
        check(&both, &["/code/a"], &["/code/a/b"], &[]);
        check(&[lists(Some(&["~/notes/**"]), None, &[])], &[], &["/home/u/notes"], &[]);
    }

    /// Bypass 79: what cannot be kept is not passed over.
    #[test]
    fn bypass_79_patterns_that_cannot_be_mounted() {
        for pattern in ["*.rs", "./**/*.rs", "./src/*", "place:key", "!./x", "./../x/**", "/a/?/b"] {
            assert!(granted(&[lists(Some(&[pattern]), None, &[])]).is_err(), "{pattern}");
            assert!(granted(&[lists(None, Some(&[pattern]), &[])]).is_err(), "{pattern}");
        }
        let block = PathLists { block: vec!["*.exe".to_owned()], ..PathLists::default() };
        assert!(granted(&[block]).is_err());
    }
}
