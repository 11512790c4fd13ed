//! What the kernel says about this process. A mechanism counts as on once it was seen here.

use super::weaken::without;
use crate::receipt::{Failure, Mechanism};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;

/// Where the kernel says it. To be opened before that is forbidden, and read afterwards.
pub(super) fn own_status() -> Result<File, Failure> {
    File::open("/proc/self/status").map_err(|error| Failure::other(format!("/proc/self/status: {error}")))
}

/// The mechanisms of a process alone. An error where one of them is not on.
pub(super) fn proven(mut own_status: File) -> Result<Vec<Mechanism>, Failure> {
    let mut text = String::new();
    own_status.read_to_string(&mut text).map_err(Failure::other)?;
    let fields: HashMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once(':').map(|(key, value)| (key, value.trim())))
        .collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let is_zero = |name: &str| u64::from_str_radix(field(name), 16) == Ok(0);
    let ids = |name: &str| field(name).split_whitespace().map(str::parse::<u32>).collect::<Vec<_>>();
    // Without the right to drop it, the bounding set stays. With no new privileges nothing comes out of it.
    let capabilities = ["CapInh", "CapPrm", "CapEff", "CapAmb"].iter().all(|name| is_zero(name));
    let no_root = ["Uid", "Gid"].iter().all(|name| ids(name).len() == 4 && !ids(name).contains(&Ok(0)));
    let checks = [
        (Mechanism::NotRoot, no_root),
        (Mechanism::NoCapabilities, capabilities),
        (Mechanism::NoNewPrivileges, field("NoNewPrivs") == "1"),
        (Mechanism::SystemCalls, field("Seccomp") == "2"),
    ];
    match checks.iter().find(|(mechanism, is_on)| !is_on && !without(*mechanism)) {
        Some((mechanism, _)) => Err(Failure::of(*mechanism, "the kernel says that it is not on")),
        None => Ok(checks.iter().map(|(mechanism, _)| *mechanism).collect()),
    }
}
