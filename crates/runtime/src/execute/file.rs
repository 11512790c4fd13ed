//! File operations through opens that follow no link: what is opened is what was judged.
//!
//! The path that was decided about is opened from the root, component by component in one system
//! call, with `RESOLVE_NO_SYMLINKS`: a link that appeared after the decision makes it fail.

use super::{Effected, Work, failed};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, openat2, unlinkat};
use rustix::io::Errno;
use stayhand_core::control::failure::failures::WRITE_DIFFERS;
use stayhand_core::event::Outcome;
use stayhand_core::facts::Access;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

type Done = (Outcome, Effected);

pub(super) fn read(work: &Work<'_>, cap: usize) -> Done {
    with(work, &[Access::Read], |path| {
        let file = open_file(path, OFlags::RDONLY, Mode::empty())?;
        if file.metadata().map_err(|error| error.to_string())?.is_dir() {
            return Err("it is a folder".to_owned());
        }
        let mut content = Vec::new();
        file.take(cap as u64).read_to_end(&mut content).map_err(|error| error.to_string())?;
        Ok(Effected::collect(&content, b""))
    })
}

pub(super) fn list(work: &Work<'_>) -> Done {
    with(work, &[Access::List, Access::Read], |path| {
        let folder = open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let entries = rustix::fs::Dir::read_from(&folder).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| error.to_string())?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                let mark = if entry.file_type().is_dir() { "/" } else { "" };
                names.push(format!("{name}{mark}\n"));
            }
        }
        names.sort_unstable();
        Ok(Effected::collect(names.concat().as_bytes(), b""))
    })
}

pub(super) fn write(work: &Work<'_>) -> Done {
    let Some(content) = work.text("content") else { return failed("`content` is missing") };
    with(work, &[Access::Write], |path| {
        make_folders(path)?;
        replace(path, content)?;
        Ok(Effected::default())
    })
}

pub(super) fn edit(work: &Work<'_>) -> Done {
    let edits = match edits(work) {
        Ok(edits) => edits,
        Err(error) => return failed(error),
    };
    with(work, &[Access::Write], |path| {
        let mut text = String::new();
        let mut file = open_file(path, OFlags::RDONLY, Mode::empty())?;
        file.read_to_string(&mut text).map_err(|error| error.to_string())?;
        for (old, new, all) in &edits {
            match text.matches(old.as_str()).count() {
                0 => return Err(format!("`{old}` does not occur")),
                1 => text = text.replacen(old.as_str(), new, 1),
                _ if *all => text = text.replace(old.as_str(), new),
                count => {
                    return Err(format!(
                        "`{old}` occurs {count} times; say `replace_all` or give more of it"
                    ));
                }
            }
        }
        replace(path, &text)?;
        Ok(Effected::default())
    })
}

/// The edits of a request: `old_string`, `new_string`, `replace_all`, or a list of these in `edits`.
fn edits(work: &Work<'_>) -> Result<Vec<(String, String, bool)>, String> {
    let one = |from: &serde_json::Map<String, serde_json::Value>| {
        let text = |key: &str| from.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let all = from.get("replace_all").and_then(serde_json::Value::as_bool).unwrap_or(false);
        match (text("old_string"), text("new_string")) {
            (Some(old), Some(new)) if !old.is_empty() => Ok((old, new, all)),
            _ => Err("an edit needs `old_string` (not empty) and `new_string`".to_owned()),
        }
    };
    let input = &work.request.resource.0;
    match input.get("edits").and_then(|edits| edits.as_array()) {
        Some(list) => list
            .iter()
            .map(|edit| edit.as_object().map_or_else(|| Err("an edit is an object".to_owned()), one))
            .collect(),
        None => Ok(vec![one(input)?]),
    }
}

