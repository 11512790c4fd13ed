//! Paths by their text alone: made absolute, cleaned component by component, and placed.
//!
//! Links are not followed here; the runtime compares the resolved path as well. What cannot be
//! read without the world (another user's working folder, a variable, a descriptor's folder) is
//! opaque rather than guessed.

mod place;

use crate::Surroundings;
pub use place::{configuring_names, place_of};
use stayhand_core::facts::{Access, Aspect, Opaque, PathUse};
use std::borrow::Cow;

/// The longest path that is looked at, in bytes: Linux accepts none that is longer.
const MAX_BYTES: usize = 4096;

/// The longest name of one file, in bytes: no usual file system has longer ones. What is cut off to
/// fit, and where, depends on who reads it.
const MAX_NAME: usize = 255;

/// The use of the path `text`, in which `*`, `?` and `[…]` stand for any name that matches.
///
/// # Errors
/// What [`lexical`] cannot make absolute.
pub fn path_use(access: Access, text: &str, at: &Surroundings<'_>) -> Result<PathUse, Opaque> {
    let mut used = literal_use(access, text, at)?;
    if has_wildcard(&used.lexical) {
        used.glob = true;
        used.place = place::place_of_pattern(&used.lexical, at).or(used.place);
    }
    Ok(used)
}

/// The use of the path `text`, in which every character stands for itself.
///
/// # Errors
/// What [`lexical`] cannot make absolute.
pub fn literal_use(access: Access, text: &str, at: &Surroundings<'_>) -> Result<PathUse, Opaque> {
    let read = Read::of(text, at)?;
    let mut used = PathUse::new(access, read.lexical);
    used.place = place_of(&used.lexical, at);
    used.resolved = read.climbing;
    Ok(used)
}

/// The absolute path that `text` names: `.`, `..`, `//`, `~`, `$HOME` and the links of `/proc` to
/// the root and to the own working folder resolved, links not followed.
///
/// # Errors
/// Opaque in [`Aspect::Paths`] where the text alone does not say which path it is.
pub fn lexical(text: &str, at: &Surroundings<'_>) -> Result<String, Opaque> {
    Read::of(text, at).map(|read| read.lexical)
}

/// A path as its text says it.
struct Read {
    lexical: String,
    /// The absolute path with its `..` kept, where one follows a name: if that name is a link, the system climbs from
    /// where the link leads. Whoever follows links puts the real path in its place.
    climbing: Option<String>,
}

impl Read {
    fn of(text: &str, at: &Surroundings<'_>) -> Result<Self, Opaque> {
        check(text)?;
        let (folder, rest) = anchor(text, at)?;
        let mut lexical = String::with_capacity(folder.len() + rest.len() + 1);
        extend(&mut lexical, &folder, at)?;
        let climbs = extend(&mut lexical, rest, at)? || climbs_from_named(text, rest);
        if lexical.is_empty() {
            lexical.push('/');
        }
        let climbing = climbs.then(|| {
            let (folder, rest) = (folder.trim_end_matches('/'), rest.trim_start_matches('/'));
            let mut path = String::with_capacity(folder.len() + 1 + rest.len());
            path.push_str(folder);
            path.push('/');
            path.push_str(rest);
            path
        });
        Ok(Self { lexical, climbing })
    }
}

/// Whether the path climbs at once from a folder that it names by a variable or a user, as in `$HOME/..`: it may be a link.
fn climbs_from_named(text: &str, rest: &str) -> bool {
    let is_named = rest.len() < text.len() && !matches!(components(text).next(), Some("~"));
    is_named && components(rest).find(|part| !matches!(*part, "" | ".")) == Some("..")
}

/// What stands between separators.
fn components(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'/', text.as_bytes()).chain([text.len()]);
    ends.map(move |end| {
        let component = text.get(start..end).unwrap_or_default();
        start = end + 1;
        component
    })
}

