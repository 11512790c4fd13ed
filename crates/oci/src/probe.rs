//! Reads inside of a container which parts of the boundary are in force: what an engine was asked for it may have left out.

use crate::profile::{CPU_PERIOD, HOST_NAME};
use stayhand_core::decision::Level;
use stayhand_sandbox::{Failure, Limits, Mechanism, Receipt};
use std::collections::BTreeMap;

/// Where the kernel says it, and for control groups of both kinds.
const PLACES: &[&str] = &[STATUS, MOUNTS, NETWORK, HOST, LIMITS, MACHINE];
const STATUS: &str = "/proc/self/status";
const MOUNTS: &str = "/proc/self/mounts";
const NETWORK: &str = "/proc/self/net/dev";
const HOST: &str = "/proc/sys/kernel/hostname";
const LIMITS: &str = "/proc/self/limits";
const MACHINE: &str = "/proc/meminfo";
const MEMORY: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
const SWAP: [&str; 2] =
    ["/sys/fs/cgroup/memory.swap.max", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"];
const PROCESSES: [&str; 2] = ["/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"];
const CPU: [&str; 2] = ["/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"];

/// The program that reads them: each line with the file that it is of.
pub(crate) fn argv() -> Vec<String> {
    let groups = [MEMORY, SWAP, PROCESSES, CPU].concat();
    ["grep", "-Hs", ""].iter().chain(PLACES).chain(&groups).map(|word| (*word).to_owned()).collect()
}

/// What the program said.
pub(crate) struct Seen(BTreeMap<String, Vec<String>>);

impl Seen {
    pub(crate) fn parse(said: &str) -> Self {
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (place, line) in said.lines().filter_map(|line| line.split_once(':')) {
            lines.entry(place.to_owned()).or_default().push(line.to_owned());
        }
        Self(lines)
    }

    fn lines(&self, place: &str) -> impl Iterator<Item = &str> {
        self.0.get(place).into_iter().flatten().map(String::as_str)
    }

    /// A field of the process's own status.
    fn status(&self, name: &str) -> Option<&str> {
        self.lines(STATUS).find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    }

    fn first(&self, places: &[&str]) -> Option<&str> {
        places.iter().find_map(|place| self.lines(place).next().map(str::trim))
    }

    /// The first field of a limit of the control group.
    fn limit(&self, places: &[&str]) -> Option<u64> {
        self.first(places)?.split_whitespace().next()?.parse().ok()
    }

    /// The options of what is mounted at `target`, the last one that was.
    fn mount(&self, target: &str) -> Option<Vec<&str>> {
        let fields = |line: &str| line.split(' ').nth(1) == Some(target);
        let line = self.lines(MOUNTS).filter(|line| fields(line)).last()?;
        Some(line.split(' ').nth(3)?.split(',').collect())
    }

    /// The hard limit on open files.
    fn open_files(&self) -> Option<u64> {
        let line = self.lines(LIMITS).find_map(|line| line.strip_prefix("Max open files"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Everything that makes up the boundary, each after it was seen. The error: the first part that was not.
    pub(crate) fn receipt(&self, user: (u32, u32), limits: &Limits) -> Result<Receipt, Failure> {
        let is = |name: &str, value: &str| self.status(name) == Some(value);
        let all = |name: &str, id: u32| {
            self.status(name).is_some_and(|ids| ids.split_whitespace().all(|found| found == id.to_string()))
        };
        let nothing =
            |name: &str| self.status(name).is_some_and(|set| set.bytes().all(|digit| digit == b'0'));
        let mut devices =
            self.lines(NETWORK).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
        let is_read_only = |target: &str| self.mount(target).is_some_and(|options| options.contains(&"ro"));
        let own = limits.own_bytes >> 10;
        let sizes_hold = || self.lines(MOUNTS).all(|line| size_holds(line, own));
        let parts = [
            (Mechanism::NotRoot, user.0 != 0 && all("Uid", user.0) && all("Gid", user.1)),
            (Mechanism::PrivateRoot, is_read_only("/") && self.mount("/tmp").is_some() && sizes_hold()),
            (Mechanism::PidNamespace, is("Pid", "1")),
            (Mechanism::NetNamespace, self.0.contains_key(NETWORK) && devices.all(|name| name == "lo")),
            (Mechanism::UtsNamespace, self.first(&[HOST]) == Some(HOST_NAME)),
            (Mechanism::SystemCalls, is("Seccomp", "2")),
            (Mechanism::NoNewPrivileges, is("NoNewPrivs", "1")),
            (
                Mechanism::NoCapabilities,
                ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].into_iter().all(nothing),
            ),
            (Mechanism::ResourceLimits, self.open_files().is_some_and(|most| most <= limits.open_files)),
            (Mechanism::ControlGroup, self.group_keeps(limits)),
        ];
        for (mechanism, seen) in parts {
            if !seen {
                let why = format!("{mechanism}: the container engine was asked for it, and it is not there");
                return Err(Failure::other(why));
            }
        }
        let mechanisms = parts.into_iter().map(|(mechanism, _)| mechanism).collect();
        Ok(Receipt { level: Level::Oci, mechanisms, without: Vec::new() })
    }

    fn group_keeps(&self, limits: &Limits) -> bool {
        let keeps = |places: &[&str], most: Option<u64>| {
            most.is_none_or(|most| self.limit(places).is_some_and(|limit| limit <= most))
        };
        // Of the second kind swap is counted apart; of the first one, with memory. Where nobody counts it there may be none.
        let has_none = || {
            let total = self.lines(MACHINE).find_map(|line| line.strip_prefix("SwapTotal:"));
            total.is_some_and(|total| total.trim() == "0 kB")
        };
        let swap = match self.first(&SWAP) {
            Some(_) => keeps(&SWAP, limits.memory_bytes),
            None => limits.memory_bytes.is_none() || has_none(),
        };
        let cpu = limits.cpu_percent.map(|percent| percent.saturating_mul(CPU_PERIOD.unsigned_abs() / 100));
        swap && keeps(&MEMORY, limits.memory_bytes)
            && keeps(&PROCESSES, Some(limits.processes))
            && keeps(&CPU, cpu)
    }
}

/// Whether a mount in memory that can be written has a size of no more than so many kibibytes.
fn size_holds(line: &str, most: u64) -> bool {
    let mut fields = line.split(' ').skip(2);
    let (Some(kind), Some(options)) = (fields.next(), fields.next()) else { return false };
    let mut options = options.split(',');
    if kind != "tmpfs" || !options.clone().any(|option| option == "rw") {
        return true;
    }
    let size =
        options.find_map(|option| option.strip_prefix("size=")?.strip_suffix('k')?.parse::<u64>().ok());
    size.is_some_and(|size| size <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a container says in which everything is in force; control groups of the first kind.
    const ALL: &str = "/proc/self/status:Pid:\t1
/proc/self/status:Uid:\t65534\t65534\t65534\t65534
/proc/self/status:Gid:\t65534\t65534\t65534\t65534
/proc/self/status:CapInh:\t0000000000000000
/proc/self/status:CapPrm:\t0000000000000000
/proc/self/status:CapEff:\t0000000000000000
/proc/self/status:CapBnd:\t0000000000000000
/proc/self/status:CapAmb:\t0000000000000000
/proc/self/status:NoNewPrivs:\t1
/proc/self/status:Seccomp:\t2
/proc/self/mounts:overlay / overlay ro,relatime,lowerdir=/x 0 0
/proc/self/mounts:tmpfs /tmp tmpfs rw,nosuid,nodev,relatime,size=102400k 0 0
/proc/self/net/dev:Inter-|   Receive                            |  Transmit
/proc/self/net/dev:    lo:       0       0
/proc/sys/kernel/hostname:sandbox
/proc/self/limits:Max open files            1024                 4096                 files
/sys/fs/cgroup/memory/memory.limit_in_bytes:536870912
/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes:536870912
/sys/fs/cgroup/pids/pids.max:256
/sys/fs/cgroup/cpu/cpu.cfs_quota_us:100000
";

    const SECOND_KIND: &str = "/sys/fs/cgroup/memory.max:536870912
/sys/fs/cgroup/memory.swap.max:0
/sys/fs/cgroup/pids.max:256
/sys/fs/cgroup/cpu.max:100000 100000
";

    fn receipt(said: &str) -> Result<Receipt, Failure> {
        let limits = Limits {
            memory_bytes: Some(512 << 20),
            cpu_percent: Some(100),
            processes: 256,
            own_bytes: 100 << 20,
            ..Limits::default()
        };
        Seen::parse(said).receipt((65534, 65534), &limits)
    }

    #[test]
    fn everything_is_there() {
        let receipt = receipt(ALL).unwrap();
        assert_eq!((receipt.level, receipt.mechanisms.len()), (Level::Oci, 10));
        let (rest, _) = ALL.split_once("/sys/fs/cgroup").unwrap();
        assert!(self::receipt(&format!("{rest}{SECOND_KIND}")).is_ok());
    }

    /// Without any of its parts there is no boundary, and the part is named.
    #[test]
    fn a_part_is_missing() {
        for (there, instead, part) in [
            ("Uid:\t65534\t65534", "Uid:\t65534\t0", "not root"),
            ("Gid:\t65534", "Gid:\t0", "not root"),
            ("overlay ro,", "overlay rw,", "private root"),
            ("size=102400k", "size=204800k", "private root"),
            (",size=102400k", "", "private root"),
            ("tmpfs /tmp tmpfs", "tmpfs /run tmpfs", "private root"),
            ("Pid:\t1\n", "Pid:\t17\n", "pid namespace"),
            ("dev:    lo:", "dev:  eth0:", "network namespace"),
            ("hostname:sandbox", "hostname:host", "uts namespace"),
            ("Seccomp:\t2", "Seccomp:\t0", "filter of system calls"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "no new privileges"),
            ("CapBnd:\t0000000000000000", "CapBnd:\t00000000a80425fb", "no capabilities"),
            ("CapAmb:\t0000000000000000\n", "CapAm:\t\n", "no capabilities"),
            ("                4096 ", "               40960 ", "resource limits"),
            ("limit_in_bytes:536870912", "limit_in_bytes:9223372036854771712", "control group"),
            ("memsw.limit_in_bytes:536870912", "memsw.limit_in_bytes:1073741824", "control group"),
            ("pids.max:256", "pids.max:max", "control group"),
            ("quota_us:100000", "quota_us:-1", "control group"),
        ] {
            assert!(ALL.contains(there), "{there}");
            let failure = receipt(&ALL.replacen(there, instead, 1)).unwrap_err().to_string();
            assert!(failure.starts_with(part), "{there}: {failure}");
        }
        // Nobody counts swap, of which there is some, or none.
        let (memory, swap) =
            ("SwapTotal:             0 kB", "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes:536870912\n");
        let uncounted = ALL.replacen(swap, "", 1);
        assert!(receipt(&uncounted).is_err());
        assert!(receipt(&format!("{uncounted}{MACHINE}:{memory}\n")).is_ok());
        assert!(receipt(&format!("{uncounted}{MACHINE}:{}\n", memory.replace("  0 kB", "512 kB"))).is_err());
        // Nothing at all is said of one place.
        for place in [STATUS, MOUNTS, NETWORK, HOST, LIMITS, MEMORY[1], PROCESSES[1], CPU[1]] {
            let rest: String =
                ALL.lines().filter(|line| !line.starts_with(place)).map(|line| format!("{line}\n")).collect();
            assert!(receipt(&rest).is_err(), "{place}");
        }
    }
}
