//! Limits on all processes of a run together: a control group of version 2, or one for each controller of version 1.

use crate::program_watch;
use crate::receipt::{Failure, Mechanism};
use crate::spec::Limits;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A group of its own. It is removed when this is dropped.
#[derive(Debug)]
pub struct ControlGroup {
    folders: Vec<PathBuf>,
    memory: PathBuf,
    /// What of each folder a process writes to, to enter.
    entrance: &'static str,
}

/// How groups are called: this, the starter's process, and a number.
const PREFIX: &str = "stayhand-";

/// The group below one that was given away by systemd, to which all move who are in that: a group that holds processes
/// hands nothing down.
const ASIDE: &str = "stayhand-aside";

/// The period over which a share of a processor is kept, in microseconds.
const PERIOD_US: u64 = 100_000;

/// Pauses before another try at removing a group double up to this. What is left then is removed by the next run.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A controller that must be there, with the file and the value of a limit.
type Wanted = (&'static str, Vec<(&'static str, String)>);

impl ControlGroup {
    /// Makes a group with these limits, if this process may.
    pub fn new(limits: &Limits) -> Result<Self, Failure> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let own = Own::read().map_err(|error| Failure::of(Mechanism::ControlGroup, error))?;
        let made = own.make_v2(&name, limits).or_else(|newer| {
            own.make_v1(&name, limits).map_err(|older| format!("version 2: {newer}; version 1: {older}"))
        });
        made.map_err(|why| Failure::of(Mechanism::ControlGroup, why))
    }

    /// Where a launcher enters it, and with it everything that it will start: what [`crate::Spec::entrances`] takes.
    pub fn entrances(&self) -> Vec<PathBuf> {
        self.folders.iter().map(|folder| folder.join(self.entrance)).collect()
    }

    /// The most memory that its processes had together, in bytes, where the kernel says so.
    pub fn peak_bytes(&self) -> Option<u64> {
        ["memory.peak", "memory.max_usage_in_bytes"].iter().find_map(|file| number(&self.memory.join(file)))
    }

    /// Whether one of its processes was ended because they had no memory left.
    pub fn ran_out_of_memory(&self) -> bool {
        let counted = |file, key: &str| {
            let text = fs::read_to_string(self.memory.join(file)).unwrap_or_default();
            let mut lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.any(|(name, count)| name == key && count.trim() != "0")
        };
        counted("memory.events", "oom_kill") || counted("memory.oom_control", "oom_kill")
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        for folder in &self.folders {
            // Its processes have been killed and may take a moment to be gone.
            let mut pause = Duration::from_micros(100);
            while pause < LONGEST_PAUSE
                && fs::remove_dir(folder).is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY))
            {
                std::thread::sleep(pause);
                pause *= 2;
            }
        }
    }
}

/// The groups that this process is in: the controllers, and the folder.
struct Own(Vec<(Vec<String>, PathBuf)>);

