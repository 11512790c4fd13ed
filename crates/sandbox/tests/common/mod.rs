//! A confined program in a workspace of its own, on every level that this machine offers, started by root and by a user.

use stayhand_core::decision::Level;
use stayhand_sandbox::{
    Bind, Control, ControlGroup, Ended, Failure, LAUNCHER, Limits, Mechanism, Receipt, Report, Spec,
};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What every program needs to see.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"];

/// A user who owns nothing here but the workspace.
const USER: u32 = 54321;

/// As whom Stayhand would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// This test's own user, which in CI is root.
    Own,
    /// Root starts it, and the workspace belongs to somebody else.
    RootForUser,
    /// Somebody without any right.
    User,
    /// The same, where only the system's bubblewrap may make namespaces: for a launcher that was built to do as if.
    UserByBubblewrap,
}

/// As whom everything is tried.
const EVERYBODY: &[Who] = if cfg!(feature = "weaken") {
    &[Who::UserByBubblewrap]
} else {
    &[Who::Own, Who::RootForUser, Who::User]
};

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) work: PathBuf,
    pub(crate) spec: Spec,
    pub(crate) who: Who,
    pub(crate) group: Option<ControlGroup>,
    /// What the launcher is told to do without; only one that was built for that obeys.
    pub(crate) without: Vec<String>,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) output: String,
    pub(crate) errors: String,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) failure: Option<Failure>,
    pub(crate) ended: Option<Ended>,
}

/// Tries something on these levels, as everybody. What cannot run here says so.
#[track_caller]
pub(crate) fn on(levels: &[Level], attempt: impl Fn(&mut World)) {
    for level in levels {
        for who in EVERYBODY {
            match World::new(*level, *who) {
                Ok(mut world) => attempt(&mut world),
                Err(why) => eprintln!("NOT RUN at {level} as {who:?}: {why}"),
            }
        }
    }
}

pub(crate) const EVERY: &[Level] = &[Level::L1, Level::L2, Level::L3];
pub(crate) const WITH_OWN_ROOT: &[Level] = &[Level::L2, Level::L3];

