//! Which changes need a person's word of their own: what is run or believed by programs outside of the sandbox.

use super::Kept;
use stayhand_analysis::{Surroundings, path};
use stayhand_core::facts::Place;
use stayhand_sandbox::review::{self, Change, Kind, What};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Looks at the changes of one run.
#[derive(Debug)]
pub struct Dangers<'a> {
    kept: &'a Kept,
    /// Folders of the workspace that are reached by another, sensitive name.
    elsewhere: Vec<(PathBuf, &'static str)>,
}

const OF_GIT: &str = "Git runs or believes it";
const OF_AGENTS: &str = "it configures an agent or editor";
const OF_SHELLS: &str = "shells run it";
const OF_BUILDS: &str = "a build service runs it";
const OF_TOOLS: &str = "tools run or believe it where they are used";

/// Names of what is run or believed elsewhere, in lower case: a name, or a folder and a name.
static NAMES: &[(&str, &str)] = &[
    ("agents.md", OF_AGENTS),
    ("claude.md", OF_AGENTS),
    ("gemini.md", OF_AGENTS),
    (".aider.conf.yml", OF_AGENTS),
    (".clinerules", OF_AGENTS),
    (".continue", OF_AGENTS),
    (".cursorrules", OF_AGENTS),
    (".devcontainer", OF_AGENTS),
    (".devcontainer.json", OF_AGENTS),
    (".dir-locals.el", OF_AGENTS),
    (".github/copilot-instructions.md", OF_AGENTS),
    (".idea", OF_AGENTS),
    (".nvim.lua", OF_AGENTS),
    (".nvimrc", OF_AGENTS),
    (".vscode", OF_AGENTS),
    (".windsurfrules", OF_AGENTS),
    (".zed", OF_AGENTS),
    (".envrc", OF_SHELLS),
    (".git", OF_GIT),
    (".gitattributes", OF_GIT),
    (".githooks", OF_GIT),
    (".gitmodules", OF_GIT),
    (".husky", OF_GIT),
    (".lefthook", OF_GIT),
    (".pre-commit-config.yaml", OF_GIT),
    ("lefthook.yml", OF_GIT),
    ("lefthook.yaml", OF_GIT),
    (".appveyor.yml", OF_BUILDS),
    (".azure-pipelines", OF_BUILDS),
    (".buildkite", OF_BUILDS),
    (".circleci", OF_BUILDS),
    (".cirrus.yml", OF_BUILDS),
    (".drone.yml", OF_BUILDS),
    (".forgejo", OF_BUILDS),
    (".gitea", OF_BUILDS),
    (".github/actions", OF_BUILDS),
    (".github/workflows", OF_BUILDS),
    (".gitlab", OF_BUILDS),
    (".gitlab-ci.yml", OF_BUILDS),
    (".semaphore", OF_BUILDS),
    (".travis.yml", OF_BUILDS),
    (".woodpecker", OF_BUILDS),
    (".woodpecker.yml", OF_BUILDS),
    ("action.yml", OF_BUILDS),
    ("appveyor.yml", OF_BUILDS),
    ("azure-pipelines.yml", OF_BUILDS),
    ("bitbucket-pipelines.yml", OF_BUILDS),
    ("buildspec.yml", OF_BUILDS),
    ("cloudbuild.yaml", OF_BUILDS),
    ("jenkinsfile", OF_BUILDS),
    (".cargo/config", OF_TOOLS),
    (".cargo/config.toml", OF_TOOLS),
    (".mise.toml", OF_TOOLS),
    (".npmrc", OF_TOOLS),
    (".tool-versions", OF_TOOLS),
    (".yarnrc.yml", OF_TOOLS),
    ("mise.toml", OF_TOOLS),
    ("rust-toolchain", OF_TOOLS),
    ("rust-toolchain.toml", OF_TOOLS),
];

