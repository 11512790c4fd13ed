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
    let fields = fields(&text);
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let is_zero = |name: &str| u64::from_str_radix(field(name), 16) == Ok(0);
    let ids = |name: &str| field(name).split_whitespace().map(str::parse::<u32>).collect::<Vec<_>>();
    // Without the right to drop it, the bounding set stays. With no new privileges nothing comes out of it.
    let capabilities = ["CapInh", "CapPrm", "CapEff", "CapAmb"].iter().all(|name| is_zero(name));
    let no_root = ["Uid", "Gid"].iter().all(|name| ids(name).len() == 4 && !ids(name).contains(&Ok(0)));
    let all_filters = count_of_filters(&fields) == Some(own_status.filters.saturating_add(filters));
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