impl Own {
    fn read() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let groups = fs::read_to_string("/proc/self/cgroup")?;
        Ok(Self(groups.lines().filter_map(|line| folder_of(line, &mounts)).collect()))
    }

    fn with(&self, controller: &str) -> Option<&Path> {
        let has =
            |(controllers, _): &&(Vec<String>, PathBuf)| controllers.iter().any(|one| one == controller);
        self.0.iter().find(has).map(|(_, folder)| folder.as_path())
    }

    fn make_v2(&self, name: &str, limits: &Limits) -> Result<ControlGroup, String> {
        let own = self.with("").ok_or("there is none")?;
        let parent = if own.ends_with(ASIDE) { own.parent().unwrap_or(own) } else { own };
        // Only what the group above hands down can be limited here.
        let handed_down = parent.join("cgroup.subtree_control");
        let hand_down = || fs::write(&handed_down, "+memory +pids +cpu");
        let is_occupied = |error: io::Error| error.raw_os_error() == Some(libc::EBUSY);
        if hand_down().is_err_and(is_occupied) && is_given_away(parent) {
            step_aside(parent).map_err(|error| format!("{}: {error}", parent.join(ASIDE).display()))?;
            let _ = hand_down();
        }
        let found = fs::read_to_string(&handed_down).unwrap_or_default();
        for controller in ["memory", "pids", "cpu"] {
            if !found.split_whitespace().any(|one| one == controller) {
                return Err(format!("{} hands no {controller} down", parent.display()));
            }
        }
        let cpu = limits.cpu_percent.map(|percent| format!("{} {PERIOD_US}", percent * PERIOD_US / 100));
        let mut values = vec![("pids.max", limits.processes.to_string())];
        if let Some(bytes) = limits.memory_bytes {
            values.push(("memory.oom.group", "1".to_owned()));
            values.push(("memory.max", bytes.to_string()));
        }
        values.extend(cpu.map(|cpu| ("cpu.max", cpu)));
        let folder = make(parent, name, &values)?;
        let _ = fs::write(folder.join("memory.swap.max"), "0");
        Ok(ControlGroup { memory: folder.clone(), folders: vec![folder], entrance: "cgroup.procs" })
    }

    fn make_v1(&self, name: &str, limits: &Limits) -> Result<ControlGroup, String> {
        let memory = limits.memory_bytes.map(|bytes| ("memory.limit_in_bytes", bytes.to_string()));
        let mut wanted: Vec<Wanted> = vec![
            ("memory", memory.into_iter().collect()),
            ("pids", vec![("pids.max", limits.processes.to_string())]),
        ];
        if let Some(percent) = limits.cpu_percent {
            let quota = (percent * PERIOD_US / 100).to_string();
            wanted.push((
                "cpu",
                vec![("cpu.cfs_period_us", PERIOD_US.to_string()), ("cpu.cfs_quota_us", quota)],
            ));
        }
        // A thread that enters by itself, by `tasks`, waits for nobody. Whoever is put in by `cgroup.procs` waits until every
        // processor has been elsewhere once, which takes milliseconds.
        let mut group = ControlGroup { folders: Vec::new(), memory: PathBuf::new(), entrance: "tasks" };
        for (controller, values) in wanted {
            let parent = self.with(controller).ok_or_else(|| format!("there is no {controller}"))?;
            let folder = make(parent, name, &values)?;
            if let (Some(bytes), "memory") = (limits.memory_bytes, controller) {
                // Only where swap is counted; it has to follow the limit on memory.
                let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), bytes.to_string());
                group.memory.clone_from(&folder);
            }
            group.folders.push(folder);
        }
        Ok(group)
    }
}

/// Whether a group may be divided further: systemd says so of it (`Delegate=yes`), or, as the manager of a user says nothing, it
/// is the user's and nobody else is in it than this process and those that descend from it.
fn is_given_away(group: &Path) -> bool {
    let user = rustix::process::getuid();
    let is_own = !user.is_root()
        && group.metadata().is_ok_and(|group| group.uid() == user.as_raw())
        && fs::read_to_string(group.join("cgroup.procs"))
            .is_ok_and(|inside| inside.lines().all(|process| process.parse().is_ok_and(is_ours)));
    is_own
        || ["user.delegate", "trusted.delegate"].iter().any(|name| {
            let mut value = [0; 8];
            rustix::fs::getxattr(group, *name, &mut value[..])
                .is_ok_and(|length| value.get(..length) == Some(b"1".as_slice()))
        })
}

/// Whether a process is this one, descends from it, or has ended.
fn is_ours(process: u32) -> bool {
    let parent = |process: &u32| program_watch::parent(&Path::new("/proc").join(process.to_string()));
    let mut line = std::iter::successors(Some(process), parent);
    line.find(|one| *one <= 1 || *one == std::process::id()).is_none_or(|one| one > 1)
}