/// The longest settings of Git that are read, in bytes.
const MOST_OF_SETTINGS: u64 = 1 << 20;

impl<'a> Dangers<'a> {
    /// Looks at the workspace, for what is called otherwise there.
    pub fn of(kept: &'a Kept) -> Self {
        let mut elsewhere = Vec::new();
        let work = &kept.workspace;
        for entry in fs::read_dir(work).into_iter().flatten().flatten() {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if is_link && entry.file_name().to_string_lossy().starts_with('.') {
                elsewhere.extend(within(work, &entry.path()).map(|path| (path, OF_AGENTS)));
            }
        }
        let hooks = work.join(".git/hooks");
        if hooks.is_symlink() {
            elsewhere.extend(within(work, &hooks).map(|path| (path, OF_GIT)));
        }
        elsewhere.extend(named_by_git(work).into_iter().map(|path| (path, OF_GIT)));
        Self { kept, elsewhere }
    }

    /// Why this one needs a word of its own.
    pub fn why(&self, change: &Change) -> Option<&'static str> {
        if !self.kept.has_ended {
            return Some("the run was cut off, and this may be half of what it was to be");
        }
        match &change.what {
            What::Unreadable { .. } => return Some("it cannot be read"),
            What::Deleted { was } if was.is_folder() => {
                return self.of_path(&change.path).or_else(|| self.of_all_below(&change.path));
            }
            _ => {}
        }
        match change.what.is() {
            Some(Kind::Special) => return Some("a socket, pipe or device"),
            Some(Kind::Link { to }) => {
                if self.leads_out(&change.path, to) {
                    return Some("a link that leads out of the workspace, or on by another link");
                }
                let name = change.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    return Some("a link in the place of settings");
                }
            }
            _ => {}
        }
        self.of_path(&change.path)
    }

    fn of_path(&self, path: &Path) -> Option<&'static str> {
        if is_object(path) {
            return None;
        }
        let elsewhere = self.elsewhere.iter().find(|(place, _)| path.starts_with(place));
        if let Some((_, why)) = elsewhere {
            return Some(why);
        }
        let workspace = self.kept.workspace.to_string_lossy();
        // Nobody's home: a file of a home folder in the workspace is one of the workspace.
        let at = Surroundings { cwd: &workspace, workspace: &workspace, home: "/nonexistent" };
        let whole = self.kept.workspace.join(path);
        match path::place_of(&whole.to_string_lossy(), &at) {
            Some(Place::GitControl) => return Some(OF_GIT),
            Some(Place::AgentConfig) => return Some(OF_AGENTS),
            Some(Place::Stayhand) => return Some("it is Stayhand's policy"),
            Some(Place::Startup) => return Some(OF_SHELLS),
            Some(Place::Key | Place::Credential) => return Some("it is a key or credential"),
            _ => {}
        }
        by_name(path).or_else(|| self.in_a_bare_repository(path).then_some(OF_GIT))
    }

    /// What goes with a folder that is deleted.
    fn of_all_below(&self, folder: &Path) -> Option<&'static str> {
        let mut folders = vec![self.kept.workspace.join(folder)];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).into_iter().flatten().flatten() {
                let path = entry.path();
                let below = path.strip_prefix(&self.kept.workspace).unwrap_or(&path);
                if let Some(why) = self.of_path(below) {
                    return Some(why);
                }
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                }
            }
        }
        None
    }

    /// What stands at a path once all changes are in.
    fn merged(&self, path: &Path) -> Option<Kind> {
        let above = review::kind(&self.kept.upper(), path).ok().flatten();
        above.or_else(|| review::kind(&self.kept.workspace, path).ok().flatten())
    }

    /// Whether a link leads out of the workspace, or by way of another link, so that nobody can say where.
    fn leads_out(&self, path: &Path, to: &Path) -> bool {
        let mut at: Vec<_> = path.parent().unwrap_or(Path::new("")).components().collect();
        for part in to.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => {
                    if at.pop().is_none() {
                        return true;
                    }
                }
                Component::Normal(_) => {
                    at.push(part);
                    let so_far: PathBuf = at.iter().collect();
                    if matches!(self.merged(&so_far), Some(Kind::Link { .. })) {
                        return true;
                    }
                }
                Component::RootDir | Component::Prefix(_) => return true,
            }
        }
        false
    }

    /// Whether it lies in what Git takes for a repository, whatever that is called.
    fn in_a_bare_repository(&self, path: &Path) -> bool {
        path.ancestors().skip(1).any(|folder| {
            ["HEAD", "objects", "refs"].iter().all(|name| self.merged(&folder.join(name)).is_some())
        })
    }
}

