//! Where things are: the one place that reads the environment.

use anyhow::Context as _;
use stayhand_core::decision::Layer;
use stayhand_core::policy::sandbox::SandboxGrants;
use stayhand_runtime::policy_files::PolicyFiles;
use stayhand_runtime::{LocalSettings, Stop, Termination, on_termination, wire};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the user asked for cannot be done as asked.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Makes a usage error.
pub(crate) fn usage(text: impl Into<String>) -> anyhow::Error {
    UsageError(text.into()).into()
}

/// A variable of the environment that says something.
#[expect(clippy::disallowed_methods, reason = "this is the edge that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether something may come on standard input that is not typed: from a pipe or a file.
pub(crate) fn has_input() -> bool {
    use std::io::IsTerminal as _;
    let nothing = rustix::fs::stat("/dev/null").map(|found| found.st_rdev);
    let input = rustix::fs::fstat(rustix::stdio::stdin()).map(|found| found.st_rdev);
    !std::io::stdin().is_terminal() && (input != nothing || nothing.is_err())
}

/// Whether the terminal does what it is told: shows a title, keeps a line from moving. Others would show the letters.
pub(crate) fn has_able_terminal() -> bool {
    variable("TERM").is_some_and(|term| !["dumb", "linux"].contains(&term.as_str()))
}

/// The home folder of the user.
pub(crate) fn user_home() -> anyhow::Result<PathBuf> {
    let home = variable("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    home.ok_or_else(|| usage("the environment variable HOME is not an absolute path"))
}

/// A folder of the XDG base directory specification. Relative values are ignored, as it asks.
fn xdg(name: &str, fallback: &str) -> anyhow::Result<PathBuf> {
    let given = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Ok(given.map_or_else(|| user_home().map(|home| home.join(fallback)), Ok)?.join("stayhand"))
}

/// The state folder.
pub(crate) fn state(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => Ok(std::path::absolute(path)?),
        None => xdg("XDG_STATE_HOME", ".local/state"),
    }
}

/// A new temporary folder that nobody else may enter, removed when it is dropped.
pub(crate) fn private_folder(prefix: &str) -> std::io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    let private = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().prefix(prefix).permissions(private).tempdir()
}

/// The user's policy file.
pub(crate) fn user_policy() -> anyhow::Result<PathBuf> {
    Ok(xdg("XDG_CONFIG_HOME", ".config")?.join("policy.yaml"))
}

/// The price list that `stayhand prices update` has put in place of the shipped one.
pub(crate) fn price_list() -> anyhow::Result<PathBuf> {
    Ok(xdg("XDG_CONFIG_HOME", ".config")?.join("prices.yaml"))
}

/// The project's policy file.
pub(crate) fn project_policy(workspace: &Path) -> PathBuf {
    workspace.join(".stayhand").join("policy.yaml")
}

/// The organisation's policy file.
const ORGANISATION_POLICY: &str = "/etc/stayhand/policy.yaml";

/// The files that make up the policy for a workspace. `named` takes the place of the user's file.
pub(crate) fn policy_files(named: &[PathBuf], workspace: &Path) -> anyhow::Result<PolicyFiles> {
    // It takes the place of what is shipped, and stands where that stands.
    let files = PolicyFiles::default().if_there(Layer::BuiltIn, price_list()?);
    let mut files = files.if_there(Layer::Organisation, ORGANISATION_POLICY);
    if named.is_empty() {
        files = files.if_there(Layer::User, user_policy()?);
    }
    for path in named {
        files = files.named(Layer::User, path);
    }
    Ok(files.if_there(Layer::Project, project_policy(workspace)))
}

/// The folder of the nearest `.git` above `cwd`, else `cwd` itself.
pub(crate) fn workspace_of(cwd: &Path) -> PathBuf {
    cwd.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(cwd).to_owned()
}

/// Who asks, and where, where the action itself does not say so.
pub(crate) fn defaults(asking: &crate::args::Asking) -> anyhow::Result<wire::Defaults> {
    let cwd = match &asking.cwd {
        // By whatever name: where it is is what paths are compared with. It need not be there to be spoken of.
        Some(path) => std::fs::canonicalize(path).or_else(|_| std::path::absolute(path))?,
        None => std::env::current_dir()?,
    };
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| usage(format!("{} is not UTF-8", path.display())))
    };
    let mut defaults = wire::Defaults::new(&text(&workspace_of(&cwd))?, &text(&user_home()?)?);
    defaults.cwd = text(&cwd)?;
    defaults.agent.clone_from(&asking.agent);
    defaults.session.clone_from(&asking.session);
    Ok(defaults)
}

/// The person at this terminal: the account the process runs as, not what the environment claims.
pub(crate) fn person() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

/// The variables programs are given; everything else in the environment stays here.
const PASSED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "TZ",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
];

/// The exit code of a program that was interrupted, as shells give it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Ctrl-C and termination.
#[derive(Debug)]
pub(crate) struct Interrupts(Arc<Mutex<()>>);

impl Interrupts {
    /// From now on they end the running program with its group, so that its end is still recorded; where nothing runs they
    /// end this program. `also` is what else they do.
    pub(crate) fn stop(
        stop: &Stop,
        mut also: impl FnMut(Termination) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let stop = stop.clone();
        Self::handled_by(move |signal| {
            let stopped = stop.now("an interrupt");
            also(signal);
            if !stopped {
                std::process::exit(INTERRUPTED.into());
            }
        })
    }

    /// From now on this is done about each.
    pub(crate) fn handled_by(mut handle: impl FnMut(Termination) + Send + 'static) -> anyhow::Result<Self> {
        let handling = Arc::new(Mutex::new(()));
        let handled = Arc::clone(&handling);
        let one = move |signal| {
            let _handling = handled.lock().unwrap_or_else(PoisonError::into_inner);
            handle(signal);
        };
        on_termination(one).context("cannot listen for interrupts")?;
        Ok(Self(handling))
    }

    /// Waits until one that has come is done with.
    pub(crate) fn wait(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether a line waits on standard input, or its end; looked for no longer than this.
pub(crate) fn is_typed(within: Duration) -> std::io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let input = rustix::stdio::stdin();
    let mut ends = [PollFd::from_borrowed_fd(input, PollFlags::IN)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: within.subsec_nanos().into() };
    match poll(&mut ends, Some(&timeout)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// This program, whatever has become of the file it was started from.
const ITSELF: &str = "/proc/self/exe";

/// What programs see in the place of what the proxy adds for them.
const ADDED_OUTSIDE: &str = "added-outside-by-stayhand";

/// The settings of the local executor, with what a policy passes on besides the usual variables.
pub(crate) fn local_settings(grants: &SandboxGrants) -> LocalSettings {
    let names = PASSED_ON.iter().copied().chain(grants.environment.iter().map(String::as_str));
    let held = grants.credentials.iter().filter(|credential| variable(&credential.from).is_some());
    let held: BTreeSet<&str> = held.map(|credential| credential.from.as_str()).collect();
    let passed = names.filter(|name| !held.contains(name));
    let passed = passed.filter_map(|name| variable(name).map(|value| (name.to_owned(), value)));
    let passed = passed.chain(held.iter().map(|name| ((*name).to_owned(), ADDED_OUTSIDE.to_owned())));
    LocalSettings {
        environment: passed.collect(),
        launcher: Some(ITSELF.into()),
        may_move: true,
        ..LocalSettings::default()
    }
}