/// `text` cleaned for patterns: no doubled, leading or trailing separators that say nothing, no
/// `.` and no `..` that its own text resolves, no stream name, and no dots or spaces at the end
/// of the last component. A relative path stays relative and `~` stays.
pub fn cleaned(text: &str) -> Cow<'_, str> {
    if is_clean(text) {
        return Cow::Borrowed(text);
    }
    let absolute = text.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "~")) => {
                parts.pop();
            }
            ".." if absolute => {}
            name => parts.push(name),
        }
    }
    if let Some(last) = parts.last_mut() {
        *last = without_decoration(last);
    }
    let joined = parts.join("/");
    Cow::Owned(if absolute { format!("/{joined}") } else { joined })
}

fn is_clean(text: &str) -> bool {
    !text.ends_with(['/', '.', ' '])
        && !text.contains("::$")
        && text.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."))
        && !text.starts_with("./")
}

/// What Windows opens for `name`: dots and spaces at the end and the default stream do not count.
fn without_decoration(name: &str) -> &str {
    if name == ".." {
        return name;
    }
    let stem = name.split_once("::$").map_or(name, |(stem, _)| stem);
    let trimmed = stem.trim_end_matches(['.', ' ']);
    if trimmed.is_empty() { name } else { trimmed }
}

fn check(text: &str) -> Result<(), Opaque> {
    if text.is_empty() {
        return Err(opaque("the path is empty"));
    }
    if text.len() > MAX_NAME && text.split('/').any(|name| name.len() > MAX_NAME) {
        return Err(opaque("a name in the path is longer than 255 bytes"));
    }
    if text.len() > MAX_BYTES {
        return Err(opaque("the path is longer than 4096 bytes"));
    }
    // All are looked at, so that many are at once.
    if text.bytes().fold(false, |found, byte| found | byte.is_ascii_control()) {
        return Err(opaque("the path holds control characters"));
    }
    if has_variable(text) {
        return Err(opaque("the path holds a variable"));
    }
    if text.starts_with(r"\\") || is_drive(text.as_bytes()) {
        return Err(opaque("the path is written for Windows"));
    }
    Ok(())
}

/// Whether `text` holds a variable other than a leading `$HOME` or `$PWD`. `$id.tsx`, in lower
/// case, is taken as the file name that web frameworks give it; `::$DATA` names a stream of Windows.
fn has_variable(text: &str) -> bool {
    if !text.contains('$') {
        return false;
    }
    let rest = leading_variable(text).map_or(text, |(_, rest)| rest);
    let begins = |c: char| c.is_ascii_uppercase() || matches!(c, '{' | '(' | '_');
    let parts = || rest.split('$');
    parts().zip(parts().skip(1)).any(|(before, after)| !before.ends_with("::") && after.starts_with(begins))
}

/// A leading variable with a known value, and what follows it.
fn leading_variable(text: &str) -> Option<(&'static str, &str)> {
    const KNOWN: [(&str, &str); 4] =
        [("HOME", "$HOME"), ("HOME", "${HOME}"), ("PWD", "$PWD"), ("PWD", "${PWD}")];
    KNOWN.into_iter().find_map(|(name, spelling)| {
        let rest = text.strip_prefix(spelling)?;
        (rest.is_empty() || rest.starts_with('/')).then_some((name, rest))
    })
}

fn is_drive(bytes: &[u8]) -> bool {
    matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

/// The folder that `text` starts from, and the rest of it.
fn anchor<'a>(text: &'a str, at: &Surroundings<'a>) -> Result<(Cow<'a, str>, &'a str), Opaque> {
    if text.starts_with('/') {
        return Ok((Cow::Borrowed(""), text));
    }
    if let Some((name, rest)) = leading_variable(text) {
        let folder = if name == "HOME" { at.home } else { at.cwd };
        return Ok((Cow::Borrowed(absolute(folder)?), rest));
    }
    match text.strip_prefix('~') {
        Some(rest) => of_tilde(text, rest, at),
        None => Ok((Cow::Borrowed(absolute(at.cwd)?), text)),
    }
}