/// Git's own objects are many and run nothing, but for what names other places to find them.
fn is_object(path: &Path) -> bool {
    let parts: Vec<_> =
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let below = |name: &str| {
        parts.windows(2).any(|pair| matches!(pair, [git, inner] if git == ".git" && inner == name))
    };
    (below("objects") && !parts.iter().any(|part| part == "info")) || below("logs") || below("refs")
}

fn by_name(path: &Path) -> Option<&'static str> {
    let parts: Vec<_> =
        path.components().map(|part| part.as_os_str().to_string_lossy().to_lowercase()).collect();
    let holds = |name: &str| {
        let wanted: Vec<_> = name.split('/').collect();
        parts.windows(wanted.len()).any(|found| found == wanted)
    };
    let named = NAMES.iter().find(|(name, _)| holds(name)).map(|(_, why)| *why);
    let ends = parts.last().is_some_and(|name| name.ends_with(".code-workspace"));
    named.or(ends.then_some(OF_AGENTS))
}

/// Where a path of the workspace leads, if that is in it too.
fn within(workspace: &Path, path: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(path).ok()?;
    let workspace = fs::canonicalize(workspace).ok()?;
    Some(real.strip_prefix(workspace).ok()?.to_owned()).filter(|path| !path.as_os_str().is_empty())
}

/// Places that Git's own settings name: another folder for itself, for hooks, or more settings.
fn named_by_git(workspace: &Path) -> Vec<PathBuf> {
    let read = |path: &str| review::text(workspace, Path::new(path), MOST_OF_SETTINGS).ok().flatten();
    let mut named = Vec::new();
    let value = |line: &str, key: &str| {
        let (name, value) = line.split_once(['=', ':'])?;
        name.trim().eq_ignore_ascii_case(key).then(|| value.trim().trim_matches('"').to_owned())
    };
    for line in read(".git").unwrap_or_default().lines() {
        named.extend(value(line, "gitdir").map(|path| workspace.join(path)));
    }
    for line in read(".git/config").unwrap_or_default().lines() {
        named.extend(value(line, "hookspath").map(|path| workspace.join(path)));
        named.extend(value(line, "path").map(|path| workspace.join(".git").join(path)));
    }
    named.iter().filter_map(|path| within(workspace, path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (path, runs) in [
            (".git/hooks/pre-commit", true),
            ("vendor/.git/config", true),
            (".GitHub/workflows/ci.yml", true),
            (".github/CODEOWNERS", false),
            ("src/main.rs", false),
            (".envrc", true),
            ("sub/.gitattributes", true),
            ("CLAUDE.md", true),
            ("docs/agents.mdx", false),
            ("a.code-workspace", true),
            (".cargo/config.toml", true),
            ("cargo/config.toml", false),
        ] {
            assert_eq!(by_name(Path::new(path)).is_some(), runs, "{path}");
        }
        for (path, is) in [
            (".git/objects/ab/cd", true),
            (".git/objects/info/alternates", false),
            (".git/refs/heads/main", true),
            (".git/config", false),
            ("objects/ab", false),
        ] {
            assert_eq!(is_object(Path::new(path)), is, "{path}");
        }
    }
}