impl World {
    pub(crate) fn new(level: Level, who: Who) -> Result<Self, String> {
        let is_root = rustix::process::getuid().is_root();
        if who != Who::Own && !is_root {
            return Err("only root can become somebody else".to_owned());
        }
        if level == Level::L1 && who == Who::Own && is_root {
            return Err("without namespaces root's own folder cannot be lent".to_owned());
        }
        if who == Who::UserByBubblewrap {
            if level == Level::L1 {
                return Err("without namespaces there is nothing for it to do".to_owned());
            }
            if !Path::new("/usr/bin/bwrap").exists() {
                assert!(std::env::var_os("STAYHAND_BUBBLEWRAP").is_none(), "bubblewrap is not installed");
                return Err("bubblewrap is not installed".to_owned());
            }
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let work = folder.path().canonicalize().unwrap().join("work");
        std::fs::create_dir(&work).unwrap();
        if who != Who::Own {
            chown(&work, Some(USER), Some(USER)).unwrap();
        }
        let bind = |path: &&str| Bind { path: path.into(), writable: false };
        let mut binds: Vec<Bind> = SYSTEM.iter().map(bind).collect();
        binds.push(Bind { path: work.clone(), writable: true });
        let spec = Spec {
            environment: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
            cwd: work.clone(),
            binds,
            ..Spec::empty(level)
        };
        let without = (who == Who::UserByBubblewrap).then(|| "namespaces of its own".to_owned());
        let without = without.into_iter().collect();
        let mut world = Self { folder, work, spec, who, group: None, without };
        world.limit(|_| {})?;
        Ok(world)
    }

    /// Changes the limits; at L3 there is a new group with them.
    pub(crate) fn limit(&mut self, change: impl Fn(&mut Limits)) -> Result<(), String> {
        change(&mut self.spec.limits);
        if self.spec.most == Level::L3 {
            if self.is_user() {
                return Err("a user has no control group here".to_owned());
            }
            let group = ControlGroup::new(&self.spec.limits).map_err(|error| error.to_string())?;
            self.spec.entrances = group.entrances();
            self.group = Some(group);
        }
        Ok(())
    }

    fn is_user(&self) -> bool {
        matches!(self.who, Who::User | Who::UserByBubblewrap)
    }

    /// Starts it, with whatever `command` adds.
    pub(crate) fn start(&self, mut command: Command, argv: &[&str]) -> (Child, Control) {
        let (control, theirs) = Control::pair().unwrap();
        command.args(&self.without);
        command.stdin(Stdio::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        if self.is_user() {
            command.uid(USER).gid(USER);
        }
        let child = command.spawn().unwrap();
        drop(command);
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        control.tell(&Spec { argv, ..self.spec.clone() }).unwrap();
        (child, control)
    }

    pub(crate) fn run(&self, argv: &[&str]) -> Run {
        let (child, control) = self.start(launcher(), argv);
        let done = child.wait_with_output().unwrap();
        let mut run = Run {
            output: String::from_utf8_lossy(&done.stdout).into_owned(),
            errors: String::from_utf8_lossy(&done.stderr).into_owned(),
            receipt: None,
            failure: None,
            ended: None,
        };
        for report in control.reports().unwrap() {
            match report {
                Report::InForce(receipt) => run.receipt = Some(receipt),
                Report::Failed(failure) => run.failure = Some(failure),
                Report::Ended(ended) => run.ended = Some(ended),
            }
        }
        assert_eq!(run.receipt.as_ref().map(|receipt| receipt.level), Some(self.spec.most), "{run:?}");
        let by_bubblewrap =
            run.receipt.iter().any(|receipt| receipt.mechanisms.contains(&Mechanism::Bubblewrap));
        assert_eq!(by_bubblewrap, self.who == Who::UserByBubblewrap, "{run:?}");
        run
    }

    pub(crate) fn bash(&self, script: &str) -> Run {
        self.run(&["bash", "-c", script])
    }

    /// Runs Python with `call(number, …)`, which makes a system call and gives its result, or minus the number of the error.
    pub(crate) fn python(&self, script: &str) -> Run {
        const HEAD: &str = "import ctypes, errno, os, socket, struct, sys\n\
            libc = ctypes.CDLL(None, use_errno=True)\n\
            def call(number, *words):\n    \
                done = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(w) if isinstance(w, int) else w for w in words])\n    \
                return done if done >= 0 else -ctypes.get_errno()\n";
        self.run(&["python3", "-c", &format!("{HEAD}{script}")])
    }

    /// What a line of Python prints.
    #[track_caller]
    pub(crate) fn says(&self, script: &str, expected: &str) {
        let run = self.python(script);
        let at = format!("{} as {:?}", self.spec.most, self.who);
        assert_eq!(run.output.trim(), expected, "{at}: {script}: {}", run.errors);
    }

    /// What a command line does not manage to do: it would say `went through`.
    #[track_caller]
    pub(crate) fn cannot(&self, script: &str) {
        assert!(script.contains("went through"), "this could not fail: {script}");
        let run = self.bash(script);
        let at = format!("{} as {:?}", self.spec.most, self.who);
        assert!(!run.output.contains("went through"), "{at}: {script}: {run:?}");
    }

    /// The neighbour of an attempt: what has to work.
    #[track_caller]
    pub(crate) fn can(&self, script: &str) {
        let run = self.bash(&format!("{script}\necho went through"));
        let at = format!("{} as {:?}", self.spec.most, self.who);
        assert!(run.output.ends_with("went through\n"), "{at}: {script}: {run:?}");
    }

    /// A place outside of the workspace that everybody could get at.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }
}

/// The launcher, where a user may start it.
pub(crate) fn launcher() -> Command {
    static COPY: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = COPY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_stayhand-sandbox"), folder.path().join("launcher")).unwrap();
        folder
    });
    let mut command = Command::new(folder.path().join("launcher"));
    command.arg(LAUNCHER);
    command
}

/// Whether a process with this word among its arguments is gone within a second.
#[track_caller]
pub(crate) fn is_gone(word: &str) {
    let end = Instant::now() + Duration::from_secs(1);
    while runs(word) {
        assert!(Instant::now() < end, "{word} still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn runs(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|found| found == word.as_bytes()))
}

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
