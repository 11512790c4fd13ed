//! Whether the kernel has ended processes of a container for want of memory: engines do not always say so.

use std::path::Path;

/// Where memory is counted, in control groups of the first and of the second kind, and the file that counts.
const COUNTERS: [(&str, &str); 2] =
    [("/sys/fs/cgroup/memory", "memory.oom_control"), ("/sys/fs/cgroup", "memory.events")];

/// Where engines put the groups of their containers.
const PARENTS: &[&str] = &["", "docker", "libpod_parent", "machine.slice", "system.slice"];

/// Whether processes of this container were ended so. It can be seen only for as long as the group is there.
pub(crate) fn ran_out(container: &str) -> bool {
    let names = [
        container.to_owned(),
        format!("libpod-{container}"),
        format!("docker-{container}.scope"),
        format!("libpod-{container}.scope"),
    ];
    let ended = |root: &str, counter: &str| {
        let groups = PARENTS.iter().flat_map(|parent| names.iter().map(move |name| (*parent, name)));
        groups.into_iter().any(|(parent, name)| {
            let counts = std::fs::read_to_string(Path::new(root).join(parent).join(name).join(counter));
            counts.is_ok_and(|counts| kills(&counts) > 0)
        })
    };
    COUNTERS.iter().any(|(root, counter)| ended(root, counter))
}

fn kills(counts: &str) -> u64 {
    let count = counts.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::kills;

    #[test]
    fn counters() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), 1);
        assert_eq!(kills("low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 0\n"), 2);
        assert_eq!(kills("low 0\noom 2\noom_kill 0\n"), 0);
        assert_eq!(kills(""), 0);
    }
}
