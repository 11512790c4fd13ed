//! Limits of each process, and the end of all capabilities.

use super::weaken::without;
use crate::receipt::{Failure, Mechanism};
use crate::spec::Spec;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities,
};
use stayhand_core::decision::Level;

/// Sets the limits of this process and of what it starts.
pub(super) fn set(spec: &Spec) -> Result<(), Failure> {
    if without(Mechanism::ResourceLimits) {
        return Ok(());
    }
    let limits = &spec.limits;
    let mut wanted = vec![
        (Resource::Core, 0),
        (Resource::Nofile, limits.open_files),
        (Resource::Fsize, limits.file_bytes),
    ];
    wanted.extend(limits.cpu_s.map(|seconds| (Resource::Cpu, seconds)));
    if spec.most >= Level::L2 {
        // Counted in the program's own user namespace. Without one it would count all that the user runs.
        wanted.push((Resource::Nproc, limits.processes));
    }
    if spec.most < Level::L3 {
        // Of the data, not of the address space, of which some programs reserve a lot and use little.
        wanted.extend(limits.memory_bytes.map(|bytes| (Resource::Data, bytes)));
    }
    for (resource, limit) in wanted {
        let hard = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
        let new = Rlimit { current: Some(hard), maximum: Some(hard) };
        setrlimit(resource, new).map_err(|error| {
            Failure::of(Mechanism::ResourceLimits, format!("{resource:?} of {hard}: {error}"))
        })?;
    }
    Ok(())
}

/// Capabilities have numbers below this.
const MOST_CAPABILITIES: u32 = 64;

/// Gives up every capability, now and for good.
pub(super) fn drop_capabilities() -> Result<(), Failure> {
    let failed = |error: Errno| Failure::of(Mechanism::NoCapabilities, error);
    clear_ambient_capability_set().map_err(failed)?;
    for number in 0..MOST_CAPABILITIES {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            // The kernel knows no such one; or without the right to drop it: then there is nothing to lose, and no new
            // privileges keeps it so.
            Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(failed)
}
