//! A confined shell in a workspace of its own.

use stayhand_core::decision::Level;
use stayhand_sandbox::{Bind, Control, ControlGroup, Ended, Failure, LAUNCHER, Limits, Receipt, Report, Spec};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What every program needs to see.
const SYSTEM: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"];

pub struct World {
    pub folder: tempfile::TempDir,
    pub work: PathBuf,
    pub spec: Spec,
    pub files: Vec<std::fs::File>,
}

#[derive(Debug)]
pub struct Run {
    pub output: String,
    pub errors: String,
    pub receipt: Option<Receipt>,
    pub failure: Option<Failure>,
    pub ended: Option<Ended>,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        let work = work.canonicalize().unwrap();
        let bind = |path: &&str| Bind { path: path.into(), writable: false };
        let mut binds: Vec<Bind> = SYSTEM.iter().map(bind).collect();
        binds.push(Bind { path: work.clone(), writable: true });
        let spec = Spec {
            argv: Vec::new(),
            environment: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
            cwd: work.clone(),
            home: "/home/agent".into(),
            binds,
            keep: Vec::new(),
            limits: Limits::default(),
            least: Level::L2,
            most: Level::L2,
            without: Vec::new(),
        };
        Self { folder, work, spec, files: Vec::new() }
    }

    pub fn start(&self, argv: &[&str], group: Option<&ControlGroup>) -> (Child, Control) {
        let spec = Spec { argv: argv.iter().map(|word| (*word).to_owned()).collect(), ..self.spec.clone() };
        let (control, theirs) = Control::pair().unwrap();
        let mut launcher = Command::new(env!("CARGO_BIN_EXE_stayhand-sandbox"));
        launcher.arg(LAUNCHER).stdin(Stdio::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = launcher.process_group(0).spawn().unwrap();
        drop(launcher);
        if let Some(group) = group {
            group.add(child.id()).unwrap();
        }
        control.tell(&spec).unwrap();
        (child, control)
    }

    pub fn run(&self, argv: &[&str]) -> Run {
        let group = (self.spec.most == Level::L3).then(|| ControlGroup::new(&self.spec.limits).unwrap());
        let (child, control) = self.start(argv, group.as_ref());
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
        run
    }

    pub fn bash(&self, script: &str) -> Run {
        self.run(&["bash", "-c", script])
    }

    pub fn python(&self, script: &str) -> Run {
        self.run(&["python3", "-c", script])
    }
}

impl Run {
    pub fn code(&self) -> Option<i32> {
        self.ended.and_then(|ended| ended.code)
    }
}

pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