pub(super) fn delete(work: &Work<'_>) -> Done {
    with(work, &[Access::Delete], |path| {
        let (folder, name) = folder_and_name(path)?;
        let folder = open(folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        match unlinkat(&folder, name, AtFlags::empty()) {
            // An empty folder may go; one with content is deleted entry by entry.
            Err(Errno::ISDIR) => unlinkat(&folder, name, AtFlags::REMOVEDIR),
            other => other,
        }
        .map_err(plain)?;
        Ok(Effected::default())
    })
}

/// Runs `act` on the one path the decision was about: its resolved form, where links led elsewhere.
fn with(work: &Work<'_>, accesses: &[Access], act: impl FnOnce(&Path) -> Result<Effected, String>) -> Done {
    let uses = work.facts.operations.iter().flat_map(|op| &op.paths);
    let Some(used) = uses.into_iter().find(|used| accesses.contains(&used.access)) else {
        return failed("the decision names no path");
    };
    let path = used.resolved.as_deref().unwrap_or(&used.lexical);
    match act(Path::new(path)) {
        Ok(effected) => (Outcome::Done, effected),
        Err(error) => failed(format!("{path}: {error}")),
    }
}

fn open(path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, String> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(rustix::fs::CWD, path, flags | OFlags::CLOEXEC, mode, resolve).map_err(plain)
}

fn open_file(path: &Path, flags: OFlags, mode: Mode) -> Result<File, String> {
    // Not blocking: a pipe or device in the place of a file must not hang. No terminal: opening
    // one must not make it ours.
    open(path, flags | OFlags::NONBLOCK | OFlags::NOCTTY, mode).map(File::from)
}

/// Writes the whole content through the opened file, after a look at what was opened.
fn replace(path: &Path, content: &str) -> Result<(), String> {
    let mut file = open_file(path, OFlags::WRONLY | OFlags::CREATE, Mode::from(0o644))?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if metadata.nlink() > 1 {
        return Err("it is a hard link: the same file has another name elsewhere".to_owned());
    }
    let written =
        file.set_len(0).and_then(|()| file.write_all(content.as_bytes())).and_then(|()| file.sync_all());
    written.map_err(|error| error.to_string())?;
    read_back(path, content)
}

/// What was written must be what is there (A266): another program may have written to the same file meanwhile.
fn read_back(path: &Path, content: &str) -> Result<(), String> {
    let mut there = Vec::with_capacity(content.len() + 1);
    let file = open_file(path, OFlags::RDONLY, Mode::empty())?;
    file.take(content.len() as u64 + 1).read_to_end(&mut there).map_err(|error| error.to_string())?;
    if there == content.as_bytes() { Ok(()) } else { Err(WRITE_DIFFERS.to_owned()) }
}

/// Makes the folders above a new file, one by one, through the folder before.
fn make_folders(path: &Path) -> Result<(), String> {
    let (folder, _) = folder_and_name(path)?;
    let mut missing = Vec::new();
    let mut existing = folder;
    let mut handle = loop {
        match open(existing, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()) {
            Ok(handle) => break handle,
            Err(error) => {
                let (parent, name) = folder_and_name(existing).map_err(|_| error)?;
                missing.push(name);
                existing = parent;
            }
        }
    };
    for name in missing.into_iter().rev() {
        match rustix::fs::mkdirat(&handle, name, Mode::from(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(plain(error)),
        }
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        handle = openat2(&handle, name, flags, Mode::empty(), resolve).map_err(plain)?;
    }
    Ok(())
}

fn folder_and_name(path: &Path) -> Result<(&Path, &std::ffi::OsStr), String> {
    path.parent().zip(path.file_name()).ok_or_else(|| "it has no name".to_owned())
}

fn plain(error: Errno) -> String {
    match error {
        Errno::LOOP => "a symbolic link has appeared since the decision".to_owned(),
        Errno::NOSYS => "this kernel has no openat2 (Linux 5.6 or newer is needed)".to_owned(),
        other => std::io::Error::from(other).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A266: a file that holds something else than what was written is noticed; the neighbour is what was written.
    #[test]
    fn a266_what_is_there_is_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("file");
        replace(&path, "content").unwrap();
        assert_eq!(read_back(&path, "content"), Ok(()));
        for other in ["conten", "contents", "Content", ""] {
            assert_eq!(read_back(&path, other), Err(WRITE_DIFFERS.to_owned()), "{other}");
        }
    }
}
