//! Paths in arguments: where they lie, and what is done to them.

use super::{Arg, Certainty, Situation, remote};
use crate::{Surroundings, path};
use stayhand_core::facts::{Access, Aspect, Opaque, Operation, PathUse, Trait};

/// The longest path of a folder that is kept in mind.
const LONGEST_FOLDER: usize = 1024;
/// How far back a repeated use of a path is noticed.
const RECENT_PATHS: usize = 64;

/// Where relative paths start from.
#[derive(Clone, Copy)]
pub(crate) struct FolderUse<'s> {
    pub(crate) situation: &'s Situation<'s>,
    /// The possible folders; none = not known.
    pub(crate) folders: &'s [String],
}

/// Adds to what is not known about an operation, once.
pub(crate) fn note(operation: &mut Operation, aspect: Aspect, why: impl Into<String>) {
    let opaque = Opaque { aspect, why: why.into() };
    if !operation.opaque.contains(&opaque) {
        operation.opaque.push(opaque);
    }
}

/// Adds the use of a path, for every folder it may be relative to.
pub(crate) fn add_path(
    operation: &mut Operation,
    access: Access,
    arg: &Arg,
    recursive: bool,
    place: &FolderUse<'_>,
) {
    if arg.is_unknown() {
        return unknown_path(operation, access, arg, recursive, place);
    }
    let quoted;
    let mut text = arg.text.as_str();
    if text.is_empty() || is_harmless_device(text) {
        return;
    }
    if let Some(host) = text.strip_prefix("/dev/tcp/").or_else(|| text.strip_prefix("/dev/udp/")) {
        return remote::add_device_host(operation, host);
    }
    if text.starts_with('~') && !arg.tilde {
        quoted = format!("./{text}");
        text = &quoted;
    }
    let absolute = text.starts_with('/') || arg.tilde;
    if text.starts_with('/') && takes_a_detour(text) {
        operation.does.insert(Trait::Disguise);
    }
    if !absolute && place.folders.is_empty() {
        if !matches!(access, Access::Delete | Access::Execute) {
            return operation.does.insert(Trait::Indefinite);
        }
        return note(operation, Aspect::Paths, "the working folder is not known here");
    }
    let nowhere = [String::from("/")];
    let folders = if absolute { &nowhere } else { place.folders };
    for folder in folders {
        let at =
            Surroundings { cwd: folder, workspace: place.situation.workspace, home: place.situation.home };
        let found = match arg.certainty {
            Certainty::Pattern => path::path_use(access, text, &at),
            _ => path::literal_use(access, text, &at),
        };
        match found {
            Ok(found) => push_path(operation, PathUse { recursive, ..found }),
            Err(opaque) => note(operation, opaque.aspect, opaque.why),
        }
    }
}

/// A path of which at most the beginning is known. Confinement bounds what is read and
/// written; what is deleted is lost.
fn unknown_path(
    operation: &mut Operation,
    access: Access,
    arg: &Arg,
    recursive: bool,
    place: &FolderUse<'_>,
) {
    if matches!(access, Access::Delete | Access::Execute) {
        return note(operation, Aspect::Paths, "a path is not known before the command runs");
    }
    operation.does.insert(Trait::Indefinite);
    let named = arg.text.trim_start_matches(['/', '.', '~']);
    if !named.is_empty() {
        let likely = Arg { tilde: arg.tilde, ..Arg::pattern(format!("{}*", arg.text)) };
        add_path(operation, access, &likely, recursive, place);
    }
}

/// Whether an absolute path leaves the top folder that it begins in.
fn takes_a_detour(text: &str) -> bool {
    if !text.contains("/../") {
        return false;
    }
    let mut depth = 0u32;
    let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        depth = if part == ".." { depth.saturating_sub(1) } else { depth + 1 };
        if depth == 0 && parts.peek().is_some() {
            return true;
        }
    }
    false
}

fn push_path(operation: &mut Operation, found: PathUse) {
    if matches!(found.access, Access::Write | Access::Delete) && is_disk(&found.lexical) {
        operation.does.insert(Trait::DestroyDevice);
    }
    if !operation.paths.iter().rev().take(RECENT_PATHS).any(|known| *known == found) {
        operation.paths.push(found);
    }
}

/// Devices that take or give data without any effect on the machine, and files that the shell has open already.
fn is_harmless_device(path: &str) -> bool {
    const HARMLESS: [&str; 9] =
        ["null", "stdin", "stdout", "stderr", "tty", "zero", "full", "random", "urandom"];
    let descriptor = path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"));
    descriptor.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        || path.strip_prefix("/dev/").is_some_and(|name| HARMLESS.contains(&name))
}

/// Devices that hold file systems.
fn is_disk(path: &str) -> bool {
    const DISKS: [&str; 15] = [
        "sd", "hd", "nvme", "vd", "xvd", "mmcblk", "dm-", "disk", "mapper/", "md", "loop", "sr", "rdisk",
        "nbd", "ram",
    ];
    path.strip_prefix("/dev/").is_some_and(|name| DISKS.iter().any(|disk| name.starts_with(disk)))
}

/// The folders after changing to `arg` from `folders`; none = not known.
pub(crate) fn folders_after(folders: &[String], arg: &Arg, situation: &Situation<'_>) -> Vec<String> {
    let Some(text) = arg.known().filter(|text| !text.is_empty()) else { return Vec::new() };
    let absolute = [String::from("/")];
    let from = if text.starts_with('/') { &absolute } else { folders };
    let mut after: Vec<String> = Vec::new();
    for folder in from {
        let at = Surroundings { cwd: folder, workspace: situation.workspace, home: situation.home };
        match path::lexical(text, &at) {
            // Nobody works that deep; what a path is relative to is then not known.
            Ok(path) if path.len() > LONGEST_FOLDER => return Vec::new(),
            Ok(path) if !after.contains(&path) => after.push(path),
            Ok(_) => {}
            Err(_) => return Vec::new(),
        }
    }
    after
}