fn of_tilde<'a>(
    text: &'a str,
    rest: &'a str,
    at: &Surroundings<'a>,
) -> Result<(Cow<'a, str>, &'a str), Opaque> {
    let (user, rest) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    match user {
        "" => Ok((Cow::Borrowed(absolute(at.home)?), rest)),
        "+" => Ok((Cow::Borrowed(absolute(at.cwd)?), rest)),
        "-" => Err(opaque("the previous folder is not known")),
        "root" => Ok((Cow::Borrowed("/root"), rest)),
        name if is_user_name(name) => Ok((home_of(name, at), rest)),
        _ => Ok((Cow::Borrowed(absolute(at.cwd)?), text)),
    }
}

fn is_user_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Where the home of `name` lies by custom: beside the own one.
fn home_of<'a>(name: &str, at: &Surroundings<'_>) -> Cow<'a, str> {
    let parent = at.home.rfind('/').map_or("", |slash| at.home.get(..slash).unwrap_or_default());
    let parent = if parent.is_empty() { "/home" } else { parent };
    Cow::Owned(format!("{parent}/{name}"))
}

fn absolute(folder: &str) -> Result<&str, Opaque> {
    if folder.starts_with('/') { Ok(folder) } else { Err(opaque("the folder it starts from is not known")) }
}

/// Appends the components of `text` to the absolute path `path` (the root is the empty text). The answer: whether a `..`
/// follows a name of `text`.
fn extend(path: &mut String, text: &str, at: &Surroundings<'_>) -> Result<bool, Opaque> {
    let (mut named, mut climbs) = (false, false);
    for component in components(text) {
        if matches!(component, "" | ".") {
            continue;
        }
        // Only `/proc` and `/dev` have links of their own.
        let special = path.starts_with("/proc") || path.starts_with("/dev");
        if special && is_descriptor(path) {
            return Err(opaque("the path leads through an open descriptor"));
        }
        if component == ".." {
            climbs |= named;
            path.truncate(path.rfind('/').unwrap_or(0));
            continue;
        }
        named = true;
        path.push('/');
        path.push_str(component);
        if special {
            follow_process_link(path, at)?;
        }
    }
    Ok(climbs)
}

/// `/dev/fd/3`, `/proc/self/fd/3`: where it leads is not known.
fn is_descriptor(path: &str) -> bool {
    path.starts_with("/dev/fd/") || process_entry(path).is_some_and(|(_, entry)| entry.starts_with("fd/"))
}

/// Replaces `/proc/…/root` by the root and `/proc/self/cwd` by the working folder.
fn follow_process_link(path: &mut String, at: &Surroundings<'_>) -> Result<(), Opaque> {
    match process_entry(path) {
        Some((_, "root")) => path.clear(),
        Some((true, "cwd")) if !at.cwd.starts_with("/proc/") => {
            path.clear();
            extend(path, absolute(at.cwd)?, at)?;
        }
        Some((_, "cwd")) => return Err(opaque("the working folder of another process is not known")),
        _ => {}
    }
    Ok(())
}

/// Splits `/proc/PROCESS/ENTRY` and `/proc/PROCESS/task/THREAD/ENTRY`: whether the process is the
/// own one, and the entry.
fn process_entry(path: &str) -> Option<(bool, &str)> {
    let (process, entry) = path.strip_prefix("/proc/")?.split_once('/')?;
    let own = matches!(process, "self" | "thread-self");
    if !own && !process.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match entry.strip_prefix("task/") {
        Some(thread) => thread.split_once('/').map(|(_, entry)| (own, entry)),
        None => Some((own, entry)),
    }
}

fn has_wildcard(path: &str) -> bool {
    let bytes = path.as_bytes();
    match memchr::memchr3(b'*', b'?', b'[', bytes) {
        Some(at) if bytes.get(at) == Some(&b'[') => {
            let rest = bytes.get(at..).unwrap_or_default();
            memchr::memchr3(b'*', b'?', b']', rest).is_some()
        }
        found => found.is_some(),
    }
}

pub(crate) fn opaque(why: &str) -> Opaque {
    Opaque { aspect: Aspect::Paths, why: why.to_owned() }
}

#[cfg(test)]
mod tests;
