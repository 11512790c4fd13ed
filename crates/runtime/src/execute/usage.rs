//! What the processes of a group and all that descend from its leader use, read from `/proc`: memory, processor time, open
//! files; and by how much the folder they work in grows. A process that has left the group and whose parent has ended is not
//! seen, unless it is confined: there the first process inside becomes its parent.

use super::growth::Growth;
use rustix::process::Pid;
use stayhand_core::decision::Resource;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// How often what is used is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// The share of a processor is that of at least so long: every program starts with all of one.
const CPU_SPAN: Duration = Duration::from_secs(1);

/// Which limits of resources this program can see to.
pub(super) const fn is_watched(resource: Resource) -> bool {
    matches!(resource, Resource::MemoryMb | Resource::CpuPercent | Resource::OpenFiles | Resource::DiskMb)
}

/// Watches a group of processes.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    group: Pid,
    limits: &'a [(Resource, u64)],
    growth: Option<Growth>,
    /// When the time of the processor was last read, and how much it was.
    cpu: (Instant, u64),
}

/// What one process uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    parent: i32,
    group: i32,
    /// Processor time, its own and that of children it has waited for, in clock ticks.
    ticks: u64,
    /// Resident pages.
    pages: u64,
}

impl<'a> Watched<'a> {
    /// Watches the group from now on. Without limits there is nothing to do.
    pub(super) fn new(
        group: Pid,
        limits: &'a [(Resource, u64)],
        growth: Option<Growth>,
        now: Instant,
    ) -> Option<Self> {
        (!limits.is_empty()).then_some(Self { group, limits, growth, cpu: (now, 0) })
    }

    /// The limit that is exceeded, if one is (A061, A121).
    pub(super) fn exceeded(&mut self, now: Instant) -> io::Result<Option<String>> {
        let processes = processes(self.group)?;
        for (resource, limit) in self.limits {
            let found = match resource {
                Resource::MemoryMb => memory(&processes, *limit),
                Resource::CpuPercent => self.processor(&processes, *limit, now),
                Resource::OpenFiles => open_files(&processes, *limit)?,
                Resource::DiskMb => match &mut self.growth {
                    Some(growth) => growth.exceeded(*limit, now),
                    None => return Err(io::Error::other("nobody watches the disk")),
                },
                Resource::NetworkMb | Resource::Operations | Resource::TotalTimeMs => {
                    return Err(io::Error::other(format!("nobody watches {resource:?}")));
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn processor(&mut self, processes: &[(i32, Process)], limit: u64, now: Instant) -> Option<String> {
        let (since, before) = self.cpu;
        let span = now.saturating_duration_since(since);
        if span < CPU_SPAN {
            return None;
        }
        let ticks = processes.iter().map(|(_, process)| process.ticks).sum();
        self.cpu = (now, ticks);
        let seconds = ticks.saturating_sub(before) as f64 / rustix::param::clock_ticks_per_second() as f64;
        let percent = seconds / span.as_secs_f64() * 100.0;
        let limit = limit as f64;
        (percent > limit).then(|| format!("CPU usage {percent:.1}% exceeds limit {limit:.1}%"))
    }
}

fn memory(processes: &[(i32, Process)], limit: u64) -> Option<String> {
    let pages: u64 = processes.iter().map(|(_, process)| process.pages).sum();
    let used = pages as f64 * rustix::param::page_size() as f64 / 1_048_576.0;
    let limit = limit as f64;
    (used > limit).then(|| format!("Memory usage {used:.2}MB exceeds limit {limit:.2}MB"))
}

fn open_files(processes: &[(i32, Process)], limit: u64) -> io::Result<Option<String>> {
    let mut open = 0;
    for (id, _) in processes {
        open += still(fs::read_dir(format!("/proc/{id}/fd")))?.map_or(0, Iterator::count) as u64;
    }
    Ok((open > limit).then(|| format!("Open files {open} exceeds limit {limit}")))
}

/// The processes of a group, and those that descend from them.
fn processes(group: Pid) -> io::Result<Vec<(i32, Process)>> {
    let mut others = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(text) = still(fs::read_to_string(format!("/proc/{id}/stat")))? else { continue };
        let process = parse(&text).ok_or_else(|| io::Error::other("`/proc` is not as expected"))?;
        others.push((id, process));
    }
    Ok(descending(others, group.as_raw_nonzero().get()))
}

fn descending(others: Vec<(i32, Process)>, group: i32) -> Vec<(i32, Process)> {
    let (mut found, mut others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|(_, process)| process.group == group);
    loop {
        let known: BTreeSet<i32> = found.iter().map(|(id, _)| *id).collect();
        let (more, rest): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(_, process)| known.contains(&process.parent));
        if more.is_empty() {
            return found;
        }
        found.extend(more);
        others = rest;
    }
}

/// `None` where the process has ended meanwhile.
fn still<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // `ESRCH`: between opening and reading.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(None),
        other => other.map(Some),
    }
}

/// One line of `/proc/PID/stat`. The name in parentheses may hold anything, so what counts begins behind the last one.
fn parse(stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // Numbered from the state, the third field of the line.
    let number = |place: usize| fields.get(place - 3)?.parse::<u64>().ok();
    let ticks = number(14)? + number(15)? + number(16)? + number(17)?;
    let [parent, group] = [fields.get(1)?, fields.get(2)?].map(|field| field.parse().ok());
    Some(Process { parent: parent?, group: group?, ticks, pages: number(24)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_changes_nothing() {
        let numbers =
            "S 1 42 42 0 -1 4194304 100 200 0 0 7 5 3 1 20 0 1 0 100 1000000 250 18446744073709551615";
        let expected = Some(Process { parent: 1, group: 42, ticks: 16, pages: 250 });
        for name in ["bash", "a b", ") S 1 2 (", ""] {
            assert_eq!(parse(&format!("99 ({name}) {numbers}")), expected, "{name}");
        }
        for text in ["", "99 (bash", "99 (bash) S 1 x", "99 (bash) S 1 42"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    /// Whoever has left the group is still somebody's child.
    #[test]
    fn those_who_descend() {
        let process = |id, parent, group| (id, Process { parent, group, ticks: 0, pages: 0 });
        let all = vec![
            process(9, 8, 9),
            process(1, 0, 1),
            process(5, 1, 5),
            process(6, 5, 5),
            process(7, 6, 7),
            process(8, 7, 8),
            process(10, 1, 10),
        ];
        let mut found: Vec<i32> = descending(all, 5).into_iter().map(|(id, _)| id).collect();
        found.sort_unstable();
        assert_eq!(found, [5, 6, 7, 8, 9]);
    }
}
