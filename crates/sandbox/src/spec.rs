//! What is run, and inside which boundary.

use crate::receipt::Failure;
use serde::{Deserialize, Serialize};
use stayhand_core::decision::Level;
use std::path::{Component, Path, PathBuf};

/// User and group of whoever owns nothing.
pub(crate) const NOBODY: u32 = 65534;

/// One program and its boundary. All paths are absolute and canonical: no `.`, `..` or links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The program and its arguments. Empty: the boundary is tried out, and nothing is run.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// The folder it starts in.
    pub cwd: PathBuf,
    /// Its home: a folder of its own that is gone afterwards, but for what is bound in it.
    pub home: PathBuf,
    /// What it may see besides its own folders. A path that is not there is left out.
    pub binds: Vec<Bind>,
    /// Folders among the binds that it may change, and whose changes are gone afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scratch: Vec<PathBuf>,
    /// A folder whose changes are kept aside. It is among the binds, and may be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    /// What it may not change although it lies in what it may.
    pub keep: Vec<PathBuf>,
    /// What it may not see although it lies in what it may: there is nothing in its place.
    pub hide: Vec<PathBuf>,
    /// Other names for folders: each a link, and where it leads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<(PathBuf, PathBuf)>,
    /// What it may use.
    pub limits: Limits,
    /// Whether somebody is asked about every program that starts inside ([`crate::ProgramWatch`]).
    #[serde(default)]
    pub watched: bool,
    /// Whether it has a terminal of its own, the other end of which is handed to whoever starts the launcher.
    #[serde(default)]
    pub terminal: bool,
    /// Whether it has a standard input, the other end of which is handed to whoever starts the launcher.
    #[serde(default)]
    pub input: bool,
    /// A port on the loopback interface inside. A socket that listens there is handed to whoever starts the launcher: the
    /// only way that leads out of the program's network. `None`: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_port: Option<u16>,
    /// Whether only those system calls are answered that ordinary programs make.
    #[serde(default)]
    pub known_calls_only: bool,
    /// Nothing weaker is acceptable.
    pub least: Level,
    /// The level to begin with.
    pub most: Level,
    /// L3: where the launcher enters a control group with these limits ([`crate::ControlGroup::entrances`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrances: Vec<PathBuf>,
    /// What could not be had before the launcher was started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Failure>,
}

/// A file or folder that the program sees, with all below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// Where it is, outside and inside.
    pub path: PathBuf,
    /// Whether it may be changed.
    pub writable: bool,
}

/// A folder that a program changes without changing it: what it writes lands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The folder.
    pub path: PathBuf,
    /// Where changes land: a folder with two empty ones, `upper` and `work`, that belongs to whoever starts the launcher.
    pub changes: PathBuf,
    /// Whether `upper` holds a copy of the folder, which then takes its place: nothing is laid over.
    #[serde(default)]
    pub copied: bool,
}

impl Overlay {
    /// Where changes land, or the copy that is changed.
    pub(crate) fn upper(&self) -> PathBuf {
        self.changes.join("upper")
    }
}

/// What a program and everything that it starts may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of memory: of all processes where there is a control group, else of the address space of each.
    pub memory_bytes: Option<u64>,
    /// Percent of one processor; only with a control group.
    pub cpu_percent: Option<u64>,
    /// Processes and threads at a time.
    pub processes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// Bytes of one file that it writes.
    pub file_bytes: u64,
    /// Seconds of processor time of each process.
    pub cpu_s: Option<u64>,
    /// Bytes of each of its own folders: the one for temporary files, its home, shared memory.
    pub own_bytes: u64,
    /// Files in each of its own folders.
    pub own_files: u64,
}

impl Default for Limits {
    /// Room for a build: 4096 processes, 4096 open files, files of 16 GiB, 1 GiB and 200 000 files in own folders.
    fn default() -> Self {
        Self {
            memory_bytes: None,
            cpu_percent: None,
            processes: 4096,
            open_files: 4096,
            file_bytes: 16 << 30,
            cpu_s: None,
            own_bytes: 1 << 30,
            own_files: 200_000,
        }
    }
}

impl Spec {
    /// A boundary of exactly this level in which nothing was granted, to be tried out.
    pub fn empty(level: Level) -> Self {
        Self {
            argv: Vec::new(),
            environment: Vec::new(),
            cwd: PathBuf::from("/"),
            home: PathBuf::from("/home/agent"),
            binds: Vec::new(),
            scratch: Vec::new(),
            overlay: None,
            keep: Vec::new(),
            hide: Vec::new(),
            links: Vec::new(),
            limits: Limits::default(),
            watched: false,
            terminal: false,
            input: false,
            proxy_port: None,
            known_calls_only: false,
            least: level,
            most: level,
            entrances: Vec::new(),
            without: Vec::new(),
        }
    }

    /// Where outside is what the program sees at the path of a bind: there, but for a folder that was copied.
    pub(crate) fn origin(&self, bind: &Bind) -> PathBuf {
        match &self.overlay {
            Some(overlay) if overlay.copied && overlay.path == bind.path => overlay.upper(),
            _ => bind.path.clone(),
        }
    }

    /// The folder that is laid over, if one is.
    pub(crate) fn laid_over(&self) -> Option<&Overlay> {
        self.overlay.as_ref().filter(|overlay| !overlay.copied)
    }

    /// What is wrong with it, if anything.
    pub fn error(&self) -> Option<String> {
        let named = [&self.cwd, &self.home];
        let bound = self.binds.iter().map(|bind| &bind.path);
        for path in named.into_iter().chain(bound).chain(&self.keep).chain(&self.hide) {
            if !is_plain(path) {
                return Some(format!("{} is not an absolute path without `.` and `..`", path.display()));
            }
        }
        let writable = self.binds.iter().filter(|bind| bind.writable);
        for bind in writable {
            // Whoever may write there writes what runs outside at the next log-in.
            if self.home.starts_with(&bind.path) {
                let path = bind.path.display();
                return Some(format!("{path} is the home folder or lies above it, and must not be writable"));
            }
        }
        if self.most == Level::L3 && self.entrances.is_empty() {
            return Some(format!("{} takes a control group, and there is none to enter", Level::L3));
        }
        None
    }
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}