/// Moves every process of a group, this one among them, to one below it.
fn step_aside(group: &Path) -> io::Result<()> {
    let aside = group.join(ASIDE);
    match fs::create_dir(&aside) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Whoever is started by one that has not moved yet is moved with the next round.
    for _ in 0..16 {
        let inside = fs::read_to_string(group.join("cgroup.procs"))?;
        if inside.is_empty() {
            return Ok(());
        }
        for process in inside.lines() {
            match fs::write(aside.join("cgroup.procs"), process) {
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
        }
    }
    Err(io::Error::from_raw_os_error(libc::EBUSY))
}

/// Has this process, which has one thread, enter the groups that these files belong to.
pub(crate) fn enter(entrances: &[PathBuf]) -> Result<(), Failure> {
    let failed = |path: &Path, error: io::Error| {
        Failure::of(Mechanism::ControlGroup, format!("{}: {error}", path.display()))
    };
    entrances.iter().try_for_each(|path| fs::write(path, "0").map_err(|error| failed(path, error)))
}

/// Makes one folder with these values, after those that nobody uses any more are gone.
fn make(parent: &Path, name: &str, values: &[(&str, String)]) -> Result<PathBuf, String> {
    sweep(parent);
    let folder = parent.join(name);
    let said = |error: io::Error| format!("{}: {error}", folder.display());
    fs::create_dir(&folder).map_err(said)?;
    for (file, value) in values {
        if let Err(error) = fs::write(folder.join(file), value) {
            let _ = fs::remove_dir(&folder);
            return Err(format!("{file}: {error}"));
        }
    }
    Ok(folder)
}

/// Removes the groups of starters that were killed. One that still holds a process stays.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let starter = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if starter.is_some_and(|starter| !Path::new("/proc").join(starter).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The folder that a line of `/proc/self/cgroup` is about, with its controllers: one with an empty name for version 2.
fn folder_of(line: &str, mounts: &str) -> Option<(Vec<String>, PathBuf)> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, group) = (fields.next()?, fields.next()?);
    let controllers: Vec<String> = controllers.split(',').map(str::to_owned).collect();
    let mounted = mounts.lines().find_map(|mount| {
        let (place, kind) = mount.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, folder) = (place.next()?, place.next()?);
        let mut kind = kind.split(' ');
        let (name, options) = (kind.next()?, kind.nth(1)?);
        let is_it = match controllers.first().map(String::as_str) {
            Some("") => name == "cgroup2",
            Some(first) => name == "cgroup" && options.split(',').any(|option| option == first),
            None => false,
        };
        is_it.then(|| (root.to_owned(), PathBuf::from(folder)))
    });
    let (root, folder) = mounted?;
    let below = Path::new(group).strip_prefix(&root).ok()?;
    Some((controllers, folder.join(below)))
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_processes() {
        let own = std::process::id();
        assert!(is_ours(own));
        assert!(!is_ours(1));
        assert!(!is_ours(std::os::unix::process::parent_id()));
        // One that has ended: no process has such a number.
        assert!(is_ours(u32::MAX));
    }

    #[test]
    fn the_folders_of_groups() {
        let mounts = "30 1 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      31 1 0:27 /a /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                      32 1 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = |line| folder_of(line, mounts).map(|(names, folder)| (names.join("+"), folder));
        let expected = |names: &str, folder: &str| Some((names.to_owned(), PathBuf::from(folder)));
        assert_eq!(found("4:memory:/x/y"), expected("memory", "/sys/fs/cgroup/memory/x/y"));
        assert_eq!(found("1:cpu,cpuacct:/a/b"), expected("cpu+cpuacct", "/sys/fs/cgroup/cpu,cpuacct/b"));
        assert_eq!(found("0::/u"), expected("", "/sys/fs/cgroup/unified/u"));
        // A group above what is mounted cannot be reached.
        assert_eq!(found("1:cpu,cpuacct:/"), None);
        assert_eq!(found("9:pids:/"), None);
    }
}
