//! What the kernel says about this process. A mechanism counts as on once it was seen here.

use super::weaken::without;
use crate::receipt::{Failure, Mechanism};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};

/// Where the kernel says it.
pub(super) struct OwnStatus {
    file: File,
    /// The filters of system calls that were there before.
    filters: usize,
}

/// To be opened before that is forbidden, and read afterwards.
pub(super) fn own_status() -> Result<OwnStatus, Failure> {
    let failed = |error| Failure::other(format!("/proc/self/status: {error}"));
    let mut file = File::open("/proc/self/status").map_err(failed)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    let filters = count_of_filters(&fields(&text)).unwrap_or(0);
    Ok(OwnStatus { file, filters })
}

fn fields(text: &str) -> HashMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once(':').map(|(key, value)| (key, value.trim()))).collect()
}

fn count_of_filters(fields: &HashMap<&str, &str>) -> Option<usize> {
    fields.get("Seccomp_filters")?.parse().ok()
}

/// The mechanisms of a process alone, after so many filters of system calls were loaded. An error where one is not on.
pub(super) fn proven(mut own_status: OwnStatus, filters: usize) -> Result<Vec<Mechanism>, Failure> {
    let mut text = String::new();
    own_status.file.rewind().map_err(Failure::other)?;
    own_status.file.read_to_string(&mut text).map_err(Failure::other)?;
    judged(&text, own_status.filters.saturating_add(filters))
}

/// What a status says that is to name so many filters.
fn judged(status: &str, filters: usize) -> Result<Vec<Mechanism>, Failure> {
    let fields = fields(status);
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let is_zero = |name: &str| u64::from_str_radix(field(name), 16) == Ok(0);
    let ids = |name: &str| field(name).split_whitespace().map(str::parse::<u32>).collect::<Vec<_>>();
    // Without the right to drop it, the bounding set stays. With no new privileges nothing comes out of it.
    let capabilities = ["CapInh", "CapPrm", "CapEff", "CapAmb"].iter().all(|name| is_zero(name));
    let no_root = ["Uid", "Gid"].iter().all(|name| ids(name).len() == 4 && !ids(name).contains(&Ok(0)));
    let all_filters = count_of_filters(&fields) == Some(filters);
    let checks = [
        (Mechanism::NotRoot, no_root),
        (Mechanism::NoCapabilities, capabilities),
        (Mechanism::NoNewPrivileges, field("NoNewPrivs") == "1"),
        (Mechanism::SystemCalls, field("Seccomp") == "2" && all_filters),
    ];
    match checks.iter().find(|(mechanism, is_on)| !is_on && !without(*mechanism)) {
        Some((mechanism, _)) => Err(Failure::of(*mechanism, "the kernel says that it is not on")),
        None => Ok(checks.iter().map(|(mechanism, _)| *mechanism).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nCapInh:\t0000000000000000\n\
        CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n\
        NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n";

    #[test]
    fn each_part_is_looked_at() {
        assert_eq!(judged(ALL, 3).map(|found| found.len()), Ok(4));
        for (there, instead, part) in [
            ("Uid:\t1000\t1000", "Uid:\t1000\t0", Mechanism::NotRoot),
            ("Gid:\t1000", "Gid:\t0", Mechanism::NotRoot),
            ("Uid:", "Id:", Mechanism::NotRoot),
            ("CapEff:\t0", "CapEff:\t1", Mechanism::NoCapabilities),
            ("CapAmb", "Cap", Mechanism::NoCapabilities),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0", Mechanism::NoNewPrivileges),
            ("Seccomp:\t2", "Seccomp:\t0", Mechanism::SystemCalls),
            // One of the filters was not loaded, or the kernel does not say.
            ("Seccomp_filters:\t3", "Seccomp_filters:\t2", Mechanism::SystemCalls),
            ("Seccomp_filters", "filters", Mechanism::SystemCalls),
        ] {
            assert!(ALL.contains(there), "{there}");
            let failure = judged(&ALL.replacen(there, instead, 1), 3).map_err(|failure| failure.mechanism);
            assert_eq!(failure, Err(Some(part)), "{there}");
        }
    }
}
