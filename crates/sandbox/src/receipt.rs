//! What the launcher reports: the boundary that is in force, or what could not be had, and how the program ended.

use serde::{Deserialize, Serialize};
use stayhand_core::decision::Level;
use std::fmt;

/// One message of the launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The boundary is complete; the program starts now.
    InForce(Receipt),
    /// The program was not started.
    Failed(Failure),
    /// It has ended.
    Ended(Ended),
}

/// The boundary of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The level that was reached.
    pub level: Level,
    /// What makes it up, each after it was seen to be on.
    pub mechanisms: Vec<Mechanism>,
    /// What could not be had, in the order of trying: why the level is not a higher one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Failure>,
}

/// A part of the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Users of its own: no process inside has a right outside.
    UserNamespace,
    /// Not the user 0, neither outside nor inside.
    NotRoot,
    /// Files that user 0 owns outside belong to the program in the folders it may change, and only there.
    MappedOwner,
    /// A root folder of its own, in which nothing but what was granted exists.
    PrivateRoot,
    /// Processes of its own, which end all together.
    PidNamespace,
    /// A network of its own that leads nowhere.
    NetNamespace,
    /// Shared memory and message queues of its own.
    IpcNamespace,
    /// A host name of its own.
    UtsNamespace,
    /// It does not see where its control groups are.
    CgroupNamespace,
    /// Landlock: files.
    LandlockFiles,
    /// Landlock: TCP.
    LandlockTcp,
    /// Landlock: signals and abstract sockets.
    LandlockScopes,
    /// The filter of system calls.
    SystemCalls,
    /// Of system calls only those that ordinary programs make.
    KnownCalls,
    /// Every start of a program inside is asked about before it happens.
    ProgramWatch,
    /// What it changes in the folder it works in is kept aside.
    Overlay,
    /// Its network has one way out, to a socket of whoever watches it.
    Egress,
    /// No program inside gains rights when it starts.
    NoNewPrivileges,
    /// No capability is left or can come back.
    NoCapabilities,
    /// Limits on each process.
    ResourceLimits,
    /// Limits on all of them together.
    ControlGroup,
    /// It ends when whoever watches it does.
    EndsWithParent,
    /// The system's bubblewrap has made the namespaces and the root folder: this process might not.
    Bubblewrap,
}

impl Mechanism {
    /// What to do where it cannot be had.
    const fn advice(self) -> &'static str {
        match self {
            Self::UserNamespace | Self::NotRoot | Self::PidNamespace | Self::NetNamespace => {
                "namespaces of users are switched off or filtered here: see `sysctl user.max_user_namespaces \
                 kernel.unprivileged_userns_clone kernel.apparmor_restrict_unprivileged_userns`; on Ubuntu load \
                 packaging/apparmor/stayhand, or install bubblewrap and its profile bwrap-userns-restrict; inside of a container they need `--security-opt seccomp=unconfined`"
            }
            Self::MappedOwner => {
                "the file system of the workspace cannot map owners: start Stayhand as the user who owns the workspace"
            }
            Self::LandlockFiles | Self::LandlockTcp | Self::LandlockScopes => {
                "Landlock is not in this kernel or not switched on: it needs Linux 5.13 (for TCP 6.7) and `landlock` in \
                 the kernel's `lsm=`"
            }
            Self::ControlGroup => {
                "no control group can be made here: where systemd is, its manager of this user has to be reachable \
                 (`XDG_RUNTIME_DIR` names its folder; `loginctl enable-linger` keeps it running)"
            }
            Self::PrivateRoot => "mounting is not permitted here",
            Self::Overlay => {
                "the file systems of the folder, or of Stayhand's state, cannot be used for an overlay: choose another with \
                 --home, or run without --review"
            }
            _ => "",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserNamespace => "user namespace",
            Self::NotRoot => "not root",
            Self::MappedOwner => "mapped owner",
            Self::PrivateRoot => "private root",
            Self::PidNamespace => "pid namespace",
            Self::NetNamespace => "network namespace",
            Self::IpcNamespace => "ipc namespace",
            Self::UtsNamespace => "uts namespace",
            Self::CgroupNamespace => "cgroup namespace",
            Self::LandlockFiles => "Landlock for files",
            Self::LandlockTcp => "Landlock for TCP",
            Self::LandlockScopes => "Landlock for signals and abstract sockets",
            Self::SystemCalls => "filter of system calls",
            Self::KnownCalls => "known system calls only",
            Self::ProgramWatch => "program watch",
            Self::Overlay => "changes kept aside",
            Self::Egress => "way out through a proxy",
            Self::NoNewPrivileges => "no new privileges",
            Self::NoCapabilities => "no capabilities",
            Self::ResourceLimits => "resource limits",
            Self::ControlGroup => "control group",
            Self::EndsWithParent => "ends with its parent",
            Self::Bubblewrap => "bubblewrap",
        })
    }
}

/// Why nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}{why}", .mechanism.map(|found| format!("{found}: ")).unwrap_or_default())]
pub struct Failure {
    /// What could not be had. `None`: it was not for the boundary, but the program itself could not be started.
    pub mechanism: Option<Mechanism>,
    /// What went wrong.
    pub why: String,
}

impl Failure {
    /// A part of the boundary cannot be had.
    pub fn of(mechanism: Mechanism, why: impl fmt::Display) -> Self {
        Self { mechanism: Some(mechanism), why: why.to_string() }
    }

    /// The program cannot be started.
    pub fn other(why: impl fmt::Display) -> Self {
        Self { mechanism: None, why: why.to_string() }
    }

    /// What to do about it; empty where nothing is known.
    pub fn advice(&self) -> &'static str {
        self.mechanism.map_or("", Mechanism::advice)
    }
}

/// How a confined program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code, where it has one.
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    pub signal: Option<i32>,
    /// The most that one of its processes had in memory, in kibibytes.
    pub peak_kib: u64,
    /// Processor time of all of them, in microseconds.
    pub cpu_us: u64,
}
