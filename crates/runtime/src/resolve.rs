//! Follows the links of paths and looks up the addresses of names: what the pure analysis cannot.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use stayhand_analysis::{Surroundings, host, path};
use stayhand_core::facts::{AddressClass, Facts, HostUse, PathUse};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Fills in where paths lead. The work is bounded by the number of paths in the facts.
pub(crate) fn paths(facts: &mut Facts, at: Surroundings<'_>) {
    for used in facts.operations.iter_mut().flat_map(|op| &mut op.paths) {
        follow(used, at);
    }
}

fn follow(used: &mut PathUse, at: Surroundings<'_>) {
    let (fixed, open_end) = split_glob(used);
    let resolved = real_path(fixed).map(|real| format!("{}{open_end}", real.display()));
    used.resolved = None;
    let Some(resolved) = resolved else { return };
    if resolved != used.lexical {
        used.place = used.place.or_else(|| path::place_of(&resolved, &at));
        used.resolved = Some(resolved);
    }
}

/// The path up to its first wildcard component, and the rest.
fn split_glob(used: &PathUse) -> (&str, &str) {
    // The analysis leaves the path with its `..` here where links could give them another meaning.
    let path = used.resolved.as_deref().unwrap_or(&used.lexical);
    let first_wild = if used.glob { path.find(['*', '?', '[']) } else { None };
    let at = first_wild.and_then(|wild| path.get(..wild)?.rfind('/')).unwrap_or(path.len());
    path.split_at(at)
}

/// The path after following every link of its longest existing ancestor. `None` where it has none.
fn real_path(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    if text.is_empty() {
        return None;
    }
    if !text.contains("/..") && has_no_links(path) {
        return None;
    }
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        match std::fs::canonicalize(existing) {
            Ok(real) => return Some(missing.iter().rev().fold(real, |path, name| path.join(name))),
            Err(_) => {
                // A link to nowhere is followed by hand: what is created through it lands there.
                if let Ok(target) = std::fs::read_link(existing) {
                    let base = existing.parent().unwrap_or(existing);
                    let target = base.join(target);
                    return Some(missing.iter().rev().fold(target, |path, name| path.join(name)));
                }
                missing.push(existing.file_name()?);
                existing = existing.parent()?;
            }
        }
    }
}

/// One system call for the usual case: the path, or its nearest existing ancestor, has no links.
fn has_no_links(path: &Path) -> bool {
    let mut existing = path;
    loop {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        match rustix::fs::openat2(CWD, existing, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Ok(_) => return true,
            Err(rustix::io::Errno::NOENT) => match existing.parent() {
                Some(parent) => existing = parent,
                None => return true,
            },
            Err(_) => return false,
        }
    }
}

/// A host as decisions compare it, however it is written; `None` where it is written in no way that all read alike.
pub fn usual_host(text: &str) -> Option<String> {
    host::host_use(text).ok().map(|used| used.host)
}

/// Whoever knows the addresses of names.
#[derive(Clone)]
pub struct Resolver(Arc<LookUp>);

/// From a name to its addresses.
type LookUp = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

impl Default for Resolver {
    /// The one of this machine.
    fn default() -> Self {
        Self::new(|name| {
            let found = (name, 0).to_socket_addrs();
            found.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
        })
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// Another one: the addresses of a name, none where there are none.
    pub fn new(look_up: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// Looks up every name, once. What a connection is pinned to later is what was judged here.
    pub(crate) fn fill_in(&self, facts: &mut Facts) {
        for used in facts.operations.iter_mut().flat_map(|op| &mut op.hosts) {
            if used.host.parse::<IpAddr>().is_err() {
                look_up(used, (self.0)(&used.host));
            }
        }
    }
}

/// A name without an address stays a name: connecting to it fails.
fn look_up(used: &mut HostUse, addresses: Vec<IpAddr>) {
    used.addresses = addresses;
    used.addresses.sort_unstable();
    used.addresses.dedup();
    let worst = used.addresses.iter().map(|address: &IpAddr| host::class_of(*address)).max();
    // What a name says of itself holds, wherever it leads.
    let of_name = (used.class != AddressClass::Name).then_some(used.class);
    used.class = of_name.max(worst).unwrap_or(AddressClass::Name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use stayhand_core::facts::Access;

    fn followed(folder: &Path, text: &str) -> (String, Option<String>) {
        let folder = folder.to_str().unwrap();
        let at = Surroundings { cwd: folder, workspace: folder, home: "/home/u" };
        let mut used = path::path_use(Access::Read, text, &at).unwrap();
        follow(&mut used, at);
        (used.lexical, used.resolved)
    }

    /// Bypasses 38, 39 and 42: links are followed, and `..` behind a link climbs from its target.
    #[test]
    fn bypass_42_dots_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir_all(real.join("elsewhere/deep")).unwrap();
        std::fs::create_dir_all(real.join("work")).unwrap();
        std::os::unix::fs::symlink(real.join("elsewhere/deep"), real.join("work/link")).unwrap();
        let work = real.join("work");
        let at = |rest: &str| Some(real.join(rest).display().to_string());

        assert_eq!(followed(&work, "link/../x"), (work.join("x").display().to_string(), at("elsewhere/x")));
        assert_eq!(followed(&work, "link/new").1, at("elsewhere/deep/new"));
        // Harmless neighbours: the same place by another spelling, and what does not exist yet.
        assert_eq!(followed(&work, "a/../x").1, None);
        assert_eq!(followed(&work, "x").1, None);
    }
}
